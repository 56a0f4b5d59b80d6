//! Tests of the Graph adapter, from documented examples and the stand-in.

use serde_json::{Value as Json, json};

use super::*;
use crate::domain::ids::Version;
use crate::graph::testing::{ROOT, Scripted, Turn, mailbox, now, refusal};

const SKIP: &str = "https://graph.microsoft.com/v1.0/users/megan@contoso.com/x/delta?$skiptoken=";
const DELTA: &str = "https://graph.microsoft.com/v1.0/users/megan@contoso.com/x/delta?$deltatoken=";

fn cursors() -> Vec<Cursor> {
    let cursor = |(collection, token): (Collection, &str)| Cursor {
        collection,
        token: token.to_owned(),
        saved: now(),
        window_end: (collection == Collection::Calendar).then(|| now() + TimeDelta::days(540)),
    };
    let links = ["/e?$deltatoken=0", "/c?$deltatoken=0", "/users/u/todo/lists/L/tasks/delta?t=0"];
    Collection::ALL.into_iter().zip(links).map(cursor).collect()
}

fn known(kind: Kind, id: &str) -> Known {
    Known { kind, id: NativeId::new(id), version: Some(Version::new("old")), expected: true }
}

async fn pull(
    scripted: &Scripted,
    cursors: &[Cursor],
    known: &[Known],
) -> Result<Pulled, SideError> {
    let mut mailbox = mailbox();
    mailbox.personal.category.on = false;
    let window = (now() - TimeDelta::days(30), now() + TimeDelta::days(540));
    let known = &known.to_vec();
    let ask =
        PullAsk { mailbox: &mailbox, cursors, known, rest: None, look: false, now: now(), window };
    scripted.side.pull_deltas(ask).await.map_err(|error| match error {
        PullError::Side(error) => error,
        PullError::Store(error) => panic!("{error}"),
    })
}

fn task(id: &str, title: &str) -> Json {
    json!({"id": id, "@odata.etag": title, "title": title, "status": "notStarted"})
}

fn last(rows: &[Json], n: u32) -> (u16, Json) {
    (200, json!({"value": rows, "@odata.deltaLink": format!("{DELTA}{n}")}))
}

fn more(rows: &[Json], n: u32) -> (u16, Json) {
    (200, json!({"value": rows, "@odata.nextLink": format!("{SKIP}{n}")}))
}

/// Three answers of which only that of the tasks has news.
fn tasks_turn(tasks: (u16, Json)) -> Turn {
    Turn::Answers(vec![last(&[], 1), last(&[], 2), tasks])
}

#[tokio::test]
async fn pages_are_followed_and_the_last_row_of_an_id_counts() {
    // Empty pages are pages; replayed rows overwrite; a removal may come before and after.
    let scripted = Scripted::new(vec![
        tasks_turn(more(&[task("a", "first"), task("b", "stays")], 1)),
        Turn::Answers(vec![more(&[], 2)]),
        Turn::Answers(vec![more(&[json!({"id": "c", "@removed": {"reason": "deleted"}})], 3)]),
        Turn::Answers(vec![last(
            &[
                task("a", "second"),
                json!({"id": "b", "@removed": {"reason": "changed"}}),
                task("c", "back again"),
            ],
            9,
        )]),
    ]);
    let items = [known(Kind::Task, "a"), known(Kind::PhoneCall, "b"), known(Kind::Task, "c")];
    let pulled = pull(&scripted, &cursors(), &items).await.unwrap();
    let titles: Vec<&str> = pulled
        .observations
        .iter()
        .map(|seen| seen.fields.text(crate::domain::field::Field::Subject))
        .collect();
    assert_eq!(titles, ["second", "back again"]);
    assert_eq!(pulled.missing, [(Kind::PhoneCall, NativeId::new("b"))]);
    assert_eq!(pulled.resynced, []);
    assert_eq!(pulled.cursors[2].token, "/users/megan@contoso.com/x/delta?$deltatoken=9");
    assert_eq!(pulled.cursors[2].saved, now());
    assert!(scripted.is_over());
    // Only the round that goes on is in the later batches, with its link as it was given.
    let lines = scripted.lines();
    assert_eq!(lines[0].len(), 3);
    assert_eq!(lines[1], ["GET /users/megan@contoso.com/x/delta?$skiptoken=1"]);
}

#[tokio::test]
async fn the_first_round_finds_the_default_list() {
    // Without a cursor the lists are read along with the other first pages, and once only.
    let lists = json!({"value": [
        {"id": "F", "wellknownListName": "flaggedEmails"},
        {"id": "D", "wellknownListName": "defaultList"},
    ]});
    let scripted = Scripted::new(vec![
        Turn::Answers(vec![last(&[], 1), last(&[], 2), (200, lists)]),
        Turn::Answers(vec![last(&[], 3)]),
        tasks_turn(last(&[], 4)),
    ]);
    let pulled = pull(&scripted, &[], &[]).await.unwrap();
    assert_eq!(pulled.resynced, Collection::ALL);
    pull(&scripted, &[], &[]).await.unwrap();
    let lines = scripted.lines();
    let user = "/users/megan@contoso.com";
    let window = "startDateTime=2026-10-25T09:00:00Z&endDateTime=2028-05-17T09:00:00Z";
    assert_eq!(lines[0][0], format!("GET {user}/calendarView/delta?{window}"));
    assert_eq!(lines[0][1], format!("GET {user}/contactFolders/contacts/contacts/delta"));
    assert_eq!(lines[0][2], format!("GET {user}/todo/lists"));
    assert_eq!(lines[1], [format!("GET {user}/todo/lists/D/tasks/delta")]);
    assert_eq!(lines[2][2], lines[1][0]);
}

