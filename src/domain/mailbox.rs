//! A mailbox record as eligibility judges it (rules.md §4.1).

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::ids::{Address, UserId};

/// One `mailbox` row with its profile and user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailboxRecord {
    /// `mailboxid`.
    pub id: Uuid,
    /// `emailaddress`.
    pub address: Option<Address>,
    /// `statecode` = 0.
    pub active: bool,
    /// What `regardingobjectid` points at.
    pub regarding: Regarding,
    /// `emailrouteraccessapproval` = 1.
    pub approved: bool,
    /// `isemailaddressapprovedbyo365admin`.
    pub approved_by_admin: bool,
    /// `testmailboxaccesscompletedon` is set and `actstatus` = 1.
    pub tested: bool,
    /// `enabledforact`.
    pub enabled_for_act: bool,
    /// `actdeliverymethod`.
    pub delivery: DeliveryMethod,
    /// `emailserverprofile.servertype`, when a profile is set and active.
    pub server_type: Option<i64>,
    /// `isactsyncorgflagset` is set and `orgmarkedasprimaryforexchangesync` is not: another
    /// organization owns the mailbox (ELIG-06).
    pub owned_elsewhere: bool,
    /// `lastsyncstartedon`: moves when another engine works on the mailbox (ELIG-13).
    pub last_sync_started: Option<DateTime<Utc>>,
}

/// What a mailbox belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Regarding {
    /// A user.
    User {
        /// `systemuserid`.
        user: UserId,
        /// The user is not disabled.
        enabled: bool,
        /// `azureactivedirectoryobjectid`.
        object_id: Option<Uuid>,
    },
    /// A queue (ELIG-04).
    Queue,
    /// Nothing.
    Nobody,
}

/// `mailbox.actdeliverymethod`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryMethod {
    /// 0: the retired client.
    OutlookClient,
    /// 1: server-side synchronization.
    ServerSide,
    /// 2: none.
    None,
}

/// Which mailboxes a tenant hands to this engine (architecture §5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailboxSource {
    /// The mailbox records decide, including `actdeliverymethod` = 1.
    Dataverse,
    /// The tenant file lists addresses; `actdeliverymethod` must be 2, so that Microsoft's own
    /// engine stays out.
    Listed(Vec<Address>),
}
