//! The tracking category of a mailbox: an entry of the user's master list of categories, and the
//! names by which items carry it (LINK-02, LINK-07, LINK-08).
//!
//! Items hold names, not ids (outlookCategory resource). So the entry is known by its id, and every
//! name that it ever had counts. Names are a user's words: only their keyed hashes are remembered.

use std::hash::Hasher;

use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher24;

use super::fingerprint::PrintKey;
use super::ids::NativeId;

/// The name with which the entry is made, and by which it is known before it has an id.
pub const NAME: &str = "Tracked to Dynamics 365";

/// Names that are remembered; the oldest ones go.
const NAMES_MAX: usize = 8;

/// One entry of a master list.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MasterCategory {
    /// Its id, which outlives every name.
    pub id: NativeId,
    /// Its name, unique in the list.
    pub name: String,
}

/// What a mailbox's master list said.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum MasterList {
    /// All of its entries.
    Entries(Vec<MasterCategory>),
    /// The application has no permission to read it.
    Denied,
}

/// What is remembered of the entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownCategory {
    /// Its id.
    pub id: NativeId,
    /// The keyed hashes of the names that it had, the present one last.
    pub names: Vec<u64>,
    /// Lockstep made it: a purge may remove it.
    pub made: bool,
}

/// The category of one mailbox during a cycle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Category {
    /// Linked items are given it (`TrackCategorizedItems`, LINK-08).
    pub on: bool,
    /// The name that items are given.
    pub name: String,
    /// The entry, once it was seen.
    pub known: Option<KnownCategory>,
    /// The list cannot be read: the first name counts whatever is remembered.
    pub by_name: bool,
    /// The tenant's key.
    pub(crate) key: PrintKey,
}

// === impl KnownCategory ===

impl KnownCategory {
    /// Returns the bytes that it takes in memory, about.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.id.as_str().len() + (self.names.len() + 8) * size_of::<u64>()
    }
}

// === impl Category ===

impl Category {
    /// Returns the category as it is remembered, under its first name.
    #[must_use]
    pub fn new(on: bool, known: Option<KnownCategory>, key: &PrintKey) -> Self {
        Self { on, name: NAME.to_owned(), known, by_name: false, key: key.clone() }
    }

    /// Tells whether its entry is anybody's concern: while it is given out, and until Lockstep's own is
    /// gone when it is not any more.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        self.on || self.known.as_ref().is_some_and(|known| known.made)
    }

    /// Returns the name that an item is given, if any.
    #[must_use]
    pub fn given(&self) -> Option<&str> {
        self.on.then_some(self.name.as_str())
    }

    /// Tells whether a name on an item means the category.
    #[must_use]
    pub fn counts(&self, name: &str) -> bool {
        let print = self.print(name);
        let first = || print == self.print(NAME);
        match &self.known {
            Some(known) => known.names.contains(&print) || (self.by_name && first()),
            None => first(),
        }
    }

    /// Tells whether its user gave it another name: what that is the list alone says.
    #[must_use]
    pub fn is_renamed(&self) -> bool {
        let first = self.print(NAME);
        let last = self.known.as_ref().and_then(|known| known.names.last());
        last.is_some_and(|last| *last != first)
    }

    /// Returns it as this entry of the list, whose name from now on counts and is given out. A name
    /// of former days that another entry of the list bears is that entry's.
    #[must_use]
    pub fn found(self, entry: &MasterCategory, list: &[MasterCategory]) -> Self {
        let others: Vec<u64> =
            list.iter().filter(|it| it.id != entry.id).map(|it| self.print(&it.name)).collect();
        let made = self.known.as_ref().is_some_and(|known| known.made && known.id == entry.id);
        let mut named = self.named(&entry.id, &entry.name, made);
        if let Some(known) = &mut named.known {
            known.names.retain(|print| !others.contains(print));
        }
        named
    }

    /// Returns it as the entry that was just made under its first name.
    #[must_use]
    pub fn made(self, id: &NativeId) -> Self {
        self.named(id, NAME, true)
    }

    fn named(self, id: &NativeId, name: &str, made: bool) -> Self {
        let print = self.print(name);
        let first = self.print(NAME);
        let mut names = self.known.map_or_else(|| vec![first], |known| known.names);
        names.retain(|one| *one != print);
        names.push(print);
        names.drain(..names.len().saturating_sub(NAMES_MAX));
        let known = Some(KnownCategory { id: id.clone(), names, made });
        Self { name: name.to_owned(), known, by_name: false, ..self }
    }

    /// Tells whether this entry bore a name of the category.
    #[must_use]
    pub fn is_named_so(&self, entry: &MasterCategory) -> bool {
        self.counts(&entry.name) || self.print(&entry.name) == self.print(NAME)
    }

    /// Exchange compares the names of categories without regard to case.
    fn print(&self, name: &str) -> u64 {
        let mut hasher = SipHasher24::new_with_key(&self.key.0);
        hasher.write(name.trim().to_lowercase().as_bytes());
        hasher.finish()
    }
}

impl Default for Category {
    fn default() -> Self {
        Self::new(true, None, &PrintKey([0; 16]))
    }
}
