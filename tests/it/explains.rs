//! Explain through the whole system: no item is unexplained, and nothing of it is stored.

use std::time::Duration;

use chrono::{DateTime, Utc};
use lockstep::api::story;
use lockstep::app::explain::{ExplainError, Question, answer};
use lockstep::app::once;
use lockstep::cycle::{Judged, Stage, Story, Target};
use lockstep::domain::code::Code;
use lockstep::domain::fact::{FactName, FactValue};
use lockstep::domain::ids::NativeId;
use lockstep::domain::link::LinkState;
use lockstep::domain::plan::Verb;
use lockstep::domain::side::Side;
use lockstep::sim::dataverse::{Depth, Privileges};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{CATEGORY, System, id_of, person, tracked_event, two};
use crate::process::{Running, free_port, get, put, run, until};

const SOON: &str = "2026-12-01T10:00:00Z";

fn judged(system: &System, at: usize) -> Judged {
    let all = system.io.block_on(once::enrol(&system.tenant)).unwrap();
    let id = system.organization().people[at].mailbox_id;
    all.into_iter().find(|one| one.id == id).unwrap()
}

fn ask(system: &System, at: usize, question: Question) -> Vec<Story> {
    let judged = judged(system, at);
    let writes = system.writes();
    let told = system.io.block_on(answer(&system.tenant, &judged, &question)).unwrap();
    assert_eq!(system.writes(), writes, "explaining only reads");
    told.iter().for_each(assert_whole);
    told
}

/// Every story has its six steps, each with a rule, a result, and what would change it.
fn assert_whole(story: &Story) {
    let stages: Vec<Stage> = story.steps.iter().map(|step| step.stage).collect();
    assert_eq!(stages, Stage::ALL, "{story:?}");
    for step in &story.steps {
        let whole = !step.rules.is_empty() && !step.result.is_empty() && !step.change().is_empty();
        assert!(whole, "{step:?}");
    }
    assert!(!story.summary.to_lowercase().contains("error"), "{}", story.summary);
}

pub(crate) fn one(system: &System, at: usize, side: Side, id: &str) -> Story {
    let question = Question::Item(Target::Item(side, NativeId::new(id)));
    let mut told = ask(system, at, question);
    assert_eq!(told.len(), 1);
    told.remove(0)
}

fn row(system: &System, at: usize, id: Uuid) -> Story {
    one(system, at, Side::Dynamics, &id.to_string())
}

/// Returns the deciding rule and the codes of the decision.
fn decision(story: &Story) -> (&'static str, Vec<Code>) {
    let step = story.step(Stage::Decide).unwrap();
    (step.rules[0].0, step.codes.clone())
}

fn fact(story: &Story, stage: Stage, name: FactName) -> String {
    let step = story.step(stage).unwrap();
    let found = step.facts.iter().find(|fact| fact.name == name);
    found.map_or("absent".to_owned(), |fact| fact.value.to_string())
}

#[test]
fn link_02_an_item_that_is_not_tracked_says_so() {
    // The event of a user who asked for nothing: not tracked, and the category would change it.
    let system = two();
    let mut event = tracked_event("Private", SOON);
    event["categories"] = json!([]);
    let id = system.new_event(0, &event);
    system.settled();
    let told = one(&system, 0, Side::Exchange, &id);
    assert_eq!(decision(&told), ("LINK-02", vec![]));
    assert_eq!(fact(&told, Stage::Decide, FactName::Tracked), "no");
    let change = told.step(Stage::Decide).unwrap().change().join(" ");
    assert!(change.contains("tracking category"), "{change}");
    assert!(told.summary.starts_with("Not synchronized"), "{}", told.summary);
}

fn contacts_of(conditions: &str) -> String {
    format!(
        "<fetch><entity name=\"contact\"><attribute name=\"contactid\"/>{conditions}</entity></fetch>"
    )
}

