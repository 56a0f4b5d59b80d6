//! Stable codes for everything that operators may see. `docs/codes.md` has a paragraph for each.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// A reason for which an item, a mailbox or a tenant is left alone, parked or halted.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Code { $($(#[$doc])* #[serde(rename = $text)] $name,)* }

        impl Code {
            /// All codes.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Returns the code as operators see it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

codes! {
    // Items left alone by rule.
    /// The appointment has no organizer (ORG-02).
    OrganizerMissing = "organizer-missing",
    /// The organizer's mailbox is synchronized; its invitation will bring the meeting (APPT-OUT-14).
    AwaitsInvitation = "awaits-invitation",
    /// The other side has no such series, or an item began or ceased to recur (REC-11).
    RecurringUnsupported = "recurring-unsupported",
    /// Somebody invited people to a silent copy: a write to it would mail them (APPT-OUT-08, SVC-02).
    CopyAttended = "copy-attended",
    /// An occurrence that was deleted on one side cannot be brought back there (REC-04).
    OccurrenceGone = "occurrence-gone",
    /// Dynamics has no row yet for an occurrence that deviates; it is carried when the series is
    /// expanded that far (REC-05).
    AwaitsExpansion = "awaits-expansion",
    /// An occurrence has other attendees than its series; these are not carried.
    OccurrenceAttendees = "occurrence-attendees",
    /// Recurring tasks are never synchronized (REC-10).
    RecurringTask = "recurring-task",
    /// The organizer's mailbox is not synchronized, and the organization wants it to be (LINK-14).
    OrganizerNotServed = "organizer-not-served",
    /// The appointment is a draft that its author did not send (APPT-OUT-12).
    DraftNotSent = "draft-not-sent",
    /// The contact has no name, or an e-mail address that is none (CONT-09).
    ContactInvalid = "contact-invalid",
    /// Dynamics found a duplicate of the new contact; its user decides (CONF-06).
    DuplicateFound = "duplicate-found",
    /// The row is completed or canceled: nothing from Exchange reaches it (APPT-IN-05).
    RowClosed = "row-closed",
    /// A past meeting with attendees cannot be changed silently on Graph (APPT-OUT-06, APPT-OUT-15).
    PastMeetingHeld = "past-meeting-held",
    /// The Exchange item was deleted and the row kept; it is not recreated (CONT-10).
    NotRecreated = "not-recreated",
    /// The meeting was cancelled by its organizer before it had a row (CXL-13).
    MeetingCancelled = "meeting-cancelled",
    /// The row that the item would become is known already, and means another item (APPT-IN-11).
    RowKnown = "row-known",
    /// Booking failed: somebody is not free in Dynamics (APPT-IN-07, Microsoft's
    /// `ExchangeSyncSchedulingConflictsError`).
    SchedulingConflict = "scheduling-conflict",
    /// The item is a copy of a linked one (COPY-01).
    CopiedItem = "copied-item",
    /// The item lies outside the collections that are synchronized (LINK-04, CXL-12).
    MovedAway = "moved-away",
    /// The field's direction forbids the write (FLD-02).
    DirectionForbids = "direction-forbids",
    /// Column security keeps the user from reading or writing a field (FLD-04).
    ColumnSecured = "column-secured",
    // Items that do not fit.
    /// The time zone of the item is unknown.
    TimeZoneUnknown = "time-zone-unknown",
    /// A date lies outside what the other side can hold.
    DateOutOfRange = "date-out-of-range",
    /// The appointment has no start or no end.
    TimesMissing = "times-missing",
    /// The end lies before the start.
    EndBeforeStart = "end-before-start",
    /// A text was cut to the length of the column (FLD-05).
    TextTruncated = "text-truncated",
    /// A task's percentage shows in Exchange as its status only (protocols A9).
    PercentKept = "percent-kept",
    /// More values than the other side has places for (e-mail addresses, phones).
    ValuesDropped = "values-dropped",
    /// The company of a contact is the name of no account, or of several (CONT-08).
    CompanyUnknown = "company-unknown",
    /// No contact or lead could be made of an attendee's address (RES-03).
    PersonNotMade = "person-not-made",
    /// The type of an attachment is blocked by the organization (ATT-05).
    AttachmentBlocked = "attachment-blocked",
    /// An attachment is larger than the organization takes (ATT-05).
    AttachmentTooLarge = "attachment-too-large",
    /// An attachment is no file: an inline image, another item, a link into a cloud store.
    AttachmentForm = "attachment-form",
    /// An attachment could not be carried now; it is tried again (ATT-05).
    AttachmentFailed = "attachment-failed",
    /// A file larger than what is kept was removed or replaced.
    AttachmentNotKept = "attachment-not-kept",
    /// The far side's reply lacks a field that it must have.
    ReplyIncomplete = "reply-incomplete",
    /// A subject is required and the item has none.
    SubjectMissing = "subject-missing",
    // Items in trouble.
    /// The far side refused the write.
    WriteRefused = "write-refused",
    /// The write needs a privilege that the user lacks (ELIG-11).
    PrivilegeMissing = "privilege-missing",
    /// No answer came to a write; the item is looked up before it is tried again.
    ResultUnknown = "result-unknown",
    /// The item changed while it was being written; it is read again.
    ChangedMeanwhile = "changed-meanwhile",
    /// The write was put off: the far side is throttled or unreachable.
    PutOff = "put-off",
    /// The far side cannot answer for this one item.
    ItemUnreadable = "item-unreadable",
    /// The decision about this one item hit a defect of Lockstep.
    ItemUndecided = "item-undecided",
    /// One look at the item led to another too often; it is read again in the next cycle.
    ReadUnfinished = "read-unfinished",
    /// The item failed too often and is parked until it changes or an operator retries it.
    ItemParked = "item-parked",
    /// A pair that relink found differs; the next cycle decides it by the conflict policy.
    DiffersAfterRelink = "differs-after-relink",
    /// Undoing or purging the item would mail its attendees, and the operator did not allow that.
    WouldMail = "would-mail",
    // Conflicts.
    /// The same group changed on both sides; the loser was overwritten by policy (CONF-03).
    ConflictResolved = "conflict-resolved",
    // Mailboxes.
    /// The mailbox record is inactive.
    MailboxInactive = "mailbox-inactive",
    /// The address is not approved (ELIG-03a).
    MailboxNotApproved = "mailbox-not-approved",
    /// The mailbox was not tested and enabled (ELIG-03b).
    MailboxNotEnabled = "mailbox-not-enabled",
    /// The delivery method does not let this engine in (ELIG-03c, ELIG-13).
    DeliveryMethod = "delivery-method",
    /// The mailbox belongs to a queue (ELIG-04).
    QueueMailbox = "queue-mailbox",
    /// Two mailbox records share an address, or two share a user (ELIG-05).
    MailboxAmbiguous = "mailbox-ambiguous",
    /// The server profile carries no appointments, contacts or tasks (ELIG-07).
    ProfileUnsupported = "profile-unsupported",
    /// The user is disabled or has no Entra object id (ELIG-12).
    UserDisabled = "user-disabled",
    /// The user has no synchronization filter: nothing flows to his mailbox (FILT-10).
    NoFilters = "no-filters",
    /// The lists of categories are closed to the application: the category is known by name (LINK-07).
    CategoryByName = "category-by-name",
    /// The mailbox has no address.
    AddressMissing = "address-missing",
    /// An operator purged the mailbox and has not admitted it since.
    Purged = "purged",
    /// The mailbox is not in the tenant file's list.
    NotListed = "not-listed",
    /// Another organization owns the mailbox in Exchange (ELIG-06).
    OtherOrganization = "other-organization",
    /// The organization lets no synchronization begin before an instant (SCH-05).
    SyncNotYet = "sync-not-yet",
    /// Another engine is seen at work on the mailbox (ELIG-13).
    OtherEngine = "other-engine",
    /// There is no such mailbox in Exchange, or the application may not open it.
    MailboxUnreachable = "mailbox-unreachable",
    // Cycles.
    /// The plan would delete more than its budget (promise 3).
    DeleteBudget = "delete-budget",
    /// The plan would mail more people than its budget (promise 2).
    MailBudget = "mail-budget",
    /// A side is suddenly empty (promise 3).
    SideEmptied = "side-emptied",
    /// A step of the plan breaks a promise; this is a defect of Lockstep (promises 1 to 4).
    PromiseBroken = "promise-broken",
    /// The far side refuses our credentials.
    CredentialsRefused = "credentials-refused",
    /// The far side cannot be reached.
    FarSideUnreachable = "far-side-unreachable",
    /// The far side's answer cannot be understood.
    AnswerUnreadable = "answer-unreadable",
    /// An answer or a list is larger than the bound.
    AnswerTooLarge = "answer-too-large",
    /// Another node took the mailbox over; the cycle's result was refused.
    FenceLost = "fence-lost",
    /// What is stored of the mailbox is not what the cycle read: its result was refused.
    StateMoved = "state-moved",
    /// This node is not sure any more that it owns the mailbox; it stopped writing.
    LeaseInDoubt = "lease-in-doubt",
    /// The mailbox goes to another node; the cycle ended early.
    HandedOver = "handed-over",
    /// The state store cannot be reached.
    StoreUnavailable = "store-unavailable",
    /// The cycle did not come to an end and was cut off (SCH-05).
    CycleStuck = "cycle-stuck",
    /// The last cycles of most mailboxes of the tenant failed within an hour (ERR-04).
    MostMailboxesFail = "most-mailboxes-fail",
    /// The cycle panicked; the mailbox recovers with back-off.
    CyclePanicked = "cycle-panicked",
    /// The mailbox failed too often and is parked.
    MailboxParked = "mailbox-parked",
    /// The supervisor of the tenant died again and again and waits before it starts once more.
    TenantPanicked = "tenant-panicked",
}

impl Code {
    /// Tells whether the item waits until its user decides to have it all the same.
    #[must_use]
    pub const fn awaits_decision(self) -> bool {
        matches!(self, Self::SchedulingConflict | Self::DuplicateFound)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
