//! What a tenant decided: settings, directions, limits; and who is who.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::category::Category;
pub use super::direction::{Direction, Directions};
use super::ids::{Address, MailboxKey, UserId};
use super::party::{PartyRow, Strangers};
use super::secured::Secured;
use super::setting::Effective;
use super::zone::Zone;

/// The settings of the organization that touch these rules (rules.md §3), overrides applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// `DistinctPhysicalAndLogicalDeletesForExchangeSync` (FILT-06, CXL-07).
    pub distinct_deletes: bool,
    /// `SSSPropagateAppointmentCancellationsToExchange` (CXL-04).
    pub propagate_cancellations: bool,
    /// `SSSTaskDeletionSyncBehaviorFromExchange`: 0 delete, 1 unless completed, 2 never (TASK-IN-04).
    pub task_deletion: u8,
    /// `SSSUpdatePastMeetingsInNonDraftMode` (APPT-OUT-11).
    pub update_past: bool,
    /// `SSSSyncAppointmentIsPrivateFromExchange` (APPT-IN-09).
    pub sync_private: bool,
    /// `TrackCategorizedItems` (LINK-02, LINK-08).
    pub track_categorized: bool,
    /// `TrackAppointmentsFromNonOrganizer` (LINK-13).
    pub attendees_track: bool,
    /// `ForceOrganizerSyncForAttendeeTrackedAppointment` (LINK-14).
    pub organizer_must_sync: bool,
    /// `DisableImplicitSharingOfCommunicationActivities` (ORG-04).
    pub no_sharing: bool,
    /// `AllowSaveAsDraftAppointment` (APPT-OUT-12).
    pub drafts: bool,
    /// `ValidateContactBeforeTracking` (CONT-09).
    pub validate_contacts: bool,
    /// `ResolveForInactiveEntities` (RES-01).
    pub resolve_inactive: bool,
    /// `organization.unresolveemailaddressifmultiplematch`: an address on several rows is nobody's (RES-02).
    pub unresolve_ambiguous: bool,
    /// `AutoCreateContactOnPromote`: users may have rows made of unknown addresses (RES-03).
    pub create_people: bool,
    /// `organization.requireapprovalforuseremail` (ELIG-10).
    pub require_approval: bool,
    /// `organization.isappointmentattachmentsyncenabled` (ATT-02).
    pub attachments: bool,
    /// `UseCrmOrganizerForEmptyExchangeOrganizer` (ORG-07).
    pub keep_organizer: bool,
    /// `organization.appointmentricheditorexperience` (APPT-OUT-13).
    pub rich_bodies: bool,
    /// `IgnoreCopiedItemsInSSSForMailbox` (COPY-01, COPY-02).
    pub ignore_copies: bool,
    /// All three addresses are synchronized instead of the mailing address (ADDR-01, ADDR-02).
    pub three_addresses: bool,
}

impl Default for Settings {
    /// Returns Microsoft's defaults.
    fn default() -> Self {
        Self {
            distinct_deletes: false,
            propagate_cancellations: false,
            task_deletion: 0,
            update_past: false,
            sync_private: false,
            track_categorized: true,
            attendees_track: true,
            organizer_must_sync: false,
            no_sharing: false,
            drafts: false,
            validate_contacts: true,
            resolve_inactive: false,
            unresolve_ambiguous: false,
            create_people: true,
            require_approval: true,
            rich_bodies: false,
            keep_organizer: false,
            attachments: false,
            ignore_copies: true,
            three_addresses: false,
        }
    }
}

/// Who wins when the same group changed on both sides (CONF-03).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ConflictPolicy {
    /// Dynamics for contacts and tasks, the organizer's calendar for time and attendees.
    #[default]
    ByKind,
    /// Always Dynamics.
    Dynamics,
    /// Always Exchange.
    Exchange,
}

/// Everything a tenant may choose (tenant file, section `policy` and `settings`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// The organization's settings.
    pub settings: Settings,
    /// The conflict policy.
    pub conflict: ConflictPolicy,
    /// `contact_delete_from_exchange = "never"` (CONT-04).
    pub keep_contacts: bool,
    /// Keep In Progress, Waiting and Deferred of open tasks (TASK-OUT-05).
    pub preserve_status_reason: bool,
    /// `booking = "plain"`: rows of appointments are created without asking whether their parties are
    /// free in Dynamics (APPT-IN-06).
    pub plain_booking: bool,
    /// Read TASK-OUT-02 to the letter: a reminder only for what is overdue by a day.
    pub literal_task_reminder: bool,
    /// Past occurrences that were deleted in Exchange are there in a series that is made in
    /// Dynamics (REC-04).
    pub recreate_deleted_past_occurrences: bool,
    /// A user without filters of his own gets those of the default templates (FILT-16).
    pub instantiate_filters: bool,
}

