//! The plan as a document: for people, for programs, and for `lockstep apply`.
//!
//! A document is sealed with a keyed digest of the tenant, so that a file that was edited, or that
//! belongs to another tenant or another store, is refused before anything is read from far away.

use std::hash::Hasher as _;

use anyhow::{Context as _, bail};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use siphasher::sip128::{Hasher128, SipHasher24};
use uuid::Uuid;

use crate::domain::category::NAME;
use crate::domain::fingerprint::PrintKey;
use crate::domain::policy::Mailbox;
use crate::engine::category::{Act, Judged};
use crate::engine::guard::Halt;
use crate::engine::preview::ItemView;

/// The schema of a document; it changes when an older program could misread it.
pub const SCHEMA: &str = "lockstep.plan/1";

/// A document with its seal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sealed {
    /// `SCHEMA`.
    pub schema: String,
    /// The keyed digest of `plan`, in hexadecimal.
    pub digest: String,
    /// The plan.
    pub plan: PlanDoc,
}

/// What would be done, in one tenant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlanDoc {
    /// Which command made it: `cycle`, `purge` or `undo`.
    pub command: String,
    /// The tenant.
    pub tenant: String,
    /// When it was made.
    pub made: DateTime<Utc>,
    /// The version of the program.
    pub version: String,
    /// The mailboxes.
    pub mailboxes: Vec<MailboxPlan>,
    /// The sums.
    pub totals: Totals,
}

/// What would be done, in one mailbox.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MailboxPlan {
    /// `mailboxid`.
    pub mailbox: Uuid,
    /// Its address.
    pub address: String,
    /// The brake that would halt it.
    pub brake: Option<Brake>,
    /// Why it could not be planned.
    pub failed: Option<String>,
    /// What is done to its list of categories; absent for nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<CategoryView>,
    /// The items.
    pub items: Vec<ItemView>,
    /// Items that the command leaves alone, and why.
    pub skipped: Vec<String>,
}

/// A write to a mailbox's list of categories.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CategoryView {
    /// `create` or `delete`.
    pub op: String,
    /// The name of the entry that is made, the id of the one that goes.
    pub entry: String,
    /// The rule that says so.
    pub rule: String,
}

/// A brake that a plan hits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Brake {
    /// The code.
    pub code: String,
    /// The side at stake.
    pub side: String,
    /// How much the plan wants.
    pub wanted: usize,
    /// How much is allowed.
    pub allowed: usize,
}

/// Sums over all mailboxes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Totals {
    /// Mailboxes that are planned.
    pub mailboxes: usize,
    /// Mailboxes that a brake would halt.
    pub halted: usize,
    /// Mailboxes that could not be planned.
    pub failed: usize,
    /// New items, on both sides.
    pub creates: usize,
    /// Changes, on both sides.
    pub updates: usize,
    /// Removals, on both sides.
    pub deletes: usize,
    /// Items that are only joined, parted, forgotten or left alone.
    pub unwritten: usize,
    /// People whom Exchange will mail.
    pub mails: usize,
    /// Attachments that are added or removed, on both sides.
    #[serde(default)]
    pub files: usize,
    /// Contacts that the one-time push of all their addresses changes (ADDR-04).
    #[serde(default)]
    pub addresses: usize,
}

impl MailboxPlan {
    /// Returns the plan of a mailbox in which nothing happens.
    #[must_use]
    pub fn empty(mailbox: &Mailbox) -> Self {
        Self {
            mailbox: mailbox.key.mailbox,
            address: mailbox.address.as_str().to_owned(),
            brake: None,
            failed: None,
            category: None,
            items: Vec::new(),
            skipped: Vec::new(),
        }
    }
}

impl CategoryView {
    /// Returns what was judged of a list as a document shows it; nothing when nothing is done.
    #[must_use]
    pub fn of(judged: &Judged) -> Option<Self> {
        let (op, entry) = match &judged.act {
            Act::Nothing => return None,
            Act::Make => ("create", NAME),
            Act::Remove(id) => ("delete", id.as_str()),
        };
        Some(Self { op: op.to_owned(), entry: entry.to_owned(), rule: judged.rule.0.to_owned() })
    }
}

