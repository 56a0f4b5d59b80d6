//! What users chose for themselves, and what time alone changes (rules.md §1.10 to §1.12, §2).

use lockstep::domain::code::Code;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{CATEGORY, System, id_of, person};

fn paul_in(zone: &str) -> System {
    System::new(vec![person(1, "Paul", "Cannon", zone)])
}

fn all_day(system: &System, subject: &str, start: &str, end: &str) -> Uuid {
    let mut body = system.meeting(subject, start, &[system.party(0, 7)]);
    body["scheduledend"] = json!(end);
    body["isalldayevent"] = json!(true);
    system.create(0, "appointments", &body)
}

fn day(event: &Value, name: &str) -> String {
    event[name]["dateTime"].as_str().unwrap_or_default().get(..10).unwrap_or_default().to_owned()
}

#[test]
fn appt_out_01_an_all_day_appointment_keeps_its_day_in_every_zone() {
    // The user's midnight at UTC+14, at UTC-11, and of a day that begins at one o'clock; there and
    // back, without drift.
    for (zone, start, end, first) in [
        ("Pacific/Kiritimati", "2026-11-30T10:00:00Z", "2026-12-01T10:00:00Z", "2026-12-01"),
        ("Pacific/Pago_Pago", "2026-12-01T11:00:00Z", "2026-12-02T11:00:00Z", "2026-12-01"),
        ("America/Santiago", "2027-09-05T04:00:00Z", "2027-09-06T03:00:00Z", "2027-09-05"),
    ] {
        let system = paul_in(zone);
        let id = all_day(&system, "Fair", start, end);
        let floating = all_day(&system, "Holiday", "2026-12-24T00:00:00Z", "2026-12-25T00:00:00Z");
        system.settled();
        let event = |subject: &str| {
            let found = system.events(0).into_iter().find(|one| one["subject"] == subject);
            found.unwrap_or_else(|| panic!("{zone} {subject}"))
        };
        assert_eq!(day(&event("Fair"), "start"), first, "{zone}");
        assert_eq!(day(&event("Holiday"), "start"), "2026-12-24", "{zone}: made at 00:00 UTC");
        let day_after = |text: &str| {
            let next = text.parse::<chrono::NaiveDate>().unwrap().succ_opt().unwrap();
            next.to_string()
        };
        assert_eq!(day(&event("Fair"), "end"), day_after(first), "{zone}");
        // A move by one day in Outlook is a move by one day in Dynamics.
        let moved = day_after(first);
        let at = |day: &str| json!({ "dateTime": format!("{day}T00:00:00"), "timeZone": "UTC" });
        let body = json!({ "start": at(&moved), "end": at(&day_after(&moved)) });
        system.edit_event(0, &id_of(&event("Fair")), &body);
        system.settled();
        let row = system.row("appointments", id).unwrap();
        let start: chrono::DateTime<chrono::Utc> =
            row["scheduledstart"].as_str().unwrap().parse().unwrap();
        let local = lockstep::domain::zone::Zone::from_name(zone).unwrap().to_local(start);
        assert_eq!(local.to_string(), format!("{moved} 00:00:00"), "{zone}");
        assert_eq!(
            system.row("appointments", floating).unwrap()["scheduledstart"],
            "2026-12-24T00:00:00Z"
        );
        let before = system.writes();
        system.settled();
        assert_eq!(system.writes(), before, "{zone}: at rest");
    }
}

#[test]
fn appt_in_01_an_all_day_event_becomes_the_users_midnight() {
    // Tracked in Outlook: Dynamics shows the user the day that he chose.
    for (zone, start) in [
        ("Pacific/Kiritimati", "2026-11-30T10:00:00Z"),
        ("Pacific/Pago_Pago", "2026-12-01T11:00:00Z"),
        ("Europe/Berlin", "2026-11-30T23:00:00Z"),
    ] {
        let system = paul_in(zone);
        let at = |day: &str| json!({ "dateTime": format!("{day}T00:00:00"), "timeZone": "UTC" });
        let body = json!({ "subject": "Fair", "isAllDay": true, "categories": [CATEGORY],
            "start": at("2026-12-01"), "end": at("2026-12-02") });
        system.new_event(0, &body);
        system.settled();
        assert_eq!(system.rows("appointments")[0]["scheduledstart"], start, "{zone}");
    }
}

