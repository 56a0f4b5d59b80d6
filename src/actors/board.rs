//! The board: what operators see of one tenant, written by its actors, read by the surfaces.
//!
//! Bounded: one row a mailbox, and the last decisions of the tenant in one ring.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::phase::Phase;
use crate::cycle::{CycleReport, Line};
use crate::domain::code::Code;
use crate::domain::ids::{Address, TenantId};
use crate::domain::rule::RuleId;
use crate::domain::side::{PerSide, Side};
use crate::engine::guard::Halt;

/// Decisions kept for the status pages of one tenant: enough for a look at what just happened.
const RECENT_LINES: usize = 2_000;

/// One mailbox of a roster: its id, its address, and why it does not take part.
pub type Enrolled = (Uuid, Option<Address>, Vec<(RuleId, Code)>);

/// One mailbox on the board.
#[derive(Debug, Clone, PartialEq)]
pub struct MailboxRow {
    /// `mailboxid`.
    pub mailbox: Uuid,
    /// The address, for the operator's own eyes; never in logs or metrics.
    pub address: Option<Address>,
    /// Why it does not take part; empty when it does.
    pub reasons: Vec<(RuleId, Code)>,
    /// Where it stands.
    pub phase: Phase,
    /// The last cycle.
    pub last: Option<LastCycle>,
    /// Cycles run since the start.
    pub cycles: u64,
    /// The plan that a brake halted; few mailboxes have one.
    pub halt: Option<Box<Halted>>,
    /// It takes part, and this node does not own it: the rest is of the time when it did.
    pub elsewhere: bool,
}

/// A halted plan as operators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Halted {
    /// The side whose items are at stake.
    pub side: Side,
    /// How much the plan wants.
    pub wanted: usize,
    /// How much is allowed.
    pub allowed: usize,
    /// The digest of what is at stake; a release may name it.
    pub plan: String,
}

/// The end of a cycle in short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastCycle {
    /// When it began.
    pub started: DateTime<Utc>,
    /// When it ended.
    pub finished: DateTime<Utc>,
    /// Its trace.
    pub trace: Option<String>,
    /// Confirmed writes.
    pub done: PerSide<u32>,
    /// Items that wait.
    pub unsettled: u32,
    /// Items that are parked.
    pub parked: u32,
    /// Why it ended early.
    pub code: Option<Code>,
}

/// One decision on the board.
#[derive(Debug, Clone, PartialEq)]
pub struct Recent {
    /// The mailbox.
    pub mailbox: Uuid,
    /// When.
    pub at: DateTime<Utc>,
    /// What and why.
    pub line: Line,
}

/// How the tenant as a whole stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TenantRow {
    /// When its profile was last read.
    pub profile_read: Option<DateTime<Utc>>,
    /// Why it could not be read last time.
    pub trouble: Option<(Code, String)>,
}

/// The board of one tenant.
#[derive(Debug)]
pub struct Board {
    /// The tenant.
    pub tenant: TenantId,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    tenant: TenantRow,
    mailboxes: BTreeMap<Uuid, MailboxRow>,
    recent: VecDeque<Recent>,
}

impl Board {
    /// Builds an empty board.
    #[must_use]
    pub fn new(tenant: TenantId) -> Self {
        Self { tenant, inner: Mutex::default() }
    }

    /// Returns how the tenant stands.
    #[must_use]
    pub fn tenant_row(&self) -> TenantRow {
        self.lock().tenant.clone()
    }

    /// Returns all mailboxes in the order of their ids.
    #[must_use]
    pub fn mailboxes(&self) -> Vec<MailboxRow> {
        self.lock().mailboxes.values().cloned().collect()
    }

    /// Returns one mailbox.
    #[must_use]
    pub fn mailbox(&self, id: Uuid) -> Option<MailboxRow> {
        self.lock().mailboxes.get(&id).cloned()
    }

    /// Tells whether the last profile has a mailbox record of this id.
    #[must_use]
    pub fn knows(&self, id: Uuid) -> bool {
        self.lock().mailboxes.contains_key(&id)
    }

