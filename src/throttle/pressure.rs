//! Pressure: a far side that pushes back although its published limit was kept grants less than it
//! says (other applications spend the same budget). Then each request costs more for a while.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What a push leaves of the rate, in percent.
const PUSHED: u32 = 80;
/// The least that pushes leave, in percent: less would starve what is owed.
const LEAST: u32 = 20;
/// Pushes that come together are one: several calls were on their way.
const TOGETHER: Duration = Duration::from_secs(10);
/// So much comes back with each step of time.
const BACK: u32 = 5;
/// The step.
const STEP: Duration = Duration::from_secs(30);

/// The share of the published rate that is used now.
#[derive(Debug, Default)]
pub(super) struct Pressure(Mutex<Option<Pushed>>);

/// The share in percent at the last push.
#[derive(Debug, Clone, Copy)]
struct Pushed {
    share: u32,
    at: Duration,
}

impl Pressure {
    /// Takes note of a push. `now` counts from some start.
    pub(super) fn push(&self, now: Duration) {
        let mut pushed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if pushed.is_some_and(|last| now < last.at + TOGETHER) {
            return;
        }
        let share = share(*pushed, now) * PUSHED / 100;
        *pushed = Some(Pushed { share: share.max(LEAST), at: now });
    }

    /// Returns what `weight` requests cost now.
    pub(super) fn price(&self, weight: u32, now: Duration) -> u32 {
        let pushed = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let price = (u64::from(weight) * 100).div_ceil(u64::from(share(pushed, now)));
        u32::try_from(price).unwrap_or(u32::MAX)
    }
}

/// Returns the share in percent: it comes back step by step.
fn share(pushed: Option<Pushed>, now: Duration) -> u32 {
    let Some(Pushed { share, at }) = pushed else { return 100 };
    let steps = now.saturating_sub(at).as_secs() / STEP.as_secs();
    let back = u32::try_from(steps).unwrap_or(u32::MAX).saturating_mul(BACK);
    share.saturating_add(back).min(100)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn without_a_push_a_request_costs_one() {
        // The published limit is used in full.
        assert_eq!(Pressure::default().price(20, secs(1_000)), 20);
    }

    #[test]
    fn a_push_makes_requests_dearer_for_a_while() {
        // A fifth less at once, all of it back after two minutes.
        let pressure = Pressure::default();
        pressure.push(secs(100));
        let price = |at| pressure.price(80, secs(at));
        assert_eq!(
            [price(100), price(129), price(130), price(219), price(220)],
            [100, 100, 95, 85, 80]
        );
    }

    #[test]
    fn pushes_that_come_together_are_one() {
        // Four requests at once are refused at once; that says the same four times.
        let pressure = Pressure::default();
        for at in 0..10 {
            pressure.push(secs(at));
        }
        assert_eq!(pressure.price(80, secs(9)), 100);
    }

    #[test]
    fn a_far_side_that_goes_on_pushing_still_gets_a_fifth() {
        // However often it pushes back.
        let pressure = Pressure::default();
        for at in 0..50 {
            pressure.push(secs(at * 10));
        }
        assert_eq!(pressure.price(20, secs(490)), 100);
    }
}
