//! Tests of the cycle against port-level fakes.
