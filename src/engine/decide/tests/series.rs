//! Series of which both sides changed something (CONF-03, CONF-04, REC-07), and whom a written
//! series mails (REC-03).

use chrono::NaiveDate;

use crate::domain::code::Code;
use crate::domain::field::{Field, Group, ShowAs, Value};
use crate::domain::fingerprint::Prints;
use crate::domain::link::{LinkState, Why};
use crate::domain::plan::{MailClass, Verb};
use crate::domain::policy::ConflictPolicy;
use crate::domain::recurrence::Exception;
use crate::domain::side::Side::{self, Dynamics, Exchange};
use crate::engine::catalogue as rule;
use crate::engine::decide::Verdict;
use crate::engine::matching::Pairing;
use crate::engine::testing::*;

/// The verdict on a pair that agreed on some exceptions and was changed on both sides.
fn both(world: &World, agreed: &[Exception], row: &Obs, item: &Obs) -> Verdict {
    let pairing = world.linked(&there(agreed), &here(agreed));
    world.decide(world.then(world.then(pairing, row), item))
}

/// The occurrences that are written to a side, with their new names; nothing for a deleted one.
fn written(verdict: &Verdict, side: Side) -> Vec<(NaiveDate, Option<String>)> {
    let Some(Some(Value::Exceptions(list))) = writes(verdict, side, Field::Exceptions) else {
        return Vec::new();
    };
    let name = |one: &Exception| match one.change.as_deref() {
        Some([(Field::Subject, Some(Value::Text(subject)))]) => Some(subject.clone()),
        Some(other) => panic!("{other:?}"),
        None => None,
    };
    list.iter().map(|one| (one.day, name(one))).collect()
}

fn to(number: u32, subject: &str) -> (NaiveDate, Option<String>) {
    (day(number), Some(subject.to_owned()))
}

#[test]
fn conf_03_edits_of_different_occurrences_cross() {
    // Each reaches the other side, one that went back to normal too; what nobody touched is not written.
    let world = World::new();
    let agreed = [named(11, "Eleven"), named(15, "Fifteen")];
    let [eleven, fifteen] = agreed.clone();
    let row = there(&[fifteen.clone(), named(12, "Twelve")]);
    let item = here(&[eleven, fifteen, named(13, "Thirteen")]);
    let verdict = both(&world, &agreed, &row, &item);
    assert_eq!(verdict.decision.verb, Verb::Merge);
    assert_eq!(written(&verdict, Exchange), [to(11, "Review"), to(12, "Twelve")]);
    assert_eq!(written(&verdict, Dynamics), [to(13, "Thirteen")]);
    assert!(!cites(&verdict, rule::CONF_03));
    assert_eq!(verdict.decision.code, None);
}

#[test]
fn conf_03_only_the_occurrence_that_both_changed_follows_the_policy() {
    // The organizer's calendar by default, the side that a tenant chose otherwise; the edits of other
    // occurrences cross all the same. Equal edits are no conflict.
    for (policy, winner) in [
        (ConflictPolicy::ByKind, Exchange),
        (ConflictPolicy::Dynamics, Dynamics),
        (ConflictPolicy::Exchange, Exchange),
    ] {
        let world = World::with(|world| world.policy.conflict = policy);
        let row = there(&[named(12, "Row"), named(14, "Same"), named(16, "Of the row")]);
        let item = here(&[named(12, "Item"), named(13, "Of the item"), named(14, "Same")]);
        let verdict = both(&world, &[], &row, &item);
        let [mut row, mut item] = [vec![to(13, "Of the item")], vec![to(16, "Of the row")]];
        match winner {
            Dynamics => item.insert(0, to(12, "Row")),
            Exchange => row.insert(0, to(12, "Item")),
        }
        assert_eq!(written(&verdict, Dynamics), row, "{policy:?}");
        assert_eq!(written(&verdict, Exchange), item, "{policy:?}");
        assert!(cites(&verdict, rule::CONF_03));
        assert_eq!(verdict.decision.code, Some(Code::ConflictResolved));
    }
    let same = [named(14, "Same")];
    assert!(silent(&both(&World::new(), &[], &there(&same), &here(&same))));
}

