//! The words of the field as values: no I/O, no clock, no randomness.

pub mod category;
pub mod code;
pub mod direction;
pub mod fact;
pub mod field;
pub mod file;
pub mod filter;
pub mod fingerprint;
pub mod ids;
pub mod journal;
pub mod kind;
pub mod link;
pub mod mailbox;
pub mod markup;
pub mod observation;
pub mod party;
pub mod plan;
pub mod policy;
pub mod recurrence;
pub mod rule;
pub mod secured;
pub mod setting;
pub mod side;
pub mod subscription;
pub mod zone;
