//! Which filters count.

use serde_json::json;

use super::*;
use crate::domain::ids::TenantId;

fn reply(rows: &Json) -> PartReply {
    let body = json!({ "value": rows }).to_string().into_bytes();
    PartReply { status: 200, headers: Vec::new(), body }
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

#[test]
fn users_with_the_same_filters_share_them() {
    // Thousands of mailboxes with default filters keep one list in memory.
    let cache = FilterCache::default();
    let filters = parse(&reply(&json!([row("task", 0, TASKS), row("task", 0, TASKS)]))).unwrap();
    let tenant = TenantId::new("t");
    let key = |n| MailboxKey { tenant: tenant.clone(), mailbox: uuid::Uuid::from_u128(n) };
    let first = cache.remember(&key(1), filters.clone());
    let second = cache.remember(&key(2), filters);
    assert!(Arc::ptr_eq(&first, &second));
    assert_eq!(first.len(), 1);
    assert!(Arc::ptr_eq(&cache.remembered(&key(2)).unwrap(), &first));
}

#[test]
fn a_refusal_keeps_the_organizations_filters() {
    // The old filters stay in force when the new ones may not be read; without any, it is an error.
    let refusal = PartReply { status: 403, headers: Vec::new(), body: Vec::new() };
    let cache = FilterCache::default();
    let start = DateTime::<Utc>::UNIX_EPOCH;
    assert!(cache.learn_system(&refusal, start).is_err());
    let rows = reply(&json!([row("task", 0, TASKS)]));
    let learnt = cache.learn_system(&rows, start).unwrap();
    assert_eq!(cache.system(start), Some(learnt.clone()));
    assert_eq!(cache.system(start + SYSTEM_FILTERS_LAST), None);
    assert_eq!(cache.learn_system(&refusal, start).unwrap(), learnt);
}
