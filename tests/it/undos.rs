//! Undo through the whole system: former versions come back on both sides, and rest is quiet.

use lockstep::app::operate::undo::{cycles, prepare, undo, view};
use lockstep::cycle::Wanted;
use lockstep::domain::ids::CycleId;
use lockstep::sim::faults::{FarSide, FaultKind, FaultPlan, Scope};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{CATEGORY, System, guid, id_of, two};
use crate::plans::plan;
use crate::process::{Running, run};

/// What was planned: the verbs, what was left, and people mailed.
pub(crate) struct Planned {
    pub(crate) verbs: Vec<String>,
    pub(crate) left: Vec<String>,
}

pub(crate) fn undone(system: &System, wanted: &Wanted, allow_mail: bool) -> Planned {
    let mailboxes = system.enrol();
    let (tenant, io) = (&system.tenant, &system.io);
    let planned = io.block_on(prepare(tenant, mailboxes, wanted, allow_mail, &|| {}));
    let views: Vec<_> = planned.iter().map(view).collect();
    for one in &views {
        assert_eq!(one.failed, None);
    }
    for (_, result) in io.block_on(undo(tenant, planned, &|| {})) {
        assert_eq!(result.unwrap().unsettled, 0);
    }
    Planned {
        verbs: views.iter().flat_map(|one| &one.items).map(|item| item.verb.clone()).collect(),
        left: views.into_iter().flat_map(|one| one.skipped).collect(),
    }
}

/// The next cycles write nothing.
pub(crate) fn rests(system: &System) {
    let writes = system.writes();
    system.settled();
    assert_eq!(system.writes(), writes, "{:#?}", plan(system));
}

pub(crate) fn newest(system: &System, at: usize) -> CycleId {
    let address = system.address(at);
    let mailbox = system.enrol().into_iter().find(|one| one.address.as_str() == address).unwrap();
    let listed = system.io.block_on(cycles(&system.tenant, &mailbox)).unwrap();
    listed.first().expect("a cycle with kept versions").cycle
}

fn start() -> System {
    let system = two();
    system.create(0, "contacts", &json!({ "lastname": "Mitchell", "jobtitle": "Buyer" }));
    system.new_task(0, &json!({ "title": "Call", "categories": [CATEGORY] }));
    system.settled();
    system.advance(60);
    system
}

fn job(system: &System) -> (Value, Value) {
    let row = system.rows("contacts").remove(0);
    (row["jobtitle"].clone(), system.contacts(0).remove(0)["jobTitle"].clone())
}

#[test]
fn ops_02_an_overwritten_version_comes_back_on_both_sides_and_can_be_redone() {
    // Somebody renames in Outlook, the cycle carries it, the undo of that cycle restores both sides
    // quietly; the undo of the undo brings the newer version again.
    let system = start();
    let item = id_of(&system.contacts(0)[0]);
    system.edit_contact(0, &item, &json!({ "jobTitle": "Seller" }));
    system.settled();
    assert_eq!(job(&system), (json!("Seller"), json!("Seller")));
    system.advance(60);
    let cycle = newest(&system, 0);
    let done = undone(&system, &Wanted::Cycle(cycle), false);
    assert_eq!((done.verbs, done.left), (vec!["merge".to_owned()], vec![]));
    assert_eq!(job(&system), (json!("Buyer"), json!("Buyer")));
    rests(&system);
    system.advance(60);
    undone(&system, &Wanted::Item(item), false);
    assert_eq!(job(&system), (json!("Seller"), json!("Seller")));
    rests(&system);
    assert_eq!(system.mails(), []);
}

#[test]
fn ops_02_a_change_made_since_is_not_overwritten() {
    // The operator is told which side and group; nothing is written.
    let system = start();
    let item = id_of(&system.contacts(0)[0]);
    system.edit_contact(0, &item, &json!({ "jobTitle": "Seller" }));
    system.settled();
    system.advance(60);
    let row = guid(&system.rows("contacts")[0], "contactid");
    system.update(0, "contacts", row, &json!({ "jobtitle": "Boss" }));
    let cycle = newest(&system, 0);
    let writes = system.writes();
    let done = undone(&system, &Wanted::Cycle(cycle), false);
    assert!(done.left[0].contains("changed it since in dynamics: Work"), "{:?}", done.left);
    assert_eq!(system.writes(), writes);
    // Carried by a cycle, the newer change stands in the way as well.
    system.settled();
    let done = undone(&system, &Wanted::Cycle(cycle), false);
    assert!(done.left[0].contains("wrote it since"), "{:?}", done.left);
    assert_eq!(job(&system), (json!("Boss"), json!("Boss")));
}

