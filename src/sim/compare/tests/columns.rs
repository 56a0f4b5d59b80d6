//! Every column of a contact, one by one.

use super::*;

fn full_row(organization: &Organization) -> Uuid {
    let body = json!({ "firstname": "Łukasz", "middlename": "Jan", "lastname": "Zając 0007",
        "suffix": "Jr.", "salutation": "Dr.", "nickname": "Luk", "jobtitle": "課長",
        "department": "R&D", "mobilephone": "+1", "assistantname": "Ann", "managername": "Max",
        "spousesname": "Eva", "websiteurl": "https://a.example", "yomifirstname": "ル",
        "yomilastname": "ザ", "description": "Note\nmore", "telephone3": "+2", "pager": "+3",
        "fax": "+4", "callback": "+5", "company": "+6", "assistantphone": "+7",
        "ftpsiteurl": "ftp://a.example", "governmentid": "G1", "telephone1": "+8",
        "business2": "+9", "telephone2": "+10", "home2": "+11", "emailaddress1": "a@x.example",
        "emailaddress2": "b@x.example", "emailaddress3": "c@x.example",
        "childrensnames": "Ida, Ole", "birthdate": "1970-02-03", "anniversary": "2001-06-05",
        "address1_line1": "A 1", "address1_line2": "B", "address1_city": "Łódź",
        "address1_stateorprovince": "S", "address1_postalcode": "90-001",
        "address1_country": "Polska" });
    let who = organization.people[0].user_id;
    organization.dataverse().user_create(who, "contacts", &body, now()).unwrap()
}

fn full_item(organization: &Organization, row: Uuid) -> String {
    let tag = |tag: &str, value: &str| json!({ "id": format!("String {tag}"), "value": value });
    let body = json!({ "givenName": "Łukasz", "middleName": "Jan", "surname": "Zając 0007",
        "generation": "Jr.", "title": "Dr.", "nickName": "Luk", "jobTitle": "課長",
        "department": "R&D", "mobilePhone": "+1", "assistantName": "Ann", "manager": "Max",
        "spouseName": "Eva", "businessHomePage": "https://a.example", "yomiGivenName": "ル",
        "yomiSurname": "ザ", "personalNotes": "Note\r\nmore  \r\n",
        "businessPhones": ["+8", "+9"], "homePhones": ["+10", "+11"],
        "emailAddresses": [{ "address": "A@x.example" }, { "address": "b@x.example" },
            { "address": "c@x.example" }],
        "children": ["Ida", "Ole"], "birthday": "1970-02-03T00:00:00Z",
        "businessAddress": { "street": "A 1\r\nB", "city": "Łódź", "state": "S",
            "postalCode": "90-001", "countryOrRegion": "Polska" },
        "singleValueExtendedProperties": [tag("0x3A1F", "+2"), tag("0x3A21", "+3"),
            tag("0x3A24", "+4"), tag("0x3A02", "+5"), tag("0x3A57", "+6"), tag("0x3A2E", "+7"),
            tag("0x3A4C", "ftp://a.example"), tag("0x3A07", "G1"),
            { "id": "SystemTime 0x3A41", "value": "2001-06-05T00:00:00Z" },
            { "id": LINK, "value": row.to_string() }] });
    let address = &organization.people[0].address;
    organization.graph().user_create_contact(address, &body, now()).unwrap()
}

#[test]
fn a_difference_in_any_column_of_a_contact_is_found() {
    // With all columns equal there is no problem; each change alone is named by its column.
    let tag = |tag: &str| json!({ "singleValueExtendedProperties": [{ "id": tag, "value": "x" }] });
    let changes = [
        ("firstname", json!({ "givenName": "x" })),
        ("middlename", json!({ "middleName": "x" })),
        ("suffix", json!({ "generation": "x" })),
        ("salutation", json!({ "title": "x" })),
        ("nickname", json!({ "nickName": "x" })),
        ("jobtitle", json!({ "jobTitle": "x" })),
        ("department", json!({ "department": "x" })),
        ("mobilephone", json!({ "mobilePhone": "x" })),
        ("assistantname", json!({ "assistantName": "x" })),
        ("managername", json!({ "manager": "x" })),
        ("spousesname", json!({ "spouseName": "x" })),
        ("websiteurl", json!({ "businessHomePage": "x" })),
        ("yomifirstname", json!({ "yomiGivenName": "x" })),
        ("yomilastname", json!({ "yomiSurname": "x" })),
        ("description", json!({ "personalNotes": "Note more" })),
        ("telephone3", tag("String 0x3A1F")),
        ("pager", tag("String 0x3A21")),
        ("fax", tag("String 0x3A24")),
        ("callback", tag("String 0x3A02")),
        ("company", tag("String 0x3A57")),
        ("assistantphone", tag("String 0x3A2E")),
        ("ftpsiteurl", tag("String 0x3A4C")),
        ("governmentid", tag("String 0x3A07")),
        ("telephone1", json!({ "businessPhones": ["x", "+9"] })),
        ("business2", json!({ "businessPhones": ["+8"] })),
        ("telephone2", json!({ "homePhones": ["x", "+11"] })),
        ("home2", json!({ "homePhones": ["+10"] })),
        ("childrensnames", json!({ "children": ["Ida"] })),
        ("birthdate", json!({ "birthday": "1970-02-04T00:00:00Z" })),
        ("address1", json!({ "businessAddress": { "city": "Lodz" } })),
    ];
    for (field, change) in changes {
        let organization = contoso();
        let row = full_row(&organization);
        let item = full_item(&organization, row);
        let found = judge(&organization);
        assert!(found.is_clean(), "{}", found.table());
        let address = organization.people[0].address.clone();
        organization.graph().user_update_contact(&address, &item, &change, now()).unwrap();
        assert_eq!(whats(&judge(&organization)), [What::Differs { field }]);
    }
}
