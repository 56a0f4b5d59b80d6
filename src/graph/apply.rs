//! Writes: creates, changes and removals in batches, one outcome for each.
//!
//! What replaces a list or a category needs the item as it stands, and a task knows no `If-Match`
//! (protocols A6): such items are read right before they are written, and an item that moved on
//! since is `Stale`. Everything else is conditional on the server.

mod body;

use std::ops::ControlFlow;

use self::body::{Before, Plan};
use super::GraphSide;
use super::batch::{BATCH_MAX, Inner, InnerReply};
use super::client::Answer;
use super::errors::{self, Write};
use super::map::series;
use super::url::Paths;
use crate::domain::category::Category;
use crate::domain::code::Code;
use crate::domain::ids::Address;
use crate::domain::kind::{Collection, Kind};
use crate::domain::plan::{Op, Outcome, Step};
use crate::domain::side::Side;
use crate::ports::error::SideError;

/// What became of a group of steps.
struct Group {
    outcomes: Vec<Outcome>,
    /// The mailbox is throttled or out of reach; nothing further is sent.
    put_off: bool,
}

/// One step on its way.
enum Stage {
    /// It is decided without a write.
    Settled(Outcome),
    /// It is to be written, with the item as it stands when that was read.
    Ready(Option<Before>),
}

