//! Dissolved pairs: what brings one back, and what never does.

use super::{After, Standing, Verdict, item_facts, leave, merge, verdict};
use crate::domain::code::Code;
use crate::domain::link::{Role, Why};
use crate::domain::observation::Presence;
use crate::domain::plan::Verb;
use crate::domain::policy::Context;
use crate::domain::rule::RuleId;
use crate::domain::side::PerSide;
use crate::engine::catalogue as rule;
use crate::engine::matching::Pairing;

/// A pair that was dissolved while the Exchange item stayed.
pub(super) fn unlinked(
    pairing: Pairing,
    why: Why,
    standing: &PerSide<Standing>,
    context: &Context<'_>,
) -> Verdict {
    use Standing as S;
    let row_here = matches!(standing.dynamics, S::New | S::Same | S::Changed(_));
    let item_here = matches!(standing.exchange, S::New | S::Same | S::Changed(_));
    let both_seen = pairing.seen.dynamics.is_some() && pairing.seen.exchange.is_some();
    match (&standing.dynamics, &standing.exchange) {
        // The tombstone may go only when the item is gone: before that its marker would make the
        // row again (no resurrected delete).
        (S::Deleted, S::Deleted) => {
            verdict(pairing, After::Forgotten, Verb::Forget, &[rule::FILT_05])
        }
        (_, S::Deleted) if why == Why::RowGone => {
            verdict(pairing, After::Forgotten, Verb::Forget, &[rule::FILT_05])
        }
        // CONT-10: what the user deleted in Exchange is not made again.
        (_, S::Deleted) => {
            leave(pairing, After::DeletedInExchange, rule::CONT_10, Code::NotRecreated)
        }
        _ if row_here && item_here && both_seen && returns(&pairing, why) => {
            let role = pairing
                .link
                .as_ref()
                .map_or_else(|| super::role_in(&pairing, context), |it| it.role);
            merge::decide(pairing, role, context)
        }
        // The row will not come back; it need not be looked for again.
        (S::Deleted, _) => {
            verdict(pairing, After::Unlinked(Why::RowGone), Verb::LeaveAlone, &[rule::FILT_05])
        }
        _ => verdict(pairing, After::Unlinked(why), Verb::LeaveAlone, &[stays(why)]),
    }
}

/// The rule by which a pair stays dissolved, whose advice says what brings it back.
const fn stays(why: Why) -> RuleId {
    match why {
        Why::LeftFilter => rule::FILT_05,
        Why::RowGone => rule::CXL_06,
        Why::Untracked => rule::LINK_06,
        Why::MovedAway => rule::CXL_12,
    }
}

/// Tells whether what dissolved the pair no longer holds.
fn returns(pairing: &Pairing, why: Why) -> bool {
    match why {
        Why::LeftFilter => pairing
            .seen
            .dynamics
            .as_ref()
            .is_some_and(|row| row.observation.presence == Presence::Present),
        Why::Untracked => item_facts(pairing).tracked,
        Why::MovedAway => true,
        Why::RowGone => false,
    }
}

/// A row whose item was deleted in Exchange and that was kept (CONT-10).
pub(super) fn deleted(
    pairing: Pairing,
    standing: &PerSide<Standing>,
    context: &Context<'_>,
) -> Verdict {
    let here = |standing: &Standing| {
        matches!(standing, Standing::New | Standing::Same | Standing::Changed(_))
    };
    let back = pairing.seen.exchange.is_some() && here(&standing.exchange);
    if back && pairing.seen.dynamics.is_some() && here(&standing.dynamics) {
        // COPY-03: somebody restored it, or a copy of it is all that is left.
        let role = pairing.link.as_ref().map_or(Role::Owner, |link| link.role);
        let mut verdict = merge::decide(pairing, role, context);
        verdict.decision.rules.insert(0, rule::COPY_03);
        return verdict;
    }
    match standing.dynamics {
        Standing::Deleted => verdict(pairing, After::Forgotten, Verb::Forget, &[rule::FILT_05]),
        Standing::None
        | Standing::Same
        | Standing::Changed(_)
        | Standing::New
        | Standing::LeftFilter
        | Standing::Unreadable
        | Standing::MovedAway => {
            leave(pairing, After::DeletedInExchange, rule::CONT_10, Code::NotRecreated)
        }
    }
}
