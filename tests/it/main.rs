//! The integration tests: one binary, one module a subject.

mod otlp;
mod redis_server;
mod stores;
mod tidy;
