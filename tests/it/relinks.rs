//! Relink through the whole system: a lost store comes back from the markers.

use lockstep::app::operate::relink::relink;
use lockstep::cycle::Relinked;
use lockstep::domain::code::Code;
use serde_json::json;

use crate::harness::{CATEGORY, System, guid, id_of, tracked_event, two};
use crate::plans::plan;
use crate::series_desk::{MASTERS, instance, weekly};

fn relinked(system: &System) -> Vec<Relinked> {
    let mailboxes = system.enrol();
    let done = system.io.block_on(relink(&system.tenant, mailboxes, &|| {}));
    done.into_iter().map(|(_, result)| result.expect("relinked")).collect()
}

/// Items of every kind, made on both sides, some parted, one outside the calendar's window.
fn lived_in() -> System {
    let system = two();
    let parties = [system.party(0, 7), system.party(1, 5)];
    system.create(0, "appointments", &system.meeting("Review", "2026-12-01T10:00:00Z", &parties));
    system.create(0, "appointments", &system.meeting("Far", "2030-01-01T10:00:00Z", &parties[..1]));
    system.create(0, "contacts", &json!({ "lastname": "Mitchell" }));
    system.new_task(0, &json!({ "title": "Mine", "categories": [CATEGORY] }));
    system.new_event(1, &tracked_event("Tracked", "2026-12-02T10:00:00Z"));
    let untracked = system.new_event(1, &tracked_event("Untracked", "2026-12-03T10:00:00Z"));
    system.settled();
    system.edit_event(1, &untracked, &json!({ "categories": [] }));
    system.settled();
    system
}

fn is_empty(system: &System) -> bool {
    plan(system).mailboxes.iter().all(|one| one.failed.is_none() && one.items.is_empty())
}

#[test]
fn a_lost_store_comes_back_without_a_write_and_without_a_mail() {
    // The plan is as empty after the loss and relink as it was before; no side was written and
    // nobody was mailed. A second relink finds all links in place.
    let mut system = lived_in();
    assert!(is_empty(&system));
    let (writes, mails) = (system.writes(), system.mails());
    system.lose_state();
    let found = relinked(&system);
    assert_eq!(found.iter().map(|one| one.differing).sum::<usize>(), 0, "{found:?}");
    assert!(found[0].agreed >= 4 && found[1].agreed >= 2, "{found:?}");
    assert!(is_empty(&system), "{:#?}", plan(&system));
    system.settled();
    assert_eq!((system.writes(), system.mails()), (writes, mails));
    let again = relinked(&system);
    assert!(again.iter().all(|one| one.agreed == 0 && one.left == 0 && one.kept > 0), "{again:?}");
    assert!(is_empty(&system));
}

#[test]
fn rec_02_a_series_with_deviating_occurrences_comes_back_as_the_pair_that_it_was() {
    // One occurrence has a name of its own, another one is gone: the pair agrees, and nothing is planned.
    let mut system = two();
    system.create(0, MASTERS, &weekly(&system, "Weekly", true));
    system.settled();
    let named = guid(&instance(&system, "2026-12-15"), "activityid");
    system.update(0, "appointments", named, &json!({ "subject": "Special" }));
    system.delete(0, "appointments", guid(&instance(&system, "2026-12-22"), "activityid"));
    system.settled();
    let (writes, mails) = (system.writes(), system.mails());
    system.lose_state();
    let found = relinked(&system);
    assert_eq!((found[0].agreed, found[0].differing, found[0].alone), (1, 0, 0), "{found:?}");
    assert!(is_empty(&system), "{:#?}", plan(&system));
    system.settled();
    assert_eq!((system.writes(), system.mails()), (writes, mails));
}

#[test]
fn conf_03_what_changed_while_the_store_was_lost_is_a_conflict_that_the_plan_shows() {
    // An edit in Outlook meets the old row: relink stores the pair unsettled and writes nothing;
    // the next cycle lets Dynamics win, as for every task that differs on both sides.
    let mut system = lived_in();
    system.lose_state();
    let task = id_of(&system.tasks(0)[0]);
    system.edit_task(0, &task, &json!({ "title": "Renamed" }));
    let writes = system.writes();
    let found = relinked(&system);
    assert_eq!((found[0].differing, found[1].differing), (1, 0), "{found:?}");
    assert_eq!(system.writes(), writes);
    assert_eq!(system.tasks(0)[0]["title"], "Renamed");
    let troubled = system.links(0).into_iter().filter_map(|link| link.trouble);
    assert!(troubled.map(|it| it.code).any(|code| code == Code::DiffersAfterRelink));
    let planned = plan(&system);
    assert_eq!(planned.totals.updates, 1, "{planned:#?}");
    system.settled();
    assert_eq!(system.tasks(0)[0]["title"], "Mine");
    assert!(system.codes().contains(&Code::ConflictResolved));
}

#[test]
fn what_a_deleted_row_left_behind_is_remembered_and_not_made_again() {
    // The category came off before the row was deleted: the item stays with its marker, and a
    // relink makes no second row of it.
    let mut system = lived_in();
    let rows = system.rows("appointments");
    let row = rows.iter().find(|row| row["subject"] == "Untracked").unwrap();
    system.delete(1, "appointments", crate::harness::guid(row, "activityid"));
    system.settled();
    system.lose_state();
    let writes = system.writes();
    relinked(&system);
    system.settled();
    assert_eq!(system.writes(), writes);
    assert!(system.events(1).iter().any(|event| event["subject"] == "Untracked"));
    assert!(!system.rows("appointments").iter().any(|row| row["subject"] == "Untracked"));
}
