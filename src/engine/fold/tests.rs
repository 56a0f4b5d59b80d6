//! Tests of the fold: only what happened is remembered (INV-3).

mod agreed;
mod facts;
mod joined;
mod series;

use crate::domain::code::Code;
use crate::domain::field::{Field, Group, Value};
use crate::domain::ids::{GlobalId, Version};
use crate::domain::kind::Kind::{Appointment, Contact, Task};
use crate::domain::link::{Link, LinkState, Why};
use crate::domain::observation::Presence;
use crate::domain::plan::{Op, Outcome, Step};
use crate::domain::side::{PerSide, Side};
use crate::engine::fold::{LinkChange, fold};
use crate::engine::matching::Pairing;
use crate::engine::plan::Entry;
use crate::engine::stamp::stamp;
use crate::engine::testing::*;

fn entry(world: &World, pairing: Pairing) -> Entry {
    world.plan(vec![pairing]).entries.remove(0)
}

fn done(obs: &Obs, version: &str) -> Option<Outcome> {
    let mut observation = obs.0.clone();
    observation.version = Some(Version::new(version));
    Some(Outcome::Done(Some(Box::new(observation))))
}

fn exchange(outcome: Option<Outcome>) -> PerSide<Option<Outcome>> {
    PerSide { dynamics: None, exchange: outcome }
}

fn put(change: LinkChange) -> Link {
    let LinkChange::Put(link) = change else { panic!("not stored: {change:?}") };
    *link
}

/// A linked task whose row got another subject.
fn edited(world: &World) -> (Obs, Pairing) {
    let changed = row(Task).text(Field::Subject, "Other");
    let pairing = world.then(world.linked(&row(Task), &item(Task)), &changed);
    (changed, pairing)
}

#[test]
fn inv_3_a_failed_step_moves_no_agreement() {
    // Whatever failed, the link keeps its agreement, is unsettled and says why.
    for (outcome, code) in [
        (Outcome::Stale, Code::ChangedMeanwhile),
        (Outcome::Missing, Code::ChangedMeanwhile),
        (Outcome::Refused(Code::PrivilegeMissing), Code::PrivilegeMissing),
        (Outcome::Unknown, Code::ResultUnknown),
        (Outcome::NotSent, Code::PutOff),
    ] {
        let world = World::new();
        let (_, pairing) = edited(&world);
        let before = pairing.link.clone().unwrap();
        let entry = entry(&world, pairing);
        let link = put(fold(&entry, &exchange(Some(outcome)), &KEY, &world.context()));
        assert_eq!(link.agreed, before.agreed);
        assert!(link.is_unsettled() && link.state == LinkState::Agreed);
        let trouble = link.trouble.unwrap();
        assert_eq!(trouble.code, code);
        assert_eq!(trouble.attempts, u8::from(code != Code::PutOff), "not sent is no attempt");
    }
}

#[test]
fn conf_05_a_write_that_succeeded_is_agreed_with_its_version() {
    // The next pass sees our own write as unchanged.
    let world = World::new();
    let (changed, pairing) = edited(&world);
    let entry = entry(&world, pairing);
    let answer = item(Task).text(Field::Subject, "Other");
    let outcomes = exchange(done(&answer, "2"));
    let link = put(fold(&entry, &outcomes, &KEY, &world.context()));
    assert_eq!(link.version.exchange, Some(Version::new("2")));
    assert_eq!(link.trouble, None);
    let mut again = world.then(world.met(&changed, &answer), &changed);
    again.link = Some(link);
    assert!(silent(&world.decide(again)));
}

#[test]
fn conf_05_an_edit_that_slipped_in_is_seen_next_time() {
    // The answer holds another body than was read: only the written group is agreed from it.
    let world = World::new();
    let (_, pairing) = edited(&world);
    let entry = entry(&world, pairing);
    let answer = item(Task).text(Field::Subject, "Other").text(Field::Body, "slipped in");
    let link = put(fold(&entry, &exchange(done(&answer, "2")), &KEY, &world.context()));
    let differing = world.seen(&answer).prints.differing(&link.agreed.exchange);
    assert_eq!(differing, [Group::Body]);
}

