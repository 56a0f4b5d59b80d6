//! Fingerprints: keyed hashes of field groups, all that is remembered of content.

use serde::{Deserialize, Serialize};

use super::field::Group;

/// The key of one tenant's fingerprints. Without it a hash says nothing about the content.
#[derive(Clone, PartialEq, Eq)]
pub struct PrintKey(pub [u8; 16]);

impl std::fmt::Debug for PrintKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PrintKey(***)")
    }
}

/// The fingerprints of one item, one for each group that holds anything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prints {
    groups: Vec<(Group, u64)>,
    occurrences: Vec<OccurrencePrint>,
}

/// The fingerprint of one occurrence that deviates from its series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OccurrencePrint {
    /// The keyed hash of the day on which the pattern puts it, the same on both sides.
    pub day: u64,
    /// The keyed hash of what it holds beyond the series, or that it was deleted.
    pub held: u64,
}

impl Prints {
    /// Builds the table from hashes in any order; later ones win.
    #[must_use]
    pub fn from_groups(groups: impl IntoIterator<Item = (Group, u64)>) -> Self {
        let mut prints = Self::default();
        for (group, hash) in groups {
            prints.set(group, Some(hash));
        }
        prints
    }

    /// Builds an empty table with room for so many groups.
    #[must_use]
    pub fn with_capacity(groups: usize) -> Self {
        Self { groups: Vec::with_capacity(groups), occurrences: Vec::new() }
    }

    /// Returns the hash of a group; `None` when the group is empty.
    #[must_use]
    pub fn get(&self, group: Group) -> Option<u64> {
        let at = self.groups.binary_search_by_key(&group, |(name, _)| *name).ok()?;
        Some(self.groups[at].1)
    }

    /// Sets or removes the hash of a group. What was known of single occurrences is forgotten with
    /// a new hash of the exceptions.
    pub fn set(&mut self, group: Group, hash: Option<u64>) {
        if group == Group::Exceptions {
            self.occurrences.clear();
        }
        match (self.groups.binary_search_by_key(&group, |(name, _)| *name), hash) {
            (Ok(at), Some(hash)) => self.groups[at].1 = hash,
            (Ok(at), None) => {
                self.groups.remove(at);
            }
            (Err(at), Some(hash)) => self.groups.insert(at, (group, hash)),
            (Err(_), None) => {}
        }
    }

    /// Takes a group over from another table, its occurrences included.
    pub fn take(&mut self, group: Group, from: &Self) {
        self.set(group, from.get(group));
        if group == Group::Exceptions {
            self.occurrences.clone_from(&from.occurrences);
        }
    }

    /// Returns the fingerprints of the occurrences that deviate; those of an item in the order of
    /// its list of exceptions.
    #[must_use]
    pub fn occurrences(&self) -> &[OccurrencePrint] {
        &self.occurrences
    }

    /// Says which occurrences the hash of the exceptions stands for.
    pub fn set_occurrences(&mut self, list: Vec<OccurrencePrint>) {
        self.occurrences = list;
    }

    /// Tells whether it is known which occurrences the hash of the exceptions stands for. Links of
    /// older programs do not say it.
    #[must_use]
    pub fn knows_occurrences(&self) -> bool {
        self.get(Group::Exceptions).is_none() || !self.occurrences.is_empty()
    }

    /// Returns what the occurrence of a day holds; `None` when it does not deviate.
    #[must_use]
    pub fn held_on(&self, day: u64) -> Option<u64> {
        self.occurrences.iter().find(|one| one.day == day).map(|one| one.held)
    }

    /// Takes some occurrences over from another table. Unless all are the same then, the hash of
    /// the exceptions is one that no list has, so that the rest counts as changed.
    pub fn take_occurrences(&mut self, days: &[u64], from: &Self) {
        let theirs = |one: &&OccurrencePrint| days.contains(&one.day);
        let mut list = std::mem::take(&mut self.occurrences);
        list.retain(|one| !days.contains(&one.day));
        list.extend(from.occurrences.iter().filter(theirs));
        let whole = list.len() == from.occurrences.len()
            && list.iter().all(|one| from.held_on(one.day) == Some(one.held));
        if whole {
            return self.take(Group::Exceptions, from);
        }
        let blend = list.iter().fold(1, |sum: u64, one| {
            sum.wrapping_add(one.day.rotate_left(17) ^ one.held).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        });
        self.set(Group::Exceptions, (!list.is_empty()).then_some(blend));
        self.occurrences = list;
    }

    /// Returns the groups in which two tables differ, in order.
    #[must_use]
    pub fn differing(&self, other: &Self) -> Vec<Group> {
        let mut groups: Vec<Group> =
            self.groups.iter().chain(&other.groups).map(|(group, _)| *group).collect();
        groups.sort_unstable();
        groups.dedup();
        groups.retain(|group| self.get(*group) != other.get(*group));
        groups
    }
}
