//! Undo: finds the versions that were kept of a mailbox, looks at both sides as they are now, and
//! plans what brings them back.

mod files;

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, Utc};
use thiserror::Error;
use uuid::Uuid;

use self::files::FileWish;
pub(super) use self::files::carry;
use super::context::{CycleContext, Resolved};
use super::report::CycleEnd;
use crate::domain::ids::{CycleId, LinkId, NativeId};
use crate::domain::journal::{Ending, Kept, content, file};
use crate::domain::kind::Kind;
use crate::domain::link::{Link, LinkState};
use crate::domain::observation::{Observation, Presence};
use crate::domain::side::{PerSide, Side};
use crate::engine::decide::{Verdict, Write};
use crate::engine::matching::Pairing;
use crate::engine::plan::{Plan, plan};
use crate::engine::undo::{FilesBack, Former, undo};
use crate::ports::error::{SideError, StoreError};
use crate::ports::journal::{Ask, KEPT_MAX, Of, RECORDS_MAX};
use crate::ports::links::MailboxState;
use crate::ports::side::{FindKey, Found};

/// What an operator wants back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// What one cycle overwrote or deleted.
    Cycle(CycleId),
    /// What the last cycle did to one item, by link or by its id on either side.
    Item(String),
    /// Everything since an instant.
    Since(DateTime<Utc>),
}

/// Why nothing can be planned.
#[derive(Debug, Error)]
pub enum UndoError {
    /// The mailbox cannot be read.
    #[error("{code}: {0}", code = .0.code())]
    Cycle(#[from] CycleEnd),
    /// No versions are kept in this tenant.
    #[error(
        "no versions are kept in this tenant: name a secret as `keep.key` in the tenant file and \
         set `keep.versions`"
    )]
    NothingKept,
    /// A version does not open.
    #[error("{0}")]
    Sealed(String),
}

impl From<StoreError> for UndoError {
    fn from(error: StoreError) -> Self {
        Self::Cycle(error.into())
    }
}

/// An undo as planned: the plan, what is remembered, and what is left, each with its reason.
pub struct Undo {
    /// The plan.
    pub plan: Plan,
    /// The files that come back after it.
    pub files: Vec<FilesBack>,
    /// The links when it was made.
    pub state: MailboxState,
    /// What is left as it is.
    pub left: Vec<String>,
}

/// Versions of one pair: the oldest on each side among those that were wanted.
struct Wish {
    kind: Kind,
    former: PerSide<Option<Former>>,
    native: PerSide<Option<NativeId>>,
    newest: DateTime<Utc>,
    cycles: HashSet<CycleId>,
}

/// Returns the versions that are wanted, newest first.
///
/// # Errors
/// As the journal says.
pub async fn kept(context: &CycleContext, wanted: &Wanted) -> Result<Vec<Kept>, UndoError> {
    let journal = &context.deps.chronicle.journal;
    let mailbox = &context.mailbox.key;
    let ask = |of: Of, since| Ask { of, since, most: KEPT_MAX };
    match wanted {
        Wanted::Cycle(cycle) => Ok(journal.kept(mailbox, &ask(Of::Cycle(*cycle), None)).await?),
        Wanted::Since(since) => Ok(journal.kept(mailbox, &ask(Of::Mailbox, Some(*since))).await?),
        Wanted::Item(text) => {
            let mut asked: Vec<Of> =
                Side::BOTH.map(|side| Of::Item(side, NativeId::new(text.as_str()))).to_vec();
            asked.extend(Uuid::try_parse(text).ok().map(|id| Of::Link(LinkId(id))));
            let mut all = Vec::new();
            for of in asked {
                all.extend(journal.kept(mailbox, &ask(of, None)).await?);
            }
            // The last cycle that wrote the pair, with both of its sides.
            let Some(last) = all.iter().max_by_key(|one| one.label.at) else { return Ok(all) };
            let (link, cycle) = (last.label.link, last.label.cycle);
            let mut pair = journal.kept(mailbox, &ask(Of::Link(link), None)).await?;
            pair.retain(|one| one.label.cycle == cycle);
            Ok(pair)
        }
    }
}

