//! Delta rounds: windows, removals, tokens, replays.

use serde_json::json;

use super::{ANNA, Bench, MARK, code, id, meeting, url, with};

const WINDOW: &str =
    "/calendarView/delta?startDateTime=2026-11-01T00:00:00Z&endDateTime=2026-12-01T00:00:00Z";

fn outside() -> serde_json::Value {
    with(
        meeting(),
        &json!({ "start": { "dateTime": "2027-05-01T10:00:00", "timeZone": "UTC" },
            "end": { "dateTime": "2027-05-01T11:00:00", "timeZone": "UTC" } }),
    )
}

#[test]
fn a_round_tells_changes_since_the_last() {
    // The first round lists the window; the next ones only what changed, removals included.
    let mut bench = Bench::new();
    let kept = id(&bench.made("/events", &meeting()));
    let gone = id(&bench.made("/events", &meeting()));
    let (rows, link) = bench.round(WINDOW);
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0]["subject"], "Plan");
    let (rows, link) = bench.round(&link);
    assert!(rows.is_empty());
    bench.call("PATCH", &format!("/events/{kept}"), &json!({ "subject": "New" }));
    bench.delete(&format!("/events/{gone}"));
    let (rows, _) = bench.round(&link);
    let find = |wanted: &str| rows.iter().find(|row| row["id"] == wanted).unwrap();
    assert_eq!(find(&kept)["subject"], "New");
    assert!(find(&gone).get("@removed").is_some());
}

#[test]
fn the_late_change_key_shows_in_the_next_round() {
    // The move of the change key after a create is told as a change.
    let mut bench = Bench::new();
    let made = bench.made("/events", &meeting());
    let (_, link) = bench.round(WINDOW);
    bench.later(5);
    let (rows, _) = bench.round(&link);
    assert_eq!(rows.len(), 1);
    assert_ne!(rows[0]["changeKey"], made["changeKey"]);
}

#[test]
fn events_outside_the_window_are_told_as_removed() {
    // New and moved-out events outside the frozen window come as @removed, though they exist.
    let mut bench = Bench::new();
    let moved = id(&bench.made("/events", &meeting()));
    bench.made("/events", &outside());
    let (rows, link) = bench.round(WINDOW);
    assert_eq!(rows.len(), 1);
    let far = id(&bench.made("/events", &outside()));
    let patch = bench.call("PATCH", &format!("/events/{moved}"), &outside());
    assert_eq!(patch.status, 200);
    let (rows, _) = bench.round(&link);
    assert_eq!(rows.len(), 2);
    for row in &rows {
        assert_eq!(row["@removed"]["reason"], "deleted");
        assert!([&far, &moved].contains(&&id(row)));
    }
    assert_eq!(bench.get(&format!("/events/{moved}")).status, 200);
}

#[test]
fn occurrences_come_slim_with_their_master() {
    // A series gives its master in full and one slim row per occurrence of the window.
    let mut bench = Bench::new();
    let series = json!({ "recurrence": {
        "pattern": { "type": "weekly", "interval": 1, "daysOfWeek": ["wednesday"] },
        "range": { "type": "noEnd", "startDate": "2026-11-25" } } });
    let master = bench.made("/events", &with(meeting(), &series));
    let window = WINDOW.replace("2026-12-01", "2026-12-20");
    let (rows, _) = bench.round(&window);
    assert_eq!(rows.len(), 5);
    assert_eq!(rows[0]["type"], "seriesMaster");
    let mut names: Vec<&String> = rows[1].as_object().unwrap().keys().collect();
    names.sort();
    assert_eq!(
        names,
        ["@odata.etag", "@odata.type", "end", "id", "seriesMasterId", "start", "type"]
    );
    assert_eq!(rows[1]["seriesMasterId"], master["id"]);
}

#[test]
fn options_and_additions_are_refused() {
    // calendarView/delta knows no $select, $expand, $filter, $orderby, $search; tokens no company.
    let mut bench = Bench::new();
    for option in ["$select=subject", "$expand=attachments", "$filter=x", "$orderby=x", "$search=x"]
    {
        assert_eq!(bench.get(&format!("{WINDOW}&{option}")).status, 400, "{option}");
    }
    assert_eq!(bench.get("/calendarView/delta").status, 400);
    let (_, link) = bench.round(WINDOW);
    assert_eq!(bench.get(&format!("{link}&$select=subject")).status, 400);
}

