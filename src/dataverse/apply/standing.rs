//! What rows hold right before they are written: the parties of those whose patches set some roles
//! only.

use std::collections::HashMap;

use tracing::warn;

use super::guid;
use crate::dataverse::DataverseSide;
use crate::dataverse::batch::PartReply;
use crate::dataverse::errors::{self, Verdict};
use crate::dataverse::map::party::{self, RawParty};
use crate::dataverse::map::{Table, read};
use crate::dataverse::series::of_master;
use crate::dataverse::wire::json;
use crate::domain::code::Code;
use crate::domain::ids::Version;
use crate::domain::plan::{Op, Outcome, Step};
use crate::domain::policy::Mailbox;

/// The parties that rows hold now, by step.
type Standing = HashMap<usize, Result<Vec<RawParty>, Outcome>>;

impl DataverseSide {
    /// Reads the parties of the rows whose patches set some roles only.
    pub(super) async fn standing(&self, mailbox: &Mailbox, steps: &[Step]) -> Standing {
        let mut wanted = Vec::new();
        for (at, step) in steps.iter().enumerate() {
            let table = Table::of(step.kind);
            if let Op::Update { id, expected, patch, .. } = &step.op
                && table.parties.is_some()
                && party::touched_in_part(patch)
                && guid(id).is_ok()
            {
                wanted.push((at, table, id.clone(), expected.clone()));
            }
        }
        let keys: Vec<_> = wanted.iter().map(|(_, table, id, _)| (*table, id.clone())).collect();
        match self.rows(Some(mailbox.object_id), &keys).await {
            Ok(replies) => wanted
                .into_iter()
                .zip(&replies)
                .map(|((at, table, _, expected), reply)| {
                    (at, parties_of(table, expected.as_ref(), reply))
                })
                .collect(),
            Err(error) => {
                warn!(%error, "the parties of rows to be changed cannot be read");
                wanted.into_iter().map(|(at, ..)| (at, Err(Outcome::NotSent))).collect()
            }
        }
    }
}

fn parties_of(
    table: &Table,
    expected: Option<&Version>,
    reply: &PartReply,
) -> Result<Vec<RawParty>, Outcome> {
    match errors::judge(reply) {
        Verdict::Fine => {}
        Verdict::Missing => return Err(Outcome::Missing),
        Verdict::Denied => return Err(Outcome::Refused(Code::PrivilegeMissing)),
        Verdict::Throttled(_) => return Err(Outcome::NotSent),
        // Counted as an attempt, so that it does not go on for ever.
        Verdict::Unavailable | Verdict::Precondition | Verdict::Refused => {
            return Err(Outcome::Refused(Code::ItemUnreadable));
        }
    }
    let row = json(reply).map_err(|_| Outcome::Refused(Code::ItemUnreadable))?;
    let now = read::version(&row);
    if expected.is_some_and(|it| now.as_ref().map(Version::as_str) != Some(of_master(it))) {
        return Err(Outcome::Stale);
    }
    let parties = table.parties.and_then(|navigation| party::parse(&row, navigation));
    parties.ok_or(Outcome::Refused(Code::ReplyIncomplete))
}
