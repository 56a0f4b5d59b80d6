//! Contacts and their addresses, seen from outside (rules.md §1.10).

use lockstep::domain::code::Code;
use lockstep::domain::link::{LinkState, Why};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{System, id_of, person, two};

/// Returns a filter that finds a contact whoever owns it.
const EVERYBODYS: &str = "<fetch><entity name=\"contact\"><attribute name=\"contactid\"/><filter>\
    <condition attribute=\"statecode\" operator=\"eq\" value=\"0\"/></filter></entity></fetch>";

/// Returns a contact that Paul owns and that both have in their mailboxes.
fn shared(system: &System) -> Uuid {
    let user = system.user(1);
    let id = system.create(0, "contacts", &json!({ "lastname": "Mitchell", "telephone1": "1" }));
    let now = system.clock.now();
    let organization = system.organization();
    let mut dataverse = organization.dataverse();
    dataverse.set_user_filters(user, "contact", &[EVERYBODYS]);
    dataverse.share("contacts", id, user, now);
    drop(dataverse);
    system.settled();
    assert_eq!((system.contacts(0).len(), system.contacts(1).len()), (1, 1));
    id
}

#[test]
fn cont_01_a_contact_has_the_same_fields_on_both_sides() {
    // Names, addresses, phones, work, dates: written from Dynamics, then changed from Exchange.
    let system = two();
    let body = json!({
        "firstname": "Linda", "middlename": "M", "lastname": "Mitchell", "suffix": "Jr",
        "nickname": "Lin", "salutation": "Dr", "emailaddress1": "linda@fabrikam.example",
        "emailaddress2": "lm@fabrikam.example", "telephone1": "1", "business2": "2",
        "telephone2": "3", "mobilephone": "5", "fax": "6", "pager": "7", "jobtitle": "CEO",
        "department": "Board", "managername": "Max", "assistantname": "Ann",
        "spousesname": "Sam", "childrensnames": "Ida, Ole", "birthdate": "1974-07-22",
        "anniversary": "2001-05-04", "websiteurl": "https://fabrikam.example",
        "governmentid": "G1", "description": "Line 1\r\nLine 2",
    });
    let id = system.create(0, "contacts", &body);
    system.settled();
    let item = system.contacts(0).remove(0);
    for (name, value) in [
        ("givenName", "Linda"),
        ("surname", "Mitchell"),
        ("generation", "Jr"),
        ("title", "Dr"),
        ("nickName", "Lin"),
        ("mobilePhone", "5"),
        ("jobTitle", "CEO"),
        ("manager", "Max"),
        ("spouseName", "Sam"),
    ] {
        assert_eq!(item[name], value, "{name}");
    }
    assert_eq!(item["businessPhones"], json!(["1", "2"]));
    assert_eq!(item["emailAddresses"][1]["address"], "lm@fabrikam.example");
    assert_eq!(item["children"], json!(["Ida", "Ole"]));
    assert!(item["birthday"].as_str().unwrap().starts_with("1974-07-22"));
    let change = json!({ "jobTitle": "Chair", "businessPhones": ["9"], "birthday": null,
        "emailAddresses": [{ "address": "new@fabrikam.example", "name": "Linda" }] });
    system.edit_contact(0, &id_of(&item), &change);
    system.settled();
    let row = system.row("contacts", id).unwrap();
    assert_eq!((&row["jobtitle"], &row["telephone1"]), (&json!("Chair"), &json!("9")));
    assert_eq!(row["emailaddress1"], "new@fabrikam.example");
    assert!(row["emailaddress2"].is_null() && row["business2"].is_null());
    assert_eq!((&row["fax"], &row["governmentid"]), (&json!("6"), &json!("G1")));
    assert!(row["birthdate"].is_null());
    assert_eq!(row["anniversary"], "2001-05-04");
}

#[test]
fn cont_02_and_03_a_deleted_row_leaves_the_owners_contact_and_takes_the_others() {
    // The owner keeps his contact, unlinked; whoever is not the owner loses his copy.
    let system = two();
    let id = shared(&system);
    system.delete(0, "contacts", id);
    system.settled();
    assert_eq!((system.contacts(0).len(), system.contacts(1).len()), (1, 0));
    let kept = id_of(&system.contacts(0)[0]);
    system.edit_contact(0, &kept, &json!({ "jobTitle": "CEO" }));
    system.settled();
    assert!(system.rows("contacts").is_empty(), "unlinked: an edit makes no new row");
}

