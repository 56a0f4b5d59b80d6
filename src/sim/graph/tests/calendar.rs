//! Events over the wire: bodies, times, options, conditions, series.

use serde_json::{Value, json};

use super::{ANNA, BEN, Bench, MARK, body, code, id, meeting, url, with};

fn refused(bench: &mut Bench, more: &Value) -> (u16, String) {
    let answer = bench.call("POST", "/events", &with(meeting(), more));
    (answer.status, code(&answer))
}

fn recurring(pattern: &Value, range: &Value) -> Value {
    json!({ "recurrence": { "pattern": pattern, "range": range } })
}

#[test]
fn a_missing_or_expired_token_gets_401() {
    // A request without a valid token is refused with InvalidAuthenticationToken.
    let mut bench = Bench::new();
    let mut request = bench.request("GET", "/events", None);
    request.headers.clear();
    request.headers.push(("client-request-id".into(), "trace-1".into()));
    let answer = bench.send(&request);
    assert_eq!((answer.status, code(&answer)), (401, "InvalidAuthenticationToken".into()));
    let inner = &body(&answer)["error"]["innerError"];
    assert_eq!(inner["client-request-id"], "trace-1");
    assert_eq!(answer.header("client-request-id"), Some("trace-1"));
    assert_eq!(answer.header("request-id"), inner["request-id"].as_str());
    bench.later(31 * 3600);
    assert_eq!(bench.get("/events").status, 401);
}

#[test]
fn unknown_users_and_closed_mailboxes_are_refused() {
    // Unknown user 404, mailbox elsewhere 404, mailbox outside the policy 403.
    let mut bench = Bench::new();
    let answer = bench.get("/v1.0/users/nobody@contoso.com/events");
    assert_eq!((answer.status, code(&answer)), (404, "ErrorInvalidUser".into()));
    bench.sim.set_mailbox_state(ANNA, crate::sim::graph::MailboxState::NotEnabled);
    let answer = bench.get("/events");
    assert_eq!((answer.status, code(&answer)), (404, "MailboxNotEnabledForRESTAPI".into()));
    bench.sim.set_mailbox_state(ANNA, crate::sim::graph::MailboxState::Denied);
    let answer = bench.get("/events");
    assert_eq!((answer.status, code(&answer)), (403, "ErrorAccessDenied".into()));
}

#[test]
fn an_event_is_created_read_and_found_by_object_id() {
    // POST answers 201 with UTC times, read-only properties filled; the object id names a user.
    let mut bench = Bench::new();
    let made = bench.made("/events", &meeting());
    assert_eq!(made["start"]["dateTime"], "2026-11-25T09:00:00.0000000");
    assert_eq!(made["start"]["timeZone"], "UTC");
    assert_eq!(made["originalStartTimeZone"], "W. Europe Standard Time");
    assert_eq!(made["isOrganizer"], true);
    assert_eq!(made["type"], "singleInstance");
    assert_eq!(made["bodyPreview"], "Hello");
    let etag = format!("W/\"{}\"", made["changeKey"].as_str().unwrap());
    assert_eq!(made["@odata.etag"], json!(etag));
    let object = uuid::Uuid::from_u128(1001);
    let again = bench.get(&format!("/v1.0/users/{object}/calendar/events/{}", id(&made)));
    assert_eq!(body(&again)["subject"], "Plan");
}

#[test]
fn preferences_change_zone_body_and_ids() {
    // Prefer values act on the reply and are confirmed in Preference-Applied.
    let mut bench = Bench::new();
    let html = json!({ "body": { "contentType": "html", "content":
        "<style>x{}</style><p>One &amp; two</p><div>three</div>" } });
    let made = bench.made("/events", &with(meeting(), &html));
    assert!(made["body"]["content"].as_str().unwrap().starts_with("<html>"));
    let wish = "outlook.timezone=\"Pacific Standard Time\", outlook.body-content-type=\"text\", \
                IdType=\"ImmutableId\", unknown=1";
    let answer = bench.get_preferring(&format!("/events/{}", id(&made)), wish);
    let row = body(&answer);
    assert_eq!(row["start"]["dateTime"], "2026-11-25T01:00:00.0000000");
    assert_eq!(row["start"]["timeZone"], "Pacific Standard Time");
    assert_eq!(row["body"], json!({ "contentType": "text", "content": "One & two\r\nthree" }));
    assert_ne!(row["id"], made["id"]);
    let applied = answer.header("Preference-Applied").unwrap();
    assert!(applied.contains("outlook.timezone") && !applied.contains("unknown"));
    assert_eq!(bench.get(&format!("/events/{}", id(&row))).status, 200);
    let answer = bench.get_preferring("/events", "outlook.timezone=\"Moon Time\"");
    assert_eq!(answer.status, 400);
}

