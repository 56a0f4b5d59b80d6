//! The ports: what the cycle and the actors ask of the world, and the errors they get.
//! Traits and their types, nothing else.

pub mod budget;
pub mod clock;
pub mod error;
pub mod feed;
pub mod inquiry;
pub mod journal;
pub mod lease;
pub mod links;
pub mod notes;
pub mod organization;
pub mod rest;
pub mod side;
pub mod sightings;
pub mod subscriptions;
pub mod wake;
