//! Contacts (rules.md §2.5): one table, read in both directions.
//!
//! Fields that Graph's contact lacks travel as extended properties under their MAPI tags. Absent:
//! Outlook's mailing-address flag, which Graph does not have: the business address is address 1.

use chrono::NaiveDate;
use serde_json::{Map, Value as Json, json};

use super::{change, extended, lose, marker_of, set_text, time};
use crate::domain::code::Code;
use crate::domain::field::{Field, Patch, Value};
use crate::domain::ids::{NativeId, Version};
use crate::domain::kind::Collection;
use crate::domain::observation::{ExchangeFacts, Facts, Observation};
use crate::graph::wire::{Contact, EmailAddress, ExtendedProperty, PhysicalAddress};

/// Places for e-mail addresses (Outlook's model, CSDL primary to tertiary).
const EMAILS: [Field; 3] = [Field::Email1, Field::Email2, Field::Email3];
/// Places for phones: two each in Outlook's own model (protocols A8).
const BUSINESS_PHONES: [Field; 2] = [Field::BusinessPhone, Field::BusinessPhone2];
const HOME_PHONES: [Field; 2] = [Field::HomePhone, Field::HomePhone2];

type TextOf = fn(&Contact) -> Option<&String>;

/// The texts: field, name on the wire, where it stands.
const TEXTS: [(Field, &str, TextOf); 17] = [
    (Field::FirstName, "givenName", |c| c.given_name.as_ref()),
    (Field::MiddleName, "middleName", |c| c.middle_name.as_ref()),
    (Field::LastName, "surname", |c| c.surname.as_ref()),
    (Field::Suffix, "generation", |c| c.generation.as_ref()),
    (Field::Salutation, "title", |c| c.title.as_ref()),
    (Field::Nickname, "nickName", |c| c.nick_name.as_ref()),
    (Field::YomiFirstName, "yomiGivenName", |c| c.yomi_given_name.as_ref()),
    (Field::YomiLastName, "yomiSurname", |c| c.yomi_surname.as_ref()),
    (Field::MobilePhone, "mobilePhone", |c| c.mobile_phone.as_ref()),
    (Field::AssistantName, "assistantName", |c| c.assistant_name.as_ref()),
    (Field::ManagerName, "manager", |c| c.manager.as_ref()),
    (Field::SpouseName, "spouseName", |c| c.spouse_name.as_ref()),
    (Field::Department, "department", |c| c.department.as_ref()),
    (Field::JobTitle, "jobTitle", |c| c.job_title.as_ref()),
    (Field::Company, "companyName", |c| c.company_name.as_ref()),
    (Field::Website, "businessHomePage", |c| c.business_home_page.as_ref()),
    (Field::Body, "personalNotes", |c| c.personal_notes.as_ref()),
];

/// The texts that only MAPI has, under the tags of MS-OXPROPS.
const EXTENDED: [(Field, &str); 8] = [
    (Field::OtherPhone, "String 0x3A1F"),
    (Field::Pager, "String 0x3A21"),
    (Field::BusinessFax, "String 0x3A24"),
    (Field::CallbackPhone, "String 0x3A02"),
    (Field::CompanyPhone, "String 0x3A57"),
    (Field::AssistantPhone, "String 0x3A2E"),
    (Field::FtpSite, "String 0x3A4C"),
    (Field::GovernmentId, "String 0x3A07"),
];

/// The wedding anniversary, a day that only MAPI has.
const ANNIVERSARY: &str = "SystemTime 0x3A41";

type AddressOf = fn(&Contact) -> Option<&PhysicalAddress>;