/// Plans an undo. Writes nothing.
///
/// # Errors
/// Fails when versions cannot be read or opened, or the mailbox cannot be read.
pub async fn plan_undo(
    context: &CycleContext,
    wanted: &Wanted,
    allow_mail: bool,
) -> Result<Undo, UndoError> {
    let state = context.deps.links.load(&context.mailbox.key).await?;
    let context = &context.knowing(&state);
    let (wishes, of_files) = wishes(context, kept(context, wanted).await?)?;
    let nobody = Resolved::default();
    let engine = context.engine(&nobody);
    let (mut verdicts, mut left) = (Vec::new(), Vec::new());
    for (id, wish) in wishes {
        let name = format!("{} {id}", wish.kind);
        if let Some(cycle) = written_since(context, id, &wish).await? {
            left.push(format!("{name}: cycle {cycle} wrote it since; undo that one first"));
            continue;
        }
        let link = state.links.iter().find(|link| link.id == id);
        let pairing = look(context, id, &wish, link).await?;
        match undo(pairing, &wish.former, allow_mail, &context.view.key, &engine) {
            Ok(verdict) => verdicts.push(verdict),
            Err(reason) => left.push(format!("{name}: {reason}")),
        }
    }
    let mut files = Vec::new();
    for (id, wish) in of_files {
        let name = format!("files of {} {id}", wish.kind);
        if let Some(verdict) = verdicts.iter().find(|verdict| makes_anew(verdict, id)) {
            match files::plan_anew(context, verdict, wish).await? {
                Ok(back) => files.push(back),
                Err(reason) => left.push(format!("{name}: {reason}")),
            }
            continue;
        }
        let there = |link: &&Link| link.id == id && link.state == LinkState::Agreed;
        let Some(link) = state.links.iter().find(there) else {
            left.push(format!("{name}: there is no pair that they could come back to"));
            continue;
        };
        match files::plan(context, link, wish).await? {
            Ok(back) => files.push(back),
            Err(reason) => left.push(format!("{name}: {reason}")),
        }
    }
    let plan = plan(verdicts, &engine, Uuid::new_v4);
    Ok(Undo { plan, files, state, left })
}

/// Tells whether a half of this pair is made again.
fn makes_anew(verdict: &Verdict, id: LinkId) -> bool {
    let its = verdict.pairing.link.as_ref().is_some_and(|link| link.id == id);
    let made = |side: Side| matches!(verdict.writes.get(side), Some(Write::Create { .. }));
    its && Side::BOTH.into_iter().any(made)
}

/// Opens a kept version.
fn opened(context: &CycleContext, one: &Kept) -> Result<Vec<u8>, UndoError> {
    let vault = context.deps.chronicle.vault.as_ref();
    let vault = vault.ok_or(UndoError::NothingKept)?;
    let bytes = vault.open(&one.label.bound_to(&context.mailbox.key), &one.sealed);
    bytes.map_err(|error| sealed_error(one, &error.to_string()))
}

fn sealed_error(one: &Kept, what: &str) -> UndoError {
    let label = &one.label;
    UndoError::Sealed(format!("{} {} of {}: {what}", label.kind, label.link, label.at))
}

type Wishes = (BTreeMap<LinkId, Wish>, BTreeMap<LinkId, FileWish>);

/// Opens the versions and groups them by link.
fn wishes(context: &CycleContext, kept: Vec<Kept>) -> Result<Wishes, UndoError> {
    if context.deps.chronicle.vault.is_none() {
        return Err(UndoError::NothingKept);
    }
    let mut of_files: BTreeMap<LinkId, FileWish> = BTreeMap::new();
    let mut wishes: BTreeMap<LinkId, Wish> = BTreeMap::new();
    // Newest first: the last one on a side that is taken is the oldest.
    for one in kept {
        let bytes = opened(context, &one)?;
        if file::is_file(&bytes) {
            let file = file::decode(&bytes).map_err(|it| sealed_error(&one, &it.to_string()))?;
            let label = one.label;
            let wish = of_files.entry(label.link);
            let wish = wish.or_insert_with(|| FileWish::new(label.kind, label.at));
            wish.add(label.at, label.cycle, label.side, file);
            continue;
        }
        let content = content::decode(&bytes).map_err(|it| sealed_error(&one, &it.to_string()))?;
        let label = one.label;
        let wish = wishes.entry(label.link).or_insert_with(|| Wish {
            kind: label.kind,
            former: PerSide::default(),
            native: PerSide::default(),
            newest: label.at,
            cycles: HashSet::new(),
        });
        wish.newest = wish.newest.max(label.at);
        wish.cycles.insert(label.cycle);
        // A row that was deleted after it was changed comes back as it was before the change.
        let deleted = wish.former.get(label.side).as_ref();
        let op = deleted.filter(|it| it.op != label.op).map_or(label.op, |it| it.op);
        wish.former.set(label.side, Some(Former { op, content }));
        wish.native.set(label.side, Some(label.native));
    }
    Ok((wishes, of_files))
}

