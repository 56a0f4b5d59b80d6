//! What lets a pull end without the state store: known items that are loaded when somebody asks
//! for them, and what a quiet pull left behind.

use async_trait::async_trait;

use super::error::StoreError;
use super::side::Known;

/// The items that the store knows on one side. A pull without news never asks for them.
#[async_trait]
pub trait KnownItems: Send + Sync {
    /// Returns the items; the first call may have to load them.
    async fn load(&self) -> Result<&[Known], StoreError>;
}

#[async_trait]
impl KnownItems for Vec<Known> {
    async fn load(&self) -> Result<&[Known], StoreError> {
        Ok(self)
    }
}

/// What a pull without news leaves behind. With it, and as long as the known items stay what they
/// are, the next pull can tell by the answers alone that there is no news again. Opaque to all but
/// the adapter that made it; kept in memory only, and without content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SideRest(Box<[u8]>);

impl SideRest {
    /// Wraps what an adapter wants to find again.
    #[must_use]
    pub fn new(bytes: impl Into<Box<[u8]>>) -> Self {
        Self(bytes.into())
    }

    /// Returns what the adapter put in.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}