#[test]
fn task_out_04_and_task_in_01_a_due_date_is_the_users_day_in_both_directions() {
    // Half past eight in the evening in Samoa is tomorrow in UTC; To Do shows today.
    for (zone, due, shown, made) in [
        ("Pacific/Pago_Pago", "2026-12-02T07:30:00Z", "2026-12-01", "2026-12-05T11:00:00Z"),
        ("Pacific/Kiritimati", "2026-11-30T20:00:00Z", "2026-12-01", "2026-12-04T10:00:00Z"),
    ] {
        let system = paul_in(zone);
        let id = system.create(0, "tasks", &json!({ "subject": "Offer", "scheduledend": due }));
        let at = |day: &str| json!({ "dateTime": format!("{day}T00:00:00"), "timeZone": "UTC" });
        let body =
            json!({ "title": "Call", "categories": [CATEGORY], "dueDateTime": at("2026-12-05") });
        system.new_task(0, &body);
        system.settled();
        let task = system.tasks(0).into_iter().find(|one| one["title"] == "Offer").unwrap();
        assert_eq!(day(&task, "dueDateTime"), shown, "{zone}");
        assert!(
            task["reminderDateTime"]["dateTime"].as_str().unwrap().starts_with(&due[..19]),
            "{zone}"
        );
        let row = system.rows("tasks").into_iter().find(|one| one["subject"] == "Call").unwrap();
        assert_eq!(row["scheduledend"], made, "{zone}");
        let before = system.writes();
        system.edit_task(0, &id_of(&task), &json!({ "title": "Offer 2" }));
        system.settled();
        assert_eq!(system.row("tasks", id).unwrap()["scheduledend"], due, "{zone}: the time stays");
        assert_eq!(system.writes().0, before.0 + 1, "{zone}");
    }
}

#[test]
fn task_out_04_a_user_whose_zone_is_not_known_has_days_of_utc() {
    // The organization has no definition for his code, or does not tell: as before.
    let system = paul_in("Antarctica/Troll");
    system.create(
        0,
        "tasks",
        &json!({ "subject": "Offer", "scheduledend": "2026-12-01T22:30:00Z" }),
    );
    system.settled();
    assert_eq!(day(&system.tasks(0)[0], "dueDateTime"), "2026-12-01");
}

/// Paul with two accounts of one name and one of another, all his own.
fn with_accounts() -> (System, Uuid, Uuid) {
    let system = paul_in("Europe/Berlin");
    let contoso = system.create(0, "accounts", &json!({ "name": "Contoso" }));
    let fabrikam = system.create(0, "accounts", &json!({ "name": "Fabrikam & Sons" }));
    system.create(0, "accounts", &json!({ "name": "Twin" }));
    system.create(0, "accounts", &json!({ "name": "Twin" }));
    (system, contoso, fabrikam)
}

fn parent(system: &System, id: Uuid) -> Value {
    system.row("contacts", id).unwrap()["_parentcustomerid_value"].clone()
}

#[test]
fn cont_08_the_parent_company_follows_in_both_directions() {
    // Its name reaches Outlook; a name typed there becomes the parent when exactly one account has
    // it; any other name stays in Outlook and is noted.
    let (system, contoso, fabrikam) = with_accounts();
    let bind =
        |id: Uuid| json!({ "parentcustomerid_account@odata.bind": format!("/accounts({id})") });
    let mut body = bind(contoso);
    body["lastname"] = json!("Mitchell");
    let id = system.create(0, "contacts", &body);
    system.settled();
    let item = system.contacts(0).remove(0);
    assert_eq!(item["companyName"], "Contoso");
    system.edit_contact(0, &id_of(&item), &json!({ "companyName": "Fabrikam & Sons" }));
    system.settled();
    assert_eq!(parent(&system, id), json!(fabrikam));
    system.lines();
    for name in ["Twin", "fabrikam & sons", "Nobody", ""] {
        system.edit_contact(0, &id_of(&item), &json!({ "companyName": name }));
        system.settled();
        assert_eq!(parent(&system, id), json!(fabrikam), "{name:?}");
        assert!(system.codes().contains(&Code::CompanyUnknown), "{name:?}");
    }
    // What was left in Outlook survives an edit of the neighbouring fields.
    system.edit_contact(0, &id_of(&item), &json!({ "companyName": "Nobody" }));
    system.settled();
    system.update(0, "contacts", id, &json!({ "jobtitle": "CEO" }));
    system.settled();
    let item = system.contacts(0).remove(0);
    assert_eq!((&item["companyName"], &item["jobTitle"]), (&json!("Nobody"), &json!("CEO")));
    system.update(0, "contacts", id, &bind(contoso));
    system.settled();
    assert_eq!(system.contacts(0)[0]["companyName"], "Contoso");
}

