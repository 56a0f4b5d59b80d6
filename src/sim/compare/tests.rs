//! The judge finds what is planted and is silent about what is right.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::sim::directory::Person;
use crate::sim::seed::{self, SeedSpec, TRACKED_CATEGORY};
use crate::sim::world::OrganizationSpec;

mod columns;
mod series;

const LINK: &str = "String {3c1f6a52-8d0e-4b7a-9a53-6d0b6c9f2e11} Name LockstepLink";

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_000_000, 0).unwrap()
}

fn contoso() -> Organization {
    let people = seed::organization(&SeedSpec::new("contoso", 3, 4, now()));
    Organization::new("http://127.0.0.1:1", OrganizationSpec::new("contoso", people, 1))
}

fn user(person: &Person, mask: u8) -> Value {
    json!({ "partyid_systemuser@odata.bind": format!("/systemusers({})", person.user_id),
        "participationtypemask": mask })
}

fn meeting_row(organization: &Organization, start: &str, end: &str) -> Uuid {
    let people = &organization.people;
    let body = json!({ "subject": "Review 0001", "location": "Saal", "scheduledstart": start,
        "scheduledend": end, "description": "Line one\nLine two", "prioritycode": 2,
        "appointment_activity_parties": [user(&people[0], 7), user(&people[1], 5),
            { "addressused": "guest@fabrikam.example", "participationtypemask": 6 }] });
    let who = people[0].user_id;
    let id = organization.dataverse().user_create(who, "appointments", &body, now()).unwrap();
    let busy = json!({ "statecode": 3, "statuscode": 5 });
    organization.dataverse().user_update(who, "appointments", id, &busy, now()).unwrap();
    id
}

fn meeting_item(organization: &Organization, row: Uuid, start: &str, end: &str) -> String {
    let people = &organization.people;
    let body = json!({ "subject": "Review 0001", "location": { "displayName": "Saal" },
        "body": { "contentType": "text", "content": "Line one\r\nLine two" }, "showAs": "busy",
        "start": { "dateTime": start, "timeZone": "UTC" }, "importance": "high",
        "end": { "dateTime": end, "timeZone": "UTC" }, "categories": [TRACKED_CATEGORY],
        "attendees": [
            { "type": "required", "emailAddress": { "address": people[1].address } },
            { "type": "optional", "emailAddress": { "address": "guest@fabrikam.example" } }],
        "singleValueExtendedProperties": [{ "id": LINK, "value": row.to_string() }] });
    organization.graph().user_create_event(&people[0].address, &body, now()).unwrap()
}

fn times(day: u32) -> (String, String) {
    (format!("2026-12-{day:02}T09:00:00"), format!("2026-12-{day:02}T10:00:00"))
}

fn paired() -> (Organization, Uuid, String) {
    let organization = contoso();
    let (start, end) = times(20);
    let row = meeting_row(&organization, &format!("{start}Z"), &format!("{end}Z"));
    let item = meeting_item(&organization, row, &start, &end);
    (organization, row, item)
}

fn contact_row(organization: &Organization) -> Uuid {
    let body = json!({ "firstname": "Ngozi", "lastname": "Eze 0002", "telephone1": "+30 1",
        "pager": "+30 2", "birthdate": "1970-02-03", "address1_line1": "A 1",
        "address1_line2": "B", "address1_city": "Köln", "description": "Note" });
    let who = organization.people[0].user_id;
    organization.dataverse().user_create(who, "contacts", &body, now()).unwrap()
}

fn contact_item(organization: &Organization, row: Uuid) -> String {
    let body = json!({ "givenName": "Ngozi", "surname": "Eze 0002", "businessPhones": ["+30 1"],
        "birthday": "1970-02-03T00:00:00Z", "personalNotes": "Note\r\n",
        "businessAddress": { "street": "A 1\r\nB", "city": "Köln" },
        "singleValueExtendedProperties": [{ "id": LINK, "value": row.to_string() },
            { "id": "String 0x3A21", "value": "+30 2" }] });
    let address = &organization.people[0].address;
    organization.graph().user_create_contact(address, &body, now()).unwrap()
}

fn task_row(organization: &Organization) -> Uuid {
    let body = json!({ "subject": "Offer 0003", "scheduledend": "2026-12-01T23:30:00Z",
        "percentcomplete": 50 });
    let who = organization.people[0].user_id;
    organization.dataverse().user_create(who, "tasks", &body, now()).unwrap()
}

fn task_item(organization: &Organization, row: Uuid) -> String {
    let body = json!({ "title": "Offer 0003", "status": "inProgress",
        "dueDateTime": { "dateTime": "2026-12-01T00:00:00", "timeZone": "UTC" },
        "categories": [TRACKED_CATEGORY],
        "linkedResources": [{ "applicationName": "Lockstep", "displayName": "Dynamics 365",
            "externalId": row.to_string() }] });
    let address = &organization.people[0].address;
    organization.graph().user_create_task(address, &body, now()).unwrap()
}