#[test]
fn conf_04_a_deleted_occurrence_outranks_its_edit_on_the_other_side() {
    // Deleted here and renamed there, either way round: it goes, and the lost edit is told.
    let world = World::new();
    for deleted in Side::BOTH {
        let (row, item) = match deleted {
            Dynamics => (there(&[gone(12)]), here(&[named(12, "Edited"), named(13, "Other")])),
            Exchange => (there(&[named(12, "Edited"), named(13, "Other")]), here(&[gone(12)])),
        };
        let verdict = both(&world, &[], &row, &item);
        assert_eq!(written(&verdict, deleted.other()), [(day(12), None)], "{deleted:?}");
        assert_eq!(written(&verdict, deleted), [to(13, "Other")], "{deleted:?}");
        assert!(cites(&verdict, rule::CONF_04) && !cites(&verdict, rule::CONF_03));
        assert_eq!(verdict.decision.code, Some(Code::ConflictResolved));
    }
}

#[test]
fn conf_04_an_occurrence_that_is_over_stays_and_nothing_gave_way() {
    // CXL-09: deleted in Exchange after it took place, renamed in Dynamics: no delete, so no conflict told.
    let world = World::with(|world| world.now = day(20).and_time(chrono::NaiveTime::MIN).and_utc());
    let verdict = both(&world, &[], &there(&[named(12, "Edited")]), &here(&[gone(12)]));
    assert!(written(&verdict, Dynamics).is_empty() && !cites(&verdict, rule::CONF_04));
    assert_eq!(verdict.decision.code.filter(|code| *code == Code::ConflictResolved), None);
}

#[test]
fn conf_03_an_edit_that_is_kept_from_the_guests_of_the_past_is_told_when_it_is_lost() {
    // APPT-OUT-06 holds the row's edit whatever the policy says; the item's replaces it.
    let world = World::with(|world| {
        world.now = day(20).and_time(chrono::NaiveTime::MIN).and_utc();
        world.policy.conflict = ConflictPolicy::Dynamics;
    });
    let guests = ["anna@fabrikam.test"];
    let [row, item] = [there, here].map(|of| of(&[]).invites(&guests));
    let pairing = world.linked(&row, &item);
    let row = there(&[named(12, "Row")]).invites(&guests);
    let item = here(&[named(12, "Item")]).invites(&guests);
    let verdict = world.decide(world.then(world.then(pairing, &row), &item));
    assert_eq!(written(&verdict, Dynamics), [to(12, "Item")]);
    assert!(written(&verdict, Exchange).is_empty() && cites(&verdict, rule::CONF_03));
}

#[test]
fn rec_07_a_pattern_outranks_occurrences_edited_on_the_other_side_and_says_so() {
    // A pattern that changes ends the deviations of the old one; an edit that is lost so is told. Without
    // such an edit nothing is told.
    let world = World::new();
    for moved in Side::BOTH {
        for lost in [true, false] {
            let agreed = [named(11, "Eleven")];
            let edited = [named(11, "Eleven"), named(12, "Twelve")];
            let kept = if lost { &edited[..] } else { &agreed[..] };
            let (row, item) = match moved {
                Dynamics => (there(&[]).set(Field::Recurrence, daily(2)), here(kept)),
                Exchange => (there(kept), here(&[]).set(Field::Recurrence, daily(2))),
            };
            let verdict = both(&world, &agreed, &row, &item);
            assert_eq!(
                writes(&verdict, moved.other(), Field::Recurrence),
                Some(Some(daily(2))),
                "{moved:?}"
            );
            assert!(patch(&verdict, moved).is_none(), "{moved:?}");
            assert_eq!(cites(&verdict, rule::CONF_03), lost, "{moved:?}");
            assert_eq!(verdict.decision.code, lost.then_some(Code::ConflictResolved));
        }
    }
}

