//! Which mails a first synchronization may send, against what Exchange sent.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use chrono::{DateTime, Utc};

use super::text::mark_of;
use super::views::{Mailbox, Row, World};
use super::{CompareOptions, Kind, Problem, What};
use crate::sim::graph::{MailEntry, MailKind};
use crate::sim::world::Organization;

/// The state of the ledger and the calendars before a synchronization.
#[derive(Debug, Clone, Default)]
pub struct LedgerMark {
    length: usize,
    /// (mailbox, number) of the events that were there.
    known: HashSet<(String, String)>,
}

impl LedgerMark {
    /// Notes what is there now.
    #[must_use]
    pub fn take(organization: &Organization) -> Self {
        let graph = organization.graph();
        let mut known = HashSet::new();
        for person in &organization.people {
            for event in graph.events(&person.address) {
                if let Some(mark) = event["subject"].as_str().and_then(mark_of) {
                    known.insert((person.address.clone(), mark.to_owned()));
                }
            }
        }
        Self { length: graph.ledger().len(), known }
    }
}

type Key = (String, String, String);

/// Compares the mails since `before` with those that the first synchronization had to cause.
///
/// `synced` is when it ran. Meetings that begin while it runs may go either way, and so may
/// closed ones in the future: the catalogue suppresses no invitation for them, but none helps.
#[must_use]
pub fn ledger_problems(
    organization: &Organization,
    before: &LedgerMark,
    synced: DateTime<Utc>,
    options: &CompareOptions,
) -> Vec<Problem> {
    let world = World::read(organization, synced, options);
    let mut expected = BTreeSet::new();
    let mut allowed = BTreeSet::new();
    for mailbox in world.mailboxes.iter().filter(|m| world.served.contains(&m.person.address)) {
        for at in &mailbox.wanted {
            let row = &world.rows[*at];
            for key in invitations(&world, mailbox, row, before) {
                let closed = matches!(row.number("statecode"), Some(1 | 2));
                if closed {
                    allowed.insert(key)
                } else {
                    expected.insert(key)
                };
            }
        }
    }
    let mut problems = Vec::new();
    let graph = organization.graph();
    for entry in graph.ledger().iter().skip(before.length) {
        let key = key(entry);
        let fits = expected.remove(&key) || allowed.remove(&key);
        if entry.kind != MailKind::Invitation || !fits {
            let detail = format!("{} of “{}” to {}", name(entry.kind), entry.subject, entry.to);
            problems.push(problem(&entry.from, What::MailUnexpected, detail));
        }
    }
    for (from, to, mark) in expected {
        let detail = format!("no invitation of number {mark} to {to}");
        problems.push(problem(&from, What::MailMissing, detail));
    }
    problems
}

// APPT-OUT-06 to 08: future, with attendees, and from the organizer.
fn invitations(
    world: &World<'_>,
    mailbox: &Mailbox<'_>,
    row: &Row,
    before: &LedgerMark,
) -> Vec<Key> {
    let me = &mailbox.person.address;
    let Some(mark) = row.mark.clone().filter(|_| row.kind == Kind::Appointment) else {
        return Vec::new();
    };
    let past = row.instant("scheduledstart").is_none_or(|start| start < world.now);
    let other = row.organizer() != Some(mailbox.person.user_id);
    // SVC-02: a service activity mails nobody.
    // The invitation to a series is that of its master.
    let part = row.series().is_some();
    if row.is_service()
        || part
        || past
        || other
        || before.known.contains(&(me.clone(), mark.clone()))
    {
        return Vec::new();
    }
    let addresses = row.parties(&[5, 6]).into_iter().map(|(_, address, _)| address);
    let invited = addresses.filter(|to| !to.is_empty() && to != me);
    invited.map(|to| (me.clone(), to, mark.clone())).collect()
}

fn key(entry: &MailEntry) -> Key {
    let mark = mark_of(&entry.subject).unwrap_or_default().to_owned();
    (entry.from.to_lowercase(), entry.to.to_lowercase(), mark)
}

fn problem(mailbox: &str, what: What, detail: String) -> Problem {
    let (mailbox, kind) = (mailbox.to_owned(), Kind::Appointment);
    Problem { mailbox, kind, what, ids: Vec::new(), detail }
}

fn name(kind: MailKind) -> &'static str {
    match kind {
        MailKind::Invitation => "invitation",
        MailKind::Update => "update",
        MailKind::Cancellation => "cancellation",
        MailKind::Response => "response",
    }
}

/// Returns how many mails of each kind the ledger holds.
pub(super) fn counts(organization: &Organization) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for entry in organization.graph().ledger() {
        *counts.entry(name(entry.kind)).or_default() += 1;
    }
    counts
}
