//! What was seen of one item on one side in one cycle.

use chrono::NaiveDate;

use super::code::Code;
use super::field::Fields;
use super::ids::{Address, GlobalId, LinkId, NativeId, UserId, Version};
use super::kind::Kind;
use super::party::Party;
use super::side::Side;

/// One item as an adapter saw it. The fields are mapped to the vocabulary of `Field`, but not yet
/// put into comparable form; that is the work of `engine::normalise`.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// The side it was seen on.
    pub side: Side,
    /// Its kind. On Exchange: the kind a new row would get; the link knows better.
    pub kind: Kind,
    /// Its id on that side.
    pub id: NativeId,
    /// Its version, absent when it is gone.
    pub version: Option<Version>,
    /// Whether it is there.
    pub presence: Presence,
    /// The link that its marker names (INV-7); on Dynamics the guid of a row we created.
    pub marker: Option<LinkId>,
    /// `iCalUId` or `globalobjectid`.
    pub uid: Option<GlobalId>,
    /// What it holds; empty when it is gone or may not be read.
    pub fields: Fields,
    /// What rules need to know beside the fields.
    pub facts: Facts,
    /// What could not be mapped (a visible fidelity note, never an error).
    pub losses: Vec<Code>,
    /// Why it cannot be synchronized at all, when the adapter knows (unknown time zone, …).
    pub unfit: Option<Code>,
}

/// Whether an item is there, as proven by a read: `@removed` alone never says `Deleted`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Presence {
    /// It is there; on Dynamics it also matches the user's filters.
    Present,
    /// Dynamics only: it exists and the user may read it, but no filter returns it (FILT-05).
    LeftFilter,
    /// Dynamics only: it exists, but the user may no longer read it (FILT-05).
    Unreadable,
    /// It no longer exists; probed by id.
    Deleted,
    /// Exchange only: it exists, but outside the collections that are synchronized (CXL-12).
    MovedAway,
}

/// Facts of one side that rules use and that are not content.
#[derive(Debug, Clone, PartialEq)]
pub enum Facts {
    /// Of a row.
    Dynamics(DynamicsFacts),
    /// Of an Exchange item.
    Exchange(ExchangeFacts),
}

/// Facts of a row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DynamicsFacts {
    /// `ownerid` when the owner is a user.
    pub owner: Option<UserId>,
    /// The party of type Organizer (ORG-01).
    pub organizer: Option<UserId>,
    /// `isdraft` of an appointment (APPT-OUT-12).
    pub draft: bool,
}

/// Facts of an Exchange item.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExchangeFacts {
    /// It carries a tracking signal (LINK-02).
    pub tracked: bool,
    /// The names of its categories, as long as it is open which of them tracks (LINK-07). Content:
    /// the adapter takes them off before it hands the item over.
    pub categories: Vec<String>,
    /// The tracking signal was set by the app, which asked its user about conflicts (APPT-IN-08).
    pub by_app: bool,
    /// The mailbox owner organizes it (ORG-06).
    pub is_organizer: bool,
    /// The organizer's address.
    pub organizer: Option<Address>,
    /// Its body came as HTML (APPT-OUT-13).
    pub html: bool,
    /// It names an organizer without an e-mail address (ORG-07).
    pub unaddressed: bool,
    /// Its user untracked it in the app (LINK-10).
    pub untracked: bool,
    /// It was cancelled by its organizer (CXL-13).
    pub is_cancelled: bool,
    /// It is a series or part of one, or a recurring task (REC-01, REC-10).
    pub recurring: bool,
    /// Lockstep made the item, from a row; it carries the mark of that beside its marker.
    pub made: bool,
    /// The occurrences of a series that have other attendees than it, by their days, and whom: a write
    /// to one mails these.
    pub guests: Vec<(NaiveDate, Vec<Party>)>,
    /// An event outside the delta's window; set by the cycle, never by an adapter.
    pub off_feed: bool,
}

impl Observation {
    /// Returns the facts of a row; the defaults for an Exchange item.
    #[must_use]
    pub fn dynamics_facts(&self) -> DynamicsFacts {
        if let Facts::Dynamics(facts) = &self.facts { facts.clone() } else { Default::default() }
    }

    /// Returns the facts of an Exchange item; the defaults for a row.
    #[must_use]
    pub fn exchange_facts(&self) -> ExchangeFacts {
        if let Facts::Exchange(facts) = &self.facts { facts.clone() } else { Default::default() }
    }
}
