//! The link: what both sides last agreed on (architecture §2, "persist observations, not work").

pub mod codec;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::code::Code;
use super::field::Group;
use super::fingerprint::Prints;
use super::ids::{GlobalId, LinkId, NativeId, UserId, Version};
use super::kind::Kind;
use super::side::{PerSide, Side};

/// The memory of one pair of items. It holds ids, versions and keyed hashes, no content.
///
/// The id of a link is the guid of the row, whoever made it: a row created from Exchange gets the
/// link's id as its key, and an Exchange item carries the guid of its row as its marker. So either
/// item leads to the other when the store is lost (INV-7).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The identity of the pair, also the marker on both sides.
    pub id: LinkId,
    /// The kind; for Exchange's tasks the kind of the row (TASK-IN-01).
    pub kind: Kind,
    /// Where the pair stands.
    pub state: LinkState,
    /// What this mailbox is in the meeting.
    pub role: Role,
    /// The side on which the item was first seen.
    pub origin: Side,
    /// The ids.
    pub native: PerSide<Option<NativeId>>,
    /// The versions at the last agreement, or seen with the trouble.
    pub version: PerSide<Option<Version>>,
    /// What each side held at the last agreement.
    pub agreed: PerSide<Prints>,
    /// `iCalUId` / `globalobjectid`.
    pub uid: Option<GlobalId>,
    /// The owner last seen (CONT-05).
    pub last_owner: Option<UserId>,
    /// The row has matched a filter of the user at least once; until then leaving the filter
    /// means nothing (rules.md §6 question 3).
    pub matched: bool,
    /// The event lies outside the delta's window: its changes are listed by time instead.
    pub off_feed: bool,
    /// The Exchange item has carried the tracking category, so that its absence says something
    /// (LINK-06).
    pub tagged: bool,
    /// The user decided to ignore a scheduling conflict or a duplicate: the row is created all the
    /// same (APPT-IN-07, CONF-06).
    pub ignores_conflict: bool,
    /// The next instant at which time alone changes what the pair should hold (TASK-OUT-10). The
    /// first cycle after it reads both items again, whatever the feeds say.
    pub wake: Option<DateTime<Utc>>,
    /// The files of both items were compared once and nothing of that is outstanding (ATT-02).
    pub files_known: bool,
    /// All three addresses of a contact took part in the last agreement (ADDR-04).
    pub three_addresses: bool,
    /// What updates of ours without an answer may have left on each side: groups with the fingerprint
    /// that they hold then, 0 for one that is empty. What a side holds of it is no edit (CONF-05).
    pub sent: PerSide<Vec<(Group, u64)>>,
    /// What failed last; the link is *unsettled* while this stands.
    pub trouble: Option<Trouble>,
}

/// Where a pair stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LinkState {
    /// The create marker: a create on this side may have been sent; its result is unknown.
    Creating(Side),
    /// Both items exist and agree but for what `trouble` says.
    Agreed,
    /// Both items may exist, but changes no longer flow (CXL-06, CONT-03, TASK-OUT-09, LINK-06).
    Unlinked(Why),
    /// The Exchange item was deleted and the row kept; never recreated by itself (CONT-10).
    DeletedInExchange,
    /// One item alone, seen and left alone for the reason in `trouble`.
    LeftAlone,
}

/// Why a pair was dissolved, which is also what may bring it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Why {
    /// The row left the filter; it comes back when the row matches again.
    LeftFilter,
    /// The row is gone; nothing brings the pair back (no resurrected delete).
    RowGone,
    /// The category was removed in Exchange (LINK-06); it comes back with the category.
    Untracked,
    /// The Exchange item was moved out of the synchronized collections (CXL-12).
    MovedAway,
}

/// What the syncing user's mailbox is in a meeting (ORG-01, APPT-OUT-14).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Role {
    /// Writes in both directions: the organizer's own item, and every contact and task.
    Owner,
    /// An attendee's copy of a meeting whose organizer's mailbox is synchronized: writes nothing.
    Follower,
    /// An attendee's copy of a meeting organized elsewhere: its changes reach Dynamics only.
    Guest,
    /// A silent copy without attendees that we made: for an attendee, or of a service activity
    /// (SVC-03).
    PrivateCopy,
}

