//! What keeps a defect in the handling of one item from stopping its mailbox: a panic of the pure
//! stages is caught, and the item is put aside with a code (ERR-02).
//!
//! The pure stages change nothing but their own values, so nothing is left half done. Absent: the
//! stages that act; a panic there ends the cycle.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::engine::decide::{self, Verdict};
use crate::engine::matching::Pairing;

/// Runs something about one item; nothing when it panicked.
pub(super) fn guarded<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}

/// Decides for each pairing. Only after a panic each one is decided by itself; `again` makes the
/// pairings anew then, so that the usual way needs no copies.
pub(super) fn decide_each(
    pairings: Vec<Pairing>,
    again: impl FnOnce() -> Vec<Pairing>,
    decide: impl Fn(Pairing) -> Verdict,
) -> Vec<Verdict> {
    let all = || pairings.into_iter().map(&decide).collect();
    guarded(all).unwrap_or_else(|| again().into_iter().map(|one| alone(one, &decide)).collect())
}

fn alone(pairing: Pairing, decide: &impl Fn(Pairing) -> Verdict) -> Verdict {
    let copy = pairing.clone();
    guarded(|| decide(copy)).unwrap_or_else(|| {
        tracing::error!("the decision about an item hit a defect; the item is put aside");
        decide::undecided(pairing)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cycle::tests::fakes::World;
    use crate::domain::code::Code;
    use crate::domain::link::LinkState;
    use crate::domain::plan::Verb;
    use crate::domain::side::Side;
    use crate::engine::decide::After;
    use crate::engine::matching::pair;

    #[tokio::test]
    async fn err_02_a_defect_in_one_decision_leaves_that_item_alone() {
        // The decision about one of three rows panics: it waits with a code, the others are decided.
        let world = World::new();
        for subject in ["Call Anna", "Call Bert", "Call Carl"] {
            world.dynamics.add(subject);
        }
        let (context, state) = (world.context(), world.state().await);
        let memory = crate::cycle::memory::Memory::read(&context, state);
        let pulled = crate::cycle::gather::pull(&context, &memory, None).await.unwrap();
        let seen: Vec<_> =
            pulled.dynamics.observations.into_iter().map(|one| context.comparable(one)).collect();
        let bad = seen[1].observation.id.clone();
        let nobody = crate::cycle::Resolved::default();
        let engine = context.engine(&nobody);
        let decide = |pairing: Pairing| {
            let row = pairing.seen.get(Side::Dynamics).as_ref().unwrap();
            assert_ne!(row.observation.id, bad, "a defect");
            decide::decide(pairing, &engine)
        };
        let again = || pair(context.mailbox.key.mailbox, &[], seen.clone());
        let verdicts = decide_each(again(), again, decide);
        let left: Vec<_> = verdicts
            .iter()
            .filter(|one| one.after == After::LeftAlone(Code::ItemUndecided))
            .map(|one| one.pairing.seen.dynamics.as_ref().unwrap().observation.id.clone())
            .collect();
        assert_eq!(left, [bad]);
        let made = verdicts.iter().filter(|it| it.decision.verb == Verb::Create(Side::Exchange));
        assert_eq!((made.count(), verdicts.len()), (2, 3));
    }

    #[tokio::test]
    async fn err_02_a_pair_whose_decision_hits_a_defect_keeps_its_state() {
        // An agreed pair stays agreed and unsettled, and is parked after its attempts.
        let world = World::new();
        world.dynamics.add("Call Anna");
        world.settle().await;
        let link = world.state().await.links.remove(0);
        let pairing = Pairing { link: Some(link), seen: Default::default(), copy: false };
        let verdict = decide::undecided(pairing);
        assert_eq!(verdict.after, After::Unsettled(Code::ItemUndecided));
        assert_eq!(verdict.pairing.link.unwrap().state, LinkState::Agreed);
    }
}
