//! Contacts and leads of people whom no row knows (RES-03), through the whole system.

use lockstep::app::explain::{Question, answer};
use lockstep::app::once;
use lockstep::cycle::{Stage, Target};
use lockstep::domain::code::Code;
use lockstep::domain::ids::NativeId;
use lockstep::domain::side::Side;
use lockstep::sim::dataverse::{Depth, Privileges};
use lockstep::sim::faults::{FarSide, FaultKind, FaultPlan, Scope};
use lockstep::sim::poison::Harm;
use serde_json::{Value, json};

use crate::harness::{CATEGORY, System, guid, id_of, tracked_event, two};
use crate::plans::plan;

const SOON: &str = "2026-12-01T10:00:00Z";
const ANN: &str = "ann.lee@customer.example";

/// `autocreatecontactonpromote`: nothing 0, contacts 1, leads 2.
fn wants(system: &System, at: usize, choice: i64) {
    let (user, column) = (system.user(at), "autocreatecontactonpromote");
    let mut dataverse = system.organization().dataverse();
    dataverse.admin_set("usersettingscollection", user, column, json!(choice));
}

fn attendee(name: &str, address: &str) -> Value {
    json!({ "type": "required", "emailAddress": { "name": name, "address": address } })
}

/// Ann and whoever else attends.
fn meeting(subject: &str, others: &[&str]) -> Value {
    let mut event = tracked_event(subject, SOON);
    let others = others.iter().map(|to| attendee("", to));
    event["attendees"] = std::iter::once(attendee("Ann Lee", ANN)).chain(others).collect();
    event
}

/// Returns the party of an address in the only appointment.
fn party(system: &System, address: &str) -> Value {
    let row = system.rows("appointments").remove(0);
    let parties = row["parties"].as_array().unwrap().clone();
    let mut mine = parties.into_iter().filter(|party| party["addressused"] == address);
    mine.next().unwrap_or_else(|| panic!("no party {address}: {row}"))
}

fn people(system: &System) -> (usize, usize) {
    (system.rows("contacts").len(), system.rows("leads").len())
}

fn cites(system: &System) -> bool {
    system.lines().iter().any(|line| line.decision.rules.iter().any(|one| one.0 == "RES-03"))
}

#[test]
fn res_03_a_stranger_becomes_the_users_contact_and_the_party_points_at_it() {
    // Named by the display name, owned by who tracks; the next meeting finds the contact. The filter of
    // the user takes it, so it is in his mailbox like any other, once.
    let system = two();
    wants(&system, 0, 1);
    system.new_event(0, &meeting("Review", &[]));
    system.settled();
    assert!(cites(&system));
    let contact = system.rows("contacts").remove(0);
    assert_eq!((&contact["firstname"], &contact["lastname"]), (&json!("Ann"), &json!("Lee")));
    assert_eq!(contact["emailaddress1"], ANN);
    assert_eq!(contact["_ownerid_value"], json!(system.user(0)));
    assert_eq!(party(&system, ANN)["partyid"], contact["contactid"]);
    assert_eq!((system.contacts(0).len(), system.contacts(1).len()), (1, 0));
    system.new_event(0, &meeting("Again", &[]));
    system.settled();
    assert!(!cites(&system), "she is known now");
    assert_eq!((people(&system), system.contacts(0).len()), ((1, 0), 1));
}

#[test]
fn res_03_a_made_contact_that_no_filter_returns_stays_out_of_the_mailbox() {
    // Without a filter of contacts the contact is in Dynamics only; deleted there, it stays deleted.
    let system = two();
    wants(&system, 0, 1);
    for filter in system.rows("userqueries") {
        if filter["returnedtypecode"] == "contact" {
            let id = guid(&filter, "userqueryid");
            system.organization().dataverse().admin_set("userqueries", id, "statecode", json!(1));
        }
    }
    system.new_event(0, &meeting("Review", &[]));
    system.settled();
    assert_eq!((people(&system), system.contacts(0).len()), ((1, 0), 0));
    system.delete(0, "contacts", guid(&system.rows("contacts")[0], "contactid"));
    system.settled();
    assert_eq!(people(&system), (0, 0));
}

