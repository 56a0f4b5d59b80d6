//! What users of such programs complain about, each as a test: the letters are the classes of
//! complaints known in this field (lost replies, copies, storms of mail, shifted times, loops).

use std::sync::Arc;

use lockstep::actors::messages::Ended;
use lockstep::cycle::{CycleEnd, Orders};
use lockstep::domain::code::Code;
use lockstep::sim::dataverse::{Depth, Privileges};
use lockstep::sim::faults::{FarSide, FaultKind, FaultPlan, Scope};
use lockstep::sim::graph::MailKind;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{CATEGORY, System, guid, id_of, person, tracked_event, two};

const FUTURE: &str = "2026-12-01T10:00:00Z";

fn five() -> System {
    System::new(vec![
        person(1, "Paul", "Cannon", "Europe/Berlin"),
        person(2, "Laura", "Norman", "America/New_York"),
        person(3, "Asha", "Rao", "Asia/Kolkata"),
        person(4, "Ben", "Howe", "Australia/Lord_Howe"),
        person(5, "Cara", "Diaz", "America/Sao_Paulo"),
    ])
}

fn count(system: &System, wanted: MailKind) -> usize {
    system.mails().into_iter().filter(|(kind, _)| *kind == wanted).count()
}

/// Lets the next writes to a side happen and their answers be lost.
fn lose_replies(system: &System, side: FarSide, times: u32) {
    let mut plan = FaultPlan::new(1);
    let scope = Scope::Side(side).and(Scope::Writes);
    plan.add(FaultKind::ResetAfterCommit, 1.0, scope).times(times);
    system.organization().set_faults(plan);
}

#[test]
fn complaint_a_a_lost_reply_makes_no_second_copy() {
    // The create happened and its answer was lost, up to three times in a row: one copy of each.
    for side in [FarSide::Dataverse, FarSide::Graph] {
        for times in [1, 3] {
            let system = two();
            system.create(0, "contacts", &json!({ "lastname": "Mitchell" }));
            system.create(0, "tasks", &json!({ "subject": "Offer" }));
            let parties = [system.party(0, 7), system.party(1, 5)];
            system.create(0, "appointments", &system.meeting("Talk", FUTURE, &parties));
            system.new_task(0, &json!({ "title": "Call", "categories": [CATEGORY] }));
            system.new_event(0, &tracked_event("Walk", "2026-12-02T10:00:00Z"));
            let mailboxes = system.enrol();
            lose_replies(&system, side, times);
            system.run(mailboxes, 3);
            assert!(system.organization().faults().injected_of("reset_after_commit") > 0);
            system.organization().set_faults(FaultPlan::none());
            system.settled();
            assert_eq!((system.contacts(0).len(), system.rows("contacts").len()), (1, 1));
            assert_eq!((system.tasks(0).len(), system.rows("tasks").len()), (2, 2));
            assert_eq!((system.events(0).len(), system.rows("appointments").len()), (2, 2));
            assert_eq!((system.events(1).len(), system.mails().len()), (1, 1), "{side:?} {times}");
        }
    }
}

#[test]
fn complaint_a_a_lost_reply_to_an_update_or_delete_is_harmless() {
    // Updates and deletes whose answers were lost end in step, and mail once.
    for side in [FarSide::Dataverse, FarSide::Graph] {
        let system = two();
        let kept = system.create(0, "tasks", &json!({ "subject": "Kept" }));
        system.create(0, "tasks", &json!({ "subject": "Gone there" }));
        let here = system.create(0, "tasks", &json!({ "subject": "Gone here" }));
        let parties = [system.party(0, 7), system.party(1, 5)];
        let talk = system.meeting("Talk", FUTURE, &parties);
        let talk = system.create(0, "appointments", &talk);
        system.settled();
        system.update(0, "appointments", talk, &json!({ "location": "Room 4" }));
        system.delete(0, "tasks", here);
        for task in system.tasks(0) {
            match task["title"].as_str() {
                Some("Kept") => {
                    system.edit_task(0, &id_of(&task), &json!({ "importance": "high" }))
                }
                Some("Gone there") => system.delete_task(0, &id_of(&task)),
                _ => {}
            }
        }
        let mailboxes = system.enrol();
        lose_replies(&system, side, 2);
        system.run(mailboxes, 2);
        system.organization().set_faults(FaultPlan::none());
        system.settled();
        assert_eq!((system.tasks(0).len(), system.rows("tasks").len()), (1, 1), "{side:?}");
        assert_eq!(system.row("tasks", kept).unwrap()["prioritycode"], 2);
        assert_eq!(system.events(1)[0]["location"]["displayName"], "Room 4");
        assert_eq!((count(&system, MailKind::Update), system.mails().len()), (1, 2), "{side:?}");
    }
}