#[test]
fn err_02_an_item_that_fails_too_often_is_parked() {
    // The last attempt parks the link; a success forgets the trouble.
    let world = World::with(|world| world.limits.item_attempts = 2);
    let (_, mut pairing) = edited(&world);
    let refused = || exchange(Some(Outcome::Refused(Code::WriteRefused)));
    let mut codes = Vec::new();
    for _ in 0..2 {
        let one = entry(&world, pairing.clone());
        let link = put(fold(&one, &refused(), &KEY, &world.context()));
        codes.push((link.trouble.unwrap().shown(), link.is_unsettled()));
        pairing.link = Some(link);
    }
    assert_eq!(codes, [(Code::WriteRefused, true), (Code::ItemParked, false)]);
    let parked = pairing.link.as_ref().and_then(|link| link.trouble).unwrap();
    assert_eq!(parked.code, Code::WriteRefused, "the cause is kept");
    let one = entry(&world, pairing);
    let answer = item(Task).text(Field::Subject, "Other");
    let link = put(fold(&one, &exchange(done(&answer, "2")), &KEY, &world.context()));
    assert_eq!(link.trouble, None);
}

#[test]
fn link_03_a_lost_create_keeps_its_marker_and_its_key() {
    // Until the create is confirmed the link stays "creating", and a repeat is the same request.
    let world = World::new();
    let pairing = world.alone(&row(Task));
    let first = entry(&world, pairing.clone());
    assert_eq!(first.link.state, LinkState::Creating(Side::Exchange));
    assert!(first.link.matched, "the exit from the filter must be seen after a crash");
    let link = put(fold(&first, &exchange(Some(Outcome::Unknown)), &KEY, &world.context()));
    assert!(link.state == LinkState::Creating(Side::Exchange) && link.is_unsettled());
    let later = World::with(|world| world.now = hours(1));
    let again = entry(&later, Pairing { link: Some(link), ..pairing });
    let key = |entry: &Entry| entry.steps.exchange.as_ref().map(|step| step.key);
    assert_eq!(key(&first), key(&again));
}

#[test]
fn appt_in_11_the_identity_is_stamped_on_the_row() {
    // After a create the row gets the event's identity; one that has it gets none.
    let world = World::new();
    let created = entry(&world, world.alone(&row(Appointment)));
    let answer = done(&item(Appointment).uid("u"), "2").unwrap();
    let step = stamp(&created, &answer).unwrap();
    assert!(matches!(&step.op, Op::Update { patch, .. }
        if patch == &[(Field::Uid, Some(Value::Text("u".to_owned())))]));
    let known = entry(&world, world.alone(&row(Appointment).uid("u")));
    assert_eq!(stamp(&known, &answer), None);
    assert_eq!(stamp(&created, &Outcome::Unknown), None);
}

#[test]
fn appt_in_11_a_stamp_that_failed_is_written_next_time_and_nothing_else() {
    // The create is agreed on both sides; only the identity is still owed to the row.
    let world = World::new();
    let created = entry(&world, world.alone(&row(Appointment)));
    let event = item(Appointment).uid("u").marked(row_guid(1));
    let outcomes = PerSide { dynamics: Some(Outcome::Stale), exchange: done(&event, "2") };
    let link = put(fold(&created, &outcomes, &KEY, &world.context()));
    assert!(link.state == LinkState::Agreed && link.is_unsettled());
    assert_eq!(link.uid, Some(GlobalId::new("u")));
    let mut next = world.met(&row(Appointment), &event);
    next.link = Some(link);
    let verdict = world.decide(next);
    assert!(verdict.writes.exchange.is_none());
    let uid = Some(Some(Value::Text("u".to_owned())));
    assert_eq!(writes(&verdict, Side::Dynamics, Field::Uid), uid);
    assert_eq!(patch(&verdict, Side::Dynamics).unwrap().len(), 1);
}

