//! One page of a sweep's query: ids and versions, read in one pass; all else is skipped.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, Visitor};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::map::Table;
use crate::domain::ids::Version;

/// One page.
#[derive(serde::Deserialize)]
pub(super) struct Page<'a> {
    #[serde(rename = "value", borrow)]
    pub(super) rows: Vec<Row<'a>>,
    #[serde(rename = "@Microsoft.Dynamics.CRM.morerecords")]
    more: Option<bool>,
    /// Where the next page begins.
    #[serde(rename = "@Microsoft.Dynamics.CRM.fetchxmlpagingcookie")]
    pub(super) cookie: Option<String>,
    #[serde(rename = "@odata.nextLink")]
    next: Option<IgnoredAny>,
}

/// One row.
#[derive(serde::Deserialize)]
pub(super) struct Row<'a> {
    activityid: Option<Uuid>,
    contactid: Option<Uuid>,
    versionnumber: Option<Number>,
    instancetypecode: Option<i64>,
    seriesid: Option<Uuid>,
    #[serde(rename = "@odata.etag", borrow)]
    etag: Option<&'a RawValue>,
}

/// `versionnumber`: a number, or a text of one.
struct Number(Version);

impl<'a> Page<'a> {
    /// Reads a page; nothing when it is none.
    pub(super) fn read(body: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }

    /// Tells whether another page follows.
    pub(super) fn has_more(&self) -> bool {
        self.more.unwrap_or(self.next.is_some())
    }
}

impl Row<'_> {
    /// Returns the primary key of a row of this table.
    pub(super) fn id(&self, table: &Table) -> Option<Uuid> {
        match table.key {
            "contactid" => self.contactid,
            _ => self.activityid,
        }
    }

    /// Tells whether a row is an occurrence of a series (REC-07).
    pub(super) fn is_occurrence(&self) -> bool {
        self.instancetypecode.is_some_and(|code| code > 1)
    }

    /// Returns the series of an occurrence.
    pub(super) const fn series(&self) -> Option<Uuid> {
        self.seriesid
    }

    /// Returns `versionnumber`, or what the etag says of it.
    pub(super) fn version(&self) -> Option<Version> {
        if let Some(number) = &self.versionnumber {
            return Some(number.0.clone());
        }
        let etag: Cow<'_, str> = serde_json::from_str(self.etag?.get()).ok()?;
        Some(Version::new(etag.strip_prefix("W/")?.trim_matches('"')))
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyNumber;
        impl Visitor<'_> for AnyNumber {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a version number")
            }

            fn visit_u64<E>(self, number: u64) -> Result<Number, E> {
                Ok(Number(Version::new(number.to_string())))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Number, E> {
                Ok(Number(Version::new(number.to_string())))
            }

            fn visit_str<E>(self, text: &str) -> Result<Number, E> {
                Ok(Number(Version::new(text)))
            }
        }
        deserializer.deserialize_any(AnyNumber)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::map::read;
    use super::*;
    use crate::domain::kind::Kind;

    #[test]
    fn a_version_is_that_of_a_complete_read() {
        // A sweep compares its versions with those of reads by id: both read them alike.
        let id = Uuid::from_u128(1);
        for row in [
            json!({ "activityid": id, "versionnumber": 12_345, "@odata.etag": "W/\"9\"" }),
            json!({ "activityid": id, "versionnumber": "12345" }),
            json!({ "activityid": id, "versionnumber": null, "@odata.etag": "W/\"12345\"" }),
            json!({ "activityid": id, "@odata.etag": "W/\"12345\"", "subject": "x" }),
        ] {
            let body = json!({ "value": [row] }).to_string();
            let page = Page::read(body.as_bytes()).unwrap();
            assert_eq!(page.rows[0].id(Table::of(Kind::Task)), Some(id));
            assert_eq!(page.rows[0].id(Table::of(Kind::Contact)), None);
            assert_eq!(page.rows[0].version(), Some(Version::new("12345")));
            assert_eq!(page.rows[0].version(), read::version(&row));
        }
        let bare = json!({ "value": [{ "activityid": id }] }).to_string();
        assert_eq!(Page::read(bare.as_bytes()).unwrap().rows[0].version(), None);
    }

    #[test]
    fn a_page_that_is_none_is_nothing() {
        // No list, a key that is no guid, a version that is no number: the sweep fails as a whole.
        for body in ["", "{}", "[]", r#"{"value":{}}"#, r#"{"value":[{"activityid":"x"}]}"#] {
            assert!(Page::read(body.as_bytes()).is_none(), "{body}");
        }
        assert!(Page::read(br#"{"value":[{"versionnumber":[1]}]}"#).is_none());
    }
}
