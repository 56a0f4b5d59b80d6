//! (placeholder) redis
