//! To Do, contacts, categories.

use serde_json::{Value, json};

use crate::sim::graph::{Renames, SettingsPermission};

use super::{ANNA, Bench, MARK, body, code, id, url};

fn list_id(bench: &mut Bench, known: &str) -> String {
    let lists = body(&bench.get("/todo/lists"));
    let list = lists["value"].as_array().unwrap().iter();
    id(list.clone().find(|list| list["wellknownListName"] == known).unwrap())
}

#[test]
fn tasks_keep_days_and_completion() {
    // Due and start keep their day at midnight; completion sets and clears completedDateTime.
    let mut bench = Bench::new();
    let list = list_id(&mut bench, "defaultList");
    let base = format!("/todo/lists/{list}/tasks");
    let due = json!({ "dateTime": "2026-11-27T23:30:00", "timeZone": "Pacific Standard Time" });
    let reminder = json!({ "dateTime": "2026-11-27T09:00:00", "timeZone": "Europe/Berlin" });
    let made = bench.made(
        &base,
        &json!({ "title": "T", "dueDateTime": due,
        "isReminderOn": true, "reminderDateTime": reminder, "status": "completed" }),
    );
    assert_eq!(made["dueDateTime"]["dateTime"], "2026-11-27T00:00:00.0000000");
    assert_eq!(made["reminderDateTime"]["dateTime"], "2026-11-27T08:00:00.0000000");
    assert_eq!(made["completedDateTime"]["dateTime"], "2026-11-24T00:00:00.0000000");
    assert!(made.get("changeKey").is_none() && made["@odata.etag"].is_string());
    let path = format!("{base}/{}", id(&made));
    let mut request = bench.request("PATCH", &path, Some(&json!({ "status": "notStarted" })));
    request.headers.push(("If-Match".into(), "W/\"stale\"".into()));
    let row = body(&bench.send(&request));
    assert!(row.get("completedDateTime").is_none());
    assert_ne!(row["@odata.etag"], made["@odata.etag"]);
    assert_eq!(bench.call("PATCH", &path, &json!({ "status": "done" })).status, 400);
    assert_eq!(bench.delete(&path).status, 204);
    assert_eq!(bench.get(&path).status, 404);
}

#[test]
fn linked_resources_mark_tasks() {
    // They come with the create, by their own path and with $expand, never by $filter.
    let mut bench = Bench::new();
    let list = list_id(&mut bench, "defaultList");
    let base = format!("/todo/lists/{list}/tasks");
    let link = json!({ "applicationName": "App", "externalId": "e-1", "displayName": "D" });
    let made = bench.made(&base, &json!({ "title": "T", "linkedResources": [link] }));
    assert_eq!(made["linkedResources"][0]["externalId"], "e-1");
    let path = format!("{base}/{}", id(&made));
    assert!(body(&bench.get(&path)).get("linkedResources").is_none());
    let second = bench.made(&format!("{path}/linkedResources"), &link);
    let rows = body(&bench.get(&format!("{base}?$expand=linkedResources")));
    assert_eq!(rows["value"][0]["linkedResources"].as_array().unwrap().len(), 2);
    let filter = url("externalId eq 'e-1'");
    assert_eq!(bench.get(&format!("{path}/linkedResources?$filter={filter}")).status, 400);
    let any = url("linkedResources/any(l:l/externalId eq 'e-1')");
    assert_eq!(bench.get(&format!("{base}?$filter={any}")).status, 400);
    assert_eq!(bench.delete(&format!("{path}/linkedResources/{}", id(&second))).status, 204);
    let delta = format!("{base}/delta?$expand=linkedResources&$select=title");
    let (rows, _) = bench.round(&delta);
    assert_eq!(rows[0]["linkedResources"].as_array().unwrap().len(), 1);
    assert!(rows[0].get("status").is_none());
    let marked = json!({ "title": "T", "singleValueExtendedProperties": [] });
    assert_eq!(bench.call("POST", &base, &marked).status, 400);
}

