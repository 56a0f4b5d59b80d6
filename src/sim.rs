//! The stand-ins: strict simulations of Dataverse and Microsoft Graph.
//!
//! They share no wire types and no helpers with the adapters; `wire` is all the stand-ins have
//! in common with a server. Absent on purpose: any knowledge of Lockstep's own rules, except in
//! `compare`, which judges two worlds from the outside.

pub mod compare;
pub mod dataverse;
pub mod directory;
pub mod faults;
pub mod graph;
pub mod oauth;
pub mod play;
pub mod poison;
pub mod seed;
pub mod server;
pub mod wire;
pub mod world;