/// The addresses (ADDR-03): name, where it stands, its fields in the order street, city, state,
/// postal code, country.
const ADDRESSES: [(&str, AddressOf, [Field; 5]); 3] = [
    (
        "businessAddress",
        |c| c.business_address.as_ref(),
        [Field::Street1, Field::City1, Field::Region1, Field::PostalCode1, Field::Country1],
    ),
    (
        "homeAddress",
        |c| c.home_address.as_ref(),
        [Field::Street2, Field::City2, Field::Region2, Field::PostalCode2, Field::Country2],
    ),
    (
        "otherAddress",
        |c| c.other_address.as_ref(),
        [Field::Street3, Field::City3, Field::Region3, Field::PostalCode3, Field::Country3],
    ),
];

/// The parts of an address in the order of its fields.
const PARTS: [&str; 5] = ["street", "city", "state", "postalCode", "countryOrRegion"];

/// The fields of which the display name is made, in its order.
const NAMES: [Field; 4] = [Field::FirstName, Field::MiddleName, Field::LastName, Field::Suffix];

/// Returns the ids of all extended properties that a contact is read with, the marker aside.
pub(in crate::graph) fn extended_ids() -> impl Iterator<Item = &'static str> {
    EXTENDED.iter().map(|(_, id)| *id).chain([ANNIVERSARY])
}

/// Returns the property that holds a field.
pub(super) fn property(field: Field) -> Option<String> {
    let text = TEXTS.iter().find(|(one, ..)| *one == field).map(|(_, name, _)| (*name).to_owned());
    let ext = || {
        let tag = EXTENDED.iter().find(|(one, _)| *one == field).map(|(_, id)| *id);
        tag.or((field == Field::Anniversary).then_some(ANNIVERSARY))
            .map(|id| format!("extended property {id}"))
    };
    let listed = || {
        [
            ("emailAddresses", &EMAILS[..]),
            ("businessPhones", &BUSINESS_PHONES),
            ("homePhones", &HOME_PHONES),
        ]
        .into_iter()
        .find_map(|(name, places)| {
            let at = places.iter().position(|one| *one == field)?;
            Some(format!("{name}[{at}]"))
        })
    };
    let address = || {
        ADDRESSES.iter().find_map(|(name, _, fields)| {
            let at = fields.iter().position(|one| *one == field)?;
            Some(format!("{name}.{}", PARTS[at]))
        })
    };
    let plain = || {
        let names = [(Field::Children, "children"), (Field::Birthday, "birthday")];
        names.iter().find(|(one, _)| *one == field).map(|(_, name)| (*name).to_owned())
    };
    text.or_else(ext).or_else(listed).or_else(address).or_else(plain)
}

/// Returns what a contact says; complete only when it was read with its extended properties.
pub(in crate::graph) fn observe(contact: &Contact) -> Observation {
    let ext = contact.single_value_extended_properties.as_ref();
    let mut seen = super::blank(Collection::Contacts, NativeId::new(contact.id.as_str()));
    seen.version = contact.etag.as_deref().map(Version::new);
    seen.marker = marker_of(ext);
    // The category does not work for contacts (LINK-05): only our marker or an add-in's signal.
    let untracked = super::is_untracked(ext);
    let tracked = !untracked && (seen.marker.is_some() || super::is_signalled(ext));
    seen.facts = Facts::Exchange(ExchangeFacts {
        tracked,
        untracked,
        made: super::is_made(ext),
        ..ExchangeFacts::default()
    });
    seen.unfit = contact.etag.is_none().then_some(Code::ReplyIncomplete);
    for (field, _, text) in TEXTS {
        set_text(&mut seen.fields, field, text(contact).map(String::as_str));
    }
    for (field, id) in EXTENDED {
        set_text(&mut seen.fields, field, extended(ext, id));
    }
    for (_, address, fields) in ADDRESSES {
        let Some(address) = address(contact) else { continue };
        for (field, text) in fields.into_iter().zip(parts(address)) {
            set_text(&mut seen.fields, field, text);
        }
    }
    let children = contact.children.as_deref().unwrap_or_default().join(", ");
    set_text(&mut seen.fields, Field::Children, Some(&children));
    lists(contact, &mut seen);
    dates(contact, &mut seen);
    seen
}

