//! Purge through the whole system: a mailbox is as if Lockstep had never been there.

use lockstep::app::once;
use lockstep::app::operate::purge::{prepare, purge, view};
use lockstep::cycle::CycleReport;
use lockstep::domain::code::Code;
use lockstep::domain::policy::Mailbox;
use lockstep::sim::faults::{FarSide, FaultKind, FaultPlan, Scope};
use serde_json::{Value, json};

use crate::harness::{CATEGORY, SIGNAL, System, guid, id_of, tracked_event, two};
use crate::process::{Running, run};

const MARKER: &str = "String {3c1f6a52-8d0e-4b7a-9a53-6d0b6c9f2e11} Name LockstepLink";

fn known(system: &System, at: usize) -> Mailbox {
    let judged = system.io.block_on(once::enrol(&system.tenant)).unwrap();
    let id = system.organization().people[at].mailbox_id;
    judged.into_iter().find(|one| one.id == id).unwrap().known.unwrap().as_ref().clone()
}

/// Plans and carries out; returns what was left, and the report.
fn purged(system: &System, at: usize, allow_mail: bool) -> (Vec<String>, CycleReport) {
    let mailbox = known(system, at);
    let prepared = system.io.block_on(prepare(&system.tenant, &mailbox, allow_mail)).unwrap();
    let left = view(&prepared).skipped;
    let report = system.io.block_on(purge(&system.tenant, prepared, &|| {})).unwrap();
    (left, report)
}

/// Tells whether an item shows anything of Lockstep.
fn is_marked(item: &Value) -> bool {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |name: &str| item[name].as_array().cloned().unwrap_or_default();
    let property =
        |one: &Value| text(&one["id"]).eq_ignore_ascii_case(MARKER) && one["value"] != "";
    list("categories").iter().any(|one| one == CATEGORY)
        || list("singleValueExtendedProperties").iter().any(property)
        || list("linkedResources").iter().any(|one| one["applicationName"] == "Lockstep")
}

fn subjects(items: &[Value], name: &str) -> Vec<String> {
    let mut list: Vec<String> =
        items.iter().map(|one| one[name].as_str().unwrap_or_default().to_owned()).collect();
    list.sort();
    list
}

/// Paul has items from Dynamics, tracked ones of his own, and private ones.
fn lived_in() -> System {
    let system = two();
    let organizer = system.party(0, 7);
    let mine = [organizer.clone()];
    system.create(0, "appointments", &system.meeting("From CRM", "2026-12-01T10:00:00Z", &mine));
    system.create(0, "appointments", &system.meeting("Far away", "2031-12-01T10:00:00Z", &mine));
    system.create(0, "contacts", &json!({ "lastname": "FromCRM" }));
    system.new_event(0, &tracked_event("Tracked", "2026-12-02T10:00:00Z"));
    system.new_task(0, &json!({ "title": "Tracked task", "categories": [CATEGORY, "Red"] }));
    let mut private = tracked_event("Private", "2026-12-03T10:00:00Z");
    private["categories"] = json!(["Blue"]);
    system.new_event(0, &private);
    system.new_contact(0, &json!({ "surname": "Private" }));
    system.settled();
    system
}

#[test]
fn ops_01_a_purge_removes_what_lockstep_wrote_and_only_that() {
    // Made items go, tracked ones lose their marks, private ones and Dynamics stay as they are,
    // nobody is mailed, and nothing comes back by itself.
    let system = lived_in();
    let rows = |system: &System| ["appointments", "contacts", "tasks"].map(|set| system.rows(set));
    let (before, mails) = (rows(&system), system.mails());
    let private = |system: &System| {
        let all = [system.events(0), system.contacts(0)].concat();
        all.into_iter().filter(|it| it.to_string().contains("Private")).collect::<Vec<_>>()
    };
    let untouched = private(&system);
    assert!(system.events(0).iter().filter(|it| is_marked(it)).count() >= 3);
    let (left, report) = purged(&system, 0, false);
    assert_eq!((left, report.unsettled), (vec![], 0));
    assert_eq!(subjects(&system.events(0), "subject"), ["Private", "Tracked"]);
    assert_eq!(subjects(&system.contacts(0), "surname"), ["Private"]);
    assert_eq!(subjects(&system.tasks(0), "title"), ["Tracked task"]);
    assert_eq!(system.tasks(0)[0]["categories"], json!(["Red"]));
    for item in [system.events(0), system.contacts(0), system.tasks(0)].concat() {
        assert!(!is_marked(&item), "{item:#}");
    }
    assert_eq!(private(&system), untouched);
    assert_eq!((rows(&system), system.mails()), (before, mails));
    let codes: Vec<Code> = system.reasons(0).iter().map(|(_, code)| *code).collect();
    assert_eq!(codes, [Code::Purged]);
    let writes = system.writes();
    system.settled();
    assert_eq!(system.writes(), writes, "no cycle brings anything back");
}

