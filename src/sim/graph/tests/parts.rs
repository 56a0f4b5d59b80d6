//! The parts on their own: series, HTML, zones, ids, extended property ids.

use jiff::civil::{Date, date};
use serde_json::{Value, json};

use crate::sim::graph::extended::normal_id;
use crate::sim::graph::ids::{Kind, Parsed, decode, encode};
use crate::sim::graph::schema::schema;
use crate::sim::graph::series::Recurrence;
use crate::sim::graph::{html, zones};

fn dates(pattern: &Value, range: &Value) -> Vec<String> {
    let rule = Recurrence::read(&json!({ "pattern": pattern, "range": range })).unwrap();
    let list = rule.dates(date(2030, 1, 1));
    list.iter().take(5).map(Date::to_string).collect()
}

fn count(start: &str, number: u32) -> Value {
    json!({ "type": "numbered", "startDate": start, "numberOfOccurrences": number })
}

#[test]
fn six_patterns_expand() {
    // Each pattern type gives its dates; short months end on their last day.
    let never = json!({ "type": "noEnd", "startDate": "2026-01-31" });
    let daily = json!({ "type": "daily", "interval": 3 });
    assert_eq!(dates(&daily, &count("2026-01-30", 3)), ["2026-01-30", "2026-02-02", "2026-02-05"]);
    let weekly = json!({ "type": "weekly", "interval": 2, "daysOfWeek": ["monday", "sunday"],
        "firstDayOfWeek": "monday" });
    assert_eq!(
        dates(&weekly, &count("2026-11-23", 4)),
        ["2026-11-23", "2026-11-29", "2026-12-07", "2026-12-13"]
    );
    let month = json!({ "type": "absoluteMonthly", "interval": 1, "dayOfMonth": 31 });
    assert_eq!(dates(&month, &never)[..3], ["2026-01-31", "2026-02-28", "2026-03-31"]);
    let last = json!({ "type": "relativeMonthly", "interval": 1, "index": "last",
        "daysOfWeek": ["monday", "tuesday", "wednesday", "thursday", "friday"] });
    assert_eq!(dates(&last, &count("2026-01-01", 2)), ["2026-01-30", "2026-02-27"]);
    let leap = json!({ "type": "absoluteYearly", "interval": 1, "dayOfMonth": 29, "month": 2 });
    assert_eq!(dates(&leap, &count("2027-01-01", 2)), ["2027-02-28", "2028-02-29"]);
    let second = json!({ "type": "relativeYearly", "interval": 2, "index": "second", "month": 5,
        "daysOfWeek": ["sunday"] });
    let until = json!({ "type": "endDate", "startDate": "2026-01-01", "endDate": "2028-05-14" });
    assert_eq!(dates(&second, &until), ["2026-05-10", "2028-05-14"]);
}

#[test]
fn what_a_series_answers_can_be_written_back() {
    // The rendered value, defaults included, is accepted again and means the same.
    let given = json!({ "pattern": { "type": "absoluteMonthly", "interval": 2, "dayOfMonth": 5 },
        "range": { "type": "noEnd", "startDate": "2026-11-05" } });
    let rule = Recurrence::read(&given).unwrap();
    let again = Recurrence::read(&rule.render("UTC")).unwrap();
    assert_eq!(again.dates(date(2028, 1, 1)), rule.dates(date(2028, 1, 1)));
}

#[test]
fn html_becomes_text() {
    // Tags, styles and comments go, block ends become lines, entities characters.
    let page = "<html><head><style>p{color:red}</style><!-- <p>no</p> --></head><body>\n\
                <p>A &lt;b&gt;&#228;&#x41;</p>\n<p>two\n words</p>x<br>y &unknown; 1 < 2</body>";
    assert_eq!(html::to_text(page), "A <b>äA\r\ntwo words\r\nx\r\ny &unknown; 1 < 2");
    assert_eq!(html::to_text(&html::page(&html::from_text("a < b\nc & d"))), "a < b\r\nc & d");
    assert_eq!(html::to_text(""), "");
}

#[test]
fn zones_have_two_names() {
    // Windows and IANA names mean the same zone, and every zone of the table exists.
    let at = zones::parse_local("2026-07-01T12:00").unwrap();
    for name in ["W. Europe Standard Time", "Europe/Berlin", "w. europe standard time"] {
        let zone = zones::zone(name).unwrap();
        assert_eq!(zones::instant(at, &zone).unwrap().to_string(), "2026-07-01T10:00:00Z");
    }
    for (windows, iana) in zones::WINDOWS {
        assert!(zones::zone(windows).is_ok(), "{windows} {iana}");
    }
    assert_eq!(zones::windows_name("Asia/Tokyo"), "Tokyo Standard Time");
    assert_eq!(zones::zone("Nowhere").unwrap_err().status, 400);
    let wrong =
        ["2026-11-24", "2026-11-24T09:00:00Z", "2026-11-24T09:00:00+01:00", "2026-13-01T00:00"];
    for text in wrong {
        assert!(zones::parse_local(text).is_err(), "{text}");
    }
}

#[test]
fn ids_belong_to_one_mailbox_and_kind() {
    // An id reads back only for its own mailbox and kind, whole and with its case.
    let (owner, other) = (uuid::Uuid::from_u128(1), uuid::Uuid::from_u128(2));
    let parsed = Parsed { number: 7, day: Some(-3), immutable: true };
    let text = encode(owner, Kind::Event, parsed);
    assert_eq!(decode(owner, Kind::Event, &text), Some(parsed));
    assert_eq!(decode(other, Kind::Event, &text), None);
    assert_eq!(decode(owner, Kind::Contact, &text), None);
    assert_eq!(decode(owner, Kind::Event, &text[..text.len() - 1]), None);
    assert_eq!(decode(owner, Kind::Event, &text.replacen("AAkAL", "AAMkA", 1)), None);
}

#[test]
fn extended_property_ids_are_checked() {
    // The three documented forms pass in one spelling; everything else is refused.
    let set = "{3C1F6A52-8D0E-4B7A-9A53-6D0B6C9F2E11}";
    let named = normal_id(&format!("String {set} Name Two Words")).unwrap();
    assert_eq!(named, format!("String {} Name Two Words", set.to_lowercase()));
    assert_eq!(normal_id("String 0x4001001E").unwrap(), "String 0x4001001e");
    assert!(normal_id(&format!("Integer {set} Id 0x8012")).is_ok());
    for wrong in ["", "String", "Text 0x1", "String {1} Name X", "String 12", "Integer x Id 0x1"] {
        assert!(normal_id(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn the_metadata_is_complete() {
    // The embedded file was read: inherited properties are found, navigations aren't properties.
    assert!(schema().has_property("event", "iCalUId"));
    assert!(schema().has_property("event", "changeKey") && schema().has_property("contact", "id"));
    assert!(!schema().has_property("event", "attachments"));
    assert!(!schema().has_property("todoTask", "changeKey"));
}
