//! Fixtures: observations, pairings and contexts in one line each. Tests only.

use std::collections::HashMap;

use chrono::{DateTime, Duration, NaiveDate, NaiveTime, TimeZone, Utc};
use uuid::Uuid;

use crate::domain::field::{Field, Fields, Importance, Patch, ShowAs, TodoStatus, Value};
use crate::domain::fingerprint::PrintKey;
use crate::domain::ids::{
    Address, GlobalId, LinkId, MailboxKey, NativeId, TenantId, UserId, Version,
};
use crate::domain::kind::{Collection, Kind};
use crate::domain::link::{Link, LinkState, Role};
use crate::domain::observation::{DynamicsFacts, ExchangeFacts, Facts, Observation, Presence};
use crate::domain::party::{Party, PartyRow};
use crate::domain::plan::Op;
use crate::domain::policy::{
    Context, Directions, Directory, DirectoryUser, Limits, Mailbox, Personal, Policy,
};
use crate::domain::recurrence::{End, Exception, Pattern, Recurrence};
use crate::domain::rule::RuleId;
use crate::domain::side::{PerSide, Side};
use crate::domain::zone::Zone;
use crate::engine::decide::{Verdict, Write, decide};
use crate::engine::matching::Pairing;
use crate::engine::normalise::{Seen, normalise};
use crate::engine::plan::{Plan, plan};

/// The owner of the mailbox.
pub(crate) const ME: UserId = user(1);
/// A colleague whose mailbox is synchronized.
pub(crate) const SERVED: UserId = user(2);
/// A colleague whose mailbox is not.
pub(crate) const UNSERVED: UserId = user(3);
/// A user who was disabled.
pub(crate) const DISABLED: UserId = user(4);

pub(crate) const KEY: PrintKey = PrintKey([7; 16]);

pub(crate) const fn user(number: u128) -> UserId {
    UserId(Uuid::from_u128(number))
}

/// The instant of all fixtures: a Monday noon.
pub(crate) fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 3, 2, 12, 0, 0).unwrap()
}

pub(crate) fn hours(count: i64) -> DateTime<Utc> {
    now() + Duration::hours(count)
}

pub(crate) fn seconds(count: i64) -> DateTime<Utc> {
    now() + Duration::seconds(count)
}

pub(crate) fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

pub(crate) fn party(text: &str) -> Party {
    Party { address: Some(address(text)), name: String::new(), row: None }
}

/// So many people who are on no other list.
pub(crate) fn others(count: usize) -> Vec<Party> {
    (1..=count).map(|number| party(&format!("other{number}@fabrikam.test"))).collect()
}

pub(crate) fn row_guid(number: u128) -> Uuid {
    Uuid::from_u128(0x1000 + number)
}

/// Everything a decision depends on beside what was seen.
pub(crate) struct World {
    pub(crate) mailbox: Mailbox,
    pub(crate) policy: Policy,
    pub(crate) directions: Directions,
    pub(crate) directory: Directory,
    pub(crate) parties: HashMap<Address, PartyRow>,
    pub(crate) strangers: HashMap<Address, PartyRow>,
    pub(crate) accounts: HashMap<String, Uuid>,
    pub(crate) limits: Limits,
    pub(crate) now: DateTime<Utc>,
}

impl World {
    pub(crate) fn new() -> Self {
        let entry = |id: UserId, text: &str, enabled: bool, served: bool| {
            (address(text), DirectoryUser { user: id, enabled, served })
        };
        let directory = Directory(HashMap::from([
            entry(ME, "me@contoso.test", true, true),
            entry(SERVED, "served@contoso.test", true, true),
            entry(UNSERVED, "unserved@contoso.test", true, false),
            entry(DISABLED, "disabled@contoso.test", false, false),
        ]));
        Self {
            mailbox: Mailbox {
                key: MailboxKey { tenant: TenantId::new("contoso"), mailbox: Uuid::from_u128(9) },
                user: ME,
                object_id: Uuid::from_u128(8),
                address: address("me@contoso.test"),
                personal: Personal::default(),
            },
            policy: Policy::default(),
            directions: Directions::default(),
            directory,
            parties: HashMap::new(),
            strangers: HashMap::new(),
            accounts: HashMap::new(),
            limits: Limits::default(),
            now: now(),
        }
    }

