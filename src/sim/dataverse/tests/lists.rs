//! Lists of rows by their ids: the query function `In`, and what is expanded in a list.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Desk, body, enc, ids, refused};
use crate::sim::wire::Response;

fn values(desk: &mut Desk, name: &str, values: &str) -> Response {
    let text =
        format!("Microsoft.Dynamics.CRM.In(PropertyName='{name}',PropertyValues=[{values}])");
    desk.get(&format!("tasks?$filter={}", enc(&text)))
}

#[test]
fn values_of_the_function_in_are_texts_in_json() {
    // One or two kinds of quotes, an apostrophe in double ones only; never none, unquoted or too many.
    let mut desk = Desk::new();
    let one = desk.post("tasks", json!({ "subject": "O'Bryan" }));
    let two = desk.post("tasks", json!({ "subject": "Two" }));
    let mut found = |name: &str, text: &str| ids(&values(&mut desk, name, text), "activityid");
    assert_eq!(found("activityid", &format!("'{two}','{}'", Uuid::from_u128(5))), [two]);
    assert_eq!(found("activityid", &format!("\"{two}\"")), [two]);
    assert_eq!(found("subject", "'two','three'"), [two]);
    assert_eq!(found("subject", "\"o'bryan\",'three'"), [one]);
    let most = vec![format!("'{one}'"); 2_000].join(",");
    let url = format!(
        "tasks?$filter={}",
        enc("Microsoft.Dynamics.CRM.In(PropertyName=@p,PropertyValues=@v)")
    );
    assert_eq!(desk.get(&format!("{url}&@p='activityid'&@v=[{most}]")).status, 414);
    for (name, text) in [
        ("activityid", ""),
        ("activityid", &format!("{one}")),
        ("activityid", "'no guid'"),
        ("activityid", &format!("'{one}'")[..20]),
        ("subject", "'O''Bryan'"),
        ("subject", "'a' 'b'"),
        ("colour", "'red'"),
        ("subject", &vec!["'a'"; 2_001].join(",")),
    ] {
        refused(&values(&mut desk, name, text), 400, "0x80060888");
    }
}

#[test]
fn a_list_leaves_out_what_the_caller_may_not_read() {
    // No refusal and no sign: a deleted row and another person's are left out alike.
    let mut desk = Desk::new();
    let (ann, ben) = (desk.ann(), desk.ben());
    let task = |desk: &mut Desk, owner: Uuid| {
        let owner = format!("/systemusers({owner})");
        desk.post("tasks", json!({ "subject": "x", "ownerid@odata.bind": owner }))
    };
    let (own, others, gone) = (task(&mut desk, ann), task(&mut desk, ben), task(&mut desk, ann));
    assert_eq!(desk.call("DELETE", &format!("tasks({gone})"), &[], None).status, 204);
    let text = format!(
        "Microsoft.Dynamics.CRM.In(PropertyName='activityid',PropertyValues=['{own}','{others}','{gone}'])"
    );
    let url = format!("tasks?$select=subject&$filter={}", enc(&text));
    let object = desk.people[0].object_id.to_string();
    let as_ann = desk.call("GET", &url, &[("CallerObjectId", &object)], None);
    assert_eq!(ids(&as_ann, "activityid"), [own]);
    assert_eq!(ids(&desk.get(&url), "activityid").len(), 2);
}

#[test]
fn a_list_expands_parties_whole_and_links_to_them() {
    // The page size is that of the rows; beside all parties of a row stands where they are told alone,
    // with the options and without a page. A single row has no such link.
    let mut desk = Desk::new();
    let ann = format!("/systemusers({})", desk.ann());
    let parties = json!([
        { "partyid_systemuser@odata.bind": ann, "participationtypemask": 7 },
        { "addressused": "a@example.org", "participationtypemask": 5 },
        { "addressused": "b@example.org", "participationtypemask": 6 },
    ]);
    for subject in ["One", "Two"] {
        let sent = json!({
            "subject": subject, "appointment_activity_parties": parties,
            "scheduledstart": "2026-03-05T09:00:00Z", "scheduledend": "2026-03-05T10:00:00Z",
        });
        desk.post("appointments", sent);
    }
    let options = "$select=addressused,participationtypemask";
    let query = format!("$select=subject&$expand=appointment_activity_parties({options})");
    let prefer = [("Prefer", "odata.maxpagesize=1")];
    let page = body(&desk.call("GET", &format!("appointments?{query}"), &prefer, None));
    assert!(page["@odata.nextLink"].as_str().unwrap().contains("$skiptoken"));
    let rows = page["value"].as_array().unwrap();
    assert_eq!(rows.len(), 1);
    let row = &rows[0];
    let found = row["appointment_activity_parties"].as_array().unwrap();
    assert_eq!(found.len(), 4, "the owner is a party, too");
    let id = row["activityid"].as_str().unwrap();
    let path = format!("appointments({id})/appointment_activity_parties");
    let link = row["appointment_activity_parties@odata.nextLink"].as_str().unwrap();
    assert_eq!(link, format!("http://host/contoso/dataverse/api/data/v9.2/{path}?{options}"));
    let alone = body(&desk.get(&path));
    assert_eq!(alone["value"].as_array().unwrap().len(), 4);
    let single = body(&desk.get(&format!("appointments({id})?{query}")));
    assert_eq!(single["appointment_activity_parties"], row["appointment_activity_parties"]);
    assert_eq!(single.get("appointment_activity_parties@odata.nextLink"), None::<&Value>);
}

#[test]
fn a_query_expands_fifteen_properties_at_most() {
    // The sixteenth is refused.
    let mut desk = Desk::new();
    let url = |count: usize| {
        format!("appointments?$expand={}", vec!["appointment_activity_parties"; count].join(","))
    };
    assert_eq!(desk.get(&url(15)).status, 200);
    refused(&desk.get(&url(16)), 400, "0x80060888");
}
