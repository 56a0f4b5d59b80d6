//! Classes A to D and N: lost replies, many attendees, lost state, a copy every cycle, and one bad
//! item among others.

use lockstep::domain::code::Code;
use lockstep::sim::faults::{FarSide, FaultPlan};
use lockstep::sim::graph::MailKind;
use serde_json::json;

use super::{FUTURE, count, five, lose_replies};
use crate::harness::{CATEGORY, SIGNAL, guid, id_of, tracked_event, two};

#[test]
fn odoo_242064_olkcli_75_lost_reply_makes_no_second_copy() {
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
fn odoo_242064_lost_reply_outside_the_window_and_then_a_lost_store_make_no_second_copy() {
    // Long over or years ahead: no feed lists the event, and its row does not name it yet.
    for start in ["2026-10-01T10:00:00Z", "2029-10-01T10:00:00Z"] {
        let mut system = two();
        system.create(0, "appointments", &system.meeting("Talk", start, &[system.party(0, 7)]));
        let mailboxes = system.enrol();
        lose_replies(&system, FarSide::Graph, 20);
        system.run(mailboxes, 1);
        system.organization().set_faults(FaultPlan::none());
        assert_eq!(system.events(0).len(), 1, "{start}");
        let named = system.rows("appointments")[0]["globalobjectid"].clone();
        assert!(named.is_null(), "{named}");
        system.lose_state();
        system.advance(20);
        system.settled();
        assert_eq!((system.events(0).len(), system.rows("appointments").len()), (1, 1), "{start}");
        assert!(system.mails().is_empty());
    }
}

#[test]
fn odoo_242064_lost_store_between_a_row_and_the_mark_of_its_item_makes_no_second_copy() {
    // The rows were made, their items name them not yet, and nobody remembers either.
    let mut system = two();
    system.new_task(0, &json!({ "title": "Call", "categories": [CATEGORY] }));
    let signal = json!([{ "id": SIGNAL, "value": "1" }]);
    system
        .new_contact(0, &json!({ "surname": "Mitchell", "singleValueExtendedProperties": signal }));
    let mailboxes = system.enrol();
    lose_replies(&system, FarSide::Dataverse, 20);
    system.run(mailboxes, 1);
    system.organization().set_faults(FaultPlan::none());
    assert_eq!((system.rows("tasks").len(), system.rows("contacts").len()), (1, 1));
    let before = system.writes();
    system.lose_state();
    system.settled();
    assert_eq!((system.tasks(0).len(), system.rows("tasks").len()), (1, 1));
    assert_eq!((system.contacts(0).len(), system.rows("contacts").len()), (1, 1));
    // Each item was marked, so that it names its row from now on.
    assert!(system.writes().1 >= before.1 + 2, "{before:?} {:?}", system.writes());
    let row = guid(&system.rows("tasks")[0], "activityid");
    system.update(0, "tasks", row, &json!({ "subject": "Call Anna" }));
    system.settled();
    assert_eq!(system.tasks(0)[0]["title"], "Call Anna");
}

#[test]
fn odoo_229646_lost_reply_to_an_update_or_delete_mails_once() {
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
fn odoo_109915_the_second_mailboxs_first_synchronization_mails_nobody() {
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
fn odoo_70769_odoo_75088_a_meeting_tracked_by_all_attendees_is_one_row() {
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
fn odoo_241997_guests_of_an_outsider_who_track_at_once_share_a_row() {
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
fn odoo_143781_a_lost_store_makes_no_duplicates() {
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
fn keeper_541_deletes_are_not_resurrected_by_a_lost_store() {
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
fn ogcs_1789_ogcs_1989_ten_cycles_make_no_copy_and_no_write() {
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

#[test]
fn ocs_214_an_accepted_invitation_makes_no_second_event() {
    // Laura accepts in Outlook and tracks what she accepted: one event in each calendar, one row,
    // and no mail but the invitation and the answer that Exchange itself sends.
    let system = two();
    let parties = [system.party(0, 7), system.party(1, 5)];
    system.create(0, "appointments", &system.meeting("Review", FUTURE, &parties));
    system.settled();
    let hers = id_of(&system.events(1)[0]);
    let (address, now) = (system.address(1), system.clock.now());
    system.organization().graph().user_respond(&address, &hers, "accept", now).unwrap();
    system.edit_event(1, &hers, &json!({ "categories": [CATEGORY] }));
    system.settled();
    system.advance(600);
    system.settled();
    assert_eq!((system.events(0).len(), system.events(1).len()), (1, 1));
    assert_eq!(system.rows("appointments").len(), 1);
    assert_eq!((count(&system, MailKind::Invitation), count(&system, MailKind::Update)), (1, 0));
}

#[test]
fn vdirsyncer_397_two_items_of_one_identity_do_not_stop_the_others() {
    // A copied card carries the marker of another: it is left alone with a code, and what stands
    // beside it arrives from either side.
    let system = two();
    system.create(0, "contacts", &json!({ "lastname": "Twin" }));
    system.settled();
    let twin = id_of(&system.contacts(0)[0]);
    system.copy_contact(0, &twin);
    system.create(0, "contacts", &json!({ "lastname": "Healthy" }));
    system.new_event(0, &tracked_event("Healthy", FUTURE));
    system.settled();
    assert!(system.codes().contains(&Code::CopiedItem));
    assert_eq!((system.contacts(0).len(), system.rows("contacts").len()), (3, 2));
    assert_eq!(system.rows("appointments").len(), 1);
}
