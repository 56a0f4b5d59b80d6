//! Creating, changing, deleting; validation, etags, parties, privileges.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Desk, body, ids, refused};

fn meeting() -> Value {
    json!({
        "subject": "Review",
        "scheduledstart": "2026-03-05T09:00:00Z",
        "scheduledend": "2026-03-05T10:30:00Z",
    })
}

#[test]
fn create_answers_with_the_id_or_the_row() {
    // POST gives 204 with OData-EntityId, or 201 with the row when the client prefers it.
    let mut desk = Desk::new();
    let answer = desk.call("POST", "tasks", &[], Some(json!({ "subject": "Call" })));
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("OData-EntityId"), answer.header("Location"));
    assert_eq!(answer.header("OData-Version"), Some("4.0"));
    let prefer = [("Prefer", "return=representation")];
    let sent = json!({ "subject": "Mail", "percentcomplete": 25 });
    let answer = desk.call("POST", "tasks?$select=subject,statuscode", &prefer, Some(sent));
    assert_eq!(answer.status, 201);
    let row = body(&answer);
    assert_eq!((&row["subject"], &row["statuscode"]), (&json!("Mail"), &json!(2)));
    assert!(row.get("percentcomplete").is_none());
    assert!(row["@odata.etag"].as_str().unwrap().starts_with("W/\""));
    assert_eq!(answer.header("Preference-Applied"), Some("return=representation"));
}

#[test]
fn wrong_bodies_are_refused() {
    // Unknown, read-only, overlong, mistyped and missing values each get their error.
    let mut desk = Desk::new();
    let mut post = |sent: Value| desk.call("POST", "tasks", &[], Some(sent));
    refused(&post(json!({ "subject": "a", "colour": "red" })), 400, "0x80060888");
    refused(&post(json!({ "subject": "a".repeat(201) })), 400, "0x80044331");
    refused(&post(json!({ "subject": "a", "prioritycode": 7 })), 400, "0x8004431a");
    refused(&post(json!({ "subject": "a", "prioritycode": "1" })), 400, "0x80048d19");
    refused(&post(json!({ "subject": "a", "percentcomplete": 101 })), 400, "0x80044330");
    refused(&post(json!({ "subject": "a", "scheduledend": "2026-03-05" })), 400, "0x80048d19");
    refused(
        &post(json!({ "subject": "a", "createdon": "2026-03-05T00:00:00Z" })),
        400,
        "0x80040203",
    );
    refused(&post(json!({ "percentcomplete": 5 })), 400, "0x80040203");
    refused(&post(json!({ "subject": "a", "_ownerid_value": Uuid::nil() })), 400, "0x80048d19");
    refused(&post(json!(["subject"])), 400, "0x80048d19");
    let plain = [("Content-Type", "text/plain")];
    assert_eq!(desk.call("POST", "tasks", &plain, Some(json!("{}"))).status, 415);
    assert_eq!(desk.call("POST", "nothings", &[], Some(json!({}))).status, 404);
    assert_eq!(desk.call("PUT", "tasks", &[], Some(json!({}))).status, 405);
    assert_eq!(desk.sim.write_count(), 0);
}

#[test]
fn dates_keep_their_form() {
    // Instants are whole seconds in UTC, date-only columns are dates, task ends lose their time.
    let mut desk = Desk::new();
    let contact = desk.post("contacts", json!({ "lastname": "Doe", "birthdate": "1980-02-29" }));
    let row = body(&desk.get(&format!("contacts({contact})?$select=birthdate,createdon")));
    assert_eq!(row["birthdate"], "1980-02-29");
    assert_eq!(row["createdon"], "2026-03-04T10:30:15Z");
    let sent = json!({
        "subject": "x",
        "scheduledend": "2026-03-05T11:00:00.25+02:00",
        "actualend": "2026-03-05T11:00:00Z",
    });
    let task = desk.post("tasks", sent);
    let row = desk.sim.row("tasks", task).unwrap();
    assert_eq!(row["scheduledend"], "2026-03-05T09:00:00Z");
    assert_eq!(row["actualend"], "2026-03-05T00:00:00Z");
    let wrong = json!({ "birthdate": "1980-02-29T00:00:00Z" });
    refused(&desk.patch("contacts", contact, wrong), 400, "0x80048d19");
}

