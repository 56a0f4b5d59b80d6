//! The messages of Microsoft Graph v1.0 as they stand on the wire, as far as they are read.
//!
//! Field names and types follow the CSDL of v1.0. Option sets stay texts here: a value that a
//! later version of the service adds must not make a whole page unreadable.

use serde::{Deserialize, Serialize};

use super::batch::Body;
use super::errors;

/// `microsoft.graph.event`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Event {
    pub(super) id: String,
    #[serde(rename = "@odata.etag")]
    pub(super) etag: Option<String>,
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) series_master_id: Option<String>,
    pub(super) i_cal_u_id: Option<String>,
    pub(super) subject: Option<String>,
    pub(super) body: Option<ItemBody>,
    pub(super) location: Option<Location>,
    pub(super) start: Option<DateTimeTimeZone>,
    pub(super) end: Option<DateTimeTimeZone>,
    pub(super) is_all_day: Option<bool>,
    pub(super) original_start_time_zone: Option<String>,
    /// When the pattern puts an occurrence, in UTC.
    pub(super) original_start: Option<String>,
    pub(super) recurrence: Option<serde_json::Value>,
    pub(super) cancelled_occurrences: Option<Vec<String>>,
    pub(super) exception_occurrences: Option<Vec<Event>>,
    /// Occurrences of a series whose own times leave its clocks open; read beside it.
    pub(super) instances: Option<Vec<Event>>,
    pub(super) attendees: Option<Vec<Attendee>>,
    pub(super) show_as: Option<String>,
    pub(super) importance: Option<String>,
    pub(super) sensitivity: Option<String>,
    pub(super) organizer: Option<Recipient>,
    pub(super) is_organizer: Option<bool>,
    pub(super) is_cancelled: Option<bool>,
    pub(super) categories: Option<Vec<String>>,
    pub(super) created_date_time: Option<String>,
    pub(super) single_value_extended_properties: Option<Vec<ExtendedProperty>>,
    pub(super) calendar: Option<Calendar>,
}

/// `microsoft.graph.calendar`, as far as it says which calendar it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Calendar {
    pub(super) is_default_calendar: Option<bool>,
}

/// `microsoft.graph.contact`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Contact {
    pub(super) id: String,
    #[serde(rename = "@odata.etag")]
    pub(super) etag: Option<String>,
    pub(super) given_name: Option<String>,
    pub(super) middle_name: Option<String>,
    pub(super) surname: Option<String>,
    pub(super) generation: Option<String>,
    pub(super) title: Option<String>,
    pub(super) nick_name: Option<String>,
    pub(super) yomi_given_name: Option<String>,
    pub(super) yomi_surname: Option<String>,
    pub(super) email_addresses: Option<Vec<EmailAddress>>,
    pub(super) business_phones: Option<Vec<String>>,
    pub(super) home_phones: Option<Vec<String>>,
    pub(super) mobile_phone: Option<String>,
    pub(super) assistant_name: Option<String>,
    pub(super) manager: Option<String>,
    pub(super) spouse_name: Option<String>,
    pub(super) children: Option<Vec<String>>,
    pub(super) birthday: Option<String>,
    pub(super) department: Option<String>,
    pub(super) job_title: Option<String>,
    pub(super) company_name: Option<String>,
    pub(super) business_home_page: Option<String>,
    pub(super) personal_notes: Option<String>,
    pub(super) business_address: Option<PhysicalAddress>,
    pub(super) home_address: Option<PhysicalAddress>,
    pub(super) other_address: Option<PhysicalAddress>,
    pub(super) categories: Option<Vec<String>>,
    pub(super) created_date_time: Option<String>,
    pub(super) single_value_extended_properties: Option<Vec<ExtendedProperty>>,
}

/// `microsoft.graph.todoTask`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct TodoTask {
    pub(super) id: String,
    #[serde(rename = "@odata.etag")]
    pub(super) etag: Option<String>,
    pub(super) title: Option<String>,
    pub(super) body: Option<ItemBody>,
    pub(super) importance: Option<String>,
    pub(super) status: Option<String>,
    pub(super) due_date_time: Option<DateTimeTimeZone>,
    pub(super) start_date_time: Option<DateTimeTimeZone>,
    pub(super) completed_date_time: Option<DateTimeTimeZone>,
    pub(super) recurrence: Option<serde_json::Value>,
    pub(super) categories: Option<Vec<String>>,
    pub(super) linked_resources: Option<Vec<LinkedResource>>,
}

/// `microsoft.graph.todoTaskList`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct TodoTaskList {
    pub(super) id: String,
    pub(super) wellknown_list_name: Option<String>,
}

/// `microsoft.graph.dateTimeTimeZone`: a local time and the zone it is meant in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct DateTimeTimeZone {
    pub(super) date_time: String,
    pub(super) time_zone: Option<String>,
}

/// `microsoft.graph.itemBody`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ItemBody {
    pub(super) content_type: Option<String>,
    pub(super) content: Option<String>,
}

/// `microsoft.graph.location`, the name alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Location {
    pub(super) display_name: Option<String>,
}

/// `microsoft.graph.emailAddress`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct EmailAddress {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) address: Option<String>,
}

/// `microsoft.graph.recipient`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Recipient {
    pub(super) email_address: Option<EmailAddress>,
}

/// `microsoft.graph.attendee`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Attendee {
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) email_address: Option<EmailAddress>,
}

/// `microsoft.graph.physicalAddress`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct PhysicalAddress {
    pub(super) street: Option<String>,
    pub(super) city: Option<String>,
    pub(super) state: Option<String>,
    pub(super) postal_code: Option<String>,
    pub(super) country_or_region: Option<String>,
}

/// `microsoft.graph.singleValueLegacyExtendedProperty`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct ExtendedProperty {
    pub(super) id: String,
    pub(super) value: Option<String>,
}

/// `microsoft.graph.linkedResource`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct LinkedResource {
    #[serde(skip_serializing)]
    pub(super) id: Option<String>,
    pub(super) application_name: Option<String>,
    pub(super) display_name: Option<String>,
    pub(super) external_id: Option<String>,
}

/// An entry of the list of categories (outlookCategory).
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct OutlookCategory {
    pub(super) id: String,
    pub(super) display_name: String,
}

/// One page of a collection or of a delta round, or the refusal of one.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Page {
    pub(super) value: Vec<serde_json::Value>,
    #[serde(rename = "@odata.nextLink")]
    pub(super) next: Option<String>,
    #[serde(rename = "@odata.deltaLink")]
    pub(super) delta: Option<String>,
    pub(super) error: serde_json::Value,
}

/// Nothing stands for a body that is no page.
impl Body for Option<Page> {
    fn read(json: &str) -> Self {
        serde_json::from_str(json).ok()
    }

    fn code(&self) -> String {
        self.as_ref().map(|page| errors::code_in(&page.error)).unwrap_or_default()
    }
}
