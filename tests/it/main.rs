//! The integration tests: one binary, one module a subject.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::wildcard_enum_match_arm,
    reason = "a test that cannot go on says so by a panic, and its numbers are part of its output"
)]

/// As in the program; the generated histories spend a fifth of their time in it otherwise.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod bad_input;
mod bad_items;
mod checks;
mod complaints;
mod crash;
mod crowds;
mod dataverse;
mod deploy;
mod docs;
mod explains;
mod fidelity;
mod harness;
mod histories;
mod lease_model;
mod main_job;
mod nodes;
mod otlp;
mod outage;
mod parts;
mod plans;
mod process;
mod processes;
mod purges;
mod pushes;
mod redis_server;
mod relinks;
mod rest;
mod rules_addresses;
mod rules_appointments;
mod rules_attachments;
mod rules_bodies;
mod rules_booking;
mod rules_category;
mod rules_contacts;
mod rules_copies;
mod rules_fields;
mod rules_filters;
mod rules_general;
mod rules_handover;
mod rules_links;
mod rules_moved;
mod rules_people;
mod rules_personal;
mod rules_policy;
mod rules_schedule;
mod rules_secured;
mod rules_series;
mod rules_series_limits;
mod rules_series_merge;
mod rules_series_messages;
mod rules_series_people;
mod rules_services;
mod rules_strangers;
mod rules_tasks;
mod series_desk;
mod stores;
mod tidy;
mod traced;
mod traces;
mod undos;
