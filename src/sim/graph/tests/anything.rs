//! Whatever comes in, the stand-in answers; it never panics and never half-writes.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{ANNA, Bench, body, id, meeting, with};

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        Just(json!("0001-01-01")),
        Just(json!("9999-12-31")),
        Just(json!("9999-12-31T23:59:59.9999999")),
        Just(json!("0000-01-01T00:00:00")),
        Just(json!("Samoa Standard Time")),
        Just(json!("weekly")),
        Just(json!("noEnd")),
        Just(json!("monday")),
        "\\PC{0,8}".prop_map(Value::from),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let name = prop::sample::select(vec![
        "subject",
        "start",
        "end",
        "dateTime",
        "timeZone",
        "isAllDay",
        "recurrence",
        "pattern",
        "range",
        "type",
        "interval",
        "startDate",
        "endDate",
        "daysOfWeek",
        "attendees",
        "emailAddress",
        "address",
        "body",
        "content",
        "contentType",
        "location",
        "displayName",
        "singleValueExtendedProperties",
        "id",
        "value",
        "emailAddresses",
        "linkedResources",
        "title",
        "dueDateTime",
        "status",
        "sendResponse",
        "numberOfOccurrences",
        "requests",
    ]);
    leaf().prop_recursive(4, 24, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(name.clone().prop_map(str::to_owned), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn target() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec![
        "events",
        "calendarView",
        "delta",
        "contacts",
        "contactFolders",
        "todo",
        "lists",
        "tasks",
        "calendar",
        "outlook",
        "masterCategories",
        "accept",
        "linkedResources",
        "x",
        "%FF",
        "",
        "$batch",
        "translateExchangeIds",
        "instances",
    ]);
    let query = prop_oneof![
        Just(String::new()),
        "\\?\\$(filter|expand|select|orderby|top|skip|deltatoken|skiptoken)=\\PC{0,20}",
        Just("?startDateTime=0000-01-01T00:00&endDateTime=9999-12-30T00:00:00Z".to_owned()),
        Just("?$filter=((start/dateTime%20ge%20'x')".to_owned()),
    ];
    (prop::collection::vec(part, 0..5), query)
        .prop_map(|(parts, query)| format!("/{}{query}", parts.join("/")))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_request_gets_an_answer(target in target(), given in value(), verb in 0..4_usize) {
        // No target and no body makes the stand-in panic or answer outside 2xx and 4xx.
        let mut bench = Bench::new();
        bench.made("/events", &meeting());
        let method = ["GET", "POST", "PATCH", "DELETE"][verb];
        let answer = bench.call(method, &target, &given);
        prop_assert!((200..300).contains(&answer.status) || (400..500).contains(&answer.status));
        let answer = bench.call("POST", "/v1.0/$batch", &given);
        prop_assert!(answer.status == 200 || answer.status == 400);
    }

    #[test]
    fn a_refused_patch_changes_nothing(given in value()) {
        // A PATCH that is refused leaves event and version as they were; one that isn't moves it.
        let mut bench = Bench::new();
        let series = json!({ "recurrence": { "pattern": { "type": "daily", "interval": 2 },
            "range": { "type": "noEnd", "startDate": "2026-11-25" } } });
        let made = bench.made("/events", &with(meeting(), &series));
        let path = format!("/events/{}", id(&made));
        let answer = bench.call("PATCH", &path, &given);
        let after = body(&bench.get(&path));
        let same = after["changeKey"] == made["changeKey"];
        prop_assert_eq!(same, answer.status >= 400);
        if same {
            prop_assert_eq!(&after["start"], &made["start"]);
            prop_assert_eq!(&after["subject"], &made["subject"]);
        }
        prop_assert_eq!(bench.sim.events(ANNA).len(), 1);
    }
}
