//! (placeholder) memory
