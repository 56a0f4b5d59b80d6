//! Undo of files: finds those that cycles took off a mailbox's appointments, plans their return and
//! carries it out (OPS-02).

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::super::chronicle::record_of_files;
use super::super::commit;
use super::super::context::CycleContext;
use super::super::files::{Leaving, Look};
use super::super::report::{CycleEnd, CycleReport};
use super::{UndoError, opened};
use crate::domain::field::Group;
use crate::domain::file::{FileEntry, NewFile};
use crate::domain::ids::{CycleId, LinkId};
use crate::domain::journal::file::{self, KeptFile};
use crate::domain::journal::{Kept, OpName};
use crate::domain::kind::Kind;
use crate::domain::link::Link;
use crate::domain::plan::Outcome;
use crate::domain::side::{PerSide, Side};
use crate::engine::catalogue as rule;
use crate::engine::decide::{Verdict, Write};
use crate::engine::files::{Listing, print};
use crate::engine::undo::{Back, FilesBack, FilesLeft, Wished, entry, files_back};
use crate::ports::journal::{Ask, KEPT_MAX, Of};
use crate::ports::links::StateChange;

/// The files of one pair that are wanted back: of each name those that went first.
pub(super) struct FileWish {
    pub(super) kind: Kind,
    newest: DateTime<Utc>,
    cycles: HashSet<CycleId>,
    files: BTreeMap<String, Gone>,
}

/// When files of one name went first, and which ones, each with its side.
type Gone = (DateTime<Utc>, Vec<(Side, KeptFile)>);

impl FileWish {
    pub(super) fn new(kind: Kind, newest: DateTime<Utc>) -> Self {
        Self { kind, newest, cycles: HashSet::new(), files: BTreeMap::new() }
    }

    /// Takes a file in; those that went last come first.
    pub(super) fn add(&mut self, at: DateTime<Utc>, cycle: CycleId, side: Side, file: KeptFile) {
        self.newest = self.newest.max(at);
        self.cycles.insert(cycle);
        let (oldest, files) =
            self.files.entry(file.name.clone()).or_insert_with(|| (at, Vec::new()));
        if at < *oldest {
            files.clear();
        }
        *oldest = at;
        let twin = files.iter().any(|(_, one)| one.content == file.content);
        if !twin {
            files.push((side, file));
        }
    }
}

/// Returns what brings the files of a pair back, or why they are left.
pub(super) async fn plan(
    context: &CycleContext,
    link: &Link,
    wish: FileWish,
) -> Result<Result<FilesBack, String>, UndoError> {
    if let Some(cycle) = moved_since(context, link.id, &wish).await? {
        return Ok(Err(format!("cycle {cycle} moved its files since; undo that one first")));
    }
    let Some(now) = list(context, link).await? else {
        return Ok(Err("its files cannot be listed: one of its halves is gone".to_owned()));
    };
    let agreed = |side: Side| link.agreed.get(side).get(Group::Files);
    let changed = |side: &Side| print(now.get(*side), &context.view.key) != agreed(*side);
    if let Some(side) = Side::BOTH.into_iter().find(changed) {
        return Ok(Err(FilesLeft::Changed(side).to_string()));
    }
    let mut budget = u64::MAX;
    let mut look = Look { context, link, budget: &mut budget };
    let Some(writable) = look.writable(None).await else {
        return Ok(Err("one of its halves is gone, or takes no files now".to_owned()));
    };
    let mut wished = Vec::new();
    for (side, file) in wish.files.into_values().flat_map(|(_, files)| files) {
        let mut held = PerSide { dynamics: false, exchange: false };
        for at in Side::BOTH {
            for one in now.get(at).iter().filter(|one| one.name == file.name) {
                *held.get_mut(at) |= look.read(at, one).await.as_ref() == Some(&file.content);
            }
        }
        wished.push(Wished { side, file, held });
    }
    let moves = files_back(&now, writable, &wished);
    Ok(moves
        .map(|moves| FilesBack { link: link.clone(), now, moves, anew: false })
        .map_err(|left| left.to_string()))
}

