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
    NothingToDo "LINK-11" "Microsoft's own link state lies in named properties of the item." "COMM; META" "Lockstep's marker is a property of its own; Microsoft's are not read.";
    NothingToDo "APPT-IN-12" "An invitee tracks a meeting whose organizer uses the old Outlook client only when the organizer is external." "DOC troubleshooting-monitoring" "About the retired Outlook client.";
    NothingToDo "ASGN-02" "Assigner and assignee are of one organization." "BASE L270" "To Do does not tell who assigned a task (see ASGN-01).";
    NothingToDo "ASGN-03" "A task that is assigned to several people is not synchronized." "BASE L271" "To Do does not tell who assigned a task (see ASGN-01).";
    NothingToDo "CONF-01" "No page says who wins when both sides changed the same field." "COMM" "A statement of fact; CONF-03 is this program's answer.";
    NothingToDo "ERR-03" "Monitoring of single items can be switched off." "DOC OrgDbOrgSettings" "It is always on.";
    NothingToDo "ERR-06" "Mail that cannot be delivered is marked by a category." "DOC use-outlook-category" "About e-mail.";
    NothingToDo "SCH-02" "What the app tracks is synchronized at once." "DOC frequently-asked-questions" "The app is Microsoft's and writes its rows itself.";
    NothingToDo "SCH-04" "Connections, waiting times and polling have limits on the server profile." "DOC connect-exchange-server-on-premises, server-side-synchronization; META" "Graph and Dataverse have limits of their own, obeyed as budgets.";
    NothingToDo "SCH-06" "The dates from which mail is processed do not concern appointments, contacts and tasks." "DOC best-practices-server-side-synchronization" "About e-mail.";
    NothingToDo "SVC-07" "Field Service bookings have a synchronization of their own." "DOC system-settings-dialog-box-synchronization-tab; META" "Another product.";
}