#[test]
fn states_and_statuses_must_fit() {
    // A state brings its default status; a status of another state is refused.
    let mut desk = Desk::new();
    let id = desk.post("appointments", meeting());
    let state = |desk: &Desk| {
        let row = desk.sim.row("appointments", id).unwrap();
        (row["statecode"].clone(), row["statuscode"].clone())
    };
    assert_eq!(state(&desk), (json!(0), json!(1)));
    refused(&desk.patch("appointments", id, json!({ "statuscode": 5 })), 400, "0x80048408");
    let wrong = json!({ "statecode": 3, "statuscode": 1 });
    refused(&desk.patch("appointments", id, wrong), 400, "0x80048408");
    assert_eq!(desk.patch("appointments", id, json!({ "statecode": 3 })).status, 204);
    assert_eq!(state(&desk), (json!(3), json!(5)));
    assert_eq!(desk.patch("appointments", id, json!({ "statuscode": 6 })).status, 204);
    assert_eq!(state(&desk), (json!(3), json!(6)));
}

#[test]
fn closed_appointments_are_read_only_until_reopened() {
    // A canceled appointment refuses changes; after reopening it takes them (protocols B9).
    let mut desk = Desk::new();
    let id = desk.post("appointments", meeting());
    assert_eq!(desk.patch("appointments", id, json!({ "statecode": 2 })).status, 204);
    refused(&desk.patch("appointments", id, json!({ "subject": "New" })), 400, "0x80043506");
    let both = json!({ "subject": "New", "statecode": 0 });
    refused(&desk.patch("appointments", id, both), 400, "0x80043506");
    assert_eq!(desk.patch("appointments", id, json!({ "statecode": 2 })).status, 204);
    let open = json!({ "statecode": 3, "statuscode": 5 });
    assert_eq!(desk.patch("appointments", id, open).status, 204);
    assert_eq!(desk.patch("appointments", id, json!({ "subject": "New" })).status, 204);
}

#[test]
fn durations_and_ends_are_computed() {
    // The duration follows start and end; an end before the start is refused; closing sets the end.
    let mut desk = Desk::new();
    let id = desk.post("appointments", meeting());
    assert_eq!(desk.sim.row("appointments", id).unwrap()["scheduleddurationminutes"], 90);
    let early = json!({ "scheduledend": "2026-03-05T08:00:00Z" });
    assert_eq!(desk.patch("appointments", id, early).status, 400);
    let task = desk.post("tasks", json!({ "subject": "x" }));
    desk.patch("tasks", task, json!({ "statecode": 1, "statuscode": 5 }));
    let row = desk.sim.row("tasks", task).unwrap();
    assert_eq!(row["actualend"], "2026-03-04T00:00:00Z");
}

#[test]
fn conditional_writes_follow_the_etag() {
    // A stale If-Match gets 412, "*" demands a row, If-None-Match "*" demands none.
    let mut desk = Desk::new();
    let id = desk.post("contacts", json!({ "lastname": "Doe" }));
    let url = format!("contacts({id})");
    let etag = desk.get(&url).header("ETag").unwrap().to_owned();
    let change = || Some(json!({ "jobtitle": "Lead" }));
    assert_eq!(desk.call("PATCH", &url, &[("If-Match", &etag)], change()).status, 204);
    let stale = desk.call("PATCH", &url, &[("If-Match", &etag)], change());
    refused(&stale, 412, "0x80060882");
    refused(&desk.call("DELETE", &url, &[("If-Match", &etag)], None), 412, "0x80060882");
    refused(&desk.call("PATCH", &url, &[("If-None-Match", "*")], change()), 412, "0x80040237");
    let other = format!("contacts({})", Uuid::from_u128(5));
    refused(&desk.call("PATCH", &other, &[("If-Match", "*")], change()), 404, "0x80040217");
    assert_eq!(desk.call("PATCH", &other, &[("If-None-Match", "*")], change()).status, 204);
    assert_eq!(desk.call("DELETE", &other, &[], None).status, 204);
    refused(&desk.call("DELETE", &other, &[], None), 404, "0x80040217");
    refused(&desk.get(&other), 404, "0x80040217");
}

#[test]
fn a_known_etag_is_answered_with_304() {
    // Conditional GET works without $expand and annotations, and "null" turns it off.
    let mut desk = Desk::new();
    let id = desk.post("tasks", json!({ "subject": "x" }));
    let url = format!("tasks({id})");
    let etag = desk.get(&url).header("ETag").unwrap().to_owned();
    assert_eq!(desk.call("GET", &url, &[("If-None-Match", &etag)], None).status, 304);
    assert_eq!(desk.call("GET", &url, &[("If-None-Match", "null")], None).status, 200);
    let notes = [("If-None-Match", etag.as_str()), ("Prefer", "odata.include-annotations=\"*\"")];
    assert_eq!(desk.call("GET", &url, &notes, None).status, 200);
    let expand = format!("{url}?$expand=task_activity_parties");
    assert_eq!(desk.call("GET", &expand, &[("If-None-Match", &etag)], None).status, 200);
}

