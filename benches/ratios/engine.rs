//! The engine from normalise to fold, beside a bare loop that hashes and compares the same values.
//!
//! The rival finds out *that* an item changed; the engine also pairs, decides, plans, explains and
//! makes the new links. The ratio says what all that costs on top of looking at the content once.

use std::hash::{Hash as _, Hasher as _};
use std::hint::black_box;

use anyhow::ensure;
use chrono::{DateTime, Duration, Utc};
use lockstep::domain::field::{Field, Fields, ShowAs, TodoStatus, Value};
use lockstep::domain::fingerprint::PrintKey;
use lockstep::domain::ids::{
    Address, GlobalId, LinkId, MailboxKey, NativeId, TenantId, UserId, Version,
};
use lockstep::domain::kind::Kind;
use lockstep::domain::link::{Link, LinkState};
use lockstep::domain::observation::{DynamicsFacts, ExchangeFacts, Facts, Observation, Presence};
use lockstep::domain::party::Party;
use lockstep::domain::plan::Outcome;
use lockstep::domain::policy::{
    Context, Directions, Directory, DirectoryUser, Limits, Mailbox, Policy,
};
use lockstep::domain::side::{PerSide, Side};
use lockstep::engine::decide::decide;
use lockstep::engine::fold::{LinkChange, fold};
use lockstep::engine::guard::guard;
use lockstep::engine::matching::pair;
use lockstep::engine::normalise::normalise;
use lockstep::engine::plan::plan;
use siphasher::sip::SipHasher24;
use uuid::Uuid;

use crate::cycle::count;
use crate::process::{size, thread_cpu};
use crate::table::{Goal, Row, median};

const ROUNDS: usize = 7;
const KEY: PrintKey = PrintKey([7; 16]);
const ME: UserId = UserId(Uuid::from_u128(1));
/// One pair in so many was changed, on one side.
const CHANGED_EVERY: usize = 100;
/// About what people write into an item.
const TEXT: &str = "Please bring the signed offer and the list of open points.\r\nThe room is \
                    booked until noon; if it takes longer we go on in the small one. \r\n\r\n\
                    Numbers of last quarter are in the shared folder, the new ones follow.";

/// What the stages need besides the items.
struct World {
    mailbox: Mailbox,
    policy: Policy,
    directions: Directions,
    directory: Directory,
    now: DateTime<Utc>,
}

/// Measures both and compares.
pub(crate) fn run() -> anyhow::Result<Vec<Row>> {
    let pairs = size("LOCKSTEP_BENCH_PAIRS", 10_000)?;
    let world = World::new()?;
    let before = world.items(pairs, false)?;
    let links: Vec<Link> = before.iter().map(|pair| world.link(pair)).collect();
    let old: Vec<u64> = before.iter().flatten().map(hash).collect();
    let now: Vec<[Observation; 2]> = world.items(pairs, true)?;
    let (mut ours, mut rival) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let seen: Vec<Observation> = now.iter().flatten().cloned().collect();
        let start = thread_cpu()?;
        let changes = world.engine(&links, seen);
        let middle = thread_cpu()?;
        let differing = black_box(bare(&now, &before, &old));
        let end = thread_cpu()?;
        let put = changes.iter().filter(|it| matches!(it, LinkChange::Put(_))).count();
        ensure!(put == pairs / CHANGED_EVERY, "the engine saw {put} changes");
        ensure!(differing == pairs / CHANGED_EVERY, "the loop saw {differing} changes");
        ours.push(middle - start);
        rival.push(end - middle);
    }
    let each = |all: Vec<u64>| {
        let all = all.into_iter().map(|it| f64::from(u32::try_from(it).unwrap_or(u32::MAX)));
        median(all.collect()) / 1_000.0 / count(pairs)
    };
    Ok(vec![Row {
        name: format!("engine, {pairs} pairs seen whole, 1 % changed"),
        unit: "us CPU/pair",
        ours: each(ours),
        rival: ("SipHash and compare all values", each(rival)),
        goal: Goal::None,
    }])
}

/// Hashes every value of every item and compares the texts with those of before.
fn bare(now: &[[Observation; 2]], before: &[[Observation; 2]], old: &[u64]) -> usize {
    let items = now.iter().flatten().zip(before.iter().flatten()).zip(old);
    items.filter(|((item, was), old)| hash(item) != **old || item.fields != was.fields).count()
}