#[test]
fn complaint_b_many_attendees_make_no_copies() {
    // Five people are in one meeting, all mailboxes run at once: one row, one event each, and
    // four invitations. The last one's first synchronization changes nothing.
    let system = five();
    let late = system.organization().people[4].mailbox_id;
    let set = |method: i64| {
        let organization = system.organization();
        organization.dataverse().admin_set("mailboxes", late, "actdeliverymethod", json!(method));
    };
    set(2);
    let mut parties = vec![system.party(0, 7)];
    parties.extend((1..5).map(|at| system.party(at, 5)));
    system.create(0, "appointments", &system.meeting("All hands", FUTURE, &parties));
    system.settled();
    set(1);
    system.settled();
    for at in 0..5 {
        assert_eq!(system.events(at).len(), 1, "{at}");
    }
    assert_eq!(system.rows("appointments").len(), 1);
    assert_eq!((count(&system, MailKind::Invitation), system.mails().len()), (4, 4));
}

#[test]
fn complaint_b_a_meeting_tracked_by_all_attendees_is_one_row() {
    // Paul invites four in Outlook, all five track it, all mailboxes run at once: one row.
    let system = five();
    let to = |at| json!({ "emailAddress": { "address": system.address(at) }, "type": "required" });
    let mut body = tracked_event("All hands", FUTURE);
    body["attendees"] = (1..5).map(to).collect();
    system.new_event(0, &body);
    for at in 1..5 {
        let id = id_of(&system.events(at)[0]);
        system.edit_event(at, &id, &json!({ "categories": [CATEGORY] }));
    }
    let mails = system.mails();
    assert_eq!(mails.len(), 4);
    system.settled();
    assert_eq!(system.rows("appointments").len(), 1);
    for at in 0..5 {
        assert_eq!(system.events(at).len(), 1, "{at}");
    }
    assert_eq!(system.mails(), mails);
}

#[test]
fn complaint_b_guests_who_track_an_outsiders_meeting_at_once_share_a_row() {
    // Five guests of somebody else's meeting, all mailboxes at once: one row; then again, after a
    // lost store: still one.
    let mut system = five();
    let addresses: Vec<String> = (0..5).map(|at| system.address(at)).collect();
    let to: Vec<&str> = addresses.iter().map(String::as_str).collect();
    let mut body = tracked_event("Outside", FUTURE);
    body.as_object_mut().unwrap().remove("categories");
    let now = system.clock.now();
    let sent = system.organization().graph().external_event("x@fabrikam.example", &to, &body, now);
    sent.unwrap();
    for at in 0..5 {
        let id = id_of(&system.events(at)[0]);
        system.edit_event(at, &id, &json!({ "categories": [CATEGORY] }));
    }
    let mails = system.mails();
    system.settled();
    assert_eq!(system.rows("appointments").len(), 1);
    system.lose_state();
    system.settled();
    assert_eq!(system.rows("appointments").len(), 1);
    assert_eq!(system.mails(), mails);
}

