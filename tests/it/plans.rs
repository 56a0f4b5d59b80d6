//! Plans through the whole system: what a plan shows is what its application does.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;

use lockstep::app::once;
use lockstep::app::operate::apply::{Applied, Refusal, apply};
use lockstep::app::operate::document::PlanDoc;
use lockstep::app::operate::{drafts, views};
use serde_json::{Value, json};

use crate::harness::{CATEGORY, System, id_of, two};
use crate::process::{Running, run};

/// Plans all mailboxes that take part.
pub(crate) fn plan(system: &System) -> PlanDoc {
    let mailboxes = system.enrol();
    let drafted = system.io.block_on(drafts(&system.tenant, mailboxes, &|| {}));
    let made = system.tenant.deps.clock.now();
    PlanDoc::new("cycle", "contoso", made, views(&drafted))
}

/// Carries a plan out.
pub(crate) fn carry_out(
    system: &System,
    doc: &PlanDoc,
    release: bool,
) -> Result<Vec<Applied>, Refusal> {
    let judged = system.io.block_on(once::enrol(&system.tenant)).unwrap();
    system.io.block_on(apply(&system.tenant, &judged, doc, release, &|| {}))
}

fn addressees(doc: &PlanDoc) -> BTreeSet<String> {
    let items = doc.mailboxes.iter().flat_map(|one| &one.items);
    items.flat_map(|item| &item.steps).flat_map(|step| step.to.iter().cloned()).collect()
}

fn mailed(system: &System) -> BTreeSet<String> {
    system.mails().into_iter().map(|(_, to)| to).collect()
}

/// A contact outside the organization as a required attendee.
fn guest(system: &System, name: &str) -> Value {
    let contact = json!({ "lastname": name, "emailaddress1": format!("{name}@customer.example") });
    let id = system.create(0, "contacts", &contact);
    json!({ "partyid_contact@odata.bind": format!("/contacts({id})"), "participationtypemask": 5 })
}

#[test]
fn a_plan_shows_all_that_its_application_writes_and_whom_it_mails() {
    // Planning writes nothing. Applied, it mails exactly the addressees that it named, and the
    // plan after it is empty.
    let system = two();
    let ann = guest(&system, "ann");
    let parties = [system.party(0, 7), ann];
    system.create(0, "appointments", &system.meeting("Review", "2026-12-01T10:00:00Z", &parties));
    system.new_task(1, &json!({ "title": "Mine", "categories": [CATEGORY] }));
    let before = system.writes();
    let doc = plan(&system);
    assert_eq!(system.writes(), before, "a plan only reads");
    assert_eq!(system.mails(), []);
    assert_eq!(addressees(&doc), BTreeSet::from(["ann@customer.example".to_owned()]));
    // The contact and the meeting in Exchange, the task in Dynamics; the stamp of the meeting's
    // row and the marker of the task.
    assert_eq!((doc.totals.creates, doc.totals.updates, doc.totals.mails), (3, 2, 1), "{doc:#?}");
    let applied = carry_out(&system, &doc, false).unwrap();
    assert!(applied.iter().all(|(_, result)| result.as_ref().is_ok_and(|it| it.unsettled == 0)));
    assert_eq!(mailed(&system), addressees(&doc));
    // The row got the id that the plan gave it.
    let made = doc.mailboxes[1].items.iter().find(|item| item.verb == "create").unwrap();
    assert!(system.row("tasks", made.link).is_some(), "{made:#?}");
    system.settled();
    let after = plan(&system);
    assert!(after.mailboxes.iter().all(|one| one.items.is_empty()), "{after:#?}");
}

#[test]
fn a_changed_guest_list_mails_the_one_who_leaves_and_the_one_who_comes() {
    // Whoever attends before or after is named in the plan and found in the ledger.
    let system = two();
    let (ann, bert) = (guest(&system, "ann"), guest(&system, "bert"));
    let organizer = system.party(0, 7);
    let parties = [organizer.clone(), ann];
    let meeting = system.meeting("Review", "2026-12-01T10:00:00Z", &parties);
    let row = system.create(0, "appointments", &meeting);
    system.settled();
    let before = system.mails().len();
    system.advance(60);
    let parties = json!({ "appointment_activity_parties": [organizer, bert] });
    system.update(0, "appointments", row, &parties);
    let doc = plan(&system);
    carry_out(&system, &doc, false).unwrap();
    let sent: BTreeSet<String> =
        system.mails().split_off(before).into_iter().map(|(_, to)| to).collect();
    let both = ["ann@customer.example", "bert@customer.example"].map(str::to_owned);
    assert_eq!(addressees(&doc), BTreeSet::from(both));
    assert_eq!(sent, addressees(&doc));
}

