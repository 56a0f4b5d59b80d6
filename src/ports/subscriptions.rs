//! The port of subscriptions to change notifications in Exchange.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use thiserror::Error;

use super::error::SideError;
use crate::domain::policy::Mailbox;
use crate::domain::subscription::Watched;

/// Why a subscription was not made.
#[derive(Debug, Error)]
pub enum MakeError {
    /// There is one for the same already.
    #[error("there is one already")]
    Exists,
    /// Graph asked our public address and got no answer that it accepts.
    #[error("Graph does not reach the address of the ingress")]
    NotReached,
    /// The far side failed, or refused it.
    #[error(transparent)]
    Side(#[from] SideError),
}

/// One subscription as the far side lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its id.
    pub id: String,
    /// The user or address that it names, as it was asked for.
    pub user: String,
    /// What it watches.
    pub of: Watched,
    /// When it ends.
    pub expires: DateTime<Utc>,
    /// It goes to this node's address and carries this secret.
    pub state: Option<String>,
    /// It was made with the addresses that are in use now.
    pub ours: bool,
}

/// Makes, prolongs and ends subscriptions of one tenant.
#[async_trait]
pub trait Subscriptions: Send + Sync {
    /// Makes one that lives until an instant; `state` comes back with each notice. Returns its id and
    /// when it really ends.
    async fn make(
        &self,
        mailbox: &Mailbox,
        of: Watched,
        state: &str,
        until: DateTime<Utc>,
    ) -> Result<(String, DateTime<Utc>), MakeError>;

    /// Prolongs one and authorizes it; returns when it ends now, nothing when it is gone.
    async fn renew(
        &self,
        id: &str,
        until: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, SideError>;

    /// Authorizes one anew; false when it is gone.
    async fn authorize(&self, id: &str) -> Result<bool, SideError>;

    /// Ends one; one that is gone is ended.
    async fn end(&self, id: &str) -> Result<(), SideError>;

    /// Returns all that this application has in the tenant, those of other kinds left out.
    async fn list(&self) -> Result<Vec<Listed>, SideError>;

    /// Returns a digest of the addresses that new ones get.
    fn addresses(&self) -> u64;
}