#[test]
fn a_moved_task_is_another_task() {
    // A move to another list gives a new id and a removal in the old list's delta.
    let mut bench = Bench::new();
    let list = list_id(&mut bench, "defaultList");
    let other = id(&bench.made("/todo/lists", &json!({ "displayName": "Other" })));
    let now = bench.now;
    let old = bench.sim.user_create_task(ANNA, &json!({ "title": "T" }), now).unwrap();
    let (_, link) = bench.round(&format!("/todo/lists/{list}/tasks/delta"));
    let new = bench.sim.user_move_task(ANNA, &old, &other, now).unwrap();
    assert_ne!(old, new);
    let (rows, _) = bench.round(&link);
    assert_eq!((rows.len(), &rows[0]["id"]), (1, &json!(old)));
    assert!(rows[0].get("@removed").is_some());
    assert_eq!(bench.get(&format!("/todo/lists/{other}/tasks/{new}")).status, 200);
    assert_eq!(bench.get(&format!("/todo/lists/{list}/tasks/{new}")).status, 404);
}

#[test]
fn contacts_have_three_addresses_and_conditions() {
    // The fourth address is refused; parts of an address are patched; If-Match is honoured.
    let mut bench = Bench::new();
    let four: Vec<Value> = (0..4).map(|n| json!({ "address": format!("a{n}@x.org") })).collect();
    let answer = bench.call("POST", "/contacts", &json!({ "emailAddresses": four }));
    assert_eq!((answer.status, code(&answer)), (400, "ErrorPropertyValidationFailure".into()));
    let made = bench.made(
        "/contacts",
        &json!({ "givenName": "Max", "surname": "M",
        "emailAddresses": &four[..2], "birthday": "1990-01-02T00:00:00+01:00",
        "businessAddress": { "city": "Bonn", "street": "S" },
        "singleValueExtendedProperties": [{ "id": MARK, "value": "v" }] }),
    );
    assert_eq!((&made["displayName"], &made["fileAs"]), (&json!("Max M"), &json!("M, Max")));
    assert_eq!(made["primaryEmailAddress"]["address"], "a0@x.org");
    assert_eq!(made["birthday"], "1990-01-01T23:00:00Z");
    let path = format!("/contacts/{}", id(&made));
    let patch = json!({ "businessAddress": { "city": "Ulm" }, "secondaryEmailAddress": null });
    let row = body(&bench.call("PATCH", &path, &patch));
    assert_eq!(row["businessAddress"], json!({ "city": "Ulm", "street": "S" }));
    assert_eq!(row["emailAddresses"].as_array().unwrap().len(), 1);
    let mut stale = bench.request("PATCH", &path, Some(&json!({ "surname": "N" })));
    stale.headers.push(("If-Match".into(), made["@odata.etag"].as_str().unwrap().into()));
    assert_eq!(bench.send(&stale).status, 412);
    let any =
        format!("singleValueExtendedProperties/any(ep:ep/id eq '{MARK}' and ep/value eq 'V')");
    let found = body(&bench.get(&format!("/contacts?$filter={}", url(&any))));
    assert_eq!(found["value"].as_array().unwrap().len(), 1);
    let address = url("emailAddresses/any(a:a/address eq 'A0@x.org')");
    let found = body(&bench.get(&format!("/contacts?$filter={address}")));
    assert_eq!(found["value"].as_array().unwrap().len(), 1);
    assert_eq!(bench.call("PATCH", &path, &json!({ "fax": "1" })).status, 400);
}

#[test]
fn the_default_contact_folder_is_hidden() {
    // contactFolders doesn't list the default folder; its well-known name works as id.
    let mut bench = Bench::new();
    let made = bench.made("/contacts", &json!({ "surname": "A" }));
    let rows = body(&bench.get("/contactFolders"));
    assert_eq!(rows["value"], json!([]));
    let folder = body(&bench.get("/contactFolders/contacts"));
    assert_eq!(folder["id"], made["parentFolderId"]);
    let rows = body(&bench.get("/contactFolders/contacts/contacts"));
    assert_eq!(rows["value"][0]["id"], made["id"]);
}

