//! Purge: what Lockstep ever wrote into one mailbox, and only that (OPS-01).
//!
//! An item that it made goes. An item that was there before loses category and marker. Nobody is
//! mailed unless the operator allows it, and Dynamics is not touched.

use std::collections::HashMap;

use uuid::Uuid;

use crate::domain::code::Code;
use crate::domain::ids::LinkId;
use crate::domain::link::{Link, LinkState};
use crate::domain::observation::Presence;
use crate::domain::plan::{MailClass, Verb};
use crate::domain::side::Side;
use crate::engine::catalogue as rule;
use crate::engine::decide::{
    After, Verdict, Write, attendee_count, fields, item_facts, leave, mails, verdict,
};
use crate::engine::matching::{Pairing, pair};
use crate::engine::normalise::Seen;

/// Decides for everything that was seen in a mailbox (`mailboxid`) and for every link that is remembered.
#[must_use]
pub fn purge(mailbox: Uuid, links: &[Link], seen: Vec<Seen>, allow_mail: bool) -> Vec<Verdict> {
    let holders = holders(&seen);
    let pairings = pair(mailbox, links, seen);
    pairings
        .into_iter()
        .map(|pairing| {
            let alone = marker(&pairing).is_none_or(|id| holders.get(&id) == Some(&1));
            one(pairing, alone, allow_mail)
        })
        .collect()
}

/// Returns how many items carry each marker.
fn holders(seen: &[Seen]) -> HashMap<LinkId, usize> {
    let mut holders = HashMap::new();
    let there = seen.iter().filter(|one| is_there(one));
    for id in there.filter_map(|one| one.observation.marker) {
        *holders.entry(id).or_insert(0) += 1;
    }
    holders
}

/// What was moved to another calendar or folder is still ours, and its id leads to it.
fn is_there(seen: &Seen) -> bool {
    match seen.observation.presence {
        Presence::Present | Presence::MovedAway => true,
        Presence::LeftFilter | Presence::Unreadable | Presence::Deleted => false,
    }
}

fn marker(pairing: &Pairing) -> Option<LinkId> {
    pairing.seen.exchange.as_ref()?.observation.marker
}

fn one(pairing: Pairing, alone: bool, allow_mail: bool) -> Verdict {
    let there = pairing.seen.exchange.as_ref().is_some_and(is_there);
    let linked = pairing.link.as_ref().is_some_and(|link| link.state != LinkState::LeftAlone);
    // A copy that a person made carries our marks, too. Which one is the copy is known by the link;
    // without one nothing of that marker is deleted.
    let ours = item_facts(&pairing).made && !pairing.copy && (alone || linked);
    let forget = |pairing| verdict(pairing, After::Forgotten, Verb::Forget, &[rule::OPS_01]);
    if !there || !(ours || marker(&pairing).is_some()) {
        return forget(pairing);
    }
    let mail = mail_of(&pairing);
    if mail != MailClass::Silent && !allow_mail {
        return leave(pairing, After::Forgotten, rule::OPS_01, Code::WouldMail);
    }
    let (verb, write) = if ours {
        (Verb::Delete(Side::Exchange), Write::Delete { mail })
    } else {
        (Verb::Unlink, Write::Unmark { mail })
    };
    verdict(pairing, After::Forgotten, verb, &[rule::OPS_01]).with_write(Side::Exchange, write)
}

/// Exchange mails the attendees of a meeting whatever its organizer writes (protocols A4).
fn mail_of(pairing: &Pairing) -> MailClass {
    if item_facts(pairing).is_organizer {
        mails(attendee_count(&fields(pairing, Side::Exchange)))
    } else {
        MailClass::Silent
    }
}

#[cfg(test)]
mod tests;
