//! What each fact says of a pairing, in words.

use crate::domain::code::Code;
use crate::domain::fact::{FactName as N, FactValue};
use crate::domain::field::{Field, Group, TodoStatus};
use crate::domain::ids::UserId;
use crate::domain::kind::Kind::{Appointment, Task};
use crate::domain::link::{LinkState, Role, Trouble, Why};
use crate::domain::observation::Presence;
use crate::domain::party::Strangers;
use crate::domain::side::Side::{Dynamics, Exchange};
use crate::engine::decide::Verdict;
use crate::engine::facts::{of_link, presence_word, state_word, value};
use crate::engine::matching::Pairing;
use crate::engine::testing::*;

fn said(world: &World, verdict: &Verdict, name: N) -> Option<FactValue> {
    value(name, verdict, &world.context())
}

fn of(world: &World, pairing: Pairing, name: N) -> Option<FactValue> {
    said(world, &world.decide(pairing), name)
}

fn word(text: &'static str) -> Option<FactValue> {
    Some(FactValue::Word(text.into()))
}

#[test]
fn who_organizes_is_said_by_his_relation_to_the_mailbox() {
    // The user, a colleague whose mailbox takes part or does not, nobody: never a name.
    let world = World::new();
    let organized = |user: Option<UserId>| {
        let row = row(Appointment).row_facts(|facts| facts.organizer = user);
        of(&world, world.alone(&row), N::RowOrganizer)
    };
    assert_eq!(organized(Some(ME)), word("the mailbox's user"));
    assert_eq!(organized(Some(SERVED)), word("another user whose mailbox takes part"));
    assert_eq!(organized(Some(UNSERVED)), word("a user whose mailbox does not take part"));
    assert_eq!(organized(None), word("nobody"));
    let held = |address: &str| {
        of(&world, world.alone(&item(Appointment).held_by(address)), N::ItemOrganizer)
    };
    assert_eq!(held("me@contoso.test"), word("the mailbox's user"));
    assert_eq!(held("served@contoso.test"), word("another user whose mailbox takes part"));
    assert_eq!(held("unserved@contoso.test"), word("a user whose mailbox does not take part"));
    assert_eq!(held("boss@elsewhere.test"), word("somebody outside"));
    let nobody = item(Appointment).item_facts(|facts| {
        (facts.is_organizer, facts.organizer) = (false, None);
    });
    assert_eq!(of(&world, world.alone(&nobody), N::ItemOrganizer), word("nobody"));
    assert_eq!(of(&world, world.alone(&row(Appointment)), N::ItemOrganizer), None);
    assert_eq!(of(&world, world.alone(&item(Appointment)), N::RowOrganizer), None);
}

#[test]
fn where_an_item_stands_is_said_with_what_is_known_of_it() {
    // Read: what the probe said. Not read: whether the link knows one.
    let world = World::new();
    for (presence, text) in [
        (Presence::Present, "there"),
        (Presence::LeftFilter, "there, no filter returns it"),
        (Presence::Unreadable, "there, the user may not read it"),
        (Presence::Deleted, "gone"),
        (Presence::MovedAway, "in another folder"),
    ] {
        assert_eq!(presence_word(presence), text);
        let there = row(Task).presence(presence);
        assert_eq!(of(&world, world.met(&there, &item(Task)), N::Row), word(text));
    }
    let mut unread = world.linked(&row(Task), &item(Task));
    unread.seen.exchange = None;
    assert_eq!(of(&world, unread, N::Item), word("known, not read"));
    assert_eq!(of(&world, world.alone(&row(Task)), N::Item), word("none"));
}

#[test]
fn how_a_half_differs_from_the_agreement_is_said() {
    // As agreed, changed in some groups, new, gone: each in its words, and the groups only of what was compared.
    let world = World::new();
    let pair = || world.linked(&row(Task), &item(Task));
    let other = row(Task).text(Field::Subject, "Other");
    let left = row(Task).presence(Presence::LeftFilter);
    let hidden = row(Task).presence(Presence::Unreadable);
    for (pairing, stands, groups) in [
        (pair(), "as agreed", Some(vec![])),
        (world.then(pair(), &other), "changed", Some(vec![Group::Subject])),
        (world.met(&row(Task), &item(Task)), "nothing was agreed yet", None),
        (world.alone(&item(Task)), "there is none", None),
        (world.then(pair(), &left), "left the filter", None),
        (world.then(pair(), &hidden), "no longer readable", None),
        (world.then(pair(), &row(Task).gone()), "gone", None),
        (world.then(pair(), &row(Task).presence(Presence::MovedAway)), "in another folder", None),
    ] {
        assert_eq!(of(&world, pairing.clone(), N::RowStands), word(stands));
        assert_eq!(of(&world, pairing, N::RowChanged), groups.map(FactValue::Groups), "{stands}");
    }
}