#[test]
fn categories_have_preset_colors() {
    // masterCategories are listed and created with a preset color; a second name is refused.
    let mut bench = Bench::new();
    let base = "/outlook/masterCategories";
    let made = bench.made(base, &json!({ "displayName": "Tracked", "color": "preset4" }));
    assert_eq!(made["color"], "preset4");
    let rows = body(&bench.get(base));
    assert_eq!(rows["value"][0]["displayName"], "Tracked");
    let wrong = json!({ "displayName": "X", "color": "blue" });
    assert_eq!(bench.call("POST", base, &wrong).status, 400);
    assert_eq!(bench.call("POST", base, &json!({ "displayName": "Tracked" })).status, 409);
}

#[test]
fn a_categorys_name_is_its_owners() {
    // Through the API the color changes and the name does not (outlookcategory-update); its owner's
    // rename reaches the items that carry it or leaves them, and a deletion leaves them.
    let mut bench = Bench::new();
    let made = bench.made("/outlook/masterCategories", &json!({ "displayName": "Old" }));
    let path = format!("/outlook/masterCategories/{}", id(&made));
    assert_eq!(bench.call("PATCH", &path, &json!({ "displayName": "New" })).status, 400);
    assert_eq!(
        body(&bench.call("PATCH", &path, &json!({ "color": "preset1" })))["color"],
        "preset1"
    );
    let task = json!({ "title": "A", "categories": ["Red", "Old"] });
    let now = bench.now;
    bench.sim.user_create_task(ANNA, &task, now).unwrap();
    let held = |bench: &Bench| bench.sim.tasks(ANNA)[0]["categories"].clone();
    bench.sim.user_rename_category(ANNA, ("Old", "New"), Renames::Entry, now).unwrap();
    assert_eq!(held(&bench), json!(["Red", "Old"]));
    bench.sim.user_rename_category(ANNA, ("New", "Old"), Renames::Entry, now).unwrap();
    let version = bench.sim.tasks(ANNA)[0]["@odata.etag"].clone();
    bench.sim.user_rename_category(ANNA, ("Old", "Newer"), Renames::Items, now).unwrap();
    assert_eq!(held(&bench), json!(["Red", "Newer"]));
    assert_ne!(bench.sim.tasks(ANNA)[0]["@odata.etag"], version);
    assert_eq!(body(&bench.get(&path))["displayName"], "Newer");
    bench.sim.user_delete_category(ANNA, "Newer", now).unwrap();
    assert_eq!((bench.get(&path).status, held(&bench)), (404, json!(["Red", "Newer"])));
}

#[test]
fn categories_need_a_permission_of_their_own() {
    // Without MailboxSettings the list is closed, with the right to read it nothing can be made;
    // items are not concerned.
    let mut bench = Bench::new();
    let base = "/outlook/masterCategories";
    for (permission, read) in [(SettingsPermission::None, 403), (SettingsPermission::Read, 200)] {
        bench.sim.set_settings_permission(permission);
        assert_eq!(bench.get(base).status, read);
        assert_eq!(bench.call("POST", base, &json!({ "displayName": "X" })).status, 403);
        assert_eq!(bench.get("/events").status, 200);
    }
}

#[test]
fn ids_translate_between_their_kinds() {
    // translateExchangeIds turns plain ids into immutable ones.
    let mut bench = Bench::new();
    let plain = id(&bench.made("/contacts", &json!({ "surname": "A" })));
    let fixed = bench.sim.contacts(ANNA)[0]["id"].clone();
    let given = json!({ "inputIds": [plain, "x"], "sourceIdType": "restId",
        "targetIdType": "restImmutableEntryId" });
    let rows = body(&bench.call("POST", "/translateExchangeIds", &given));
    assert_eq!(rows["value"][0]["targetId"], fixed);
    assert_eq!(rows["value"][1]["errorDetails"]["code"], "ErrorInvalidIdMalformed");
}
