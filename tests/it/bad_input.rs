//! Bad input and bad far sides: a clear error or an item left alone, the others go on, nothing is
//! lost, and when the fault is over both sides are in step.

use std::sync::Arc;

use lockstep::app::once::{self, MailboxResult};
use lockstep::domain::code::Code;
use lockstep::domain::policy::Mailbox;
use lockstep::sim::dataverse::{Depth, Privileges};
use lockstep::sim::faults::{FarSide, FaultKind, FaultPlan, Scope};
use lockstep::sim::graph::MailboxState;
use lockstep::sim::world::OrganizationSpec;
use serde_json::{Value, json};

use crate::harness::{CATEGORY, System, id_of, person, tracked_event, two};

const SIDES: [FarSide; 2] = [FarSide::Dataverse, FarSide::Graph];

fn plan(kind: FaultKind, scope: Scope) -> FaultPlan {
    FaultPlan::new(1).with(kind, 1.0, scope)
}

/// A system with one agreed item of each kind in Paul's mailbox.
fn agreed() -> System {
    let system = two();
    system.create(0, "contacts", &json!({ "lastname": "Mitchell", "telephone1": "1" }));
    system.create(0, "tasks", &json!({ "subject": "Offer" }));
    let party = [system.party(0, 7)];
    let talk = system.meeting("Talk", "2026-12-01T10:00:00Z", &party);
    system.create(0, "appointments", &talk);
    system.settled();
    assert_counts(&system, [1, 1, 1]);
    system
}

/// Edits both sides, so that there is something to lose.
fn edit(system: &System) {
    let row = &system.rows("contacts")[0];
    let id = crate::harness::guid(row, "contactid");
    system.update(0, "contacts", id, &json!({ "telephone1": "2" }));
    system.edit_task(0, &id_of(&system.tasks(0)[0]), &json!({ "title": "Offer 2" }));
    system.new_task(0, &json!({ "title": "New task", "categories": [CATEGORY] }));
    system.create(0, "contacts", &json!({ "lastname": "New contact" }));
}

/// Both sides hold what `edit` wants, once.
fn assert_edited(system: &System) {
    assert_counts(system, [2, 2, 1]);
    let phones: Vec<Value> =
        system.contacts(0).iter().map(|one| one["businessPhones"].clone()).collect();
    assert!(phones.contains(&json!(["2"])), "{phones:?}");
    let subjects: Vec<Value> =
        system.rows("tasks").iter().map(|one| one["subject"].clone()).collect();
    assert!(subjects.contains(&json!("Offer 2")), "{subjects:?}");
    assert!(system.mails().is_empty());
}

/// Contacts, tasks and appointments, the same on both sides.
fn assert_counts(system: &System, [contacts, tasks, events]: [usize; 3]) {
    assert_eq!((system.contacts(0).len(), system.rows("contacts").len()), (contacts, contacts));
    assert_eq!((system.tasks(0).len(), system.rows("tasks").len()), (tasks, tasks));
    assert_eq!((system.events(0).len(), system.rows("appointments").len()), (events, events));
}

fn code_of(results: &[MailboxResult], at: usize) -> Option<Code> {
    results[at].end.as_ref().map(|(code, _)| *code)
}

/// Runs one pass under a fault, checks every mailbox's end, ends the fault and checks the rest.
fn ends_with(kind: FaultKind, scope: Scope, expected: Code) {
    let system = agreed();
    edit(&system);
    let mailboxes: Vec<Arc<Mailbox>> = system.enrol();
    system.organization().set_faults(plan(kind.clone(), scope));
    let results = system.run(mailboxes, 1);
    assert!(system.organization().faults().injected_of(kind.name()) > 0, "the fault was met");
    for at in 0..results.len() {
        assert_eq!(code_of(&results, at), Some(expected), "{results:?}");
        let text = results[at].end.as_ref().map_or("", |(_, text)| text.as_str());
        assert!(!text.is_empty() && !text.contains("Mitchell"), "{text}");
    }
    system.organization().set_faults(FaultPlan::none());
    system.settled();
    assert_edited(&system);
}

fn reads(side: FarSide) -> Scope {
    Scope::Side(side).and(Scope::Reads)
}

