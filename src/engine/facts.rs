//! Facts: what a decision rested on, by name (promise 4).
//!
//! They are taken from the verdict, which carries what was known and seen, only when somebody
//! writes them down: an echo costs nothing. Which facts belong to a rule stands in `advice`.

use chrono::{DateTime, Utc};

use crate::domain::fact::{Fact, FactName, FactValue};
use crate::domain::field::{Field, TodoStatus, Value};
use crate::domain::ids::UserId;
use crate::domain::link::{Link, LinkState, Role, Why};
use crate::domain::observation::{Observation, Presence};
use crate::domain::party::Strangers;
use crate::domain::plan::{Decision, MailClass};
use crate::domain::policy::{ConflictPolicy, Context};
use crate::domain::side::Side;
use crate::engine::advice;
use crate::engine::decide::{
    Standing, Verdict, Write, attendee_count, fields, is_me, item_facts, row_facts, standing,
};
use crate::engine::plan::Entry;

/// Facts of every decision.
const ALWAYS: [FactName; 3] = [FactName::Row, FactName::Item, FactName::Link];

/// Returns the facts that a verdict rested on, in the order of `FactName::ALL`.
#[must_use]
pub fn facts(verdict: &Verdict, context: &Context<'_>) -> Vec<Fact> {
    let mut names: Vec<FactName> = ALWAYS.to_vec();
    for rule in &verdict.decision.rules {
        names.extend(advice::of_rule(*rule).map_or(&[][..], |advice| advice.facts));
    }
    if verdict.pairing.link.as_ref().is_some_and(|link| link.trouble.is_some()) {
        names.extend([FactName::Trouble, FactName::Attempts, FactName::AttemptsAllowed]);
    }
    names.sort_unstable();
    names.dedup();
    names
        .into_iter()
        .filter_map(|name| Some(Fact { name, value: value(name, verdict, context)? }))
        .collect()
}

/// Returns the facts of an entry's verdict, the rows of attendees that are made for it (RES-03), and what
/// was noted beside its code: whatever Lockstep makes or loses is remembered.
#[must_use]
pub fn of_entry(entry: &Entry, context: &Context<'_>) -> Vec<Fact> {
    let mut all = facts(&entry.verdict, context);
    let made = entry.people.iter().map(|one| FactValue::Id(one.row.id));
    all.extend(made.map(|value| Fact { name: FactName::NewPerson, value }));
    all.extend(notes(&entry.verdict.decision));
    all
}

/// Returns what was noted beside the code of a decision.
pub fn notes(decision: &Decision) -> impl Iterator<Item = Fact> + '_ {
    decision.notes.iter().map(|code| Fact::word(FactName::Note, code.as_str()))
}

fn word(word: &'static str) -> FactValue {
    FactValue::Word(word.into())
}

