//! What a cycle writes down of itself: records of decisions, and the versions that it overwrites.
//!
//! A version is kept before the write is sent, with the create markers: a crash in between keeps a
//! version too many, never one too few. A record is stored with the links of its slice.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::context::{CycleContext, Resolved};
use super::report::{CycleEnd, Line};
use crate::domain::code::Code;
use crate::domain::journal::{
    Done, Ending, Kept, KeptContent, KeptLabel, OpName, Record, Retention, content,
};
use crate::domain::link::Link;
use crate::domain::plan::{MailClass, Op, Outcome, Verb};
use crate::domain::side::{PerSide, Side};
use crate::engine::facts::{notes, of_entry};
use crate::engine::files::FilePlan;
use crate::engine::fold::LinkChange;
use crate::engine::plan::{Entry, Plan};
use crate::ports::error::StoreError;
use crate::ports::journal::{Horizon, Journal, Vault};

/// Where and for how long a tenant's past is remembered.
#[derive(Clone)]
pub struct Chronicle {
    /// The journal.
    pub journal: Arc<dyn Journal>,
    /// The tenant's vault; `None`: no version is kept.
    pub vault: Option<Arc<dyn Vault>>,
    /// For how long.
    pub retention: Retention,
}

impl Chronicle {
    /// Returns what is too old at an instant.
    #[must_use]
    pub fn horizon(&self, now: DateTime<Utc>) -> Horizon {
        Horizon { records: now - self.retention.decisions, kept: now - self.retention.versions }
    }
}

/// Returns the versions that a slice overwrites or removes, sealed.
pub(super) fn kept(context: &CycleContext, plan: &Plan) -> Result<Vec<Kept>, CycleEnd> {
    let chronicle = &context.deps.chronicle;
    let Some(vault) = chronicle.vault.as_ref().filter(|_| !chronicle.retention.versions.is_zero())
    else {
        return Ok(Vec::new());
    };
    let mut kept = Vec::new();
    for entry in &plan.entries {
        for side in Side::BOTH {
            let Some((label, content)) = version(context, entry, side) else { continue };
            let about = label.bound_to(&context.mailbox.key);
            let sealed = vault.seal(&about, &content::encode(&content));
            let sealed = sealed.map_err(|error| StoreError::Unavailable(Box::new(error)))?;
            kept.push(Kept { label, sealed });
        }
    }
    Ok(kept)
}

/// Returns the version of a side that a step replaces; `None` when it replaces no content.
fn version(context: &CycleContext, entry: &Entry, side: Side) -> Option<(KeptLabel, KeptContent)> {
    let step = entry.steps.get(side).as_ref()?;
    let replaces = match &step.op {
        Op::Create { .. } | Op::Unmark { .. } => false,
        // A mark alone replaces nothing that a person wrote.
        Op::Update { patch, .. } => !patch.is_empty(),
        Op::Delete { .. } => true,
    };
    let seen = &entry.verdict.pairing.seen.get(side).as_ref().filter(|_| replaces)?.observation;
    let label = KeptLabel {
        at: context.now,
        cycle: context.cycle,
        link: entry.link.id,
        kind: entry.link.kind,
        side,
        native: seen.id.clone(),
        op: OpName::of(&step.op),
        rule: entry.verdict.decision.rules.first().map_or("", |rule| rule.0).into(),
        version: seen.version.clone(),
    };
    let row = seen.dynamics_facts();
    let content = KeptContent {
        fields: seen.fields.clone(),
        owner: row.owner,
        organizer: row.organizer,
        uid: seen.uid.clone(),
        tracked: seen.exchange_facts().tracked,
    };
    Some((label, content))
}

/// Returns the record of an entry; `None` when nothing was sent and nothing changed.
pub(super) fn record(
    context: &CycleContext,
    entry: &Entry,
    outcomes: &PerSide<Option<Outcome>>,
    change: &LinkChange,
    (mail, failed): (MailClass, Option<Code>),
    trace: Option<&str>,
) -> Option<Record> {
    let decision = &entry.verdict.decision;
    let sent = Side::BOTH.into_iter().any(|side| outcomes.get(side).is_some());
    let before = entry.verdict.pairing.link.as_ref();
    let settles = before.is_some_and(|link| link.trouble.is_some());
    let echo = decision.verb == Verb::Acknowledge && decision.code.is_none() && !settles;
    if !sent && (echo || matches!(change, LinkChange::None)) {
        return None;
    }
    let link = match change {
        LinkChange::Put(link) => link.as_ref(),
        LinkChange::None | LinkChange::Drop(_) => &entry.link,
    };
    let done = |side: Side| {
        let ending = Ending::of(outcomes.get(side).as_ref()?);
        // Without a step of the plan it is the meeting's identity, written to the row.
        let op = entry.steps.get(side).as_ref().map_or(OpName::Update, |it| OpName::of(&it.op));
        Some(Done { op, ending })
    };
    Some(Record {
        at: context.now,
        cycle: context.cycle,
        trace: trace.map(Into::into),
        link: link.id,
        kind: link.kind,
        native: link.native.clone(),
        rules: decision.rules.iter().map(|rule| rule.0.into()).collect(),
        verb: decision.verb,
        groups: decision.groups.clone(),
        code: decision.code,
        facts: of_entry(entry, &context.engine(&Resolved::default())),
        done: PerSide::from_fn(done),
        mail,
        failed,
        state: match change {
            LinkChange::Put(link) => Some(link.state),
            LinkChange::None => before.map(|link| link.state),
            LinkChange::Drop(_) => None,
        },
    })
}

/// Returns the record of what was done about the files of one appointment, told by its line.
pub(super) fn record_of_files(
    context: &CycleContext,
    (link, line): (&Link, &Line),
    plan: &FilePlan,
    outcomes: &[Outcome],
) -> Record {
    let done = |side: Side| {
        let his = plan.moves.iter().zip(outcomes).filter(|(one, _)| one.target() == side);
        let endings: Vec<Ending> = his.map(|(_, outcome)| Ending::of(outcome)).collect();
        let failed = endings.iter().find(|ending| **ending != Ending::Done);
        failed.or(endings.first()).map(|ending| Done { op: OpName::Update, ending: *ending })
    };
    Record {
        at: context.now,
        cycle: context.cycle,
        trace: crate::telemetry::current_trace_id().map(Into::into),
        link: link.id,
        kind: link.kind,
        native: link.native.clone(),
        rules: line.decision.rules.iter().map(|rule| rule.0.into()).collect(),
        verb: line.decision.verb,
        groups: line.decision.groups.clone(),
        code: line.decision.code,
        facts: notes(&line.decision).collect(),
        done: PerSide::from_fn(done),
        mail: line.mail,
        failed: line.failed,
        state: Some(link.state),
    }
}
