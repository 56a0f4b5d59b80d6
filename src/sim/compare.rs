//! The independent judge: both worlds from the inside against the rule catalogue.
//!
//! It knows nothing of the program's code, links or store; its field tables are written anew
//! from the catalogue. Items are paired by marker and, as a cross-check, by the number that ends
//! every seeded subject. Absent: past occurrences of series,
//! reminders, and the history of an item, for which a caller excuses pairs by hand.

mod booking;
mod fields;
mod mails;
mod pairing;
#[cfg(test)]
mod tests;
mod text;
mod views;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chrono::{DateTime, Utc};

use super::world::Organization;
pub use mails::{LedgerMark, ledger_problems};
pub use text::mark_of;

/// What kind of item a problem is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Appointments and events.
    Appointment,
    /// Contacts.
    Contact,
    /// Tasks, phone calls, letters and faxes.
    Task,
}

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum What {
    /// Two items or two rows where there should be one.
    Duplicate,
    /// A row without its Exchange item.
    MissingInExchange,
    /// A tracked Exchange item without its row.
    MissingInDynamics,
    /// A pair whose sides differ in a field.
    Differs {
        /// The field, in the catalogue's words.
        field: &'static str,
    },
    /// An item or a row that a rule forbids.
    ShouldNotExist,
    /// An Exchange item whose marker names the row of another item.
    WrongMarker,
    /// A mail that no rule allows.
    MailUnexpected,
    /// An invitation that was not sent.
    MailMissing,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The mailbox's address.
    pub mailbox: String,
    /// The kind of item.
    pub kind: Kind,
    /// What is wrong.
    pub what: What,
    /// Ids of rows and Exchange items.
    pub ids: Vec<String>,
    /// A sentence with the facts and the rule.
    pub detail: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?} {:?}: {}", self.mailbox, self.kind, self.what, self.detail)
    }
}

/// What the judge must be told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CompareOptions {
    /// All three addresses of contacts are synchronized (ADDR-02).
    pub three_addresses: bool,
    /// `DistinctPhysicalAndLogicalDeletesForExchangeSync` (FILT-06).
    pub distinct_deletes: bool,
    /// Addresses of the mailboxes that are served; by default the mailbox records decide.
    pub served: Option<BTreeSet<String>>,
    /// Pairs, as (mailbox, number), that an edit has put beyond synchronization.
    pub excused: BTreeSet<(String, String)>,
}

/// The judgement.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Mailboxes compared.
    pub mailboxes: usize,
    /// Rows that have their Exchange item.
    pub pairs: usize,
    /// Everything that is wrong.
    pub problems: Vec<Problem>,
    /// Items and rows that a rule leaves alone, by rule.
    pub left_alone: BTreeMap<&'static str, usize>,
    /// Mails in the ledger, by kind.
    pub mails: BTreeMap<&'static str, usize>,
}

impl Comparison {
    /// Tells whether nothing is wrong.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.problems.is_empty()
    }

    /// Returns the judgement as text for people.
    #[must_use]
    pub fn table(&self) -> String {
        let mut lines = vec![
            format!("{:<44}{:>8}", "mailboxes", self.mailboxes),
            format!("{:<44}{:>8}", "pairs in step", self.pairs),
        ];
        for (reason, count) in &self.left_alone {
            lines.push(format!("{:<44}{count:>8}", format!("left alone: {reason}")));
        }
        for (kind, count) in &self.mails {
            lines.push(format!("{:<44}{count:>8}", format!("mails: {kind}")));
        }
        lines.push(format!("{:<44}{:>8}", "problems", self.problems.len()));
        let mut by_what: BTreeMap<String, usize> = BTreeMap::new();
        for problem in &self.problems {
            *by_what.entry(format!("{:?} {:?}", problem.kind, problem.what)).or_default() += 1;
        }
        for (what, count) in &by_what {
            lines.push(format!("{:<44}{count:>8}", format!("  {what}")));
        }
        lines.extend(self.problems.iter().take(40).map(|problem| format!("  {problem}")));
        if self.problems.len() > 40 {
            lines.push(format!("  … and {} more", self.problems.len() - 40));
        }
        lines.join("\n")
    }

    fn leave(&mut self, reason: &'static str) {
        *self.left_alone.entry(reason).or_default() += 1;
    }
}

/// Compares both sides of every served mailbox.
#[must_use]
pub fn compare(
    organization: &Organization,
    now: DateTime<Utc>,
    options: &CompareOptions,
) -> Comparison {
    let world = views::World::read(organization, now, options);
    let mut found = Comparison { mails: mails::counts(organization), ..Comparison::default() };
    pairing::rows_twice(&world, &mut found);
    for mailbox in &world.mailboxes {
        if world.served.contains(&mailbox.person.address) {
            found.mailboxes += 1;
            pairing::mailbox(&world, mailbox, &mut found);
        } else {
            found.leave("mailbox not served");
        }
    }
    found
}