#[test]
fn wrong_bodies_are_refused() {
    // Unknown property, wrong type, wrong enum, read-only, bad times: each 400 with its code.
    let mut bench = Bench::new();
    let validation = (400, "ErrorPropertyValidationFailure".to_owned());
    assert_eq!(refused(&mut bench, &json!({ "sujet": "x" })), (400, "RequestBodyRead".into()));
    assert_eq!(refused(&mut bench, &json!({ "subject": 5 })), validation);
    assert_eq!(refused(&mut bench, &json!({ "showAs": "Busy" })), validation);
    let read_only = (400, "ErrorInvalidRequest".to_owned());
    assert_eq!(refused(&mut bench, &json!({ "iCalUId": "x" })), read_only);
    let before = json!({ "end": { "dateTime": "2026-11-25T08:00:00", "timeZone": "UTC" } });
    assert_eq!(refused(&mut bench, &before), validation);
    let offset = json!({ "end": { "dateTime": "2026-11-25T12:00:00Z", "timeZone": "UTC" } });
    assert_eq!(refused(&mut bench, &offset), validation);
    let zone = json!({ "end": { "dateTime": "2026-11-25T12:00:00", "timeZone": "Mars" } });
    assert_eq!(refused(&mut bench, &zone).0, 400);
    assert_eq!(refused(&mut bench, &json!({ "isAllDay": true })), validation);
    let many: Vec<Value> =
        (0..501).map(|n| json!({ "emailAddress": { "address": format!("a{n}@x.org") } })).collect();
    assert_eq!(refused(&mut bench, &json!({ "attendees": many })), read_only);
    let mut untyped = bench.request("POST", "/events", Some(&meeting()));
    untyped.headers.pop();
    let answer = bench.send(&untyped);
    assert_eq!((answer.status, code(&answer)), (400, "RequestBodyRead".into()));
    assert!(bench.sim.events(ANNA).is_empty());
}

#[test]
fn all_day_events_float() {
    // Midnight to midnight is kept as days and reads as midnight in every zone.
    let mut bench = Bench::new();
    let day = |text: &str| json!({ "dateTime": text, "timeZone": "Europe/Berlin" });
    let all = json!({ "isAllDay": true, "start": day("2026-11-25T00:00:00"),
        "end": day("2026-11-26T00:00:00") });
    let made = bench.made("/events", &with(meeting(), &all));
    assert_eq!(made["start"]["dateTime"], "2026-11-25T00:00:00.0000000");
    let answer =
        bench.get_preferring(&format!("/events/{}", id(&made)), "outlook.timezone=\"Asia/Tokyo\"");
    assert_eq!(body(&answer)["start"]["dateTime"], "2026-11-25T00:00:00.0000000");
}

#[test]
fn filters_find_by_uid_and_extended_property() {
    // iCalUId, Any() on extended properties, times and 'and' work; other options are refused.
    let mut bench = Bench::new();
    let mark = json!({ "singleValueExtendedProperties": [{ "id": MARK, "value": "Abc" }] });
    let made = bench.made("/events", &with(meeting(), &mark));
    bench.made("/events", &meeting());
    assert!(made.get("singleValueExtendedProperties").is_none());
    let find = |bench: &mut Bench, filter: &str| {
        let answer = bench.get(&format!("/events?$filter={}", url(filter)));
        assert_eq!(answer.status, 200, "{filter}");
        body(&answer)["value"].as_array().unwrap().len()
    };
    let uid = format!("iCalUId eq '{}'", made["iCalUId"].as_str().unwrap());
    assert_eq!(find(&mut bench, &uid), 1);
    let any = |value: &str, id: &str| {
        format!("singleValueExtendedProperties/Any(ep: ep/id eq '{id}' and ep/value eq '{value}')")
    };
    assert_eq!(find(&mut bench, &any("aBC", MARK)), 1);
    assert_eq!(find(&mut bench, &any("aBC", &MARK.replace("Link", "link"))), 0);
    assert_eq!(find(&mut bench, "start/dateTime ge '2026-11-25T09:00' and isAllDay eq false"), 2);
    assert_eq!(find(&mut bench, "lastModifiedDateTime gt 2026-11-24T08:00:00Z"), 0);
    let bad = ["iCalUId ge 'x'", "bodyPreview eq 'x'", "lastModifiedDateTime ge 'x'", "subject"];
    for filter in bad {
        assert_eq!(bench.get(&format!("/events?$filter={}", url(filter))).status, 400, "{filter}");
    }
    for option in ["$search=x", "$select=sujet", "$expand=instances", "$top=0", "foo=1"] {
        assert_eq!(bench.get(&format!("/events?{option}")).status, 400, "{option}");
    }
}