/// Why a link is unsettled or left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// The cause.
    pub code: Code,
    /// It was tried too often and waits for a change or an operator (ERR-02).
    pub parked: bool,
    /// How often it was tried.
    pub attempts: u8,
    /// Since when.
    pub since: DateTime<Utc>,
}

impl Trouble {
    /// Tells whether a reply, or Lockstep itself, was at fault, which says nothing of the item: it is
    /// asked for again.
    #[must_use]
    pub const fn is_of_the_reply(code: Code) -> bool {
        matches!(code, Code::ReplyIncomplete | Code::ItemUnreadable | Code::ItemUndecided)
    }

    /// Tells whether a booking that Dynamics refused is tried again by itself: only then are its attempts
    /// counted (APPT-IN-07).
    #[must_use]
    pub const fn books_again(self) -> bool {
        matches!(self.code, Code::SchedulingConflict) && self.attempts > 0
    }

    /// Returns the code that operators see first: a parked item is parked, whatever the cause.
    #[must_use]
    pub const fn shown(self) -> Code {
        if self.parked { Code::ItemParked } else { self.code }
    }
}

impl Link {
    /// Builds a link that knows only its identity.
    #[must_use]
    pub fn new(id: LinkId, kind: Kind, origin: Side, state: LinkState) -> Self {
        Self {
            id,
            kind,
            state,
            role: Role::Owner,
            origin,
            native: PerSide::default(),
            version: PerSide::default(),
            agreed: PerSide::default(),
            uid: None,
            last_owner: None,
            matched: false,
            off_feed: false,
            tagged: false,
            ignores_conflict: false,
            wake: None,
            files_known: false,
            three_addresses: false,
            sent: PerSide::default(),
            trouble: None,
        }
    }

    /// Tells whether time alone may have changed what the pair should hold.
    #[must_use]
    pub fn is_due(&self, now: DateTime<Utc>) -> bool {
        self.state == LinkState::Agreed && self.wake.is_some_and(|wake| wake < now)
    }

    /// Tells whether a contact was agreed on with other addresses than take part now: both items are
    /// read once more, whatever the feeds say (ADDR-04).
    #[must_use]
    pub fn switches_addresses(&self, three_addresses: bool) -> bool {
        let agreed = self.kind == Kind::Contact && self.state == LinkState::Agreed;
        agreed && self.three_addresses != three_addresses
    }

    /// Tells whether a deviating occurrence waits for its row in Dynamics, which comes without
    /// anybody's doing (REC-05).
    #[must_use]
    pub fn awaits_expansion(&self) -> bool {
        self.trouble.is_some_and(|trouble| trouble.code == Code::AwaitsExpansion)
    }

    /// Tells whether the next cycle must read both items again, whatever the feeds say. A parked
    /// item waits for a change or an operator instead (ERR-02); so does one that was left alone,
    /// unless a reply was at fault, which says nothing of the item, or its booking is tried again.
    #[must_use]
    pub fn is_unsettled(&self) -> bool {
        let code = self.trouble.map(|trouble| trouble.code);
        match self.state {
            _ if self.is_parked() || self.awaits_expansion() => false,
            LinkState::Creating(_) => true,
            LinkState::LeftAlone => {
                let decided = self.ignores_conflict && code.is_some_and(Code::awaits_decision);
                let again = self.trouble.is_some_and(Trouble::books_again);
                decided || again || code.is_some_and(Trouble::is_of_the_reply)
            }
            LinkState::Agreed | LinkState::Unlinked(_) | LinkState::DeletedInExchange => {
                code.is_some()
            }
        }
    }

    /// Tells whether the item was tried too often and waits for a change or an operator (ERR-02).
    #[must_use]
    pub fn is_parked(&self) -> bool {
        self.trouble.is_some_and(|trouble| trouble.parked)
    }
}
