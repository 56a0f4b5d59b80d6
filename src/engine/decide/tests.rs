//! Tests of the decision tables.