#[test]
fn an_unreachable_dataverse_ends_the_cycle_and_loses_nothing() {
    // Every connection is reset: the cycle says so; afterwards both sides agree.
    ends_with(FaultKind::ResetBefore, Scope::Side(FarSide::Dataverse), Code::FarSideUnreachable);
}

#[test]
fn an_unreachable_exchange_ends_the_cycle_and_loses_nothing() {
    // The same for the other side.
    ends_with(FaultKind::ResetBefore, Scope::Side(FarSide::Graph), Code::FarSideUnreachable);
}

#[test]
fn a_failing_gateway_counts_as_unreachable() {
    // 502 with a page of HTML from both sides.
    for side in SIDES {
        ends_with(FaultKind::Refuse(502), reads(side), Code::FarSideUnreachable);
    }
}

#[test]
fn malformed_json_ends_the_cycle_and_loses_nothing() {
    // Answers that end too early are unreadable, never half taken.
    for side in SIDES {
        ends_with(FaultKind::MalformedJson, reads(side), Code::AnswerUnreadable);
    }
}

#[test]
fn a_body_of_two_gigabytes_is_cut_off() {
    // The answer is refused at its bound, long before its end.
    for side in SIDES {
        ends_with(FaultKind::HugeBody(2 << 30), reads(side), Code::AnswerTooLarge);
    }
}

#[test]
fn malformed_answers_to_writes_make_no_second_copy() {
    // The write happened and its answer is spoiled: it is looked up, not repeated.
    for side in SIDES {
        let system = agreed();
        edit(&system);
        let mailboxes = system.enrol();
        let scope = Scope::Side(side).and(Scope::Writes);
        system.organization().set_faults(plan(FaultKind::MalformedJson, scope));
        let results = system.run(mailboxes, 1);
        assert!(results[0].end.is_some() || results[0].unsettled > 0, "{results:?}");
        system.organization().set_faults(FaultPlan::none());
        system.settled();
        assert_edited(&system);
    }
}

#[test]
fn a_wrong_secret_is_named_and_the_right_one_mends_it() {
    // Refused credentials are an error of their own on either side.
    let mut system = agreed();
    edit(&system);
    let right = system.tenant.clone();
    let file = system.tenant_file();
    let wrong_exchange = file.replace("CONTOSO_EXCHANGE_SECRET", "WRONG_SECRET");
    assert_ne!(wrong_exchange, file);
    system.tenant = system.tenant_of(&wrong_exchange);
    let results = system.passes(1);
    assert_eq!(code_of(&results, 0), Some(Code::CredentialsRefused), "{results:?}");
    let wrong_dataverse = file.replace("CONTOSO_DATAVERSE_SECRET", "WRONG_SECRET");
    let tenant = system.tenant_of(&wrong_dataverse);
    let error = system.io.block_on(once::enrol(&tenant)).unwrap_err();
    assert!(error.to_string().contains("credentials refused"), "{error:#}");
    system.tenant = right;
    system.settled();
    assert_edited(&system);
}

#[test]
fn an_expired_or_withdrawn_token_is_renewed() {
    // Tokens live two minutes here: an hour later, and after a withdrawal, work goes on.
    let people = vec![person(1, "Paul", "Cannon", "Europe/Berlin")];
    let mut spec = OrganizationSpec::new("contoso", people, 7);
    spec.token_lifetime = chrono::Duration::seconds(120);
    let system = System::with_spec(spec, "state.url = \"memory:\"\n", "");
    system.create(0, "contacts", &json!({ "lastname": "One" }));
    system.settled();
    system.advance(3_600);
    system.create(0, "contacts", &json!({ "lastname": "Two" }));
    system.settled();
    system.organization().dataverse().revoke_tokens();
    system.organization().graph().revoke_tokens();
    system.create(0, "contacts", &json!({ "lastname": "Three" }));
    system.settled();
    assert_eq!(system.contacts(0).len(), 3);
}

#[test]
fn dataverse_pages_that_never_end_are_refused() {
    // Every page links to a further one: the profile is not read for ever.
    let system = agreed();
    edit(&system);
    system
        .organization()
        .set_faults(plan(FaultKind::EndlessPages, Scope::Side(FarSide::Dataverse)));
    let error = system.io.block_on(once::enrol(&system.tenant)).unwrap_err();
    assert!(error.to_string().contains("too large"), "{error:#}");
    system.organization().set_faults(FaultPlan::none());
    system.settled();
    assert_edited(&system);
}

