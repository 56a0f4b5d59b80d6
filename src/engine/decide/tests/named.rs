//! Decisions name the rule that chose the value, not only the one that lets it flow (promise 4).

use crate::domain::field::{Field, ShowAs, TodoStatus, Value};
use crate::domain::kind::Kind::{Appointment, Contact, Task};
use crate::domain::observation::Presence;
use crate::domain::rule::RuleId;
use crate::domain::side::Side::{Dynamics, Exchange};
use crate::engine::catalogue as rule;
use crate::engine::decide::Verdict;
use crate::engine::testing::*;

/// What an edit of one half of an agreed pair is decided by.
fn edited(half: &Obs) -> Verdict {
    let world = World::new();
    let kind = half.0.kind;
    world.decide(world.then(world.linked(&row(kind), &item(kind)), half))
}

/// Checks that each edit is decided by its rule first, and by none of the others.
fn decided_first(edits: &[(Obs, RuleId)]) {
    for (half, id) in edits {
        let verdict = edited(half);
        assert_eq!(verdict.decision.rules[0], *id, "{:?}", verdict.decision);
        let others = edits.iter().map(|(_, other)| other).filter(|other| *other != id);
        for other in others {
            assert!(!cites(&verdict, *other), "{other} of {:?}", verdict.decision);
        }
    }
}

#[test]
fn task_out_05_task_out_06_task_out_07_task_out_10_the_status_names_its_rule() {
    // Without percentage, closed, by percentage, by the actual end: each is another rule.
    decided_first(&[
        (row(Task).status(1, 5), rule::TASK_OUT_06),
        (row(Task).percent(40), rule::TASK_OUT_07),
        (row(Task).time(Field::ActualEnd, hours(-1)), rule::TASK_OUT_10),
    ]);
    let world = World::new();
    let verdict = world.decide(world.alone(&row(Task)));
    assert!(cites(&verdict, rule::TASK_OUT_05) && !cites(&verdict, rule::TASK_OUT_07));
}

#[test]
fn task_in_02_task_in_05_task_in_06_the_status_of_a_task_names_its_rule() {
    // Completed and the statuses by name; a task that was in progress and starts over.
    decided_first(&[
        (item(Task).todo(TodoStatus::Completed), rule::TASK_IN_05),
        (item(Task).todo(TodoStatus::WaitingOnOthers), rule::TASK_IN_06),
    ]);
    let world = World::new();
    let begun = world.linked(&row(Task).percent(40), &item(Task).todo(TodoStatus::InProgress));
    let verdict = world.decide(world.then(begun, &item(Task)));
    assert_eq!(verdict.decision.rules[0], rule::TASK_IN_02);
}

#[test]
fn task_out_02_task_out_03_task_out_04_a_due_date_names_its_rules() {
    // The due date, and whether and when it rings; the title alone names none of them.
    let due = edited(&row(Task).time(Field::Due, hours(60)));
    for id in [rule::TASK_OUT_04, rule::TASK_OUT_02, rule::TASK_OUT_03] {
        assert!(cites(&due, id), "{id}");
    }
    let late = edited(&row(Task).time(Field::Due, hours(-48)));
    assert!(cites(&late, rule::TASK_OUT_02) && !cites(&late, rule::TASK_OUT_03));
    let title = edited(&row(Task).text(Field::Subject, "Call again"));
    assert_eq!(title.decision.rules, [rule::FILT_03, rule::LINK_01]);
}

#[test]
fn appt_out_02_appt_out_03_cxl_03_the_status_of_a_row_names_its_rule() {
    // Completed, tentative and canceled rows show by three rules.
    decided_first(&[
        (row(Appointment).status(1, 3), rule::APPT_OUT_02),
        (row(Appointment).status(0, 2), rule::APPT_OUT_03),
        (row(Appointment).status(2, 4), rule::CXL_03),
    ]);
}

#[test]
fn appt_in_02_appt_in_04_the_status_of_an_event_names_its_rule() {
    // Free, and all that pairs by name.
    decided_first(&[
        (item(Appointment).shows(ShowAs::Free), rule::APPT_IN_02),
        (item(Appointment).shows(ShowAs::WorkingElsewhere), rule::APPT_IN_04),
    ]);
}