#[test]
fn complaint_c_a_lost_store_makes_no_duplicates() {
    // Items of every kind and origin; the store is emptied: markers lead back to every pair.
    let mut system = two();
    let contact = system.create(0, "contacts", &json!({ "lastname": "Mitchell" }));
    let task = system.create(0, "tasks", &json!({ "subject": "Offer" }));
    system.create(0, "letters", &json!({ "subject": "Letter" }));
    let parties = [system.party(0, 7), system.party(1, 5)];
    let talk = system.create(0, "appointments", &system.meeting("Talk", FUTURE, &parties));
    let call = system.new_task(0, &json!({ "title": "Call", "categories": [CATEGORY] }));
    system.new_event(0, &tracked_event("Walk", "2026-12-02T10:00:00Z"));
    system.settled();
    let (before, mails) = (system.writes(), system.mails());
    system.lose_state();
    system.settled();
    assert_eq!(system.writes(), before, "nothing differs, so nothing is written");
    system.lose_state();
    system.update(0, "contacts", contact, &json!({ "jobtitle": "CEO" }));
    system.update(0, "tasks", task, &json!({ "subject": "Offer 2" }));
    system.edit_task(0, &call, &json!({ "title": "Call", "importance": "high" }));
    system.settled();
    assert_eq!((system.contacts(0).len(), system.rows("contacts").len()), (1, 1));
    assert_eq!((system.tasks(0).len(), system.rows("tasks").len()), (3, 2));
    assert_eq!(system.rows("letters").len(), 1);
    assert_eq!((system.events(0).len(), system.events(1).len()), (2, 1));
    assert_eq!(system.rows("appointments").len(), 2);
    assert_eq!(system.contacts(0)[0]["jobTitle"], "CEO");
    assert_eq!(system.mails(), mails);
    // The pairs are pairs again.
    system.update(0, "appointments", talk, &json!({ "location": "Room 4" }));
    system.settled();
    assert_eq!(system.events(1)[0]["location"]["displayName"], "Room 4");
    assert_eq!(count(&system, MailKind::Update), 1);
}

#[test]
fn complaint_c_deletes_are_not_resurrected_by_a_lost_store() {
    // Rows and items that went before the store was lost stay gone on both sides.
    let mut system = two();
    let row = system.create(0, "contacts", &json!({ "lastname": "Mitchell" }));
    let parties = [system.party(0, 7), system.party(1, 5)];
    let past = system.meeting("Past", "2026-11-24T10:00:00Z", &parties);
    let past = system.create(0, "appointments", &past);
    system.settled();
    system.advance(7_200);
    // CONT-03 and CXL-06: both items stay in Exchange, unlinked.
    system.delete(0, "contacts", row);
    system.delete(0, "appointments", past);
    system.settled();
    system.lose_state();
    system.settled();
    assert!(system.rows("contacts").is_empty() && system.rows("appointments").is_empty());
    assert_eq!((system.contacts(0).len(), system.events(0).len()), (1, 1));
    assert_eq!(system.mails().len(), 1);
}

#[test]
fn complaint_d_ten_cycles_make_no_copy_and_no_write() {
    // Texts that services rewrite, past items, items outside the window, replays: all stay quiet.
    let system = two();
    let notes = "Line 1\r\n\r\n  two  \r\n<b>no html</b> & more\t\r\n";
    let contact = json!({ "lastname": "Mitchell", "description": notes, "telephone1": " 1 " });
    system.create(0, "contacts", &contact);
    let body = json!({ "subject": "Offer", "description": notes });
    system.create(0, "tasks", &body);
    for start in [FUTURE, "2026-11-20T10:00:00Z", "2026-01-05T10:00:00Z", "2029-01-05T10:00:00Z"] {
        let mut meeting = system.meeting(start, start, &[system.party(0, 7)]);
        meeting["description"] = json!(notes);
        system.create(0, "appointments", &meeting);
    }
    let mut html = tracked_event("Html", "2026-12-02T10:00:00Z");
    html["body"] = json!({ "contentType": "html",
        "content": "<html><body><p>Hello</p><p>&nbsp;</p><ul><li>one</li></ul></body></html>" });
    system.new_event(0, &html);
    system.settled();
    let before = system.writes();
    system.organization().graph().set_delta_noise(400);
    for _ in 0..10 {
        system.advance(86_400);
        let now = system.clock.now();
        system.organization().graph().settle(now);
        system.passes(1);
    }
    assert_eq!(system.writes(), before);
    assert_eq!((system.events(0).len(), system.rows("appointments").len()), (5, 5));
    assert!(system.mails().is_empty());
}

