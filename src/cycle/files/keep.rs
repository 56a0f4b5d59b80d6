//! Files that are removed, or go with their appointment, are kept before the first of them goes, sealed
//! as other versions are (OPS-02).

use tracing::warn;

use super::super::commit;
use super::super::context::CycleContext;
use super::super::report::CycleEnd;
use super::BYTES_PER_CYCLE;
use super::look::Look;
use crate::domain::code::Code;
use crate::domain::file::{FileEntry, FileForm};
use crate::domain::ids::{NativeId, Version};
use crate::domain::journal::file::{self, FILE_KEPT_MAX, KeptFile};
use crate::domain::journal::{Kept, KeptLabel, OpName};
use crate::domain::kind::{Collection, Kind};
use crate::domain::plan::Op;
use crate::domain::rule::RuleId;
use crate::domain::side::Side;
use crate::engine::catalogue as rule;
use crate::engine::files::{FilePlan, Move};
use crate::engine::plan::{Entry, Plan};
use crate::ports::error::StoreError;
use crate::ports::links::StateChange;

/// A file that goes.
pub(in crate::cycle) struct Leaving<'a> {
    pub(in crate::cycle) on: Side,
    pub(in crate::cycle) file: &'a FileEntry,
    /// Another one of its name comes in its place.
    pub(in crate::cycle) replaced: bool,
    /// The rule that takes it away.
    pub(in crate::cycle) rule: RuleId,
    /// What takes it away: a change of its appointment's files, or the appointment's removal.
    pub(in crate::cycle) op: OpName,
}

/// Tells whether files of this size are kept before they go. What is larger goes without
/// (`attachment-not-kept`).
pub(in crate::cycle) fn keeps(context: &CycleContext, file: &FileEntry) -> bool {
    keeps_any(context) && file.size <= FILE_KEPT_MAX
}

/// Tells whether the tenant keeps versions at all.
pub(super) fn keeps_any(context: &CycleContext) -> bool {
    let chronicle = &context.deps.chronicle;
    chronicle.vault.is_some() && !chronicle.retention.versions.is_zero()
}

/// Returns the files that a plan takes away.
pub(super) fn leaving(plan: &FilePlan, rule: RuleId) -> Vec<Leaving<'_>> {
    let comes = |on: Side, name: &str| {
        plan.moves.iter().any(|one| match one {
            Move::Copy { file, .. } => one.target() == on && file.name == name,
            Move::Remove { .. } => false,
        })
    };
    let removals = plan.moves.iter().filter_map(|one| match one {
        Move::Remove { on, file } => Some((*on, file)),
        Move::Copy { .. } => None,
    });
    removals.map(|(on, file)| leaves(on, file, comes(on, &file.name), rule)).collect()
}

fn leaves(on: Side, file: &FileEntry, replaced: bool, rule: RuleId) -> Leaving<'_> {
    Leaving { on, file, replaced, rule, op: OpName::Update }
}

/// Keeps the files of the appointments that a slice removes, as far as it can: a file that cannot be read,
/// is too large or one too many goes without, and that is noted. A removal waits for no file.
pub(in crate::cycle) async fn keep_removed(
    context: &CycleContext,
    slice: &mut Plan,
) -> Result<(), CycleEnd> {
    if !keeps_any(context) {
        return Ok(());
    }
    let mut budget = BYTES_PER_CYCLE;
    for side in Side::BOTH {
        let places = slice.entries.iter().enumerate();
        let removed: Vec<(usize, NativeId)> =
            places.filter_map(|(at, entry)| Some((at, removed(entry, side)?))).collect();
        let ids: Vec<NativeId> = removed.iter().map(|(_, id)| id.clone()).collect();
        for ((at, _), list) in removed.into_iter().zip(lists(context, side, &ids).await) {
            keep_of_removed(context, &mut slice.entries[at], side, list, &mut budget).await?;
        }
    }
    Ok(())
}