#[test]
fn what_is_written_and_mailed_is_said() {
    // The groups of a write; how many Exchange mails; nothing where nothing is written.
    let world = World::new();
    let guest = ["a@guest.test", "b@guest.test"];
    let (there, here) = (row(Appointment).invites(&guest), item(Appointment).invites(&guest));
    let pair = world.linked(&there, &here);
    assert_eq!(of(&world, pair.clone(), N::Writes), None);
    assert_eq!(of(&world, pair.clone(), N::Mails), None);
    let other = world.then(pair, &there.text(Field::Subject, "Other"));
    let groups = FactValue::Groups(vec![Group::Subject]);
    assert_eq!(of(&world, other.clone(), N::Writes), Some(groups));
    assert_eq!(of(&world, other, N::Mails), Some(FactValue::Count(2)));
    let task =
        world.then(world.linked(&row(Task), &item(Task)), &row(Task).text(Field::Subject, "x"));
    assert_eq!(of(&world, task, N::Mails), Some(FactValue::Count(0)));
}

#[test]
fn times_and_states_are_said_of_the_item_first() {
    // ORG-06: the item's start counts; now is not in the future. Each state of a row has a word.
    let world = World::new();
    let met = |there, here| world.met(&row(Appointment).at(there), &item(Appointment).at(here));
    let future = |start| of(&world, met(hours(-9), start), N::Future);
    assert_eq!(of(&world, met(hours(1), hours(2)), N::Start), Some(FactValue::Time(hours(2))));
    let alone = world.alone(&row(Appointment).at(hours(1)));
    assert_eq!(of(&world, alone, N::Start), Some(FactValue::Time(hours(1))));
    for (start, ahead) in [(seconds(1), true), (seconds(0), false), (seconds(-1), false)] {
        assert_eq!(future(start), Some(FactValue::Flag(ahead)), "{start}");
    }
    for (state, text) in
        [(0, "open"), (1, "completed"), (2, "canceled"), (3, "scheduled"), (4, "other")]
    {
        let there = world.alone(&row(Appointment).status(state, 1));
        assert_eq!(of(&world, there, N::RowState), word(text));
    }
    for (status, done) in [(TodoStatus::Completed, true), (TodoStatus::InProgress, false)] {
        let here = world.alone(&item(Task).todo(status));
        assert_eq!(of(&world, here, N::ItemCompleted), Some(FactValue::Flag(done)));
    }
}

#[test]
fn roles_wishes_and_links_have_their_words() {
    // Each role, each wish for strangers and each state of a link is told apart.
    let world = World::new();
    for (role, text) in [
        (Role::Owner, "writes both ways"),
        (Role::Follower, "attends; the organizer's mailbox takes part"),
        (Role::Guest, "attends; organized elsewhere"),
        (Role::PrivateCopy, "has a silent copy"),
    ] {
        let verdict = world.decide(world.alone(&row(Task))).with_role(role);
        assert_eq!(said(&world, &verdict, N::Role), word(text));
    }
    for (wish, text) in [
        (Strangers::Addresses, "nothing"),
        (Strangers::Contacts, "contacts"),
        (Strangers::Leads, "leads"),
    ] {
        let world = World::with(|world| world.mailbox.personal.strangers = wish);
        assert_eq!(of(&world, world.alone(&row(Task)), N::Strangers), word(text));
    }
    for (state, text) in [
        (LinkState::Creating(Dynamics), "a row is being created"),
        (LinkState::Creating(Exchange), "an item is being created"),
        (LinkState::Agreed, "linked"),
        (LinkState::Unlinked(Why::LeftFilter), "unlinked: the row left the filter"),
        (LinkState::Unlinked(Why::RowGone), "unlinked: the row is gone"),
        (LinkState::Unlinked(Why::Untracked), "unlinked: the category was removed"),
        (LinkState::Unlinked(Why::MovedAway), "unlinked: the item was moved"),
        (LinkState::DeletedInExchange, "deleted in Exchange, kept in Dynamics"),
        (LinkState::LeftAlone, "left alone"),
    ] {
        assert_eq!(state_word(state), text);
        let mut link = world.linked(&row(Task), &item(Task)).link.unwrap();
        link.state = state;
        let facts = of_link(&link);
        assert!(
            facts.iter().any(|one| one.name == N::Link && Some(&one.value) == word(text).as_ref())
        );
        assert!(facts.iter().all(|one| one.name != N::Trouble));
        let code = Code::ResultUnknown;
        link.trouble = Some(Trouble { code, parked: false, attempts: 2, since: now() });
        let facts = of_link(&link);
        assert!(
            facts.iter().any(|one| one.name == N::Attempts && one.value == FactValue::Count(2))
        );
    }
}

#[test]
fn res_03_people_that_are_made_are_told_with_the_entry() {
    // Each new row of a stranger is a fact of the entry that names him.
    use crate::domain::party::{NewPerson, PartyRow, PartyTable};
    let world = World::new();
    let mut entry = world.plan(vec![world.alone(&row(Task))]).entries.remove(0);
    let names = |entry: &_| {
        let all = crate::engine::facts::of_entry(entry, &world.context());
        all.into_iter()
            .filter(|one| one.name == N::NewPerson)
            .map(|one| one.value)
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&entry), []);
    let row = PartyRow { table: PartyTable::Contact, id: row_guid(7) };
    let address = address("a@guest.test");
    entry.people = vec![NewPerson { row, address, first: None, last: "A".to_owned() }];
    assert_eq!(names(&entry), [FactValue::Id(row_guid(7))]);
}