/// Eight agreed tasks in Paul's mailbox.
fn eight() -> (System, Vec<Uuid>) {
    let system = two();
    let ids = (0..8).map(|n| system.create(0, "tasks", &json!({ "subject": format!("Task {n}") })));
    let ids = ids.collect();
    system.settled();
    assert_eq!(system.tasks(0).len(), 8);
    (system, ids)
}

fn halted(system: &System) {
    let result = system.one_pass(0);
    assert_eq!(result.end.map(|(code, _)| code), Some(Code::SideEmptied));
}

/// Lets one cycle pass, as an operator does.
fn release(system: &System) {
    let address = system.address(0);
    let mine = system.enrol().into_iter().find(|one| one.address.as_str() == address);
    let mine = mine.expect("the mailbox takes part");
    let cycle = |orders| system.io.block_on(system.tenant.clone().cycle(mine.clone(), orders));
    let Ended::End(CycleEnd::Halted(halt)) = cycle(Orders::default()) else { panic!("no halt") };
    let orders = Orders { released: Some(Arc::new(halt.stakes)), ..Orders::default() };
    assert!(matches!(cycle(orders), Ended::Report(_)));
}

#[test]
fn complaint_e_an_emptied_mailbox_does_not_empty_dynamics() {
    // All items vanish at once: the plan is halted, cycle after cycle, until somebody releases it.
    let (system, _) = eight();
    for task in system.tasks(0) {
        system.delete_task(0, &id_of(&task));
    }
    halted(&system);
    halted(&system);
    assert_eq!(system.rows("tasks").len(), 8);
    release(&system);
    system.settled();
    assert!(system.rows("tasks").is_empty());
}

#[test]
fn complaint_e_an_emptied_filter_does_not_empty_the_mailbox() {
    // The user's filter suddenly returns nothing: halted; a mended filter ends it without a loss.
    let (system, _) = eight();
    let user = system.user(0);
    let filter = |state: &str| {
        format!(
            "<fetch><entity name=\"task\"><attribute name=\"activityid\"/><filter><condition \
             attribute=\"statecode\" operator=\"eq\" value=\"{state}\"/></filter></entity></fetch>"
        )
    };
    system.organization().dataverse().set_user_filters(user, "task", &[&filter("2")]);
    halted(&system);
    assert_eq!(system.tasks(0).len(), 8);
    system.organization().dataverse().set_user_filters(user, "task", &[&filter("0")]);
    system.settled();
    assert_eq!(system.tasks(0).len(), 8);
}

#[test]
fn complaint_e_seven_of_eight_may_go() {
    // The brake is for an emptied side; what one person deletes by hand within the budget passes.
    let (system, ids) = eight();
    for id in &ids[1..] {
        system.delete(0, "tasks", *id);
    }
    system.settled();
    assert_eq!(system.tasks(0).len(), 1);
}

fn local(date_time: &str, zone: &str) -> Value {
    json!({ "dateTime": date_time, "timeZone": zone })
}

#[test]
fn complaint_g_meetings_keep_their_instant_in_odd_zones() {
    // Half-hour zones, a half-hour daylight saving, a zone without one: nothing is shifted.
    let system = five();
    let cases = [
        (2, "Asia/Kolkata", "2026-12-01T09:00:00", "2026-12-01T03:30:00Z"),
        (2, "India Standard Time", "2027-07-01T00:15:00", "2027-06-30T18:45:00Z"),
        (3, "Australia/Lord_Howe", "2026-12-01T09:00:00", "2026-11-30T22:00:00Z"),
        (3, "Australia/Lord_Howe", "2027-07-01T09:00:00", "2027-06-30T22:30:00Z"),
        (4, "America/Sao_Paulo", "2026-12-01T23:45:00", "2026-12-02T02:45:00Z"),
    ];
    for (n, (at, zone, start, _)) in cases.iter().enumerate() {
        let end = start.replace(":00:00", ":30:00").replace(":15:00", ":30:00");
        let end = end.replace("23:45:00", "23:50:00");
        let body = json!({ "subject": n.to_string(), "categories": [CATEGORY],
            "start": local(start, zone), "end": local(&end, zone) });
        system.new_event(*at, &body);
    }
    system.settled();
    for (n, (.., utc)) in cases.iter().enumerate() {
        let row = system
            .rows("appointments")
            .into_iter()
            .find(|one| one["subject"] == json!(n.to_string()));
        assert_eq!(row.unwrap()["scheduledstart"], *utc, "{n}");
    }
    // A change of something else moves no time on either side.
    let before: Vec<Value> =
        (2..5).flat_map(|at| system.events(at)).map(|e| e["start"].clone()).collect();
    for row in system.rows("appointments") {
        let id = guid(&row, "activityid");
        let at = (2..5).find(|at| guid(&row, "_ownerid_value") == system.user(*at)).unwrap();
        system.update(at, "appointments", id, &json!({ "location": "Room 4" }));
    }
    system.settled();
    let after: Vec<Value> =
        (2..5).flat_map(|at| system.events(at)).map(|e| e["start"].clone()).collect();
    assert_eq!(before, after);
    for (n, (.., utc)) in cases.iter().enumerate() {
        let row = system
            .rows("appointments")
            .into_iter()
            .find(|one| one["subject"] == json!(n.to_string()));
        assert_eq!(row.unwrap()["scheduledstart"], *utc, "{n}");
    }
}

