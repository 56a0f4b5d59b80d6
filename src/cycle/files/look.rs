//! The files of one pair, looked at and decided about; nothing is written here.
//!
//! A half that is still to be made has no id: it has no files, and nothing closes it but the plan.

use tracing::warn;

use super::super::context::CycleContext;
use super::keep;
use crate::domain::code::Code;
use crate::domain::field::{Field, Group, Value};
use crate::domain::file::FileEntry;
use crate::domain::journal::file::FILE_KEPT_MAX;
use crate::domain::link::{Link, Role};
use crate::domain::observation::Presence;
use crate::domain::plan::Op;
use crate::domain::policy::ConflictPolicy;
use crate::domain::side::{PerSide, Side};
use crate::engine::files::{self, FilePlan, Listing, Move, Question};
use crate::engine::plan::Entry;

/// One pair under the eye.
pub(in crate::cycle) struct Look<'a> {
    pub(in crate::cycle) context: &'a CycleContext,
    pub(in crate::cycle) link: &'a Link,
    /// Bytes that may still be read.
    pub(in crate::cycle) budget: &'a mut u64,
}

/// What is to be done about a pair's files.
pub(super) enum Decided {
    /// Nothing now.
    Nothing,
    /// A content that says so cannot be read now.
    Unread,
    /// These moves.
    Plan(FilePlan),
}

impl Look<'_> {
    /// Decides; `entry` is what a plan does with the pair before.
    pub(super) async fn decide(&mut self, now: &Listing, entry: Option<&Entry>) -> Decided {
        let view = self.context.view.clone();
        let agreed = |side| self.link.agreed.get(side).get(Group::Files);
        let changed =
            PerSide::from_fn(|side| files::print(now.get(side), &view.key) != agreed(side));
        if !changed.dynamics && !changed.exchange {
            return Decided::Nothing;
        }
        let Some(writable) = self.writable(entry).await else { return Decided::Nothing };
        let Some(same) = self.same(now).await else { return Decided::Unread };
        let winner = match view.policy.conflict {
            ConflictPolicy::Exchange => Side::Exchange,
            ConflictPolicy::Dynamics | ConflictPolicy::ByKind => Side::Dynamics,
        };
        let question = Question { now, changed, writable, policy: &view.files, winner };
        let mut plan = files::decide(question, &same);
        let lost = |one: &Move| match one {
            Move::Remove { file, .. } => keep::keeps_any(self.context) && file.size > FILE_KEPT_MAX,
            Move::Copy { .. } => false,
        };
        if plan.moves.iter().any(lost) {
            plan.notes.insert(0, Code::AttachmentNotKept);
        }
        Decided::Plan(plan)
    }

    /// ORG-01, APPT-IN-05, ATT-04: who may write where; `None` when nothing moves now.
    pub(in crate::cycle) async fn writable(&self, entry: Option<&Entry>) -> Option<PerSide<bool>> {
        let (mailbox, link) = (&self.context.mailbox, self.link);
        let mut state = None;
        for side in Side::BOTH {
            let Some(id) = link.native.get(side) else { continue };
            let asked = [(link.kind, id.clone())];
            let seen = self.context.deps.side(side).fetch(mailbox, &asked).await.ok()?.pop()?;
            let single = match side {
                Side::Dynamics => seen.unfit.is_none(),
                Side::Exchange => !seen.exchange_facts().recurring,
            };
            if seen.presence != Presence::Present || !single {
                return None;
            }
            if side == Side::Dynamics {
                state = seen.fields.number(Field::State);
            }
        }
        let closed = matches!(entry.and_then(state_after).or(state), Some(1 | 2));
        Some(PerSide {
            dynamics: matches!(link.role, Role::Owner | Role::Guest) && !closed,
            exchange: matches!(link.role, Role::Owner | Role::PrivateCopy),
        })
    }

    /// Returns the namesakes of equal content; `None` when a content cannot be read now.
    async fn same(&mut self, now: &Listing) -> Option<Vec<(usize, usize)>> {
        let mut same = Vec::new();
        for pair in files::namesakes(now, &self.context.view.files) {
            let row = self.read(Side::Dynamics, &now.dynamics[pair.0]).await?;
            let item = self.read(Side::Exchange, &now.exchange[pair.1]).await?;
            if row == item {
                same.push(pair);
            }
        }
        Some(same)
    }

    /// Returns the content of a file; nothing when it cannot be read now.
    pub(in crate::cycle) async fn read(&mut self, side: Side, file: &FileEntry) -> Option<Vec<u8>> {
        *self.budget = self.budget.saturating_sub(file.size);
        let id = self.link.native.get(side).as_ref()?;
        match self.context.deps.side(side).read_file(&self.context.mailbox, id, &file.id).await {
            Ok(content) => Some(content),
            Err(error) => {
                warn!(%error, "the content of a file cannot be read; it waits");
                None
            }
        }
    }
}

/// Returns the state that a plan gives the row before its files are looked at.
fn state_after(entry: &Entry) -> Option<i64> {
    let patch = match &entry.steps.dynamics.as_ref()?.op {
        Op::Create { patch } | Op::Update { patch, .. } => patch,
        Op::Unmark { .. } | Op::Delete { .. } => return None,
    };
    patch.iter().find_map(|(field, value)| match (field, value) {
        (Field::State, Some(Value::Number(state))) => Some(*state),
        _ => None,
    })
}
