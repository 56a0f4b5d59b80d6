//! Items of which nothing can be decided: what was read does not fit, could not be read, or is still
//! to be read (ERR-02). They stay as they are on both sides, and their mailbox goes on.

use super::{After, Verdict, is_foreign, leave, verdict};
use crate::domain::code::Code;
use crate::domain::link::{Link, LinkState, Trouble};
use crate::domain::observation::Presence;
use crate::domain::plan::Verb;
use crate::domain::side::{PerSide, Side};
use crate::engine::catalogue as rule;
use crate::engine::matching::Pairing;
use crate::engine::normalise::Seen;

/// A pair of which something is still to be read: nothing is decided, the next cycle reads both
/// halves first (ERR-02).
#[must_use]
pub fn unfinished(link: Link) -> Verdict {
    let pairing = Pairing { link: Some(link), seen: PerSide::default(), copy: false };
    let code = Code::ReadUnfinished;
    leave(pairing, After::Unsettled(code), rule::ERR_02, code)
}

/// A pairing whose decision hit a defect: it stays as it is on both sides, and the others go on
/// (ERR-02).
#[must_use]
pub fn undecided(pairing: Pairing) -> Verdict {
    if is_foreign(&pairing) {
        return verdict(pairing, After::Nothing, Verb::LeaveAlone, &[rule::LINK_02]);
    }
    not_fit(pairing, Code::ItemUndecided)
}

/// Returns why an item cannot be synchronized at all. Of what could not be read nobody knows whether
/// it left its filter either.
pub(super) fn unfit(pairing: &Pairing) -> Option<Code> {
    let unread = |code| matches!(code, Code::ItemUnreadable | Code::ItemUndecided);
    let here = |seen: &&Seen| {
        let observation = &seen.observation;
        observation.presence == Presence::Present || observation.unfit.is_some_and(unread)
    };
    Side::BOTH
        .into_iter()
        .filter_map(|side| pairing.seen.get(side).as_ref())
        .filter(here)
        .find_map(|seen| seen.observation.unfit)
}

/// An item that does not fit stays as it is on both sides (ERR-02).
pub(super) fn not_fit(pairing: Pairing, code: Code) -> Verdict {
    let after =
        match pairing.link.as_ref().map(|link| link.state) {
            Some(LinkState::Agreed) => After::Unsettled(code),
            // A reply that was at fault must not make a pair forget what it was.
            Some(
                LinkState::Creating(_) | LinkState::Unlinked(_) | LinkState::DeletedInExchange,
            ) if Trouble::is_of_the_reply(code) => After::Unsettled(code),
            Some(_) | None => After::LeftAlone(code),
        };
    leave(pairing, after, rule::ERR_02, code)
}
