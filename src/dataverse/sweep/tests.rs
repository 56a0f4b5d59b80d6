//! What a sweep concludes from its answers.

use serde_json::{Value as Json, json};

use super::*;

fn row(n: u128) -> Row {
    (Kind::Task, Uuid::from_u128(n))
}

fn known(n: u128, version: Option<&str>, expected: bool) -> Known {
    Known {
        kind: Kind::Task,
        id: native(Uuid::from_u128(n)),
        version: version.map(Version::new),
        expected,
    }
}

fn swept(matched: &[(u128, &str)], watched: &[(u128, &str)]) -> Swept {
    let rows = |rows: &[(u128, &str)]| {
        let found = |version: &str| Found { version: Version::new(version), known: false };
        rows.iter().map(|(n, version)| (row(*n), found(version))).collect()
    };
    Swept { matched: rows(matched), watched: rows(watched), ..Swept::default() }
}

#[test]
fn filt_17_added_changed_and_removed_are_told_apart() {
    // New and changed rows are read, unchanged ones are nothing, absent ones are missing.
    let mut swept = swept(&[(1, "5"), (2, "6"), (3, "7")], &[]);
    let known = [known(1, Some("5"), true), known(2, Some("5"), true), known(4, Some("1"), true)];
    let (wanted, missing) = swept.compare(&known);
    let wanted: Vec<_> = wanted.into_iter().map(|(row, presence, _)| (row, presence)).collect();
    assert_eq!(wanted, [(row(2), Presence::Present), (row(3), Presence::Present)]);
    assert_eq!(missing, [(Kind::Task, native(Uuid::from_u128(4)))]);
}

#[test]
fn filt_05_watched_rows_are_news_when_they_change() {
    // Outside the filters: unchanged is nothing, changed is read, unseen is missing, and a row
    // that matches again is read even when unchanged.
    let mut swept = swept(&[(4, "1")], &[(1, "5"), (2, "6"), (4, "1")]);
    let known = [
        known(1, Some("5"), false),
        known(2, Some("5"), false),
        known(3, Some("5"), false),
        known(4, Some("1"), false),
        known(5, None, false),
    ];
    let (wanted, missing) = swept.compare(&known);
    let wanted: Vec<_> = wanted.into_iter().map(|(row, presence, _)| (row, presence)).collect();
    assert_eq!(wanted, [(row(2), Presence::LeftFilter), (row(4), Presence::Present)]);
    assert_eq!(missing, [(Kind::Task, native(Uuid::from_u128(3)))]);
}

#[test]
fn a_refused_filter_makes_nothing_missing() {
    // No answer is not an empty answer, for filters and for watching queries each.
    let mut swept = swept(&[(1, "2")], &[]);
    swept.unanswered.insert(Kind::Task);
    swept.unwatched.insert(Kind::Task);
    let known = [known(1, Some("1"), true), known(2, Some("1"), true), known(3, Some("1"), false)];
    let (wanted, missing) = swept.compare(&known);
    let wanted: Vec<_> = wanted.into_iter().map(|(row, presence, _)| (row, presence)).collect();
    assert_eq!(wanted, [(row(1), Presence::Present)]);
    assert!(missing.is_empty());
}

fn question() -> Question {
    let table = Table::of(Kind::Task);
    Question { table, query: Arc::new(fetchxml::versions_of(table, &[])), purpose: Purpose::Filter }
}

fn reply(status: u16, body: &Json) -> PartReply {
    PartReply { status, headers: "".into(), body: body.to_string().into_bytes() }
}

#[test]
fn a_page_says_whether_there_are_more() {
    // Rows are taken, and the annotation asks for the next page with its cookie.
    let id = Uuid::from_u128(1).to_string();
    let mut swept = Swept::default();
    let page = json!({ "value": [{ "activityid": id, "versionnumber": 9 }],
        "@Microsoft.Dynamics.CRM.morerecords": true,
        "@Microsoft.Dynamics.CRM.fetchxmlpagingcookie": "<cookie pagingcookie=\"%2541\"/>" });
    let more = swept.take(&question(), &reply(200, &page)).unwrap();
    assert_eq!(more, Some(Some("A".to_owned())));
    assert_eq!(swept.matched[&row(1)].version, Version::new("9"));
    let last = json!({ "value": [] });
    assert_eq!(swept.take(&question(), &reply(200, &last)).unwrap(), None);
}

#[test]
fn a_busy_server_spoils_the_sweep_a_refusal_does_not() {
    // 429 and 5xx end the pull; 400 and 403 make the table silent.
    for status in [429, 500, 503] {
        assert!(Swept::default().take(&question(), &reply(status, &json!({}))).is_err());
    }
    for status in [400, 403, 404] {
        let mut swept = Swept::default();
        assert!(swept.take(&question(), &reply(status, &json!({}))).unwrap().is_none());
        assert!(swept.unanswered.contains(&Kind::Task));
    }
    let incomplete = json!({ "value": [{ "versionnumber": 1 }] });
    assert!(Swept::default().take(&question(), &reply(200, &incomplete)).is_err());
}
