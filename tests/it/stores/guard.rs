//! The guard of a mailbox behind the port: every store must let pass what `shards::guard` does.

use lockstep::domain::ids::Fence;
use lockstep::ports::error::StoreError;
use lockstep::ports::links::{Claim, LinkStore, StateChange};
use lockstep::shards::guard::Guard;

use super::{Bench, cursor, mailbox, put};
use lockstep::domain::kind::Collection;

/// Calls of one walk.
const CALLS: usize = 300;

pub(crate) async fn every_call_is_that_of_the_guard<B: Bench>() {
    for seed in 1..=3 {
        let bench = B::start().await;
        let (store, mut random) = (bench.store(), fastrand::Rng::with_seed(seed));
        let keys = [mailbox("contoso", 1), mailbox("contoso", 2)];
        let mut guards = [Guard::default(), Guard::default()];
        for number in 0..CALLS {
            let which = random.usize(..2);
            let (key, guard) = (&keys[which], &mut guards[which]);
            // Around what is known, over the border from one digit to two, and beyond a float's.
            let newest = guard.fence.map_or(8, |fence| fence.0);
            let near = newest.saturating_add(random.u64(..3)).saturating_sub(1);
            let fence = if random.u8(..) < 1 { Fence(u64::MAX - 3) } else { Fence(near) };
            let seq =
                guard.seq.saturating_add(random.u64(..4) / 3).saturating_sub(random.u64(..4) / 3);
            let what = random.u8(..10);
            let (found, expected) = match what {
                0..4 => (store.claim(key, fence).await.map(|state| state.seq), guard.claim(fence)),
                4..9 => {
                    let mut change = put([number as u128]);
                    change.cursors = random.bool().then(|| vec![cursor(Collection::Tasks, "t")]);
                    let change = if random.bool() { change } else { StateChange::default() };
                    let claim = Claim { fence, seq };
                    (store.commit(key, claim, &change).await, guard.commit(fence, seq))
                }
                _ => (store.forget(key, fence).await, guard.forget(fence)),
            };
            let expected = expected.map_err(StoreError::from);
            let call = format!("seed {seed}, call {number} of kind {what}: {fence:?}, {seq}");
            assert_eq!(format!("{found:?}"), format!("{expected:?}"), "{call}");
            assert_eq!(store.load(key).await.unwrap().seq, guard.seq, "{call}");
            assert_eq!(store.was_claimed(key).await.unwrap(), guard.fence.is_some(), "{call}");
        }
    }
}

suite! {
    "Whatever is claimed, committed and forgotten in whatever order, the guard decides."
    every_call_is_that_of_the_guard,
}