/// Returns what a fact says; `None` where the question does not arise.
fn value(name: FactName, verdict: &Verdict, context: &Context<'_>) -> Option<FactValue> {
    use FactName as N;
    let pairing = &verdict.pairing;
    let link = pairing.link.as_ref();
    let settings = &context.policy.settings;
    Some(match name {
        N::Row => word(presence(verdict, Side::Dynamics)),
        N::Item => word(presence(verdict, Side::Exchange)),
        N::Link => word(link.map_or("none", |link| state_word(link.state))),
        N::RowStands => word(standing_word(&standing(pairing, Side::Dynamics))),
        N::ItemStands => word(standing_word(&standing(pairing, Side::Exchange))),
        N::RowChanged => changed(verdict, Side::Dynamics)?,
        N::ItemChanged => changed(verdict, Side::Exchange)?,
        N::Role => word(role_word(verdict.role)),
        N::Origin => word(link?.origin.name()),
        N::MatchedBefore => FactValue::Flag(link.is_some_and(|link| link.matched)),
        N::Marked => FactValue::Flag(pairing.seen.exchange.as_ref()?.observation.marker.is_some()),
        N::Tracked => {
            pairing.seen.exchange.as_ref()?;
            FactValue::Flag(item_facts(pairing).tracked)
        }
        N::TaggedBefore => FactValue::Flag(link.is_some_and(|link| link.tagged)),
        N::Named => FactValue::Flag(pairing.seen.dynamics.as_ref()?.observation.uid.is_some()),
        N::Copy => FactValue::Flag(pairing.copy),
        N::Now => FactValue::Time(context.now),
        N::Trouble => FactValue::Word(link?.trouble?.code.as_str().into()),
        N::Attempts => FactValue::Count(u32::from(link?.trouble?.attempts)),
        N::AttemptsAllowed => FactValue::Count(u32::from(context.limits.item_attempts)),
        N::DistinctDeletes => FactValue::Flag(settings.distinct_deletes),
        N::PropagateCancellations => FactValue::Flag(settings.propagate_cancellations),
        N::TaskDeletion => FactValue::Count(u32::from(settings.task_deletion)),
        N::SyncPrivate => FactValue::Flag(settings.sync_private),
        N::TrackCategorized => FactValue::Flag(settings.track_categorized),
        N::ResolveInactive => FactValue::Flag(settings.resolve_inactive),
        N::CreatePeople => FactValue::Flag(settings.create_people),
        N::Strangers => word(strangers_word(context.mailbox.personal.strangers)),
        N::IgnoreCopies => FactValue::Flag(settings.ignore_copies),
        N::Conflict => word(conflict_word(context.policy.conflict)),
        N::KeepContacts => FactValue::Flag(context.policy.keep_contacts),
        N::PlainBooking => FactValue::Flag(context.policy.plain_booking),
        N::Addresses => FactValue::Flag(settings.three_addresses),
        N::AddressesBefore => FactValue::Flag(link?.three_addresses),
        N::SecuredColumns => {
            let count = context.mailbox.personal.secured.count(pairing.kind());
            FactValue::Count(u32::try_from(count).unwrap_or(u32::MAX))
        }
        N::StatusReason => FactValue::Flag(context.policy.preserve_status_reason),
        N::LiteralReminder => FactValue::Flag(context.policy.literal_task_reminder),
        N::Writes | N::Mails => write_fact(name, verdict)?,
        N::RowOrganizer => word(person(row(verdict)?.dynamics_facts().organizer, context)),
        N::ItemOrganizer => word(item_organizer(verdict, context)?),
        N::Owner => {
            let last = link.and_then(|link| link.last_owner);
            word(person(row_facts(pairing).owner.or(last), context))
        }
        N::Start => FactValue::Time(start(verdict)?),
        N::Future => FactValue::Flag(start(verdict)? > context.now),
        N::RowAttendees => FactValue::Count(u32::from(attendee_count(&row(verdict)?.fields))),
        N::ItemAttendees => FactValue::Count(u32::from(attendee_count(&item(verdict)?.fields))),
        N::RowState => row_state(row(verdict)?)?,
        N::ItemCompleted => {
            let status = item(verdict)?.fields.get(Field::TodoStatus);
            FactValue::Flag(status == Some(&Value::Todo(TodoStatus::Completed)))
        }
        N::Recurring => FactValue::Flag(item_facts(pairing).recurring),
        // Only the plan, or a look at one item, knows these.
        N::NewPerson | N::Note | N::Folder | N::Window | N::Filters | N::FiltersMatching => {
            return None;
        }
    })
}

const fn conflict_word(policy: ConflictPolicy) -> &'static str {
    match policy {
        ConflictPolicy::ByKind => "default",
        ConflictPolicy::Dynamics => "dynamics",
        ConflictPolicy::Exchange => "exchange",
    }
}

fn write_fact(name: FactName, verdict: &Verdict) -> Option<FactValue> {
    if name == FactName::Writes {
        let groups = &verdict.decision.groups;
        return (!groups.is_empty()).then(|| FactValue::Groups(groups.clone()));
    }
    let mail = |write: &Write| match write {
        Write::Create { mail, .. }
        | Write::Update { mail, .. }
        | Write::Unmark { mail }
        | Write::Delete { mail } => *mail,
    };
    match verdict.writes.exchange.as_ref().map(mail)? {
        MailClass::Silent => Some(FactValue::Count(0)),
        MailClass::Mails(count) => Some(FactValue::Count(u32::from(count))),
    }
}

fn row(verdict: &Verdict) -> Option<&Observation> {
    verdict.pairing.seen.dynamics.as_ref().map(|seen| &seen.observation)
}

fn item(verdict: &Verdict) -> Option<&Observation> {
    verdict.pairing.seen.exchange.as_ref().map(|seen| &seen.observation)
}

/// ORG-06: times are judged by the item when there is one.
fn start(verdict: &Verdict) -> Option<DateTime<Utc>> {
    let of = |side: Side| fields(&verdict.pairing, side).time(Field::Start);
    of(Side::Exchange).or_else(|| of(Side::Dynamics))
}

fn row_state(row: &Observation) -> Option<FactValue> {
    Some(match row.fields.number(Field::State)? {
        0 => word("open"),
        1 => word("completed"),
        2 => word("canceled"),
        3 => word("scheduled"),
        _ => word("other"),
    })
}

