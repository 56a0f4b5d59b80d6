//! What all tests of the engine share, and the properties of the whole.

mod properties;
pub(crate) mod testing;
