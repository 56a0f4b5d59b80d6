//! The tracking category's entry in a mailbox's master list: found by its id, followed under a new
//! name, made when it is missing (LINK-07), and removed by a purge (OPS-01).
//!
//! Graph says that an item is given a category by its name and that the id of an entry stays
//! (outlookCategory resource); whether Outlook takes a new name to the items that carry the old one it
//! leaves open. *Reading:* an item tracks under the new name and under every old one.

use crate::domain::category::{Category, KnownCategory, MasterCategory, MasterList};
use crate::domain::ids::NativeId;
use crate::domain::rule::RuleId;
use crate::engine::catalogue as rule;

/// What is to be done to the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Nothing.
    Nothing,
    /// The entry is missing: it is made under its first name.
    Make,
    /// This entry, which Lockstep made, is removed: the feature is off. Items keep its name.
    Remove(NativeId),
}

/// What follows from a master list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// The category from now on, once the act is done.
    pub category: Category,
    /// What is to be done.
    pub act: Act,
    /// The rule that says so.
    pub rule: RuleId,
}

/// Judges a mailbox's master list against what is remembered of the category.
#[must_use]
pub fn judge(before: &Category, list: &MasterList) -> Judged {
    let (rule, category) = (rule::LINK_07, before.clone());
    let keep = |category| Judged { category, act: Act::Nothing, rule };
    match (before.on, list) {
        (false, MasterList::Denied) => keep(category),
        (false, MasterList::Entries(list)) => switched_off(category, list),
        // Least privilege: without the permission the category is what bears its first name.
        (true, MasterList::Denied) => keep(Category { by_name: true, ..category }),
        (true, MasterList::Entries(list)) => match find(before, list) {
            Some(entry) => keep(category.found(entry, list)),
            None => Judged { category, act: Act::Make, rule },
        },
    }
}

/// LINK-08: with the feature off the entry goes that Lockstep made; what was assigned stays.
fn switched_off(mut category: Category, list: &[MasterCategory]) -> Judged {
    let ours = category.known.as_mut().filter(|known| known.made);
    let id = ours.map(|known| {
        known.made = false;
        known.id.clone()
    });
    let there = id.filter(|id| list.iter().any(|entry| entry.id == *id));
    Judged { category, act: there.map_or(Act::Nothing, Act::Remove), rule: rule::LINK_08 }
}

/// Returns the category's entry: by its id; else one that bears a name of it, which somebody else
/// made, or Lockstep before it lost its store.
fn find<'a>(category: &Category, list: &'a [MasterCategory]) -> Option<&'a MasterCategory> {
    let known = category.known.as_ref();
    let by_id = known.and_then(|known| list.iter().find(|entry| entry.id == known.id));
    by_id.or_else(|| list.iter().find(|entry| category.is_named_so(entry)))
}