#[test]
fn expired_and_unknown_tokens_are_gone() {
    // 410 with one code and the other, 400 and 404; the Location begins a new round.
    let mut bench = Bench::new();
    bench.made("/events", &meeting());
    let (_, link) = bench.round(WINDOW);
    bench.sim.expire_delta_tokens(Some(ANNA));
    let answer = bench.get(&link);
    assert_eq!((answer.status, code(&answer)), (410, "SyncStateNotFound".into()));
    let answer = bench.get(&link);
    assert_eq!((answer.status, code(&answer)), (410, "resyncRequired".into()));
    let start = answer.header("Location").unwrap().to_owned();
    let (rows, link) = bench.round(&start);
    assert_eq!(rows.len(), 1);
    let answer = bench.get("/calendarView/delta?$deltatoken=abc");
    assert_eq!((answer.status, code(&answer)), (400, "syncStateNotFound".into()));
    let contacts = link.replace("calendarView", "contactFolders/contacts/contacts");
    let answer = bench.get(&contacts);
    assert_eq!((answer.status, code(&answer)), (404, "SyncStateNotFound".into()));
}

#[test]
fn rounds_survive_pages_replays_and_empty_pages() {
    // With full noise and pages of one, every change still arrives, possibly more than once.
    let mut bench = Bench::new();
    for number in 0..6 {
        bench.made("/events", &with(meeting(), &json!({ "subject": format!("S{number}") })));
    }
    bench.later(10);
    let (_, mut link) = bench.round(WINDOW);
    bench.sim.set_delta_noise(400);
    let (mut repeated, mut empty) = (false, false);
    for turn in 0..10 {
        let ids: Vec<String> =
            bench.sim.events(ANNA)[..3].iter().map(|e| e["plainId"].to_string()).collect();
        for one in &ids {
            let path = format!("/events/{}", one.trim_matches('"'));
            bench.call("PATCH", &path, &json!({ "subject": format!("T{turn}") }));
        }
        let mut seen = Vec::new();
        loop {
            let page = super::body(&bench.get_preferring(&link, "odata.maxpagesize=1"));
            let rows = page["value"].as_array().unwrap();
            empty |= rows.is_empty() && page.get("@odata.nextLink").is_some();
            seen.extend(rows.iter().map(|row| row["id"].to_string()));
            let next = page.get("@odata.nextLink").or(page.get("@odata.deltaLink")).unwrap();
            link = next.as_str().unwrap().to_owned();
            if page.get("@odata.deltaLink").is_some() {
                break;
            }
        }
        assert!(ids.iter().all(|one| seen.contains(one)));
        repeated |= seen.len() > ids.len();
    }
    assert!(repeated && empty);
}

#[test]
fn removals_come_for_either_reason() {
    // What was deleted may be restorable (`changed`) or not (`deleted`).
    let mut bench = Bench::new();
    let contacts: Vec<String> = (0..8)
        .map(|n| id(&bench.made("/contacts", &json!({ "surname": n.to_string() }))))
        .collect();
    let (_, link) = bench.round("/contactFolders/contacts/contacts/delta");
    contacts.iter().for_each(|one| drop(bench.delete(&format!("/contacts/{one}"))));
    let (rows, _) = bench.round(&link);
    let mut reasons: Vec<&str> =
        rows.iter().map(|row| row["@removed"]["reason"].as_str().unwrap()).collect();
    reasons.sort_unstable();
    reasons.dedup();
    assert_eq!((rows.len(), reasons), (8, vec!["changed", "deleted"]));
}

