//! Actors: they decide *when* a cycle runs, never *what* it does.
//!
//! `NodeActor` → one `TenantSupervisor` per tenant → one `MailboxActor` per mailbox owned here.
//! Cycles and all I/O run on a tokio runtime of their own; a blocked arbiter stalls no request.
//! Facts about actix this is built on (0.13.5): `Supervisor` does not rebuild an actor after a
//! panic, `do_send` ignores the mailbox bound, handlers that return futures interleave.

pub mod alerts;
pub mod board;
mod decisions;
pub mod fair;
pub mod feed;
pub mod freshness;
pub mod hints;
pub mod mailbox;
pub mod messages;
pub mod node;
pub mod phase;
pub mod runtime;
pub mod subscriptions;
pub mod tenant;

#[cfg(test)]
pub(crate) mod tests;
