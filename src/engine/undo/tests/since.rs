//! What was changed since stands in the way, and what is put back is only what was replaced (OPS-02).

use super::{former, titled};
use crate::domain::field::{Field, Group, Value};
use crate::domain::journal::OpName;
use crate::domain::kind::Kind::Task;
use crate::domain::side::Side::{self, Dynamics, Exchange};
use crate::engine::decide::Write;
use crate::engine::testing::*;
use crate::engine::undo::{Reason, undo};

#[test]
fn ops_02_a_status_of_today_stands_in_the_way_only_of_what_is_not_made_again() {
    // Completed since: an overwritten title is not put back over it. A deleted item is made again all
    // the same, but not over a title that was changed since.
    let world = World::new();
    let (there, here) = titled("New");
    let overwritten = former(Dynamics, OpName::Update, &titled("Old").0, &world);
    let deleted = former(Exchange, OpName::Delete, &here, &world);
    let (closed, renamed) = (there.clone().status(1, 5), titled("Newer").0);
    for (edit, old, group) in [
        (&closed, &overwritten, Some(Group::Status)),
        (&renamed, &overwritten, Some(Group::Subject)),
        (&closed, &deleted, None),
        (&renamed, &deleted, Some(Group::Subject)),
    ] {
        let mut pairing = world.then(world.linked(&there, &here), edit);
        if old.exchange.is_some() {
            pairing.seen.exchange = None;
            pairing.link.as_mut().unwrap().native.exchange = None;
        }
        let found = undo(pairing, old, false, &KEY, &world.context());
        let expected = group.map(|group| Reason::Changed(Dynamics, vec![group]));
        assert_eq!(found.err(), expected);
    }
}

#[test]
fn ops_02_each_field_is_put_back_once_and_no_other_is_touched() {
    // The title comes back, a body that was not there before goes, and the rest is not written.
    let world = World::new();
    let body = |obs: Obs| obs.text(Field::Body, "Notes");
    let (there, here) = titled("New");
    let (there, here) = (body(there), body(here));
    let old = former(Dynamics, OpName::Update, &titled("Old").0, &world);
    let back = undo(world.linked(&there, &here), &old, false, &KEY, &world.context()).unwrap();
    let title = (Field::Subject, Some(Value::Text("Old".to_owned())));
    for side in Side::BOTH {
        let Some(Write::Update { patch, .. }) = back.writes.get(side) else { panic!("{side}") };
        let mut patch = patch.clone();
        patch.sort_by_key(|(field, _)| *field as u16);
        let mut expected = vec![title.clone(), (Field::Body, None)];
        expected.sort_by_key(|(field, _)| *field as u16);
        assert_eq!(patch, expected, "{side} of a {Task}");
    }
}
