//! (placeholder) embedded
