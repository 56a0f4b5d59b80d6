//! Contacts: whose copy stays (CONT), which addresses flow (ADDR), a change of owner (FILT-07).

use crate::domain::field::{Field, Value};
use crate::domain::kind::Kind::Contact;
use crate::domain::link::Why;
use crate::domain::observation::Presence;
use crate::domain::plan::Verb;
use crate::domain::side::Side::{Dynamics, Exchange};
use crate::engine::catalogue as rule;
use crate::engine::decide::After;
use crate::engine::testing::*;

#[test]
fn cont_01_contacts_flow_both_ways() {
    // A matching row becomes a contact, a tracked contact becomes a row.
    let world = World::new();
    let there = world.decide(world.alone(&row(Contact)));
    let here = world.decide(world.alone(&item(Contact)));
    assert_eq!(there.decision.verb, Verb::Create(Exchange));
    assert_eq!(here.decision.verb, Verb::Create(Dynamics));
    assert!(cites(&there, rule::CONT_01) && cites(&here, rule::CONT_01));
}

#[test]
fn cont_02_cont_03_the_owners_own_copy_stays() {
    // A deleted row takes the copy of those who did not own it, by the owner last known.
    let world = World::new();
    for (owner, goes) in [(SERVED, true), (ME, false)] {
        let before = row(Contact).owned_by(owner);
        let pairing = world.linked(&before, &item(Contact));
        let verdict = world.decide(world.then(pairing, &before.gone()));
        assert_eq!(deletes(&verdict, Exchange), goes);
        assert!(cites(&verdict, if goes { rule::CONT_02 } else { rule::CONT_03 }));
    }
}

#[test]
fn cont_05_filt_07_a_new_owner_takes_the_contact_along() {
    // A row that left the filter is judged by its present owner: given away, the copy goes.
    let world = World::new();
    let pairing = world.linked(&row(Contact), &item(Contact));
    let given = row(Contact).owned_by(SERVED).presence(Presence::LeftFilter);
    let verdict = world.decide(world.then(pairing, &given));
    assert!(deletes(&verdict, Exchange) && verdict.after == After::Forgotten);
}

#[test]
fn cont_05_an_unknown_owner_is_the_one_last_known() {
    // When the row can no longer be read, the owner last seen decides.
    let world = World::new();
    let hidden = row(Contact).row_facts(|it| it.owner = None).presence(Presence::Unreadable);
    let verdict = world.decide(world.then(world.linked(&row(Contact), &item(Contact)), &hidden));
    assert!(!deletes(&verdict, Exchange));
}

#[test]
fn cont_06_a_deactivated_contact_stays_unlinked() {
    // The owner's row that left the filter keeps its copy; the pair is dissolved.
    let world = World::new();
    let left = row(Contact).presence(Presence::LeftFilter);
    let verdict = world.decide(world.then(world.linked(&row(Contact), &item(Contact)), &left));
    assert!(silent(&verdict) && cites(&verdict, rule::CONT_06));
    assert_eq!(verdict.after, After::Unlinked(Why::LeftFilter));
}

#[test]
fn cont_04_a_deleted_contact_takes_the_owners_row_with_it() {
    // Only the owner's delete reaches Dynamics, and never when the tenant keeps contacts.
    for (owner, keep, goes) in [(ME, false, true), (SERVED, false, false), (ME, true, false)] {
        let world = World::with(|world| world.policy.keep_contacts = keep);
        let pairing = world.linked(&row(Contact).owned_by(owner), &item(Contact));
        let verdict = world.decide(world.then(pairing, &item(Contact).gone()));
        assert_eq!(deletes(&verdict, Dynamics), goes, "{owner} {keep}");
        assert!(cites(&verdict, rule::CONT_04));
        assert_eq!(cites(&verdict, rule::CONT_10), !goes);
    }
}

#[test]
fn cont_10_what_was_deleted_in_exchange_is_not_made_again() {
    // The next edit of a row whose contact was deleted makes no new contact.
    use crate::domain::link::LinkState;
    let world = World::new();
    let mut pairing = world.linked(&row(Contact), &item(Contact));
    pairing.seen.exchange = None;
    let pairing = linking(pairing, |link| {
        link.state = LinkState::DeletedInExchange;
        link.native.exchange = None;
    });
    let changed = row(Contact).text(Field::JobTitle, "Head");
    let verdict = world.decide(world.then(pairing, &changed));
    assert!(silent(&verdict) && cites(&verdict, rule::CONT_10));
    assert_eq!(verdict.after, After::DeletedInExchange);
}

#[test]
fn addr_01_addr_02_addr_03_home_and_other_flow_only_in_three_address_mode() {
    // The mailing address flows always, the second and third address by the setting.
    for three in [false, true] {
        let world = World::with(|world| world.policy.settings.three_addresses = three);
        let pairing = world.linked(&row(Contact), &item(Contact));
        let changed = row(Contact)
            .text(Field::City1, "Bergen")
            .text(Field::City2, "Narva")
            .text(Field::City3, "Turku");
        let verdict = world.decide(world.then(pairing, &changed));
        let city = |field| writes(&verdict, Exchange, field);
        assert_eq!(city(Field::City1), Some(Some(Value::Text("Bergen".to_owned()))));
        assert_eq!(city(Field::City2).is_some(), three);
        assert_eq!(city(Field::City3).is_some(), three);
    }
}