impl GraphSide {
    /// Performs the steps and returns one outcome for each, in order.
    /// Created and marked items are given `category` as it says (LINK-08).
    pub(super) async fn apply_steps(
        &self,
        mailbox: &Address,
        category: &Category,
        steps: &[Step],
    ) -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(steps.len());
        // Small groups keep the time between reading and writing an item short.
        let mut stopped = false;
        for group in steps.chunks(BATCH_MAX) {
            if stopped {
                outcomes.extend(vec![Outcome::NotSent; group.len()]);
                continue;
            }
            let mut done = self.apply_group(mailbox, category, group).await;
            for (step, outcome) in group.iter().zip(&mut done.outcomes) {
                if step.kind == Kind::RecurringAppointment
                    && let Outcome::Done(Some(master)) = outcome
                {
                    *outcome = self.finish_series(mailbox, step, &master.id).await;
                }
            }
            // The mailbox is throttled or out of reach: what comes after would only wait as long.
            stopped = done.put_off;
            outcomes.extend(done.outcomes);
        }
        outcomes
    }

    async fn apply_group(&self, mailbox: &Address, category: &Category, steps: &[Step]) -> Group {
        let paths = Paths::new(mailbox).with_category(category);
        let tasks = steps.iter().any(|step| step.kind.collection() == Collection::Tasks);
        let list = if tasks { self.default_list(mailbox).await } else { Ok("".into()) };
        let list = match list {
            Ok(list) => Some(list),
            Err(error) if is_wait(&error) => return Group::nothing_sent(steps),
            // Something is wrong with the lists alone: events and contacts go on.
            Err(error) => {
                tracing::warn!(%error, "the default list is not known; tasks are put off");
                None
            }
        };
        let mut stages: Vec<Stage> =
            steps.iter().map(|step| first_stage(step, list.is_some())).collect();
        let list = list.as_deref().unwrap_or("");
        if self.read_before(mailbox, &paths, list, steps, &mut stages).await.is_break()
            || self.mark_tasks(mailbox, &paths, list, steps, &mut stages).await.is_break()
        {
            let outcomes = stages.into_iter().map(Stage::given_up).collect();
            return Group { outcomes, put_off: true };
        }
        self.unmark_tasks(mailbox, &paths, list, steps, &mut stages).await;
        self.write_ready(mailbox, &paths, list, steps, stages).await
    }

    /// Reads the items that must be known before they are written; breaks when nothing more can be
    /// sent for now.
    async fn read_before(
        &self,
        mailbox: &Address,
        paths: &Paths,
        list: &str,
        steps: &[Step],
        stages: &mut [Stage],
    ) -> ControlFlow<()> {
        let (mut places, mut requests) = (Vec::new(), Vec::new());
        for (place, step) in steps.iter().enumerate() {
            if let (Stage::Ready(None), Some(id)) = (&stages[place], body::needs_read(step)) {
                places.push(place);
                let collection = step.kind.collection();
                requests.push(Inner::get(paths.item_expanded(collection, list, id.as_str())));
            }
        }
        let replies = match self.client.read_items(mailbox, &requests).await {
            Ok(replies) => replies,
            Err(error) => {
                tracing::warn!(%error, count = places.len(), "items cannot be read before a write");
                for place in places {
                    stages[place] = Stage::Settled(Outcome::NotSent);
                }
                return flow(is_wait(&error));
            }
        };
        for (place, reply) in places.into_iter().zip(replies) {
            stages[place] = after_read(&steps[place], reply);
        }
        ControlFlow::Continue(())
    }

    /// Puts the marker on adopted tasks: a linked resource is an item of its own, which a change
    /// of the task cannot carry. It goes first, so that the task's version is the last one.
    async fn mark_tasks(
        &self,
        mailbox: &Address,
        paths: &Paths,
        list: &str,
        steps: &[Step],
        stages: &mut [Stage],
    ) -> ControlFlow<()> {
        let (mut places, mut requests) = (Vec::new(), Vec::new());
        for (place, step) in steps.iter().enumerate() {
            if let Stage::Ready(Some(before)) = &stages[place]
                && let Some(id) = body::wants_linked_resource(step, before)
            {
                let task = paths.item(Collection::Tasks, list, id.as_str());
                let linked = body::linked_resource(step.link);
                places.push(place);
                requests.push(Inner::post(format!("{task}/linkedResources"), linked));
            }
        }
        let answers = self.client.write(mailbox, &requests).await;
        let put_off = answers.iter().any(is_put_off);
        for (place, answer) in places.into_iter().zip(answers) {
            match outcome_of(&answer, Write::Update) {
                None => {
                    if let Stage::Ready(Some(before)) = &mut stages[place] {
                        before.linked(steps[place].link);
                    }
                }
                Some(outcome) => stages[place] = Stage::Settled(outcome),
            }
        }
        flow(put_off)
    }

    /// Takes the markers off tasks, before their category goes: a linked resource has its own path.
    async fn unmark_tasks(
        &self,
        mailbox: &Address,
        paths: &Paths,
        list: &str,
        steps: &[Step],
        stages: &mut [Stage],
    ) {
        let (mut places, mut requests) = (Vec::new(), Vec::new());
        for (place, step) in steps.iter().enumerate() {
            let (Stage::Ready(Some(before)), Op::Unmark { id, .. }) = (&stages[place], &step.op)
            else {
                continue;
            };
            let task = paths.item(Collection::Tasks, list, id.as_str());
            for resource in body::unwanted_resources(step, before) {
                requests.push(Inner::delete(paths.linked(&task, &resource)));
                places.push((place, resource));
            }
        }
        let answers = self.client.write(mailbox, &requests).await;
        for ((place, resource), answer) in places.into_iter().zip(answers) {
            match outcome_of(&answer, Write::Delete) {
                None | Some(Outcome::Done(_)) => {
                    if let Stage::Ready(Some(before)) = &mut stages[place] {
                        before.unlinked(&resource);
                    }
                }
                Some(outcome) => stages[place] = Stage::Settled(outcome),
            }
        }
    }

    async fn write_ready(
        &self,
        mailbox: &Address,
        paths: &Paths,
        list: &str,
        steps: &[Step],
        stages: Vec<Stage>,
    ) -> Group {
        let mut outcomes = Vec::with_capacity(steps.len());
        let (mut places, mut plans, mut requests) = (Vec::new(), Vec::new(), Vec::new());
        for (place, (step, stage)) in steps.iter().zip(stages).enumerate() {
            let outcome = match stage {
                Stage::Settled(outcome) => outcome,
                Stage::Ready(before) => match body::plan(paths, list, step, before) {
                    Plan::Nothing(outcome) => outcome,
                    Plan::Send(request, sent) => {
                        places.push(place);
                        plans.push(sent);
                        requests.push(request);
                        Outcome::NotSent
                    }
                },
            };
            outcomes.push(outcome);
        }
        let answers = self.client.write(mailbox, &requests).await;
        let put_off = answers.iter().any(is_put_off);
        for ((place, sent), answer) in places.into_iter().zip(plans).zip(answers) {
            let write = write_of(&steps[place].op);
            outcomes[place] = match (outcome_of(&answer, write), answer) {
                (Some(outcome), _) => outcome,
                (None, Answer::Reply(_)) if write == Write::Delete => Outcome::Done(None),
                (None, Answer::Reply(reply)) => sent.done(reply.body),
                (None, Answer::NotSent | Answer::Lost) => Outcome::Unknown,
            };
        }
        Group { outcomes, put_off }
    }
}

