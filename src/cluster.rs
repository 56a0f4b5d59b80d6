//! Ownership of mailboxes: this process's part in the cluster. The protocol stands in `shards`.

mod failures;
pub mod ownership;
pub mod tenancy;
pub mod turns;

impl ownership::Ownership {
    /// Returns how many processes there are, this one among them, as it last saw them.
    #[must_use]
    pub fn crowd(&self) -> usize {
        self.node().members().len().max(1)
    }
}

#[cfg(test)]
pub(crate) mod tests;
