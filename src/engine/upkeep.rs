//! What becomes of a subscription: made, renewed, repaired or left alone.
//!
//! Pure: from what is remembered of it and an instant. It is made once and prolonged again and
//! again, so that a restart makes none anew.

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::subscription::Held;

/// For how long a subscription is asked. Half an hour less than Graph grants (4,230 minutes), so
/// that clocks may differ.
pub const LIFE: TimeDelta = TimeDelta::minutes(4_200);

/// What to do with one subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Upkeep {
    /// Make it: there is none.
    Make,
    /// Delete the one of this id and make it: it was made with another address or secret.
    Replace(String),
    /// Prolong the one of this id.
    Renew(String),
    /// Authorize the one of this id anew.
    Authorize(String),
    /// Nothing before this instant.
    Rest(DateTime<Utc>),
}

/// Decides what to do with a subscription. `spread` between 0 and 1 is the mailbox's own, so that
/// those that were made together are not renewed together.
#[must_use]
pub fn upkeep(held: Option<&Held>, made_with: u64, spread: f64, now: DateTime<Utc>) -> Upkeep {
    let Some(held) = held else { return Upkeep::Make };
    if held.expires <= now {
        return Upkeep::Make;
    }
    // It lives.
    if held.made_with != made_with {
        return Upkeep::Replace(held.id.clone());
    }
    if held.silent {
        return Upkeep::Authorize(held.id.clone());
    }
    let due = held.expires - left(spread);
    if due <= now { Upkeep::Renew(held.id.clone()) } else { Upkeep::Rest(due) }
}

/// How much life is left at the renewal: a third, and up to a sixth more.
fn left(spread: f64) -> TimeDelta {
    let share = (1.0 + spread.clamp(0.0, 1.0) / 2.0) / 3.0;
    TimeDelta::seconds((LIFE.num_seconds() as f64 * share) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::subscription::Watched;

    fn now() -> DateTime<Utc> {
        "2026-11-24T09:00:00Z".parse().unwrap()
    }

    fn held(minutes: i64) -> Held {
        Held {
            id: "s1".to_owned(),
            of: Watched::Events,
            expires: now() + TimeDelta::minutes(minutes),
            made_with: 7,
            silent: false,
        }
    }

    #[test]
    fn each_state_of_a_subscription_has_its_upkeep() {
        // A row for each state; what lives and matches rests until a third of its life is left.
        let id = || "s1".to_owned();
        let silent = Held { silent: true, ..held(4_000) };
        let table = [
            (None, 7, Upkeep::Make),
            (Some(held(0)), 7, Upkeep::Make),
            (Some(held(-9)), 8, Upkeep::Make),
            (Some(held(4_000)), 8, Upkeep::Replace(id())),
            (Some(silent.clone()), 7, Upkeep::Authorize(id())),
            (Some(Held { made_with: 8, ..silent }), 7, Upkeep::Replace(id())),
            (Some(held(1)), 7, Upkeep::Renew(id())),
            (Some(held(1_400)), 7, Upkeep::Renew(id())),
            (Some(held(1_401)), 7, Upkeep::Rest(now() + TimeDelta::minutes(1))),
            (Some(held(4_200)), 7, Upkeep::Rest(now() + TimeDelta::minutes(2_800))),
        ];
        for (held, made_with, expected) in table {
            assert_eq!(upkeep(held.as_ref(), made_with, 0.0, now()), expected, "{held:?}");
        }
    }

    #[test]
    fn renewals_are_spread_over_a_sixth_of_a_life() {
        // The widest spread renews 700 minutes earlier; nothing beyond it counts.
        let due = |spread| {
            let decided = upkeep(Some(&held(4_200)), 7, spread, now());
            let Upkeep::Rest(at) = decided else { panic!("{decided:?}") };
            (at - now()).num_minutes()
        };
        assert_eq!((due(0.0), due(1.0), due(9.0), due(-1.0)), (2_800, 2_100, 2_100, 2_800));
        assert!(due(0.5) > due(0.6));
    }
}
