//! Alerts: what stands still in one tenant, by level, as the board shows it now (ERR-04).
//!
//! Pure: from the board's rows and an instant to a list. An alert goes away with its cause, so
//! nothing is stored and nothing is to be acknowledged. Absent: mails to anybody; whoever watches
//! the metrics or the API tells people.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::board::{MailboxRow, TenantRow};
use super::phase::Phase;
use crate::domain::code::Code;

/// How grave an alert is: Microsoft's three levels, the gravest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// It stands still until somebody acts.
    Error,
    /// It goes on by itself, or some of it stands still.
    Warning,
    /// It is meant to be so.
    Information,
}

/// What an alert is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// The tenant as a whole.
    Tenant,
    /// One mailbox.
    Mailbox(Uuid),
    /// So many items of a mailbox.
    Items(Uuid, u32),
}

/// One alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// How grave.
    pub level: Level,
    /// About what.
    pub scope: Scope,
    /// Why.
    pub code: Code,
    /// When it was seen last; `None` for what a record says.
    pub seen: Option<DateTime<Utc>>,
}

/// Within this time the ends of cycles count as failures of now (ERR-04 names an hour).
const WITHIN: TimeDelta = TimeDelta::hours(1);

impl Level {
    /// All levels, the gravest first.
    pub const ALL: [Self; 3] = [Self::Error, Self::Warning, Self::Information];

    /// Returns the name that the surfaces show.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Information => "information",
        }
    }
}

impl Scope {
    /// The names of all scopes.
    pub const NAMES: [&'static str; 3] = ["tenant", "mailbox", "items"];

    /// Returns the name that the surfaces show.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Mailbox(_) => "mailbox",
            Self::Items(..) => "items",
        }
    }
}

/// Returns the alerts of a tenant, the gravest first.
#[must_use]
pub fn alerts(tenant: &TenantRow, rows: &[MailboxRow], now: DateTime<Utc>) -> Vec<Alert> {
    let mut list = Vec::new();
    if let Some((code, _)) = &tenant.trouble {
        let (level, scope) = (Level::Error, Scope::Tenant);
        list.push(Alert { level, scope, code: *code, seen: tenant.profile_read });
    }
    if most_fail(rows, now) {
        let (level, code) = (Level::Error, Code::MostMailboxesFail);
        list.push(Alert { level, scope: Scope::Tenant, code, seen: Some(now) });
    }
    // Who owns the others tells of them.
    for row in rows.iter().filter(|row| !row.elsewhere) {
        let seen = row.last.as_ref().map(|last| last.finished);
        let scope = Scope::Mailbox(row.mailbox);
        if let Some((_, code)) = row.reasons.first() {
            list.push(Alert { level: Level::Information, scope, code: *code, seen: None });
            continue;
        }
        if let (Some(level), Some(code)) = (level_of(row.phase), row.phase.code()) {
            list.push(Alert { level, scope, code, seen });
        }
        let parked = row.last.as_ref().map_or(0, |last| last.parked);
        if parked > 0 {
            let (level, scope) = (Level::Warning, Scope::Items(row.mailbox, parked));
            list.push(Alert { level, scope, code: Code::ItemParked, seen });
        }
    }
    list.sort_by_key(|alert| (alert.level, alert.scope));
    list
}

/// ERR-01: a permanent error parks, a transient one waits.
const fn level_of(phase: Phase) -> Option<Level> {
    match phase {
        Phase::Idle | Phase::Running { .. } => None,
        Phase::Backoff { .. } => Some(Level::Warning),
        Phase::Parked(_) | Phase::Halted(_) => Some(Level::Error),
    }
}