#[test]
fn upsert_creates_under_the_given_id() {
    // PATCH on a free id creates (201 or 204); POST with a taken key is a duplicate.
    let mut desk = Desk::new();
    let id = Uuid::from_u128(0xabc);
    let url = format!("tasks({id})");
    let prefer = [("Prefer", "return=representation")];
    let sent = Some(json!({ "subject": "x" }));
    assert_eq!(desk.call("PATCH", &url, &prefer, sent.clone()).status, 201);
    assert_eq!(desk.call("PATCH", &url, &prefer, sent).status, 200);
    let again = json!({ "subject": "x", "activityid": id });
    refused(&desk.call("POST", "tasks", &[], Some(again)), 412, "0x80040237");
}

#[test]
fn lookups_are_bound_and_cleared() {
    // A bind needs an existing row of the right table; null clears; annotations name the table.
    let mut desk = Desk::new();
    let account = desk.account("Fabrikam");
    let nav = "regardingobjectid_account_task@odata.bind";
    let id = desk.post("tasks", json!({ "subject": "x", nav: format!("/accounts({account})") }));
    let prefer = [("Prefer", "odata.include-annotations=\"*\"")];
    let url = format!("tasks({id})?$select=_regardingobjectid_value,statecode");
    let row = body(&desk.call("GET", &url, &prefer, None));
    assert_eq!(row["_regardingobjectid_value"], json!(account));
    let note = |name: &str| row[format!("_regardingobjectid_value@{name}")].clone();
    assert_eq!(note("Microsoft.Dynamics.CRM.lookuplogicalname"), "account");
    assert_eq!(note("OData.Community.Display.V1.FormattedValue"), "Fabrikam");
    let navigation = note("Microsoft.Dynamics.CRM.associatednavigationproperty");
    assert_eq!(navigation, "regardingobjectid_account_task");
    assert_eq!(row["statecode@OData.Community.Display.V1.FormattedValue"], "Open");
    let missing = json!({ nav: format!("/accounts({})", Uuid::nil()) });
    refused(&desk.patch("tasks", id, missing), 404, "0x80040217");
    let wrong = json!({ nav: format!("/contacts({account})") });
    assert_eq!(desk.patch("tasks", id, wrong).status, 400);
    let clear = json!({ "regardingobjectid_account_task": null });
    assert_eq!(desk.patch("tasks", id, clear).status, 204);
    assert_eq!(desk.sim.row("tasks", id).unwrap()["_regardingobjectid_value"], Value::Null);
}