#[test]
fn extended_properties_come_only_when_expanded() {
    // $expand with a filter by id returns the property; $select keeps id and etag.
    let mut bench = Bench::new();
    let mark = json!({ "singleValueExtendedProperties": [{ "id": MARK, "value": "Abc" }] });
    bench.made("/events", &with(meeting(), &mark));
    let expand = url(&format!("singleValueExtendedProperties($filter=id eq '{MARK}')"));
    let answer = bench.get(&format!("/events?$select=subject&$expand={expand}"));
    let row = &body(&answer)["value"][0];
    assert_eq!(row["singleValueExtendedProperties"][0]["value"], "Abc");
    assert!(row["@odata.etag"].is_string() && row["id"].is_string());
    assert!(row.get("body").is_none());
    assert_eq!(bench.get("/events?$expand=singleValueExtendedProperties").status, 400);
    let bad = json!({ "singleValueExtendedProperties": [{ "id": "Text X", "value": "1" }] });
    assert_eq!(refused(&mut bench, &bad).0, 400);
}

#[test]
fn a_transaction_id_creates_once() {
    // The second POST with the same transactionId answers 201 with the first event.
    let mut bench = Bench::new();
    let body = with(meeting(), &json!({ "transactionId": "t-1" }));
    let first = bench.made("/events", &body);
    let second = bench.made("/events", &body);
    assert_eq!(first["id"], second["id"]);
    assert_eq!(first["transactionId"], "t-1");
    assert_eq!(bench.sim.events(ANNA).len(), 1);
    let patch =
        bench.call("PATCH", &format!("/events/{}", id(&first)), &json!({ "transactionId": "t-2" }));
    assert_eq!(patch.status, 400);
}

#[test]
fn the_change_key_moves_after_a_create_and_stale_ones_conflict() {
    // Three seconds after the create the key has moved; a stale If-Match gets 412.
    let mut bench = Bench::new();
    let made = bench.made("/events", &meeting());
    let path = format!("/events/{}", id(&made));
    assert_eq!(body(&bench.get(&path))["changeKey"], made["changeKey"]);
    bench.later(3);
    let now = body(&bench.get(&path));
    assert_ne!(now["changeKey"], made["changeKey"]);
    let mut request = bench.request("PATCH", &path, Some(&json!({ "subject": "New" })));
    let etag = |row: &Value| row["@odata.etag"].as_str().unwrap().to_owned();
    request.headers.push(("If-Match".into(), etag(&made)));
    let answer = bench.send(&request);
    assert_eq!((answer.status, code(&answer)), (412, "ErrorIrresolvableConflict".into()));
    request.headers.pop();
    request.headers.push(("If-Match".into(), etag(&now)));
    assert_eq!(bench.send(&request).status, 200);
}

#[test]
fn settle_makes_pending_moves_visible_at_once() {
    // settle() applies the outstanding move of the change key without waiting.
    let mut bench = Bench::new();
    let made = bench.made("/events", &meeting());
    let now = bench.now;
    bench.sim.settle(now);
    let row = body(&bench.get(&format!("/events/{}", id(&made))));
    assert_ne!(row["changeKey"], made["changeKey"]);
}

#[test]
fn ids_that_are_wrong_or_gone_are_told_apart() {
    // Gone is 404 ErrorItemNotFound; cut, foreign or recased ids are 400 ErrorInvalidIdMalformed.
    let mut bench = Bench::new();
    let made = id(&bench.made("/events", &meeting()));
    let malformed = (400, "ErrorInvalidIdMalformed".to_owned());
    let foreign = bench.get(&format!("/v1.0/users/{BEN}/events/{made}"));
    assert_eq!((foreign.status, code(&foreign)), malformed);
    for wrong in [made[..made.len() - 3].to_owned(), made.to_lowercase(), "x".into()] {
        let answer = bench.get(&format!("/events/{wrong}"));
        assert_eq!((answer.status, code(&answer)), malformed);
    }
    assert_eq!(bench.delete(&format!("/events/{made}")).status, 204);
    let again = bench.delete(&format!("/events/{made}"));
    assert_eq!((again.status, code(&again)), (404, "ErrorItemNotFound".into()));
}