#[test]
fn res_03_people_who_join_later_are_made_then() {
    // Not while only the subject changes; with the list of attendees.
    let system = two();
    let id = system.new_event(0, &meeting("Review", &[]));
    system.settled();
    wants(&system, 0, 1);
    system.edit_event(0, &id, &json!({ "subject": "Review 2" }));
    system.settled();
    assert_eq!(people(&system), (0, 0));
    let both = json!([attendee("Ann Lee", ANN), attendee("", "bob@customer.example")]);
    system.edit_event(0, &id, &json!({ "attendees": both }));
    system.settled();
    assert_eq!(people(&system), (2, 0));
    let last: Vec<Value> =
        system.rows("contacts").iter().map(|it| it["lastname"].clone()).collect();
    assert!(last.contains(&json!("bob")), "{last:?}");
    assert!(party(&system, "bob@customer.example")["partyid"].is_string());
}

#[test]
fn res_03_the_option_may_ask_for_leads() {
    // A lead with topic, name and address.
    let system = two();
    wants(&system, 0, 2);
    system.new_event(0, &meeting("Review", &[]));
    system.settled();
    assert_eq!(people(&system), (0, 1));
    let lead = system.rows("leads").remove(0);
    assert_eq!((&lead["fullname"], &lead["subject"]), (&json!("Ann Lee"), &json!("Ann Lee")));
    assert_eq!(party(&system, ANN)["partyid"], lead["leadid"]);
}

#[test]
fn res_03_two_mailboxes_make_one_contact() {
    // Both track one meeting in one pass, and both want contacts: one contact, one row. So also where
    // neither may read what the other made; then the attendee may stay an address.
    for read in [Depth::Organization, Depth::User] {
        let system = two();
        let rights = Privileges { read, write: Depth::User };
        system.organization().dataverse().set_privileges("contact", rights);
        for at in [0, 1] {
            wants(&system, at, 1);
        }
        let (paul, laura, now) = (system.address(0), system.address(1), system.clock.now());
        let mut event = meeting("Review", &[&paul, &laura]);
        event.as_object_mut().unwrap().remove("categories");
        let sent = system.organization().graph().external_event(
            "boss@fabrikam.example",
            &[&paul, &laura],
            &event,
            now,
        );
        sent.expect("it arrives");
        for at in [0, 1] {
            let copy = id_of(&system.events(at)[0]);
            system.edit_event(at, &copy, &json!({ "categories": [CATEGORY] }));
        }
        system.settled();
        assert_eq!(system.rows("appointments").len(), 1, "{read:?}");
        assert_eq!(people(&system), (1, 0), "{read:?}");
        let contact = system.rows("contacts").remove(0);
        // Whoever comes second, and makes the row, may not name a contact that he may not read.
        let named = &party(&system, ANN)["partyid"];
        let hidden = read == Depth::User && named.is_null();
        assert!(hidden || *named == contact["contactid"], "{read:?} {named}");
    }
}

#[test]
fn res_03_without_the_option_or_the_organizations_leave_strangers_stay_addresses() {
    // The user asks for nothing; or he does and the organization forbids it. No code: nothing is wrong.
    for (choice, setting) in [(0, "true"), (1, "false"), (2, "false")] {
        let system = two();
        system.setting("AutoCreateContactOnPromote", setting);
        wants(&system, 0, choice);
        system.new_event(0, &meeting("Review", &[]));
        system.settled();
        assert_eq!(people(&system), (0, 0), "{choice} {setting}");
        assert_eq!(party(&system, ANN)["partyid"], Value::Null);
        assert_eq!(system.codes(), []);
    }
}