fn judge(organization: &Organization) -> Comparison {
    compare(organization, now(), &CompareOptions::default())
}

fn whats(comparison: &Comparison) -> Vec<What> {
    comparison.problems.iter().map(|problem| problem.what).collect()
}

#[test]
fn right_pairs_are_clean() {
    // One hand-made pair of each kind, and the invited colleague's copy, raise no problem.
    let (organization, _, _) = paired();
    let contact = contact_row(&organization);
    contact_item(&organization, contact);
    let task = task_row(&organization);
    task_item(&organization, task);
    let comparison = judge(&organization);
    assert!(comparison.is_clean(), "{}", comparison.table());
    assert_eq!((comparison.mailboxes, comparison.pairs), (3, 4), "{}", comparison.table());
}

#[test]
fn a_planted_duplicate_is_found() {
    // The same meeting twice in one calendar, and the same contact twice in Dynamics.
    let (organization, row, _) = paired();
    let (start, end) = times(20);
    meeting_item(&organization, row, &start, &end);
    contact_row(&organization);
    contact_row(&organization);
    let comparison = judge(&organization);
    let twice: Vec<_> =
        comparison.problems.iter().filter(|p| p.what == What::Duplicate).map(|p| p.kind).collect();
    assert!(twice.contains(&Kind::Appointment) && twice.contains(&Kind::Contact));
}

#[test]
fn a_planted_loss_is_found_on_either_side() {
    // A row without item, and a tracked item without row.
    let organization = contoso();
    task_row(&organization);
    let body = json!({ "title": "Tracked 0009", "categories": [TRACKED_CATEGORY] });
    let address = &organization.people[1].address;
    organization.graph().user_create_task(address, &body, now()).unwrap();
    assert_eq!(whats(&judge(&organization)), [What::MissingInExchange, What::MissingInDynamics]);
}

#[test]
fn a_planted_difference_is_named_by_its_field() {
    // A place, a pager and a percentage that only one side has.
    let (organization, _, event) = paired();
    let address = organization.people[0].address.clone();
    let body = json!({ "showAs": "oof" });
    organization.graph().user_update_event(&address, &event, &body, now()).unwrap();
    let contact = contact_row(&organization);
    let item = contact_item(&organization, contact);
    let body =
        json!({ "singleValueExtendedProperties": [{ "id": "String 0x3A21", "value": "9" }] });
    organization.graph().user_update_contact(&address, &item, &body, now()).unwrap();
    let task = task_row(&organization);
    let item = task_item(&organization, task);
    let body = json!({ "status": "completed" });
    organization.graph().user_update_task(&address, &item, &body, now()).unwrap();
    let found = whats(&judge(&organization));
    let differs = ["status", "pager", "status"].map(|field| What::Differs { field });
    assert_eq!(found, differs);
}

#[test]
fn link_02_an_untracked_import_is_found() {
    // A row that stands for an Outlook task without any signal must not exist.
    let organization = contoso();
    let body = json!({ "title": "Offer 0003" });
    let address = &organization.people[0].address;
    organization.graph().user_create_task(address, &body, now()).unwrap();
    assert!(judge(&organization).is_clean());
    task_row(&organization);
    assert_eq!(whats(&judge(&organization)), [What::ShouldNotExist]);
}

#[test]
fn link_05_a_category_does_not_track_a_contact() {
    // The category alone leaves a contact alone; with the app's signal the row is missed.
    let organization = contoso();
    let address = &organization.people[0].address;
    let mut body = json!({ "surname": "Rao 0004", "categories": [TRACKED_CATEGORY] });
    organization.graph().user_create_contact(address, &body, now()).unwrap();
    assert!(judge(&organization).is_clean());
    body["surname"] = json!("Rao 0005");
    body["singleValueExtendedProperties"] = json!([{ "id": seed::TRACK_SIGNAL, "value": "1" }]);
    organization.graph().user_create_contact(address, &body, now()).unwrap();
    assert_eq!(whats(&judge(&organization)), [What::MissingInDynamics]);
}

#[test]
fn a_marker_of_another_row_is_found() {
    // A task whose marker names the row of another task.
    let organization = contoso();
    let row = task_row(&organization);
    let body = json!({ "title": "Other 0008", "categories": [TRACKED_CATEGORY],
        "linkedResources": [{ "applicationName": "Lockstep", "externalId": row.to_string() }] });
    let address = &organization.people[0].address;
    organization.graph().user_create_task(address, &body, now()).unwrap();
    assert!(whats(&judge(&organization)).contains(&What::WrongMarker));
}

