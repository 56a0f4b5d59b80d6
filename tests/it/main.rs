//! The integration tests: one binary, one module a subject.

mod dataverse;
mod docs;
mod harness;
mod main_job;
mod otlp;
mod redis_server;
mod stores;
mod tidy;