#[test]
fn location_and_locations_follow_each_other() {
    // Writing location replaces locations; writing locations sets location.
    let mut bench = Bench::new();
    let made =
        bench.made("/events", &with(meeting(), &json!({ "location": { "displayName": "A" } })));
    assert_eq!(made["locations"][0]["displayName"], "A");
    let path = format!("/events/{}", id(&made));
    let patch = json!({ "locations": [{ "displayName": "B" }, { "displayName": "C" }] });
    let row = body(&bench.call("PATCH", &path, &patch));
    assert_eq!(row["location"]["displayName"], "B");
    let row = body(&bench.call("PATCH", &path, &json!({ "location": null })));
    assert_eq!((&row["location"]["displayName"], &row["locations"]), (&json!(""), &json!([])));
}

#[test]
fn recurrence_must_fit_its_type() {
    // Properties foreign to the pattern or the range are refused.
    let mut bench = Bench::new();
    let never = json!({ "type": "noEnd", "startDate": "2026-11-25" });
    let daily = json!({ "type": "daily", "interval": 1 });
    let bad = [
        recurring(&json!({ "type": "daily", "interval": 1, "daysOfWeek": ["monday"] }), &never),
        recurring(&json!({ "type": "daily", "interval": 0 }), &never),
        recurring(&json!({ "type": "weekly", "interval": 1 }), &never),
        recurring(&json!({ "type": "absoluteMonthly", "interval": 1, "dayOfMonth": 32 }), &never),
        recurring(
            &json!({ "type": "absoluteMonthly", "interval": 1, "dayOfMonth": 3, "index": "last" }),
            &never,
        ),
        recurring(&daily, &json!({ "type": "endDate", "startDate": "2026-11-25" })),
        recurring(&daily, &json!({ "type": "numbered", "startDate": "2026-11-25" })),
        recurring(&daily, &json!({ "type": "noEnd", "startDate": "2026-11-26" })),
        recurring(
            &daily,
            &json!({ "type": "noEnd", "startDate": "2026-11-25",
            "numberOfOccurrences": 3 }),
        ),
    ];
    for more in bad {
        assert_eq!(
            refused(&mut bench, &more),
            (400, "ErrorPropertyValidationFailure".into()),
            "{more}"
        );
    }
}