/// Tells whether the last cycles of more than half of the mailboxes failed within the hour. One
/// mailbox alone speaks for itself.
fn most_fail(rows: &[MailboxRow], now: DateTime<Utc>) -> bool {
    let serves = |row: &&MailboxRow| row.reasons.is_empty() && !row.elsewhere;
    let serving: Vec<&MailboxRow> = rows.iter().filter(serves).collect();
    let failed = |row: &&&MailboxRow| {
        row.last.as_ref().is_some_and(|last| last.code.is_some() && now - last.finished <= WITHIN)
    };
    serving.len() > 1 && serving.iter().filter(failed).count() * 2 > serving.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actors::board::LastCycle;
    use crate::domain::side::PerSide;
    use crate::engine::catalogue as rule;

    fn now() -> DateTime<Utc> {
        "2026-11-24T09:00:00Z".parse().unwrap()
    }

    fn row(number: u128, phase: Phase, minutes: i64, code: Option<Code>) -> MailboxRow {
        let finished = now() - TimeDelta::minutes(minutes);
        MailboxRow {
            mailbox: Uuid::from_u128(number),
            address: None,
            reasons: Vec::new(),
            phase,
            last: Some(LastCycle {
                started: finished,
                finished,
                trace: None,
                done: PerSide::default(),
                unsettled: 0,
                parked: 0,
                code,
            }),
            cycles: 1,
            halt: None,
            elsewhere: false,
        }
    }

    fn told(tenant: &TenantRow, rows: &[MailboxRow]) -> Vec<(Level, Scope, Code)> {
        alerts(tenant, rows, now()).into_iter().map(|it| (it.level, it.scope, it.code)).collect()
    }

    #[test]
    fn err_04_what_stands_still_is_an_alert_of_its_item_mailbox_or_tenant() {
        // The gravest first; what works is no alert, and an excluded mailbox is an information.
        let mut items = row(3, Phase::Idle, 1, None);
        items.last.as_mut().unwrap().parked = 2;
        let mut excluded = row(4, Phase::Idle, 1, None);
        excluded.reasons = vec![(rule::ELIG_04, Code::QueueMailbox)];
        let waiting = Phase::Backoff { failures: 1, code: Code::PutOff };
        let rows = [
            items,
            excluded,
            row(1, Phase::Halted(Code::DeleteBudget), 1, None),
            row(2, waiting, 1, None),
            row(5, Phase::Idle, 1, None),
            row(6, Phase::Parked(Code::MailboxUnreachable), 1, None),
        ];
        let trouble = Some((Code::CredentialsRefused, String::new()));
        let tenant = TenantRow { profile_read: None, trouble };
        let one = |number| Scope::Mailbox(Uuid::from_u128(number));
        assert_eq!(
            told(&tenant, &rows),
            [
                (Level::Error, Scope::Tenant, Code::CredentialsRefused),
                (Level::Error, one(1), Code::DeleteBudget),
                (Level::Error, one(6), Code::MailboxUnreachable),
                (Level::Warning, one(2), Code::PutOff),
                (Level::Warning, Scope::Items(Uuid::from_u128(3), 2), Code::ItemParked),
                (Level::Information, one(4), Code::QueueMailbox),
            ]
        );
        assert_eq!(told(&TenantRow::default(), &rows[4..5]), []);
    }

    #[test]
    fn err_04_most_mailboxes_failing_within_an_hour_is_an_alert_of_the_tenant() {
        // More than half of those that take part, by their last cycles; half is not most.
        let failed = |number, minutes| row(number, Phase::Idle, minutes, Some(Code::PutOff));
        let fine = |number| row(number, Phase::Idle, 1, None);
        let tells = |rows: &[MailboxRow]| {
            let all = told(&TenantRow::default(), rows);
            all.contains(&(Level::Error, Scope::Tenant, Code::MostMailboxesFail))
        };
        assert!(tells(&[failed(1, 1), failed(2, 60), fine(3)]));
        assert!(!tells(&[failed(1, 1), failed(2, 61), fine(3)]));
        assert!(!tells(&[failed(1, 1), failed(2, 1), fine(3), fine(4)]));
        assert!(!tells(&[failed(1, 1)]));
        let mut excluded = fine(3);
        excluded.reasons = vec![(rule::ELIG_04, Code::QueueMailbox)];
        assert!(tells(&[failed(1, 1), failed(2, 1), excluded, fine(4)]));
    }
}