    /// A world with one choice made otherwise.
    pub(crate) fn with(change: impl FnOnce(&mut Self)) -> Self {
        let mut world = Self::new();
        change(&mut world);
        world
    }

    pub(crate) fn context(&self) -> Context<'_> {
        Context {
            mailbox: &self.mailbox,
            policy: &self.policy,
            directions: &self.directions,
            directory: &self.directory,
            parties: &self.parties,
            strangers: &self.strangers,
            accounts: &self.accounts,
            limits: self.limits,
            now: self.now,
        }
    }

    pub(crate) fn seen(&self, obs: &Obs) -> Seen {
        let zone = self.mailbox.personal.zone.as_ref();
        normalise(obs.0.clone(), &KEY, &self.policy.settings, &self.directory, zone)
    }

    pub(crate) fn decide(&self, pairing: Pairing) -> Verdict {
        decide(pairing, &self.context())
    }

    pub(crate) fn plan(&self, pairings: Vec<Pairing>) -> Plan {
        let verdicts = pairings.into_iter().map(|pairing| self.decide(pairing)).collect();
        let mut fresh = 0x9000;
        plan(verdicts, &self.context(), || {
            fresh += 1;
            Uuid::from_u128(fresh)
        })
    }

    /// One item alone, never seen before.
    pub(crate) fn alone(&self, obs: &Obs) -> Pairing {
        let mut seen = PerSide::default();
        seen.set(obs.0.side, Some(self.seen(obs)));
        Pairing { link: None, seen, copy: false }
    }

    /// Two items that met for the first time.
    pub(crate) fn met(&self, row: &Obs, item: &Obs) -> Pairing {
        let seen = PerSide { dynamics: Some(self.seen(row)), exchange: Some(self.seen(item)) };
        Pairing { link: None, seen, copy: false }
    }

    /// A pair that agreed on exactly what both hold.
    pub(crate) fn linked(&self, row: &Obs, item: &Obs) -> Pairing {
        let mut pairing = self.met(row, item);
        let id = LinkId(Uuid::parse_str(row.0.id.as_str()).unwrap());
        let mut link = Link::new(id, row.0.kind, Side::Dynamics, LinkState::Agreed);
        link.matched = true;
        link.last_owner = row.0.dynamics_facts().owner;
        link.uid = row.0.uid.clone();
        link.tagged = item.0.exchange_facts().tracked;
        for side in Side::BOTH {
            if let Some(seen) = pairing.seen.get(side) {
                link.native.set(side, Some(seen.observation.id.clone()));
                link.version.set(side, seen.observation.version.clone());
                link.agreed.set(side, seen.prints.clone());
            }
        }
        pairing.link = Some(link);
        pairing
    }

    /// The same pair, one side seen otherwise.
    pub(crate) fn then(&self, mut pairing: Pairing, obs: &Obs) -> Pairing {
        pairing.seen.set(obs.0.side, Some(self.seen(obs)));
        pairing
    }
}

/// The same pairing with its link changed.
pub(crate) fn linking(mut pairing: Pairing, change: impl FnOnce(&mut Link)) -> Pairing {
    change(pairing.link.as_mut().unwrap());
    pairing
}

pub(crate) fn in_role(pairing: Pairing, role: Role) -> Pairing {
    linking(pairing, |link| link.role = role)
}

pub(crate) fn in_state(pairing: Pairing, state: LinkState) -> Pairing {
    linking(pairing, |link| link.state = state)
}

/// An observation under construction.
#[derive(Debug, Clone)]
pub(crate) struct Obs(pub(crate) Observation);

fn blank(side: Side, kind: Kind, id: &str, facts: Facts) -> Obs {
    Obs(Observation {
        side,
        kind,
        id: NativeId::new(id),
        version: Some(Version::new("1")),
        presence: Presence::Present,
        marker: None,
        uid: None,
        fields: Fields::new(),
        facts,
        losses: Vec::new(),
        unfit: None,
    })
}

