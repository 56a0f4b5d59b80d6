//! Tests of what an undo restores and what it leaves.

mod back;
mod since;

use super::*;
use crate::engine::testing::{KEY, Obs, World, hours, item, row};

fn former(side: Side, op: OpName, obs: &Obs, world: &World) -> PerSide<Option<Former>> {
    let fields = world.seen(obs).observation.fields;
    let content = KeptContent { fields, ..KeptContent::default() };
    let mut all = PerSide::default();
    all.set(side, Some(Former { op, content }));
    all
}

fn titled(text: &str) -> (Obs, Obs) {
    let with = |obs: Obs| obs.text(Field::Subject, text);
    (with(row(Kind::Task)), with(item(Kind::Task)))
}

#[test]
fn ops_02_an_overwritten_group_comes_back_on_both_sides() {
    // The row was overwritten by Exchange: the row gets its version back and the item follows;
    // other groups are not touched.
    let world = World::new();
    let (there, here) = titled("New");
    let old = former(Side::Dynamics, OpName::Update, &titled("Old").0, &world);
    let back = undo(world.linked(&there, &here), &old, false, &KEY, &world.context()).unwrap();
    assert_eq!((back.decision.verb, &*back.decision.groups), (Verb::Merge, &[Group::Subject][..]));
    for side in Side::BOTH {
        let Some(Write::Update { patch, mail, .. }) = back.writes.get(side) else {
            panic!("{side}")
        };
        let title = patch.iter().find(|(field, _)| *field == Field::Subject).unwrap();
        assert_eq!(title.1, Some(Value::Text("Old".to_owned())), "{side}");
        assert_eq!(*mail, MailClass::Silent);
    }
}

#[test]
fn ops_02_what_somebody_changed_since_is_not_overwritten() {
    // A later edit on either side is worth more than the former version; so is a deletion.
    let world = World::new();
    let (there, here) = titled("New");
    let old = former(Side::Dynamics, OpName::Update, &titled("Old").0, &world);
    let linked = || world.linked(&there, &here);
    for edit in [titled("Newer").0, titled("Newer").1] {
        let edited = world.then(linked(), &edit);
        let found = undo(edited, &old, false, &KEY, &world.context()).unwrap_err();
        assert_eq!(found, Reason::Changed(edit.0.side, vec![Group::Subject]));
    }
    let mut alone = linked();
    alone.seen.exchange = None;
    let found = undo(alone, &old, false, &KEY, &world.context()).unwrap_err();
    assert_eq!(found, Reason::Moved(Side::Exchange));
    let same = former(Side::Dynamics, OpName::Update, &there, &world);
    assert_eq!(undo(linked(), &same, false, &KEY, &world.context()).unwrap_err(), Reason::Same);
}

#[test]
fn ops_02_of_a_pair_that_is_forgotten_no_change_is_named() {
    // Without an agreement every group would seem changed since; nothing is restored over the half that
    // is there, and the reason says what is not known.
    let world = World::new();
    let (there, here) = titled("New");
    let old = former(Side::Exchange, OpName::Delete, &titled("Old").1, &world);
    let mut pairing = world.linked(&there, &here);
    pairing.seen.exchange = None;
    let pairing = crate::engine::testing::linking(pairing, |link| {
        link.state = LinkState::LeftAlone;
        link.agreed = PerSide::default();
    });
    let found = undo(pairing, &old, false, &KEY, &world.context()).unwrap_err();
    assert_eq!(found, Reason::Forgotten(Side::Dynamics));
}

#[test]
fn ops_02_a_meeting_is_restored_only_when_mail_is_allowed() {
    // Whoever attends now is mailed by the write; without leave the pair stays as it is.
    let world = World::new();
    let with = |obs: Obs, text: &str| {
        obs.at(hours(24)).invites(&["ann@customer.example"]).text(Field::Subject, text)
    };
    let (there, here) = (with(row(Kind::Appointment), "New"), with(item(Kind::Appointment), "New"));
    let old = with(item(Kind::Appointment), "Old");
    let old = former(Side::Exchange, OpName::Update, &old, &world);
    let linked = || world.linked(&there, &here);
    let found = undo(linked(), &old, false, &KEY, &world.context()).unwrap_err();
    assert_eq!(found, Reason::WouldMail(1));
    let back = undo(linked(), &old, true, &KEY, &world.context()).unwrap();
    let mail = match back.writes.exchange {
        Some(Write::Update { mail, .. }) => mail,
        other => panic!("{other:?}"),
    };
    assert_eq!(mail, MailClass::Mails(1));
}

#[test]
fn ops_02_a_deleted_pair_is_made_again_on_both_sides() {
    // Its user deleted the item and the rule deleted the row: both come back, the row as it was.
    let world = World::new();
    let (there, here) = titled("Old");
    let mut gone = world.linked(&there, &here);
    gone.seen = PerSide::default();
    if let Some(link) = gone.link.as_mut() {
        link.native = PerSide::default();
    }
    let old = former(Side::Dynamics, OpName::Delete, &there, &world);
    let back = undo(gone, &old, false, &KEY, &world.context()).unwrap();
    assert!(matches!(back.writes.dynamics, Some(Write::Create { .. })));
    assert!(matches!(back.writes.exchange, Some(Write::Create { mail: MailClass::Silent, .. })));
    let again = world.linked(&there, &here);
    let found = undo(again, &old, false, &KEY, &world.context()).unwrap_err();
    assert_eq!(found, Reason::Moved(Side::Dynamics));
}

#[test]
fn ops_02_a_canceled_meeting_comes_back_after_its_row_was_reopened() {
    // While the row is canceled the next cycle would delete the meeting again (CXL-04); reopening
    // it is no change that stands in the way.
    let world = World::with(|world| world.policy.settings.propagate_cancellations = true);
    let open = row(Kind::Appointment).at(hours(24));
    let canceled = open.clone().status(2, 4);
    let here = item(Kind::Appointment).at(hours(24));
    let gone = |row: &Obs| {
        let mut pairing = world.then(world.linked(&canceled, &here), row);
        pairing.seen.exchange = None;
        if let Some(link) = pairing.link.as_mut() {
            link.state = LinkState::DeletedInExchange;
            link.native.exchange = None;
        }
        pairing
    };
    let old = former(Side::Exchange, OpName::Delete, &here, &world);
    let found = undo(gone(&canceled), &old, false, &KEY, &world.context()).unwrap_err();
    assert_eq!(found, Reason::Canceled);
    let back = undo(gone(&open), &old, false, &KEY, &world.context()).unwrap();
    assert!(matches!(back.writes.exchange, Some(Write::Create { .. })));
    assert_eq!(back.writes.dynamics, None);
}
