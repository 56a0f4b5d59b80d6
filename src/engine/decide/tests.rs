//! Tests of the decision tables, by subject: each rule at its boundary, and once negated.

mod adopted;
mod appointment_in;
mod appointment_out;
mod cancel;
mod carried;
mod conflict;
mod contact;
mod farewell;
mod gates;
mod halves;
mod handed;
mod links;
mod met;
mod named;
mod pairs;
mod past;
mod removal;
mod replaced;
mod said;
mod series;
mod service;
mod task;
