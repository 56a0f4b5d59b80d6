//! Lockstep keeps appointments, contacts and tasks in step between Dynamics 365 (Dataverse)
//! and Exchange (Microsoft Graph). `ARCHITECTURE.md` is the map of the rooms below.

pub mod actors;
pub mod api;
pub mod app;
pub mod cli;
pub mod cluster;
pub mod config;
pub mod cycle;
pub mod dataverse;
pub mod domain;
pub mod embedded;
pub mod engine;
pub mod graph;
pub mod http;
pub mod ingress;
pub mod memory;
pub mod ports;
pub mod redis;
pub mod shards;
pub mod sim;
pub mod telemetry;
pub mod throttle;
pub mod vault;
