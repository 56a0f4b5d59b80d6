//! What becomes of a field on its way through Graph: kept, mapped or lost, in each direction.
//!
//! The table of `docs/fidelity.md` is made of this and of the adapters' tables of names. It speaks
//! of the defaults: a direction that somebody chose (FLD-02) narrows it. Absent: EWS, for which
//! there is no adapter.

use crate::domain::field::Field;
use crate::domain::kind::{Collection, Kind};
use crate::domain::policy::Settings;
use crate::domain::side::Side;
use crate::engine::groups;

/// What becomes of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// The other side holds the same.
    Kept,
    /// The other side holds as much of the text as fits.
    Cut(usize),
    /// The other side says it in other words, or in part.
    Mapped(&'static str),
    /// The other side has no place for it, or must not hear it.
    Lost(&'static str),
}

impl std::fmt::Display for Fate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Kept => f.write_str("kept"),
            Self::Cut(most) => write!(f, "kept, up to {most} characters (FLD-05)"),
            Self::Mapped(how) => write!(f, "mapped: {how}"),
            Self::Lost(why) => write!(f, "lost: {why}"),
        }
    }
}

/// Returns what becomes of a field of a kind that leaves a side; `named` says that Graph has a
/// property for it.
#[must_use]
pub fn fate(kind: Kind, field: Field, from: Side, named: bool) -> Fate {
    match from {
        Side::Dynamics => to_exchange(kind, field, named),
        Side::Exchange => to_dynamics(kind, field, named),
    }
}

fn to_exchange(kind: Kind, field: Field, named: bool) -> Fate {
    let service = kind == Kind::ServiceAppointment;
    let calendar = kind.collection() == Collection::Calendar;
    let people = matches!(field, Field::RequiredAttendees | Field::OptionalAttendees);
    let status = matches!(field, Field::State | Field::StatusReason);
    let rules = [
        (status && service, Fate::Mapped("by the table of SVC-06")),
        (status && calendar, Fate::Mapped("by the table of APPT-OUT-02 and APPT-OUT-03")),
        (status, Fate::Mapped("by TASK-OUT-05 to TASK-OUT-07")),
        (people && service, Fate::Mapped("their names stand in the body (SVC-06)")),
        (people, Fate::Mapped("those with an address; others stay in Dynamics")),
    ];
    let words = [
        (Field::PercentComplete, Fate::Mapped("as the status (TASK-OUT-07); the number is noted")),
        (Field::Due, Fate::Mapped("the day; the time of day rings as the reminder (TASK-OUT-03)")),
        (Field::TaskStart, Fate::Mapped("the day")),
        (Field::ActualEnd, Fate::Mapped("the day, once the task is completed (TASK-OUT-08)")),
        (Field::ActualStart, Fate::Lost("a to-do task has no actual start")),
        (Field::Private, Fate::Lost("Exchange alone says what is private (APPT-IN-09)")),
        (Field::Company, Fate::Mapped("the name of the parent (CONT-08)")),
    ];
    first(&rules, &words, field).unwrap_or_else(|| plain(kind, field, named, Fate::Kept))
}

fn to_dynamics(kind: Kind, field: Field, named: bool) -> Fate {
    let calendar = kind.collection() == Collection::Calendar;
    let people = matches!(field, Field::RequiredAttendees | Field::OptionalAttendees);
    let status = matches!(field, Field::State | Field::StatusReason);
    let street = matches!(field, Field::Street1 | Field::Street2 | Field::Street3);
    let day = "the day; a row keeps its time of day";
    let rules = [
        (
            kind == Kind::ServiceAppointment,
            Fate::Lost("nothing of a copy reaches Dynamics (SVC-04)"),
        ),
        (status && calendar, Fate::Mapped("by the table of APPT-IN-02 to APPT-IN-04")),
        (status, Fate::Mapped("by TASK-IN-02 to TASK-IN-06")),
        (people, Fate::Mapped("resolved to rows, or by address (APPT-IN-10)")),
        (street, Fate::Mapped("three lines of 250 characters")),
    ];
    let words = [
        (Field::PercentComplete, Fate::Mapped("100 and 0 from the status, else as it was")),
        (Field::Due, Fate::Mapped(day)),
        (Field::TaskStart, Fate::Mapped(day)),
        (Field::ActualEnd, Fate::Mapped("the day of completion")),
        (Field::ActualStart, Fate::Mapped("the instant of the import (TASK-IN-03)")),
        (
            Field::Private,
            Fate::Mapped("anything but normal is private, when switched on (APPT-IN-09)"),
        ),
        (Field::Company, Fate::Mapped("the one account of exactly that name (CONT-08)")),
    ];
    let fits = groups::max_chars(kind, field).map_or(Fate::Kept, Fate::Cut);
    first(&rules, &words, field).unwrap_or_else(|| plain(kind, field, named, fits))
}

