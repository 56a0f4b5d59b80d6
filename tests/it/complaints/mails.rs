//! Classes H and J: throttling, and mail that nobody wanted.

use lockstep::domain::code::Code;
use lockstep::sim::faults::{FaultKind, FaultPlan, Scope};
use lockstep::sim::graph::MailKind;
use serde_json::json;

use super::{FUTURE, count, release};
use crate::harness::{CATEGORY, System, person, two};

#[test]
fn keeper_568_throttling_drops_no_item() {
    // Every other batch has a throttled part: all forty contacts and ten tasks arrive, once.
    let system = two();
    for n in 0..40 {
        system.create(0, "contacts", &json!({ "lastname": format!("Contact {n:02}") }));
    }
    for n in 0..10 {
        system.new_task(0, &json!({ "title": format!("Task {n}"), "categories": [CATEGORY] }));
    }
    let mailboxes = system.enrol();
    let kind = FaultKind::InnerThrottle { nth: 2, retry_after_s: 0 };
    system.organization().set_faults(FaultPlan::new(3).with(kind, 0.5, Scope::All));
    let results = system.run(mailboxes, 10);
    assert!(system.organization().faults().injected_of("inner_throttle") > 2, "{results:?}");
    system.organization().set_faults(FaultPlan::none());
    system.settled();
    let mut names: Vec<String> =
        system.contacts(0).iter().map(|one| one["surname"].to_string()).collect();
    names.sort();
    names.dedup();
    assert_eq!((names.len(), system.contacts(0).len()), (40, 40));
    assert_eq!((system.rows("tasks").len(), system.tasks(0).len()), (10, 10));
}

#[test]
fn ocs_116_a_storm_of_mail_is_halted_before_the_first() {
    // More people than the budget allows: nothing is sent, and the mailbox says why.
    let people = (1..6).map(|n| person(n, &format!("P{n}"), "Q", "Europe/Berlin")).collect();
    let tenant = "\n[limits]\nmails_per_cycle = 3\n";
    let system = System::with(people, "state.url = \"memory:\"\n", tenant);
    let mut parties = vec![system.party(0, 7)];
    parties.extend((1..5).map(|at| system.party(at, 5)));
    system.create(0, "appointments", &system.meeting("All hands", FUTURE, &parties));
    let result = system.one_pass(0);
    assert_eq!(result.end.map(|(code, _)| code), Some(Code::MailBudget));
    assert!(system.mails().is_empty() && system.events(0).is_empty());
    release(&system);
    assert_eq!(system.mails().len(), 4);
}

#[test]
fn odoo_803_a_first_synchronization_mails_nobody_about_the_past() {
    // Twenty past meetings with guests and one still to come: one invitation.
    let system = two();
    let parties = [system.party(0, 7), system.party(1, 5)];
    for day in 1..=20 {
        let start = format!("2026-11-{day:02}T10:00:00Z");
        system.create(0, "appointments", &system.meeting(&start, &start, &parties));
    }
    system.create(0, "appointments", &system.meeting("Next", FUTURE, &parties));
    system.settled();
    assert_eq!(system.events(0).len(), 21);
    assert_eq!((count(&system, MailKind::Invitation), system.mails().len()), (1, 1));
}

#[test]
fn kb_4345686_a_changed_filter_cancels_only_what_the_rules_say() {
    // The organizer's filter no longer names the meeting. Told apart: the event stays and nobody is
    // mailed. By Microsoft's default: one cancellation, and none for a meeting that began.
    let nothing = "<fetch><entity name=\"appointment\"><attribute name=\"activityid\"/><filter>\
        <condition attribute=\"subject\" operator=\"eq\" value=\"nothing\"/></filter></entity>\
        </fetch>";
    for (distinct, start, left, mails) in
        [("true", FUTURE, 1, 0), ("false", FUTURE, 0, 1), ("false", "2026-11-24T10:00:00Z", 1, 0)]
    {
        let system = two();
        system.setting("DistinctPhysicalAndLogicalDeletesForExchangeSync", distinct);
        let parties = [system.party(0, 7), system.party(1, 5)];
        system.create(0, "appointments", &system.meeting("Review", start, &parties));
        system.settled();
        system.advance(7_200);
        let user = system.user(0);
        system.organization().dataverse().set_user_filters(user, "appointment", &[nothing]);
        system.settled();
        assert_eq!(system.events(0).len(), left, "{distinct} {start}");
        assert_eq!(count(&system, MailKind::Cancellation), mails, "{distinct} {start}");
    }
}
