//! What happens to the other half when a row leaves: who it belongs to now, what is still carried,
//! what loses its name, and what a tombstone waits for (ORG-03, CONT-07, FILT-02, FILT-18, CXL-06).

use crate::domain::field::Field;
use crate::domain::kind::Kind::{Appointment, Contact, Task};
use crate::domain::link::{LinkState, Role, Why};
use crate::domain::observation::Presence;
use crate::domain::side::Side::{Dynamics, Exchange};
use crate::engine::catalogue as rule;
use crate::engine::decide::After;
use crate::engine::testing::*;

#[test]
fn org_03_cont_07_a_row_that_is_handed_over_says_so() {
    // A meeting with another organizer; a contact with another owner, if it was tracked here.
    for (organizer, named) in [(SERVED, true), (ME, false)] {
        let world = World::new();
        let row = row(Appointment).organized_by(organizer).uid("u-1");
        let pairing = world.linked(&row, &item(Appointment).uid("u-1"));
        let verdict = world.decide(world.then(pairing, &row.presence(Presence::LeftFilter)));
        assert_eq!(cites(&verdict, rule::ORG_03), named, "{organizer:?}");
    }
    for (origin, owner, named) in
        [(Exchange, SERVED, true), (Exchange, ME, false), (Dynamics, SERVED, false)]
    {
        let world = World::new();
        let row = row(Contact).owned_by(owner);
        let pairing = linking(world.linked(&row, &item(Contact)), |link| link.origin = origin);
        let verdict = world.decide(world.then(pairing, &row.presence(Presence::LeftFilter)));
        assert_eq!(cites(&verdict, rule::CONT_07), named, "{origin:?} {owner:?}");
    }
}

#[test]
fn filt_02_a_meeting_that_left_loses_its_name_so_that_it_can_come_back() {
    // Only an open row that is still there and names a meeting; a task has no such name.
    let world = World::new();
    let left = |row: Obs, item: Obs, how: Presence| {
        let pairing = world.linked(&row, &item);
        world.decide(world.then(pairing, &row.presence(how)))
    };
    let named = || row(Appointment).uid("u-1");
    let event = || item(Appointment).uid("u-1");
    let unnamed = |verdict: &_| writes(verdict, Dynamics, Field::Uid) == Some(None);
    assert!(unnamed(&left(named(), event(), Presence::LeftFilter)));
    let bare = left(row(Appointment), event(), Presence::LeftFilter);
    assert!(bare.writes.dynamics.is_none(), "it has no name to lose");
    for state in [1, 2] {
        let closed = left(named().status(state, 3), event(), Presence::LeftFilter);
        assert!(closed.writes.dynamics.is_none(), "a closed row takes no change");
    }
    let pairing = world.linked(&named(), &event());
    let gone = world.decide(world.then(pairing, &named().gone()));
    assert!(gone.writes.dynamics.is_none(), "there is no row any more");
    let task = left(row(Task).uid("u-1"), item(Task), Presence::LeftFilter);
    assert!(task.writes.dynamics.is_none(), "a task has no identity of a meeting");
}

#[test]
fn filt_18_a_farewell_is_carried_only_by_who_may_write_and_mails_nobody() {
    // The last change reaches the task; it does not reach a meeting that others attend, an item of
    // another's, nor a field that was edited in Exchange, too.
    let world = World::with(|world| world.policy.settings.distinct_deletes = true);
    let leave = |kind, item: Obs, role| {
        let before = row(kind);
        let pairing = in_role(world.linked(&before, &item), role);
        let after = before.text(Field::Subject, "Last").presence(Presence::LeftFilter);
        world.decide(world.then(pairing, &after))
    };
    let said = |verdict: &_| writes(verdict, Exchange, Field::Subject).is_some();
    assert!(said(&leave(Task, item(Task), Role::Owner)));
    assert!(said(&leave(Appointment, item(Appointment), Role::Owner)));
    let invited = item(Appointment).invites(&["served@contoso.test"]);
    assert!(!said(&leave(Appointment, invited, Role::Owner)));
    assert!(!said(&leave(Appointment, item(Appointment), Role::Follower)));
    let pairing = world.linked(&row(Appointment), &item(Appointment));
    let guests = row(Appointment).invites(&["served@contoso.test"]);
    let invited = world.decide(world.then(pairing, &guests.presence(Presence::LeftFilter)));
    assert!(writes(&invited, Exchange, Field::RequiredAttendees).is_none());
    let pairing = world.linked(&row(Task), &item(Task));
    let pairing = world.then(pairing, &item(Task).text(Field::Subject, "Mine"));
    let after = row(Task).text(Field::Subject, "Last").presence(Presence::LeftFilter);
    assert!(!said(&world.decide(world.then(pairing, &after))));
}

#[test]
fn link_03_an_adoption_cut_short_is_not_marked_where_that_would_mail() {
    // The marker that is owed is put on one's own item without attendees, on no other.
    let world = World::with(|world| world.policy.settings.distinct_deletes = true);
    for (item, role, marked) in [
        (item(Appointment), Role::Owner, true),
        (item(Appointment).invites(&["served@contoso.test"]), Role::Owner, false),
        (item(Appointment), Role::Guest, false),
    ] {
        let pairing = world.linked(&row(Appointment), &item);
        let pairing = in_state(in_role(pairing, role), LinkState::Creating(Exchange));
        let verdict =
            world.decide(world.then(pairing, &row(Appointment).presence(Presence::LeftFilter)));
        assert_eq!(verdict.writes.exchange.is_some(), marked, "{role:?}");
    }
}

#[test]
fn conf_04_a_tombstone_is_kept_until_its_item_is_gone_and_no_longer() {
    // Both gone: forgotten. The item alone gone: forgotten if the row was, else kept as deleted in
    // Exchange. The row alone gone: it will not come back, whatever dissolved the pair.
    let world = World::new();
    let judged = |why, row_gone: bool, item_gone: bool| {
        let pairing = in_state(world.linked(&row(Task), &item(Task)), LinkState::Unlinked(why));
        let pairing = if row_gone { world.then(pairing, &row(Task).gone()) } else { pairing };
        let pairing = if item_gone { world.then(pairing, &item(Task).gone()) } else { pairing };
        world.decide(pairing).after
    };
    for why in [Why::LeftFilter, Why::Untracked, Why::MovedAway, Why::RowGone] {
        assert_eq!(judged(why, true, true), After::Forgotten, "{why:?}");
        assert_eq!(judged(why, true, false), After::Unlinked(Why::RowGone), "{why:?}");
        let kept = if why == Why::RowGone { After::Forgotten } else { After::DeletedInExchange };
        assert_eq!(judged(why, false, true), kept, "{why:?}");
    }
}

#[test]
fn filt_02_a_pair_is_joined_again_only_when_both_halves_were_read() {
    // The row matches again. Its item was read: joined. It was not: nothing is written yet.
    for read in [true, false] {
        let world = World::new();
        let state = LinkState::Unlinked(Why::LeftFilter);
        let mut pairing = in_state(world.linked(&row(Task), &item(Task)), state);
        pairing = world.then(pairing, &row(Task).text(Field::Subject, "Back"));
        if !read {
            pairing.seen.exchange = None;
        }
        let verdict = world.decide(pairing);
        assert_eq!(verdict.writes.exchange.is_some(), read);
        let left = After::Unlinked(Why::LeftFilter);
        assert_eq!(verdict.after, if read { After::Agreed } else { left });
    }
}