#[test]
fn complaint_g_all_day_events_keep_their_day() {
    // In Kolkata and Lord Howe, at both ends of the year: the same day on both sides, no drift.
    let system = five();
    let days = [("2026-12-31", "2027-01-01"), ("2026-12-01", "2026-12-02")];
    for (at, zone) in [(2, "Asia/Kolkata"), (3, "Australia/Lord_Howe"), (4, "America/Sao_Paulo")] {
        for (first, last) in days {
            let body = json!({ "subject": format!("{zone} {first}"), "isAllDay": true,
                "categories": [CATEGORY], "start": local(&format!("{first}T00:00:00"), zone),
                "end": local(&format!("{last}T00:00:00"), zone) });
            system.new_event(at, &body);
        }
        let mut row =
            system.meeting(&format!("row {at}"), "2026-12-24T00:00:00Z", &[system.party(at, 7)]);
        row["isalldayevent"] = json!(true);
        row["scheduledend"] = json!("2026-12-25T00:00:00Z");
        system.create(at, "appointments", &row);
    }
    system.settled();
    let check = || {
        for row in system.rows("appointments") {
            assert_eq!(row["isalldayevent"], true);
            let subject = row["subject"].as_str().unwrap();
            let day =
                subject.split(' ').next_back().filter(|day| day.len() > 2).unwrap_or("2026-12-24");
            // Dynamics keeps the midnight of the zone in which the day was chosen.
            let start: chrono::DateTime<chrono::Utc> =
                row["scheduledstart"].as_str().unwrap().parse().unwrap();
            let zone = lockstep::domain::zone::Zone::from_name(subject.split(' ').next().unwrap());
            let local = zone.map_or(start.naive_utc(), |zone| zone.to_local(start));
            assert_eq!(local.to_string(), format!("{day} 00:00:00"), "{subject}");
        }
        for at in 2..5 {
            let event =
                system.events(at).into_iter().find(|one| one["subject"] == format!("row {at}"));
            let event = event.unwrap();
            assert_eq!(event["isAllDay"], true);
            assert!(
                event["start"]["dateTime"].as_str().unwrap().starts_with("2026-12-24T00:00:00")
            );
            assert!(event["end"]["dateTime"].as_str().unwrap().starts_with("2026-12-25T00:00:00"));
        }
    };
    check();
    for row in system.rows("appointments") {
        let at = (2..5).find(|at| guid(&row, "_ownerid_value") == system.user(*at)).unwrap();
        let id = guid(&row, "activityid");
        system.update(at, "appointments", id, &json!({ "location": "Home" }));
    }
    system.settled();
    check();
    let before = system.writes();
    system.advance(86_400);
    system.settled();
    assert_eq!(system.writes(), before);
}