/// Returns what brings files back to the halves of a pair that the same undo makes again, or why they are
/// left. A half that stayed says which files its pair has: where files are synchronized, only those come
/// back that it holds, or that are not carried.
pub(super) async fn plan_anew(
    context: &CycleContext,
    verdict: &Verdict,
    wish: FileWish,
) -> Result<Result<FilesBack, String>, UndoError> {
    let Some(link) = verdict.pairing.link.clone() else {
        return Ok(Err("the pair is not remembered".to_owned()));
    };
    let is_made = |side: Side| matches!(verdict.writes.get(side), Some(Write::Create { .. }));
    let mut held: Option<Vec<FileEntry>> = None;
    for side in Side::BOTH.into_iter().filter(|side| !is_made(*side)) {
        let Some(seen) = verdict.pairing.seen.get(side) else { continue };
        let asked = [seen.observation.id.clone()];
        let listed = context.deps.side(side).files(&context.mailbox, &asked).await;
        held = listed.map_err(|error| CycleEnd::Side(side, error))?.pop().flatten();
    }
    let policy = &context.view.files;
    let mut moves = Vec::new();
    for (from, file) in wish.files.into_values().flat_map(|(_, files)| files) {
        let shown = entry(&file);
        let carried = policy.on && policy.allows(&shown).is_ok();
        let stays = held.as_ref().is_none_or(|held| held.iter().any(|it| it.name == file.name));
        for side in Side::BOTH.into_iter().filter(|side| is_made(*side)) {
            if (carried && stays) || (!carried && side == from) {
                moves.push(Back::Add(side, file.clone()));
            }
        }
    }
    if moves.is_empty() {
        return Ok(Err("the half that stayed does not hold them any more".to_owned()));
    }
    Ok(Ok(FilesBack { link, now: Listing::default(), moves, anew: true }))
}

/// Returns the cycle that took a file of a wanted name off after the wanted ones.
async fn moved_since(
    context: &CycleContext,
    id: LinkId,
    wish: &FileWish,
) -> Result<Option<CycleId>, UndoError> {
    let ask = Ask { of: Of::Link(id), since: Some(wish.newest), most: KEPT_MAX };
    let later = context.deps.chronicle.journal.kept(&context.mailbox.key, &ask).await?;
    // With a pair that is there, a removal as a whole did not happen, or was undone.
    let moved = |one: &Kept| one.label.op != OpName::Delete;
    for one in later.into_iter().filter(|one| !wish.cycles.contains(&one.label.cycle) && moved(one))
    {
        let bytes = opened(context, &one)?;
        let name = file::decode(&bytes).map(|file| file.name);
        if name.is_ok_and(|name| wish.files.contains_key(&name)) {
            return Ok(Some(one.label.cycle));
        }
    }
    Ok(None)
}

/// Lists the files of both halves; nothing when one of them is gone.
async fn list(context: &CycleContext, link: &Link) -> Result<Option<Listing>, CycleEnd> {
    let mut lists: PerSide<Vec<FileEntry>> = PerSide::default();
    for side in Side::BOTH {
        let Some(list) = list_of(context, link, side).await? else { return Ok(None) };
        lists.set(side, list);
    }
    Ok(Some(lists))
}

async fn list_of(
    context: &CycleContext,
    link: &Link,
    side: Side,
) -> Result<Option<Vec<FileEntry>>, CycleEnd> {
    let Some(id) = link.native.get(side).clone() else { return Ok(None) };
    let listed = context.deps.side(side).files(&context.mailbox, &[id]).await;
    Ok(listed.map_err(|error| CycleEnd::Side(side, error))?.pop().flatten())
}

