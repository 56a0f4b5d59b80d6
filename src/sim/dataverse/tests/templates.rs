//! Filter templates and `InstantiateFilters`.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Desk, body, refused};
use crate::sim::dataverse::{Depth, Privileges};
use crate::sim::wire::Response;

const ACTION: &str = "Microsoft.Dynamics.CRM.InstantiateFilters";

fn templates(desk: &mut Desk) -> Vec<Value> {
    let url = "savedqueries?$select=savedqueryid,returnedtypecode,isdefault,statecode\
               &$filter=querytype%20eq%20131072";
    body(&desk.get(url))["value"].as_array().unwrap().clone()
}

fn call(desk: &mut Desk, user: Uuid, as_user: Option<usize>, sent: Value) -> Response {
    let object = as_user.map(|at| desk.people[at].object_id.to_string());
    let headers: Vec<(&str, &str)> =
        object.iter().map(|id| ("CallerObjectId", id.as_str())).collect();
    desk.call("POST", &format!("systemusers({user})/{ACTION}"), &headers, Some(sent))
}

fn of(ids: &[&Value]) -> Value {
    let one = |id: &&Value| json!({ "@odata.type": "Microsoft.Dynamics.CRM.savedquery", "savedqueryid": id });
    json!({ "TemplateCollection": ids.iter().map(one).collect::<Vec<_>>() })
}

fn without_filters() -> (Desk, Uuid) {
    let mut desk = Desk::new();
    let ann = desk.ann();
    for table in ["contact", "task"] {
        desk.sim.set_user_filters(ann, table, &[]);
    }
    (desk, ann)
}

fn filters_of(desk: &Desk, user: Uuid, table: &str) -> Vec<Value> {
    let mut rows = desk.sim.rows("userqueries");
    rows.retain(|row| row["_ownerid_value"] == json!(user) && row["returnedtypecode"] == table);
    rows
}

#[test]
fn filt_11_an_organization_has_one_default_template_for_each_table() {
    // They are saved queries of a type of their own, and no system filters.
    let mut desk = Desk::new();
    let found = templates(&mut desk);
    assert_eq!(found.len(), 8);
    assert!(found.iter().all(|row| row["isdefault"] == true && row["statecode"] == 0));
    let system = desk.get("savedqueries?$filter=querytype%20eq%20256");
    assert_eq!(body(&system)["value"], json!([]));
}

#[test]
fn filt_16_templates_become_filters_of_the_user_and_a_second_call_refreshes_them() {
    // 204 without a body; the filter has the template's query and names it; called again, there is
    // still one, with the user's change undone.
    let (mut desk, ann) = without_filters();
    let all = templates(&mut desk);
    let contact = all.iter().find(|row| row["returnedtypecode"] == "contact").unwrap();
    let id = &contact["savedqueryid"];
    let answer = call(&mut desk, ann, Some(0), of(&[id]));
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    let made = filters_of(&desk, ann, "contact");
    assert_eq!(made.len(), 1);
    assert_eq!((&made[0]["querytype"], &made[0]["statecode"]), (&json!(256), &json!(0)));
    assert_eq!(&made[0]["_parentqueryid_value"], id);
    assert_eq!(made[0]["_createdby_value"], json!(ann));
    let key = made[0]["userqueryid"].as_str().unwrap().parse().unwrap();
    desk.sim.admin_set("userqueries", key, "fetchxml", json!("<fetch/>"));
    assert_eq!(call(&mut desk, ann, None, of(&[id])).status, 204);
    assert_eq!(filters_of(&desk, ann, "contact")[0]["fetchxml"], made[0]["fetchxml"]);
    assert_eq!(filters_of(&desk, ann, "contact").len(), 1);
}

#[test]
fn instantiate_filters_refuses_what_is_no_template_and_who_may_not() {
    // All or nothing: wrong names, wrong types, unknown rows, other people, no privilege.
    let (mut desk, ann) = without_filters();
    let all = templates(&mut desk);
    let id = all[0]["savedqueryid"].clone();
    let plain = json!({ "name": "View", "fetchxml": "<fetch/>", "returnedtypecode": "task",
        "querytype": 0 });
    let view = json!(desk.post("savedqueries", plain));
    refused(&call(&mut desk, ann, None, of(&[&id, &view])), 400, "0x80040203");
    refused(&call(&mut desk, ann, None, of(&[&json!(Uuid::nil())])), 404, "0x80040217");
    refused(&call(&mut desk, Uuid::nil(), None, of(&[&id])), 404, "0x80040217");
    let odd = json!({ "TemplateCollection": [{ "savedqueryid": id, "name": "x" }] });
    let typed = json!({ "TemplateCollection": [{ "savedqueryid": id, "@odata.type": "Microsoft.Dynamics.CRM.userquery" }] });
    let more = json!({ "TemplateCollection": [{ "savedqueryid": id }], "UserId": ann });
    let none = json!({ "TemplateCollection": [] });
    for sent in [json!({}), none, odd, typed, more, json!({ "TemplateCollection": [id] })] {
        refused(&call(&mut desk, ann, None, sent), 400, "0x80048d19");
    }
    let other = call(&mut desk, ann, Some(1), of(&[&id]));
    refused(&other, 403, "0x80040220");
    let read_only = Privileges { read: Depth::User, write: Depth::None };
    desk.sim.set_privileges("userquery", read_only);
    refused(&call(&mut desk, ann, Some(0), of(&[&id])), 403, "0x80040220");
    assert!(filters_of(&desk, ann, "contact").is_empty());
    let short = format!("systemusers({ann})/InstantiateFilters");
    assert!(desk.call("POST", &short, &[], Some(of(&[&id]))).status >= 400);
    assert!(desk.get(&format!("systemusers({ann})/{ACTION}")).status >= 400);
}
