//! Rows that leave, pairs that are dissolved, and what brings them back (FILT, dormant links).

use crate::domain::code::Code;
use crate::domain::field::{Field, TodoStatus, Value};
use crate::domain::fingerprint::Prints;
use crate::domain::kind::Kind::{Appointment, Contact, Task};
use crate::domain::link::{LinkState, Role, Trouble, Why};
use crate::domain::observation::Presence;
use crate::domain::side::PerSide;
use crate::domain::side::Side::{Dynamics, Exchange};
use crate::engine::catalogue as rule;
use crate::engine::decide::{After, Write};
use crate::engine::matching::Pairing;
use crate::engine::testing::*;

#[test]
fn filt_04_filt_05_leaving_the_filter_is_a_delete_by_the_kinds_rules() {
    // An open task that left the filter is deleted in Exchange, physically gone or not.
    let world = World::new();
    for left in [row(Task).presence(Presence::LeftFilter), row(Task).gone()] {
        let verdict = world.decide(world.then(world.linked(&row(Task), &item(Task)), &left));
        assert!(deletes(&verdict, Exchange) && cites(&verdict, rule::FILT_04));
    }
}

#[test]
fn filt_06_told_apart_a_logical_delete_only_unlinks() {
    // With the setting a row that left keeps its item, whatever the kind.
    let world = World::with(|world| world.policy.settings.distinct_deletes = true);
    for kind in [Appointment, Contact, Task] {
        let left = row(kind).owned_by(SERVED).presence(Presence::LeftFilter);
        let verdict = world.decide(world.then(world.linked(&row(kind), &item(kind)), &left));
        assert!(!deletes(&verdict, Exchange) && cites(&verdict, rule::FILT_06), "{kind}");
        assert_eq!(verdict.after, After::Unlinked(Why::LeftFilter));
    }
}

#[test]
fn filt_05_what_never_matched_cannot_leave() {
    // A row tracked from Exchange goes on without a filter; losing access to it deletes nothing.
    let world = World::new();
    let pairing = linking(world.linked(&row(Task), &item(Task)), |link| link.matched = false);
    let left = row(Task).presence(Presence::LeftFilter).text(Field::Body, "note");
    let verdict = world.decide(world.then(pairing.clone(), &left));
    assert!(writes(&verdict, Exchange, Field::Body).is_some());
    let hidden = row(Task).gone().presence(Presence::Unreadable);
    assert!(!deletes(&world.decide(world.then(pairing, &hidden)), Exchange));
}

#[test]
fn filt_05_both_gone_is_forgotten() {
    // Nothing is written when both halves are gone.
    let world = World::new();
    let pairing = world.then(world.linked(&row(Task), &item(Task)), &item(Task).gone());
    let verdict = world.decide(world.then(pairing, &row(Task).gone()));
    assert!(silent(&verdict) && verdict.after == After::Forgotten);
}

#[test]
fn filt_07_a_row_that_returns_is_created_again() {
    // After the delete nothing is remembered, so the next match makes a new item.
    let world = World::new();
    let verdict = world.decide(world.alone(&row(Contact)));
    assert!(creates(&verdict, Exchange));
}

#[test]
fn filt_06_a_dissolved_pair_returns_with_the_match() {
    // The kept item is linked again when its row matches again, and not before.
    let world = World::new();
    let dissolved = linking(world.linked(&row(Contact), &item(Contact)), |link| {
        link.state = LinkState::Unlinked(Why::LeftFilter);
        link.matched = false;
    });
    let away = row(Contact).presence(Presence::LeftFilter);
    let still = world.decide(world.then(dissolved.clone(), &away));
    assert_eq!(still.after, After::Unlinked(Why::LeftFilter));
    assert_eq!(world.decide(dissolved).after, After::Agreed);
}

#[test]
fn conf_04_a_tombstone_stays_until_the_item_is_gone() {
    // The kept item of a deleted row makes no new row; when it goes, too, all is forgotten.
    let world = World::new();
    let state = LinkState::Unlinked(Why::RowGone);
    let pairing = in_state(world.linked(&row(Task), &item(Task)), state);
    let mut alone = world.then(pairing, &item(Task).text(Field::Body, "note"));
    alone.seen.dynamics = None;
    let verdict = world.decide(alone.clone());
    assert!(silent(&verdict) && verdict.after == After::Unlinked(Why::RowGone));
    let verdict = world.decide(world.then(alone, &item(Task).gone()));
    assert_eq!(verdict.after, After::Forgotten);
}

#[test]
fn conf_04_a_marked_item_without_its_row_makes_no_row() {
    // The store was lost and the row deleted: the marker says that this item had its row.
    let world = World::new();
    let verdict = world.decide(world.alone(&item(Task).marked(row_guid(1))));
    assert!(!creates(&verdict, Dynamics));
    assert_eq!(verdict.after, After::Unlinked(Why::RowGone));
}