/// Returns the first rule that holds, else what is said of the field.
fn first(rules: &[(bool, Fate)], words: &[(Field, Fate)], field: Field) -> Option<Fate> {
    let rule = rules.iter().find(|(holds, _)| *holds).map(|(_, fate)| fate);
    let word = || words.iter().find(|(one, _)| *one == field).map(|(_, fate)| fate);
    rule.or_else(word).cloned()
}

/// Returns what becomes of a field of which no rule says anything special.
fn plain(kind: Kind, field: Field, named: bool, kept: Fate) -> Fate {
    if !takes_part(kind, field) {
        Fate::Lost("not synchronized")
    } else if named {
        kept
    } else {
        Fate::Lost("Graph has no place for it")
    }
}

/// Tells whether a field belongs to a group of its kind, with everything switched on.
fn takes_part(kind: Kind, field: Field) -> bool {
    let settings = Settings { sync_private: true, three_addresses: true, ..Settings::default() };
    field.group().is_some_and(|group| groups::of(kind, &settings).contains(&group))
}

/// What Exchange holds and no column of Dynamics does: what it is, and what becomes of it.
pub const ONLY_IN_EXCHANGE: &[(&str, &str, &str)] = &[
    (
        "event",
        "reminder",
        "set by rule towards Exchange and never read back (APPT-OUT-04, APPT-OUT-05)",
    ),
    (
        "event",
        "categories",
        "kept in Exchange; the tracking category is set on linked items (LINK-08)",
    ),
    (
        "event, task",
        "entry of the tracking category in the mailbox's list of categories",
        "made when it is missing and known by its id: items are tracked under every name that it had (LINK-07)",
    ),
    (
        "event",
        "working elsewhere",
        "mapped to free; not overwritten while the row stays free (APPT-IN-04)",
    ),
    ("event", "answers of attendees", "kept in Exchange"),
    (
        "event",
        "a folder below the main calendar",
        "its events are not synchronized: Graph lists all calendars side by side and says of none in which folder it lies, so that it cannot be told from a calendar of its own (LINK-04)",
    ),
    (
        "contact",
        "a folder below the default one",
        "its contacts are not synchronized; the source of LINK-04 speaks of calendars only",
    ),
    (
        "task",
        "a list beside the default one",
        "its tasks are not synchronized; no list of To Do lies below another (LINK-04)",
    ),
    (
        "event",
        "an organizer or attendee of whom Dynamics has no row",
        "an attendee stays an address, or becomes a contact or lead when the user asks for it (RES-03); an outside organizer is no organizer (ORG-05)",
    ),
    (
        "series",
        "attendees of a single occurrence",
        "kept in Exchange, noted (`occurrence-attendees`)",
    ),
    ("event", "rooms and other resources", "kept in Exchange, noted (`values-dropped`)"),
    ("event", "online meeting", "kept in Exchange; its text in the body is carried as text"),
    (
        "event",
        "form of a body (HTML)",
        "the text is carried; with the rich editor switched on, the format of single appointments, without colours, fonts and images (APPT-OUT-13)",
    ),
    (
        "event",
        "attachments",
        "by ATT-02, when switched on: files; items, links and inline images stay (`attachment-form`)",
    ),
    (
        "contact",
        "fourth and further addresses, third and further phones",
        "kept in Exchange, noted (`values-dropped`)",
    ),
    ("contact", "photo, instant-message addresses, profession, office", "kept in Exchange"),
    (
        "contact",
        "mailing-address flag",
        "unknown to Graph; the business address is the first address (ADDR-03)",
    ),
    ("task", "recurrence", "the task is never synchronized (`recurring-task`, REC-10)"),
    ("task", "checklist, attachments", "kept in Exchange"),
    (
        "task",
        "assignment",
        "unknown to Graph: a tracked task belongs to the mailbox's owner (ASGN-01, TASK-IN-07)",
    ),
    (
        "task",
        "reminder",
        "set by rule towards Exchange and never read back (TASK-OUT-02, TASK-OUT-03)",
    ),
];

/// What Dynamics holds and no property of Graph does.
pub const ONLY_IN_DYNAMICS: &[(&str, &str, &str)] = &[
    (
        "appointment",
        "regardingobjectid",
        "kept in Dynamics, never changed by synchronization (LINK-10)",
    ),
    (
        "task, phonecall, letter, fax",
        "regardingobjectid",
        "kept in Dynamics, never changed by synchronization (LINK-10)",
    ),
    (
        "recurringappointmentmaster",
        "attendees of a single instance",
        "kept in Dynamics, noted (`occurrence-attendees`)",
    ),
    ("task", "percentcomplete between 1 and 99", "kept in Dynamics, noted (`percent-kept`)"),
    (
        "task",
        "crmtaskassigneduniqueid",
        "kept in Dynamics, never changed by synchronization (ASGN-04)",
    ),
    ("phonecall, letter, fax", "sender, recipients, numbers", "kept in Dynamics"),
];
