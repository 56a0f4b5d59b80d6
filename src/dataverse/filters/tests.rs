//! Which filters count.

use serde_json::json;

use super::*;
use crate::domain::ids::TenantId;

fn reply(rows: &Json) -> PartReply {
    let body = json!({ "value": rows }).to_string().into_bytes();
    PartReply { status: 200, headers: "".into(), body }
}

fn row(table: &str, state: i64, xml: &str) -> Json {
    json!({ "returnedtypecode": table, "statecode": state, "fetchxml": xml })
}

const TASKS: &str = r#"<fetch><entity name="task"/></fetch>"#;

#[test]
fn filt_11_only_active_filters_on_known_tables_count() {
    // Inactive filters and filters on accounts are left out; a broken one makes its table silent.
    let rows = json!([
        row("task", 0, TASKS),
        row("task", 1, TASKS),
        row("account", 0, r#"<fetch><entity name="account"/></fetch>"#),
        row("fax", 0, "<broken"),
        row("letter", 0, TASKS),
    ]);
    let filters = parse(&reply(&rows)).unwrap();
    let kinds: Vec<(Kind, bool)> =
        filters.iter().map(|filter| (filter.kind, filter.query.is_some())).collect();
    assert_eq!(kinds, [(Kind::Task, true), (Kind::Fax, false), (Kind::Letter, false)]);
}

#[test]
fn filt_12_the_query_has_exactly_two_conditions() {
    // Any further condition would make Dataverse refuse to show another user's filters.
    let part = of_user(UserId(uuid::Uuid::nil()));
    let filter = part.path.split("$filter=").nth(1).unwrap();
    let plain = percent_encoding::percent_decode_str(filter).decode_utf8().unwrap().into_owned();
    let nil = uuid::Uuid::nil();
    assert_eq!(plain, format!("querytype eq 256 and _ownerid_value eq {nil}"));
}

/// A user's own filters of a cache that has the organization's.
fn learn(cache: &FilterCache, key: &DigestKey, mailbox: u128, rows: &Json) -> Filters {
    let mailbox = mailbox_key(mailbox);
    let answered = Answered { own: &reply(rows), system: None };
    cache.learn(&mailbox, key, &answered, START).unwrap()
}

const START: DateTime<Utc> = DateTime::<Utc>::UNIX_EPOCH;

fn mailbox_key(n: u128) -> MailboxKey {
    MailboxKey { tenant: TenantId::new("t"), mailbox: uuid::Uuid::from_u128(n) }
}

#[test]
fn users_with_the_same_filters_share_them() {
    // Thousands of mailboxes with default filters keep one list in memory.
    let (cache, key) = (FilterCache::default(), DigestKey::fresh());
    let rows = json!([row("task", 0, TASKS), row("task", 0, TASKS)]);
    let first = learn(&cache, &key, 1, &rows);
    let second = learn(&cache, &key, 2, &rows);
    assert!(Arc::ptr_eq(&first, &second));
    assert_eq!(first.len(), 1);
    assert!(Arc::ptr_eq(&cache.remembered(&mailbox_key(2)).unwrap().filters, &first));
}

#[test]
fn filt_11_an_edited_filter_counts_at_once_whoever_owns_it() {
    // The memory of answers hides no change: neither of a user's own filter nor of the
    // organization's, which another mailbox's sweep may have read.
    let (cache, key) = (FilterCache::default(), DigestKey::fresh());
    cache.learn_system(&reply(&json!([row("task", 0, TASKS)])), START).unwrap();
    let own = json!([]);
    assert_eq!(learn(&cache, &key, 1, &own).len(), 1);
    assert_eq!(learn(&cache, &key, 1, &own).len(), 1);
    let letters = row("letter", 0, r#"<fetch><entity name="letter"/></fetch>"#);
    assert_eq!(learn(&cache, &key, 1, &json!([letters])).len(), 2);
    assert_eq!(learn(&cache, &key, 1, &own).len(), 1);
    cache.learn_system(&reply(&json!([row("task", 0, TASKS), letters])), START).unwrap();
    assert_eq!(learn(&cache, &key, 1, &own).len(), 2);
    cache.learn_system(&reply(&json!([])), START).unwrap();
    assert_eq!(learn(&cache, &key, 1, &own).len(), 0);
}

#[test]
fn a_refusal_keeps_the_organizations_filters() {
    // The old filters stay in force when the new ones may not be read; without any, it is an error.
    let refusal = PartReply { status: 403, headers: "".into(), body: Vec::new() };
    let (cache, key) = (FilterCache::default(), DigestKey::fresh());
    assert!(cache.learn_system(&refusal, START).is_err());
    cache.learn_system(&reply(&json!([row("task", 0, TASKS)])), START).unwrap();
    assert!(cache.is_fresh(START));
    assert!(!cache.is_fresh(START + SYSTEM_FILTERS_LAST));
    assert!(cache.learn_system(&refusal, START).is_ok());
    assert_eq!(learn(&cache, &key, 1, &json!([])).len(), 1);
}

#[test]
fn a_refusal_of_a_users_filters_is_never_taken_for_an_answer() {
    // The same body under another status is an error, although its words are known.
    let (cache, key) = (FilterCache::default(), DigestKey::fresh());
    let rows = json!([row("task", 0, TASKS)]);
    learn(&cache, &key, 1, &rows);
    let refusal = PartReply { status: 403, ..reply(&rows) };
    let answered = Answered { own: &refusal, system: None };
    assert!(cache.learn(&mailbox_key(1), &key, &answered, START).is_err());
}
