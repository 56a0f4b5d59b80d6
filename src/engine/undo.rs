//! Undo: both items of a pair as they were before a write that replaced or removed one of them
//! (OPS-02).
//!
//! The side that was written gets its former version back; the other side follows in the groups
//! that differ, so that both agree again. Nothing is restored over a change that somebody made
//! since, and nobody is mailed unless the operator allows it. Absent: taking back what was created.

mod files;

use std::fmt;

use crate::domain::field::{Field, Fields, Group, Patch, Value};
use crate::domain::fingerprint::{PrintKey, Prints};
use crate::domain::ids::UserId;
use crate::domain::journal::{KeptContent, OpName};
use crate::domain::kind::{Collection, Kind};
use crate::domain::link::{LinkState, Role};
use crate::domain::party::{Party, PartyRow, PartyTable};
use crate::domain::plan::{MailClass, Verb};
use crate::domain::policy::Context;
use crate::domain::side::{PerSide, Side};
use crate::engine::catalogue as rule;
use crate::engine::decide::agreed::may_leave;
use crate::engine::decide::{
    After, Verdict, Write, attendee_count, fields, is_me, item_facts, mails, row_facts, verdict,
};
use crate::engine::groups;
use crate::engine::matching::Pairing;
use crate::engine::normalise::prints;
use crate::engine::translate::{local_midnights, translate};

pub use files::{Back, FilesBack, FilesLeft, Wished, entry, files_back};

/// A version that a write replaced or removed.
#[derive(Debug, Clone, PartialEq)]
pub struct Former {
    /// What the write did.
    pub op: OpName,
    /// What it replaced.
    pub content: KeptContent,
}

/// Why a pair is left as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// It holds already what it would get.
    Same,
    /// Somebody changed it since, on this side, in these groups.
    Changed(Side, Vec<Group>),
    /// Nothing is remembered of the pair, and this side has its half.
    Forgotten(Side),
    /// An item that was deleted is there again, or one that was overwritten is gone.
    Moved(Side),
    /// It waits for the next cycle.
    Waits,
    /// Its row is canceled and the organization takes such meetings away (CXL-04).
    Canceled,
    /// The write would mail this many people.
    WouldMail(u16),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Same => f.write_str("it holds that version already"),
            Self::Changed(side, groups) => {
                let names: Vec<String> = groups.iter().map(|group| format!("{group:?}")).collect();
                write!(f, "somebody changed it since in {side}: {}", names.join(", "))
            }
            Self::Forgotten(side) => write!(
                f,
                "the pair is not remembered, so nobody can tell what was changed since in {side}"
            ),
            Self::Moved(side) => write!(f, "somebody deleted or restored it since in {side}"),
            Self::Waits => f.write_str("it is unsettled; let a cycle settle it first"),
            Self::Canceled => f.write_str(
                "its row is canceled, so the next cycle would delete it again: reopen it",
            ),
            Self::WouldMail(count) => {
                write!(f, "Exchange would mail {count} people; --allow-mail restores it")
            }
        }
    }
}

/// Returns what brings a pair back to former versions.
///
/// # Errors
/// Returns why it is left as it is.
pub fn undo(
    pairing: Pairing,
    former: &PerSide<Option<Former>>,
    allow_mail: bool,
    key: &PrintKey,
    context: &Context<'_>,
) -> Result<Verdict, Reason> {
    if pairing.link.as_ref().is_some_and(|link| link.trouble.is_some()) {
        return Err(Reason::Waits);
    }
    let deleted = Side::BOTH
        .into_iter()
        .find(|side| former.get(*side).as_ref().is_some_and(|one| one.op == OpName::Delete));
    untouched(&pairing, deleted)?;
    let restored = match (deleted, deleted.and_then(|side| former.get(side).as_ref())) {
        (Some(side), Some(one)) => bring_back(pairing, side, &one.content, context)?,
        _ => put_back(pairing, former, key, context)?,
    };
    let mail = match &restored.writes.exchange {
        Some(Write::Create { mail, .. } | Write::Update { mail, .. }) => *mail,
        Some(Write::Unmark { .. } | Write::Delete { .. }) | None => MailClass::Silent,
    };
    match mail {
        MailClass::Mails(count) if !allow_mail => Err(Reason::WouldMail(count)),
        MailClass::Mails(_) | MailClass::Silent => Ok(restored),
    }
}

