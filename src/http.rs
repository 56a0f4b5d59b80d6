//! (placeholder) http
