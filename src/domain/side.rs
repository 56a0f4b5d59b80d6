//! The two sides, of equal weight everywhere.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One of the two sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Side {
    /// Dynamics 365 (Dataverse).
    Dynamics,
    /// Exchange.
    Exchange,
}

impl Side {
    /// Both sides, Dynamics first.
    pub const BOTH: [Self; 2] = [Self::Dynamics, Self::Exchange];

    /// Returns the other side.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Dynamics => Self::Exchange,
            Self::Exchange => Self::Dynamics,
        }
    }

    /// Returns the name used in logs, metrics and output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dynamics => "dynamics",
            Self::Exchange => "exchange",
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One value for each side.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PerSide<T> {
    /// The value of Dynamics.
    pub dynamics: T,
    /// The value of Exchange.
    pub exchange: T,
}

impl<T> PerSide<T> {
    /// Builds both values from one function.
    pub fn from_fn(mut make: impl FnMut(Side) -> T) -> Self {
        Self { dynamics: make(Side::Dynamics), exchange: make(Side::Exchange) }
    }

    /// Returns the value of a side.
    #[must_use]
    pub const fn get(&self, side: Side) -> &T {
        match side {
            Side::Dynamics => &self.dynamics,
            Side::Exchange => &self.exchange,
        }
    }

    /// Returns the value of a side for a change.
    pub const fn get_mut(&mut self, side: Side) -> &mut T {
        match side {
            Side::Dynamics => &mut self.dynamics,
            Side::Exchange => &mut self.exchange,
        }
    }

    /// Replaces the value of a side.
    pub fn set(&mut self, side: Side, value: T) {
        *self.get_mut(side) = value;
    }
}
