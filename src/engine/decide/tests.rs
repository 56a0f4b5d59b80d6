//! Tests of the decision tables, by subject: each rule at its boundary, and once negated.

mod appointment_in;
mod appointment_out;
mod cancel;
mod conflict;
mod contact;
mod links;
mod named;
mod removal;
mod service;
mod task;