#[test]
fn a_plan_is_refused_as_a_whole_when_one_item_moved() {
    // Of two mailboxes one has moved: nothing is written in either, and the sentence names what
    // changed. A plan made anew is carried out.
    let system = two();
    let contact = system.create(0, "contacts", &json!({ "lastname": "Mitchell" }));
    system.new_task(1, &json!({ "title": "Mine", "categories": [CATEGORY] }));
    let doc = plan(&system);
    system.advance(60);
    system.update(0, "contacts", contact, &json!({ "lastname": "Michel" }));
    let before = system.writes();
    let Err(Refusal::Moved(reasons)) = carry_out(&system, &doc, false) else {
        panic!("the world has moved");
    };
    assert!(reasons.iter().any(|text| text.contains("Michel")), "{reasons:#?}");
    assert!(reasons.iter().all(|text| text.starts_with(&system.address(0))), "{reasons:#?}");
    assert_eq!(system.writes(), before);
    assert!(system.rows("tasks").is_empty() && system.contacts(0).is_empty());
    carry_out(&system, &plan(&system), false).unwrap();
    assert_eq!((system.rows("tasks").len(), system.contacts(0).len()), (1, 1));
    // The same plan once more: what it wanted is done.
    assert!(matches!(carry_out(&system, &doc, false), Err(Refusal::Moved(_))));
}

#[test]
fn elig_03a_a_plan_is_refused_when_its_mailbox_takes_no_part_any_more() {
    // The reason stands in the refusal.
    let system = two();
    system.create(0, "contacts", &json!({ "lastname": "Mitchell" }));
    let doc = plan(&system);
    let id = system.organization().people[0].mailbox_id;
    let off = json!(2);
    system.organization().dataverse().admin_set("mailboxes", id, "emailrouteraccessapproval", off);
    let Err(Refusal::Moved(reasons)) = carry_out(&system, &doc, false) else {
        panic!("it takes no part");
    };
    assert!(reasons[0].contains("mailbox-not-approved"), "{reasons:?}");
    assert!(system.contacts(0).is_empty());
}

#[test]
fn a_plan_that_a_brake_halts_says_so_and_waits_for_the_operator() {
    // Deleting all of eight contacts empties a side: the plan names the brake, its application is
    // refused, and carried out once the operator says that it was seen.
    let system = two();
    let rows: Vec<_> = (0..8)
        .map(|number| system.create(0, "contacts", &json!({ "lastname": format!("N{number}") })))
        .collect();
    system.settled();
    for item in system.contacts(0) {
        system.delete_contact(0, &id_of(&item));
    }
    let doc = plan(&system);
    let brake = doc.mailboxes[0].brake.as_ref().unwrap();
    assert_eq!((brake.code.as_str(), brake.wanted), ("side-emptied", 8));
    assert!(matches!(carry_out(&system, &doc, false), Err(Refusal::Halted(_))));
    assert!(system.row("contacts", rows[0]).is_some());
    carry_out(&system, &doc, true).unwrap();
    assert!(rows.iter().all(|id| system.row("contacts", *id).is_none()));
}

#[test]
fn the_plan_of_a_file_is_carried_out_once_and_an_edited_file_never() {
    // As a process: a file that only its owner may read; an edit is found by its digest; the
    // second application finds that the world has moved.
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    let mut stand_ins =
        Running::start(&["sim", "--port", "0", "--mailboxes", "2", "--write-config", path]);
    stand_ins.line_with("the stand-ins listen on ");
    let file = directory.path().join("plan.json");
    let file = file.to_str().unwrap();
    let config = ["--config", path];
    let planned = run(&[&["plan", "--tenant", "contoso", "--out", file], &config[..]].concat());
    assert_eq!(planned.code, Some(0), "{planned:?}");
    assert!(planned.out.contains("People mailed"), "{}", planned.out);
    let mode = std::fs::metadata(file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let text = std::fs::read_to_string(file).unwrap();
    let edited = directory.path().join("edited.json");
    std::fs::write(&edited, text.replacen("\"create\"", "\"delete\"", 1)).unwrap();
    let refused = run(&[&["apply", edited.to_str().unwrap()], &config[..]].concat());
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.err.contains("edited"), "{}", refused.err);
    let applied = run(&[&["apply", file, "--format", "json"], &config[..]].concat());
    // 2 says that an item waits for the next cycle.
    assert!(matches!(applied.code, Some(0 | 2)), "{applied:?}");
    let written = applied.json()["mailboxes"][0]["written"].clone();
    assert!(written["exchange"].as_u64() > Some(0), "{written}");
    let again = run(&[&["apply", file], &config[..]].concat());
    assert_eq!(again.code, Some(1), "{again:?}");
    assert!(again.out.contains("nothing was written"), "{}", again.out);
    let missing = run(&[&["plan", "--tenant", "nobody"], &config[..]].concat());
    assert!(missing.err.contains("contoso"), "{missing:?}");
}

#[test]
fn content_of_a_plan_reaches_no_log() {
    // The subject stands on standard output alone.
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    let mut stand_ins =
        Running::start(&["sim", "--port", "0", "--mailboxes", "1", "--write-config", path]);
    stand_ins.line_with("the stand-ins listen on ");
    let planned = run(&["plan", "--tenant", "contoso", "--config", path]);
    let subject = planned.out.lines().find(|line| line.trim_start().starts_with("subject "));
    let subject = subject.unwrap().rsplit('"').nth(1).unwrap();
    assert!(!subject.is_empty() && !planned.err.contains(subject), "{}", planned.err);
}