/// Returns the appointment that an entry removes on a side. What a purge removes was made by Lockstep.
fn removed(entry: &Entry, side: Side) -> Option<NativeId> {
    let step = entry.steps.get(side).as_ref().filter(|_| !entry.is_purged())?;
    let holds_files = match side {
        Side::Dynamics => entry.link.kind == Kind::Appointment,
        Side::Exchange => entry.link.kind.collection() == Collection::Calendar,
    };
    let removes = matches!(step.op, Op::Delete { .. }) && holds_files;
    entry.link.native.get(side).clone().filter(|_| removes)
}

/// Lists the files of some appointments; `None` for one whose list cannot be read. One that spoils the
/// answer for all is asked for alone.
async fn lists(
    context: &CycleContext,
    side: Side,
    ids: &[NativeId],
) -> Vec<Option<Vec<FileEntry>>> {
    if ids.is_empty() {
        return Vec::new();
    }
    let far = context.deps.side(side);
    // What is gone already has no files.
    let found = |list: Option<Vec<FileEntry>>| Some(list.unwrap_or_default());
    match far.files(&context.mailbox, ids).await {
        Ok(all) => return all.into_iter().map(found).collect(),
        Err(error) => warn!(%error, "the files of appointments that go cannot be listed at once"),
    }
    let mut lists = Vec::with_capacity(ids.len());
    for id in ids {
        let list = far.files(&context.mailbox, std::slice::from_ref(id)).await;
        lists.push(list.ok().and_then(|mut all| all.pop()).and_then(found));
    }
    lists
}

async fn keep_of_removed(
    context: &CycleContext,
    entry: &mut Entry,
    side: Side,
    list: Option<Vec<FileEntry>>,
    budget: &mut u64,
) -> Result<(), CycleEnd> {
    let rule = entry.verdict.decision.rules.first().copied().unwrap_or(rule::OPS_02);
    let files = list.iter().flatten().filter(|file| file.form == FileForm::Whole);
    let (mut left, mut goes) = (list.is_none(), Vec::new());
    for file in files {
        match file.size <= FILE_KEPT_MAX {
            true => goes.push(Leaving { op: OpName::Delete, ..leaves(side, file, false, rule) }),
            false => left = true,
        }
    }
    left |= !Look { context, link: &entry.link, budget }.keep(&goes).await?.is_empty();
    if left {
        entry.verdict.decision.note(Code::AttachmentNotKept);
    }
    Ok(())
}

impl Look<'_> {
    /// Keeps files in one commit. Returns those that must not go now, because they could not be kept.
    pub(in crate::cycle) async fn keep(
        &mut self,
        leaving: &[Leaving<'_>],
    ) -> Result<Vec<NativeId>, CycleEnd> {
        let (mut kept, mut unkept) = (Vec::new(), Vec::new());
        for one in leaving.iter().filter(|one| keeps(self.context, one.file)) {
            let content = match *self.budget {
                0 => None,
                _ => self.read(one.on, one.file).await,
            };
            match content {
                Some(content) => kept.extend(self.sealed(one, content)?),
                None => unkept.push(one.file.id.clone()),
            }
        }
        commit::store(self.context, StateChange { kept, ..StateChange::default() }).await?;
        Ok(unkept)
    }

    fn sealed(&self, one: &Leaving<'_>, content: Vec<u8>) -> Result<Option<Kept>, CycleEnd> {
        let (context, link) = (self.context, self.link);
        let vault = context.deps.chronicle.vault.as_ref();
        let (Some(vault), Some(native)) = (vault, link.native.get(one.on).clone()) else {
            return Ok(None);
        };
        let label = KeptLabel {
            at: context.now,
            cycle: context.cycle,
            link: link.id,
            kind: link.kind,
            side: one.on,
            native,
            op: one.op,
            rule: one.rule.0.into(),
            version: one.file.version.as_deref().map(Version::new),
        };
        let (name, mime) = (one.file.name.clone(), one.file.mime.clone());
        let bytes = file::encode(&KeptFile { name, mime, replaced: one.replaced, content });
        let sealed = vault.seal(&label.bound_to(&context.mailbox.key), &bytes);
        let sealed = sealed.map_err(|error| StoreError::Unavailable(Box::new(error)))?;
        Ok(Some(Kept { label, sealed }))
    }
}