/// Returns the cycle that wrote the pair after the wanted ones.
async fn written_since(
    context: &CycleContext,
    id: LinkId,
    wish: &Wish,
) -> Result<Option<CycleId>, UndoError> {
    let ask = Ask { of: Of::Link(id), since: Some(wish.newest), most: RECORDS_MAX };
    let records = context.deps.chronicle.journal.records(&context.mailbox.key, &ask).await?;
    // Files have versions of their own.
    let later = records.into_iter().filter(|one| !one.is_of_files());
    let wrote = later.filter(|one| !wish.cycles.contains(&one.cycle)).find(|one| {
        Side::BOTH
            .into_iter()
            .any(|side| one.done.get(side).is_some_and(|done| done.ending == Ending::Done))
    });
    Ok(wrote.map(|record| record.cycle))
}

/// Looks at both items as they are now.
async fn look(
    context: &CycleContext,
    id: LinkId,
    wish: &Wish,
    link: Option<&Link>,
) -> Result<Pairing, CycleEnd> {
    let mut seen = PerSide::default();
    for side in Side::BOTH {
        if let Some(found) = look_at(context, side, id, wish, link).await? {
            seen.set(side, Some(context.comparable(found)));
        }
    }
    let link = link.cloned().unwrap_or_else(|| {
        let new = Link::new(id, wish.kind, Side::Dynamics, LinkState::LeftAlone);
        Link { native: wish.native.clone(), ..new }
    });
    // An item that is gone has no id and no agreement any more.
    let link = Link {
        native: PerSide::from_fn(|side| {
            link.native.get(side).clone().filter(|_| seen.get(side).is_some())
        }),
        ..link
    };
    Ok(Pairing { link: Some(link), seen, copy: false })
}

async fn look_at(
    context: &CycleContext,
    side: Side,
    id: LinkId,
    wish: &Wish,
    link: Option<&Link>,
) -> Result<Option<Observation>, CycleEnd> {
    let far = context.deps.side(side);
    let failed = |error| CycleEnd::Side(side, error);
    let known = link.and_then(|link| link.native.get(side).clone());
    let native = known.or_else(|| wish.native.get(side).clone()).or_else(|| {
        // The guid of the row is the id of the link.
        (side == Side::Dynamics).then(|| NativeId::new(id.0.to_string()))
    });
    let mut found = None;
    if let Some(native) = native {
        found = far.fetch(&context.mailbox, &[(wish.kind, native)]).await.map_err(failed)?.pop();
    }
    let there = |one: &Observation| one.presence == Presence::Present;
    if side == Side::Exchange && !found.as_ref().is_some_and(there) {
        // Restored by a person, or by an undo before this one, it has another id.
        let key = FindKey::Marker(id, wish.kind);
        found = match far.find(&context.mailbox, &[key]).await.map_err(failed)?.pop() {
            // What may be there must not be made again.
            Some(Found::Unfinished) => {
                let reason = "the search for an item by its marker".to_owned();
                return Err(failed(SideError::TooLarge { reason }));
            }
            other => other.and_then(Found::item),
        };
    }
    Ok(found.filter(there).map(|mut one| {
        one.kind = wish.kind;
        // A row that no filter returned stays one that no filter returned.
        let matched = link.is_some_and(|link| link.matched);
        if side == Side::Dynamics && !matched {
            one.presence = Presence::LeftFilter;
        }
        one
    }))
}