#[test]
fn a_series_is_listed_once_and_viewed_often() {
    // /events has the master with whole minutes; calendarView has the occurrences, over DST too.
    let mut bench = Bench::new();
    let weekly = json!({ "type": "weekly", "interval": 1, "daysOfWeek": ["wednesday", "friday"],
        "firstDayOfWeek": "monday" });
    let more = recurring(
        &weekly,
        &json!({ "type": "endDate", "startDate": "2026-10-21",
        "endDate": "2026-10-30" }),
    );
    let times = json!({
        "start": { "dateTime": "2026-10-21T10:00:27", "timeZone": "Europe/Berlin" },
        "end": { "dateTime": "2026-10-21T11:00:00", "timeZone": "Europe/Berlin" } });
    let made = bench.made("/events", &with(with(meeting(), &more), &times));
    assert_eq!(made["type"], "seriesMaster");
    assert_eq!(made["start"]["dateTime"], "2026-10-21T08:00:00.0000000");
    assert_eq!(made["recurrence"]["range"]["recurrenceTimeZone"], "W. Europe Standard Time");
    assert_eq!(body(&bench.get("/events"))["value"].as_array().unwrap().len(), 1);
    let window = "startDateTime=2026-10-01T00:00:00Z&endDateTime=2026-12-01T00:00:00Z";
    let view = body(&bench.get(&format!("/calendarView?{window}")));
    let starts: Vec<&str> = view["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["start"]["dateTime"].as_str().unwrap())
        .collect();
    assert_eq!(
        starts,
        [
            "2026-10-21T08:00:00.0000000",
            "2026-10-23T08:00:00.0000000",
            "2026-10-28T09:00:00.0000000",
            "2026-10-30T09:00:00.0000000"
        ]
    );
    assert_eq!(view["value"][1]["type"], "occurrence");
    assert_eq!(view["value"][1]["seriesMasterId"], made["id"]);
    assert_ne!(view["value"][1]["iCalUId"], made["iCalUId"]);
    assert_eq!(bench.get("/calendarView").status, 400);
    let instances = bench.get(&format!("/events/{}/instances?{window}", id(&made)));
    assert_eq!(body(&instances)["value"].as_array().unwrap().len(), 4);
}

#[test]
fn occurrences_become_exceptions_or_vanish() {
    // A patched occurrence is an exception, a deleted one is listed as cancelled, and none may
    // cross a neighbour.
    let mut bench = Bench::new();
    let more = recurring(
        &json!({ "type": "daily", "interval": 1 }),
        &json!({ "type": "numbered", "startDate": "2026-11-25", "numberOfOccurrences": 3 }),
    );
    let made = bench.made("/events", &with(meeting(), &more));
    let window = "startDateTime=2026-11-01T00:00:00Z&endDateTime=2026-12-01T00:00:00Z";
    let view = body(&bench.get(&format!("/calendarView?{window}")));
    let (second, third) = (id(&view["value"][1]), id(&view["value"][2]));
    let row = body(&bench.call("PATCH", &format!("/events/{second}"), &json!({ "subject": "X" })));
    assert_eq!((&row["type"], &row["subject"]), (&json!("exception"), &json!("X")));
    let crossing = json!({
        "start": { "dateTime": "2026-11-27T09:00:00", "timeZone": "UTC" },
        "end": { "dateTime": "2026-11-27T10:00:00", "timeZone": "UTC" } });
    let answer = bench.call("PATCH", &format!("/events/{second}"), &crossing);
    assert_eq!((answer.status, code(&answer)), (400, "ErrorOccurrenceCrossingBoundary".into()));
    assert_eq!(bench.delete(&format!("/events/{third}")).status, 204);
    assert_eq!(bench.get(&format!("/events/{third}")).status, 404);
    let query = "$select=subject,cancelledOccurrences&$expand=exceptionOccurrences";
    let master = body(&bench.get(&format!("/events/{}?{query}", id(&made))));
    assert_eq!(master["subject"], "Plan");
    let gone = master["cancelledOccurrences"][0].as_str().unwrap();
    assert_eq!(gone, format!("OID.{}.2026-11-27", id(&made)));
    assert_eq!(master["exceptionOccurrences"][0]["subject"], "X");
    let inside = bench.sim.events(ANNA);
    assert_eq!(inside[0]["exceptionOccurrences"][0]["subject"], "X");
    assert_eq!(inside[0]["cancelledOccurrences"].as_array().unwrap().len(), 1);
}

#[test]
fn lists_have_pages() {
    // $top and odata.maxpagesize cut pages; nextLink leads on to the rest.
    let mut bench = Bench::new();
    for number in 0..5 {
        bench.made("/events", &with(meeting(), &json!({ "subject": format!("S{number}") })));
    }
    let first = body(&bench.get("/events?$top=3&$orderby=subject%20desc&$count=true"));
    assert_eq!(first["@odata.count"], 5);
    assert_eq!(first["value"][0]["subject"], "S4");
    let link = first["@odata.nextLink"].as_str().unwrap().to_owned();
    let second = body(&bench.get(&link));
    assert_eq!(second["value"].as_array().unwrap().len(), 2);
    assert_eq!(second["value"][1]["subject"], "S0");
    assert!(second.get("@odata.nextLink").is_none());
    let small = bench.get_preferring("/events", "odata.maxpagesize=2");
    assert_eq!(body(&small)["value"].as_array().unwrap().len(), 2);
}

#[test]
fn paths_outside_the_model_do_not_exist() {
    // Unknown segments, beta-only delta and foreign methods are refused.
    let mut bench = Bench::new();
    for path in ["/event", "/events/delta", "/contacts/delta", "/calendar/foo", "/v1.0/me/events"] {
        assert_eq!(bench.get(path).status, 400, "{path}");
    }
    assert_eq!(bench.call("PATCH", "/calendars", &json!({})).status, 405);
    assert_eq!(bench.get("/calendars").status, 200);
    assert_eq!(bench.get("/calendar").status, 200);
}
