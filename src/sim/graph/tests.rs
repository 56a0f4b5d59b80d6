//! Tests of the whole stand-in over its wire.
