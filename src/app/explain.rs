//! Explain: an operator's question about the items of one mailbox, answered with stories.
//!
//! Reads only. Works for a mailbox that takes no part, for an item that no cycle has seen, and for
//! one that does not exist. Needs no lease.

use chrono::{DateTime, Utc};
use thiserror::Error;

use super::operate;
use crate::actors::runtime::TenantRuntime;
use crate::cycle::{self, CycleEnd, Judged, Story, Target};
use crate::domain::ids::{MailboxKey, NativeId};
use crate::domain::side::Side;
use crate::ports::error::{SideError, StoreError};
use crate::ports::journal::{Ask, Of};

/// Items that one question is answered for; whoever has more asks more narrowly.
pub const STORIES_MAX: usize = 20;

/// Records that are read to find what was decided since an instant.
const RECORDS_READ: usize = 2_000;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// One item, or one pair.
    Item(Target),
    /// The items whose subject, title or name holds a text, on either side.
    Subject(String),
    /// The items for which something was decided since then.
    Since(DateTime<Utc>),
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum ExplainError {
    /// The profile of the organization was not read yet.
    #[error("the organization was not read yet; try again in a moment")]
    NotRead,
    /// A search needs the mailbox's user.
    #[error(
        "the mailbox takes no part ({0}), so it is not searched; ask by --dynamics or --exchange"
    )]
    NotSearched(String),
    /// A far side cannot be read as a whole.
    #[error("{0} cannot be read: {1}")]
    Side(Side, #[source] SideError),
    /// The cycle's stages ended early.
    #[error(transparent)]
    End(#[from] CycleEnd),
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Reads an item's id as an operator gives it: a guid is a row (and the id of its pair), unless
/// the side is named.
#[must_use]
pub fn target(id: &str, side: Option<Side>) -> Target {
    if side == Some(Side::Exchange) {
        return Target::Item(Side::Exchange, NativeId::new(id));
    }
    match uuid::Uuid::try_parse(id) {
        Ok(guid) => Target::Item(Side::Dynamics, NativeId::new(guid.to_string())),
        Err(_) => Target::Item(Side::Exchange, NativeId::new(id)),
    }
}

/// Answers a question about a mailbox.
///
/// # Errors
/// Fails when a far side or the store cannot be read as a whole; an item is never an error.
pub async fn answer(
    tenant: &TenantRuntime,
    judged: &Judged,
    question: &Question,
) -> Result<Vec<Story>, ExplainError> {
    let key = MailboxKey { tenant: tenant.options.tenant.clone(), mailbox: judged.id };
    let targets = targets(tenant, judged, &key, question).await?;
    let mut stories = Vec::new();
    for target in targets.into_iter().take(STORIES_MAX) {
        let mut story = one(tenant, judged, &key, &target).await?;
        if let Some(code) = tenant.board.mailbox(judged.id).and_then(|row| row.phase.code()) {
            cycle::add_phase(&mut story, code);
        }
        // Two names of one pair are one story.
        let twin = |other: &Story| other.link.is_some() && other.link == story.link;
        if !stories.iter().any(twin) {
            stories.push(story);
        }
    }
    Ok(stories)
}

async fn one(
    tenant: &TenantRuntime,
    judged: &Judged,
    key: &MailboxKey,
    target: &Target,
) -> Result<Story, ExplainError> {
    if let Some(mailbox) = &judged.mailbox {
        let context = operate::context(tenant, mailbox).ok_or(ExplainError::NotRead)?;
        return Ok(cycle::explain(&context, target).await?);
    }
    let state = tenant.deps.links.load(key).await?;
    let journal = tenant.deps.chronicle.journal.as_ref();
    Ok(cycle::excluded(journal, key, &state, target, &judged.reasons).await?)
}

async fn targets(
    tenant: &TenantRuntime,
    judged: &Judged,
    key: &MailboxKey,
    question: &Question,
) -> Result<Vec<Target>, ExplainError> {
    match question {
        Question::Item(target) => Ok(vec![target.clone()]),
        Question::Since(since) => {
            let ask = Ask { of: Of::Mailbox, since: Some(*since), most: RECORDS_READ };
            let records = tenant.deps.chronicle.journal.records(key, &ask).await?;
            let mut targets: Vec<Target> = Vec::new();
            for record in records {
                let target = Target::Link(record.link);
                if !targets.contains(&target) {
                    targets.push(target);
                }
            }
            Ok(targets)
        }
        Question::Subject(text) => {
            let Some(mailbox) = &judged.mailbox else {
                let why: Vec<&str> = judged.reasons.iter().map(|(_, code)| code.as_str()).collect();
                return Err(ExplainError::NotSearched(why.join(", ")));
            };
            let mut targets = Vec::new();
            for side in Side::BOTH {
                let far = tenant.deps.side(side);
                let found = far.search(mailbox, text, STORIES_MAX).await;
                let found = found.map_err(|error| ExplainError::Side(side, error))?;
                targets.extend(found.into_iter().map(|(_, id)| Target::Item(side, id)));
            }
            Ok(targets)
        }
    }
}
