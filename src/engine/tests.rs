//! What all tests of the engine share, and the properties of the whole.

mod fates;
mod invariants;
mod occurrences;
mod properties;
mod reduced;
mod stakes;
mod stamps;
pub(crate) mod testing;
