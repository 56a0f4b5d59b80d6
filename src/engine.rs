//! The engine: pure functions from what was seen to what is to be done and remembered.
//!
//! No I/O, no clock, no randomness: `now`, policy and observations come in, values go out. The
//! stages follow architecture §2: normalise, match, decide, plan, guard, fold.

pub mod advice;
pub mod catalogue;
pub mod category;
pub mod claims;
pub mod decide;
pub mod eligible;
pub mod facts;
pub mod fidelity;
pub mod files;
pub mod fold;
pub mod groups;
pub mod guard;
pub mod invariants;
pub mod matching;
pub mod newcomer;
pub mod normalise;
pub mod parties;
pub mod plan;
pub mod preview;
pub mod purge;
pub mod relink;
pub mod sent;
pub mod series;
pub mod stakes;
pub mod stamp;
pub mod strangers;
pub mod translate;
pub mod undo;
pub mod upkeep;

#[cfg(test)]
use tests::testing;

#[cfg(test)]
mod tests;