#[test]
fn delta_pages_that_never_end_are_refused() {
    // Exchange answers one empty page after the other: the round is given up with a code.
    let system = agreed();
    edit(&system);
    system.organization().graph().expire_delta_tokens(None);
    let mailboxes = system.enrol();
    let from = "@odata.deltaLink".to_owned();
    let rewrite = FaultKind::Rewrite { from, to: "@odata.nextLink".to_owned() };
    system.organization().set_faults(plan(rewrite, Scope::Side(FarSide::Graph)));
    let results = system.run(mailboxes, 1);
    let code = code_of(&results, 0);
    assert!(matches!(code, Some(Code::AnswerTooLarge | Code::AnswerUnreadable)), "{results:?}");
    system.organization().set_faults(FaultPlan::none());
    system.settled();
    assert_edited(&system);
}

#[test]
fn filter_pages_that_never_end_are_refused() {
    // Every page of a filter says that there are more: the sweep gives up with a code, and nothing
    // is taken for gone.
    let system = agreed();
    edit(&system);
    let mailboxes = system.enrol();
    system.organization().dataverse().set_endless_fetches(true);
    let before = system.organization().dataverse().request_count();
    let results = system.run(mailboxes, 1);
    assert_eq!(code_of(&results, 0), Some(Code::AnswerTooLarge), "{results:?}");
    let asked = system.organization().dataverse().request_count() - before;
    assert!((40..2 * 60).contains(&asked), "{asked} requests of two mailboxes");
    system.organization().dataverse().set_endless_fetches(false);
    system.settled();
    assert_edited(&system);
}

#[test]
fn an_unknown_time_zone_leaves_the_event_alone_until_it_is_known() {
    // One event is told in a zone nobody knows: it waits with a code, the others are imported.
    let system = agreed();
    edit(&system);
    system.new_event(0, &tracked_event("Odd", "2026-12-07T10:00:00Z"));
    system.new_event(0, &tracked_event("Even", "2026-12-08T10:00:00Z"));
    let from = "\"dateTime\":\"2026-12-07T10:00:00.0000000\",\"timeZone\":\"UTC\"";
    let to = from.replace("UTC", "Mars/Olympus");
    let rewrite = FaultKind::Rewrite { from: from.to_owned(), to };
    system.organization().set_faults(plan(rewrite, Scope::Side(FarSide::Graph)));
    system.passes(3);
    assert!(system.codes().contains(&Code::TimeZoneUnknown));
    let subjects: Vec<Value> =
        system.rows("appointments").iter().map(|row| row["subject"].clone()).collect();
    assert!(subjects.contains(&json!("Even")) && !subjects.contains(&json!("Odd")), "{subjects:?}");
    system.organization().set_faults(FaultPlan::none());
    let odd = system.events(0).into_iter().find(|one| one["subject"] == "Odd").unwrap();
    system.edit_event(0, &id_of(&odd), &json!({ "importance": "high" }));
    system.settled();
    assert_counts(&system, [2, 2, 3]);
}

#[test]
fn an_event_without_a_required_field_is_left_alone_and_read_again() {
    // Exchange's reply lacks `isOrganizer`: nothing is guessed, nothing deleted, tasks go on.
    let system = agreed();
    edit(&system);
    system.new_event(0, &tracked_event("Odd", "2026-12-07T10:00:00Z"));
    let event = system.events(0).into_iter().find(|one| one["subject"] == "Talk").unwrap();
    system.edit_event(0, &id_of(&event), &json!({ "subject": "Talk 2" }));
    let rewrite =
        FaultKind::Rewrite { from: "\"isOrganizer\"".into(), to: "\"isOrganiser\"".into() };
    system.organization().set_faults(plan(rewrite, Scope::Side(FarSide::Graph)));
    system.passes(3);
    assert!(system.codes().contains(&Code::ReplyIncomplete));
    assert_eq!((system.rows("appointments").len(), system.events(0).len()), (1, 2));
    assert_eq!(system.rows("tasks").len(), 2);
    system.organization().set_faults(FaultPlan::none());
    system.settled();
    assert_counts(&system, [2, 2, 2]);
    let subjects: Vec<Value> =
        system.rows("appointments").iter().map(|row| row["subject"].clone()).collect();
    assert!(subjects.contains(&json!("Talk 2")), "{subjects:?}");
}