#[test]
fn filt_04_a_create_that_crossed_with_a_delete_does_not_survive_it() {
    // The answer to a create was lost and its row is gone: the found item is deleted.
    let world = World::new();
    let pairing = linking(world.linked(&row(Task), &item(Task)), |link| {
        link.state = LinkState::Creating(Exchange);
        link.native.exchange = None;
    });
    let verdict = world.decide(world.then(pairing, &row(Task).gone()));
    assert!(deletes(&verdict, Exchange));
}

#[test]
fn filt_04_an_import_that_lacks_only_its_mark_was_a_pair() {
    // Row and item met, the mark failed, and the row was deleted: the item goes with it. Before they met
    // the user's own item stays.
    let world = World::new();
    for (met, state) in [(true, After::Forgotten), (false, After::Unlinked(Why::RowGone))] {
        let pairing = linking(world.linked(&row(Task), &item(Task)), |link| {
            link.state = LinkState::Creating(Dynamics);
            if !met {
                (link.agreed.dynamics, link.version.dynamics) = (Prints::default(), None);
            }
        });
        let verdict = world.decide(world.then(pairing, &row(Task).gone()));
        assert_eq!((deletes(&verdict, Exchange), verdict.after), (met, state));
    }
}

#[test]
fn link_03_an_adoption_cut_short_is_marked_before_the_pair_is_dissolved() {
    // Without its marker the kept item would become a second row when the store is lost (INV-7).
    let world = World::new();
    let left = row(Contact).presence(Presence::LeftFilter);
    let making = [Exchange, Dynamics].map(|side| (LinkState::Creating(side), true));
    for (state, marks) in making.into_iter().chain([(LinkState::Agreed, false)]) {
        let pairing = in_state(world.linked(&row(Contact), &item(Contact)), state);
        let verdict = world.decide(world.then(pairing, &left));
        let marked = matches!(verdict.writes.exchange, Some(Write::Update { mark: true, .. }));
        assert_eq!(marked, marks, "{state:?}");
        assert_eq!(verdict.after, After::Unlinked(Why::LeftFilter));
    }
}

#[test]
fn filt_04_a_row_that_leaves_before_it_could_be_read_ends_its_pair_by_the_kinds_rules() {
    // With a lost store the row that an item names could not be read, then it left the filter: given
    // away, the contact goes; completed, the task is completed. What was left alone for another
    // reason, or is named by nobody, stays.
    let world = World::new();
    let given = row(Contact).owned_by(SERVED).presence(Presence::LeftFilter);
    let unread = Some(Code::ReplyIncomplete);
    let cases = [(unread, true, true), (Some(Code::RecurringTask), true, false)];
    for (code, named, goes) in
        cases.into_iter().chain([(None, true, false), (unread, false, false)])
    {
        let here = if named { item(Contact).marked(row_guid(1)) } else { item(Contact) };
        let verdict =
            world.decide(world.then(met_late(&world, &row(Contact), &here, code), &given));
        assert_eq!(deletes(&verdict, Exchange), goes, "{code:?} {named} {verdict:?}");
    }
    let here = item(Task).marked(row_guid(1));
    let done = row(Task).status(1, 5).presence(Presence::LeftFilter);
    let verdict = world.decide(world.then(met_late(&world, &row(Task), &here, unread), &done));
    let status = writes(&verdict, Exchange, Field::TodoStatus);
    assert_eq!(status, Some(Some(Value::Todo(TodoStatus::Completed))), "{verdict:?}");
    assert!(cites(&verdict, rule::FILT_18) && cites(&verdict, rule::CONF_03));
}

/// A row and an item that were met while one of them could not be read.
fn met_late(world: &World, there: &Obs, here: &Obs, code: Option<Code>) -> Pairing {
    linking(world.linked(there, here), |link| {
        (link.state, link.agreed) = (LinkState::LeftAlone, PerSide::default());
        let trouble = |code| Trouble { code, parked: false, attempts: 1, since: now() };
        link.trouble = code.map(trouble);
    })
}

#[test]
fn filt_04_a_row_that_leaves_forgets_the_meeting_that_goes_and_no_other() {
    // The organizer's future meeting goes, and the row forgets its name; one that the row does not
    // name, or of which only a copy goes, it keeps.
    let world = World::new();
    let left = row(Appointment).uid("here").presence(Presence::LeftFilter);
    let forgets = |role, name: &str| {
        let pairing = world.linked(&row(Appointment).uid("here"), &item(Appointment).uid(name));
        let verdict = world.decide(world.then(in_role(pairing, role), &left));
        (deletes(&verdict, Exchange), writes(&verdict, Dynamics, Field::Uid).is_some())
    };
    assert_eq!(forgets(Role::Owner, "here"), (true, true));
    assert_eq!(forgets(Role::Owner, "elsewhere"), (true, false));
    for role in [Role::Follower, Role::Guest, Role::PrivateCopy] {
        let gone = world.linked(&row(Appointment).uid("here"), &item(Appointment).uid("here"));
        let gone = world.then(in_role(gone, role), &item(Appointment).gone());
        let verdict = world.decide(world.then(gone, &left));
        assert_eq!(verdict.after, After::Forgotten, "{role:?}");
        assert!(writes(&verdict, Dynamics, Field::Uid).is_none(), "{role:?} {verdict:?}");
    }
}
