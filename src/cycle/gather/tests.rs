//! Tests of the bound on rounds of reading.

use chrono::{DateTime, TimeDelta};

use super::{gather_in, pull, twins};
use crate::cycle::memory::Memory;
use crate::cycle::tests::fakes::World;
use crate::cycle::{CycleReport, commit};
use crate::domain::code::Code;
use crate::domain::kind::Collection;
use crate::domain::side::{PerSide, Side};
use crate::engine::decide;
use crate::engine::matching::Index;
use crate::engine::plan::plan;
use crate::ports::side::Cursor;

#[test]
fn inv_7_what_is_listed_ends_where_the_last_whole_round_let_it_end() {
    // The window of today reaches further than that of a round half a year ago; contacts have none.
    let now = DateTime::UNIX_EPOCH;
    let cursor = |collection, days: Option<i64>| Cursor {
        collection,
        token: String::new(),
        saved: now,
        window_end: days.map(|days| now + TimeDelta::days(days)),
    };
    let window = (now - TimeDelta::days(31), now + TimeDelta::days(550));
    let contacts = cursor(Collection::Contacts, None);
    for (days, listed) in [(370, 370), (600, 550)] {
        let cursors = [contacts.clone(), cursor(Collection::Calendar, Some(days))];
        let ends = now + TimeDelta::days(listed);
        assert_eq!(twins::listed(window, &cursors), (window.0, ends));
    }
    assert_eq!(twins::listed(window, &[contacts]), window);
}

#[tokio::test]
async fn err_02_what_is_still_to_be_read_is_set_aside() {
    // After the last round nothing is decided from half a view, and the feed tells it again.
    let world = World::new();
    world.dynamics.add("Call Anna");
    world.settle().await;
    let state = world.state().await;
    let row = state.links[0].native.get(Side::Dynamics).clone().unwrap();
    world.dynamics.rename(&row, "Call Ben");
    let context = world.context();
    let memory = Memory::read(&context, state.clone());
    let index = Index::new(context.mailbox.key.mailbox, &state.links);
    let pulled = pull(&context, &memory, None).await.unwrap();
    let gathered = |rounds| gather_in(&context, &state, &index, pulled.clone(), Vec::new(), rounds);
    let cut = gathered(0).await.unwrap();
    assert_eq!((cut.unfinished.as_slice(), cut.seen.len()), (state.links.as_slice(), 0));
    assert_eq!((cut.cursors, cut.moved), (state.cursors.clone(), false));
    let whole = gathered(3).await.unwrap();
    assert_eq!((whole.unfinished.len(), whole.seen.len(), whole.moved), (0, 2, true));
    // The pair waits with a code, and its next look reads both halves.
    let nobody = crate::cycle::Resolved::default();
    let verdict = decide::unfinished(state.links[0].clone());
    let plan = plan(vec![verdict], &context.engine(&nobody), uuid::Uuid::new_v4);
    let mut report = CycleReport::begin(&context);
    let change = commit::fold_all(&context, &plan, &[PerSide::default()], &mut report);
    assert_eq!(change.put[0].trouble.map(|it| it.code), Some(Code::ReadUnfinished));
    assert!(change.put[0].is_unsettled() && change.put[0].agreed == state.links[0].agreed);
    assert_eq!((report.unsettled, report.lines.len()), (1, 1));
    world.settle().await;
    assert_eq!(world.exchange.subjects(), ["Call Ben"]);
}