/// Tells whether a purge removes the entry: Lockstep made it, and no item carries it. `in_use` says
/// what the mailbox showed; nothing when the entry is not in the list.
#[must_use]
pub fn goes(known: Option<&KnownCategory>, in_use: Option<bool>) -> bool {
    known.is_some_and(|known| known.made) && in_use == Some(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::category::NAME;
    use crate::domain::fingerprint::PrintKey;

    fn entry(id: &str, name: &str) -> MasterCategory {
        MasterCategory { id: NativeId::new(id), name: name.to_owned() }
    }

    fn list(entries: &[(&str, &str)]) -> MasterList {
        MasterList::Entries(entries.iter().map(|(id, name)| entry(id, name)).collect())
    }

    /// Judges lists one after the other, what is remembered carried along as a store does it.
    fn after(lists: &[MasterList]) -> Judged {
        let key = PrintKey([7; 16]);
        let mut known = None;
        let mut last = None;
        for list in lists {
            let judged = judge(&Category::new(true, known, &key), list);
            known = judged.category.known.clone();
            last = Some(judged);
        }
        last.unwrap()
    }

    #[test]
    fn link_07_the_entry_is_made_when_it_is_missing_and_taken_over_when_it_is_there() {
        // An empty list asks for it; one with the name, in whatever case, is taken as it is.
        assert_eq!(after(&[list(&[("1", "Red")])]).act, Act::Make);
        let found = after(&[list(&[("1", "Red"), ("2", "tracked to dynamics 365")])]);
        assert!(found.act == Act::Nothing && found.category.counts(NAME));
        assert_eq!(found.category.given(), Some("tracked to dynamics 365"));
        let known = found.category.known.unwrap();
        assert_eq!((known.id.as_str(), known.made), ("2", false));
    }

    #[test]
    fn link_07_every_name_that_the_entry_had_counts_and_the_last_one_is_given_out() {
        // Renamed twice: all three names count, no other one does, nothing is made.
        let judged = after(&[list(&[("2", NAME)]), list(&[("2", "CRM")]), list(&[("2", "Sales")])]);
        let category = judged.category;
        assert!(judged.act == Act::Nothing && category.is_renamed());
        assert_eq!(category.given(), Some("Sales"));
        assert!([NAME, "CRM", "sales"].iter().all(|name| category.counts(name)));
        assert!(!category.counts("Red"));
    }

    #[test]
    fn link_07_an_old_name_that_another_entry_bears_is_that_entrys() {
        // The user renames ours and gives its old name to an entry of his own.
        let judged = after(&[list(&[("2", NAME)]), list(&[("2", "CRM"), ("3", NAME)])]);
        assert!(judged.category.counts("CRM") && !judged.category.counts(NAME));
    }

    #[test]
    fn link_07_a_deleted_entry_is_made_again_and_its_names_still_count() {
        // Under its first name; the name that it had last still stands on items.
        let judged = after(&[list(&[("2", NAME)]), list(&[("2", "CRM")]), list(&[])]);
        assert!(judged.act == Act::Make && judged.category.given() == Some(NAME));
        let made = judged.category.made(&NativeId::new("4"));
        assert!(made.counts("CRM") && made.counts(NAME) && !made.is_renamed());
        assert!(made.known.is_some_and(|known| known.made && known.id.as_str() == "4"));
    }

    #[test]
    fn link_07_without_the_permission_the_first_name_counts_and_is_given_out() {
        // Nothing is made and nothing is forgotten.
        let judged = after(&[list(&[("2", NAME)]), list(&[("2", "CRM")]), MasterList::Denied]);
        assert!(judged.act == Act::Nothing && judged.category.given() == Some(NAME));
        assert!(judged.category.counts("CRM") && judged.category.counts(NAME));
        assert_eq!(after(&[MasterList::Denied]).act, Act::Nothing);
    }

    #[test]
    fn link_08_while_the_feature_is_off_nothing_is_made_and_nothing_given_out() {
        // Whatever the list says.
        let off = Category { on: false, ..Category::default() };
        for list in [list(&[]), list(&[("2", NAME)]), MasterList::Denied] {
            let judged = judge(&off, &list);
            assert!(judged.act == Act::Nothing && judged.category == off && off.given().is_none());
        }
    }

    #[test]
    fn link_08_switched_off_the_entry_goes_that_lockstep_made_and_no_other_one() {
        // Once; its names stay known, and it is made anew when the feature is on again.
        let made = Category { on: false, ..Category::default().made(&NativeId::new("2")) };
        let judged = judge(&made, &list(&[("1", "Red"), ("2", NAME)]));
        assert_eq!(judged.act, Act::Remove(NativeId::new("2")));
        assert_eq!(judge(&judged.category, &list(&[("2", NAME)])).act, Act::Nothing);
        let on = Category { on: true, ..judged.category };
        assert_eq!(judge(&on, &list(&[])).act, Act::Make);
        let theirs = Category { on: false, ..after(&[list(&[("2", NAME)])]).category };
        assert_eq!(judge(&theirs, &list(&[("2", NAME)])).act, Act::Nothing);
    }

    #[test]
    fn ops_01_a_purge_removes_the_entry_that_lockstep_made_and_nobody_uses() {
        // Neither somebody else's, nor one that an item carries, nor one that is gone.
        let known = |made| KnownCategory { id: NativeId::new("2"), names: vec![1], made };
        assert!(goes(Some(&known(true)), Some(false)));
        assert!(!goes(Some(&known(false)), Some(false)) && !goes(None, Some(false)));
        assert!(!goes(Some(&known(true)), Some(true)) && !goes(Some(&known(true)), None));
    }
}