/// Who somebody is for the mailbox that is synchronized: never a name, never an address.
fn person(user: Option<UserId>, context: &Context<'_>) -> &'static str {
    match user {
        None => "nobody",
        Some(_) if is_me(user, context) => "the mailbox's user",
        Some(user) if context.directory.serves(user) => "another user whose mailbox takes part",
        Some(_) => "a user whose mailbox does not take part",
    }
}

fn item_organizer(verdict: &Verdict, context: &Context<'_>) -> Option<&'static str> {
    verdict.pairing.seen.exchange.as_ref()?;
    let facts = item_facts(&verdict.pairing);
    if facts.is_organizer {
        return Some("the mailbox's user");
    }
    let Some(address) = &facts.organizer else { return Some("nobody") };
    let user = context.directory.by_address(address);
    Some(user.map_or("somebody outside", |user| person(Some(user.user), context)))
}

fn presence(verdict: &Verdict, side: Side) -> &'static str {
    let known = verdict.pairing.link.as_ref().is_some_and(|link| link.native.get(side).is_some());
    match verdict.pairing.seen.get(side) {
        None if known => "known, not read",
        None => "none",
        Some(seen) => presence_word(seen.observation.presence),
    }
}

/// Returns a presence in words.
#[must_use]
pub const fn presence_word(presence: Presence) -> &'static str {
    match presence {
        Presence::Present => "there",
        Presence::LeftFilter => "there, no filter returns it",
        Presence::Unreadable => "there, the user may not read it",
        Presence::Deleted => "gone",
        Presence::MovedAway => "in another folder",
    }
}

fn changed(verdict: &Verdict, side: Side) -> Option<FactValue> {
    match standing(&verdict.pairing, side) {
        Standing::Changed(groups) => Some(FactValue::Groups(groups)),
        Standing::Same => Some(FactValue::Groups(Vec::new())),
        Standing::None
        | Standing::New
        | Standing::LeftFilter
        | Standing::Unreadable
        | Standing::Deleted
        | Standing::MovedAway => None,
    }
}

const fn standing_word(standing: &Standing) -> &'static str {
    match standing {
        Standing::None => "there is none",
        Standing::Same => "as agreed",
        Standing::Changed(_) => "changed",
        Standing::New => "nothing was agreed yet",
        Standing::LeftFilter => "left the filter",
        Standing::Unreadable => "no longer readable",
        Standing::Deleted => "gone",
        Standing::MovedAway => "in another folder",
    }
}

const fn strangers_word(wish: Strangers) -> &'static str {
    match wish {
        Strangers::Addresses => "nothing",
        Strangers::Contacts => "contacts",
        Strangers::Leads => "leads",
    }
}

/// Returns the state of a link in words.
#[must_use]
pub const fn state_word(state: LinkState) -> &'static str {
    match state {
        LinkState::Creating(Side::Dynamics) => "a row is being created",
        LinkState::Creating(Side::Exchange) => "an item is being created",
        LinkState::Agreed => "linked",
        LinkState::Unlinked(Why::LeftFilter) => "unlinked: the row left the filter",
        LinkState::Unlinked(Why::RowGone) => "unlinked: the row is gone",
        LinkState::Unlinked(Why::Untracked) => "unlinked: the category was removed",
        LinkState::Unlinked(Why::MovedAway) => "unlinked: the item was moved",
        LinkState::DeletedInExchange => "deleted in Exchange, kept in Dynamics",
        LinkState::LeftAlone => "left alone",
    }
}

const fn role_word(role: Role) -> &'static str {
    match role {
        Role::Owner => "writes both ways",
        Role::Follower => "attends; the organizer's mailbox takes part",
        Role::Guest => "attends; organized elsewhere",
        Role::PrivateCopy => "has a silent copy",
    }
}

/// Returns what an operator may want to know of a link that nothing was decided for.
#[must_use]
pub fn of_link(link: &Link) -> Vec<Fact> {
    let mut facts = vec![
        Fact::word(FactName::Link, state_word(link.state)),
        Fact::word(FactName::Role, role_word(link.role)),
        Fact::word(FactName::Origin, link.origin.name()),
        Fact::flag(FactName::MatchedBefore, link.matched),
    ];
    if let Some(trouble) = link.trouble {
        let value = FactValue::Word(trouble.code.as_str().into());
        facts.push(Fact { name: FactName::Trouble, value });
        facts.push(Fact::count(FactName::Attempts, u32::from(trouble.attempts)));
    }
    facts
}

#[cfg(test)]
mod tests;
