//! The live edits of the demo: one plausible change on one side at each call.
//!
//! People change what they see: their own rows in Dynamics, their tracked or linked items in
//! Outlook. Past and closed meetings are let be, because the catalogue freezes them. Subjects keep
//! the number at their end. Absent: edits of a whole series, answers to invitations,
//! and mails.

mod dynamics;
mod example;
mod exchange;
mod series;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::compare::{Kind, mark_of};
use super::directory::Person;
use super::world::{Organization, World};
pub use example::{Step, WorkedExample};

/// How often another person or another edit is tried before a call gives up.
const TRIES: usize = 60;
/// The numbers of new items begin here, above those of a seed.
const FIRST_NUMBER: u32 = 500_000;

/// Where an edit happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    /// Dynamics 365.
    Dynamics,
    /// Outlook or To Do.
    Exchange,
}

/// What kind of edit it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Edit {
    /// A new subject.
    Rename,
    /// A meeting at another time.
    Move,
    /// One more attendee.
    AddAttendee,
    /// A task is done.
    Complete,
    /// A done task is open again.
    Reopen,
    /// A contact has another phone number.
    Phone,
    /// A new item.
    Create,
    /// An item is deleted.
    Delete,
    /// An item gets the category (LINK-02).
    Track,
    /// An item loses the category (LINK-06).
    Untrack,
    /// A contact gets another owner (FILT-07).
    ChangeOwner,
    /// One occurrence of a series takes place later on its day.
    MoveOccurrence,
    /// One occurrence of a series is deleted.
    DropOccurrence,
    /// An item is looked at: its version moves, its content doesn't (CONF-02).
    Open,
}

const EDITS: [(Side, Edit); 23] = [
    (Side::Dynamics, Edit::Rename),
    (Side::Exchange, Edit::Rename),
    (Side::Dynamics, Edit::Move),
    (Side::Exchange, Edit::Move),
    (Side::Exchange, Edit::Move),
    (Side::Dynamics, Edit::AddAttendee),
    (Side::Exchange, Edit::AddAttendee),
    (Side::Dynamics, Edit::Complete),
    (Side::Exchange, Edit::Complete),
    (Side::Dynamics, Edit::Reopen),
    (Side::Dynamics, Edit::Phone),
    (Side::Exchange, Edit::Phone),
    (Side::Dynamics, Edit::Create),
    (Side::Exchange, Edit::Create),
    (Side::Dynamics, Edit::Delete),
    (Side::Exchange, Edit::Delete),
    (Side::Exchange, Edit::Track),
    (Side::Exchange, Edit::Untrack),
    (Side::Exchange, Edit::Open),
    (Side::Dynamics, Edit::MoveOccurrence),
    (Side::Exchange, Edit::MoveOccurrence),
    (Side::Dynamics, Edit::DropOccurrence),
    (Side::Exchange, Edit::DropOccurrence),
];

/// One edit that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub at: DateTime<Utc>,
    /// The organization's name.
    pub organization: String,
    /// The address of the person's mailbox.
    pub mailbox: String,
    /// The person's name.
    pub who: String,
    /// A sentence for people.
    pub what: String,
    /// Where.
    pub side: Side,
    /// The kind of edit.
    pub edit: Edit,
    /// The kind of item.
    pub kind: Kind,
    /// The id of the row or the Exchange item.
    pub id: String,
    /// The pair, as (mailbox, number), that this edit puts beyond synchronization by a rule;
    /// a comparison excuses it.
    pub excuses: Option<(String, String)>,
}

/// A source of edits; the same seed and world give the same edits.
#[derive(Debug, Clone)]
pub struct Play {
    rng: fastrand::Rng,
    next: u32,
}

/// Whose turn it is, and when.
#[derive(Clone, Copy)]
struct Turn<'a> {
    organization: &'a Organization,
    person: &'a Person,
    now: DateTime<Utc>,
}

/// What an edit did, before it becomes an event.
struct Done {
    kind: Kind,
    id: String,
    /// The sentence without the name and the place.
    what: String,
    excuses: Option<String>,
}

impl Play {
    /// Returns a source of edits.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { rng: fastrand::Rng::with_seed(seed), next: FIRST_NUMBER }
    }

    /// Makes one edit in an organization; absent when nobody has anything to edit.
    pub fn next(&mut self, organization: &Organization, now: DateTime<Utc>) -> Option<Event> {
        for _ in 0..TRIES {
            let person = self.one(&organization.people)?;
            let turn = Turn { organization, person, now };
            let (side, edit) = match self.rng.usize(..=EDITS.len()) {
                0 => (Side::Dynamics, Edit::ChangeOwner),
                number => EDITS[number - 1],
            };
            let done = match side {
                Side::Dynamics => self.in_dynamics(turn, edit),
                Side::Exchange => self.in_exchange(turn, edit),
            };
            if let Some(done) = done {
                return Some(event(turn, side, edit, done));
            }
        }
        None
    }

    /// Makes one edit in any organization of a world, at the world's time.
    pub fn next_in(&mut self, world: &World) -> Option<Event> {
        let at = self.rng.usize(..world.organizations.len().max(1));
        self.next(world.organizations.get(at)?, world.now())
    }

    fn one<'t, T>(&mut self, list: &'t [T]) -> Option<&'t T> {
        if list.is_empty() { None } else { list.get(self.rng.usize(..list.len())) }
    }

    fn number(&mut self) -> String {
        self.next += 1;
        self.next.to_string()
    }

    fn renamed(&mut self, old: &str) -> Option<String> {
        const NAMES: [&str; 6] = [
            "Follow-up",
            "Zweiter Anlauf",
            "Revue finale",
            "Postponed talk",
            "最終確認",
            "Round two",
        ];
        let name = *self.one(&NAMES)?;
        Some(format!("{name} {}", mark_of(old)?))
    }

    /// Returns a time of a coming working day in the person's zone, and how to say it.
    fn slot(&mut self, turn: Turn<'_>) -> Option<(Timestamp, String)> {
        let zone = TimeZone::get(&turn.person.time_zone).ok()?;
        let today =
            Timestamp::from_second(turn.now.timestamp()).ok()?.to_zoned(zone.clone()).date();
        let date = today.checked_add(jiff::Span::new().days(self.rng.i64(2..40))).ok()?;
        let wall = date.at(self.rng.i8(8..18), 0, 0, 0);
        let start = zone.to_ambiguous_zoned(wall).compatible().ok()?;
        Some((start.timestamp(), start.strftime("%A %d %B %H:%M").to_string()))
    }

    fn phone(&mut self) -> String {
        format!("+49 30 {:04}-{:03}", self.rng.u16(..10_000), self.rng.u16(..1_000))
    }
}

fn event(turn: Turn<'_>, side: Side, edit: Edit, done: Done) -> Event {
    let Turn { organization, person, now } = turn;
    let place = match (side, done.kind) {
        (Side::Dynamics, _) => "Dynamics",
        (Side::Exchange, Kind::Task) => "To Do",
        (Side::Exchange, _) => "Outlook",
    };
    Event {
        at: now,
        organization: organization.name.clone(),
        mailbox: person.address.clone(),
        who: person.full_name(),
        what: format!("{} {} in {place}", person.full_name(), done.what),
        side,
        edit,
        kind: done.kind,
        id: done.id,
        excuses: done.excuses.map(|mark| (person.address.clone(), mark)),
    }
}

fn later(at: Timestamp, minutes: i64) -> Timestamp {
    Timestamp::from_second(at.as_second() + minutes * 60).unwrap_or(at)
}

fn mark(text: &str) -> Option<String> {
    mark_of(text).map(str::to_owned)
}
