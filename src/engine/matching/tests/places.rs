//! Where an item goes when another one stands in its place (COPY-01, COPY-03, CXL-12, ORG-03).

use super::{both, link, paired};
use crate::domain::kind::Collection;
use crate::domain::kind::Kind::{Appointment, Task};
use crate::domain::link::LinkState;
use crate::domain::observation::Presence;
use crate::domain::side::Side::{Dynamics, Exchange};
use crate::engine::matching::Index;
use crate::engine::testing::*;

#[test]
fn link_01_an_index_leads_from_an_item_to_its_link() {
    // By side, collection and id; the links themselves are those that were given.
    let links = [link(Task)];
    let index = Index::new(World::new().mailbox.key.mailbox, &links);
    assert_eq!(index.links(), &links);
    let id = links[0].native.exchange.clone().unwrap();
    assert_eq!(index.of_item(Exchange, Collection::Tasks, &id), Some(&links[0]));
    assert_eq!(index.of_item(Dynamics, Collection::Tasks, &id), None);
    assert_eq!(index.of_item(Exchange, Collection::Contacts, &id), None);
    assert_eq!(index.of_id(links[0].id), Some(&links[0]));
}

#[test]
fn copy_03_an_item_takes_the_place_of_one_that_is_gone_and_of_no_other() {
    // With the linked item gone, another one with its marker is it; else it is a copy.
    let links = [link(Task)];
    let other = || item(Task).id("item-0").marked(row_guid(1));
    for (own, copies) in [
        (Some(item(Task).gone()), 0),
        (Some(item(Task)), 1),
        (Some(item(Task).presence(Presence::MovedAway)), 1),
        (None, 1),
    ] {
        let seen: Vec<Obs> = own.into_iter().chain([other(), row(Task)]).collect();
        let found = paired(&links, &seen);
        let apart = found.iter().filter(|one| one.copy).count();
        assert_eq!(apart, copies, "{found:?}");
        if copies == 0 {
            assert!(found.len() == 1 && both(&found[0]));
            let at = &found[0].seen.exchange.as_ref().unwrap().observation;
            assert_eq!(at.id.as_str(), "item-0");
        }
    }
}

#[test]
fn copy_01_of_two_items_with_one_marker_only_one_is_the_pair() {
    // The link knows no item yet: the first takes the place, the second is set apart, whether or not the
    // first is the one that the row names.
    let waiting = || {
        let mut waiting = link(Appointment);
        waiting.native.exchange = None;
        waiting.state = LinkState::Creating(Exchange);
        waiting.uid = None;
        waiting
    };
    let first = || item(Appointment).id("item-1").marked(row_guid(1)).uid("one");
    let second = || item(Appointment).id("item-2").marked(row_guid(1)).uid("two");
    for (named, kept) in [("one", "item-1"), ("two", "item-2")] {
        let row = row(Appointment).uid(named);
        let found = paired(&[waiting()], &[first(), second(), row]);
        let pair = found.iter().find(|one| one.link.is_some()).unwrap();
        let at = &pair.seen.exchange.as_ref().unwrap().observation;
        assert_eq!(at.id.as_str(), kept, "the meeting that the row names is the original");
        assert_eq!(found.iter().filter(|one| one.copy).count(), 1);
    }
    let gone =
        paired(&[waiting()], &[first().gone().marked(row_guid(1)), second(), row(Appointment)]);
    let pair = gone.iter().find(|one| one.link.is_some()).unwrap();
    let at = &pair.seen.exchange.as_ref().unwrap().observation;
    assert_eq!((at.id.as_str(), gone.iter().filter(|one| one.copy).count()), ("item-2", 0));
}

#[test]
fn org_03_what_a_create_made_comes_before_the_meeting_that_its_row_names() {
    // The create got no answer and its row names another meeting by now: the made one is the pair. Of a
    // pair that was one, the meeting that the row names is.
    let mut making = link(Appointment);
    making.native.exchange = None;
    making.uid = None;
    for (state, kept) in [(LinkState::Creating(Exchange), "item-2"), (LinkState::Agreed, "item-1")]
    {
        making.state = state;
        let made = item(Appointment).id("item-2").marked(row_guid(1)).uid("made");
        let named = item(Appointment).id("item-1").uid("named");
        let found = paired(&[making.clone()], &[named, made, row(Appointment).uid("named")]);
        let pair = found.iter().find(|one| one.link.is_some()).unwrap();
        let at = pair.seen.exchange.as_ref().map(|seen| seen.observation.id.as_str().to_owned());
        assert_eq!(at.as_deref(), Some(kept), "{state:?}");
    }
}