/// A row of the mailbox's owner: an open, busy meeting tomorrow, an open task due tomorrow, or a
/// contact.
pub(crate) fn row(kind: Kind) -> Obs {
    let facts = DynamicsFacts { owner: Some(ME), ..DynamicsFacts::default() };
    let one = blank(Side::Dynamics, kind, &row_guid(1).to_string(), Facts::Dynamics(facts));
    match kind.collection() {
        Collection::Calendar => one
            .text(Field::Subject, "Review")
            .time(Field::Start, hours(24))
            .time(Field::End, hours(25))
            .status(3, 5)
            .organized_by(ME),
        Collection::Tasks => one
            .text(Field::Subject, "Call back")
            .time(Field::Due, hours(36))
            .status(0, if kind == Kind::Task { 2 } else { 1 }),
        Collection::Contacts => one.text(Field::LastName, "Ames").text(Field::City1, "Oslo"),
    }
}

/// The Exchange item that says the same as `row`.
pub(crate) fn item(kind: Kind) -> Obs {
    let facts = ExchangeFacts { tracked: true, is_organizer: true, ..ExchangeFacts::default() };
    let one = blank(Side::Exchange, kind, "item-1", Facts::Exchange(facts));
    match kind.collection() {
        Collection::Calendar => one
            .text(Field::Subject, "Review")
            .time(Field::Start, hours(24))
            .time(Field::End, hours(25))
            .shows(ShowAs::Busy)
            .held_by("me@contoso.test"),
        Collection::Tasks => one
            .text(Field::Subject, "Call back")
            .time(Field::Due, hours(36))
            .todo(TodoStatus::NotStarted),
        Collection::Contacts => one.text(Field::LastName, "Ames").text(Field::City1, "Oslo"),
    }
}

impl Obs {
    pub(crate) fn set(mut self, field: Field, value: Value) -> Self {
        self.0.fields.set(field, Some(value));
        self
    }

    pub(crate) fn without(mut self, field: Field) -> Self {
        self.0.fields.set(field, None);
        self
    }

    pub(crate) fn text(self, field: Field, text: &str) -> Self {
        self.set(field, Value::Text(text.to_owned()))
    }

    pub(crate) fn time(self, field: Field, time: DateTime<Utc>) -> Self {
        self.set(field, Value::Time(time))
    }

    /// A meeting of one hour.
    pub(crate) fn at(self, start: DateTime<Utc>) -> Self {
        self.time(Field::Start, start).time(Field::End, start + Duration::hours(1))
    }

    pub(crate) fn status(self, state: i64, reason: i64) -> Self {
        self.set(Field::State, Value::Number(state)).set(Field::StatusReason, Value::Number(reason))
    }

    pub(crate) fn percent(self, percent: i64) -> Self {
        self.set(Field::PercentComplete, Value::Number(percent))
    }

    pub(crate) fn shows(self, show_as: ShowAs) -> Self {
        self.set(Field::ShowAs, Value::ShowAs(show_as))
    }

    pub(crate) fn todo(self, status: TodoStatus) -> Self {
        self.set(Field::TodoStatus, Value::Todo(status))
    }

    pub(crate) fn important(self, importance: Importance) -> Self {
        self.set(Field::Importance, Value::Importance(importance))
    }

    pub(crate) fn invites(self, addresses: &[&str]) -> Self {
        let parties = addresses.iter().map(|text| party(text)).collect();
        self.set(Field::RequiredAttendees, Value::Parties(parties))
    }

    pub(crate) fn optional(self, addresses: &[&str]) -> Self {
        let parties = addresses.iter().map(|text| party(text)).collect();
        self.set(Field::OptionalAttendees, Value::Parties(parties))
    }

    pub(crate) fn presence(mut self, presence: Presence) -> Self {
        self.0.presence = presence;
        self
    }

    /// Gone, as a probe by id shows it: no content, no version.
    pub(crate) fn gone(mut self) -> Self {
        self.0.fields = Fields::new();
        self.0.version = None;
        self.0.facts = match self.0.side {
            Side::Dynamics => Facts::Dynamics(DynamicsFacts::default()),
            Side::Exchange => Facts::Exchange(ExchangeFacts::default()),
        };
        self.presence(Presence::Deleted)
    }

    pub(crate) fn id(mut self, id: &str) -> Self {
        self.0.id = NativeId::new(id);
        self
    }

    pub(crate) fn uid(mut self, uid: &str) -> Self {
        self.0.uid = Some(GlobalId::new(uid));
        self
    }

    pub(crate) fn marked(mut self, row: Uuid) -> Self {
        self.0.marker = Some(LinkId(row));
        self
    }

    pub(crate) fn row_facts(mut self, change: impl FnOnce(&mut DynamicsFacts)) -> Self {
        if let Facts::Dynamics(facts) = &mut self.0.facts {
            change(facts);
        }
        self
    }