#[test]
fn filt_01_a_row_outside_the_filters_names_the_condition_that_keeps_it_out() {
    // Two filters, neither returns the row; each of their conditions says whether it holds.
    let system = two();
    let city = "<filter type=\"and\"><condition attribute=\"statecode\" operator=\"eq\" value=\"0\"/>\
                <filter type=\"or\"><condition attribute=\"address1_city\" operator=\"eq\" value=\"Bonn\"/>\
                <condition attribute=\"jobtitle\" operator=\"in\"><value>CEO</value><value>CFO</value>\
                </condition></filter></filter>";
    let linked = "<link-entity name=\"systemuser\" from=\"systemuserid\" to=\"ownerid\" alias=\"o\">\
                  <filter><condition attribute=\"systemuserid\" operator=\"ne-userid\"/></filter></link-entity>";
    let filters = [contacts_of(city), contacts_of(linked)];
    let filters = [filters[0].as_str(), filters[1].as_str()];
    let user = system.user(0);
    system.organization().dataverse().set_user_filters(user, "contact", &filters);
    let id = system.create(0, "contacts", &json!({ "lastname": "Mitchell", "jobtitle": "Clerk" }));
    system.settled();
    let told = row(&system, 0, id);
    assert_eq!(fact(&told, Stage::Scope, FactName::FiltersMatching), "0");
    assert_eq!(told.step(Stage::Scope).unwrap().rules[0].0, "FILT-01");
    assert_eq!(decision(&told).0, "FILT-02");
    let asked: Vec<_> = told.filters.iter().filter(|one| !one.of_organization).collect();
    assert_eq!(asked.len(), 2);
    let holds: Vec<(&str, Option<bool>)> = asked
        .iter()
        .flat_map(|one| one.conditions.iter().map(|it| (it.text.as_str(), it.holds)))
        .collect();
    let mut expected = vec![
        ("statecode eq 0", Some(true)),
        ("address1_city eq Bonn", Some(false)),
        ("jobtitle in CEO, CFO", Some(false)),
        ("a row of systemuser linked by systemuserid with systemuserid ne-userid", Some(false)),
    ];
    let (mut holds, count) = (holds, expected.len());
    holds.sort();
    expected.sort();
    assert_eq!((holds.len(), holds), (count, expected));
    // Once a filter returns the row, the story is another one.
    system.update(0, "contacts", id, &json!({ "jobtitle": "CEO" }));
    let told = row(&system, 0, id);
    assert_eq!(fact(&told, Stage::Scope, FactName::FiltersMatching), "1");
    assert!(told.summary.starts_with("To be written next"), "{}", told.summary);
}

#[test]
fn filt_10_a_table_without_a_filter_says_so() {
    // No filter at all is another reason than filters that do not match.
    let system = two();
    system.organization().dataverse().set_user_filters(system.user(0), "contact", &[]);
    let id = system.create(0, "contacts", &json!({ "lastname": "Mitchell" }));
    system.settled();
    let told = row(&system, 0, id);
    assert_eq!(told.step(Stage::Scope).unwrap().rules[0].0, "FILT-10");
    assert_eq!(fact(&told, Stage::Scope, FactName::Filters), "0");
}

#[test]
fn elig_03_a_mailbox_that_takes_no_part_explains_its_items_by_its_reasons() {
    // Nothing is read for it; what the journal remembers is still told; a search is refused.
    let system = two();
    let id = system.create(0, "contacts", &json!({ "lastname": "Mitchell" }));
    system.settled();
    let mailbox = system.organization().people[0].mailbox_id;
    let dataverse = || system.organization().dataverse();
    dataverse().admin_set("mailboxes", mailbox, "emailrouteraccessapproval", json!(2));
    let told = row(&system, 0, id);
    assert_eq!(decision(&told), ("ELIG-03", vec![Code::MailboxNotApproved]));
    assert!(told.summary.contains("takes no part"), "{}", told.summary);
    assert_eq!(told.history.len(), 1);
    let search = Question::Subject("Mitchell".to_owned());
    let refused = system.io.block_on(answer(&system.tenant, &judged(&system, 0), &search));
    assert!(matches!(refused, Err(ExplainError::NotSearched(_))));
}

#[test]
fn link_02_a_synchronized_contact_is_not_told_of_the_category() {
    // It is tracked by its marker; the category's rule stands at a contact that nobody tracks alone.
    let system = two();
    let id = system.create(0, "contacts", &json!({ "lastname": "Mitchell" }));
    system.settled();
    let scope = |told: &Story| -> Vec<&'static str> {
        let step = told.steps.iter().find(|step| step.stage == Stage::Scope).unwrap();
        step.rules.iter().map(|rule| rule.0).collect()
    };
    let rules = scope(&row(&system, 0, id));
    assert!(rules.contains(&"LINK-02") && !rules.contains(&"LINK-05"), "{rules:?}");
    let private = json!({ "surname": "Private", "categories": [CATEGORY] });
    let private = system.new_contact(0, &private);
    system.settled();
    let rules = scope(&one(&system, 0, Side::Exchange, &private));
    assert_eq!(rules, ["LINK-02", "LINK-05"]);
}