#[test]
fn inv_3_an_item_that_does_not_fit_keeps_the_edit_of_its_row() {
    // While the event's zone is unknown the row is edited; once it fits, the edit is carried.
    let world = World::new();
    let mut unfit = item(Appointment);
    unfit.0.unfit = Some(Code::TimeZoneUnknown);
    let changed = row(Appointment).text(Field::Subject, "Other");
    let linked = world.linked(&row(Appointment), &item(Appointment));
    let waiting = entry(&world, world.then(world.then(linked, &unfit), &changed));
    let link = put(fold(&waiting, &PerSide::default(), &KEY, &world.context()));
    assert_eq!(link.trouble.map(|it| it.code), Some(Code::TimeZoneUnknown));
    let mut fits = world.met(&changed, &item(Appointment));
    fits.link = Some(link);
    let verdict = world.decide(fits);
    assert!(writes(&verdict, Side::Exchange, Field::Subject).is_some());
}

#[test]
fn filt_05_an_exit_that_waits_is_not_forgotten() {
    // A row leaves while its item does not fit: the exit is judged when it fits again.
    let world = World::new();
    let mut unfit = item(Task);
    unfit.0.unfit = Some(Code::TimeZoneUnknown);
    let left = row(Task).presence(Presence::LeftFilter);
    let pairing = world.then(world.then(world.linked(&row(Task), &item(Task)), &unfit), &left);
    let link = put(fold(&entry(&world, pairing), &PerSide::default(), &KEY, &world.context()));
    assert!(link.matched);
    let mut fits = world.met(&left, &item(Task));
    fits.link = Some(link);
    assert!(deletes(&world.decide(fits), Side::Exchange));
}

#[test]
fn filt_04_a_delete_that_succeeded_or_was_needless_forgets_the_link() {
    // Gone already is what a delete wants; any other failure keeps the link.
    let world = World::new();
    let pairing = world.then(world.linked(&row(Task), &item(Task)), &row(Task).gone());
    let entry = entry(&world, pairing);
    for (outcome, dropped) in [
        (Outcome::Done(None), true),
        (Outcome::Missing, true),
        (Outcome::Stale, false),
        (Outcome::Unknown, false),
    ] {
        let change = fold(&entry, &exchange(Some(outcome)), &KEY, &world.context());
        assert_eq!(matches!(change, LinkChange::Drop(_)), dropped);
    }
}

#[test]
fn cont_05_the_owner_last_seen_is_remembered() {
    // A new owner is stored with the link; an unreadable row does not forget him.
    let world = World::new();
    let given = row(Contact).owned_by(SERVED);
    let pairing = world.then(world.linked(&row(Contact), &item(Contact)), &given);
    let link = put(fold(&entry(&world, pairing), &PerSide::default(), &KEY, &world.context()));
    assert_eq!(link.last_owner, Some(SERVED));
    let hidden = row(Contact).row_facts(|it| it.owner = None).presence(Presence::Unreadable);
    let pairing = linking(world.linked(&row(Contact), &item(Contact)), |link| link.matched = false);
    let link = put(fold(
        &entry(&world, world.then(pairing, &hidden)),
        &PerSide::default(),
        &KEY,
        &world.context(),
    ));
    assert_eq!((link.last_owner, link.state), (Some(ME), LinkState::Unlinked(Why::LeftFilter)));
}

#[test]
fn conf_05_a_link_that_is_what_it_was_is_not_stored_again() {
    // Seeing an unchanged pair costs no write.
    let world = World::new();
    let pairing = linking(world.linked(&row(Task), &item(Task)), |link| {
        link.uid = None;
    });
    let change = fold(&entry(&world, pairing), &PerSide::default(), &KEY, &world.context());
    assert_eq!(change, LinkChange::None);
}