#[test]
fn complaint_h_throttling_drops_no_item() {
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
fn complaint_i_a_poison_item_is_parked_and_blocks_nobody() {
    // Exchange refuses one task for ever: it is parked after its attempts, the others go on, it
    // costs nothing more, and a change gives it another chance.
    let people = vec![person(1, "Paul", "Cannon", "Europe/Berlin")];
    let tenant = "\n[limits]\nitem_attempts = 3\n";
    let system = System::with(people, "state.url = \"memory:\"\n", tenant);
    let all = Privileges { read: Depth::User, write: Depth::None };
    system.organization().dataverse().set_privileges("task", all);
    system.new_task(0, &json!({ "title": "Poison", "categories": [CATEGORY] }));
    system.create(0, "contacts", &json!({ "lastname": "Fine" }));
    system.passes(8);
    assert_eq!(system.contacts(0).len(), 1);
    let codes = system.codes();
    assert!(codes.contains(&Code::ItemParked), "{codes:?}");
    let quiet = system.passes(1);
    assert!(quiet[0].quiet, "{quiet:?}");
    let own = Privileges { read: Depth::User, write: Depth::User };
    system.organization().dataverse().set_privileges("task", own);
    let id = id_of(&system.tasks(0)[0]);
    system.edit_task(0, &id, &json!({ "title": "Cured" }));
    system.settled();
    assert_eq!(system.rows("tasks").len(), 1);
}

#[test]
fn complaint_i_what_vanished_is_not_asked_for_for_ever() {
    // Row and item go at the same time, and an item goes while its row is edited: then silence.
    let (system, ids) = eight();
    let tasks = system.tasks(0);
    let item = |n: usize| {
        let found = tasks.iter().find(|one| one["title"] == format!("Task {n}"));
        id_of(found.unwrap())
    };
    system.delete(0, "tasks", ids[0]);
    system.delete_task(0, &item(0));
    system.update(0, "tasks", ids[1], &json!({ "subject": "Edited" }));
    system.delete_task(0, &item(1));
    system.edit_task(0, &item(2), &json!({ "title": "Edited" }));
    system.delete(0, "tasks", ids[2]);
    system.settled();
    assert_eq!((system.tasks(0).len(), system.rows("tasks").len()), (5, 5));
    assert_eq!(system.links(0).len(), 5, "nothing is remembered of what is gone on both sides");
    system.organization().graph().set_delta_noise(0);
    let requests = || system.organization().graph().request_count();
    let mailboxes = system.enrol();
    let before = requests();
    system.run(mailboxes, 1);
    assert_eq!(requests() - before, 2, "one batch for each mailbox");
}

#[test]
fn complaint_j_a_storm_of_mail_is_halted_before_the_first() {
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
fn complaint_j_a_first_synchronization_mails_nobody_about_the_past() {
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
fn complaint_k_an_expired_token_hides_no_change() {
    // Edits, creates and deletes made around a 410 all arrive, and nothing else happens.
    let (system, ids) = eight();
    system.delete_task(0, &id_of(&system.tasks(0)[0]));
    let edited = system.tasks(0)[0]["title"].clone();
    system.edit_task(0, &id_of(&system.tasks(0)[0]), &json!({ "importance": "high" }));
    system.new_task(0, &json!({ "title": "New", "categories": [CATEGORY] }));
    system.organization().graph().expire_delta_tokens(None);
    system.organization().dataverse().expire_delta_tokens();
    system.settled();
    assert_eq!((system.tasks(0).len(), system.rows("tasks").len()), (8, 8));
    let row = system.rows("tasks").into_iter().find(|row| row["subject"] == edited).unwrap();
    assert_eq!(row["prioritycode"], 2);
    assert_eq!(ids.len(), 8);
}

#[test]
fn complaint_k_a_phantom_removal_deletes_nothing() {
    // Events beyond the window are told as removed whenever they change: they follow, and stay.
    let system = two();
    let ids: Vec<Uuid> = ["2026-01-05T10:00:00Z", "2029-01-05T10:00:00Z"]
        .map(|start| {
            let body = system.meeting(start, start, &[system.party(0, 7)]);
            system.create(0, "appointments", &body)
        })
        .to_vec();
    system.settled();
    for event in system.events(0) {
        system.edit_event(0, &id_of(&event), &json!({ "importance": "high" }));
    }
    system.advance(600);
    system.settled();
    assert_eq!(system.events(0).len(), 2);
    for id in ids {
        assert_eq!(system.row("appointments", id).unwrap()["prioritycode"], 2);
    }
}
