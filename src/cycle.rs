//! (placeholder) cycle
