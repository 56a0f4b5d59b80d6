//! Tests of the matching: id, marker, meeting identity, copies.

mod places;

use crate::domain::code::Code;
use crate::domain::ids::{GlobalId, LinkId};
use crate::domain::kind::Kind::{Appointment, Contact, PhoneCall, Task};
use crate::domain::link::{Link, LinkState, Trouble};
use crate::domain::side::Side;
use crate::engine::matching::{Pairing, made_row, pair};
use crate::engine::testing::*;

fn paired(links: &[Link], seen: &[Obs]) -> Vec<Pairing> {
    let world = World::new();
    pair(world.mailbox.key.mailbox, links, seen.iter().map(|obs| world.seen(obs)).collect())
}

fn link(kind: crate::domain::kind::Kind) -> Link {
    World::new().linked(&row(kind), &item(kind)).link.unwrap()
}

fn both(pairing: &Pairing) -> bool {
    pairing.seen.dynamics.is_some() && pairing.seen.exchange.is_some()
}

#[test]
fn link_01_linked_items_meet_by_id() {
    // Row and item of one link are one pairing, and the link comes with it.
    let links = [link(Task)];
    let found = paired(&links, &[item(Task), row(Task)]);
    assert!(found.len() == 1 && both(&found[0]));
    assert_eq!(found[0].link.as_ref(), links.first());
}

#[test]
fn task_in_01_a_linked_item_is_of_its_rows_kind() {
    // The item of a phone call is a task to Exchange; the link knows better.
    let found = paired(&[link(PhoneCall)], &[item(Task)]);
    assert_eq!(found[0].kind(), PhoneCall);
}

#[test]
fn inv_7_an_item_that_could_not_be_read_at_first_meets_the_row_that_it_names() {
    // The link of the unread item has an id of its own and is seen with nothing any more. One that waits
    // for another reason stays, and so does one whose marker is that of a linked row.
    let marked = item(Task).marked(row_guid(1));
    let unread = |code| {
        let mut link = Link::new(LinkId(row_guid(2)), Task, Side::Exchange, LinkState::LeftAlone);
        link.native.exchange = Some(marked.0.id.clone());
        let since = now();
        link.trouble = Some(Trouble { code, parked: false, attempts: 0, since });
        link
    };
    let links = [unread(Code::ItemUnreadable)];
    let found = paired(&links, &[marked.clone(), row(Task)]);
    let pair = found.iter().find(|one| both(one)).unwrap();
    assert_eq!((pair.link.as_ref(), found.len()), (None, 2));
    let left = found.iter().find(|one| !both(one)).unwrap();
    assert_eq!(left.link.as_ref(), links.first());
    assert!(left.seen.dynamics.is_none() && left.seen.exchange.is_none());
    assert!(
        !paired(&[unread(Code::DuplicateFound)], &[marked.clone(), row(Task)]).iter().any(both)
    );
    let mut known = link(Task);
    known.native.exchange = None;
    let found = paired(&[unread(Code::ItemUnreadable), known], &[marked, row(Task)]);
    assert!(!found.iter().any(both));
}

#[test]
fn inv_7_a_marker_leads_to_the_row_without_a_link() {
    // When the store is lost, the marker names the row.
    let found = paired(&[], &[item(Contact).marked(row_guid(1)), row(Contact)]);
    assert!(found.len() == 1 && both(&found[0]) && found[0].link.is_none());
    let strangers = paired(&[], &[item(Contact).marked(row_guid(2)), row(Contact)]);
    assert_eq!(strangers.len(), 2);
}

#[test]
fn inv_7_a_row_meets_the_item_that_it_was_made_of_before_that_is_marked() {
    // The store was lost between the two. A marker says more, and two cannot have one row.
    let mailbox = World::new().mailbox.key.mailbox;
    let made = |obs: &Obs| made_row(mailbox, &obs.0).unwrap().0.to_string();
    for kind in [Contact, Task] {
        let here = item(kind);
        let there = row(kind).id(&made(&here));
        let found = paired(&[], &[here.clone(), there.clone()]);
        assert!(found.len() == 1 && both(&found[0]) && found[0].link.is_none());
        let marked = here.clone().marked(row_guid(2));
        assert_eq!(paired(&[], &[marked, there.clone()]).len(), 2);
        for id in ["item-0", "item-9"] {
            let named = item(kind).id(id).marked(made_row(mailbox, &here.0).unwrap().0);
            let found = paired(&[], &[named, here.clone(), there.clone()]);
            let pair = found.iter().find(|one| both(one)).unwrap();
            assert_eq!(pair.seen.exchange.as_ref().unwrap().observation.id.as_str(), id);
            assert_eq!(found.iter().filter(|one| one.copy).count(), 1);
        }
    }
    assert_eq!(made_row(mailbox, &item(Appointment).uid("u-1").0), None);
    assert_eq!(made_row(mailbox, &row(Task).0), None);
}

#[test]
fn appt_in_11_a_meeting_meets_its_row_by_identity() {
    // Equal identities pair, different ones do not.
    let found = paired(&[], &[item(Appointment).uid("u"), row(Appointment).uid("u")]);
    assert!(found.len() == 1 && both(&found[0]));
    assert_eq!(paired(&[], &[item(Appointment).uid("u"), row(Appointment).uid("v")]).len(), 2);
}

#[test]
fn appt_in_11_a_waiting_row_meets_its_invitation() {
    // A row left alone is linked when the invitation arrives, also if only now both tell the uid.
    for stored in [Some("u"), None] {
        let mut waiting = link(Appointment);
        waiting.state = LinkState::LeftAlone;
        waiting.native.exchange = None;
        waiting.uid = stored.map(GlobalId::new);
        let seen = [item(Appointment).uid("u"), row(Appointment).uid("u")];
        let found = paired(&[waiting], &seen);
        assert!(found.len() == 1 && both(&found[0]), "{stored:?}");
    }
}

