//! (placeholder) throttle
