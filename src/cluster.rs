//! Ownership of mailboxes: this process's part in the cluster. The protocol stands in `shards`.

pub mod ownership;
pub mod tenancy;
pub mod turns;

#[cfg(test)]
pub(crate) mod tests;