#[test]
fn conf_03_a_link_of_an_older_program_decides_exceptions_as_one_value() {
    // It does not know which occurrences were agreed: the whole list follows the policy and is told.
    let world = World::new();
    let agreed = [named(11, "Eleven")];
    let pairing = world.linked(&there(&agreed), &here(&agreed));
    let pairing = linking(pairing, |link| {
        for side in Side::BOTH {
            let hash = link.agreed.get(side).get(Group::Exceptions);
            link.agreed.get_mut(side).set(Group::Exceptions, hash);
        }
    });
    let row = there(&[named(11, "Eleven"), named(12, "Row")]);
    let item = here(&[named(11, "Eleven"), named(13, "Item")]);
    let verdict = world.decide(world.then(world.then(pairing, &row), &item));
    assert_eq!(written(&verdict, Dynamics), [to(12, "Review"), to(13, "Item")]);
    assert!(cites(&verdict, rule::CONF_03) && patch(&verdict, Exchange).is_none());
}

#[test]
fn rec_07_a_pattern_brings_its_own_exceptions_and_equal_edits_are_no_conflict() {
    // Both renamed the twelfth, on which the new pattern falls, too. Alike: nothing is told. Otherwise the
    // name of the side that changed the pattern stands, whoever wins single occurrences.
    for name in ["Row", "Item"] {
        let world = World::new();
        let row = there(&[named(12, "Row")]).set(Field::Recurrence, daily(2));
        let verdict = both(&world, &[], &row, &here(&[named(12, name)]));
        assert_eq!(written(&verdict, Exchange), [to(12, "Row")], "{name}");
        assert!(patch(&verdict, Dynamics).is_none());
        assert_eq!(cites(&verdict, rule::CONF_03), name == "Item");
    }
}

#[test]
fn conf_03_an_occurrence_that_one_side_cannot_say_otherwise_is_no_conflict() {
    // Working elsewhere is free in Dynamics: both set it so, and neither is overwritten (APPT-IN-04).
    let world = World::new();
    let status = [(Field::State, 0), (Field::StatusReason, 1)];
    let free = status.map(|(field, number)| (field, Some(Value::Number(number)))).to_vec();
    let elsewhere = vec![(Field::ShowAs, Some(Value::ShowAs(ShowAs::WorkingElsewhere)))];
    let row = there(&[Exception { day: day(12), change: Some(free) }]);
    let item = here(&[Exception { day: day(12), change: Some(elsewhere) }]);
    assert!(silent(&both(&world, &[], &row, &item)));
}

#[test]
fn conf_03_series_that_meet_keep_the_exceptions_of_both() {
    // Nothing was agreed, or what was agreed has ended with the pair: what deviates on one side reaches the
    // other.
    let world = World::new();
    let row = there(&[named(11, "Eleven"), named(12, "Twelve")]);
    let item = here(&[named(13, "Thirteen")]);
    let met = world.met(&row, &item);
    let eleven = [named(11, "Eleven")];
    let parted = world.linked(&there(&eleven), &here(&eleven));
    let parted = in_state(parted, LinkState::Unlinked(Why::LeftFilter));
    let back = world.then(world.then(parted, &row), &item);
    for pairing in [met, back] {
        let verdict = world.decide(pairing);
        assert_eq!(written(&verdict, Exchange), [to(11, "Eleven"), to(12, "Twelve")]);
        assert_eq!(written(&verdict, Dynamics), [to(13, "Thirteen")]);
    }
}

#[test]
fn conf_03_an_occurrence_edited_after_a_create_without_an_answer_is_not_undone() {
    // What stands only where the series was made was edited there, and reaches the source; what the source
    // had is still to be written (REC-05).
    let world = World::new();
    let eleven = [named(11, "Eleven")];
    let edited = [named(13, "Thirteen")];
    for (made, row, item) in
        [(Exchange, there(&eleven), here(&edited)), (Dynamics, there(&edited), here(&eleven))]
    {
        let pairing = without_answer(&world, &eleven, made);
        let verdict = world.decide(world.then(world.then(pairing, &row), &item));
        assert_eq!(written(&verdict, made), [to(11, "Eleven")], "{made:?}");
        assert_eq!(written(&verdict, made.other()), [to(13, "Thirteen")], "{made:?}");
    }
}

