//! Which events are asked when, and what their answers do.

use serde_json::{Value as Json, json};

use super::*;
use crate::domain::ids::Version;
use crate::graph::testing::{Scripted, mailbox, now};

fn event(id: &str) -> Known {
    let version = Some(Version::new("old"));
    Known { kind: Kind::Appointment, id: NativeId::new(id), version, expected: false }
}

fn events(count: usize) -> Vec<Known> {
    (0..count).map(|n| event(&format!("e{n:02}"))).collect()
}

fn reply(status: u16, code: &str) -> InnerReply<Option<Page>> {
    let body = json!({ "error": { "code": code } });
    let reply: Json = json!({ "id": "1", "status": status, "body": body });
    serde_json::from_str(&reply.to_string()).unwrap()
}

/// Asks at this hour; the answers say that these are gone. Returns what was asked and what is
/// missing.
fn ask(side: &GraphSide, known: &[Known], hour: i64, gone: &[&str]) -> (Vec<String>, Vec<String>) {
    let (mailbox, listed) = (mailbox(), known.to_vec());
    let ask = PullAsk {
        look: false,
        mailbox: &mailbox,
        cursors: &[],
        known: &listed,
        rest: None,
        now: now() + TimeDelta::hours(hour),
        window: (now(), now()),
    };
    let mut probes = side.due_probes(&ask, known);
    let names = |list: &[(Kind, NativeId)]| list.iter().map(|it| it.1.to_string()).collect();
    let asked: Vec<String> = names(&probes.due);
    let answer = |id: &String| {
        if gone.contains(&id.as_str()) { reply(404, "ErrorItemNotFound") } else { reply(200, "") }
    };
    let replies = asked.iter().map(answer).map(Ok).collect();
    side.take_probes(&ask, &mut probes, replies);
    (asked, names(&probes.gone))
}

fn asked(side: &GraphSide, known: &[Known], hour: i64) -> Vec<String> {
    ask(side, known, hour, &[]).0
}

#[test]
fn each_event_is_asked_once_in_a_day_and_the_longest_unasked_first() {
    // A few in each pull, in an order that stays; when all were asked, a day of peace.
    let side = Scripted::new(Vec::new()).side;
    let known = events(2 * PROBES_MAX + 3);
    let mut order = Vec::new();
    for hour in 0..3 {
        let some = asked(&side, &known, hour);
        assert!(some.len() <= PROBES_MAX);
        order.extend(some);
    }
    let all: Vec<String> = known.iter().map(|item| item.id.to_string()).collect();
    assert_eq!(order, all);
    for hour in [2, 3, 25] {
        assert_eq!(asked(&side, &known, hour), [""; 0], "hour {hour}");
    }
    assert_eq!(asked(&side, &known, 26), all[..PROBES_MAX]);
}

#[test]
fn events_inside_the_window_and_in_trouble_are_not_asked() {
    // The delta follows what is inside; what was seen without a version was not there.
    let side = Scripted::new(Vec::new()).side;
    let inside = Known { expected: true, ..event("a") };
    let troubled = Known { version: None, ..event("b") };
    let contact = Known { kind: Kind::Contact, ..event("c") };
    assert_eq!(asked(&side, &[inside, troubled, contact, event("d")], 0), ["d"]);
}

#[test]
fn cxl_12_an_event_that_is_gone_is_asked_again_until_its_link_knows() {
    // A cycle that failed, or a plan that was only shown, does not put the finding off.
    let side = Scripted::new(Vec::new()).side;
    let known = events(4);
    for hour in [0, 1, 2] {
        let (some, gone) = ask(&side, &known, hour, &["e01"]);
        assert!(some.contains(&"e01".to_owned()), "hour {hour}");
        assert_eq!(gone, ["e01"], "hour {hour}");
    }
    let left = [known[0].clone(), known[2].clone(), known[3].clone()];
    assert_eq!(asked(&side, &left, 3), ["e02", "e03"]);
    assert_eq!(asked(&side, &left, 4), [""; 0]);
}

#[test]
fn an_answer_that_is_no_absence_proves_nothing() {
    // A refusal, an error of the server, a mailbox that is out of reach: no event is missing.
    let side = Scripted::new(Vec::new()).side;
    let (mailbox, known) = (mailbox(), vec![event("a")]);
    for (status, code) in
        [(403, "ErrorAccessDenied"), (404, "ErrorNonExistentMailbox"), (500, ""), (400, "Other")]
    {
        let at = now() + TimeDelta::hours(48 * i64::from(status));
        let ask = PullAsk {
            look: false,
            mailbox: &mailbox,
            cursors: &[],
            known: &known,
            rest: None,
            now: at,
            window: (at, at),
        };
        let mut probes = side.due_probes(&ask, &known);
        assert_eq!(probes.due.len(), 1, "{status}");
        side.take_probes(&ask, &mut probes, vec![Ok(reply(status, code))]);
        assert_eq!(probes.gone, [], "{status} {code}");
    }
}