#[test]
fn a_row_without_a_required_column_is_left_alone_and_read_again() {
    // Dataverse's reply lacks a column that was asked for: the task waits, the contact goes on.
    let system = agreed();
    system.create(0, "tasks", &json!({ "subject": "New" }));
    system.create(0, "contacts", &json!({ "lastname": "New" }));
    let rewrite =
        FaultKind::Rewrite { from: "\"percentcomplete\"".into(), to: "\"percent\"".into() };
    system.organization().set_faults(plan(rewrite, Scope::Side(FarSide::Dataverse)));
    system.passes(3);
    assert!(system.codes().contains(&Code::ReplyIncomplete));
    assert_eq!((system.tasks(0).len(), system.contacts(0).len()), (1, 2));
    system.organization().set_faults(FaultPlan::none());
    system.settled();
    assert_counts(&system, [2, 2, 1]);
}

#[test]
fn a_subject_longer_than_the_column_is_cut_and_does_not_echo() {
    // 200 characters fit, 201 are cut in Dynamics; Exchange keeps the whole.
    let system = two();
    let (exact, long) = ("x".repeat(200), "y".repeat(201));
    system.new_event(0, &tracked_event(&exact, "2026-12-01T10:00:00Z"));
    system.new_event(0, &tracked_event(&long, "2026-12-02T10:00:00Z"));
    system.new_task(0, &json!({ "title": long, "categories": [CATEGORY] }));
    system.settled();
    assert!(system.codes().contains(&Code::TextTruncated));
    let subjects: Vec<String> = system
        .rows("appointments")
        .iter()
        .map(|row| row["subject"].as_str().unwrap().to_owned())
        .collect();
    assert!(subjects.contains(&exact));
    assert!(subjects.iter().all(|one| one.chars().count() <= 200));
    assert_eq!((system.rows("appointments").len(), system.rows("tasks").len()), (2, 1));
    let before = system.writes();
    system.advance(600);
    system.settled();
    assert_eq!(system.writes(), before);
    assert!(system.events(0).iter().any(|one| one["subject"] == json!(long)));
    assert_eq!(system.tasks(0)[0]["title"], json!(long));
}

#[test]
fn a_date_in_the_year_9999_is_left_alone_on_either_side() {
    // Outlook ends in 4500: the item waits with a code, its neighbours go on.
    let system = agreed();
    edit(&system);
    let party = [system.party(0, 7)];
    let mut far = system.meeting("Far row", "2026-12-01T10:00:00Z", &party);
    far["scheduledstart"] = json!("9999-12-30T10:00:00Z");
    far["scheduledend"] = json!("9999-12-30T11:00:00Z");
    system.create(0, "appointments", &far);
    let due = json!({ "subject": "Far task", "scheduledend": "9999-12-30T10:00:00Z" });
    system.create(0, "tasks", &due);
    let there = json!({ "dateTime": "9999-12-30T00:00:00", "timeZone": "UTC" });
    let item = json!({ "title": "Far item", "categories": [CATEGORY], "dueDateTime": there });
    system.new_task(0, &item);
    system.settled();
    assert!(system.codes().contains(&Code::DateOutOfRange));
    let titles: Vec<Value> = system.tasks(0).iter().map(|one| one["title"].clone()).collect();
    assert!(!titles.contains(&json!("Far task")), "{titles:?}");
    assert!(system.rows("tasks").iter().all(|row| row["subject"] != "Far item"));
    assert!(system.events(0).iter().all(|one| one["subject"] != "Far row"));
    assert_eq!((system.contacts(0).len(), system.tasks(0).len()), (2, 3));
    // A sensible date brings it over.
    let row = system.rows("tasks").into_iter().find(|row| row["subject"] == "Far task").unwrap();
    let id = crate::harness::guid(&row, "activityid");
    system.update(0, "tasks", id, &json!({ "scheduledend": "2027-01-04T10:00:00Z" }));
    system.settled();
    assert!(system.tasks(0).iter().any(|one| one["title"] == "Far task"));
}