// === impl Group ===

impl Group {
    fn nothing_sent(steps: &[Step]) -> Self {
        Self { outcomes: vec![Outcome::NotSent; steps.len()], put_off: true }
    }
}

// === impl Stage ===

impl Stage {
    fn given_up(self) -> Outcome {
        match self {
            Self::Settled(outcome) => outcome,
            Self::Ready(_) => Outcome::NotSent,
        }
    }
}

/// Tells whether an error says "later" for the whole mailbox, as far as it knows.
const fn is_wait(error: &SideError) -> bool {
    matches!(error, SideError::Throttled { .. } | SideError::Unreachable { .. })
}

/// Tells whether a write was not executed because nothing is executed now.
fn is_put_off(answer: &Answer) -> bool {
    match answer {
        Answer::NotSent => true,
        Answer::Reply(reply) => reply.status == 429,
        Answer::Lost => false,
    }
}

const fn flow(stop: bool) -> ControlFlow<()> {
    if stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

fn first_stage(step: &Step, list_known: bool) -> Stage {
    let reachable = list_known || step.kind.collection() != Collection::Tasks;
    if step.on == Side::Exchange && reachable {
        Stage::Ready(None)
    } else {
        Stage::Settled(Outcome::NotSent)
    }
}

/// Judges the item as it stands: gone, changed since, or ready to be written.
fn after_read(step: &Step, reply: Option<InnerReply>) -> Stage {
    let Some(reply) = reply else {
        return Stage::Settled(Outcome::Refused(Code::ItemUnreadable));
    };
    if reply.status != 200 {
        let outcome = errors::refused_write(write_of(&step.op), reply.status, &reply.body);
        return Stage::Settled(outcome);
    }
    let before = Before::new(reply.body);
    let (Op::Update { expected, .. } | Op::Unmark { expected, .. } | Op::Delete { expected, .. }) =
        &step.op
    else {
        return Stage::Ready(Some(before));
    };
    match expected {
        Some(expected) if before.version() != Some(series::of_master(expected.as_str())) => {
            Stage::Settled(Outcome::Stale)
        }
        _ => Stage::Ready(Some(before)),
    }
}

/// Returns the outcome of a write that did not succeed.
fn outcome_of(answer: &Answer, write: Write) -> Option<Outcome> {
    match answer {
        Answer::Reply(reply) if (200..300).contains(&reply.status) => None,
        Answer::Reply(reply) => Some(errors::refused_write(write, reply.status, &reply.body)),
        Answer::NotSent => Some(Outcome::NotSent),
        Answer::Lost => Some(Outcome::Unknown),
    }
}

const fn write_of(op: &Op) -> Write {
    match op {
        Op::Create { .. } => Write::Create,
        Op::Update { .. } | Op::Unmark { .. } => Write::Update,
        Op::Delete { .. } => Write::Delete,
    }
}

#[cfg(test)]
mod tests;
