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
pub struct Prints(Vec<(Group, u64)>);

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
        Self(Vec::with_capacity(groups))
    }

    /// Returns the hash of a group; `None` when the group is empty.
    #[must_use]
    pub fn get(&self, group: Group) -> Option<u64> {
        let at = self.0.binary_search_by_key(&group, |(name, _)| *name).ok()?;
        Some(self.0[at].1)
    }

    /// Sets or removes the hash of a group.
    pub fn set(&mut self, group: Group, hash: Option<u64>) {
        match (self.0.binary_search_by_key(&group, |(name, _)| *name), hash) {
            (Ok(at), Some(hash)) => self.0[at].1 = hash,
            (Ok(at), None) => {
                self.0.remove(at);
            }
            (Err(at), Some(hash)) => self.0.insert(at, (group, hash)),
            (Err(_), None) => {}
        }
    }

    /// Returns the groups in which two tables differ, in order.
    #[must_use]
    pub fn differing(&self, other: &Self) -> Vec<Group> {
        let mut groups: Vec<Group> =
            self.0.iter().chain(&other.0).map(|(group, _)| *group).collect();
        groups.sort_unstable();
        groups.dedup();
        groups.retain(|group| self.get(*group) != other.get(*group));
        groups
    }
}
