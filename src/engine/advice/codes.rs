//! Codes: what would make each of them go away. `docs/codes.md` says more.

use crate::domain::code::Code;

macro_rules! advice {
    ($($code:ident $change:literal;)*) => {
        /// Returns what would change the outcome that a code stands for.
        #[must_use]
        pub const fn of_code(code: Code) -> &'static str {
            match code { $(Code::$code => $change,)* }
        }
    };
}

advice! {
    OrganizerMissing "Name an organizer in the appointment in Dynamics.";
    AwaitsInvitation "The organizer's mailbox sends the invitation in its own cycle; look there if it does not.";
    RecurringUnsupported "Give the series a rule that both sides can hold, or replace it by single appointments.";
    OccurrenceGone "Make a single appointment: a deleted occurrence is not brought back.";
    AwaitsExpansion "Nothing: it is carried once Dynamics has expanded the series that far.";
    OccurrenceAttendees "Invite to the whole series, or to a single appointment: guests of one occurrence are not carried.";
    PercentKept "Nothing: Exchange has no percentage, the number stays in Dynamics.";
    CopyAttended "Take the people off the copy again; the copy then follows its row.";
    RecurringTask "Make the task a single one; recurring tasks are never carried.";
    RowClosed "Open the row in Dynamics again.";
    PastMeetingHeld "Move the meeting into the future, or change it in Exchange, which mails its attendees.";
    NotRecreated "Make a new row, or track a new item: what was deleted in Exchange is not made again.";
    MeetingCancelled "Nothing: a meeting that is off needs no row. Its organizer may invite anew.";
    RowKnown "Nothing, or delete the item: its row already has another one.";
    SchedulingConflict "Let the user ignore the scheduling conflict, or free the party in Dynamics.";
    CopiedItem "Make a new item instead of a copy, or import copies by the organization's setting.";
    MovedAway "Move the item back into the main folder of its kind.";
    DirectionForbids "Change the direction of the field in the organization.";
    ColumnSecured "Grant the mailbox's user to read, create and update the column, or close its direction.";
    TimeZoneUnknown "Give the item a time zone that Windows or IANA knows.";
    DateOutOfRange "Give the item dates between the years 1753 and 4500.";
    TimesMissing "Give the appointment a start and an end.";
    EndBeforeStart "Move the end behind the start.";
    TextTruncated "Shorten the text to what the column in Dynamics holds.";
    PersonNotMade "Give the mailbox's user the privileges to create and read contacts or leads, or merge the rows of that address.";
    ValuesDropped "Remove values until the other side has a place for each.";
    ReplyIncomplete "Nothing on the item: the far side's reply lacked a field, and the item is read again.";
    SubjectMissing "Give the item a subject.";
    WriteRefused "Read the refusal in the trace of the cycle, mend the item, or change it to try again.";
    PrivilegeMissing "Give the mailbox's user the privilege, or share the row.";
    ResultUnknown "The next cycle looks for the item by its marker and goes on from what it finds.";
    ChangedMeanwhile "The next cycle reads the item again and decides anew.";
    PutOff "The next cycle tries again, once the far side lets it.";
    ItemParked "Change the item on either side, or release its mailbox with `lockstep release`.";
    DiffersAfterRelink "The next cycle decides by the conflict policy.";
    ConflictResolved "Choose another policy.conflict; the version that lost is kept for `undo`.";
    MailboxInactive "Activate the mailbox record in Dynamics.";
    MailboxNotApproved "Approve the address of the mailbox record in Dynamics.";
    MailboxNotEnabled "Test and enable the mailbox record in Dynamics.";
    DeliveryMethod "Set the record's method for appointments, contacts and tasks as `mailboxes.source` wants it.";
    QueueMailbox "Give the mailbox record to a user instead of a queue.";
    MailboxAmbiguous "Deactivate the other mailbox record of the same address or the same user.";
    ProfileUnsupported "Give the mailbox record an active Exchange server profile.";
    UserDisabled "Enable the user, and connect it to Entra.";
    NoFilters "Let the user make a synchronization filter in his personal options, or set policy.instantiate_filters.";
    CategoryByName "Grant the application MailboxSettings.ReadWrite in Exchange.";
    AddressMissing "Give the mailbox record an address.";
    NotListed "Add the address to `mailboxes.addresses` of the tenant file.";
    OtherEngine "Switch the other engine off for this mailbox, then set `takeover = true` once.";
    MailboxUnreachable "Let the application open the mailbox in Exchange, or create the mailbox.";
    DeleteBudget "Look at the plan with `lockstep plan`, then release the mailbox or raise the limit.";
    MailBudget "Look with `lockstep plan` at whom it mails, then release the mailbox or raise the limit.";
    SideEmptied "Find out why a side is suddenly empty; release the mailbox if it is meant.";
    PromiseBroken "Report the defect with the trace of the cycle.";
    CredentialsRefused "Renew the client secret, or the consent of the application.";
    FarSideUnreachable "Wait, or mend the network: the cycle is repeated by itself.";
    AnswerUnreadable "Wait: the cycle is repeated; report it when it stays.";
    AnswerTooLarge "Reduce the number of items or filters, or split the mailbox.";
    FenceLost "Nothing: another node owns the mailbox now and goes on.";
    StateMoved "Nothing: the next cycle goes on from what is stored now.";
    LeaseInDoubt "Bring the state store back, or mend the way to it; work goes on by itself.";
    HandedOver "Nothing: the node that owns the mailbox now goes on.";
    StoreUnavailable "Bring the state store back; the cycle is repeated by itself.";
    CyclePanicked "Report the defect with the log of the node.";
    CompanyUnknown "Make one account of exactly that name, or leave one of several.";
    AttachmentBlocked "Take the type off the organization's list of blocked types, or remove the file.";
    AttachmentTooLarge "Make the file smaller, or raise the organization's limit.";
    AttachmentForm "Attach the file itself instead of an inline image, an item or a link.";
    AttachmentNotKept "Nothing; `lockstep undo` cannot bring this file back.";
    AttachmentFailed "Wait: the file is tried again with the next cycle that looks at the item.";
    WouldMail "Allow the mail, or make the change in Exchange by hand.";
    Purged "Admit the mailbox again with `lockstep admit`.";
    OrganizerNotServed "Let the organizer's mailbox take part, or switch the organization's setting off.";
    DraftNotSent "Send the draft in Dynamics.";
    ContactInvalid "Give the contact a name, and only e-mail addresses that are some.";
    DuplicateFound "Let the user have the duplicate, or merge the two contacts in Dynamics.";
    ItemUnreadable "Wait: the far side could not answer for this item, and it is read again.";
    ItemUndecided "Report the defect with the log of the node; change the item, or retry it after an upgrade.";
    ReadUnfinished "Wait: the next cycle reads on from where this one stopped.";
    OtherOrganization "Take the mailbox over with `takeover = true`, or disconnect the other organization.";
    SyncNotYet "Wait, or clear `performactsyncafter` of the organization.";
    CycleStuck "Wait: the mailbox is tried again; report it with the trace of the cycle when it stays.";
    MostMailboxesFail "Look at the codes of the mailboxes: what most of them have in common is at fault.";
    TenantPanicked "Report the defect with the log of the node; change the tenant file to start it at once.";
    MailboxParked "Mend what the last code named, or release the mailbox.";
}
