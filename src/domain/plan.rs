//! What is to be done, and what came of it.

use uuid::Uuid;

use super::code::Code;
use super::field::{Group, Patch};
use super::ids::{LinkId, NativeId, Version};
use super::kind::Kind;
use super::observation::Observation;
use super::rule::RuleId;
use super::side::Side;

/// One write to one side.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The link it serves; the marker of a create.
    pub link: LinkId,
    /// The idempotency key of a create (`transactionId`): the same for every repeat of one create,
    /// another for the next create of the same pair.
    pub key: Uuid,
    /// The kind of the item.
    pub kind: Kind,
    /// The side that is written.
    pub on: Side,
    /// What is written.
    pub op: Op,
    /// Whether Exchange will mail attendees because of it; classed before it is sent.
    pub mail: MailClass,
}

/// The write itself.
#[derive(Debug, Clone, PartialEq)]
pub enum Op {
    /// Make a new item that carries the link as its marker.
    Create {
        /// All fields of the new item.
        patch: Patch,
    },
    /// Change an item that is still at a known version.
    Update {
        /// The item.
        id: NativeId,
        /// The version it must still have (`If-Match`).
        expected: Option<Version>,
        /// The fields to change.
        patch: Patch,
        /// The groups that the patch carries.
        groups: Vec<Group>,
        /// Put the marker and the category on the item as well (adoption of a foreign item).
        mark: bool,
    },
    /// Take marker and category off an item that is still at a known version; Exchange only.
    Unmark {
        /// The item.
        id: NativeId,
        /// The version it must still have.
        expected: Option<Version>,
    },
    /// Remove an item that is still at a known version.
    Delete {
        /// The item.
        id: NativeId,
        /// The version it must still have.
        expected: Option<Version>,
    },
}

/// The class of a write with respect to mail that Exchange sends by itself (promise 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MailClass {
    /// Nobody is mailed.
    Silent,
    /// Exchange mails this many attendees.
    Mails(u16),
}

/// What became of one step.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Done; the item as the far side now holds it (for a delete: gone).
    Done(Option<Box<Observation>>),
    /// The item changed since it was read (412); nothing was written. Read and decide again.
    Stale,
    /// The item is no longer there; nothing was written.
    Missing,
    /// The far side refused; nothing was written.
    Refused(Code),
    /// The request was sent and no answer came: it may or may not have been done.
    Unknown,
    /// It was not sent: the far side is throttled or unreachable, or the cycle was cut short.
    NotSent,
}

/// Why something was done or not done to one item: the unit of every explanation (promise 4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The rules that decided, the deciding one first.
    pub rules: Vec<RuleId>,
    /// What was decided.
    pub verb: Verb,
    /// The groups that were carried, for an update.
    pub groups: Vec<Group>,
    /// The code, when something was left alone, parked or lost.
    pub code: Option<Code>,
    /// What is to be said beside that, each once: further losses, a conflict. Empty without a code.
    pub notes: Vec<Code>,
}

impl Decision {
    /// Adds a code: as the first one when there is none yet, else beside it.
    pub fn note(&mut self, code: Code) {
        match self.code {
            None => self.code = Some(code),
            Some(first) if first == code || self.notes.contains(&code) => {}
            Some(_) => self.notes.push(code),
        }
    }

    /// Returns all codes, the first one first.
    pub fn codes(&self) -> impl Iterator<Item = Code> + '_ {
        self.code.into_iter().chain(self.notes.iter().copied())
    }
}

/// What was decided for an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verb {
    /// A new item on this side.
    Create(Side),
    /// A change on this side.
    Update(Side),
    /// Both sides changed in different groups and are merged.
    Merge,
    /// A removal on this side.
    Delete(Side),
    /// Two existing items became a pair.
    Link,
    /// The pair was dissolved, both items stay.
    Unlink,
    /// A change was seen that needs no write (echo, equal content).
    Acknowledge,
    /// Nothing is done, for the reason in `code`.
    LeaveAlone,
    /// The link is forgotten, both items are gone.
    Forget,
}
