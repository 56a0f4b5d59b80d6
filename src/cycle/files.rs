//! The lane of the files: after everything else of a cycle is stored, so that a large file delays
//! nothing (ATT-05); bounded in items and bytes, the rest waits for the next cycle.
//!
//! The files of all linked appointments are listed in Dynamics; those of an event are listed when
//! the pair was touched in this cycle, when its row's files changed, or when they were never
//! compared. Absent on purpose: what is to be done about them, which is `engine::files`.

use std::collections::HashSet;

use siphasher::sip::SipHasher24;
use tracing::warn;
use uuid::Uuid;

use super::context::CycleContext;
use super::report::{CycleEnd, CycleReport};
use crate::domain::code::Code;
use crate::domain::field::{Field, Group};
use crate::domain::file::{FileEntry, NewFile};
use crate::domain::ids::{LinkId, NativeId};
use crate::domain::kind::Kind;
use crate::domain::link::{Link, LinkState, Role};
use crate::domain::observation::Presence;
use crate::domain::plan::Outcome;
use crate::domain::policy::ConflictPolicy;
use crate::domain::side::{PerSide, Side};
use crate::engine::files::{self, FilePlan, Listing, Move, Question};
use crate::engine::plan::Plan;
use crate::ports::links::StateChange;

/// Events whose files are listed in one cycle: two batches.
const ITEMS_PER_CYCLE: usize = 40;
/// Bytes that one cycle moves or compares; one file always goes, however large.
const BYTES_PER_CYCLE: u64 = 32 * 1024 * 1024;

/// Returns the links that a cycle looks at, when files are synchronized at all (ATT-01, ATT-03).
pub(super) fn touched(context: &CycleContext, plan: &Plan) -> HashSet<LinkId> {
    if !context.view.files.on {
        return HashSet::new();
    }
    plan.entries.iter().map(|entry| entry.link.id).collect()
}

/// Carries the files of this cycle. A far side that fails here has been asked everything else
/// already: the files wait for the next cycle.
pub(super) async fn lane(
    context: &CycleContext,
    touched: &HashSet<LinkId>,
    report: &mut CycleReport,
) -> Result<(), CycleEnd> {
    if !context.view.files.on {
        return Ok(());
    }
    let state = context.deps.links.load(&context.mailbox.key).await?;
    let pairs: Vec<(Link, PerSide<NativeId>)> = state.links.into_iter().filter_map(pair).collect();
    let ids: Vec<NativeId> = pairs.iter().map(|(_, ids)| ids.dynamics.clone()).collect();
    let rows = match context.deps.dynamics.files(&context.mailbox, &ids).await {
        Ok(rows) => rows,
        Err(error) => {
            warn!(%error, "the files of appointments cannot be listed; they wait");
            return Ok(());
        }
    };
    let mut wanted = Vec::new();
    for ((link, ids), row) in pairs.into_iter().zip(rows) {
        let Some(row) = row else { continue };
        let news = files::print(&row, &context.view.key) != link.agreed.dynamics.get(Group::Files);
        if news || !link.files_known || touched.contains(&link.id) {
            wanted.push((link, ids, row));
        }
    }
    let mut left = wanted.len() > ITEMS_PER_CYCLE;
    wanted.truncate(ITEMS_PER_CYCLE);
    let ids: Vec<NativeId> = wanted.iter().map(|(_, ids, _)| ids.exchange.clone()).collect();
    let items = match context.deps.exchange.files(&context.mailbox, &ids).await {
        Ok(items) => items,
        Err(error) => {
            warn!(%error, "the files of events cannot be listed; they wait");
            return Ok(());
        }
    };
    let mut budget = BYTES_PER_CYCLE;
    let mut put = Vec::new();
    for ((link, ids, row), item) in wanted.into_iter().zip(items) {
        let Some(item) = item else { continue };
        if budget == 0 {
            left = true;
            break;
        }
        let now = PerSide { dynamics: row, exchange: item };
        let mut work = Work { context, report, ids: &ids, budget: &mut budget };
        let after = work.settle(&link, &now).await;
        left |= !after.files_known;
        if after != link {
            put.push(after);
        }
    }
    if left {
        report.waits();
    }
    super::commit::store(context, StateChange { put, ..StateChange::default() }).await
}