#[test]
fn appt_out_06_a_past_meeting_needs_no_attendees() {
    // A past meeting without attendees is right; a future one without them isn't.
    for (day, clean) in [("2026-11-01", true), ("2026-12-24", false)] {
        let organization = contoso();
        let (start, end) = (format!("{day}T09:00:00"), format!("{day}T10:00:00"));
        let row = meeting_row(&organization, &format!("{start}Z"), &format!("{end}Z"));
        let event = meeting_item(&organization, row, &start, &end);
        let address = organization.people[0].address.clone();
        let nobody = json!({ "attendees": [] });
        organization.graph().user_update_event(&address, &event, &nobody, now()).unwrap();
        let own: Vec<_> = judge(&organization).problems;
        let own: Vec<_> = own.iter().filter(|p| p.mailbox == address).map(|p| p.what).collect();
        let wrong = vec![What::Differs { field: "attendees" }];
        assert_eq!(own, if clean { vec![] } else { wrong }, "{day}");
    }
}

#[test]
fn the_first_synchronization_invites_once_per_attendee() {
    // Each attendee of the future meeting gets one invitation; an update is one too many.
    let organization = contoso();
    let (start, end) = times(20);
    let row = meeting_row(&organization, &format!("{start}Z"), &format!("{end}Z"));
    let before = LedgerMark::take(&organization);
    let options = CompareOptions::default();
    let missing = ledger_problems(&organization, &before, now(), &options);
    assert_eq!(missing.len(), 2);
    assert!(missing.iter().all(|problem| problem.what == What::MailMissing));
    let event = meeting_item(&organization, row, &start, &end);
    assert_eq!(ledger_problems(&organization, &before, now(), &options), []);
    let address = organization.people[0].address.clone();
    let moved = json!({ "subject": "Review again 0001" });
    organization.graph().user_update_event(&address, &event, &moved, now()).unwrap();
    let found = ledger_problems(&organization, &before, now(), &options);
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|problem| problem.what == What::MailUnexpected));
}

#[test]
fn nothing_moved_means_all_seeded_rows_are_missed() {
    // On a fresh seed the judge misses rows and items and finds no duplicate and no stranger.
    let spec = SeedSpec::new("contoso", 12, 9, now());
    let people = seed::organization(&spec);
    let organization =
        Organization::new("http://127.0.0.1:1", OrganizationSpec::new("contoso", people, 1));
    seed::fill(&organization, &spec).unwrap();
    let found = judge(&organization);
    let count = |what: What| whats(&found).into_iter().filter(|w| *w == what).count();
    assert!(count(What::MissingInExchange) > 60 && count(What::MissingInDynamics) > 10);
    let missing = count(What::MissingInExchange) + count(What::MissingInDynamics);
    assert_eq!(found.problems.len(), missing, "{}", found.table());
    assert!(found.left_alone["not tracked (LINK-02)"] > 10);
}

#[test]
fn filt_07_a_copy_with_the_former_owner_is_found() {
    // After the hand-over the first owner's copy must go and the second owner's must come.
    let organization = contoso();
    let row = contact_row(&organization);
    contact_item(&organization, row);
    assert!(judge(&organization).is_clean());
    let (first, second) = (&organization.people[0], &organization.people[1]);
    let bind = format!("/systemusers({})", second.user_id);
    let body = json!({ "ownerid@odata.bind": bind });
    let user = first.user_id;
    organization.dataverse().user_update(user, "contacts", row, &body, now()).unwrap();
    let found = judge(&organization);
    let found: Vec<_> = found.problems.iter().map(|p| (p.mailbox.as_str(), p.what)).collect();
    let stale = (first.address.as_str(), What::ShouldNotExist);
    let missing = (second.address.as_str(), What::MissingInExchange);
    assert_eq!(found, [stale, missing]);
}

#[test]
fn an_excused_pair_is_left_alone() {
    // A caller who knows that an edit froze a pair hears nothing of it, but of all others.
    let organization = contoso();
    task_row(&organization);
    contact_row(&organization);
    let address = organization.people[0].address.clone();
    let excused = BTreeSet::from([(address, "0003".to_owned())]);
    let options = CompareOptions { excused, ..CompareOptions::default() };
    let found = compare(&organization, now(), &options);
    assert_eq!(found.problems.len(), 1, "{}", found.table());
    assert_eq!(found.problems[0].kind, Kind::Contact);
    assert_eq!(found.left_alone["excused by an edit"], 1);
}

#[test]
fn rec_10_an_imported_recurring_task_is_found() {
    // A recurring task is right without a row and wrong with one.
    let organization = contoso();
    let body = json!({ "title": "Offer 0003", "categories": [TRACKED_CATEGORY],
        "dueDateTime": { "dateTime": "2026-12-01T00:00:00", "timeZone": "UTC" },
        "recurrence": { "pattern": { "type": "daily", "interval": 1 },
            "range": { "type": "noEnd", "startDate": "2026-12-01" } } });
    let address = &organization.people[0].address;
    organization.graph().user_create_task(address, &body, now()).unwrap();
    assert!(judge(&organization).is_clean());
    task_row(&organization);
    assert!(whats(&judge(&organization)).contains(&What::ShouldNotExist));
}