#[test]
fn ops_01_a_purge_takes_the_category_along_that_lockstep_made_and_nobody_uses() {
    // One that the user made, and one that he put on an item of his own, stay.
    let purged_list = |before: &dyn Fn(&System), after: &dyn Fn(&System)| {
        let system = two();
        before(&system);
        system.create(0, "tasks", &json!({ "subject": "From CRM" }));
        system.settled();
        after(&system);
        purged(&system, 0, false);
        system.organization().graph().master_categories(&system.address(0)).len()
    };
    let nothing = |_: &System| {};
    assert_eq!(purged_list(&nothing, &nothing), 0);
    let makes = |system: &System| {
        let (address, now) = (system.address(0), system.clock.now());
        system.organization().graph().user_create_category(&address, CATEGORY, now).unwrap();
    };
    assert_eq!(purged_list(&makes, &nothing), 1);
    let uses = |system: &System| {
        system.new_contact(0, &json!({ "surname": "Private", "categories": [CATEGORY] }));
    };
    assert_eq!(purged_list(&nothing, &uses), 1);
}

#[test]
fn ops_01_an_admitted_mailbox_gets_its_items_again() {
    // Admission lifts the mark; contacts and tasks that match are created as for a new mailbox, one whose
    // row was made of it meets that row again, and a meeting that its row still names is not made
    // anew, because that could invite everybody once more.
    let system = lived_in();
    purged(&system, 0, false);
    let key = known(&system, 0).key;
    assert!(system.io.block_on(system.app.links.admit(&key)).unwrap());
    assert!(!system.io.block_on(system.app.links.admit(&key)).unwrap(), "it takes part");
    assert!(system.reasons(0).is_empty());
    system.settled();
    assert!(subjects(&system.contacts(0), "surname").contains(&"FromCRM".to_owned()));
    assert_eq!(subjects(&system.events(0), "subject"), ["Private", "Tracked"]);
    assert!(system.codes().contains(&Code::NotRecreated));
    assert_eq!(system.rows("tasks").len(), 1, "no second row of the task");
    let row = guid(&system.rows("tasks")[0], "activityid");
    system.update(0, "tasks", row, &json!({ "subject": "Followed" }));
    system.settled();
    assert_eq!(subjects(&system.tasks(0), "title"), ["Followed"]);
}

#[test]
fn ops_01_inv_7_an_admitted_contact_meets_its_row_as_a_conflict_and_not_as_one_just_made() {
    // Both were edited while the mailbox was kept out, and the row left the filter. It is not taken for the
    // row that the contact would be made into, also when the answers to the first writes are lost: who wins
    // is decided by the policy, and is said.
    for lost in [0, 3] {
        let system = two();
        let signal = json!([{ "id": SIGNAL, "value": "1" }]);
        let body = json!({ "surname": "Novak", "jobTitle": "Clerk", "nickName": "Nono",
            "singleValueExtendedProperties": signal });
        let item = system.new_contact(0, &body);
        system.settled();
        let row = guid(&system.rows("contacts")[0], "contactid");
        purged(&system, 0, false);
        system.update(0, "contacts", row, &json!({ "jobtitle": "Lead", "statecode": 1 }));
        system.edit_contact(0, &item, &json!({ "jobTitle": "Head" }));
        let key = known(&system, 0).key;
        assert!(system.io.block_on(system.app.links.admit(&key)).unwrap());
        let mut plan = FaultPlan::new(1);
        let scope = Scope::Side(FarSide::Dataverse).and(Scope::Writes);
        plan.add(FaultKind::ResetAfterCommit, 1.0, scope).times(lost);
        system.organization().set_faults(plan);
        let mailboxes = system.enrol();
        system.run(mailboxes, 3);
        let codes = system.codes();
        system.organization().set_faults(FaultPlan::none());
        system.settled();
        let (rows, items) = (system.rows("contacts"), system.contacts(0));
        assert_eq!((rows.len(), items.len()), (1, 1), "{lost}");
        assert_eq!(rows[0]["jobtitle"], items[0]["jobTitle"], "{lost}");
        assert!(codes.contains(&Code::ConflictResolved), "{lost}: {codes:?}");
    }
}

#[test]
fn ops_01_a_meeting_with_attendees_is_removed_only_when_mail_is_allowed() {
    // Deleting it would send cancellations: it stays and is reported. Allowed, it goes and the
    // ledger shows the mail.
    let system = two();
    let parties = [system.party(0, 7), system.party(1, 5)];
    system.create(0, "appointments", &system.meeting("Review", "2026-12-01T10:00:00Z", &parties));
    system.settled();
    let mails = system.mails().len();
    let (left, _) = purged(&system, 0, false);
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!((system.events(0).len(), system.mails().len()), (1, mails));
    let (left, _) = purged(&system, 0, true);
    assert_eq!(left, Vec::<String>::new());
    assert_eq!((system.events(0).len(), system.mails().len()), (0, mails + 1));
}