#[test]
fn org_02_an_appointment_without_an_organizer_says_so() {
    // Left alone with its code; naming an organizer would change it.
    let system = two();
    let meeting = system.meeting("Review", SOON, &[system.party(0, 5)]);
    let id = system.create(0, "appointments", &meeting);
    system.settled();
    let told = row(&system, 0, id);
    assert_eq!(decision(&told), ("ORG-02", vec![Code::OrganizerMissing]));
    assert_eq!(fact(&told, Stage::Decide, FactName::RowOrganizer), "nobody");
    assert_eq!(told.history[0].state, Some(LinkState::LeftAlone));
}

#[test]
fn appt_out_14_an_attendee_waits_for_the_invitation() {
    // Laura's mailbox waits: the organizer's mailbox takes part and invites her.
    let system = two();
    let parties = [system.party(0, 7), system.party(1, 5)];
    let id = system.create(0, "appointments", &system.meeting("Review", SOON, &parties));
    let told = row(&system, 1, id);
    assert_eq!(decision(&told), ("APPT-OUT-14", vec![Code::AwaitsInvitation]));
    let organizer = fact(&told, Stage::Decide, FactName::RowOrganizer);
    assert_eq!(organizer, "another user whose mailbox takes part");
    system.settled();
    // Afterwards it is in step, and the organizer's history shows whom the create mailed.
    assert!(row(&system, 1, id).summary.starts_with("In step"));
    let organized = row(&system, 0, id);
    let created = organized.history.iter().find(|it| it.verb == Verb::Create(Side::Exchange));
    assert_eq!(created.unwrap().mail, lockstep::domain::plan::MailClass::Mails(1));
}

#[test]
fn err_02_a_parked_item_says_what_failed_and_how_often() {
    // The refusals stand in the history, the parking in the decision.
    let people = vec![person(1, "Paul", "Cannon", "Europe/Berlin")];
    let limits = "\n[limits]\nitem_attempts = 3\n";
    let system = System::with(people, "state.url = \"memory:\"\n", limits);
    let none = Privileges { read: Depth::User, write: Depth::None };
    system.organization().dataverse().set_privileges("task", none);
    let id = system.new_task(0, &json!({ "title": "Poison", "categories": [CATEGORY] }));
    for _ in 0..4 {
        system.passes(1);
    }
    let told = one(&system, 0, Side::Exchange, &id);
    assert_eq!(decision(&told).1.first(), Some(&Code::ItemParked));
    assert_eq!(fact(&told, Stage::Verify, FactName::Attempts), "3");
    assert_eq!(told.history.len(), 3);
    assert!(told.history.iter().all(|it| it.failed.is_some()), "{:?}", told.history);
    assert!(told.summary.contains("item-parked"), "{}", told.summary);
}

#[test]
fn appt_out_06_a_held_back_difference_is_told_with_its_code() {
    // A meeting of the past with a guest is renamed in Dynamics: nothing is written, and the story does not
    // call the pair in step. Before that it does.
    let system = two();
    let parties = [system.party(0, 7), system.party(1, 5)];
    let id = system.create(0, "appointments", &system.meeting("Review", SOON, &parties));
    system.settled();
    assert!(row(&system, 0, id).summary.starts_with("In step"));
    system.advance(14 * 24 * 3_600);
    system.update(0, "appointments", id, &json!({ "subject": "Held" }));
    system.settled();
    let story = row(&system, 0, id);
    assert!(story.summary.contains("not the same (past-meeting-held"), "{}", story.summary);
    let verify = story.step(Stage::Verify).unwrap();
    assert!(verify.result.contains("they differ in subject"), "{verify:?}");
    assert_eq!(verify.codes, [Code::PastMeetingHeld]);
}