/// Returns a link whose files may move, with its ids: a pair of single appointments at rest
/// (ATT-04, SVC-05).
fn pair(link: Link) -> Option<(Link, PerSide<NativeId>)> {
    let single = link.kind == Kind::Appointment && link.state == LinkState::Agreed;
    let ids = PerSide {
        dynamics: link.native.dynamics.clone()?,
        exchange: link.native.exchange.clone()?,
    };
    (single && link.trouble.is_none()).then_some((link, ids))
}

/// The files of one pair under work.
struct Work<'a> {
    context: &'a CycleContext,
    report: &'a mut CycleReport,
    ids: &'a PerSide<NativeId>,
    budget: &'a mut u64,
}

impl Work<'_> {
    /// Brings the files of a pair in step and returns what its link becomes.
    async fn settle(&mut self, link: &Link, now: &Listing) -> Link {
        let mut after = link.clone();
        let key = &self.context.view.key;
        let prints = PerSide::from_fn(|side| files::print(now.get(side), key));
        let changed =
            PerSide::from_fn(|side| prints.get(side) != &link.agreed.get(side).get(Group::Files));
        after.files_known = true;
        if !changed.dynamics && !changed.exchange {
            return after;
        }
        let Some(writable) = self.writable(link).await else { return after };
        let Some(same) = self.same(now).await else {
            after.files_known = false;
            return after;
        };
        let policy = &self.context.view.files;
        let winner = match self.context.view.policy.conflict {
            ConflictPolicy::Exchange => Side::Exchange,
            ConflictPolicy::Dynamics | ConflictPolicy::ByKind => Side::Dynamics,
        };
        let question = Question { now, changed, writable, policy, winner };
        let plan = files::decide(question, &same);
        let done = self.carry(link, &plan).await;
        self.agree(&mut after, now, &plan, &done).await;
        self.report.files(link, &plan, &done);
        after
    }

    /// ORG-01, APPT-IN-05, ATT-04: who may write where; `None` when nothing moves now.
    async fn writable(&self, link: &Link) -> Option<PerSide<bool>> {
        let (mailbox, deps) = (&self.context.mailbox, &self.context.deps);
        let row = [(link.kind, self.ids.dynamics.clone())];
        let item = [(link.kind, self.ids.exchange.clone())];
        let row = deps.dynamics.fetch(mailbox, &row).await.ok()?.pop()?;
        let item = deps.exchange.fetch(mailbox, &item).await.ok()?.pop()?;
        let there = row.presence == Presence::Present && item.presence == Presence::Present;
        let single = !item.exchange_facts().recurring && row.unfit.is_none();
        let closed = matches!(row.fields.number(Field::State), Some(1 | 2));
        (there && single).then_some(PerSide {
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

    async fn read(&mut self, side: Side, file: &FileEntry) -> Option<Vec<u8>> {
        *self.budget = self.budget.saturating_sub(file.size);
        let far = self.context.deps.side(side);
        match far.read_file(&self.context.mailbox, self.ids.get(side), &file.id).await {
            Ok(content) => Some(content),
            Err(error) => {
                warn!(%error, "the content of a file cannot be read; it waits");
                None
            }
        }
    }

    /// Performs the moves in order and returns an outcome for each.
    async fn carry(&mut self, link: &Link, plan: &FilePlan) -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(plan.moves.len());
        for one in &plan.moves {
            let outcome = match one {
                Move::Remove { .. } if !self.context.tenure.may_send() => Outcome::NotSent,
                Move::Remove { on, file } => {
                    let far = self.context.deps.side(*on);
                    far.remove_file(&self.context.mailbox, self.ids.get(*on), &file.id).await
                }
                Move::Copy { from, file } => self.copy(link, *from, file).await,
            };
            outcomes.push(outcome);
        }
        outcomes
    }

    async fn copy(&mut self, link: &Link, from: Side, file: &FileEntry) -> Outcome {
        if *self.budget == 0 {
            return Outcome::NotSent;
        }
        let Some(content) = self.read(from, file).await else { return Outcome::NotSent };
        if content.len() as u64 > self.context.view.files.max_bytes {
            return Outcome::Refused(Code::AttachmentTooLarge);
        }
        let (name, mime) = (file.name.clone(), file.mime.clone());
        let new = NewFile { key: key_of(link, file, &content), name, mime, content };
        if !self.context.tenure.may_send() {
            return Outcome::NotSent;
        }
        let target = self.context.deps.side(from.other());
        target.add_file(&self.context.mailbox, self.ids.get(from.other()), &new).await
    }

    /// What was agreed is what was seen, with what was written by us and nothing that somebody else
    /// did meanwhile. A move that did not get through leaves its source's side as it was, so that
    /// the next cycle sees the same change again and no removal is undone.
    async fn agree(&self, after: &mut Link, now: &Listing, plan: &FilePlan, done: &[Outcome]) {
        let key = &self.context.view.key;
        let waits = |one: &Outcome| {
            matches!(one, Outcome::NotSent | Outcome::Unknown | Outcome::Stale | Outcome::Missing)
        };
        let mut retry = PerSide { dynamics: false, exchange: false };
        let mut written = PerSide { dynamics: false, exchange: false };
        for (one, outcome) in plan.moves.iter().zip(done) {
            let source = match one {
                Move::Copy { from, .. } => *from,
                Move::Remove { on, .. } => on.other(),
            };
            written.set(source.other(), true);
            if waits(outcome) {
                retry.set(source, true);
            }
        }
        after.files_known = !(retry.dynamics || retry.exchange);
        for side in Side::BOTH {
            if *retry.get(side) {
                continue;
            }
            let list = if *written.get(side) {
                match self.ours(side, now, plan).await {
                    Some(list) => list,
                    None => {
                        after.files_known = false;
                        continue;
                    }
                }
            } else {
                now.get(side).clone()
            };
            after.agreed.get_mut(side).set(Group::Files, files::print(&list, key));
        }
        let refused = done.iter().any(|one| matches!(one, Outcome::Refused(_)));
        let failed = refused || !after.files_known;
        if (written.dynamics || written.exchange) && self.context.tenure.may_send() {
            let dynamics = &self.context.deps.dynamics;
            dynamics.mark_file_errors(&self.context.mailbox, &self.ids.dynamics, failed).await;
        }
    }

    /// Returns the list of a side after our writes: what stood there before, and what we added.
    async fn ours(&self, side: Side, now: &Listing, plan: &FilePlan) -> Option<Vec<FileEntry>> {
        let far = self.context.deps.side(side);
        let asked = [self.ids.get(side).clone()];
        let mut list = far.files(&self.context.mailbox, &asked).await.ok()?.pop()??;
        let mut added: Vec<&str> = plan
            .moves
            .iter()
            .filter_map(|one| match one {
                Move::Copy { from, file } if from.other() == side => Some(file.name.as_str()),
                Move::Copy { .. } | Move::Remove { .. } => None,
            })
            .collect();
        list.retain(|file| {
            if now.get(side).iter().any(|old| old.id == file.id && old.version == file.version) {
                return true;
            }
            let ours = added.iter().position(|name| *name == file.name);
            ours.map(|at| added.swap_remove(at)).is_some()
        });
        Some(list)
    }
}

/// The key of an add: the same for each repeat, another for another content.
fn key_of(link: &Link, file: &FileEntry, content: &[u8]) -> Uuid {
    use std::hash::Hasher as _;
    let mut hasher = SipHasher24::new();
    hasher.write(content);
    let name = format!("{}\n{}\n{:x}", file.id, file.name, hasher.finish());
    Uuid::new_v5(&link.id.0, name.as_bytes())
}