fn parts(address: &PhysicalAddress) -> [Option<&str>; 5] {
    [
        address.street.as_deref(),
        address.city.as_deref(),
        address.state.as_deref(),
        address.postal_code.as_deref(),
        address.country_or_region.as_deref(),
    ]
}

fn lists(contact: &Contact, seen: &mut Observation) {
    let emails: Vec<&str> =
        list(&contact.email_addresses).iter().filter_map(|one| one.address.as_deref()).collect();
    let business = list(&contact.business_phones).iter().map(String::as_str).collect();
    let home = list(&contact.home_phones).iter().map(String::as_str).collect();
    let all: [(&[Field], Vec<&str>); 3] =
        [(&EMAILS, emails), (&BUSINESS_PHONES, business), (&HOME_PHONES, home)];
    for (places, mut values) in all {
        values.retain(|value| !value.is_empty());
        for (field, value) in places.iter().zip(&values) {
            set_text(&mut seen.fields, *field, Some(value));
        }
        if values.len() > places.len() {
            lose(&mut seen.losses, Code::ValuesDropped);
        }
    }
}

fn list<T>(list: &Option<Vec<T>>) -> &[T] {
    list.as_deref().unwrap_or_default()
}

/// A date that cannot be read makes the contact unfit: leaving it out would empty it elsewhere.
fn dates(contact: &Contact, seen: &mut Observation) {
    let anniversary = extended(contact.single_value_extended_properties.as_ref(), ANNIVERSARY);
    let all = [(Field::Birthday, contact.birthday.as_deref()), (Field::Anniversary, anniversary)];
    for (field, text) in all {
        match text.map_or(Ok(None), time::date) {
            Ok(date) => seen.fields.set(field, date.map(Value::Date)),
            Err(code) => seen.unfit = Some(code),
        }
    }
}

/// Returns the members of a contact's body that a patch changes. `before` is the contact as it
/// stands: lists and addresses are replaced as a whole, so what the patch does not name is taken
/// from there.
pub(in crate::graph) fn body(patch: &Patch, before: Option<&Contact>) -> Map<String, Json> {
    let none = Contact::default();
    let old = before.unwrap_or(&none);
    let mut body = Map::new();
    for (field, name, _) in TEXTS {
        super::put_text(&mut body, name, patch, field, Json::Null);
    }
    put_display_name(&mut body, patch, old);
    put_lists(&mut body, patch, old);
    for (name, address, fields) in ADDRESSES {
        if fields.iter().any(|field| change(patch, *field).is_some()) {
            body.insert(name.into(), write_address(patch, fields, address(old)));
        }
    }
    if let Some(value) = change(patch, Field::Children) {
        let text = if let Some(Value::Text(text)) = value { text.as_str() } else { "" };
        let names = text.split([',', ';', '\n']).map(str::trim).filter(|name| !name.is_empty());
        body.insert("children".into(), json!(names.collect::<Vec<_>>()));
    }
    if let Some(value) = change(patch, Field::Birthday) {
        let date = day(value).map(time::write_date);
        body.insert("birthday".into(), json!(date));
    }
    body
}

/// Returns the extended properties that a patch changes. They cannot be removed; an emptied text
/// becomes the empty text, an emptied date Outlook's "no date".
pub(in crate::graph) fn extended_body(patch: &Patch) -> Vec<ExtendedProperty> {
    let mut list = Vec::new();
    for (field, id) in EXTENDED {
        let Some(value) = change(patch, field) else { continue };
        let text = if let Some(Value::Text(text)) = value { text.clone() } else { String::new() };
        list.push(ExtendedProperty { id: id.to_owned(), value: Some(text) });
    }
    if let Some(value) = change(patch, Field::Anniversary) {
        let date = day(value).map_or_else(time::write_no_date, time::write_date);
        list.push(ExtendedProperty { id: ANNIVERSARY.to_owned(), value: Some(date) });
    }
    list
}