#[test]
fn link_06_an_unlinked_pair_says_why() {
    // The category was taken off: the pair is dissolved, both items stay, the category would help.
    let system = two();
    let id = system.new_task(0, &json!({ "title": "Offer", "categories": [CATEGORY] }));
    system.settled();
    system.edit_task(0, &id, &json!({ "categories": [] }));
    system.settled();
    let told = one(&system, 0, Side::Exchange, &id);
    assert_eq!(fact(&told, Stage::Match, FactName::Link), "unlinked: the category was removed");
    assert!(told.history.iter().any(|it| it.rules[0].as_ref() == "LINK-06"), "{told:?}");
}

#[test]
fn cont_10_what_was_deleted_in_exchange_is_not_made_again() {
    // The owner keeps contacts in Dynamics: the row stays, and the story says who deleted what.
    let people = vec![person(1, "Paul", "Cannon", "Europe/Berlin")];
    let keep = "\n[policy]\ncontact_delete_from_exchange = \"never\"\n";
    let system = System::with(people, "state.url = \"memory:\"\n", keep);
    let id = system.create(0, "contacts", &json!({ "lastname": "Mitchell" }));
    system.settled();
    system.delete_contact(0, &id_of(&system.contacts(0)[0]));
    system.settled();
    let told = row(&system, 0, id);
    assert_eq!(decision(&told), ("CONT-10", vec![Code::NotRecreated]));
    assert_eq!(fact(&told, Stage::Match, FactName::Link), "deleted in Exchange, kept in Dynamics");
}

#[test]
fn copy_01_a_copy_says_whose_marker_it_carries() {
    // The copy is left alone; the original goes on.
    let system = two();
    let event = system.new_event(0, &tracked_event("Review", SOON));
    system.settled();
    let copy = system.copy_event(0, &event);
    let told = one(&system, 0, Side::Exchange, &copy);
    assert_eq!(decision(&told), ("COPY-01", vec![Code::CopiedItem]));
    assert!(one(&system, 0, Side::Exchange, &event).summary.starts_with("In step"));
}

#[test]
fn rec_10_a_recurring_task_says_so() {
    // Left alone for what it is.
    let system = two();
    let mut daily = json!({ "title": "Daily", "categories": [CATEGORY] });
    daily["dueDateTime"] = json!({ "dateTime": "2026-12-01T00:00:00", "timeZone": "UTC" });
    daily["recurrence"] = json!({
        "pattern": { "type": "daily", "interval": 1 },
        "range": { "type": "noEnd", "startDate": "2026-12-01" },
    });
    let id = system.new_task(0, &daily);
    system.settled();
    let told = one(&system, 0, Side::Exchange, &id);
    assert_eq!(decision(&told), ("REC-10", vec![Code::RecurringTask]));
    assert_eq!(fact(&told, Stage::Decide, FactName::Recurring), "yes");
}

#[test]
fn link_04_an_item_in_another_folder_says_so() {
    // A task that was moved to another list is there, only elsewhere.
    let system = two();
    let task = system.new_task(0, &json!({ "title": "Offer", "categories": [CATEGORY] }));
    system.settled();
    let id: Uuid = system.rows("tasks")[0]["activityid"].as_str().unwrap().parse().unwrap();
    let list = system.new_list(0, "Private");
    let (address, now) = (system.address(0), system.clock.now());
    system.organization().graph().user_move_task(&address, &task, &list, now).unwrap();
    system.settled();
    let told = row(&system, 0, id);
    assert_eq!(fact(&told, Stage::Match, FactName::Link), "unlinked: the item was moved");
    assert!(told.history.iter().any(|it| it.code == Some(Code::MovedAway)), "{told:?}");
}

#[test]
fn an_item_that_does_not_exist_is_explained_too() {
    // Unknown ids of either side, well formed or not, end in a story and never in an error.
    let system = two();
    let ids = [
        (Side::Dynamics, Uuid::from_u128(99).to_string()),
        (Side::Dynamics, "no guid".to_owned()),
        (Side::Exchange, "AAMkAGUwNjQ4".to_owned()),
        (Side::Exchange, "'; drop".to_owned()),
    ];
    for (side, id) in ids {
        let told = one(&system, 0, side, &id);
        assert!(told.summary.starts_with("Nothing is known"), "{id}: {}", told.summary);
        assert_eq!((told.kind, told.history.len()), (None, 0));
    }
}