#[test]
fn res_03_a_lost_answer_makes_no_second_contact() {
    // The contact is made and its answer lost, or the request itself: the row waits for the next cycle,
    // and names the one contact then.
    for kind in [FaultKind::ResetAfterCommit, FaultKind::ResetBefore] {
        let system = two();
        wants(&system, 0, 1);
        system.new_event(0, &meeting("Review", &[]));
        let mut faults = FaultPlan::new(1);
        // The batch that makes contacts comes before the one whose row names them.
        let making = Scope::Writes.and(Scope::PathContains("/contacts(".to_owned()));
        faults.next(Scope::Side(FarSide::Dataverse).and(making), kind.clone());
        system.organization().set_faults(faults);
        system.one_pass(0);
        assert_eq!(system.organization().faults().queued(), 0, "{kind:?}: the fault was met");
        let made = usize::from(kind == FaultKind::ResetAfterCommit);
        assert_eq!((system.rows("appointments").len(), people(&system)), (0, (made, 0)));
        assert_eq!(system.codes(), [Code::PersonNotMade], "{kind:?}");
        system.settled();
        assert_eq!((system.rows("appointments").len(), people(&system)), (1, (1, 0)));
        let contact = system.rows("contacts").remove(0);
        assert_eq!(party(&system, ANN)["partyid"], contact["contactid"]);
    }
}

#[test]
fn res_03_one_stranger_who_fails_stops_no_other_meeting() {
    // The service resets whatever speaks of one address, or refuses the whole batch: the meetings with other
    // strangers get their rows at once. The one of that address waits, and has it as an address in the end.
    let bad = "poison@customer.example";
    for reset in [true, false] {
        let system = two();
        wants(&system, 0, 1);
        for (subject, address) in
            [("One", "one@customer.example"), ("Bad", bad), ("Two", "two@customer.example")]
        {
            let mut event = tracked_event(subject, SOON);
            event["showAs"] = json!("free");
            event["attendees"] = json!([attendee("", address)]);
            system.new_event(0, &event);
        }
        if reset {
            let of = Scope::PathContains(bad.to_owned());
            let making = Scope::Writes.and(Scope::PathContains("/contacts(".to_owned())).and(of);
            let mut faults = FaultPlan::new(1);
            faults.add(FaultKind::ResetBefore, 1.0, Scope::Side(FarSide::Dataverse).and(making));
            system.organization().set_faults(faults);
        } else {
            let harm = Harm::Batch(400);
            system.organization().dataverse().poison(Some(("\"lastname\":\"poison\"", harm)));
        }
        let rows = |system: &System| {
            let mut all = system.rows("appointments");
            all.sort_by_key(|row| row["subject"].to_string());
            all.iter().map(|row| row["subject"].clone()).collect::<Vec<_>>()
        };
        system.one_pass(0);
        let at_once = if reset { json!(["One", "Two"]) } else { json!(["Bad", "One", "Two"]) };
        assert_eq!(json!(rows(&system)), at_once, "{reset}");
        assert_eq!(system.codes(), [Code::PersonNotMade], "{reset}");
        for _ in 0..10 {
            system.advance(60);
            system.one_pass(0);
        }
        assert_eq!(json!(rows(&system)), json!(["Bad", "One", "Two"]), "{reset}");
        assert_eq!(people(&system), (2, 0), "{reset}");
        system.settled();
    }
}

#[test]
fn res_03_without_the_privilege_a_stranger_stays_an_address_with_a_code() {
    // The meeting is tracked all the same, nobody else's rights are used, and it comes to rest.
    let system = two();
    let rights = Privileges { read: Depth::User, write: Depth::None };
    system.organization().dataverse().set_privileges("contact", rights);
    wants(&system, 0, 1);
    system.new_event(0, &meeting("Review", &[]));
    system.settled();
    assert_eq!(people(&system), (0, 0));
    assert_eq!(party(&system, ANN)["partyid"], Value::Null);
    assert_eq!(system.codes(), [Code::PersonNotMade]);
}

