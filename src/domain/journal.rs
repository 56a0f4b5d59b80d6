//! What is written down of decisions and of overwritten versions.
//!
//! A record says what was decided and done for one item: rules, codes, facts, ids. It holds no
//! content. A kept version holds the content that a write replaced, sealed with the tenant's key.

pub mod codec;
pub mod content;
pub mod file;
mod series;

use chrono::{DateTime, TimeDelta, Utc};

use super::code::Code;
use super::fact::{Fact, FactName, FactValue};
use super::field::{Fields, Group};
use super::ids::{CycleId, GlobalId, LinkId, MailboxKey, NativeId, UserId, Version};
use super::kind::Kind;
use super::link::LinkState;
use super::plan::{MailClass, Op, Outcome, Verb};
use super::side::{PerSide, Side};

/// One thing that was decided, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The instant of the cycle.
    pub at: DateTime<Utc>,
    /// The cycle.
    pub cycle: CycleId,
    /// Its trace, when traces are on.
    pub trace: Option<Box<str>>,
    /// The link.
    pub link: LinkId,
    /// The kind.
    pub kind: Kind,
    /// The items.
    pub native: PerSide<Option<NativeId>>,
    /// The rules that decided, the deciding one first. Text: a rule may be gone from the catalogue.
    pub rules: Vec<Box<str>>,
    /// What was decided.
    pub verb: Verb,
    /// The groups that were carried.
    pub groups: Vec<Group>,
    /// Why something was left alone, or what was lost.
    pub code: Option<Code>,
    /// What the decision rested on.
    pub facts: Vec<Fact>,
    /// What was sent to each side, and how it ended.
    pub done: PerSide<Option<Done>>,
    /// Whom the writes mailed.
    pub mail: MailClass,
    /// The code of what failed.
    pub failed: Option<Code>,
    /// What the link became; `None` when it was forgotten or never stored.
    pub state: Option<LinkState>,
}

impl Record {
    /// Tells whether it is about the files of an appointment, not about its other content (ATT-02).
    #[must_use]
    pub fn is_of_files(&self) -> bool {
        self.groups == [Group::Files]
    }

    /// Returns all codes, that of a failure first: what was noted beside the code stands among the facts.
    #[must_use]
    pub fn codes(&self) -> Vec<&str> {
        let notes = self.facts.iter().filter_map(|fact| match &fact.value {
            FactValue::Word(word) if fact.name == FactName::Note => Some(&**word),
            FactValue::Word(_)
            | FactValue::Flag(_)
            | FactValue::Count(_)
            | FactValue::Time(_)
            | FactValue::Id(_)
            | FactValue::Groups(_) => None,
        });
        let decided = self.code.filter(|code| Some(*code) != self.failed);
        let mut all: Vec<&str> = self.failed.into_iter().chain(decided).map(Code::as_str).collect();
        all.extend(notes);
        all
    }
}

/// One write and its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Done {
    /// What was sent.
    pub op: OpName,
    /// How it ended.
    pub ending: Ending,
}

/// A write by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OpName {
    /// A new item.
    Create,
    /// A change.
    Update,
    /// A removal.
    Delete,
    /// Marker and category taken off.
    Unmark,
}

/// How a write ended; `Outcome` without content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ending {
    /// Confirmed.
    Done,
    /// The item had changed; nothing was written.
    Stale,
    /// The item was gone; nothing was written.
    Missing,
    /// The far side refused.
    Refused(Code),
    /// No answer came.
    Unknown,
    /// It was not sent.
    NotSent,
}

/// A version that a write replaced or removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// When, and for which item.
    pub label: KeptLabel,
    /// The content (`content::encode`), sealed.
    pub sealed: Vec<u8>,
}

/// What is known of a kept version without the tenant's key. The seal covers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptLabel {
    /// The instant of the cycle.
    pub at: DateTime<Utc>,
    /// The cycle. Its record says whether the write was confirmed: a version is kept before the
    /// write is sent.
    pub cycle: CycleId,
    /// The link.
    pub link: LinkId,
    /// The kind.
    pub kind: Kind,
    /// The side that was written.
    pub side: Side,
    /// The item on that side.
    pub native: NativeId,
    /// What the write did: an update or a delete.
    pub op: OpName,
    /// The rule that decided.
    pub rule: Box<str>,
    /// The version that was replaced.
    pub version: Option<Version>,
}

/// The content of a kept version: all that Lockstep reads of an item, as it was before the write.
/// What it does not read (other columns) is not in it; a file that is removed is a version by itself
/// (`file`).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct KeptContent {
    /// The fields, in comparable form.
    pub fields: Fields,
    /// The owner of the row.
    pub owner: Option<UserId>,
    /// The organizer by the row.
    pub organizer: Option<UserId>,
    /// The identity of the meeting.
    pub uid: Option<GlobalId>,
    /// The item carried a tracking signal.
    pub tracked: bool,
}

/// How long things are remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Records of decisions.
    pub decisions: TimeDelta,
    /// Kept versions; zero keeps none.
    pub versions: TimeDelta,
}

impl Default for Retention {
    fn default() -> Self {
        Self { decisions: TimeDelta::days(30), versions: TimeDelta::days(30) }
    }
}

impl KeptLabel {
    /// Returns the bytes that the seal covers beside the content: a sealed version that is moved to
    /// another mailbox, item or side does not open.
    #[must_use]
    pub fn bound_to(&self, mailbox: &MailboxKey) -> Vec<u8> {
        let mut bytes = mailbox.to_string().into_bytes();
        bytes.push(0);
        bytes.extend(codec::encode_label(self));
        bytes
    }
}

impl OpName {
    /// Returns the name of a write.
    #[must_use]
    pub const fn of(op: &Op) -> Self {
        match op {
            Op::Create { .. } => Self::Create,
            Op::Update { .. } => Self::Update,
            Op::Delete { .. } => Self::Delete,
            Op::Unmark { .. } => Self::Unmark,
        }
    }

    /// Returns the name in JSON and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Unmark => "unmark",
        }
    }
}

impl Ending {
    /// Returns the ending of a write.
    #[must_use]
    pub const fn of(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Done(_) => Self::Done,
            Outcome::Stale => Self::Stale,
            Outcome::Missing => Self::Missing,
            Outcome::Refused(code) => Self::Refused(*code),
            Outcome::Unknown => Self::Unknown,
            Outcome::NotSent => Self::NotSent,
        }
    }

    /// Returns the name in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Stale => "stale",
            Self::Missing => "missing",
            Self::Refused(_) => "refused",
            Self::Unknown => "unknown",
            Self::NotSent => "not sent",
        }
    }
}