    pub(crate) fn item_facts(mut self, change: impl FnOnce(&mut ExchangeFacts)) -> Self {
        if let Facts::Exchange(facts) = &mut self.0.facts {
            change(facts);
        }
        self
    }

    pub(crate) fn organized_by(self, organizer: UserId) -> Self {
        self.row_facts(|facts| facts.organizer = Some(organizer))
    }

    pub(crate) fn owned_by(self, owner: UserId) -> Self {
        self.row_facts(|facts| facts.owner = Some(owner))
    }

    pub(crate) fn untracked(self) -> Self {
        self.item_facts(|facts| facts.tracked = false)
    }

    /// Organized by the owner of this address; the mailbox's own makes it the organizer's item.
    pub(crate) fn held_by(self, organizer: &str) -> Self {
        self.item_facts(|facts| {
            facts.is_organizer = organizer == "me@contoso.test";
            facts.organizer = Some(address(organizer));
        })
    }
}

// Series.

/// A day of March 2026; the fixtures' today is the second.
pub(crate) fn day(number: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 3, number).unwrap()
}

/// Thirty occurrences of an hour at twelve, from the tenth of March on.
pub(crate) fn daily(interval: u32) -> Value {
    let daily = Recurrence {
        pattern: Pattern::Daily,
        interval,
        first: day(10),
        end: End::After(30),
        zone: Zone::utc(),
        time: NaiveTime::from_hms_opt(12, 0, 0).unwrap(),
        minutes: 60,
        all_day: false,
    };
    Value::Recurrence(daily.into())
}

/// An occurrence with a name of its own.
pub(crate) fn named(number: u32, subject: &str) -> Exception {
    let subject = Some(Value::Text(subject.to_owned()));
    Exception { day: day(number), change: Some(vec![(Field::Subject, subject)]) }
}

/// A deleted occurrence.
pub(crate) fn gone(number: u32) -> Exception {
    Exception { day: day(number), change: None }
}

/// A series of rows with what deviates from it.
pub(crate) fn there(list: &[Exception]) -> Obs {
    deviating(row(Kind::RecurringAppointment), list)
}

/// The same in Exchange.
pub(crate) fn here(list: &[Exception]) -> Obs {
    deviating(item(Kind::RecurringAppointment), list)
}

fn deviating(series: Obs, list: &[Exception]) -> Obs {
    series.set(Field::Recurrence, daily(1)).set(Field::Exceptions, Value::Exceptions(list.to_vec()))
}

// What a verdict says.

pub(crate) fn cites(verdict: &Verdict, rule: RuleId) -> bool {
    verdict.decision.rules.contains(&rule)
}

pub(crate) fn silent(verdict: &Verdict) -> bool {
    verdict.writes == PerSide::default()
}

/// The patch that a verdict writes to a side.
pub(crate) fn patch(verdict: &Verdict, side: Side) -> Option<&Patch> {
    match verdict.writes.get(side).as_ref()? {
        Write::Create { patch, .. } | Write::Update { patch, .. } => Some(patch),
        Write::Unmark { .. } | Write::Delete { .. } => None,
    }
}

/// The value that a verdict writes to a field of a side; `None` when the field is not written.
pub(crate) fn writes(verdict: &Verdict, side: Side, field: Field) -> Option<Option<Value>> {
    let patch = patch(verdict, side)?;
    patch.iter().find(|(name, _)| *name == field).map(|(_, value)| value.clone())
}

pub(crate) fn deletes(verdict: &Verdict, side: Side) -> bool {
    matches!(verdict.writes.get(side), Some(Write::Delete { .. }))
}

pub(crate) fn creates(verdict: &Verdict, side: Side) -> bool {
    matches!(verdict.writes.get(side), Some(Write::Create { .. }))
}

/// The class of mail of the write to Exchange.
pub(crate) fn mail(verdict: &Verdict) -> Option<crate::domain::plan::MailClass> {
    verdict.writes.exchange.as_ref().map(|write| match write {
        Write::Create { mail, .. }
        | Write::Update { mail, .. }
        | Write::Unmark { mail }
        | Write::Delete { mail } => *mail,
    })
}

pub(crate) const fn is_create(op: &Op) -> bool {
    matches!(op, Op::Create { .. })
}
