//! Files that are removed are kept before the first of them goes, sealed as other versions are (OPS-02).

use super::super::commit;
use super::super::context::CycleContext;
use super::super::report::CycleEnd;
use super::look::Look;
use crate::domain::file::FileEntry;
use crate::domain::ids::{NativeId, Version};
use crate::domain::journal::file::{self, FILE_KEPT_MAX, KeptFile};
use crate::domain::journal::{Kept, KeptLabel, OpName};
use crate::domain::rule::RuleId;
use crate::domain::side::Side;
use crate::engine::files::{FilePlan, Move};
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
    removals.map(|(on, file)| Leaving { on, file, replaced: comes(on, &file.name), rule }).collect()
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
            op: OpName::Update,
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