fn day(value: Option<&Value>) -> Option<NaiveDate> {
    match value {
        Some(Value::Date(day)) => Some(*day),
        Some(Value::Time(at)) => Some(at.date_naive()),
        _ => None,
    }
}

/// Returns the value of a text field after the patch.
fn after<'a>(patch: &'a Patch, field: Field, old: Option<&'a str>) -> Option<&'a str> {
    match change(patch, field) {
        None => old,
        Some(Some(Value::Text(text))) => Some(text),
        Some(_) => None,
    }
}

/// The display name follows the names; without a name it follows the company.
fn put_display_name(body: &mut Map<String, Json>, patch: &Patch, old: &Contact) {
    if !NAMES.iter().any(|field| change(patch, *field).is_some()) {
        return;
    }
    let text = |field: Field| {
        let (_, _, text) = TEXTS.iter().find(|(name, _, _)| *name == field)?;
        after(patch, field, text(old).map(String::as_str)).filter(|text| !text.is_empty())
    };
    let names: Vec<&str> = NAMES.into_iter().filter_map(text).collect();
    let name = if names.is_empty() { text(Field::Company) } else { None };
    let name = name.map_or_else(|| names.join(" "), str::to_owned);
    body.insert("displayName".into(), json!(name));
}

fn put_lists(body: &mut Map<String, Json>, patch: &Patch, old: &Contact) {
    let emails = list(&old.email_addresses);
    let known: Vec<&str> = emails.iter().map(|one| one.address.as_deref().unwrap_or("")).collect();
    if let Some(values) = merged(patch, &EMAILS, &known) {
        let written: Vec<EmailAddress> =
            values.iter().map(|address| with_name(address, emails)).collect();
        body.insert("emailAddresses".into(), json!(written));
    }
    let phones = [
        ("businessPhones", &BUSINESS_PHONES, list(&old.business_phones)),
        ("homePhones", &HOME_PHONES, list(&old.home_phones)),
    ];
    for (name, places, known) in phones {
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        if let Some(values) = merged(patch, places, &known) {
            body.insert(name.into(), json!(values));
        }
    }
}

/// Returns a list after the patch: its places, then the values beyond them, which stay. An empty
/// place between two others closes up, because a list has no gaps.
fn merged(patch: &Patch, places: &[Field], old: &[&str]) -> Option<Vec<String>> {
    if !places.iter().any(|field| change(patch, *field).is_some()) {
        return None;
    }
    let named = places
        .iter()
        .enumerate()
        .filter_map(|(n, field)| after(patch, *field, old.get(n).copied()));
    let beyond = old.iter().skip(places.len()).copied();
    let values = named.chain(beyond).filter(|value| !value.is_empty());
    Some(values.map(str::to_owned).collect())
}

/// An address that stays keeps its display name.
fn with_name(address: &str, old: &[EmailAddress]) -> EmailAddress {
    let same = old.iter().find(|one| {
        one.address.as_deref().is_some_and(|other| other.eq_ignore_ascii_case(address))
    });
    let name = same.and_then(|one| one.name.clone()).unwrap_or_else(|| address.to_owned());
    EmailAddress { name: Some(name), address: Some(address.to_owned()) }
}

fn write_address(patch: &Patch, fields: [Field; 5], old: Option<&PhysicalAddress>) -> Json {
    let none = PhysicalAddress::default();
    let old = parts(old.unwrap_or(&none));
    let [street, city, state, postal_code, country_or_region] =
        std::array::from_fn(|n| after(patch, fields[n], old[n]).unwrap_or("").to_owned());
    json!(PhysicalAddress {
        street: Some(street),
        city: Some(city),
        state: Some(state),
        postal_code: Some(postal_code),
        country_or_region: Some(country_or_region),
    })
}
