//! Tests of the phase table.