#[test]
fn a_row_that_is_gone_is_told_from_the_journal() {
    // Both halves are deleted; who did what still stands in the history.
    let system = two();
    let id = system.create(0, "tasks", &json!({ "subject": "Offer" }));
    system.settled();
    system.delete(0, "tasks", id);
    system.settled();
    assert!(system.tasks(0).is_empty());
    let told = row(&system, 0, id);
    let verbs: Vec<Verb> = told.history.iter().map(|it| it.verb).collect();
    assert_eq!(verbs, [Verb::Delete(Side::Exchange), Verb::Create(Side::Exchange)]);
    assert_eq!(told.history[0].state, None);
}

#[test]
fn an_item_is_found_by_its_subject_on_either_side() {
    // One story for a pair; one for an item of one side alone; signs of patterns are plain text.
    let system = two();
    system.create(0, "tasks", &json!({ "subject": "100%_[sure]" }));
    system.create(0, "tasks", &json!({ "subject": "100 Xsure" }));
    system.new_event(
        0,
        &json!({ "subject": "O'Neil visits", "start": tracked_event("", SOON)["start"],
        "end": tracked_event("", SOON)["end"] }),
    );
    system.settled();
    let found = |text: &str| ask(&system, 0, Question::Subject(text.to_owned()));
    let pair = found("%_[sure");
    assert_eq!(pair.len(), 1);
    assert!(pair[0].native.dynamics.is_some() && pair[0].native.exchange.is_some());
    let alone = found("O'Neil");
    assert_eq!(alone.len(), 1);
    assert_eq!(alone[0].native.dynamics, None);
    assert!(found("nobody has this").is_empty());
    assert!(ask(&system, 1, Question::Subject("O'Neil".to_owned())).is_empty(), "not hers");
}

#[test]
fn what_was_decided_since_an_instant_is_told() {
    // Only items with a decision since then, each once.
    let system = two();
    system.create(0, "tasks", &json!({ "subject": "Old" }));
    system.settled();
    system.advance(3_600);
    let since: DateTime<Utc> = system.clock.now();
    let id = system.create(0, "tasks", &json!({ "subject": "New" }));
    system.settled();
    system.update(0, "tasks", id, &json!({ "subject": "Newer" }));
    system.settled();
    let told = ask(&system, 0, Question::Since(since));
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].link.map(|link| link.0), Some(id));
    assert_eq!(told[0].history.len(), 2);
}

#[test]
fn conf_03_the_facts_of_a_conflict_stand_in_the_journal() {
    // Both sides changed the subject: the record names the rule, the groups and the policy.
    let system = two();
    let id = system.create(0, "tasks", &json!({ "subject": "Offer" }));
    system.settled();
    system.update(0, "tasks", id, &json!({ "subject": "Offer D" }));
    system.edit_task(0, &id_of(&system.tasks(0)[0]), &json!({ "title": "Offer E" }));
    system.settled();
    let told = row(&system, 0, id);
    let record = &told.history[0];
    assert_eq!((record.rules[0].as_ref(), record.code), ("CONF-03", Some(Code::ConflictResolved)));
    let named = |name: FactName| record.facts.iter().find(|it| it.name == name).map(|it| &it.value);
    let subject = FactValue::Groups(vec![lockstep::domain::field::Group::Subject]);
    assert_eq!(named(FactName::RowChanged), Some(&subject));
    assert_eq!(named(FactName::ItemChanged), Some(&subject));
    assert_eq!(named(FactName::Conflict), Some(&FactValue::Word("default".into())));
}

#[test]
fn no_content_enters_the_store() {
    // Neither journal nor kept versions hold a word of an item that a reader of the file could see,
    // also after an update, a delete and a question by subject.
    let directory = tempfile::tempdir().unwrap();
    let node = format!("state.url = \"embedded:{}\"\n", directory.path().display());
    let people = vec![person(1, "Paul", "Cannon", "Europe/Berlin")];
    let system = System::with(people, &node, "");
    let secret = "Quarterly-Zanzibar";
    let id =
        system.create(0, "tasks", &json!({ "subject": secret, "description": "Kumquat-body" }));
    let mut event = tracked_event("Xylophone-event", SOON);
    event["location"] = json!({ "displayName": "Popocatepetl-room" });
    let event = system.new_event(0, &event);
    system.settled();
    system.update(0, "tasks", id, &json!({ "subject": "Wolpertinger-now" }));
    system.delete_event(0, &event);
    system.settled();
    let found = ask(&system, 0, Question::Subject("Wolpertinger".to_owned()));
    assert!(found[0].history.len() >= 2);
    let store = std::fs::read(directory.path().join("lockstep.redb")).unwrap();
    let holds = |word: &str| store.windows(word.len()).any(|part| part == word.as_bytes());
    for word in [secret, "Kumquat", "Xylophone", "Popocatepetl", "Wolpertinger", "paul.cannon"] {
        assert!(!holds(word), "{word} stands in the store");
    }
    // The scan sees what is there: rules and facts are.
    assert!(holds("FILT-02") && holds("row-changed"));
}