#[test]
fn ops_02_deleted_pairs_come_back_on_both_sides() {
    // Deleted in Outlook and To Do, carried to Dynamics: an undo since then makes all four again,
    // with what they held, and they are pairs.
    let system = start();
    let since = system.clock.now();
    system.delete_contact(0, &id_of(&system.contacts(0)[0]));
    system.delete_task(0, &id_of(&system.tasks(0)[0]));
    system.settled();
    assert_eq!((system.rows("contacts").len(), system.rows("tasks").len()), (0, 0));
    system.advance(60);
    let done = undone(&system, &Wanted::Since(since), false);
    assert_eq!((done.verbs.len(), done.left.len()), (2, 0), "{:?}", done.left);
    assert_eq!(job(&system), (json!("Buyer"), json!("Buyer")));
    assert_eq!(system.contacts(0)[0]["surname"], "Mitchell");
    assert_eq!((system.rows("tasks")[0]["subject"].clone()), json!("Call"));
    assert_eq!(system.tasks(0)[0]["title"], "Call");
    rests(&system);
    system.advance(60);
    let item = id_of(&system.contacts(0)[0]);
    system.edit_contact(0, &item, &json!({ "jobTitle": "Seller" }));
    system.settled();
    assert_eq!(job(&system), (json!("Seller"), json!("Seller")));
    // Once more: the pairs are there again, so nothing is restored over them.
    let done = undone(&system, &Wanted::Since(since), false);
    assert!(done.left.iter().all(|text| text.contains("since")), "{:?}", done.left);
}

#[test]
fn ops_02_a_lost_answer_during_an_undo_makes_no_second_item() {
    // Either service restores the pair and its answer gets lost: the cycles after it find what was
    // made, and there is one of each.
    for side in [FarSide::Dataverse, FarSide::Graph] {
        let system = start();
        let since = system.clock.now();
        system.delete_contact(0, &id_of(&system.contacts(0)[0]));
        system.delete_task(0, &id_of(&system.tasks(0)[0]));
        system.settled();
        system.advance(60);
        let (tenant, io) = (&system.tenant, &system.io);
        let wanted = Wanted::Since(since);
        let planned = io.block_on(prepare(tenant, system.enrol(), &wanted, false, &|| {}));
        let mut faults = FaultPlan::new(1);
        let scope = Scope::Side(side).and(Scope::Writes);
        faults.add(FaultKind::ResetAfterCommit, 1.0, scope).times(1);
        system.organization().set_faults(faults);
        let done = io.block_on(undo(tenant, planned, &|| {}));
        assert!(
            done.iter().any(|(_, it)| it.as_ref().is_ok_and(|it| it.unsettled > 0)),
            "{side:?}"
        );
        system.organization().set_faults(FaultPlan::none());
        system.settled();
        assert_eq!((system.contacts(0).len(), system.rows("contacts").len()), (1, 1), "{side:?}");
        assert_eq!((system.tasks(0).len(), system.rows("tasks").len()), (1, 1), "{side:?}");
        assert_eq!(job(&system), (json!("Buyer"), json!("Buyer")), "{side:?}");
    }
}

#[test]
fn ops_02_a_meeting_is_restored_only_with_leave_to_mail() {
    // A moved meeting: without --allow-mail it stays and nobody is mailed; with it both sides move
    // back and the attendee hears of it.
    let system = start();
    let parties = [system.party(0, 7), system.party(1, 5)];
    let body = system.meeting("Review", "2026-12-01T10:00:00Z", &parties);
    let row = system.create(0, "appointments", &body);
    system.settled();
    system.advance(60);
    let later = json!({ "scheduledstart": "2026-12-01T12:00:00Z",
        "scheduledend": "2026-12-01T13:00:00Z" });
    system.update(0, "appointments", row, &later);
    system.settled();
    system.advance(60);
    let cycle = newest(&system, 0);
    let (mails, writes) = (system.mails().len(), system.writes());
    let done = undone(&system, &Wanted::Cycle(cycle), false);
    assert!(done.left[0].contains("--allow-mail"), "{:?}", done.left);
    assert_eq!((system.mails().len(), system.writes()), (mails, writes));
    undone(&system, &Wanted::Cycle(cycle), true);
    let start = system.row("appointments", row).unwrap()["scheduledstart"].clone();
    assert!(start.as_str().unwrap().starts_with("2026-12-01T10:00"), "{start}");
    assert_eq!(system.mails().len(), mails + 1);
    system.settled();
    assert!(plan(&system).mailboxes.iter().all(|one| one.items.is_empty()));
    assert_eq!(system.mails().len(), mails + 1);
}

#[test]
fn ops_02_what_was_never_overwritten_is_not_undone() {
    // An unknown cycle and an unknown item restore nothing and are no error.
    let system = start();
    for wanted in [Wanted::Cycle(CycleId(Uuid::from_u128(7))), Wanted::Item("nothing".to_owned())] {
        let done = undone(&system, &wanted, false);
        assert_eq!((done.verbs.len(), done.left.len()), (0, 0));
    }
}

#[test]
fn ops_02_an_undo_that_restores_nothing_says_so_and_does_not_end_with_0() {
    // As a process: there is nothing since then; only planned, that is an answer.
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    let mut stand_ins =
        Running::start(&["sim", "--port", "0", "--mailboxes", "1", "--write-config", path]);
    stand_ins.line_with("the stand-ins listen on ");
    let since = "2100-01-01T00:00:00Z";
    let asked = ["undo", "--tenant", "contoso", "--since", since, "--config", path];
    let planned = run(&asked);
    assert_eq!(planned.code, Some(0), "{planned:?}");
    let done = run(&[&asked[..], &["--yes"]].concat());
    assert_eq!(done.code, Some(2), "{done:?}");
    assert!(done.out.contains("nothing was restored"), "{}", done.out);
}