    /// Returns the mailboxes that have this id or this address.
    #[must_use]
    pub fn named(&self, name: &str) -> Vec<Uuid> {
        let (id, address) = (Uuid::try_parse(name).ok(), name.to_lowercase());
        let is = |row: &&MailboxRow| {
            Some(row.mailbox) == id || row.address.as_ref().is_some_and(|it| it.as_str() == address)
        };
        self.lock().mailboxes.values().filter(is).map(|row| row.mailbox).collect()
    }

    /// Returns the last decisions, newest first, of one mailbox or of all.
    #[must_use]
    pub fn recent(&self, mailbox: Option<Uuid>, most: usize) -> Vec<Recent> {
        let inner = self.lock();
        let wanted =
            inner.recent.iter().rev().filter(|one| mailbox.is_none_or(|it| it == one.mailbox));
        wanted.take(most).cloned().collect()
    }

    /// Writes what the profile said.
    pub fn profile(&self, at: DateTime<Utc>, trouble: Option<(Code, String)>) {
        let mut inner = self.lock();
        if trouble.is_none() {
            inner.tenant.profile_read = Some(at);
        }
        inner.tenant.trouble = trouble;
    }

    /// Writes what keeps the whole tenant from work, whatever its profile said.
    pub fn struck(&self, code: Code, reason: String) {
        self.lock().tenant.trouble = Some((code, reason));
    }

    /// Replaces the list of mailboxes; what is known of those that stay is kept.
    pub fn roster(&self, rows: Vec<Enrolled>) {
        let mut inner = self.lock();
        let mut old = std::mem::take(&mut inner.mailboxes);
        let row = |(mailbox, address, reasons)| {
            let row = match old.remove(&mailbox) {
                Some(before) => MailboxRow { address, reasons, ..before },
                None => MailboxRow {
                    mailbox,
                    address,
                    reasons,
                    phase: Phase::Idle,
                    last: None,
                    cycles: 0,
                    halt: None,
                    elsewhere: false,
                },
            };
            (mailbox, row)
        };
        // All at once: a map that grows by one after the other is half empty.
        inner.mailboxes = rows.into_iter().map(row).collect();
    }

    /// Writes a mailbox's phase.
    pub fn phase(&self, mailbox: Uuid, phase: Phase) {
        if let Some(row) = self.lock().mailboxes.get_mut(&mailbox) {
            row.phase = phase;
        }
    }

    /// Writes which plan was halted, or that none is.
    pub fn halted(&self, mailbox: Uuid, halt: Option<&Halt>) {
        if let Some(row) = self.lock().mailboxes.get_mut(&mailbox) {
            row.halt = halt.map(|halt| {
                Box::new(Halted {
                    side: halt.side,
                    wanted: halt.wanted,
                    allowed: halt.allowed,
                    plan: halt.stakes.digest(),
                })
            });
        }
    }

    /// Writes the end of a cycle.
    pub fn report(&self, report: &CycleReport) {
        let mut inner = self.lock();
        if let Some(row) = inner.mailboxes.get_mut(&report.mailbox.mailbox) {
            row.cycles += 1;
            row.last = Some(LastCycle {
                started: report.started,
                finished: report.finished,
                trace: report.trace.clone(),
                done: report.done,
                unsettled: report.unsettled,
                parked: report.parked,
                code: None,
            });
        }
        for line in &report.lines {
            if inner.recent.len() >= RECENT_LINES {
                inner.recent.pop_front();
            }
            let mailbox = report.mailbox.mailbox;
            inner.recent.push_back(Recent { mailbox, at: report.finished, line: line.clone() });
        }
    }

    /// Writes the early end of a cycle.
    pub fn ended(&self, mailbox: Uuid, at: DateTime<Utc>, code: Code) {
        if let Some(row) = self.lock().mailboxes.get_mut(&mailbox) {
            row.cycles += 1;
            // The items that wait do so whether or not this cycle came to look at them.
            let (unsettled, parked) =
                row.last.as_ref().map_or((0, 0), |last| (last.unsettled, last.parked));
            row.last = Some(LastCycle {
                started: at,
                finished: at,
                trace: None,
                done: PerSide::default(),
                unsettled,
                parked,
                code: Some(code),
            });
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic while the board was written leaves a row behind, not a broken program.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
