//! Stakes: what of a plan the brakes watch, in a form that can be compared with a later plan.
//!
//! An operator releases what a halt showed, not whatever is planned next. Writes that no brake
//! watches may come and go meanwhile; what was carried out already may be missing. Absent on
//! purpose: the content of a write, which the operator did not see either.

use std::collections::BTreeSet;
use std::hash::Hasher as _;

use siphasher::sip::SipHasher24;

use crate::domain::plan::{MailClass, Op, Step};
use crate::domain::side::Side;
use crate::engine::plan::{Entry, Plan};

/// The deletes and mailing writes of a plan, one hash each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stakes(BTreeSet<u64>);

impl Stakes {
    /// Returns the stakes of a plan.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let stakes = plan.entries.iter().flat_map(|entry| {
            let steps = Side::BOTH.map(|side| entry.steps.get(side).as_ref());
            steps.into_iter().flatten().filter_map(move |step| stake(entry, step))
        });
        Self(stakes.collect())
    }

    /// Adds the promises that the plan breaks.
    #[must_use]
    pub fn and_broken<'a>(mut self, promises: impl Iterator<Item = &'a str>) -> Self {
        let numbered = promises.enumerate().map(|(at, id)| hash(&[id, &at.to_string()]));
        self.0.extend(numbered);
        self
    }

    /// Tells whether nothing is at stake in `plan` that is not at stake here.
    #[must_use]
    pub fn cover(&self, plan: &Self) -> bool {
        plan.0.is_subset(&self.0)
    }

    /// Returns a short name of these stakes, the same as long as they are the same.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut hasher = SipHasher24::new();
        self.0.iter().for_each(|stake| hasher.write_u64(*stake));
        format!("{:016x}", hasher.finish())
    }
}

/// Returns the hash of a step that a brake watches. A create has no id yet, and its link may get a
/// new one in each plan: it is named by what it is made from.
fn stake(entry: &Entry, step: &Step) -> Option<u64> {
    let mails = match step.mail {
        MailClass::Silent => 0,
        MailClass::Mails(count) => count,
    };
    let (verb, id, groups) = match &step.op {
        Op::Delete { id, .. } => ("delete", Some(id), String::new()),
        Op::Create { .. } if mails > 0 => {
            let from = entry.verdict.pairing.seen.get(step.on.other()).as_ref();
            ("create", from.map(|seen| &seen.observation.id), String::new())
        }
        Op::Update { id, groups, .. } if mails > 0 => ("update", Some(id), format!("{groups:?}")),
        Op::Unmark { id, .. } if mails > 0 => ("unmark", Some(id), String::new()),
        Op::Create { .. } | Op::Update { .. } | Op::Unmark { .. } => return None,
    };
    let id = id.map_or("", |id| id.as_str());
    let mails = mails.to_string();
    Some(hash(&[step.on.name(), step.kind.table(), verb, id, &groups, &mails]))
}

fn hash(parts: &[&str]) -> u64 {
    let mut hasher = SipHasher24::new();
    for part in parts {
        hasher.write(part.as_bytes());
        hasher.write_u8(0);
    }
    hasher.finish()
}