/// A series of which one side renamed the twelfth and the other the thirteenth, and its plan.
fn crossing(world: &World) -> (Obs, Obs, Entry) {
    let (row, item) = (there(&[named(12, "Twelve")]), here(&[named(13, "Thirteen")]));
    let pairing = world.linked(&there(&[]), &here(&[]));
    let pairing = world.then(world.then(pairing, &row), &item);
    (row, item, entry(world, pairing))
}

fn occurrences(entry: &Entry, side: Side) -> Vec<chrono::NaiveDate> {
    let Some(Step { op: Op::Update { patch, .. }, .. }) = entry.steps.get(side) else {
        return Vec::new();
    };
    let lists = patch.iter().filter_map(|(_, value)| match value {
        Some(Value::Exceptions(list)) => Some(list.iter().map(|one| one.day)),
        _ => None,
    });
    lists.flatten().collect()
}

#[test]
fn conf_03_half_of_a_merge_of_occurrences_agrees_on_that_half() {
    // One write fails: the edit that it should have carried goes its way again, the other does not.
    for failed in Side::BOTH {
        let world = World::new();
        let (row, item, merge) = crossing(&world);
        let all = [named(12, "Twelve"), named(13, "Thirteen")];
        let (row, item, outcomes) = match failed {
            Side::Dynamics => {
                let answer = done(&here(&all), "2");
                let refused = Some(Outcome::Refused(Code::WriteRefused));
                (row, here(&all), PerSide { dynamics: refused, exchange: answer })
            }
            Side::Exchange => {
                let answer = done(&there(&all), "2");
                let refused = Some(Outcome::Refused(Code::WriteRefused));
                (there(&all), item, PerSide { dynamics: answer, exchange: refused })
            }
        };
        let link = put(fold(&merge, &outcomes, &KEY, &world.context()));
        let mut again = world.met(&row, &item);
        again.link = Some(link);
        let again = entry(&world, again);
        let lost = day(if failed == Side::Dynamics { 13 } else { 12 });
        assert_eq!(occurrences(&again, failed), [lost], "{failed:?}");
        assert_eq!(occurrences(&again, failed.other()), [], "{failed:?}");
        assert_eq!(again.verdict.decision.code, None);
    }
}

#[test]
fn conf_03_an_occurrence_edited_between_read_and_write_is_carried() {
    // The answer shows a second occurrence renamed: it is not agreed, and the pair is read again.
    let world = World::new();
    let row = there(&[named(12, "Twelve")]);
    let pairing = world.then(world.linked(&there(&[]), &here(&[])), &row);
    let first = entry(&world, pairing);
    let answer = here(&[named(12, "Twelve"), named(14, "Slipped in")]);
    let link = put(fold(&first, &exchange(done(&answer, "2")), &KEY, &world.context()));
    assert_eq!(link.trouble.map(|trouble| trouble.code), Some(Code::ChangedMeanwhile));
    let mut again = world.met(&row, &answer);
    again.link = Some(link);
    let again = entry(&world, again);
    assert_eq!(occurrences(&again, Side::Dynamics), [day(14)]);
    assert_eq!(occurrences(&again, Side::Exchange), []);
}

#[test]
fn rec_07_a_written_pattern_is_agreed_with_all_that_it_ended() {
    // The eleventh deviated and is no day of the new pattern: nothing of it is left to agree on.
    let world = World::new();
    let eleven = [named(11, "Eleven")];
    let row = there(&[]).set(Field::Recurrence, daily(2));
    let pairing = world.then(world.linked(&there(&eleven), &here(&eleven)), &row);
    let first = entry(&world, pairing);
    let answer = here(&[]).set(Field::Recurrence, daily(2));
    let link = put(fold(&first, &exchange(done(&answer, "2")), &KEY, &world.context()));
    assert_eq!((link.trouble, link.agreed.exchange.occurrences()), (None, &[][..]));
    let mut again = world.met(&row, &answer);
    again.link = Some(link);
    assert!(silent(&world.decide(again)));
}