#[test]
fn a_story_is_told_by_the_command_and_by_a_running_node() {
    // Without a node the command reads by itself; while a node has the store, it asks the node. The
    // same item has the same decision, and its page says so.
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    let mut stand_ins =
        Running::start(&["sim", "--port", "0", "--mailboxes", "2", "--write-config", path]);
    stand_ins.line_with("the stand-ins listen on ");
    let synced = run(&["sync", "--once", "--config", path, "--format", "json"]);
    let mailbox = synced.json()["tenants"][0]["mailboxes"][0]["mailbox"].clone();
    let mailbox = mailbox.as_str().unwrap().to_owned();
    let asked = |about: &[&str]| {
        let own = ["explain", "--config", path, "--tenant", "contoso", "--mailbox", &mailbox];
        run(&[&own[..], about].concat())
    };
    let since = asked(&["--since", "2020-01-01T00:00:00Z", "--format", "json"]);
    assert_eq!(since.code, Some(0), "{since:?}");
    let stories = since.json()["stories"].clone();
    let told = stories.as_array().unwrap();
    let row = told.iter().find_map(|it| it["dynamics"].as_str()).unwrap().to_owned();
    let table = asked(&["--dynamics", &row]);
    for word in ["detect", "scope", "match", "decide", "write", "verify", "change:", "facts:"] {
        assert!(table.out.contains(word), "{word}: {}", table.out);
    }
    let missing = asked(&["--dynamics", "x"]);
    assert!(missing.err.contains("--dynamics wants a guid"), "{missing:?}");
    let port = free_port();
    let file = directory.path().join("lockstep.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    put(
        directory.path(),
        "lockstep.toml",
        &format!("[node]\nlisten = \"127.0.0.1:{port}\"\n{text}"),
    );
    let _node = Running::start(&["serve", "--config", path]);
    let url = format!("http://127.0.0.1:{port}");
    until(Duration::from_secs(60), "the tenants are read", || {
        let tenants = get(&format!("{url}/api/v1/tenants"))?;
        let tenants = tenants["tenants"].as_array().filter(|list| !list.is_empty())?.clone();
        tenants.iter().all(|one| !one["profileRead"].is_null()).then_some(())
    });
    let by_node = asked(&["--dynamics", &row, "--format", "json"]);
    assert_eq!(by_node.code, Some(0), "{by_node:?}");
    let one = by_node.json()["stories"][0].clone();
    assert_eq!(one["dynamics"], json!(row));
    let page = page(port, &format!("/tenants/contoso/mailboxes/{mailbox}/items/{row}"));
    assert!(page.starts_with("HTTP/1.1 200") && page.contains("What would change it"), "{page}");
    let nobody = asked(&["--url", &url, "--subject", "nobody has this"]);
    assert_eq!(nobody.code, Some(0), "{nobody:?}");
    assert!(nobody.out.contains("Neither side shows"), "{nobody:?}");
}

/// Reads a page as a browser gets it.
fn page(port: u16, path: &str) -> String {
    use std::io::{Read as _, Write as _};
    let mut wire = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    let asked = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    wire.write_all(asked.as_bytes()).unwrap();
    let mut text = String::new();
    wire.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn a_story_in_json_has_every_part() {
    // What programs read: steps with rules, codes, facts, results and changes; filters; history.
    let system = two();
    let id = system.create(0, "tasks", &json!({ "subject": "Offer" }));
    system.settled();
    let told: Value = story::story(&row(&system, 0, id));
    assert_eq!(told["steps"].as_array().map(Vec::len), Some(6));
    assert_eq!(told["steps"][3]["step"], "decide");
    assert!(told["steps"][3]["rules"][0]["sentence"].is_string());
    assert_eq!(told["history"][0]["writes"][0]["ending"], "done");
    assert!(told["filters"][0]["matches"].is_boolean());
    assert_eq!(told["link"], json!(id));
}