#[test]
fn cont_04_a_contact_deleted_in_exchange_takes_the_row_only_for_its_owner() {
    // Laura deletes her copy: nothing happens to the row. Paul deletes his: the row goes.
    let system = two();
    let id = shared(&system);
    system.delete_contact(1, &id_of(&system.contacts(1)[0]));
    system.settled();
    assert!(system.row("contacts", id).is_some());
    assert_eq!((system.contacts(0).len(), system.contacts(1).len()), (1, 0));
    system.delete_contact(0, &id_of(&system.contacts(0)[0]));
    system.settled();
    assert!(system.row("contacts", id).is_none());
}

#[test]
fn cont_04_a_tenant_may_keep_its_rows() {
    // `contact_delete_from_exchange = "never"`: not even the owner's delete takes the row.
    let people = vec![person(1, "Paul", "Cannon", "Europe/Berlin")];
    let tenant = "\n[policy]\ncontact_delete_from_exchange = \"never\"\n";
    let system = System::with(people, "state.url = \"memory:\"\n", tenant);
    let id = system.create(0, "contacts", &json!({ "lastname": "Mitchell" }));
    system.settled();
    system.delete_contact(0, &id_of(&system.contacts(0)[0]));
    system.settled();
    assert!(system.row("contacts", id).is_some() && system.contacts(0).is_empty());
}

#[test]
fn cont_05_the_owner_is_the_one_last_known() {
    // The row changes hands and is deleted before the next cycle: Paul was its last known owner.
    let system = two();
    let id = system.create(0, "contacts", &json!({ "lastname": "Mitchell" }));
    system.settled();
    let laura = system.owner(1);
    system.update(0, "contacts", id, &laura);
    system.delete(1, "contacts", id);
    system.settled();
    assert_eq!(system.contacts(0).len(), 1, "kept: the last known owner is Paul");
    assert!(system.contacts(1).is_empty());
}

#[test]
fn cont_05_a_row_that_changed_hands_leaves_the_old_owner() {
    // A logical delete compares with the present owner, who is somebody else.
    let system = two();
    let id = system.create(0, "contacts", &json!({ "lastname": "Mitchell" }));
    system.settled();
    let laura = system.owner(1);
    system.update(0, "contacts", id, &laura);
    system.settled();
    assert_eq!((system.contacts(0).len(), system.contacts(1).len()), (0, 1));
}

#[test]
fn cont_06_a_deactivated_contact_is_kept_and_unlinked() {
    // It leaves the filter while its owner stays: the contact remains; activation links it again.
    let system = two();
    let id = system.create(0, "contacts", &json!({ "lastname": "Mitchell" }));
    system.settled();
    system.update(0, "contacts", id, &json!({ "statecode": 1, "statuscode": 2 }));
    system.settled();
    assert_eq!(system.contacts(0).len(), 1);
    assert_eq!(system.links(0)[0].state, LinkState::Unlinked(Why::LeftFilter));
    system.update(0, "contacts", id, &json!({ "jobtitle": "CEO" }));
    system.settled();
    assert!(system.contacts(0)[0]["jobTitle"].is_null(), "unlinked");
    system.update(0, "contacts", id, &json!({ "statecode": 0, "statuscode": 1 }));
    system.settled();
    assert_eq!(system.contacts(0).len(), 1, "no second copy");
    assert_eq!(system.contacts(0)[0]["jobTitle"], "CEO");
}

#[test]
fn cont_10_a_suppressed_delete_is_remembered() {
    // Laura deleted her copy of Paul's contact: Paul's next edits do not bring it back.
    let system = two();
    let id = shared(&system);
    system.delete_contact(1, &id_of(&system.contacts(1)[0]));
    system.settled();
    assert!(system.codes().contains(&Code::NotRecreated));
    system.update(0, "contacts", id, &json!({ "telephone1": "2" }));
    system.settled();
    assert!(system.contacts(1).is_empty());
    assert_eq!(system.contacts(0)[0]["businessPhones"], json!(["2"]));
}

