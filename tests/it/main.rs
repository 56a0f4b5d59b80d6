//! The integration tests: one binary, one module a subject.

mod harness;
mod main_job;
mod docs;
mod otlp;
mod redis_server;
mod stores;
mod tidy;
