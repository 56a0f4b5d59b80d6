//! Two items that become a pair: what is known of each since it was made, and who has edited what
//! (CONF-03, ADDR-04).

use crate::domain::code::Code;
use crate::domain::field::{Field, Value};
use crate::domain::fingerprint::Prints;
use crate::domain::kind::Kind::{Contact, Task};
use crate::domain::link::LinkState;
use crate::domain::plan::Verb;
use crate::domain::policy::ConflictPolicy;
use crate::domain::side::Side::{self, Dynamics, Exchange};
use crate::engine::catalogue as rule;
use crate::engine::decide::Verdict;
use crate::engine::matching::Pairing;
use crate::engine::testing::*;

/// A pair of which one half was made from the other without an answer, so that only the source's
/// former state is known; then both are read.
fn made(world: &World, on: Side, then: (&Obs, &Obs)) -> Pairing {
    let (there, here) = (row(Task), item(Task).marked(row_guid(1)));
    let pairing = in_state(world.linked(&there, &here), LinkState::Creating(on));
    let pairing = linking(pairing, |link| link.agreed.set(on, Prints::default()));
    world.then(world.then(pairing, then.0), then.1)
}

fn named(obs: Obs, text: &str) -> Obs {
    obs.text(Field::Subject, text)
}

fn subject(verdict: &Verdict, side: Side) -> Option<String> {
    match writes(verdict, side, Field::Subject)? {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    }
}

#[test]
fn conf_03_after_a_create_without_an_answer_each_side_keeps_its_edits() {
    // The source knows its own edits; what else differs was edited where the item was made. Only an
    // edit that may replace another one is told.
    for policy in [ConflictPolicy::Dynamics, ConflictPolicy::Exchange] {
        let world = World::with(|world| world.policy.conflict = policy);
        let here = || item(Task).marked(row_guid(1));
        let new = |obs| named(obs, "New");
        for (on, there, here, to, told) in [
            (Exchange, row(Task), here(), None, false),
            (Exchange, new(row(Task)), here(), Some(Exchange), true),
            (Exchange, row(Task), new(here()), Some(Dynamics), false),
            (Dynamics, row(Task), here(), None, false),
            (Dynamics, row(Task), new(here()), Some(Dynamics), true),
            (Dynamics, new(row(Task)), here(), Some(Exchange), false),
        ] {
            let verdict = world.decide(made(&world, on, (&there, &here)));
            let case = format!("{policy:?} {on:?} {to:?}");
            for side in Side::BOTH {
                let expected = (to == Some(side)).then(|| "New".to_owned());
                assert_eq!(subject(&verdict, side), expected, "{case} {side:?}");
            }
            assert_eq!(cites(&verdict, rule::CONF_03), told, "{case}");
            let code = told.then_some(Code::ConflictResolved);
            assert_eq!(verdict.decision.code, code, "{case}");
            if to.is_none() {
                assert_eq!(verdict.decision.verb, Verb::Link, "{case}");
            }
        }
    }
}

#[test]
fn conf_03_what_both_sides_know_has_a_rival_only_where_both_edited() {
    // Both former states are known: the edit of one side goes across untold, edits of both are told.
    let world = World::new();
    let here = || item(Task).marked(row_guid(1));
    let creating = |there: &Obs, here: &Obs| {
        let pair = world.linked(&row(Task), &item(Task).marked(row_guid(1)));
        world.then(world.then(in_state(pair, LinkState::Creating(Exchange)), there), here)
    };
    for (there, here, to, told) in [
        (named(row(Task), "New"), here(), Some(Exchange), false),
        (row(Task), named(here(), "New"), Some(Dynamics), false),
        (named(row(Task), "New"), named(here(), "Newer"), Some(Exchange), true),
    ] {
        let verdict = world.decide(creating(&there, &here));
        for side in Side::BOTH {
            assert_eq!(subject(&verdict, side).is_some(), to == Some(side), "{to:?} {side:?}");
        }
        assert_eq!(cites(&verdict, rule::CONF_03), told, "{to:?}");
    }
}

#[test]
fn conf_03_a_pair_that_comes_back_was_not_made_and_knows_no_edits() {
    // The sides may have differed when it ended: what differs now is decided by the policy and told,
    // whatever was agreed once.
    let world = World::new();
    let parted = LinkState::Unlinked(crate::domain::link::Why::MovedAway);
    let pair = in_state(world.linked(&row(Task), &item(Task)), parted);
    let verdict = world.decide(world.then(pair, &named(item(Task), "New")));
    assert_eq!(subject(&verdict, Exchange).as_deref(), Some("Call back"));
    assert!(subject(&verdict, Dynamics).is_none() && cites(&verdict, rule::CONF_03));
}

#[test]
fn addr_04_the_first_agreement_in_the_new_mode_says_where_each_address_comes_from() {
    // What only one side holds goes to the other; what both hold comes from Dynamics.
    let here = || item(Contact).marked(row_guid(1));
    for (there, here, to) in [
        (None, None, None),
        (Some("Bergen"), None, Some(Exchange)),
        (None, Some("Turku"), Some(Dynamics)),
        (Some("Bergen"), Some("Turku"), Some(Exchange)),
    ]
    .map(|(there, item, to)| {
        let with = |obs: Obs, city: Option<&str>| match city {
            Some(city) => obs.text(Field::City2, city),
            None => obs,
        };
        (with(row(Contact), there), with(here(), item), to)
    }) {
        let old = World::new();
        let three = World::with(|world| world.policy.settings.three_addresses = true);
        let pairing = old.linked(&there, &here);
        let pairing = three.then(three.then(pairing, &there), &here);
        let verdict = three.decide(pairing);
        for side in Side::BOTH {
            let written = writes(&verdict, side, Field::City2).is_some_and(|value| value.is_some());
            assert_eq!(written, to == Some(side), "{to:?} {side:?}");
        }
        assert!(cites(&verdict, rule::ADDR_04), "{to:?}");
    }
}

#[test]
fn addr_04_a_mailing_address_that_exchange_lacks_is_pushed_and_no_other_is() {
    // The switch also fills an empty mailing address; one that Exchange holds follows the usual rules.
    let old = World::new();
    let three = World::with(|world| world.policy.settings.three_addresses = true);
    for (there, here, pushed) in
        [(true, false, true), (true, true, false), (false, true, false), (false, false, false)]
    {
        let with = |obs: Obs, holds: bool| if holds { obs } else { obs.without(Field::City1) };
        let there = with(row(Contact), there);
        let here = with(item(Contact).marked(row_guid(1)), here);
        let pairing = three.then(three.then(old.linked(&there, &here), &there), &here);
        let verdict = three.decide(pairing);
        let written = writes(&verdict, Exchange, Field::City1).is_some_and(|value| value.is_some());
        assert_eq!(written, pushed, "{:?}", verdict.writes);
    }
}