#[test]
fn addr_01_and_03_the_mailing_address_is_synchronized_in_both_directions() {
    // Business ↔ address 1, with up to three lines of street.
    let system = two();
    let body = json!({ "lastname": "Mitchell", "address1_line1": "Main 1", "address1_line2": "B",
        "address1_city": "Bonn", "address1_postalcode": "53111", "address1_country": "Germany" });
    let id = system.create(0, "contacts", &body);
    system.settled();
    let item = system.contacts(0).remove(0);
    let address = &item["businessAddress"];
    assert_eq!((&address["city"], &address["postalCode"]), (&json!("Bonn"), &json!("53111")));
    assert_eq!(address["street"].as_str().unwrap().replace("\r\n", "\n"), "Main 1\nB");
    let moved = json!({ "street": "Side 2", "city": "Kiel", "postalCode": null });
    system.edit_contact(0, &id_of(&item), &json!({ "businessAddress": moved }));
    system.settled();
    let row = system.row("contacts", id).unwrap();
    assert_eq!((&row["address1_line1"], &row["address1_city"]), (&json!("Side 2"), &json!("Kiel")));
    assert_eq!((&row["address1_line2"], &row["address1_postalcode"]), (&Value::Null, &Value::Null));
    assert_eq!(row["address1_country"], "Germany");
    system.update(0, "contacts", id, &json!({ "address1_country": null }));
    system.settled();
    let address = system.contacts(0)[0]["businessAddress"].clone();
    assert_eq!(address["city"], "Kiel");
    assert!(address["countryOrRegion"].as_str().unwrap_or_default().is_empty(), "{address}");
}

#[test]
fn addr_02_home_and_other_stay_where_they_are_in_mailing_mode() {
    // The default mode carries one address: the second and third neither come nor go.
    let system = two();
    let body = json!({ "lastname": "Mitchell", "address1_city": "Bonn", "address2_city": "Ulm",
        "address3_city": "Jena" });
    let id = system.create(0, "contacts", &body);
    system.settled();
    let item = system.contacts(0).remove(0);
    assert_eq!(item["businessAddress"]["city"], "Bonn");
    assert!(item["homeAddress"]["city"].is_null() && item["otherAddress"]["city"].is_null());
    let home = json!({ "homeAddress": { "city": "Trier" } });
    system.edit_contact(0, &id_of(&item), &home);
    system.settled();
    system.update(0, "contacts", id, &json!({ "address1_city": "Kiel", "address3_city": "Suhl" }));
    system.settled();
    let (item, row) = (system.contacts(0).remove(0), system.row("contacts", id).unwrap());
    assert_eq!((&row["address2_city"], &row["address3_city"]), (&json!("Ulm"), &json!("Suhl")));
    assert_eq!(item["homeAddress"]["city"], "Trier");
    assert!(item["otherAddress"]["city"].is_null());
    assert_eq!(item["businessAddress"]["city"], "Kiel");
}

#[test]
fn addr_02_addr_03_all_three_addresses_pair_when_the_tenant_says_so() {
    // Home ↔ address 2 and other ↔ address 3, both ways, once `contact_addresses` says "all".
    let people = vec![person(1, "Paul", "Cannon", "Europe/Berlin")];
    let lines = "[policy]\ncontact_addresses = \"all\"\n";
    let system = System::with(people, "state.url = \"memory:\"\n", lines);
    let body = json!({ "lastname": "Mitchell", "address1_city": "Bonn", "address2_city": "Ulm",
        "address3_city": "Jena" });
    let id = system.create(0, "contacts", &body);
    system.settled();
    let item = system.contacts(0).remove(0);
    let city = |name: &str| item[name]["city"].clone();
    assert_eq!(city("businessAddress"), "Bonn");
    assert_eq!((city("homeAddress"), city("otherAddress")), (json!("Ulm"), json!("Jena")));
    let moved = json!({ "homeAddress": { "city": "Trier" } });
    system.edit_contact(0, &id_of(&item), &moved);
    system.settled();
    let row = system.row("contacts", id).unwrap();
    assert_eq!((&row["address2_city"], &row["address3_city"]), (&json!("Trier"), &json!("Jena")));
}
