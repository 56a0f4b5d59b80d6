//! The files of one appointment: what differs since the last agreement, and what is to be done.
//!
//! Each side is known by one keyed hash over its list (id, version, name, size), as the fields are.
//! One side changed: the other becomes like it. Both changed: what either has more goes to the
//! other, and of two files of one name with different content the policy's side wins; a delete that
//! meets a change is not carried. Absent on purpose: content. Whether two files of one name are the
//! same is found out by the caller.

use std::hash::Hasher;

use siphasher::sip::SipHasher24;

use crate::domain::code::Code;
use crate::domain::file::{FileEntry, FilePolicy};
use crate::domain::fingerprint::PrintKey;
use crate::domain::link::Link;
use crate::domain::plan::Verb;
use crate::domain::side::{PerSide, Side};

/// The files of both items.
pub type Listing = PerSide<Vec<FileEntry>>;

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Move {
    /// Remove this file.
    Remove {
        /// The side it is removed from.
        on: Side,
        /// The file.
        file: FileEntry,
    },
    /// Add a copy of this file to the other side.
    Copy {
        /// The side it is read from.
        from: Side,
        /// The file.
        file: FileEntry,
    },
}

/// What is to be done about the files of one appointment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FilePlan {
    /// Removals first: a crash in between must not bring a removed file back.
    pub moves: Vec<Move>,
    /// What is not carried, and why; each code once.
    pub notes: Vec<Code>,
    /// Both sides changed and one of two versions was overwritten.
    pub conflict: bool,
}

/// The files of one appointment as the next cycle moves them.
#[derive(Debug, Clone, PartialEq)]
pub struct Ahead {
    /// Its link as it will be then; a half that is still to be made has no id.
    pub link: Link,
    /// What is to be done.
    pub plan: FilePlan,
}

/// What a decision is made of.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The files now.
    pub now: &'a Listing,
    /// Which side changed since the last agreement.
    pub changed: PerSide<bool>,
    /// Which side may be written.
    pub writable: PerSide<bool>,
    /// What the organization allows.
    pub policy: &'a FilePolicy,
    /// Whose file stays when both changed one of the same name.
    pub winner: Side,
}

impl Move {
    /// Returns the side that is written.
    #[must_use]
    pub const fn target(&self) -> Side {
        match self {
            Self::Copy { from, .. } => from.other(),
            Self::Remove { on, .. } => *on,
        }
    }
}

impl FilePlan {
    /// Returns what it does with its appointment; nothing when there is nothing to say.
    #[must_use]
    pub fn verb(&self) -> Option<Verb> {
        let writes = |side| self.moves.iter().any(|one| one.target() == side);
        match (writes(Side::Dynamics), writes(Side::Exchange)) {
            (true, true) => Some(Verb::Merge),
            (true, false) => Some(Verb::Update(Side::Dynamics)),
            (false, true) => Some(Verb::Update(Side::Exchange)),
            (false, false) => (!self.notes.is_empty()).then_some(Verb::LeaveAlone),
        }
    }

    /// Returns what is said of it: why something is not carried, or that a version was overwritten.
    #[must_use]
    pub fn code(&self) -> Option<Code> {
        self.notes.first().copied().or(self.conflict.then_some(Code::ConflictResolved))
    }
}

impl Ahead {
    /// Tells whether it is about this pair. A row that was still to be made may have got another guid.
    #[must_use]
    pub fn is_of(&self, link: &Link) -> bool {
        Side::BOTH.into_iter().all(|side| {
            let mine = self.link.native.get(side);
            mine.is_none() || mine == link.native.get(side)
        })
    }
}

/// Returns the hash of a list; `None` for an empty one, as an empty group has.
#[must_use]
pub fn print(files: &[FileEntry], key: &PrintKey) -> Option<u64> {
    let mut files: Vec<&FileEntry> = files.iter().collect();
    files.sort_unstable_by(|left, right| left.id.cmp(&right.id));
    let mut hasher = SipHasher24::new_with_key(&key.0);
    for file in &files {
        for text in [file.id.as_str(), file.version.as_deref().unwrap_or(""), &file.name] {
            hasher.write_u64(text.len() as u64);
            hasher.write(text.as_bytes());
        }
        hasher.write_u64(file.size);
    }
    (!files.is_empty()).then(|| hasher.finish())
}

/// Returns the files of one name that may be the same, as places in the lists of Dynamics and
/// Exchange. Files of a repeated name are paired in their order.
#[must_use]
pub fn namesakes(now: &Listing, policy: &FilePolicy) -> Vec<(usize, usize)> {
    let mut taken = Vec::new();
    let mut pairs = Vec::new();
    for (at, row) in now.dynamics.iter().enumerate() {
        let twin = now.exchange.iter().enumerate().find(|(place, item)| {
            !taken.contains(place) && item.name == row.name && policy.allows(item).is_ok()
        });
        if let Some((place, _)) = twin.filter(|_| policy.allows(row).is_ok()) {
            taken.push(place);
            pairs.push((at, place));
        }
    }
    pairs
}

/// Decides; `same` are the namesakes whose contents are equal.
#[must_use]
pub fn decide(question: Question<'_>, same: &[(usize, usize)]) -> FilePlan {
    let Question { now, changed, writable, policy, winner } = question;
    let mut plan = FilePlan::default();
    let pairs = namesakes(now, policy);
    let both = changed.dynamics && changed.exchange;
    let differing = || pairs.iter().filter(|pair| !same.contains(pair));
    for target in Side::BOTH {
        let source = target.other();
        if !*changed.get(source) || !*writable.get(target) {
            continue;
        }
        let place = |pair: &(usize, usize), side: Side| match side {
            Side::Dynamics => pair.0,
            Side::Exchange => pair.1,
        };
        let paired = |side: Side, at: usize| pairs.iter().any(|pair| place(pair, side) == at);
        // Two versions of one file: the source's replaces the target's.
        if !both || winner == source {
            for pair in differing() {
                let old = now.get(target)[place(pair, target)].clone();
                let new = now.get(source)[place(pair, source)].clone();
                plan.conflict |= both;
                plan.moves.push(Move::Remove { on: target, file: old });
                plan.moves.push(Move::Copy { from: source, file: new });
            }
        }
        for (at, file) in now.get(source).iter().enumerate() {
            match policy.allows(file) {
                Ok(()) if !paired(source, at) => {
                    plan.moves.push(Move::Copy { from: source, file: file.clone() });
                }
                Ok(()) => {}
                Err(code) => note(&mut plan, code),
            }
        }
        if both {
            continue;
        }
        for (at, file) in now.get(target).iter().enumerate() {
            // What was never carried is not missed, and what the source holds in another form stays.
            let known = now.get(source).iter().any(|other| other.name == file.name);
            let carried = policy.allows(file).is_ok();
            if carried && !paired(target, at) && (!known || twice(now.get(target), at)) {
                plan.moves.push(Move::Remove { on: target, file: file.clone() });
            }
        }
    }
    plan.moves.sort_by_key(|one| matches!(one, Move::Copy { .. }));
    plan
}

/// Tells whether an earlier file of the list has the same name.
fn twice(files: &[FileEntry], at: usize) -> bool {
    files[..at].iter().any(|file| file.name == files[at].name)
}

fn note(plan: &mut FilePlan, code: Code) {
    if !plan.notes.contains(&code) {
        plan.notes.push(code);
    }
}

#[cfg(test)]
mod tests;