/// A pair made on a side without an answer: only what its source held is known.
fn without_answer(world: &World, source: &[Exception], made: Side) -> Pairing {
    let pairing = world.linked(&there(source), &here(source));
    linking(in_state(pairing, LinkState::Creating(made)), |link| {
        *link.agreed.get_mut(made) = Prints::default();
    })
}

#[test]
fn conf_03_an_edit_of_an_occurrence_outranks_the_write_whose_answer_was_lost() {
    // The occurrence was named on its source, written, and edited again at its source before the answer
    // came: back to normal, or to another name. What was made holds the older words, so whatever side
    // the policy prefers, the edit reaches it and is not overwritten.
    for policy in [ConflictPolicy::ByKind, ConflictPolicy::Dynamics, ConflictPolicy::Exchange] {
        let world = World::with(|world| world.policy.conflict = policy);
        let first = [named(11, "First")];
        for made in Side::BOTH {
            for (edit, name) in [(vec![named(11, "Second")], "Second"), (vec![], "Review")] {
                let (row, item) = match made {
                    Exchange => (there(&edit), here(&first)),
                    Dynamics => (there(&first), here(&edit)),
                };
                let pairing = without_answer(&world, &first, made);
                let verdict = world.decide(world.then(world.then(pairing, &row), &item));
                let case = format!("{policy:?} {made:?} {name}");
                assert_eq!(written(&verdict, made), [to(11, name)], "{case}");
                assert!(written(&verdict, made.other()).is_empty(), "{case}");
                // What it replaces might be an edit, too.
                assert!(cites(&verdict, rule::CONF_03), "{case}");
            }
        }
    }
}

#[test]
fn conf_04_an_occurrence_deleted_after_a_create_without_an_answer_goes() {
    // It was named at its source and written; then it was deleted at its source, or where it was made
    // while it was renamed at its source: only a person deletes.
    let world = World::new();
    let first = [named(11, "First")];
    for made in Side::BOTH {
        for deleted in Side::BOTH {
            let other = if deleted == made { named(11, "Second") } else { named(11, "First") };
            let (row, item) = match deleted {
                Dynamics => (there(&[gone(11)]), here(&[other])),
                Exchange => (there(&[other]), here(&[gone(11)])),
            };
            let pairing = without_answer(&world, &first, made);
            let verdict = world.decide(world.then(world.then(pairing, &row), &item));
            let case = format!("{made:?} {deleted:?}");
            assert_eq!(written(&verdict, deleted.other()), [(day(11), None)], "{case}");
            assert!(written(&verdict, deleted).is_empty(), "{case}");
        }
    }
}

#[test]
fn appt_out_06_an_edit_of_the_past_is_held_and_not_overwritten_after_a_create_without_an_answer() {
    // The guests of the past are not mailed, and the row keeps its edit: what Exchange holds is our own
    // older write. What somebody edited there of another occurrence reaches the row.
    let world = World::with(|world| {
        world.now = day(20).and_time(chrono::NaiveTime::MIN).and_utc();
    });
    let guests = ["anna@fabrikam.test"];
    let first = [named(12, "First")];
    let [row, item] = [there, here].map(|of| of(&first).invites(&guests));
    let pairing = world.linked(&row, &item);
    let pairing = linking(in_state(pairing, LinkState::Creating(Exchange)), |link| {
        link.agreed.exchange = Prints::default();
    });
    let row = there(&[named(12, "Second")]).invites(&guests);
    let item = here(&[named(12, "First"), named(25, "Item")]).invites(&guests);
    let verdict = world.decide(world.then(world.then(pairing, &row), &item));
    assert_eq!(written(&verdict, Dynamics), [to(25, "Item")]);
    assert!(written(&verdict, Exchange).is_empty());
    assert_eq!(verdict.decision.code, Some(Code::PastMeetingHeld));
}

