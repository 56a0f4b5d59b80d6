//! Where two previews of one mailbox part: the world moved between them.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::ItemView;

/// Returns the item that an entry is about. A row that is still to be made has another id in each
/// plan; its Exchange item says which one it is.
fn key(item: &ItemView) -> String {
    match (&item.dynamics, &item.exchange) {
        (None, Some(exchange)) => format!("{} {exchange}", item.kind),
        (Some(_) | None, _) => format!("{} {}", item.kind, item.link),
    }
}

/// Returns every difference as a sentence; none when both previews do the same.
#[must_use]
pub fn differences(then: &[ItemView], now: &[ItemView]) -> Vec<String> {
    let table = |items: &[ItemView]| -> BTreeMap<String, ItemView> {
        items.iter().map(|item| (key(item), item.clone())).collect()
    };
    let (then, now) = (table(then), table(now));
    let mut found = Vec::new();
    for (who, old) in &then {
        match now.get(who) {
            None => found.push(format!("{who}: {} is not planned any more", old.verb)),
            Some(new) => compare(who, old, new, &mut found),
        }
    }
    for (who, new) in now.iter().filter(|(who, _)| !then.contains_key(*who)) {
        found.push(format!("{who}: {} is planned now", new.verb));
    }
    found
}

fn compare(who: &str, old: &ItemView, new: &ItemView, found: &mut Vec<String>) {
    // Equal by their key.
    let new = ItemView { link: old.link, ..new.clone() };
    if *old != new {
        let as_json = |item: &ItemView| serde_json::to_value(item).unwrap_or_default();
        walk(who, "", &as_json(old), &as_json(&new), found);
    }
}

fn walk(who: &str, path: &str, old: &Json, new: &Json, found: &mut Vec<String>) {
    match (old, new) {
        (Json::Object(left), Json::Object(right)) => {
            let mut names: Vec<&String> = left.keys().chain(right.keys()).collect();
            names.sort_unstable();
            names.dedup();
            for name in names {
                let of = |map: &Map<String, Json>| map.get(name).cloned().unwrap_or_default();
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                walk(who, &path, &of(left), &of(right), found);
            }
        }
        (Json::Array(left), Json::Array(right)) if left.len() == right.len() => {
            for (at, (old, new)) in left.iter().zip(right).enumerate() {
                walk(who, &format!("{path}[{at}]"), old, new, found);
            }
        }
        _ if old == new => {}
        _ => found.push(format!("{who}: {path} was {old}, is {new}")),
    }
}
