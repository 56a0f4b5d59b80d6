//! Tests of the actors: one arbiter, paused time, cycles on the same runtime.

mod doubt;
pub(crate) mod fakes;
mod held;
mod hints;
mod looks;
mod lost;
mod mailbox;
mod node;
mod orders;
mod outage;
mod pauses;
mod rest;
mod schedule;
mod tenant;