#[test]
fn cont_08_a_tracked_contact_finds_its_parent() {
    // A new row gets the account of its company's name, or none.
    let (system, contoso, _) = with_accounts();
    for (surname, company) in [("Mitchell", "Contoso"), ("Norman", "Nowhere Ltd")] {
        let mut body = json!({ "surname": surname, "companyName": company });
        body["singleValueExtendedProperties"] = json!([{
            "id": lockstep::sim::seed::TRACK_SIGNAL, "value": "1" }]);
        system.new_contact(0, &body);
    }
    system.settled();
    let row = |name: &str| system.rows("contacts").into_iter().find(|row| row["lastname"] == name);
    assert_eq!(row("Mitchell").unwrap()["_parentcustomerid_value"], json!(contoso));
    assert_eq!(row("Norman").unwrap()["_parentcustomerid_value"], Value::Null);
    let kept = system.contacts(0).into_iter().find(|one| one["surname"] == "Norman").unwrap();
    assert_eq!(kept["companyName"], "Nowhere Ltd");
}

#[test]
fn cont_08_the_users_switch_closes_both_ways() {
    // `synccontactcompany` is off: neither the parent's name nor a typed company moves.
    let (system, contoso, _) = with_accounts();
    let user = system.user(0);
    let mut dataverse = system.organization().dataverse();
    dataverse.admin_set("usersettingscollection", user, "synccontactcompany", json!(false));
    drop(dataverse);
    let target = format!("/accounts({contoso})");
    let body = json!({ "lastname": "Mitchell", "parentcustomerid_account@odata.bind": target });
    let id = system.create(0, "contacts", &body);
    system.settled();
    let item = system.contacts(0).remove(0);
    assert!(item["companyName"].as_str().unwrap_or_default().is_empty(), "{item}");
    system.edit_contact(
        0,
        &id_of(&item),
        &json!({ "companyName": "Fabrikam & Sons", "jobTitle": "CEO" }),
    );
    system.settled();
    assert_eq!(parent(&system, id), json!(contoso));
    assert_eq!(system.row("contacts", id).unwrap()["jobtitle"], "CEO");
}

#[test]
fn task_out_10_a_future_end_completes_the_task_in_exchange_when_it_has_passed() {
    // An open task that ends tomorrow: nothing today, completed after that instant, and at rest.
    let system = paul_in("Europe/Berlin");
    let body = json!({ "subject": "Offer", "actualend": "2026-11-25T00:00:00Z" });
    let id = system.create(0, "tasks", &body);
    system.settled();
    assert_eq!(system.tasks(0)[0]["status"], "notStarted");
    let before = system.writes();
    system.advance(14 * 3600);
    system.settled();
    assert_eq!(system.writes(), before, "23:00: it has not passed");
    system.advance(2 * 3600);
    system.settled();
    let task = system.tasks(0).remove(0);
    assert_eq!(task["status"], "completed");
    assert_eq!(day(&task, "completedDateTime"), "2026-11-25");
    assert_eq!(system.row("tasks", id).unwrap()["statecode"], 0, "the row keeps its state");
    let before = system.writes();
    system.settled();
    assert_eq!(system.writes(), before, "at rest");
}