#[test]
fn ops_01_a_purge_finds_its_items_without_a_store_and_spares_the_copies_of_people() {
    // The markers lead to what was made even when the store is lost; an item that a person copied
    // carries the same marks, and of the two neither is deleted.
    let mut system = lived_in();
    system.lose_state();
    let copied = system.contacts(0).into_iter().find(|it| it["surname"] == "FromCRM").unwrap();
    let address = system.address(0);
    let now = system.clock.now();
    system.organization().graph().user_copy_contact(&address, &id_of(&copied), now).unwrap();
    let (_, report) = purged(&system, 0, false);
    assert_eq!(report.unsettled, 0);
    assert_eq!(subjects(&system.events(0), "subject"), ["Private", "Tracked"]);
    assert_eq!(subjects(&system.contacts(0), "surname"), ["FromCRM", "FromCRM", "Private"]);
    assert!(!system.contacts(0).iter().any(is_marked));
}

#[test]
fn ops_01_a_lost_answer_leaves_the_mailbox_out_and_a_second_purge_ends_it() {
    // The exclusion comes first: what is left over is no cycle's business, and purging again
    // removes it.
    let system = lived_in();
    let mailbox = known(&system, 0);
    let prepared = system.io.block_on(prepare(&system.tenant, &mailbox, false)).unwrap();
    let mut faults = FaultPlan::new(7);
    faults.next(Scope::Side(FarSide::Graph), FaultKind::ResetAfterCommit);
    system.organization().set_faults(faults);
    let _ = system.io.block_on(purge(&system.tenant, prepared, &|| {}));
    assert_eq!(system.organization().faults().injected_of("reset_after_commit"), 1);
    system.organization().set_faults(FaultPlan::none());
    assert!(!system.reasons(0).is_empty());
    system.settled();
    let (_, report) = purged(&system, 0, false);
    assert_eq!(report.unsettled, 0);
    assert_eq!(subjects(&system.events(0), "subject"), ["Private", "Tracked"]);
}

#[test]
fn ops_01_a_mailbox_admitted_after_a_purge_that_was_cut_short_loses_no_row() {
    // Answers to deletes are lost and nobody purges again: what the purge deleted is no delete of the
    // user. All rows stay, none is made twice, and it is said of each that its item is not made again.
    for stored in [true, false] {
        let mut system = lived_in();
        if !stored {
            system.lose_state();
        }
        let rows = || ["appointments", "contacts", "tasks"].map(|set| system.rows(set).len());
        let before = rows();
        let mailbox = known(&system, 0);
        let prepared = system.io.block_on(prepare(&system.tenant, &mailbox, false)).unwrap();
        let mut faults = FaultPlan::new(7);
        let writes = Scope::Side(FarSide::Graph).and(Scope::Writes);
        faults.add(FaultKind::ResetAfterCommit, 1.0, writes);
        system.organization().set_faults(faults);
        let _ = system.io.block_on(purge(&system.tenant, prepared, &|| {}));
        system.organization().set_faults(FaultPlan::none());
        let gone = !subjects(&system.contacts(0), "surname").contains(&"FromCRM".to_owned());
        assert!(gone, "something was deleted");
        assert!(system.io.block_on(system.app.links.admit(&mailbox.key)).unwrap());
        system.settled();
        assert_eq!(rows(), before);
        assert!(!stored || system.codes().contains(&Code::NotRecreated), "{:?}", system.codes());
    }
}

#[test]
fn ops_01_the_command_shows_its_plan_first_and_wants_a_yes() {
    // As a process: without --yes nothing happens; with it the mailbox is out until it is admitted.
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    let mut stand_ins =
        Running::start(&["sim", "--port", "0", "--mailboxes", "1", "--write-config", path]);
    stand_ins.line_with("the stand-ins listen on ");
    let of =
        |arguments: &[&str]| run(&[arguments, &["--tenant", "contoso", "--config", path]].concat());
    of(&["sync", "--once"]);
    let listed = of(&["plan", "--format", "json"]).json();
    let address = listed["plan"]["mailboxes"][0]["address"].as_str().unwrap().to_owned();
    let one = ["--mailbox", &address];
    let shown = of(&[&["purge"], &one[..]].concat());
    assert_eq!(shown.code, Some(0), "{shown:?}");
    assert!(
        shown.out.contains("nothing was done") && shown.out.contains("delete"),
        "{}",
        shown.out
    );
    let done = of(&[&["purge", "--yes"], &one[..]].concat());
    assert!(done.out.contains("lockstep admit"), "{done:?}");
    let out = of(&[&["sync", "--once"], &one[..]].concat());
    assert!(out.out.contains("purged"), "{out:?}");
    let admitted = of(&[&["admit", "--format", "json"], &one[..]].concat());
    assert_eq!(admitted.code, Some(0), "{admitted:?}");
    let whom = serde_json::json!({ "done": "admitted", "tenant": "contoso", "mailbox": address });
    assert_eq!(admitted.json(), whom);
    let again = of(&[&["admit"], &one[..]].concat());
    assert_eq!(again.code, Some(1), "{again:?}");
}
