//! Relink: what is remembered of a pair that was found by its markers alone.
//!
//! Where both sides agree, that is the agreement. Where they differ nobody knows who changed: the
//! groups count as changed on both sides, and the conflict policy decides in the next cycle.

use crate::domain::code::Code;
use crate::domain::field::Group;
use crate::domain::fingerprint::PrintKey;
use crate::domain::link::{Link, LinkState, Trouble};
use crate::domain::policy::Context;
use crate::domain::side::{PerSide, Side};
use crate::engine::fold::{LinkChange, fold};
use crate::engine::plan::Entry;

/// What one entry of a plan says about a link.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    /// The link is there already.
    Known,
    /// Both sides agree.
    Agreed(Box<Link>),
    /// They differ.
    Differing(Box<Link>),
    /// One item alone that is remembered.
    Alone(Box<Link>),
    /// The next cycle makes the partner, or the pair.
    Left,
    /// It is nobody's business.
    Nothing,
}

/// Returns what is to be remembered, without any write.
#[must_use]
pub fn find(entry: &Entry, key: &PrintKey, context: &Context<'_>) -> Found {
    if entry.verdict.pairing.link.is_some() {
        return Found::Known;
    }
    let writes = Side::BOTH.into_iter().any(|side| entry.steps.get(side).is_some());
    let LinkChange::Put(link) = fold(entry, &PerSide::default(), key, context) else {
        return if writes { Found::Left } else { Found::Nothing };
    };
    let pair = Side::BOTH.into_iter().all(|side| entry.verdict.pairing.seen.get(side).is_some());
    let groups = &entry.verdict.decision.groups;
    match (writes, pair && link.state == LinkState::Agreed) {
        (false, true) => Found::Agreed(link),
        (false, false) => Found::Alone(link),
        (true, true) if !groups.is_empty() => {
            Found::Differing(Box::new(differing(*link, groups, context)))
        }
        (true, _) => Found::Left,
    }
}

/// No hash of what a side holds now: so it differs from the agreement on both sides.
fn differing(mut link: Link, groups: &[Group], context: &Context<'_>) -> Link {
    for side in Side::BOTH {
        let prints = link.agreed.get_mut(side);
        for group in groups {
            let held = prints.get(*group).unwrap_or_default();
            prints.set(*group, Some(!held));
        }
    }
    let code = Code::DiffersAfterRelink;
    link.trouble = Some(Trouble { code, parked: false, attempts: 0, since: context.now });
    link
}

#[cfg(test)]
mod tests;
