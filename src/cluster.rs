//! Ownership of mailboxes. One node owns all shards in this version; the port is the one that
//! several nodes will share.

pub mod ownership;
pub mod turns;

#[cfg(test)]
mod tests;