#[test]
fn a_first_round_may_tell_removals_replays_and_any_order() {
    // With noise all of it comes, and no item is missing or told in another state than it has.
    let mut bench = Bench::new();
    let made: Vec<String> = (0..8)
        .map(|n| id(&bench.made("/contacts", &json!({ "surname": n.to_string() }))))
        .collect();
    made[..3].iter().for_each(|one| drop(bench.delete(&format!("/contacts/{one}"))));
    bench.sim.set_delta_noise(500);
    let (mut removals, mut replays, mut orders) = (false, false, false);
    for _ in 0..30 {
        let mut link = "/contactFolders/contacts/contacts/delta".to_owned();
        let mut rows = Vec::new();
        loop {
            let page = super::body(&bench.get_preferring(&link, "odata.maxpagesize=4"));
            rows.extend(page["value"].as_array().unwrap().iter().cloned());
            let next = page.get("@odata.nextLink").or(page.get("@odata.deltaLink")).unwrap();
            link = next.as_str().unwrap().to_owned();
            if page.get("@odata.deltaLink").is_some() {
                break;
            }
        }
        let (gone, there): (Vec<_>, Vec<_>) =
            rows.iter().partition(|row| row.get("@removed").is_some());
        assert!(gone.iter().all(|row| made[..3].contains(&id(row))));
        let mut ids: Vec<String> = there.iter().map(|row| id(row)).collect();
        removals |= !gone.is_empty();
        replays |= ids.len() > 5;
        let told = ids.clone();
        ids.sort_by_key(|one| made.iter().position(|known| known == one));
        orders |= told != ids;
        ids.dedup();
        assert_eq!(ids, made[3..]);
    }
    assert!(removals && replays && orders, "{removals} {replays} {orders}");
}

#[test]
fn feeds_that_fall_behind_tell_it_all_when_they_catch_up() {
    // Old and new rounds know nothing of what is made meanwhile; later both tell it once.
    let mut bench = Bench::new();
    bench.made("/events", &meeting());
    let (_, old) = bench.round(WINDOW);
    bench.sim.set_feeds_behind(true);
    bench.made("/events", &with(meeting(), &json!({ "subject": "Late" })));
    let (rows, old) = bench.round(&old);
    assert!(rows.is_empty(), "{rows:?}");
    let (rows, new) = bench.round(WINDOW);
    assert_eq!(rows.len(), 1);
    bench.sim.set_feeds_behind(false);
    for link in [&old, &new] {
        let (rows, _) = bench.round(link);
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0]["subject"], "Late");
    }
}

#[test]
fn contacts_delta_selects_and_expands() {
    // Contacts delta of a folder takes $select and $expand, also in the rounds after the first.
    let mut bench = Bench::new();
    let expand = url(&format!("singleValueExtendedProperties($filter=id eq '{MARK}')"));
    let path = format!("/contactFolders/contacts/contacts/delta?$select=surname&$expand={expand}");
    let (rows, link) = bench.round(&path);
    assert!(rows.is_empty());
    let made = bench.made(
        "/contacts",
        &json!({ "surname": "A", "singleValueExtendedProperties": [{ "id": MARK, "value": "v" }] }),
    );
    let (rows, link) = bench.round(&link);
    assert_eq!(rows[0]["singleValueExtendedProperties"][0]["value"], "v");
    assert_eq!((&rows[0]["id"], rows[0].get("givenName")), (&made["id"], None));
    bench.delete(&format!("/contacts/{}", id(&made)));
    let (rows, _) = bench.round(&link);
    assert_eq!((rows.len(), &rows[0]["id"]), (1, &made["id"]));
    assert!(rows[0].get("@removed").is_some());
}

#[test]
fn immutable_ids_survive_a_move_and_plain_ids_do_not() {
    // After a move to another folder the immutable id still finds the contact.
    let mut bench = Bench::new();
    let folder = bench.made("/contactFolders", &json!({ "displayName": "Other" }));
    let plain = id(&bench.made("/contacts", &json!({ "surname": "A" })));
    let fixed = bench.sim.contacts(ANNA)[0]["id"].as_str().unwrap().to_owned();
    let now = bench.now;
    bench.sim.user_move_contact(ANNA, &fixed, &id(&folder), now).unwrap();
    assert_eq!(bench.get(&format!("/contacts/{plain}")).status, 404);
    assert_eq!(bench.get(&format!("/contacts/{fixed}")).status, 200);
    let answer = bench.get_preferring("/contactFolders/delta", "IdType=\"ImmutableId\"");
    assert_eq!(super::body(&answer)["value"].as_array().unwrap().len(), 1);
}

#[test]
fn a_function_may_be_called_with_empty_parentheses() {
    // As generated clients write it: `delta()` is `delta`; no other segment takes them.
    let mut bench = Bench::new();
    bench.made("/events", &meeting());
    let (rows, _) = bench.round(&WINDOW.replace("delta?", "delta()?"));
    assert_eq!(rows.len(), 1);
    assert_eq!(bench.get("/events()").status, 400);
}
