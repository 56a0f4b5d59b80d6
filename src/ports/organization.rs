//! The port of what belongs to a whole organization: settings, mailbox records, users.

use std::collections::HashMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::error::SideError;
use crate::domain::file::FilePolicy;
use crate::domain::ids::{Address, UserId};
use crate::domain::mailbox::MailboxRecord;
use crate::domain::policy::{Directions, Personal};
use crate::domain::setting::Values;

/// What an organization says of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// `organizationid`.
    pub organization: Uuid,
    /// The settings as the organization has them, without the tenant file's overrides.
    pub settings: Values,
    /// `performactsyncafter`: no mailbox takes part before (SCH-05).
    pub not_before: Option<DateTime<Utc>>,
    /// What it allows of files.
    pub files: FilePolicy,
    /// The field directions.
    pub directions: Directions,
    /// All mailbox records.
    pub mailboxes: Vec<MailboxRecord>,
    /// What users chose for themselves; a user who is not in it has the defaults.
    pub personal: HashMap<UserId, Personal>,
    /// All users with an address: id, address, enabled.
    pub users: Vec<(UserId, Address, bool)>,
}

/// Reads an organization.
#[async_trait]
pub trait Organization: Send + Sync {
    /// Returns the organization's profile; called at start and at a slow interval.
    async fn profile(&self) -> Result<Profile, SideError>;
}
