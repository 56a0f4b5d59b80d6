//! (placeholder) graph