#[test]
fn what_changed_together_with_an_impossible_date_arrives_with_a_possible_one() {
    // Subject and date change at once, the date is none: the subject waits and is not forgotten.
    let system = agreed();
    let task = crate::harness::guid(&system.rows("tasks")[0], "activityid");
    let talk = crate::harness::guid(&system.rows("appointments")[0], "activityid");
    let far = json!({ "subject": "Far", "scheduledend": "9999-12-30T10:00:00Z" });
    system.update(0, "tasks", task, &far);
    system.update(0, "appointments", talk, &far);
    system.passes(3);
    assert!(system.codes().contains(&Code::DateOutOfRange));
    assert_eq!(
        (&system.tasks(0)[0]["title"], &system.events(0)[0]["subject"]),
        (&json!("Offer"), &json!("Talk"))
    );
    system.update(0, "tasks", task, &json!({ "scheduledend": "2027-01-04T10:00:00Z" }));
    system.update(0, "appointments", talk, &json!({ "scheduledend": "2026-12-01T12:00:00Z" }));
    system.settled();
    assert_eq!(
        (&system.tasks(0)[0]["title"], &system.events(0)[0]["subject"]),
        (&json!("Far"), &json!("Far"))
    );
    assert!(
        system.events(0)[0]["end"]["dateTime"].as_str().unwrap().starts_with("2026-12-01T12:00")
    );
    assert!(system.mails().is_empty());
}

#[test]
fn a_filter_that_the_far_side_refuses_deletes_nothing() {
    // Its rows cannot be told to have left; other tables go on; a mended filter catches up.
    let system = agreed();
    edit(&system);
    let user = system.user(0);
    let filter = |attribute: &str| {
        format!(
            "<fetch><entity name=\"contact\"><attribute name=\"contactid\"/><filter><condition \
             attribute=\"{attribute}\" operator=\"eq-userid\"/></filter></entity></fetch>"
        )
    };
    for broken in [filter("nosuchcolumn"), "<fetch><entity".to_owned(), String::new()] {
        system.organization().dataverse().set_user_filters(user, "contact", &[&broken]);
        system.passes(3);
        assert_eq!(system.contacts(0).len(), 1, "{broken}");
        assert_eq!(system.rows("tasks").len(), 2, "tasks go on");
    }
    system.organization().dataverse().set_user_filters(user, "contact", &[&filter("ownerid")]);
    system.settled();
    assert_edited(&system);
}

#[test]
fn a_user_who_may_no_longer_read_a_table_loses_no_item() {
    // The privilege to read contacts goes: no contact is deleted anywhere, tasks go on.
    let system = agreed();
    let none = Privileges { read: Depth::None, write: Depth::None };
    let own = Privileges { read: Depth::User, write: Depth::User };
    edit(&system);
    system.organization().dataverse().set_privileges("contact", none);
    system.passes(3);
    assert_eq!((system.contacts(0).len(), system.rows("contacts").len()), (1, 2));
    assert_eq!(system.rows("tasks").len(), 2);
    system.organization().dataverse().set_privileges("contact", own);
    system.settled();
    assert_edited(&system);
}

#[test]
fn a_user_who_may_no_longer_write_a_table_keeps_his_edit() {
    // The write is refused with a code for the item; the right comes back and so does the edit.
    let system = agreed();
    let read = Privileges { read: Depth::User, write: Depth::None };
    let own = Privileges { read: Depth::User, write: Depth::User };
    system.organization().dataverse().set_privileges("task", read);
    system.edit_task(0, &id_of(&system.tasks(0)[0]), &json!({ "title": "Offer 2" }));
    system.new_task(0, &json!({ "title": "New task", "categories": [CATEGORY] }));
    system.create(0, "contacts", &json!({ "lastname": "New contact" }));
    system.passes(2);
    assert!(system.codes().contains(&Code::PrivilegeMissing));
    assert_eq!((system.contacts(0).len(), system.tasks(0).len()), (2, 2));
    assert_eq!(system.tasks(0)[0]["title"], "Offer 2", "the user's edit is not overwritten");
    system.organization().dataverse().set_privileges("task", own);
    system.settled();
    assert_counts(&system, [2, 2, 1]);
    assert!(system.rows("tasks").iter().any(|row| row["subject"] == "Offer 2"));
}