fn hash(item: &Observation) -> u64 {
    let mut hasher = SipHasher24::new_with_key(&KEY.0);
    for (field, value) in item.fields.iter() {
        hasher.write_u16(field as u16);
        match value {
            Value::Text(text) | Value::Html(text) => hasher.write(text.as_bytes()),
            Value::Time(time) => hasher.write_i64(time.timestamp()),
            Value::Number(number) => hasher.write_i64(*number),
            Value::Flag(flag) => flag.hash(&mut hasher),
            Value::Date(date) => date.hash(&mut hasher),
            Value::Importance(it) => hasher.write_u8(*it as u8),
            Value::ShowAs(it) => hasher.write_u8(*it as u8),
            Value::Todo(it) => hasher.write_u8(*it as u8),
            Value::Parties(parties) => {
                for address in parties.iter().filter_map(|party| party.address.as_ref()) {
                    hasher.write(address.as_str().as_bytes());
                }
            }
            // The measured mailboxes hold no series.
            Value::Recurrence(_) | Value::Exceptions(_) => {}
        }
    }
    hasher.finish()
}

fn address(text: &str) -> anyhow::Result<Address> {
    Address::parse(text).ok_or_else(|| anyhow::anyhow!("{text} is no address"))
}

impl World {
    fn new() -> anyhow::Result<Self> {
        let me = address("me@contoso.example")?;
        let served = DirectoryUser { user: ME, enabled: true, served: true };
        Ok(Self {
            mailbox: Mailbox {
                key: MailboxKey { tenant: TenantId::new("contoso"), mailbox: Uuid::from_u128(9) },
                user: ME,
                object_id: Uuid::from_u128(8),
                personal: lockstep::domain::policy::Personal::default(),
                address: me.clone(),
            },
            policy: Policy::default(),
            directions: Directions::default(),
            directory: Directory(std::iter::once((me, served)).collect()),
            now: DateTime::from_timestamp(1_790_000_000, 0).unwrap_or_default(),
        })
    }

    /// All stages, as a cycle runs them, with writes that all succeed.
    fn engine(&self, links: &[Link], seen: Vec<Observation>) -> Vec<LinkChange> {
        let (people, accounts) =
            (std::collections::HashMap::new(), std::collections::HashMap::new());
        let context = Context {
            mailbox: &self.mailbox,
            policy: &self.policy,
            directions: &self.directions,
            directory: &self.directory,
            parties: &people,
            strangers: &people,
            accounts: &accounts,
            limits: Limits::default(),
            now: self.now,
        };
        let settings = &self.policy.settings;
        let seen =
            seen.into_iter().map(|one| normalise(one, &KEY, settings, &self.directory, None));
        let pairings = pair(context.mailbox.key.mailbox, links, seen.collect());
        let verdicts = pairings.into_iter().map(|one| decide(one, &context)).collect();
        let planned = plan(verdicts, &context, Uuid::new_v4);
        let Ok(planned) = guard(planned, links, &context.limits, None) else { return Vec::new() };
        let changes = planned.entries.iter().map(|entry| {
            let done = |side| {
                let step = entry.steps.get(side).as_ref()?;
                let seen = entry.verdict.pairing.seen.get(step.on).as_ref()?;
                Some(Outcome::Done(Some(Box::new(seen.observation.clone()))))
            };
            fold(entry, &PerSide::from_fn(done), &KEY, &context)
        });
        changes.collect()
    }

    /// The pairs: tasks, contacts and appointments in turn.
    fn items(&self, pairs: usize, changed: bool) -> anyhow::Result<Vec<[Observation; 2]>> {
        (0..pairs).map(|number| self.item(number, changed)).collect()
    }

    fn item(&self, number: usize, changed: bool) -> anyhow::Result<[Observation; 2]> {
        let kind = [Kind::Task, Kind::Contact, Kind::Appointment][number % 3];
        let row_id = Uuid::from_u128(0x1000 + number as u128).to_string();
        let row =
            Facts::Dynamics(DynamicsFacts { owner: Some(ME), organizer: Some(ME), draft: false });
        let item = Facts::Exchange(ExchangeFacts {
            tracked: true,
            is_organizer: true,
            organizer: Some(self.mailbox.address.clone()),
            ..ExchangeFacts::default()
        });
        let mut row = blank(Side::Dynamics, kind, row_id, row);
        let mut item = blank(Side::Exchange, kind, format!("AAMkAGI2-item-{number}"), item);
        let shared = match number % 3 {
            0 => self.task(number),
            1 => contact(number),
            _ => self.meeting(number)?,
        };
        (row.fields, item.fields) = (shared.clone(), shared);
        self.statuses(kind, &mut row.fields, &mut item.fields);
        if kind == Kind::Appointment {
            let uid = Some(GlobalId::new(format!("040000008200E00074C5B7101A82E008{number:08}")));
            (row.uid, item.uid) = (uid.clone(), uid);
        }
        if changed && number % CHANGED_EVERY == CHANGED_EVERY / 2 {
            let of = if (number / CHANGED_EVERY).is_multiple_of(2) { &mut row } else { &mut item };
            let field = if kind == Kind::Contact { Field::City1 } else { Field::Subject };
            of.fields.set(field, Some(Value::Text("Changed by a person".to_owned())));
            of.version = Some(Version::new("2"));
        }
        Ok([row, item])
    }

