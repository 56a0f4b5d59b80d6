//! The integration tests: one binary, one module a subject.

mod crash;
mod dataverse;
mod docs;
mod harness;
mod main_job;
mod otlp;
mod process;
mod processes;
mod redis_server;
mod stores;
mod tidy;
