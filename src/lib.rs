//! Lockstep keeps appointments, contacts and tasks in step between Dynamics 365 (Dataverse)
//! and Exchange (Microsoft Graph). `ARCHITECTURE.md` is the map of the rooms below.

pub mod config;
pub mod domain;
pub mod sim;