#[test]
fn appt_in_10_res_02_attendees_name_their_rules() {
    // Who is found by address is named so; an address of nobody only becomes a party.
    let known = edited(&item(Appointment).invites(&["served@contoso.test"]));
    let nobody = edited(&item(Appointment).invites(&["who@elsewhere.test"]));
    assert!(cites(&known, rule::APPT_IN_10) && cites(&nobody, rule::APPT_IN_10));
    assert!(cites(&known, rule::RES_02) && !cites(&nobody, rule::RES_02));
}

#[test]
fn fld_05_a_text_that_is_cut_names_its_rule() {
    // A subject of 201 characters is cut; one of 200 is not.
    for (length, cut) in [(200, false), (201, true)] {
        let verdict = edited(&item(Appointment).text(Field::Subject, &"x".repeat(length)));
        assert_eq!(cites(&verdict, rule::FLD_05), cut, "{length}");
    }
}

#[test]
fn addr_01_addr_02_addr_03_an_address_names_its_mode() {
    // One address by default, three by setting; a change of the name names neither.
    for (three, mode, other) in
        [(false, rule::ADDR_01, rule::ADDR_02), (true, rule::ADDR_02, rule::ADDR_01)]
    {
        let world = World::with(|world| world.policy.settings.three_addresses = three);
        let moved = row(Contact).text(Field::City1, "Bergen");
        let mut pairing = world.linked(&row(Contact), &item(Contact));
        pairing = linking(pairing, |link| link.three_addresses = three);
        let verdict = world.decide(world.then(pairing, &moved));
        assert!(cites(&verdict, mode) && cites(&verdict, rule::ADDR_03), "{verdict:?}");
        assert!(!cites(&verdict, other));
    }
    let named = edited(&row(Contact).text(Field::LastName, "Berg"));
    assert!(!cites(&named, rule::ADDR_03));
}

#[test]
fn cxl_07_org_06_cont_05_filt_07_deletes_name_what_they_were_judged_by() {
    // A logical delete, the item's organizer, the last known owner, the new owner.
    let world = World::new();
    let left = |obs: Obs| obs.presence(Presence::LeftFilter);
    let meeting = || world.linked(&row(Appointment), &item(Appointment));
    let logical = world.decide(world.then(meeting(), &left(row(Appointment))));
    let physical = world.decide(world.then(meeting(), &row(Appointment).gone()));
    assert!(deletes(&logical, Exchange) && deletes(&physical, Exchange));
    assert!(cites(&logical, rule::CXL_07) && !cites(&physical, rule::CXL_07));
    let guest = item(Appointment).item_facts(|facts| facts.is_organizer = false);
    let foreign = world.linked(&row(Appointment), &guest);
    let kept = world.decide(world.then(foreign, &row(Appointment).gone()));
    assert!(!deletes(&kept, Exchange) && cites(&kept, rule::ORG_06));
    let contact = || world.linked(&row(Contact), &item(Contact));
    let gone = world.decide(world.then(contact(), &row(Contact).gone()));
    assert!(cites(&gone, rule::CONT_05));
    let given = left(row(Contact).owned_by(SERVED));
    let given = world.decide(world.then(contact(), &given));
    assert!(deletes(&given, Exchange) && cites(&given, rule::FILT_07));
}

#[test]
fn appt_out_09_link_08_silence_and_marks_name_their_rules() {
    // A new version of a meeting with equal content mails nobody; an imported item gets its mark.
    let world = World::new();
    let (row, item) = (row(Appointment).invites(&["served@contoso.test"]), item(Appointment));
    let item = item.invites(&["served@contoso.test"]);
    let quiet = world.decide(world.linked(&row, &item));
    assert!(silent(&quiet) && cites(&quiet, rule::APPT_OUT_09));
    let imported = world.decide(world.alone(&item.clone().invites(&[])));
    assert!(creates(&imported, Dynamics) && cites(&imported, rule::LINK_08));
    let value = writes(&imported, Dynamics, Field::Subject);
    assert_eq!(value, Some(Some(Value::Text("Review".to_owned()))));
}
