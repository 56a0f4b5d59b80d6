//! Series that people change on both sides between two cycles (CONF-03, CONF-04, REC-07).

use lockstep::domain::code::Code;
use lockstep::sim::faults::{FarSide, FaultKind, FaultPlan, Scope};
use serde_json::json;

use crate::harness::{System, guid, id_of, two};
use crate::series_desk::{
    MASTERS, instance, instances, master, occurrence, rename, shown, subjects, weekly,
};

fn rename_event(system: &System, day: &str, subject: &str) {
    system.edit_event(0, &occurrence(system, 0, day), &json!({ "subject": subject }));
}

#[test]
fn conf_03_edits_of_different_occurrences_on_both_sides_both_survive() {
    // One renamed in Dynamics, another in Outlook, a third moved there: all is on both sides after one
    // pass, no conflict is told, and then it is quiet. The attendee learns once of the edit of Dynamics.
    let system = two();
    system.create(0, MASTERS, &weekly(&system, "Weekly", true));
    system.settled();
    rename(&system, "2026-12-08", "Row");
    rename_event(&system, "2026-12-15", "Item");
    let at =
        |hour: u32| json!({ "dateTime": format!("2026-12-22T{hour}:00:00"), "timeZone": "UTC" });
    let moved = occurrence(&system, 0, "2026-12-22");
    system.edit_event(0, &moved, &json!({ "start": at(14), "end": at(15) }));
    let mails = system.mails().len();
    system.settled();
    assert_eq!(subjects(&system)[..4], ["Weekly", "Row", "Item", "Weekly"]);
    assert_eq!(instance(&system, "2026-12-22")["scheduledstart"], "2026-12-22T14:00:00Z");
    assert_eq!(shown(&system, 0)[3].0, "2026-12-22T14:00");
    assert!(!system.codes().contains(&Code::ConflictResolved));
    assert_eq!(system.mails().len(), mails + 1);
    let writes = system.writes();
    system.advance(60);
    system.settled();
    assert_eq!((system.writes(), system.mails().len()), (writes, mails + 1));
}

#[test]
fn conf_03_only_the_occurrence_that_both_sides_edited_follows_the_organizers_calendar() {
    // Both rename one and each another: Outlook's name stands for the shared one, and it is told.
    let system = two();
    system.create(0, MASTERS, &weekly(&system, "Weekly", false));
    system.settled();
    rename(&system, "2026-12-08", "Row");
    rename(&system, "2026-12-15", "Lost");
    rename_event(&system, "2026-12-15", "Won");
    rename_event(&system, "2026-12-22", "Item");
    system.settle();
    assert!(system.codes().contains(&Code::ConflictResolved));
    system.settled();
    assert_eq!(subjects(&system)[..4], ["Weekly", "Row", "Won", "Item"]);
}

#[test]
fn conf_04_an_occurrence_deleted_on_one_side_and_edited_on_the_other_goes() {
    // Either way round it goes on both sides and the lost edit is told; a second edit survives.
    for in_dynamics in [true, false] {
        let system = two();
        system.create(0, MASTERS, &weekly(&system, "Weekly", false));
        system.settled();
        if in_dynamics {
            let gone = guid(&instance(&system, "2026-12-08"), "activityid");
            system.delete(0, "appointments", gone);
            rename_event(&system, "2026-12-08", "Lost");
            rename_event(&system, "2026-12-15", "Kept");
        } else {
            system.delete_event(0, &occurrence(&system, 0, "2026-12-08"));
            rename(&system, "2026-12-08", "Lost");
            rename(&system, "2026-12-15", "Kept");
        }
        system.settle();
        assert!(system.codes().contains(&Code::ConflictResolved), "{in_dynamics}");
        system.settled();
        assert_eq!(subjects(&system)[..2], ["Weekly", "Kept"], "{in_dynamics}");
        assert_eq!(instances(&system).len(), 9, "{in_dynamics}");
    }
}

#[test]
fn rec_07_a_pattern_changed_here_and_an_occurrence_edited_there_is_told() {
    // The pattern flows and ends what deviated from the old one, on either side; the edit that is lost
    // with it is told as a conflict.
    let system = two();
    let id = system.create(0, MASTERS, &weekly(&system, "Weekly", false));
    system.settled();
    system.update(0, MASTERS, id, &json!({ "interval": 2 }));
    rename_event(&system, "2026-12-15", "Lost");
    system.settle();
    assert!(system.codes().contains(&Code::ConflictResolved));
    system.settled();
    let event = system.events(0)[0].clone();
    assert_eq!(event["recurrence"]["pattern"]["interval"], 2);
    assert_eq!(subjects(&system)[..2], ["Weekly", "Weekly"]);
    let mut recurrence = event["recurrence"].clone();
    recurrence["pattern"]["interval"] = json!(1);
    system.edit_event(0, &id_of(&event), &json!({ "recurrence": recurrence }));
    rename(&system, "2026-12-15", "Lost");
    system.settle();
    assert!(system.codes().contains(&Code::ConflictResolved));
    system.settled();
    assert_eq!(master(&system)["interval"], 1);
    assert_eq!(subjects(&system)[..3], ["Weekly", "Weekly", "Weekly"]);
}

#[test]
fn conf_03_a_merge_of_which_one_half_failed_loses_no_edit() {
    // The writes to one side break, before or after they are done, and those to the other side succeed.
    // Another occurrence is edited before the next pass: all three are on both sides, without a conflict.
    for side in [FarSide::Dataverse, FarSide::Graph] {
        for kind in [FaultKind::ResetBefore, FaultKind::ResetAfterCommit] {
            let system = two();
            system.create(0, MASTERS, &weekly(&system, "Weekly", false));
            system.settled();
            rename(&system, "2026-12-08", "Row");
            rename_event(&system, "2026-12-15", "Item");
            let mut plan = FaultPlan::new(1);
            plan.add(kind.clone(), 1.0, Scope::Side(side).and(Scope::Writes)).times(100);
            system.organization().set_faults(plan);
            system.one_pass(0);
            assert!(!system.organization().faults().injected().is_empty(), "{side:?} {kind:?}");
            system.organization().set_faults(FaultPlan::none());
            rename_event(&system, "2026-12-22", "Later");
            system.settled();
            assert_eq!(
                subjects(&system)[..4],
                ["Weekly", "Row", "Item", "Later"],
                "{side:?} {kind:?}"
            );
            assert!(!system.codes().contains(&Code::ConflictResolved), "{side:?} {kind:?}");
        }
    }
}