#[tokio::test]
async fn a_page_that_never_ends_stops() {
    // A next link to the same page, and a chain of pages without end, are too large.
    let scripted = Scripted::new(vec![tasks_turn(more(&[], 1)), Turn::Answers(vec![more(&[], 1)])]);
    let error = pull(&scripted, &cursors(), &[]).await.unwrap_err();
    assert!(matches!(error, SideError::TooLarge { .. }), "{error}");
    let mut turns = vec![tasks_turn(more(&[], 0))];
    turns.extend((1..=walk::PAGES_MAX).map(|n| Turn::Answers(vec![more(&[], n)])));
    let scripted = Scripted::new(turns);
    let error = pull(&scripted, &cursors(), &[]).await.unwrap_err();
    assert!(matches!(error, SideError::TooLarge { .. }), "{error}");
    assert_eq!(scripted.lines().len(), walk::PAGES_MAX as usize + 1);
}

#[tokio::test]
async fn a_token_that_is_gone_restarts_its_collection_alone() {
    // 410, and 400 or 404 with a code of the kind, start that round again; the others go on.
    for gone in [
        refusal(410, "SyncStateNotFound"),
        refusal(400, "syncStateNotFound"),
        refusal(404, "RESYNCREQUIRED"),
        (410, Json::Null),
    ] {
        let scripted = Scripted::new(vec![
            Turn::Answers(vec![last(&[], 1), gone, last(&[], 2)]),
            Turn::Answers(vec![last(&[], 3)]),
        ]);
        let items = [known(Kind::Contact, "a"), known(Kind::Appointment, "b")];
        let pulled = pull(&scripted, &cursors(), &items).await.unwrap();
        assert_eq!(pulled.resynced, [Collection::Contacts]);
        assert_eq!(pulled.missing, [(Kind::Contact, NativeId::new("a"))]);
        assert!(scripted.lines()[1][0].ends_with("/contactFolders/contacts/contacts/delta"));
    }
}

#[tokio::test]
async fn a_token_that_is_gone_twice_is_an_error() {
    // A service that refuses its own fresh token is not asked forever.
    let scripted = Scripted::new(vec![
        Turn::Answers(vec![refusal(410, ""), last(&[], 1), last(&[], 2)]),
        Turn::Answers(vec![refusal(410, "")]),
    ]);
    let error = pull(&scripted, &cursors(), &[]).await.unwrap_err();
    assert!(matches!(error, SideError::TokenExpired), "{error}");
}

#[tokio::test]
async fn a_page_without_any_link_is_unreadable() {
    // Without a delta link there is no next cursor; nothing of the pull is kept.
    let scripted = Scripted::new(vec![tasks_turn((200, json!({"value": []})))]);
    let error = pull(&scripted, &cursors(), &[]).await.unwrap_err();
    assert!(matches!(error, SideError::Unreadable { .. }), "{error}");
}

#[tokio::test]
async fn removals_of_unknown_items_are_noise() {
    // calendarView/delta reports removals of events outside its window; unknown ids are dropped.
    let removed = json!({"id": "x", "@removed": {"reason": "deleted"}});
    let scripted =
        Scripted::new(vec![Turn::Answers(vec![last(&[removed], 1), last(&[], 2), last(&[], 3)])]);
    let pulled = pull(&scripted, &cursors(), &[known(Kind::Contact, "x")]).await.unwrap();
    assert_eq!(pulled.missing, []);
    assert_eq!(pulled.observations, []);
}

#[tokio::test]
async fn a_series_known_by_parts_only_is_read_itself() {
    // Slim rows name their master; it is read once, and nothing is made of the occurrences.
    let slim = |id: &str| json!({"id": id, "type": "occurrence", "seriesMasterId": "M"});
    let master = json!({
        "id": "M", "@odata.etag": "e", "type": "seriesMaster", "subject": "Weekly",
        "isOrganizer": true, "isAllDay": false,
        "start": {"dateTime": "2026-12-01T09:00:00", "timeZone": "UTC"},
        "end": {"dateTime": "2026-12-01T10:00:00", "timeZone": "UTC"},
    });
    let scripted = Scripted::new(vec![
        Turn::Answers(vec![last(&[slim("1"), slim("2")], 1), last(&[], 2), last(&[], 3)]),
        Turn::Answers(vec![(200, master.clone())]),
        // Then as a whole, with what deviates from it.
        Turn::Answers(vec![(200, master)]),
    ]);
    let pulled = pull(&scripted, &cursors(), &[]).await.unwrap();
    assert_eq!(pulled.observations.len(), 1);
    assert!(scripted.lines()[2][0].contains("exceptionOccurrences"));
    assert_eq!(pulled.observations[0].id.as_str(), "M");
    assert!(pulled.observations[0].exchange_facts().recurring);
    assert!(scripted.lines()[1][0].starts_with("GET /users/megan@contoso.com/events/M?$expand="));
}

#[tokio::test]
async fn links_to_elsewhere_are_not_followed() {
    // A next link is used for its path alone; one without the version's path is refused.
    let away = json!({"value": [], "@odata.nextLink": "https://evil.example/steal"});
    let scripted = Scripted::new(vec![tasks_turn((200, away))]);
    let error = pull(&scripted, &cursors(), &[]).await.unwrap_err();
    assert!(matches!(error, SideError::Unreadable { .. }), "{error}");
    assert!(SKIP.starts_with(ROOT));
}