impl Brake {
    /// Returns a halt as a document shows it.
    #[must_use]
    pub fn of(halt: &Halt) -> Self {
        Self {
            code: halt.code.as_str().to_owned(),
            side: halt.side.name().to_owned(),
            wanted: halt.wanted,
            allowed: halt.allowed,
        }
    }
}

impl Totals {
    /// Returns the sums of some mailboxes.
    #[must_use]
    pub fn of(mailboxes: &[MailboxPlan]) -> Self {
        let items = || mailboxes.iter().flat_map(|one| &one.items);
        let steps = || items().flat_map(|item| &item.steps);
        let count = |op: &str| steps().filter(|step| step.op == op).count();
        Self {
            mailboxes: mailboxes.len(),
            halted: mailboxes.iter().filter(|one| one.brake.is_some()).count(),
            failed: mailboxes.iter().filter(|one| one.failed.is_some()).count(),
            creates: steps().filter(|step| step.op.starts_with("create")).count(),
            updates: count("update") + count("unmark"),
            deletes: count("delete"),
            unwritten: items()
                .filter(|item| item.steps.is_empty() && item.files.is_empty())
                .count(),
            files: items().map(|item| item.files.len()).sum(),
            addresses: items().filter(|item| item.pushes_addresses()).count(),
            mails: steps().map(|step| usize::from(step.mails)).sum(),
        }
    }
}

impl PlanDoc {
    /// Builds a document of some mailboxes.
    #[must_use]
    pub fn new(
        command: &str,
        tenant: &str,
        made: DateTime<Utc>,
        mailboxes: Vec<MailboxPlan>,
    ) -> Self {
        Self {
            command: command.to_owned(),
            tenant: tenant.to_owned(),
            made,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            totals: Totals::of(&mailboxes),
            mailboxes,
        }
    }

    /// Seals the document with the tenant's key.
    ///
    /// # Errors
    /// Fails when it cannot be written as JSON.
    pub fn seal(self, key: &PrintKey) -> anyhow::Result<Sealed> {
        let digest = digest(&self, key)?;
        Ok(Sealed { schema: SCHEMA.to_owned(), digest, plan: self })
    }
}

impl Sealed {
    /// Reads a document. The seal is not looked at yet: its key is in the state store.
    ///
    /// # Errors
    /// Fails with the place when it is no document of this schema.
    pub fn parse(text: &[u8]) -> anyhow::Result<Self> {
        #[derive(Deserialize)]
        struct Head {
            schema: Option<String>,
        }
        let head: Head = serde_json::from_slice(text).context("it is no JSON document")?;
        match head.schema.as_deref() {
            Some(SCHEMA) => {}
            Some(other) => bail!("its schema is {other}, this version reads {SCHEMA}; plan again"),
            None => bail!("it has no member `schema`; make it with `lockstep plan --out FILE`"),
        }
        serde_json::from_slice(text).context("it is no complete plan; plan again")
    }

    /// Opens the document, if its seal is the tenant's.
    ///
    /// # Errors
    /// Fails when it was edited, or made for another tenant or by another store.
    pub fn open(self, key: &PrintKey) -> anyhow::Result<PlanDoc> {
        if !same(digest(&self.plan, key)?.as_bytes(), self.digest.as_bytes()) {
            bail!(
                "its digest does not fit: the file was edited, or another tenant or state store \
                 made it; make a new one with `lockstep plan`"
            );
        }
        Ok(self.plan)
    }
}

/// Compares without telling by time how much is equal.
fn same(left: &[u8], right: &[u8]) -> bool {
    let differs = left.iter().zip(right).fold(0, |sum, (left, right)| sum | (left ^ right));
    left.len() == right.len() && differs == 0
}

fn digest(plan: &PlanDoc, key: &PrintKey) -> anyhow::Result<String> {
    let mut hasher = SipHasher24::new_with_key(&key.0);
    // Whatever else the key is used for, it never hashes a text that begins so.
    hasher.write(SCHEMA.as_bytes());
    hasher.write(&serde_json::to_vec(plan)?);
    Ok(hasher.finish128().as_bytes().iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests;
