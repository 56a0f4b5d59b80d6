//! The rules of the book that this version does not obey, and why: those that wait to be built,
//! and those that ask nothing of a program that speaks Dataverse and Graph.
//!
//! The list only shrinks: a rule that gets a test must leave it for the catalogue (a test sees to it).

/// Why a rule is not in the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It will hold one day.
    NotYet,
    /// There is nothing to obey: a statement of fact, or about a part that this program has not.
    NothingToDo,
}

/// A rule that this version does not obey.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pending {
    /// The id.
    pub id: &'static str,
    /// What it says.
    pub sentence: &'static str,
    /// Where it stands.
    pub source: &'static str,
    /// Whether it will hold one day.
    pub standing: Standing,
    /// What happens instead, or why there is nothing to do.
    pub why: &'static str,
}

macro_rules! pending {
    ($($standing:ident $id:literal $sentence:literal $source:literal $why:literal;)*) => {
        /// All pending rules in the order of the book.
        pub const ALL: &[Pending] = &[
            $(Pending {
                id: $id,
                sentence: $sentence,
                source: $source,
                standing: Standing::$standing,
                why: $why,
            },)*
        ];
    };
}

pending! {
    NothingToDo "ELIG-09" "With one service account on premises, Exchange impersonation is needed." "DOC best-practices-server-side-synchronization" "Exchange on premises speaks no Graph.";
    NothingToDo "ELIG-14" "Server-side synchronization is the preferred of the methods; the client's own is retired." "BASE L20" "A statement of fact.";
    NotYet "LINK-07" "The category is known by its id and is made again when it was deleted from the master list." "DOC use-outlook-category; META" "The category is known by its name.";
    NotYet "LINK-10" "Tracking with a regarding row sets it; a contact that is linked to an account gets it as its parent." "DOC track-message-or-appointment, track-without-set-regarding, track-contacts" "A row made from Exchange regards nothing.";
    NothingToDo "LINK-11" "Microsoft's own link state lies in named properties of the item." "COMM; META" "Lockstep's marker is a property of its own; Microsoft's are not read.";
    NotYet "ORG-07" "A meeting without an organizer's address keeps the organizer of its row, when the organization says so." "DOC OrgDbOrgSettings" "The setting has no effect.";
    NotYet "APPT-OUT-13" "Bodies are plain text unless the organization has the rich editor." "DOC enable-rich-text-experience" "Bodies are plain text in both directions.";
    NothingToDo "APPT-IN-12" "An invitee tracks a meeting whose organizer uses the old Outlook client only when the organizer is external." "DOC troubleshooting-monitoring" "About the retired Outlook client.";
    NothingToDo "ASGN-02" "Assigner and assignee are of one organization." "BASE L270" "To Do does not tell who assigned a task (see ASGN-01).";
    NothingToDo "ASGN-03" "A task that is assigned to several people is not synchronized." "BASE L271" "To Do does not tell who assigned a task (see ASGN-01).";
    NotYet "FLD-04" "A column that its user may not write is left out, said so, and not blanked in Exchange." "DOC how-field-security-affects-synchronization; PROPOSED" "The item is refused as a whole and parked.";
    NothingToDo "CONF-01" "No page says who wins when both sides changed the same field." "COMM" "A statement of fact; CONF-03 is this program's answer.";
    NotYet "RES-03" "Contacts for unknown senders are made when the user's options say so." "DOC set-personal-options, OrgDbOrgSettings" "Unknown attendees stay addresses.";
    NothingToDo "ERR-03" "Monitoring of single items can be switched off." "DOC OrgDbOrgSettings" "It is always on.";
    NotYet "ERR-04" "Alerts have a level and reach the owner of the mailbox or of the profile." "DOC monitor-email-processing-errors; META; SETXML" "Codes stand in status, API and metrics; nobody is written to.";
    NotYet "ERR-05" "Known failures are told apart by their codes." "DOC troubleshooting-monitoring" "Failures carry Lockstep's codes (docs/codes.md).";
    NothingToDo "ERR-06" "Mail that cannot be delivered is marked by a category." "DOC use-outlook-category" "About e-mail.";
    NotYet "SCH-01" "After a cycle the mailbox waits 5 to 12 minutes, by its recent activity." "DOC server-side-synchronization" "It waits for the sweep interval, always the same.";
    NothingToDo "SCH-02" "What the app tracks is synchronized at once." "DOC frequently-asked-questions" "The app is Microsoft's and writes its rows itself.";
    NothingToDo "SCH-04" "Connections, waiting times and polling have limits on the server profile." "DOC connect-exchange-server-on-premises, server-side-synchronization; META" "Graph and Dataverse have limits of their own, obeyed as budgets.";
    NotYet "SCH-05" "A stuck mailbox is unlocked; before the organization's start instant nothing is synchronized." "META" "A cycle that hangs ends by its requests' time limits; the instant is not read.";
    NothingToDo "SCH-06" "The dates from which mail is processed do not concern appointments, contacts and tasks." "DOC best-practices-server-side-synchronization" "About e-mail.";
    NotYet "SCH-07" "A mailbox that was away for longer than deleted rows are remembered is reconciled in full." "SETXML" "Every sweep compares all rows by id; nothing is read from deletion logs.";
    NothingToDo "SVC-07" "Field Service bookings have a synchronization of their own." "DOC system-settings-dialog-box-synchronization-tab; META" "Another product.";
}