#[test]
fn res_03_an_address_on_a_row_of_somebody_else_or_of_a_mailbox_makes_nobody() {
    // A colleague's contact that the user may not see, an inactive contact of his own, a mailbox that
    // takes no part: no second row of any of them.
    let system = two();
    wants(&system, 0, 1);
    let known = json!({ "lastname": "Lee", "emailaddress1": ANN });
    system.create(1, "contacts", &known);
    let (old, shared) = ("old@customer.example", "shared@contoso.example");
    let inactive = json!({ "lastname": "Old", "emailaddress1": old });
    let inactive = system.create(0, "contacts", &inactive);
    system.update(0, "contacts", inactive, &json!({ "statecode": 1, "statuscode": 2 }));
    let mailbox = system.organization().people[1].mailbox_id;
    for (column, value) in
        [("emailaddress", json!(shared)), ("emailrouteraccessapproval", json!(0))]
    {
        system.organization().dataverse().admin_set("mailboxes", mailbox, column, value);
    }
    system.new_event(0, &meeting("Review", &[old, shared]));
    system.settled();
    assert_eq!(people(&system), (2, 0));
    for address in [ANN, old, shared] {
        assert_eq!(party(&system, address)["partyid"], Value::Null, "{address}");
    }
    assert_eq!(system.codes(), [Code::PersonNotMade], "of the one whom only Dynamics knew");
}

#[test]
fn res_03_a_made_contact_that_moved_to_another_address_is_not_taken_back() {
    // Its guid stands for the old address, which is nobody's now: the attendee stays an address, with a
    // code, and the contact stays as its owner wants it.
    let system = two();
    wants(&system, 0, 1);
    system.new_event(0, &meeting("Review", &[]));
    system.settled();
    let contact = guid(&system.rows("contacts")[0], "contactid");
    let moved = json!({ "emailaddress1": "ann@new.example", "lastname": "Berg" });
    system.update(0, "contacts", contact, &moved);
    let first = guid(&system.rows("appointments")[0], "activityid");
    system.delete(0, "appointments", first);
    system.settled();
    system.codes();
    system.new_event(0, &meeting("Again", &[]));
    system.settled();
    assert_eq!(people(&system), (1, 0));
    let row = system.row("contacts", contact).unwrap();
    assert_eq!(
        (&row["emailaddress1"], &row["lastname"]),
        (&moved["emailaddress1"], &json!("Berg"))
    );
    assert_eq!(party(&system, ANN)["partyid"], Value::Null);
    assert_eq!(system.codes(), [Code::PersonNotMade]);
}

#[test]
fn res_03_a_plan_shows_whom_it_makes_and_the_story_tells_it() {
    // The plan names the contact before the row; the story says so before and after it was made.
    let system = two();
    wants(&system, 0, 1);
    let event = system.new_event(0, &meeting("Review", &[]));
    let doc = plan(&system);
    let items = doc.mailboxes.iter().flat_map(|one| &one.items);
    let steps: Vec<_> = items.flat_map(|item| &item.steps).collect();
    assert_eq!((steps[0].op.as_str(), steps[0].side.as_str()), ("create contact", "dynamics"));
    let shown = |name: &str| {
        let field = steps[0].fields.iter().find(|one| one.field == name).unwrap();
        field.after.clone().unwrap()
    };
    assert_eq!((shown("firstName"), shown("lastName")), (json!("Ann"), json!("Lee")));
    assert_eq!(shown("email1"), json!(ANN));
    assert_eq!(doc.totals.creates, 2);
    let tell = || {
        let judged = system.io.block_on(once::enrol(&system.tenant)).unwrap().remove(0);
        let question = Question::Item(Target::Item(Side::Exchange, NativeId::new(event.as_str())));
        let told = system.io.block_on(answer(&system.tenant, &judged, &question)).unwrap();
        told[0].step(Stage::Write).unwrap().result.clone()
    };
    assert!(tell().contains("one new contact of an attendee"), "{}", tell());
    system.passes(1);
    let made = system.rows("contacts").remove(0)["contactid"].as_str().unwrap().to_owned();
    assert_eq!(shown("id"), json!(made));
    assert!(tell().contains(&format!("new row of an attendee: {made}")), "{}", tell());
}
