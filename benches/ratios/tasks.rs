//! One task of each mailbox on far sides that answer at once: Dynamics' row changes, and whoever writes its
//! item is told how long after the change was due.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use lockstep::domain::field::{Field, Fields, TodoStatus, Value};
use lockstep::domain::ids::{Address, LinkId, NativeId, Version};
use lockstep::domain::kind::Kind;
use lockstep::domain::observation::{DynamicsFacts, ExchangeFacts, Facts, Observation, Presence};
use lockstep::domain::party::PartyCandidate;
use lockstep::domain::plan::{Op, Outcome, Step};
use lockstep::domain::policy::Mailbox;
use lockstep::domain::side::Side;
use lockstep::ports::error::{PullError, SideError};
use lockstep::ports::rest::SideRest;
use lockstep::ports::side::{FarSide, FindKey, Found, PullAsk, Pulled};
use tokio::time::Instant;
use uuid::Uuid;

/// One task of one mailbox: what its row and its item hold, by number.
#[derive(Default)]
pub(crate) struct Task {
    row: u64,
    told: u64,
    item: u64,
    /// Changes that were not written yet, and when they were due.
    due: VecDeque<(u64, Instant)>,
}

/// Both far sides of a tenant.
pub(crate) struct World {
    pub(crate) tasks: HashMap<Uuid, Mutex<Task>>,
    /// Milliseconds of what was written.
    pub(crate) late: Mutex<Vec<f64>>,
}

pub(crate) struct Far {
    pub(crate) side: Side,
    pub(crate) world: Arc<World>,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl World {
    fn task(&self, mailbox: &Mailbox) -> Result<MutexGuard<'_, Task>, SideError> {
        let task = self.tasks.get(&mailbox.key.mailbox);
        let nobody = || SideError::MailboxUnreachable { reason: "nobody's".to_owned() };
        Ok(lock(task.ok_or_else(nobody)?))
    }

    /// Makes a change that was due at an instant.
    pub(crate) fn change(&self, mailbox: Uuid, due: Instant) {
        if let Some(task) = self.tasks.get(&mailbox) {
            let mut task = lock(task);
            task.row += 1;
            let number = task.row;
            task.due.push_back((number, due));
        }
    }

    pub(crate) fn open(&self) -> usize {
        self.tasks.values().map(|task| lock(task).due.len()).sum()
    }
}

fn observed(side: Side, mailbox: &Mailbox, number: u64) -> Observation {
    let row = mailbox.object_id;
    let mut fields = Fields::new();
    fields.set(Field::Subject, Some(Value::Text(format!("Call {number}"))));
    let (id, facts) = match side {
        Side::Dynamics => {
            fields.set(Field::State, Some(Value::Number(0)));
            fields.set(Field::StatusReason, Some(Value::Number(2)));
            let owner = Some(mailbox.user);
            (row.to_string(), Facts::Dynamics(DynamicsFacts { owner, ..Default::default() }))
        }
        Side::Exchange => {
            fields.set(Field::TodoStatus, Some(Value::Todo(TodoStatus::NotStarted)));
            let facts = ExchangeFacts { tracked: true, made: true, ..Default::default() };
            (format!("AAMkAGI2-item-{row}"), Facts::Exchange(facts))
        }
    };
    Observation {
        side,
        kind: Kind::Task,
        id: NativeId::new(id),
        version: Some(Version::new(number.to_string())),
        presence: Presence::Present,
        marker: Some(LinkId(row)),
        uid: None,
        fields,
        facts,
        losses: Vec::new(),
        unfit: None,
    }
}

#[async_trait]
impl FarSide for Far {
    async fn pull(&self, ask: PullAsk<'_>) -> Result<Pulled, PullError> {
        let mut task = self.world.task(ask.mailbox)?;
        if self.side == Side::Dynamics && task.told < task.row {
            task.told = task.row;
            let observations = vec![observed(self.side, ask.mailbox, task.row)];
            return Ok(Pulled { observations, ..Pulled::default() });
        }
        Ok(Pulled { rest: Some(SideRest::new(vec![0; 16])), ..Pulled::default() })
    }

    async fn fetch(
        &self,
        mailbox: &Mailbox,
        items: &[(Kind, NativeId)],
    ) -> Result<Vec<Observation>, SideError> {
        let task = self.world.task(mailbox)?;
        let number = if self.side == Side::Dynamics { task.row } else { task.item };
        Ok(items.iter().map(|_| observed(self.side, mailbox, number)).collect())
    }

    async fn find(&self, _: &Mailbox, keys: &[FindKey]) -> Result<Vec<Found>, SideError> {
        Ok(keys.iter().map(|_| Found::Nothing).collect())
    }

    async fn marked(&self, _: &Mailbox) -> Result<Vec<Observation>, SideError> {
        Ok(Vec::new())
    }

    async fn apply(&self, mailbox: &Mailbox, steps: &[Step]) -> Vec<Outcome> {
        let now = Instant::now();
        steps.iter().map(|step| self.write(mailbox, step, now)).collect()
    }

    async fn candidates(
        &self,
        _: &Mailbox,
        _: &[Address],
    ) -> Result<Vec<PartyCandidate>, SideError> {
        Ok(Vec::new())
    }
}

impl Far {
    fn write(&self, mailbox: &Mailbox, step: &Step, now: Instant) -> Outcome {
        let (Op::Create { patch } | Op::Update { patch, .. }) = &step.op else {
            return Outcome::NotSent;
        };
        let subject = patch.iter().find_map(|(field, value)| match (field, value) {
            (Field::Subject, Some(Value::Text(text))) => text.strip_prefix("Call ")?.parse().ok(),
            _ => None,
        });
        let (Some(number), Ok(mut task)) = (subject, self.world.task(mailbox)) else {
            return Outcome::NotSent;
        };
        task.item = number;
        while let Some((_, due)) = task.due.pop_front_if(|(one, _)| *one <= number) {
            let late = now.saturating_duration_since(due).as_secs_f64() * 1_000.0;
            lock(&self.world.late).push(late);
        }
        Outcome::Done(Some(Box::new(observed(self.side, mailbox, number))))
    }
}