#[test]
fn appt_in_11_identity_never_replaces_a_linked_item() {
    // A second event of the same identity does not enter a complete pair.
    let mut complete = link(Appointment);
    complete.uid = Some(GlobalId::new("u"));
    let second = item(Appointment).id("second").uid("u");
    let seen = [item(Appointment).uid("u"), second, row(Appointment).uid("u")];
    let found = paired(&[complete], &seen);
    assert_eq!(found.len(), 2);
    let linked = found.iter().find(|it| it.link.is_some()).unwrap();
    assert_eq!(linked.seen.exchange.as_ref().unwrap().observation.id.as_str(), "item-1");
}

#[test]
fn copy_01_a_second_item_with_the_marker_of_a_link_is_a_copy() {
    // The linked item stays in its pair, the other is set apart.
    let copy = item(Task).id("copy").marked(row_guid(1));
    let found = paired(&[link(Task)], &[copy, item(Task), row(Task)]);
    let copies: Vec<_> = found.iter().filter(|it| it.copy).collect();
    assert!(found.len() == 2 && copies.len() == 1 && copies[0].link.is_none());
}

#[test]
fn copy_01_without_a_store_one_of_two_marked_items_is_a_copy() {
    // Two items name one row: one becomes its half, the other no row of its own.
    let first = item(Task).marked(row_guid(1));
    let second = item(Task).id("item-2").marked(row_guid(1));
    let found = paired(&[], &[second, first, row(Task)]);
    assert_eq!(found.iter().filter(|it| both(it)).count(), 1);
    assert_eq!(found.iter().filter(|it| it.copy).count(), 1);
}

#[test]
fn copy_03_without_a_store_the_meeting_that_the_row_names_is_the_original() {
    // Of two events with one marker the one of the row's identity is its half, whatever the order.
    for (copy, original) in [("a", "b"), ("b", "a")] {
        let seen = [
            item(Appointment).id(copy).marked(row_guid(1)).uid("copied"),
            item(Appointment).id(original).marked(row_guid(1)).uid("u"),
            row(Appointment).uid("u"),
        ];
        let found = paired(&[], &seen);
        let pair = found.iter().find(|it| both(it)).unwrap();
        assert_eq!(pair.seen.exchange.as_ref().unwrap().observation.id.as_str(), original);
        assert_eq!(found.iter().filter(|it| it.copy).count(), 1);
    }
}

#[test]
fn copy_02_without_a_store_two_items_of_one_marker_meet_the_rows_of_their_identities() {
    // Whatever the order of their ids, and also when the original is gone.
    let own = || row(Appointment).id(&row_guid(2).to_string()).uid("copied");
    for (copy, original) in [("a", "b"), ("b", "a")] {
        let copy = || item(Appointment).id(copy).marked(row_guid(1)).uid("copied");
        let first = item(Appointment).id(original).marked(row_guid(1)).uid("u");
        let found = paired(&[], &[copy(), first, row(Appointment).uid("u"), own()]);
        let same = |it: &Pairing| {
            let uid = |side| it.seen.get(side).as_ref().and_then(|one| one.observation.uid.clone());
            uid(Side::Dynamics) == uid(Side::Exchange)
        };
        assert!(found.len() == 2 && found.iter().all(|it| same(it) && !it.copy), "{found:?}");
        let found = paired(&[], &[copy(), row(Appointment).uid("u"), own()]);
        let pair = found.iter().find(|it| both(it)).unwrap();
        assert!(found.len() == 2 && same(pair), "{found:?}");
    }
}

#[test]
fn org_03_what_a_create_without_an_answer_made_comes_before_what_the_row_names() {
    // The row names another organizer's meeting by now; the one with the marker is the link's item.
    let row = row(Appointment).uid("theirs");
    let made = item(Appointment).id("made").marked(row_guid(1)).uid("mine");
    let invitation = item(Appointment).id("invited").untracked().uid("theirs");
    let mut creating = link(Appointment);
    creating.state = LinkState::Creating(Side::Exchange);
    creating.native.exchange = None;
    let found = paired(&[creating], &[invitation, made, row]);
    let pair = found.iter().find(|pairing| both(pairing)).unwrap();
    assert_eq!(pair.seen.exchange.as_ref().unwrap().observation.id.as_str(), "made");
    assert_eq!((found.len(), pair.link.is_some()), (2, true));
}

#[test]
fn copy_02_a_copy_with_a_row_of_its_own_meets_it_by_identity() {
    // Its marker names the original's row, its identity its own.
    let own = row(Appointment).id(&row_guid(2).to_string()).uid("copied");
    let copy = item(Appointment).id("copy").marked(row_guid(1)).uid("copied");
    let found = paired(&[link(Appointment)], &[copy, own, row(Appointment), item(Appointment)]);
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|it| both(it) && !it.copy));
}

#[test]
fn link_03_a_lost_create_is_found_by_its_marker() {
    // The item of a create whose answer was lost joins the link that the marker names.
    let mut creating = link(Task);
    creating.state = LinkState::Creating(Side::Exchange);
    creating.native.exchange = None;
    assert_eq!(creating.id, LinkId(row_guid(1)));
    let found = paired(&[creating], &[item(Task).marked(row_guid(1)), row(Task)]);
    assert!(found.len() == 1 && both(&found[0]) && found[0].link.is_some());
}

#[test]
fn link_01_ids_of_different_collections_do_not_mix() {
    // An id says something only within its collection.
    let found = paired(&[link(Contact)], &[item(Task)]);
    assert!(found[0].link.is_none());
}
