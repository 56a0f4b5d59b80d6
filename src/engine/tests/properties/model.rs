//! The two far sides in memory, what people do there, and the engine's pass over them.

mod far;
mod rest;

use std::collections::{BTreeMap, HashSet};

use uuid::Uuid;

use crate::domain::field::{Field, Group, Value};
use crate::domain::ids::{GlobalId, LinkId, NativeId, Version};
use crate::domain::kind::Kind;
use crate::domain::link::{Link, LinkState};
use crate::domain::observation::{Facts, Observation, Presence};
use crate::domain::plan::{Op, Outcome, Step};
use crate::domain::policy::ConflictPolicy;
use crate::domain::side::{PerSide, Side};
use crate::engine::decide::{decide, needs_other_side};
use crate::engine::fold::{LinkChange, fold};
use crate::engine::invariants;
use crate::engine::matching::pair;
use crate::engine::normalise::{Seen, normalise};
use crate::engine::plan::{Entry, Plan, plan};
use crate::engine::sent;
use crate::engine::stamp::{mark_follows_row, stamp};
use crate::engine::testing::{KEY, ME, SERVED, World, hours, item, party, row, row_guid};

const KINDS: [Kind; 3] = [Kind::Appointment, Kind::Contact, Kind::Task];

/// One thing that happens.
#[derive(Debug, Clone)]
pub(super) enum Act {
    Create { side: Side, kind: usize },
    Edit { side: Side, at: u8, field: usize },
    Delete { side: Side, at: u8 },
    Leave { at: u8, owner: bool },
    Return { at: u8 },
    Retrack { at: u8 },
    Pass { answers: Vec<Answer>, crash: bool },
}

/// How a far side answers one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Done,
    Stale,
    UnknownDone,
    UnknownNotDone,
    NotSent,
    Refused,
}

/// The items of both sides by id; what is gone is not in it.
type Far = BTreeMap<NativeId, Observation>;

pub(super) struct Model {
    world: World,
    far: PerSide<Far>,
    links: BTreeMap<LinkId, Link>,
    /// The versions that the feeds have told.
    told: PerSide<BTreeMap<NativeId, Version>>,
    counter: u64,
    /// Values that stood on both sides at once, so that overwriting them loses no edit.
    shared: HashSet<String>,
    /// For each item that the engine made: the item it was made from.
    made: PerSide<BTreeMap<NativeId, NativeId>>,
    log: Vec<String>,
}

impl Model {
    pub(super) fn new(choices: u8) -> Self {
        let conflicts =
            [ConflictPolicy::ByKind, ConflictPolicy::Dynamics, ConflictPolicy::Exchange];
        let world = World::with(|world| {
            world.limits.item_attempts = 250;
            world.policy.conflict = conflicts[usize::from(choices) % 3];
            world.policy.settings.distinct_deletes = choices & 16 != 0;
            world.policy.settings.task_deletion = choices / 64;
            world.policy.keep_contacts = choices & 32 != 0;
        });
        Self {
            world,
            far: PerSide::default(),
            links: BTreeMap::new(),
            told: PerSide::default(),
            counter: 0x10_0000,
            shared: HashSet::new(),
            made: PerSide::default(),
            log: Vec::new(),
        }
    }

    pub(super) fn act(&mut self, act: &Act) {
        self.log.push(format!("{act:?}"));
        match act {
            Act::Create { side, kind } => self.create(*side, KINDS[*kind]),
            Act::Edit { side, at, field } => self.edit(*side, *at, *field),
            Act::Delete { side, at } => {
                if let Some(id) = self.pick(*side, *at) {
                    self.far.get_mut(*side).remove(&id);
                }
            }
            Act::Leave { at, owner } => self.touch(Side::Dynamics, *at, |row| {
                row.presence = Presence::LeftFilter;
                if let (true, Facts::Dynamics(facts)) = (*owner, &mut row.facts) {
                    facts.owner = Some(SERVED);
                }
            }),
            Act::Return { at } => self.touch(Side::Dynamics, *at, |row| {
                row.presence = Presence::Present;
                if let Facts::Dynamics(facts) = &mut row.facts {
                    facts.owner = Some(ME);
                }
            }),
            Act::Retrack { at } => self.touch(Side::Exchange, *at, |item| {
                if let Facts::Exchange(facts) = &mut item.facts {
                    facts.tracked = !facts.tracked;
                }
            }),
            Act::Pass { answers, crash } => self.pass(answers, *crash),
        }
        self.note_shared();
    }