/// Nothing that a person did since the last agreement is overwritten.
fn untouched(pairing: &Pairing, deleted: Option<Side>) -> Result<(), Reason> {
    for side in Side::BOTH {
        let seen = pairing.seen.get(side).as_ref();
        match (deleted, seen) {
            (Some(gone), Some(_)) if gone == side => return Err(Reason::Moved(side)),
            (None, None) => return Err(Reason::Moved(side)),
            _ => {}
        }
        let linked = pairing.link.as_ref().filter(|link| link.native.get(side).is_some());
        if let (Some(link), Some(seen)) = (linked, seen) {
            // Every item has something that was agreed.
            if *link.agreed.get(side) == Prints::default() {
                return Err(Reason::Forgotten(side));
            }
            let mut groups = seen.prints.differing(link.agreed.get(side));
            // Files have a lane of their own.
            groups.retain(|group| *group != Group::Files);
            // A canceled row must be reopened before its meeting can come back.
            groups.retain(|group| deleted.is_none() || *group != Group::Status);
            if !groups.is_empty() {
                return Err(Reason::Changed(side, groups));
            }
        }
    }
    Ok(())
}

fn role(pairing: &Pairing) -> Role {
    pairing.link.as_ref().map_or(Role::Owner, |link| link.role)
}

/// Both items are there: the groups that differ from a former version get it back, and the other
/// side follows.
fn put_back(
    pairing: Pairing,
    former: &PerSide<Option<Former>>,
    key: &PrintKey,
    context: &Context<'_>,
) -> Result<Verdict, Reason> {
    let kind = pairing.kind();
    let now = PerSide::from_fn(|side| fields(&pairing, side));
    let written = PerSide::from_fn(|side| {
        let Some(one) = former.get(side) else { return Vec::new() };
        let settings = &context.policy.settings;
        let then = prints(kind, &one.content.fields, key, settings);
        prints(kind, now.get(side), key, settings).differing(&then)
    });
    let mut patches = PerSide::<Patch>::default();
    let mut carried = PerSide::<Vec<Group>>::default();
    for side in Side::BOTH {
        let (Some(one), groups) = (former.get(side), written.get(side)) else { continue };
        patches.get_mut(side).extend(back(&one.content.fields, now.get(side), groups));
        carried.get_mut(side).extend(groups);
        let other = side.other();
        let mut follow: Vec<Group> =
            groups.iter().copied().filter(|group| !written.get(other).contains(group)).collect();
        follow.retain(|_| may_leave(side, role(&pairing)));
        let source = &one.content.fields;
        let out = translate(kind, side, &follow, source, now.get(other), context);
        patches.get_mut(other).extend(out.patch);
        carried.get_mut(other).extend(follow);
    }
    local_midnights(&mut patches.dynamics, &now.exchange, context);
    let verb = match (carried.dynamics.is_empty(), carried.exchange.is_empty()) {
        (true, true) => return Err(Reason::Same),
        (false, true) => Verb::Update(Side::Dynamics),
        (true, false) => Verb::Update(Side::Exchange),
        (false, false) => Verb::Merge,
    };
    let mail = mail_of(kind, &item_facts(&pairing), &now.exchange, &patches.exchange);
    let role = role(&pairing);
    let mut out = verdict(pairing, After::Agreed, verb, &[rule::OPS_02]).with_role(role);
    for side in Side::BOTH {
        let (patch, groups) = (patches.get(side).clone(), carried.get(side).clone());
        if !groups.is_empty() {
            let mail = if side == Side::Exchange { mail } else { MailClass::Silent };
            out = out.with_write(side, Write::Update { patch, groups, mail, mark: false });
        }
    }
    Ok(out)
}

/// Returns the patch that gives some groups their former values.
fn back(then: &Fields, now: &Fields, groups: &[Group]) -> Patch {
    let within = |field: Field| field.group().is_some_and(|group| groups.contains(&group));
    let mut patch: Patch = then
        .iter()
        .filter(|(field, _)| within(*field))
        .map(|(field, value)| (field, Some(value.clone())))
        .collect();
    let emptied = now.iter().filter(|(field, _)| within(*field) && then.get(*field).is_none());
    patch.extend(emptied.map(|(field, _)| (field, None)));
    patch
}

