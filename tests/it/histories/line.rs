//! The way between adapters and stand-ins without a network, and what happens on it: faults at
//! chosen requests, a crash of the node, and people who go on working meanwhile.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use lockstep::http::{HttpError, Line, Parcel, Reply};
use lockstep::sim::faults::{FaultKind, Scope};
use lockstep::sim::wire::{Request, Response};
use lockstep::sim::world::{Outcome, World};
use tokio::sync::Notify;

use super::acts::Act;
use super::oracle::Thing;
use super::scene::Scene;
use crate::parts::BASE;

/// What will happen on the way during one cycle, by the number of the request.
#[derive(Debug, Default, Clone)]
pub(super) struct Script {
    /// Faults.
    pub(super) faults: Vec<(usize, FaultKind)>,
    /// The node dies at this request; the flag says whether it is still carried out.
    pub(super) crash: Option<(usize, bool)>,
    /// People act before this request is carried out.
    pub(super) between: Vec<(usize, Act)>,
}

struct Course {
    script: Script,
    requests: usize,
}

/// The line, the world behind it and the people in that world.
pub(super) struct InProcess {
    pub(super) world: Arc<World>,
    pub(super) scene: Arc<Mutex<Scene>>,
    course: Mutex<Course>,
    pub(super) crashed: Notify,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl InProcess {
    pub(super) fn new(world: Arc<World>, scene: Arc<Mutex<Scene>>) -> Self {
        let course = Mutex::new(Course { script: Script::default(), requests: 0 });
        Self { world, scene, course, crashed: Notify::new() }
    }

    /// Begins to count anew, for a cycle with this script.
    pub(super) fn begin(&self, script: Script) {
        *lock(&self.course) = Course { script, requests: 0 };
        self.world.organizations[0].set_faults(lockstep::sim::faults::FaultPlan::new(1));
    }

    /// Takes what happens at the next request.
    fn next(&self) -> (Vec<Act>, Option<FaultKind>, Option<bool>) {
        let mut course = lock(&self.course);
        let number = course.requests;
        course.requests += 1;
        let script = &course.script;
        let due = script.between.iter().filter(|(at, _)| *at == number);
        let acts = due.map(|(_, act)| act.clone()).collect();
        let faults: BTreeMap<usize, FaultKind> = script.faults.iter().cloned().collect();
        let crash = script.crash.filter(|(at, _)| *at == number).map(|(_, done)| done);
        (acts, faults.get(&number).cloned(), crash)
    }
}

#[async_trait]
impl Line for InProcess {
    async fn exchange(&self, parcel: Parcel) -> Result<Reply, HttpError> {
        // The other side's requests come between.
        tokio::task::yield_now().await;
        let (acts, fault, crash) = self.next();
        if !acts.is_empty() {
            let mut scene = lock(&self.scene);
            acts.iter().for_each(|act| scene.act(act));
        }
        if fault.is_some() || crash.is_some() {
            lock(&self.scene).things.iter_mut().for_each(Thing::disturbed);
        }
        if crash != Some(false) {
            if let Some(kind) = fault {
                if unanswered(&kind) {
                    lock(&self.scene).shake();
                }
                // A row is written and read again in one batch; either may be throttled.
                if matches!(kind, FaultKind::InnerThrottle { .. }) {
                    lock(&self.scene).half_told = true;
                }
                self.world.organizations[0].faults().next(Scope::All, kind);
            }
            let outcome = self.carry_out(parcel);
            if crash.is_none() {
                return answer(outcome);
            }
        }
        lock(&self.scene).shake();
        self.crashed.notify_one();
        std::future::pending().await
    }
}

impl InProcess {
    fn carry_out(&self, parcel: Parcel) -> Outcome {
        let target = parcel.url.strip_prefix(BASE).unwrap_or(&parcel.url).to_owned();
        let method = parcel.method.name().to_owned();
        let request = Request { method, target, headers: parcel.headers, body: parcel.body };
        let mailed = lock(&self.scene).mails();
        let outcome = match self.world.admit(request) {
            Ok(admitted) => self.world.carry_out(admitted),
            Err(refusal) => Outcome::Answer(refusal),
        };
        lock(&self.scene).note_mails(mailed);
        outcome
    }
}

/// Tells whether the request is carried out and its answer does not arrive.
const fn unanswered(kind: &FaultKind) -> bool {
    matches!(kind, FaultKind::ResetAfterCommit | FaultKind::TruncateBody | FaultKind::MalformedJson)
}

fn answer(outcome: Outcome) -> Result<Reply, HttpError> {
    match outcome {
        Outcome::Answer(Response { status, headers, body }) => {
            let low = |(name, value): (String, String)| (name.to_lowercase(), value);
            Ok(Reply { status, headers: headers.into_iter().map(low).collect(), body })
        }
        Outcome::Reset => Err(HttpError::NoAnswer("no answer (connection reset)".to_owned())),
        Outcome::Truncated(_) => Err(HttpError::NoAnswer("the answer was cut off".to_owned())),
        Outcome::Huge(_) => Err(HttpError::TooLarge("endless".to_owned())),
    }
}