    pub(super) fn quiet_pass(&mut self) {
        self.act(&Act::Pass { answers: vec![Answer::Done], crash: false });
    }

    pub(super) fn lose_store(&mut self) {
        self.log.push("lose store".to_owned());
        self.links.clear();
        self.told = PerSide::default();
    }

    // What people do.

    fn next(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    fn version(&mut self) -> Version {
        Version::new(self.next().to_string())
    }

    fn create(&mut self, side: Side, kind: Kind) {
        let number = self.next();
        let mut one = match side {
            Side::Dynamics => row(kind).id(&row_guid(number.into()).to_string()).0,
            Side::Exchange => item(kind).id(&format!("item-{number}")).0,
        };
        one.fields.set(name_of(kind), Some(Value::Text(format!("v{number}"))));
        if side == Side::Exchange && kind == Kind::Appointment {
            one.uid = Some(GlobalId::new(format!("uid-{number}")));
        }
        one.version = Some(self.version());
        self.far.get_mut(side).insert(one.id.clone(), one);
    }

    fn pick(&self, side: Side, at: u8) -> Option<NativeId> {
        let far = self.far.get(side);
        (!far.is_empty()).then(|| far.keys().nth(usize::from(at) % far.len()).cloned())?
    }

    fn touch(&mut self, side: Side, at: u8, change: impl FnOnce(&mut Observation)) {
        let version = self.version();
        let Some(id) = self.pick(side, at) else { return };
        let Some(one) = self.far.get_mut(side).get_mut(&id) else { return };
        change(one);
        one.version = Some(version);
    }

    fn edit(&mut self, side: Side, at: u8, field: usize) {
        let number = self.next();
        self.touch(side, at, |one| {
            let text = Value::Text(format!("v{number}"));
            let (field, value) = match (one.kind, field) {
                (kind, 0) => (name_of(kind), text),
                (_, 1) => (Field::Body, text),
                (Kind::Contact, _) => (Field::City1, text),
                (Kind::Appointment, 2) => (Field::Location, text),
                (Kind::Appointment, _) => {
                    let guests = ["a@guest.test", "b@guest.test", "c@guest.test"];
                    let few = guests.iter().take(usize::try_from(number % 4).unwrap_or(0));
                    let few = few.map(|text| party(text)).collect();
                    (Field::RequiredAttendees, Value::Parties(few))
                }
                (_, _) => {
                    let day = 24 * i64::try_from(number % 9).unwrap_or(0) - 12;
                    (Field::Due, Value::Time(hours(day)))
                }
            };
            one.fields.set(field, Some(value));
        });
    }

    // What the engine is shown.

    fn observe(&self, side: Side, id: &NativeId, kind: Kind) -> Observation {
        self.far.get(side).get(id).cloned().unwrap_or_else(|| {
            let blank = if side == Side::Dynamics { row(kind) } else { item(kind) };
            blank.id(id.as_str()).gone().0
        })
    }

    /// The feeds: what changed, and known items that are gone or were never told.
    fn feed(&self) -> BTreeMap<(Side, NativeId), Observation> {
        let mut seen = BTreeMap::new();
        for side in Side::BOTH {
            for (id, one) in self.far.get(side) {
                let known =
                    self.links.values().any(|link| link.native.get(side).as_ref() == Some(id));
                let mentioned = one.presence == Presence::Present || known;
                if mentioned && self.told.get(side).get(id) != one.version.as_ref() {
                    seen.insert((side, id.clone()), one.clone());
                }
            }
            for link in self.links.values() {
                if let Some(id) = link.native.get(side)
                    && (link.is_unsettled()
                        || (self.told.get(side).contains_key(id)
                            && !self.far.get(side).contains_key(id)))
                {
                    seen.insert((side, id.clone()), self.observe(side, id, link.kind));
                }
            }
        }
        seen
    }

    /// Adds what the decisions need beyond the feeds, as `cycle::gather` does.
    fn gather(&self) -> Vec<Seen> {
        let links: Vec<Link> = self.links.values().cloned().collect();
        let mut seen = self.feed();
        for _ in 0..3 {
            let mut more: Vec<(Side, NativeId, Kind)> = Vec::new();
            for link in &links {
                if let LinkState::Creating(side) = link.state {
                    more.extend(self.marked(side, link.id).map(|id| (side, id, link.kind)));
                }
            }
            for pairing in pair(self.world.mailbox.key.mailbox, &links, self.normal(&seen)) {
                for side in Side::BOTH {
                    let Some(one) = pairing.seen.get(side) else { continue };
                    let other = side.other();
                    let link = pairing.link.as_ref();
                    let id = link.and_then(|link| link.native.get(other).clone());
                    if let Some(id) = id {
                        if needs_other_side(&pairing, side, ME) {
                            more.push((other, id, pairing.kind()));
                        }
                    } else {
                        more.extend(self.twins(&one.observation, other));
                    }
                }
            }
            for (side, id, kind) in more {
                seen.entry((side, id.clone())).or_insert_with(|| self.observe(side, &id, kind));
            }
        }
        self.normal(&seen)
    }

    fn marked(&self, side: Side, link: LinkId) -> Option<NativeId> {
        let far = self.far.get(side);
        match side {
            Side::Dynamics => {
                let id = NativeId::new(link.0.to_string());
                far.contains_key(&id).then_some(id)
            }
            Side::Exchange => {
                far.values().find(|one| one.marker == Some(link)).map(|one| one.id.clone())
            }
        }
    }

    fn twins(&self, one: &Observation, other: Side) -> Option<(Side, NativeId, Kind)> {
        if let (Some(marker), Side::Exchange) = (one.marker, one.side) {
            let row = NativeId::new(marker.0.to_string());
            return self.far.get(other).contains_key(&row).then_some((other, row, one.kind));
        }
        let uid = one.uid.as_ref()?;
        let twin = self.far.get(other).values().find(|it| it.uid.as_ref() == Some(uid))?;
        Some((other, twin.id.clone(), twin.kind))
    }

    fn normal(&self, seen: &BTreeMap<(Side, NativeId), Observation>) -> Vec<Seen> {
        let settings = &self.world.policy.settings;
        let normal =
            |one: &Observation| normalise(one.clone(), &KEY, settings, &self.world.directory, None);
        seen.values().map(normal).collect()
    }

    // One pass of the engine.

    fn make_plan(&self, seen: Vec<Seen>, from: u64) -> Plan {
        let links: Vec<Link> = self.links.values().cloned().collect();
        let context = self.world.context();
        let pairings = pair(context.mailbox.key.mailbox, &links, seen);
        let verdicts = pairings.into_iter().map(|pairing| decide(pairing, &context)).collect();
        let mut fresh = from;
        plan(verdicts, &context, || {
            fresh += 1;
            Uuid::from_u128(0x77_0000_0000 + u128::from(fresh))
        })
    }

    fn pass(&mut self, answers: &[Answer], crash: bool) {
        let seen = self.gather();
        self.counter += 1000;
        let plan = self.make_plan(seen.clone(), self.counter);
        let mut turned = seen.clone();
        turned.reverse();
        // The order in which things were seen decides nothing.
        assert_eq!(plan, self.make_plan(turned, self.counter), "order decides");
        assert_eq!(invariants::check_plan(&plan, ME), [], "{}", self.describe());
        let sent = sent::markers(&plan, &KEY, &self.world.context());
        for link in plan.markers().into_iter().chain(sent) {
            self.links.insert(link.id, link);
        }
        let mut answers = answers.iter().copied().cycle();
        let mut outcomes: Vec<PerSide<Option<Outcome>>> = Vec::new();
        for entry in &plan.entries {
            let mut sent = true;
            let mut outcome = PerSide::from_fn(|side| {
                let step = entry.steps.get(side).as_ref()?;
                let answer = answers.next().filter(|_| sent).unwrap_or(Answer::NotSent);
                let outcome = self.answer(entry, step, answer);
                sent = !mark_follows_row(entry) || matches!(outcome, Outcome::Done(_));
                Some(outcome)
            });
            if let Some(step) = outcome.exchange.as_ref().and_then(|it| stamp(entry, it)) {
                let answer = answers.next().unwrap_or(Answer::Done);
                outcome.dynamics = Some(self.answer(entry, &step, answer));
            }
            outcomes.push(outcome);
        }
        if crash {
            return;
        }
        for (entry, outcome) in plan.entries.iter().zip(&outcomes) {
            self.fold(entry, outcome);
        }
        let all: Vec<Link> = self.links.values().cloned().collect();
        assert_eq!(invariants::check_links(&all), [], "{}", self.describe());
        for one in &seen {
            let observation = &one.observation;
            let told = self.told.get_mut(observation.side);
            match &observation.version {
                Some(version) => told.insert(observation.id.clone(), version.clone()),
                None => told.remove(&observation.id),
            };
        }
    }

    fn fold(&mut self, entry: &Entry, outcome: &PerSide<Option<Outcome>>) {
        let change = fold(entry, outcome, &KEY, &self.world.context());
        assert_eq!(invariants::check_fold(outcome, &change), [], "{}", self.describe());
        let done = |side: Side| matches!(outcome.get(side), None | Some(Outcome::Done(_)));
        let failed = Side::BOTH
            .into_iter()
            .any(|side| !done(side) && !matches!(outcome.get(side), Some(Outcome::Missing)));
        let made = Side::BOTH.into_iter().any(|side| {
            done(side) && matches!(entry.steps.get(side), Some(Step { op: Op::Create { .. }, .. }))
        });
        match change {
            LinkChange::None => {}
            LinkChange::Put(link) => {
                let before = self.links.get(&link.id);
                // A pair that is just being made had nothing agreed yet.
                let paired = |link: &&Link| {
                    !matches!(link.state, LinkState::Creating(_) | LinkState::LeftAlone)
                };
                if let Some(before) = before.filter(paired).filter(|_| failed && !made) {
                    let taken = taken_over(entry, outcome);
                    for side in Side::BOTH {
                        let mut moved = before.agreed.get(side).differing(link.agreed.get(side));
                        moved.retain(|group| !taken.contains(group));
                        assert_eq!(moved, [], "a failure moved the agreement");
                    }
                }
                self.links.insert(link.id, *link);
            }
            LinkChange::Drop(id) => {
                self.links.remove(&id);
            }
        }
    }
}

/// Returns the groups that one side has taken over from the other.
fn taken_over(entry: &Entry, outcome: &PerSide<Option<Outcome>>) -> Vec<Group> {
    let done = |side: &Side| matches!(outcome.get(*side), Some(Outcome::Done(_)));
    let groups = |side: Side| match entry.steps.get(side) {
        Some(Step { op: Op::Update { groups, .. }, .. }) => groups.clone(),
        _ => Vec::new(),
    };
    Side::BOTH.into_iter().filter(done).flat_map(groups).collect()
}

const fn name_of(kind: Kind) -> Field {
    if matches!(kind, Kind::Contact) { Field::LastName } else { Field::Subject }
}