#[test]
fn parties_are_replaced_as_a_whole() {
    // A written list replaces the old one; owner and regarding parties come by themselves.
    let mut desk = Desk::new();
    let (ann, ben) = (desk.ann(), desk.ben());
    let account = desk.account("Fabrikam");
    let mut sent = meeting();
    sent["ownerid@odata.bind"] = json!(format!("/systemusers({ann})"));
    sent["regardingobjectid_account_appointment@odata.bind"] =
        json!(format!("/accounts({account})"));
    sent["appointment_activity_parties"] = json!([
        { "partyid_systemuser@odata.bind": format!("/systemusers({ann})"), "participationtypemask": 7 },
        { "partyid_systemuser@odata.bind": format!("/systemusers({ben})"), "participationtypemask": 5 },
        { "addressused": "guest@fabrikam.example", "participationtypemask": 6 },
    ]);
    let id = desk.post("appointments", sent);
    let masks = |desk: &Desk| {
        let row = desk.sim.row("appointments", id).unwrap();
        let parties = row["parties"].as_array().unwrap().clone();
        parties.iter().map(|p| p["participationtypemask"].as_i64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(masks(&desk), [7, 5, 6, 8, 9]);
    let row = desk.sim.row("appointments", id).unwrap();
    assert_eq!(row["parties"][1]["addressused"], "ben@contoso.example");
    assert_eq!(row["parties"][3]["partytable"], "account");
    let list = json!({ "appointment_activity_parties": [
        { "partyid_systemuser@odata.bind": format!("/systemusers({ben})"), "participationtypemask": 7 },
    ]});
    assert_eq!(desk.patch("appointments", id, list).status, 204);
    assert_eq!(masks(&desk), [7, 8, 9]);
    let url = format!(
        "appointments({id})?$select=subject&$expand=appointment_activity_parties($select=participationtypemask,_partyid_value)"
    );
    let row = body(&desk.get(&url));
    assert_eq!(row["appointment_activity_parties"][0]["_partyid_value"], json!(ben));
    assert!(row["appointment_activity_parties"][0].get("addressused").is_none());
}

#[test]
fn wrong_parties_are_refused() {
    // Owner parties, foreign kinds, second organizers, and parties without anybody are refused.
    let mut desk = Desk::new();
    let ann = format!("/systemusers({})", desk.ann());
    let account = desk.account("Fabrikam");
    let bind = "partyid_systemuser@odata.bind";
    let wrong = [
        json!([{ bind: ann, "participationtypemask": 9 }]),
        json!([{ bind: ann, "participationtypemask": 2 }]),
        json!([{ bind: ann }]),
        json!([{ "participationtypemask": 5 }]),
        json!([{ bind: ann, "participationtypemask": 7 }, { bind: ann, "participationtypemask": 7 }]),
        json!([{ "partyid_account@odata.bind": format!("/accounts({account})"), "participationtypemask": 7 }]),
        json!([{ bind: ann, "participationtypemask": 5, "colour": 1 }]),
    ];
    for list in wrong {
        let mut sent = meeting();
        sent["appointment_activity_parties"] = list.clone();
        assert_eq!(desk.call("POST", "appointments", &[], Some(sent)).status, 400, "{list}");
    }
    let mut sent = meeting();
    sent["requiredattendees"] = json!([]);
    refused(&desk.call("POST", "appointments", &[], Some(sent)), 400, "0x80060888");
}

#[test]
fn impersonated_writes_show_who_stands_behind() {
    // createdby and modifiedby are the person; the application is in …onbehalfby (protocols B4).
    let mut desk = Desk::new();
    let ann = desk.ann();
    let object = desk.people[0].object_id.to_string();
    let as_ann = [("CallerObjectId", object.as_str())];
    let answer = desk.call("POST", "tasks", &as_ann, Some(json!({ "subject": "x" })));
    assert_eq!(answer.status, 204);
    let row = desk.sim.rows("tasks").remove(0);
    let app = json!(desk.sim.application_user());
    assert_eq!(row["_createdby_value"], json!(ann));
    assert_eq!(row["_ownerid_value"], json!(ann));
    assert_eq!(row["_createdonbehalfby_value"], app);
    assert_eq!(row["_modifiedonbehalfby_value"], app);
    let id: Uuid = row["activityid"].as_str().unwrap().parse().unwrap();
    desk.sim.user_update(ann, "tasks", id, &json!({ "subject": "y" }), desk.now).unwrap();
    let row = desk.sim.row("tasks", id).unwrap();
    assert_eq!(row["_modifiedby_value"], json!(ann));
    assert_eq!(row["_modifiedonbehalfby_value"], Value::Null);
    assert_eq!(desk.sim.write_count(), 1, "acting in the UI is no API write");
}

#[test]
fn people_see_what_they_own_share_or_take_part_in() {
    // Unreadable rows give 403 by id and are left out of lists; sharing and parties open them.
    let mut desk = Desk::new();
    let (ann, ben) = (desk.ann(), desk.ben());
    let id = desk.sim.user_create(ann, "appointments", &meeting(), desk.now).unwrap();
    let object = desk.people[1].object_id.to_string();
    let as_ben = [("CallerObjectId", object.as_str())];
    let url = format!("appointments({id})");
    refused(&desk.call("GET", &url, &as_ben, None), 403, "0x80040220");
    let list = desk.call("GET", "appointments", &as_ben, None);
    assert!(ids(&list, "activityid").is_empty());
    desk.sim.share("appointments", id, ben, desk.now);
    assert_eq!(desk.call("GET", &url, &as_ben, None).status, 200);
    let subject = json!({ "subject": "by Ben" });
    assert!(desk.sim.user_update(ben, "appointments", id, &subject, desk.now).is_ok());
    desk.sim.unshare("appointments", id, ben, desk.now);
    assert_eq!(desk.call("GET", &url, &as_ben, None).status, 403);
    let invite = json!({ "appointment_activity_parties": [
        { "partyid_systemuser@odata.bind": format!("/systemusers({ben})"), "participationtypemask": 5 },
    ]});
    desk.sim.user_update(ann, "appointments", id, &invite, desk.now).unwrap();
    assert_eq!(desk.call("GET", &url, &as_ben, None).status, 200);
    let refusal = desk.sim.user_update(ben, "appointments", id, &subject, desk.now).unwrap_err();
    assert_eq!((refusal.status, refusal.code.as_str()), (403, "0x80040220"));
    desk.sim.set_org_db_setting("DisableImplicitSharingOfCommunicationActivities", "true");
    assert_eq!(desk.call("GET", &url, &as_ben, None).status, 403);
    refused(&desk.call("GET", "emailserverprofiles", &as_ben, None), 403, "0x80040220");
}

#[test]
fn single_properties_are_set_and_cleared() {
    // PUT and DELETE work on one column, $ref on one lookup.
    let mut desk = Desk::new();
    let id = desk.post("contacts", json!({ "firstname": "Jo", "lastname": "Doe" }));
    let url = format!("contacts({id})/jobtitle");
    assert_eq!(desk.call("PUT", &url, &[], Some(json!({ "value": "Lead" }))).status, 204);
    assert_eq!(body(&desk.get(&url))["value"], "Lead");
    assert_eq!(desk.call("DELETE", &url, &[], None).status, 204);
    assert_eq!(desk.get(&url).status, 204);
    assert_eq!(desk.sim.row("contacts", id).unwrap()["fullname"], "Jo Doe");
    let account = desk.account("Fabrikam");
    let reference = format!("contacts({id})/parentcustomerid_account/$ref");
    let sent = json!({ "@odata.id": format!("{}/api/data/v9.2/accounts({account})", super::BASE) });
    assert_eq!(desk.call("PUT", &reference, &[], Some(sent)).status, 204);
    let row = desk.sim.row("contacts", id).unwrap();
    assert_eq!(row["_parentcustomerid_value"], json!(account));
    assert_eq!(desk.call("DELETE", &reference, &[], None).status, 204);
}

#[test]
fn book_and_validate_answer_with_a_result() {
    // A plain answer with ValidationSuccess; Book makes the row.
    let mut desk = Desk::new();
    let mut target = meeting();
    target["@odata.type"] = json!("Microsoft.Dynamics.CRM.appointment");
    let sent = json!({ "Target": target });
    let answer = desk.call("POST", "Validate", &[], Some(sent.clone()));
    assert_eq!(body(&answer)["Result"]["ValidationSuccess"], true);
    assert!(desk.sim.rows("appointments").is_empty());
    let answer = desk.call("POST", "Book", &[], Some(sent));
    let id = body(&answer)["ValidationResult"]["ActivityId"].as_str().unwrap().parse().unwrap();
    assert_eq!(desk.sim.row("appointments", id).unwrap()["statuscode"], 5);
}

#[test]
fn book_fails_with_success_when_a_party_is_busy() {
    // 200 with ValidationSuccess false and the busy user; nothing is made. Ends that touch, an open
    // appointment and an appointment of others do not clash; a key that is taken is a duplicate.
    let mut desk = Desk::new();
    let ben = desk.ben();
    let book = |desk: &mut Desk, start: &str, end: &str, state: i64, key: u128| {
        let mut target = meeting();
        target["@odata.type"] = json!("Microsoft.Dynamics.CRM.appointment");
        target["scheduledstart"] = json!(format!("2026-12-01T{start}:00Z"));
        target["scheduledend"] = json!(format!("2026-12-01T{end}:00Z"));
        target["statecode"] = json!(state);
        target["appointment_activity_parties"] = json!([{ "participationtypemask": 5,
            "partyid_systemuser@odata.bind": format!("/systemusers({ben})") }]);
        target["activityid"] = json!(uuid::Uuid::from_u128(key).to_string());
        let answer = desk.call("POST", "Book", &[], Some(json!({ "Target": target })));
        (answer.status, body(&answer)["ValidationResult"].clone())
    };
    let made = |desk: &Desk| desk.sim.rows("appointments").len();
    assert_eq!(book(&mut desk, "10:00", "11:00", 3, 1).1["ValidationSuccess"], true);
    let (status, clash) = book(&mut desk, "10:30", "11:30", 3, 2);
    assert_eq!((status, &clash["ValidationSuccess"]), (200, &json!(false)));
    assert_eq!(clash["ActivityId"], uuid::Uuid::nil().to_string());
    let busy = &clash["TraceInfo"]["ErrorInfoList"][0]["ResourceList"][0];
    assert_eq!(busy["EntityName"], "systemuser");
    assert_eq!(made(&desk), 1);
    assert_eq!(book(&mut desk, "11:00", "12:00", 0, 3).1["ValidationSuccess"], true);
    assert_eq!(book(&mut desk, "11:00", "12:00", 3, 4).1["ValidationSuccess"], true);
    assert_eq!(book(&mut desk, "11:00", "12:00", 3, 4).0, 412);
    assert_eq!(made(&desk), 3);
}