#[test]
fn rec_03_each_write_to_a_series_or_an_occurrence_mails_its_attendees_once() {
    // Three attendees: two occurrences are two mails each, with the series itself three, the series
    // alone one. Without attendees nobody is mailed.
    let guests = ["served@contoso.test", "unserved@contoso.test", "anna@fabrikam.test"];
    let two = [named(12, "Twelve"), named(13, "Thirteen")];
    for (list, placed, mails) in [(&two[..], false, 6), (&two[..], true, 9), (&two[..0], true, 3)] {
        for invited in [true, false] {
            let world = World::new();
            let with = |one: Obs| if invited { one.invites(&guests) } else { one };
            let pairing = world.linked(&with(there(&[])), &with(here(&[])));
            let row = with(there(list));
            let row = if placed { row.text(Field::Location, "Room 4") } else { row };
            let verdict = world.decide(world.then(pairing, &row));
            let wanted = if invited { MailClass::Mails(mails) } else { MailClass::Silent };
            assert_eq!(mail(&verdict), Some(wanted), "{mails} {invited}");
        }
    }
}

#[test]
fn rec_03_an_occurrence_with_guests_of_its_own_mails_these() {
    // Two guests of the twelfth, nobody of the series: a write to the twelfth mails two, one to the
    // thirteenth nobody. Three of the series: the thirteenth mails three.
    let guests = ["served@contoso.test", "unserved@contoso.test", "anna@fabrikam.test"];
    for (invited, list, mails) in [
        (&[][..], vec![named(12, "Twelve"), named(13, "Thirteen")], MailClass::Mails(2)),
        (&[][..], vec![named(13, "Thirteen")], MailClass::Silent),
        (&guests[..], vec![named(12, "Twelve"), named(13, "Thirteen")], MailClass::Mails(5)),
    ] {
        let world = World::new();
        let with = |one: Obs| if invited.is_empty() { one } else { one.invites(invited) };
        let item = with(here(&[])).item_facts(|facts| facts.guests = vec![(day(12), others(2))]);
        let pairing = world.linked(&with(there(&[])), &item);
        let verdict = world.decide(world.then(pairing, &with(there(&list))));
        assert_eq!(mail(&verdict), Some(mails), "{list:?}");
    }
}

#[test]
fn appt_out_06_an_occurrence_that_is_over_is_not_written_to_its_own_guests() {
    // On the twentieth: the twelfth has guests and is held, the thirteenth has none and is written; an
    // organization that updates past meetings writes both.
    for said in [false, true] {
        let world = World::with(|world| {
            world.now = day(20).and_time(chrono::NaiveTime::MIN).and_utc();
            world.policy.settings.update_past = said;
        });
        let item = here(&[])
            .item_facts(|facts| facts.guests = vec![(day(12), others(2)), (day(13), others(0))]);
        let pairing = world.linked(&there(&[]), &item);
        let row = there(&[named(12, "Twelve"), named(13, "Thirteen")]);
        let verdict = world.decide(world.then(pairing, &row));
        let all = [to(12, "Twelve"), to(13, "Thirteen")];
        assert_eq!(written(&verdict, Exchange), if said { &all[..] } else { &all[1..] });
        assert_eq!(verdict.decision.code, (!said).then_some(Code::PastMeetingHeld));
        assert_eq!(cites(&verdict, rule::APPT_OUT_06), !said);
    }
}

/// An occurrence that was moved to noon of another day, and perhaps renamed.
fn moved(number: u32, to: u32, subject: Option<&str>) -> Exception {
    let noon = |hour: u32| day(to).and_hms_opt(hour, 0, 0).unwrap().and_utc();
    let times = [(Field::Start, noon(12)), (Field::End, noon(13))];
    let mut change: Vec<_> =
        times.map(|(field, time)| (field, Some(Value::Time(time)))).into_iter().collect();
    change.extend(subject.map(|it| (Field::Subject, Some(Value::Text(it.to_owned())))));
    Exception { day: day(number), change: Some(change) }
}

