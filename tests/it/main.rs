//! The integration tests: one binary, one module a subject.

mod bad_input;
mod complaints;
mod harness;
mod main_job;
mod otlp;
mod redis_server;
mod rules_appointments;
mod rules_contacts;
mod rules_links;
mod rules_tasks;
mod stores;
mod tidy;
