//! Tests of the private surface.