/// Exchange mails everybody who attends before or after the write (protocols A4).
fn mail_of(
    kind: Kind,
    facts: &crate::domain::observation::ExchangeFacts,
    now: &Fields,
    patch: &Patch,
) -> MailClass {
    if kind.collection() != Collection::Calendar || !facts.is_organizer || patch.is_empty() {
        return MailClass::Silent;
    }
    mails(attendee_count(now).max(invited(patch)))
}

fn invited(patch: &Patch) -> u16 {
    let values = patch.iter().filter_map(|(field, value)| Some((*field, value.clone()?)));
    attendee_count(&values.collect())
}

/// The item of a side was deleted: it is made again as it was, and the other one, too, when it is
/// gone as well.
fn bring_back(
    pairing: Pairing,
    side: Side,
    then: &KeptContent,
    context: &Context<'_>,
) -> Result<Verdict, Reason> {
    let kind = pairing.kind();
    let canceled = fields(&pairing, Side::Dynamics).number(Field::State) == Some(2);
    if kind.is_meeting() && canceled && context.policy.settings.propagate_cancellations {
        return Err(Reason::Canceled);
    }
    let mut own: Patch = back(&then.fields, &Fields::new(), &all_groups(kind, context));
    let other = side.other();
    let mut there = None;
    if pairing.seen.get(other).is_none() {
        let all = groups::of(kind, &context.policy.settings);
        let mut out = translate(kind, side, &all, &then.fields, &Fields::new(), context);
        out.patch.retain(|(_, value)| value.is_some());
        there = Some(out.patch);
    }
    let organizer = then.organizer.or_else(|| row_facts(&pairing).organizer);
    let role = role_again(kind, organizer, context);
    let (owner, organizer) = (then.owner.unwrap_or(context.mailbox.user), organizer);
    let row = if side == Side::Dynamics { Some(&mut own) } else { there.as_mut() };
    if let Some(row) = row {
        name_people(kind, row, owner, organizer.unwrap_or(context.mailbox.user));
        local_midnights(row, &then.fields, context);
    }
    let verb = Verb::Create(side);
    let mut out = verdict(pairing, After::Agreed, verb, &[rule::OPS_02]).with_role(role);
    for (at, patch) in [(side, Some(own)), (other, there)] {
        let Some(mut patch) = patch else { continue };
        if at == Side::Exchange && role == Role::PrivateCopy {
            patch.retain(|(field, _)| field.group() != Some(Group::Attendees));
        }
        let mail = if at == Side::Exchange { mails(invited(&patch)) } else { MailClass::Silent };
        out = out.with_write(at, Write::Create { patch, mail });
    }
    if let Some(link) = out.pairing.link.as_mut() {
        // Whatever was agreed with the item that is gone: a new one is made.
        link.state = LinkState::LeftAlone;
    }
    Ok(out)
}

/// What the mailbox is in what comes back: of a service activity (SVC-03) and of a meeting that
/// somebody else organizes it gets a copy, which follows the row and mails nobody.
fn role_again(kind: Kind, organizer: Option<UserId>, context: &Context<'_>) -> Role {
    let guest = kind.is_meeting() && organizer.is_some() && !is_me(organizer, context);
    if guest || kind == Kind::ServiceAppointment { Role::PrivateCopy } else { Role::Owner }
}

/// Every group of a kind, also those that take no part in the comparison now.
fn all_groups(kind: Kind, context: &Context<'_>) -> Vec<Group> {
    let mut all = groups::of(kind, &context.policy.settings);
    if kind.is_meeting() && !all.contains(&Group::Privacy) {
        all.push(Group::Privacy);
    }
    all
}

/// ORG-05: whose row it was.
fn name_people(kind: Kind, patch: &mut Patch, owner: UserId, organizer: UserId) {
    let user = |user: UserId| {
        let row = Some(PartyRow { table: PartyTable::SystemUser, id: user.0 });
        Some(Value::Parties(vec![Party { address: None, name: String::new(), row }]))
    };
    patch.push((Field::Owner, user(owner)));
    if kind.is_meeting() {
        patch.push((Field::Organizer, user(organizer)));
    }
}

#[cfg(test)]
mod tests;