/// Carries the return of files out. What they replace is kept first, so that it can come back in its turn.
pub(in crate::cycle) async fn carry(
    context: &CycleContext,
    backs: &[FilesBack],
    report: &mut CycleReport,
) -> Result<(), CycleEnd> {
    for back in backs {
        let state = context.deps.links.load(&context.mailbox.key).await?;
        let Some(link) = state.links.into_iter().find(|one| one.id == back.link.id) else {
            continue;
        };
        let outcomes = carry_one(context, &link, back).await?;
        let plan = back.shown().plan;
        let line = report.files(&link, &plan, &outcomes);
        let record = line.map(|line| record_of_files(context, (&link, line), &plan, &outcomes));
        let records = record.into_iter().collect();
        commit::store(context, StateChange { records, ..StateChange::default() }).await?;
        if back.anew {
            agree_later(context, link).await?;
        } else if outcomes.iter().all(|one| matches!(one, Outcome::Done(_))) {
            agree(context, link, back).await?;
        } else {
            report.waits();
        }
    }
    Ok(())
}

async fn carry_one(
    context: &CycleContext,
    link: &Link,
    back: &FilesBack,
) -> Result<Vec<Outcome>, CycleEnd> {
    let nothing = || vec![Outcome::NotSent; back.moves.len()];
    if !back.anew && list(context, link).await?.as_ref() != Some(&back.now) {
        return Ok(vec![Outcome::Stale; back.moves.len()]);
    }
    let leaving: Vec<Leaving<'_>> = back
        .moves
        .iter()
        .filter_map(|one| match one {
            Back::Remove(on, file) => {
                let (rule, op) = (rule::OPS_02, OpName::Update);
                Some(Leaving { on: *on, file, replaced: true, rule, op })
            }
            Back::Add(..) => None,
        })
        .collect();
    let mut budget = u64::MAX;
    let mut look = Look { context, link, budget: &mut budget };
    if !look.keep(&leaving).await?.is_empty() {
        return Ok(nothing());
    }
    let mut outcomes = Vec::new();
    for one in &back.moves {
        let (Back::Remove(on, _) | Back::Add(on, _)) = one;
        let far = context.deps.side(*on);
        let outcome = match (one, link.native.get(*on)) {
            (_, None) => Outcome::Missing,
            _ if !context.tenure.may_send() => Outcome::NotSent,
            (Back::Remove(_, file), Some(id)) => {
                far.remove_file(&context.mailbox, id, &file.id).await
            }
            (Back::Add(_, file), Some(id)) => {
                far.add_file(&context.mailbox, id, &anew(context, link, file)).await
            }
        };
        outcomes.push(outcome);
    }
    Ok(outcomes)
}

/// A return has a key of its own: the file may have been attached under its content's before.
fn anew(context: &CycleContext, link: &Link, file: &KeptFile) -> NewFile {
    let name = format!("{}\n{}", context.cycle, file.name);
    let key = Uuid::new_v5(&link.id.0, name.as_bytes());
    let (name, mime, content) = (file.name.clone(), file.mime.clone(), file.content.clone());
    NewFile { key, name, mime, content }
}

/// The next cycle compares the files of both halves, whatever was agreed of those that are gone.
async fn agree_later(context: &CycleContext, mut link: Link) -> Result<(), CycleEnd> {
    for side in Side::BOTH {
        link.agreed.get_mut(side).set(Group::Files, None);
    }
    link.files_known = false;
    commit::store(context, StateChange { put: vec![link], ..StateChange::default() }).await
}

/// What was agreed is what was there, with what came back and nothing that somebody did meanwhile.
async fn agree(context: &CycleContext, mut link: Link, back: &FilesBack) -> Result<(), CycleEnd> {
    let Some(mut lists) = list(context, &link).await? else { return Ok(()) };
    for side in Side::BOTH {
        let ours = |file: &FileEntry| {
            back.moves.iter().any(|one| match one {
                Back::Add(on, added) => *on == side && added.name == file.name,
                Back::Remove(..) => false,
            })
        };
        let old = back.now.get(side);
        lists.get_mut(side).retain(|file| old.contains(file) || ours(file));
        let print = print(lists.get(side), &context.view.key);
        link.agreed.get_mut(side).set(Group::Files, print);
    }
    commit::store(context, StateChange { put: vec![link], ..StateChange::default() }).await
}