    fn statuses(&self, kind: Kind, row: &mut Fields, item: &mut Fields) {
        let (state, reason) = if kind == Kind::Task { (0, 2) } else { (3, 5) };
        if kind == Kind::Contact {
            return;
        }
        row.set(Field::State, Some(Value::Number(state)));
        row.set(Field::StatusReason, Some(Value::Number(reason)));
        if kind == Kind::Task {
            item.set(Field::TodoStatus, Some(Value::Todo(TodoStatus::NotStarted)));
        } else {
            item.set(Field::ShowAs, Some(Value::ShowAs(ShowAs::Busy)));
        }
    }

    fn task(&self, number: usize) -> Fields {
        let due = Value::Time(self.now + Duration::hours(36));
        fields([
            (Field::Subject, text(format!("Call customer number {number} back"))),
            (Field::Body, text(TEXT.to_owned())),
            (Field::Due, due),
        ])
    }

    fn meeting(&self, number: usize) -> anyhow::Result<Fields> {
        let party = |name: &str| {
            let address = Some(address(&format!("{name}{}@customer.example", number % 50))?);
            anyhow::Ok(Party { address, name: name.to_owned(), row: None })
        };
        Ok(fields([
            (Field::Subject, text(format!("Review of project number {number}"))),
            (Field::Body, text(TEXT.to_owned())),
            (Field::Location, text("Room 4.12".to_owned())),
            (Field::Start, Value::Time(self.now + Duration::hours(24))),
            (Field::End, Value::Time(self.now + Duration::hours(25))),
            (Field::RequiredAttendees, Value::Parties(vec![party("ann")?, party("bert")?])),
            (Field::OptionalAttendees, Value::Parties(vec![party("carl")?])),
        ]))
    }

    /// The link of a pair that agrees.
    fn link(&self, pair: &[Observation; 2]) -> Link {
        let id = LinkId(pair[0].id.as_str().parse().unwrap_or_default());
        let mut link = Link::new(id, pair[0].kind, Side::Dynamics, LinkState::Agreed);
        link.matched = true;
        link.tagged = true;
        link.last_owner = Some(ME);
        link.uid = pair[0].uid.clone();
        for one in pair {
            let seen = normalise(one.clone(), &KEY, &self.policy.settings, &self.directory, None);
            link.native.set(one.side, Some(one.id.clone()));
            link.version.set(one.side, one.version.clone());
            link.agreed.set(one.side, seen.prints);
        }
        link
    }
}

fn blank(side: Side, kind: Kind, id: String, facts: Facts) -> Observation {
    Observation {
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
    }
}

fn text(text: String) -> Value {
    Value::Text(text)
}

fn fields<const N: usize>(list: [(Field, Value); N]) -> Fields {
    let mut fields = Fields::new();
    for (field, value) in list {
        fields.set(field, Some(value));
    }
    fields
}

fn contact(number: usize) -> Fields {
    fields([
        (Field::FirstName, text("Johanna".to_owned())),
        (Field::LastName, text(format!("Lindqvist {number}"))),
        (Field::Email1, text(format!("johanna{number}@customer.example"))),
        (Field::BusinessPhone, text(format!("+46 8 555 {number:05}"))),
        (Field::MobilePhone, text(format!("+46 70 555 {number:05}"))),
        (Field::Company, text("Adventure Works".to_owned())),
        (Field::JobTitle, text("Head of purchasing".to_owned())),
        (Field::Street1, text("Sveavägen 12".to_owned())),
        (Field::City1, text("Stockholm".to_owned())),
        (Field::PostalCode1, text("111 57".to_owned())),
        (Field::Country1, text("Sweden".to_owned())),
    ])
}