#[test]
fn appt_out_06_an_occurrence_is_over_when_it_took_place_not_on_the_day_of_the_pattern() {
    // On the twentieth. Moved from the twelfth to the twenty-fifth it lies ahead: it is renamed, its guests
    // hear of it, and deleted it goes. Moved from the twenty-fifth to the fifteenth it is over: its guests
    // hear nothing, and deleted it stays. So for guests of the series and for guests of its own.
    let world = World::with(|world| world.now = day(20).and_time(chrono::NaiveTime::MIN).and_utc());
    for (number, at, ahead) in [(12, 25, true), (25, 15, false)] {
        for own in [true, false] {
            let with = |one: Obs| if own { one } else { one.invites(&["anna@fabrikam.test"]) };
            let agreed = [moved(number, at, None)];
            let item = with(here(&agreed)).item_facts(|facts| {
                facts.guests = if own { vec![(day(number), others(2))] } else { Vec::new() };
            });
            let pairing = || world.linked(&with(there(&agreed)), &item);
            let case = format!("{number} {own}");
            let renamed = with(there(&[moved(number, at, Some("New"))]));
            let verdict = world.decide(world.then(pairing(), &renamed));
            let expected = if ahead { vec![to(number, "New")] } else { Vec::new() };
            assert_eq!(written(&verdict, Exchange), expected, "{case}");
            let code = (!ahead).then_some(Code::PastMeetingHeld);
            assert_eq!(verdict.decision.code, code, "{case}");
            assert_eq!(cites(&verdict, rule::APPT_OUT_06), !ahead, "{case}");
            let deleted = with(there(&[gone(number)]));
            let verdict = world.decide(world.then(pairing(), &deleted));
            let expected = if ahead { vec![(day(number), None)] } else { Vec::new() };
            assert_eq!(written(&verdict, Exchange), expected, "{case}");
        }
    }
}

#[test]
fn appt_out_06_an_occurrence_that_is_moved_into_the_past_mails_nobody() {
    // From the twenty-fifth to the fifteenth, on the twentieth: held. From the twelfth to the twenty-fifth
    // it comes back to the future, and its guests are told.
    let world = World::with(|world| world.now = day(20).and_time(chrono::NaiveTime::MIN).and_utc());
    for (number, at, mails) in [(25, 15, None), (12, 25, Some(MailClass::Mails(2)))] {
        for own in [true, false] {
            let guests = ["anna@fabrikam.test", "bert@fabrikam.test"];
            let with = |one: Obs| if own { one } else { one.invites(&guests) };
            let item = with(here(&[])).item_facts(|facts| {
                facts.guests = if own { vec![(day(number), others(2))] } else { Vec::new() };
            });
            let pairing = world.linked(&with(there(&[])), &item);
            let row = with(there(&[moved(number, at, None)]));
            let verdict = world.decide(world.then(pairing, &row));
            assert_eq!(mail(&verdict), mails, "{number} {own}");
            let held = verdict.decision.code == Some(Code::PastMeetingHeld);
            assert_eq!(held, mails.is_none(), "{number} {own}");
        }
    }
}

#[test]
fn appt_out_06_what_both_sides_say_of_the_past_in_their_own_words_is_not_held() {
    // The twelfth is over, has a guest, and shows as free: a state and its reason in Dynamics, a word in
    // Exchange. Another occurrence is renamed, and nothing is told of the twelfth.
    let world = World::with(|world| world.now = day(20).and_time(chrono::NaiveTime::MIN).and_utc());
    let status = [(Field::State, 0), (Field::StatusReason, 1)];
    let free = status.map(|(field, number)| (field, Some(Value::Number(number)))).to_vec();
    let shown = vec![(Field::ShowAs, Some(Value::ShowAs(ShowAs::Free)))];
    let free = Exception { day: day(12), change: Some(free) };
    let item = here(&[Exception { day: day(12), change: Some(shown) }]);
    let item = item.item_facts(|facts| facts.guests = vec![(day(12), others(1))]);
    let pairing = world.linked(&there(std::slice::from_ref(&free)), &item);
    let verdict = world.decide(world.then(pairing, &there(&[free, named(25, "New")])));
    assert_eq!(written(&verdict, Exchange), [to(25, "New")]);
    assert_eq!(verdict.decision.code, None);
}