#[test]
fn task_out_02_read_to_the_letter_a_task_rings_once_it_is_overdue_by_a_day() {
    // The literal reading arms the reminder a day after the due time, though nobody edits the row.
    let lines = "\n[policy]\nliteral_task_reminder = true\n";
    let people = vec![person(1, "Paul", "Cannon", "Europe/Berlin")];
    let system = System::with(people, "state.url = \"memory:\"\n", lines);
    system.create(
        0,
        "tasks",
        &json!({ "subject": "Offer", "scheduledend": "2026-11-24T10:00:00Z" }),
    );
    system.settled();
    assert_eq!(system.tasks(0)[0]["isReminderOn"], false);
    system.advance(25 * 3600);
    system.settled();
    assert_eq!(system.tasks(0)[0]["isReminderOn"], false, "exactly a day");
    system.advance(60);
    system.settled();
    assert_eq!(system.tasks(0)[0]["isReminderOn"], true);
}

#[test]
fn filt_14_party_types_in_filters_are_taken_as_they_stand() {
    // Each type finds what has such a party: one for 7 keeps what Paul organizes, whoever owns it.
    let people = vec![
        person(1, "Paul", "Cannon", "Europe/Berlin"),
        person(2, "Laura", "Norman", "Europe/Berlin"),
    ];
    let system = System::new(people);
    let filter = |mask: u8| {
        format!(
            "<fetch distinct=\"true\"><entity name=\"appointment\">\
        <attribute name=\"activityid\"/><link-entity name=\"activityparty\" from=\"activityid\" \
        to=\"activityid\" link-type=\"inner\" alias=\"party\"><filter type=\"and\"><condition \
        attribute=\"partyid\" operator=\"eq-userid\"/><condition attribute=\"participationtypemask\" \
        operator=\"eq\" value=\"{mask}\"/></filter></link-entity></entity></fetch>"
        )
    };
    let paul = system.user(0);
    let mine = system.meeting("Mine", "2026-11-26T10:00:00Z", &[system.party(0, 7)]);
    let mine = system.create(0, "appointments", &mine);
    let optional = system.meeting(
        "Optional",
        "2026-11-27T10:00:00Z",
        &[system.party(0, 7), system.party(1, 6)],
    );
    system.create(0, "appointments", &optional);
    for (mask, found) in [(9_u8, 2), (6, 0), (7, 2), (5, 0)] {
        let mut dataverse = system.organization().dataverse();
        dataverse.set_user_filters(paul, "appointment", &[&filter(mask)]);
        let rows = dataverse.filter_rows(paul, "appointment", system.clock.now());
        drop(dataverse);
        assert_eq!(rows.len(), found, "{mask}");
        assert_eq!(rows.contains(&mine), found > 0, "{mask}");
    }
    // Paul stays organizer and hands the row over: type 7 keeps it, whoever owns it.
    let mut dataverse = system.organization().dataverse();
    dataverse.set_user_filters(paul, "appointment", &[&filter(7)]);
    drop(dataverse);
    system.settled();
    assert_eq!(system.events(0).len(), 2);
    let laura = system.owner(1);
    system.update(0, "appointments", mine, &laura);
    system.settled();
    assert_eq!(system.events(0).len(), 2, "party types are not row ownership");
}

#[test]
fn appt_in_05_a_closed_row_is_not_asked_to_take_the_meetings_identity() {
    // A row that is completed before it was ever synchronized: its event is made, and nothing is
    // written back that Dataverse would refuse.
    let system = paul_in("Europe/Berlin");
    let body = system.meeting("Done", "2026-11-26T10:00:00Z", &[system.party(0, 7)]);
    let id = system.create(0, "appointments", &body);
    system.update(0, "appointments", id, &json!({ "statecode": 1, "statuscode": 3 }));
    system.settled();
    assert_eq!(system.events(0).len(), 1);
    assert_eq!(system.row("appointments", id).unwrap()["globalobjectid"], Value::Null);
    assert_eq!(system.codes(), []);
    assert!(system.links(0)[0].trouble.is_none());
    // Reopened, it takes the identity along.
    system.update(0, "appointments", id, &json!({ "statecode": 3, "statuscode": 5 }));
    system.settled();
    assert_eq!(system.events(0)[0]["showAs"], "busy");
    assert!(system.row("appointments", id).unwrap()["globalobjectid"].is_string());
}
