//! (placeholder) engine