impl Default for Policy {
    /// Returns what the documentation of the built-in synchronization says.
    fn default() -> Self {
        Self {
            settings: Settings::default(),
            conflict: ConflictPolicy::default(),
            keep_contacts: false,
            preserve_status_reason: false,
            plain_booking: false,
            literal_task_reminder: false,
            recreate_deleted_past_occurrences: true,
            instantiate_filters: false,
        }
    }
}

/// What a tenant chose, and how each setting came to its value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choices {
    /// What the rules ask.
    pub policy: Policy,
    /// Every known setting with the value that holds and its origin.
    pub effective: Vec<Effective>,
}

/// The brakes of one cycle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Deletes on either side that are always allowed.
    pub deletes: u32,
    /// Share of the agreed links (0 to 1) that may be deleted beyond that.
    pub deletes_share: f64,
    /// People that one cycle may cause to be mailed.
    pub mails: u32,
    /// Attempts before an item is parked.
    pub item_attempts: u8,
}

impl Default for Limits {
    fn default() -> Self {
        Self { deletes: 20, deletes_share: 0.25, mails: 500, item_attempts: 10 }
    }
}

/// A user of the organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryUser {
    /// The user.
    pub user: UserId,
    /// Whether the user is enabled.
    pub enabled: bool,
    /// Whether the user's mailbox is synchronized (passes the eligibility rules).
    pub served: bool,
}

/// The users of the organization by address (RES-02: a served user always wins).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Directory(pub HashMap<Address, DirectoryUser>);

impl Directory {
    /// Returns the user of an address.
    #[must_use]
    pub fn by_address(&self, address: &Address) -> Option<&DirectoryUser> {
        self.0.get(address)
    }

    /// Tells whether a user's mailbox is synchronized.
    #[must_use]
    pub fn serves(&self, user: UserId) -> bool {
        self.0.values().any(|entry| entry.user == user && entry.served)
    }
}

/// What was chosen for one user: by himself (`usersettings`), or by his organization for all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Personal {
    /// The zone of `timezonecode`: days of all-day appointments and tasks are days of this zone.
    /// `None` when it is not known.
    pub zone: Option<Zone>,
    /// `synccontactcompany`: the company of contacts takes part (CONT-08).
    pub contact_company: bool,
    /// `autocreatecontactonpromote`: what is made of people whom no row knows (RES-03).
    pub strangers: Strangers,
    /// The organization's choice: bodies of appointments keep their format (APPT-OUT-13).
    pub rich_bodies: bool,
    /// The columns with which the user may not do everything (FLD-04).
    pub secured: Secured,
    /// The tracking category, which the organization may switch off (`TrackCategorizedItems`,
    /// LINK-08); its entry in the mailbox's list is known in a cycle alone (LINK-07).
    pub category: Category,
}

impl Default for Personal {
    fn default() -> Self {
        Self {
            zone: None,
            contact_company: true,
            strangers: Strangers::default(),
            rich_bodies: false,
            secured: Secured::default(),
            category: Category::default(),
        }
    }
}

/// Who the cycle works for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox {
    /// The key.
    pub key: MailboxKey,
    /// The owner.
    pub user: UserId,
    /// The owner's Entra object id, for impersonation (ELIG-11).
    pub object_id: Uuid,
    /// The address of the mailbox in Exchange.
    pub address: Address,
    /// The owner's own choices.
    pub personal: Personal,
}

/// All that the pure stages need beside what was seen.
#[derive(Debug, Clone)]
pub struct Context<'a> {
    /// The mailbox.
    pub mailbox: &'a Mailbox,
    /// The tenant's choices.
    pub policy: &'a Policy,
    /// The field directions.
    pub directions: &'a Directions,
    /// The users of the organization.
    pub directory: &'a Directory,
    /// What addresses outside the directory resolve to (RES-01, RES-02).
    pub parties: &'a HashMap<Address, PartyRow>,
    /// Addresses that no row carries, with the row that is to be made of each (RES-03).
    pub strangers: &'a HashMap<Address, PartyRow>,
    /// The one account of each company name that has exactly one (CONT-08).
    pub accounts: &'a HashMap<String, Uuid>,
    /// The brakes.
    pub limits: Limits,
    /// The instant of the evaluation.
    pub now: DateTime<Utc>,
}