#[test]
fn a_mailbox_that_exchange_denies_stops_alone() {
    // Denied or not there: a code for this mailbox, nothing deleted, the other goes on.
    for state in [MailboxState::Denied, MailboxState::NotEnabled] {
        let system = agreed();
        edit(&system);
        system.create(1, "contacts", &json!({ "lastname": "Laura's" }));
        let address = system.address(0);
        system.organization().graph().set_mailbox_state(&address, state);
        let results = system.passes(2);
        let paul = results.iter().position(|one| one.mailbox.address.as_str() == address).unwrap();
        assert_eq!(code_of(&results, paul), Some(Code::MailboxUnreachable), "{results:?}");
        assert_eq!(system.contacts(1).len(), 1);
        assert_eq!(system.rows("tasks").len(), 1, "nothing is deleted in Dynamics");
        system.organization().graph().set_mailbox_state(&address, MailboxState::Enabled);
        system.settled();
        assert_eq!((system.contacts(0).len(), system.tasks(0).len()), (2, 2));
        assert_eq!(system.rows("tasks").len(), 2);
    }
}

#[test]
fn delta_tokens_that_always_expire_only_cost_time() {
    // Each round starts over: edits arrive, nothing is doubled, deleted or written for nothing.
    let system = agreed();
    edit(&system);
    for _ in 0..4 {
        system.organization().graph().expire_delta_tokens(None);
        system.organization().dataverse().expire_delta_tokens();
        system.advance(600);
        system.passes(1);
    }
    assert_edited(&system);
    let before = system.writes();
    system.organization().graph().expire_delta_tokens(None);
    system.passes(1);
    assert_eq!(system.writes(), before);
}

#[test]
fn throttling_is_waited_for() {
    // 429 with a short Retry-After: the same pass succeeds.
    for side in SIDES {
        let system = agreed();
        edit(&system);
        let mailboxes = system.enrol();
        let mut plan = FaultPlan::new(1);
        let kind = FaultKind::Throttle { status: 429, retry_after_s: 1 };
        plan.add(kind, 1.0, Scope::Side(side)).times(2);
        system.organization().set_faults(plan);
        for result in system.run(mailboxes, 6) {
            assert!(result.quiet, "{result:?}");
        }
        assert_eq!(system.organization().faults().injected_of("throttle"), 2);
        assert_edited(&system);
    }
}

#[test]
fn a_long_throttling_puts_the_cycle_off() {
    // A wait beyond a minute is not sat out within the cycle; the mailbox says so at once.
    for side in SIDES {
        let mut system = agreed();
        edit(&system);
        let mailboxes = system.enrol();
        let kind = FaultKind::Throttle { status: 429, retry_after_s: 600 };
        system.organization().set_faults(plan(kind, Scope::Side(side)));
        let results = system.run(mailboxes, 1);
        assert_eq!(code_of(&results, 0), Some(Code::PutOff), "{results:?}");
        system.organization().set_faults(FaultPlan::none());
        // A restart stands for the ten minutes; the state is the same.
        system.tenant = system.tenant_with("");
        system.settled();
        assert_edited(&system);
    }
}

#[test]
fn an_inner_429_is_met_in_reads_and_writes() {
    // The outer answer is 200: the throttled part is repeated, the others are not.
    for side in SIDES {
        for nth in [0, 1] {
            let system = agreed();
            edit(&system);
            let mailboxes = system.enrol();
            let mut plan = FaultPlan::new(1);
            let kind = FaultKind::InnerThrottle { nth, retry_after_s: 1 };
            let writes = Scope::Side(side).and(Scope::Writes);
            plan.add(kind.clone(), 1.0, writes).times(1);
            plan.add(kind, 1.0, reads(side)).times(1);
            system.organization().set_faults(plan);
            system.run(mailboxes, 4);
            assert_eq!(system.organization().faults().injected_of("inner_throttle"), 2, "{side:?}");
            system.settled();
            assert_edited(&system);
        }
    }
}
