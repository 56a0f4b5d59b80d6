//! The lane of the files: after everything else of a cycle is stored, so that a large file delays
//! nothing (ATT-05); bounded in items and bytes, the rest waits for the next cycle.
//!
//! The files of all linked appointments are listed in Dynamics; those of an event are listed when
//! the pair was touched in this cycle, when its row's files changed, or when they were never
//! compared. Absent on purpose: what is to be done about them, which is `engine::files`.

mod ahead;
mod keep;
mod look;

use std::collections::HashSet;

use siphasher::sip::SipHasher24;
use tracing::warn;
use uuid::Uuid;

pub(super) use self::ahead::ahead;
use self::keep::leaving;
pub(super) use self::keep::{Leaving, keep_removed};
use self::look::Decided;
pub(super) use self::look::Look;
use super::chronicle::record_of_files;
use super::context::CycleContext;
use super::report::{CycleEnd, CycleReport};
use crate::domain::code::Code;
use crate::domain::field::Group;
use crate::domain::file::{FileEntry, NewFile};
use crate::domain::ids::{LinkId, NativeId};
use crate::domain::journal::Record;
use crate::domain::kind::Kind;
use crate::domain::link::{Link, LinkState};
use crate::domain::plan::Outcome;
use crate::domain::side::{PerSide, Side};
use crate::engine::catalogue as rule;
use crate::engine::files::{self, Ahead, FilePlan, Listing, Move};
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

/// Whose files a lane carries.
#[derive(Debug, Clone, Copy)]
pub(super) enum Scope<'a> {
    /// A cycle's: where something changed, and of the pairs that it touched.
    Cycle(&'a HashSet<LinkId>),
    /// Those of a plan that was shown, and nothing else.
    Shown(&'a [Ahead]),
}

/// Carries the files of this cycle. A far side that fails here has been asked everything else
/// already: the files wait for the next cycle.
pub(super) async fn lane(
    context: &CycleContext,
    scope: Scope<'_>,
    report: &mut CycleReport,
) -> Result<(), CycleEnd> {
    if !context.view.files.on || matches!(scope, Scope::Shown([])) {
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
        let looked_at = match scope {
            Scope::Cycle(touched) => news || !link.files_known || touched.contains(&link.id),
            Scope::Shown(shown) => shown.iter().any(|one| one.is_of(&link)),
        };
        if looked_at {
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
    let (mut put, mut records) = (Vec::new(), Vec::new());
    for ((link, ids, row), item) in wanted.into_iter().zip(items) {
        let Some(item) = item else { continue };
        if budget == 0 {
            left = true;
            break;
        }
        let now = PerSide { dynamics: row, exchange: item };
        let shown = match scope {
            Scope::Cycle(_) => None,
            Scope::Shown(shown) => shown.iter().find(|one| one.is_of(&link)),
        };
        let shown = shown.map(|one| &one.plan.moves[..]);
        let mut work =
            Work { context, report, records: &mut records, ids: &ids, shown, budget: &mut budget };
        let after = work.settle(&link, &now).await?;
        left |= !after.files_known;
        if after != link {
            put.push(after);
        }
    }
    if left {
        report.waits();
    }
    super::commit::store(context, StateChange { put, records, ..StateChange::default() }).await
}

/// Returns a link whose files may move, with its ids: a pair of single appointments at rest
/// (ATT-04, SVC-05).
fn pair(link: Link) -> Option<(Link, PerSide<NativeId>)> {
    let ids = PerSide {
        dynamics: link.native.dynamics.clone()?,
        exchange: link.native.exchange.clone()?,
    };
    is_single(&link).then_some((link, ids))
}

fn is_single(link: &Link) -> bool {
    let single = link.kind == Kind::Appointment && link.state == LinkState::Agreed;
    single && link.trouble.is_none()
}

/// The files of one pair under work.
struct Work<'a> {
    context: &'a CycleContext,
    report: &'a mut CycleReport,
    records: &'a mut Vec<Record>,
    ids: &'a PerSide<NativeId>,
    /// The moves of a plan that was shown: no other one is made.
    shown: Option<&'a [Move]>,
    budget: &'a mut u64,
}

impl Work<'_> {
    /// Brings the files of a pair in step and returns what its link becomes.
    async fn settle(&mut self, link: &Link, now: &Listing) -> Result<Link, CycleEnd> {
        let mut after = link.clone();
        after.files_known = true;
        let plan = match self.look(link).decide(now, None).await {
            Decided::Nothing => return Ok(after),
            Decided::Unread => {
                after.files_known = false;
                return Ok(after);
            }
            Decided::Plan(plan) => plan,
        };
        // The world moved after it was compared: none of them is what was shown.
        if self.shown.is_some_and(|shown| shown.iter().any(|one| !plan.moves.contains(one))) {
            after.files_known = false;
            self.tell(link, &plan, &vec![Outcome::Stale; plan.moves.len()]);
            return Ok(after);
        }
        let done = self.carry(link, &plan).await?;
        self.agree(&mut after, now, &plan, &done).await;
        self.tell(link, &plan, &done);
        Ok(after)
    }

    fn tell(&mut self, link: &Link, plan: &FilePlan, done: &[Outcome]) {
        let line = self.report.files(link, plan, done);
        // What waits is tried again, and written down when something comes of it.
        let waits = |one: &Outcome| matches!(one, Outcome::NotSent | Outcome::Stale);
        let line = line.filter(|_| done.is_empty() || !done.iter().all(waits));
        let record = line.map(|line| record_of_files(self.context, (link, line), plan, done));
        self.records.extend(record);
    }

    fn look<'b>(&'b mut self, link: &'b Link) -> Look<'b> {
        Look { context: self.context, link, budget: self.budget }
    }

    /// Performs the moves in order and returns an outcome for each. What goes is kept first.
    async fn carry(&mut self, link: &Link, plan: &FilePlan) -> Result<Vec<Outcome>, CycleEnd> {
        self.context.assure().await?;
        let mut goes = leaving(plan, rule::ATT_02);
        goes.retain(|one| {
            let shown = |shown: &[Move]| {
                let gone = |it: &Move| matches!(it, Move::Remove { file, .. } if file == one.file);
                shown.iter().any(gone)
            };
            self.shown.is_none_or(shown)
        });
        let unkept = self.look(link).keep(&goes).await?;
        let mut outcomes = Vec::with_capacity(plan.moves.len());
        for one in &plan.moves {
            let outcome = match one {
                // It came up after the plan was made.
                _ if self.shown.is_some_and(|shown| !shown.contains(one)) => Outcome::NotSent,
                Move::Remove { .. } if !self.context.tenure.may_send() => Outcome::NotSent,
                Move::Remove { file, .. } if unkept.contains(&file.id) => Outcome::NotSent,
                Move::Remove { on, file } => {
                    let far = self.context.deps.side(*on);
                    far.remove_file(&self.context.mailbox, self.ids.get(*on), &file.id).await
                }
                Move::Copy { from, file } => self.copy(link, *from, file).await,
            };
            outcomes.push(outcome);
        }
        Ok(outcomes)
    }

    async fn copy(&mut self, link: &Link, from: Side, file: &FileEntry) -> Outcome {
        if *self.budget == 0 {
            return Outcome::NotSent;
        }
        let Some(content) = self.look(link).read(from, file).await else { return Outcome::NotSent };
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
