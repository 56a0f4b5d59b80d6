//! Apply: the steps of a slice, on both sides at once; never all or nothing.

use std::collections::HashMap;

use tracing::Instrument;

use super::context::CycleContext;
use crate::domain::code::Code;
use crate::domain::plan::{Op, Outcome, Step};
use crate::domain::side::{PerSide, Side};
use crate::engine::plan::{Entry, Plan};
use crate::engine::stamp::{mark_follows_row, stamp};
use crate::telemetry::names;

/// Steps in a row that get no answer although each is sent alone: then the far side is at fault, and
/// the rest is put off.
const SILENT_MAX: u32 = 3;

/// Performs all steps and returns, for each entry, the outcome on each side. The rows of the entries
/// that are `waiting` are not sent.
pub(super) async fn all(
    context: &CycleContext,
    plan: &Plan,
    waiting: &HashMap<usize, Outcome>,
) -> Vec<PerSide<Option<Outcome>>> {
    let mut outcomes: Vec<PerSide<Option<Outcome>>> =
        plan.entries.iter().map(|_| PerSide::default()).collect();
    let (marks, exchange): (Vec<_>, Vec<_>) = plan
        .steps(Side::Exchange)
        .into_iter()
        .partition(|(at, _)| mark_follows_row(&plan.entries[*at]));
    let (held, rows): (Vec<_>, Vec<_>) =
        plan.steps(Side::Dynamics).into_iter().partition(|(at, _)| waiting.contains_key(at));
    for (at, _) in held {
        outcomes[at].dynamics = waiting.get(&at).cloned();
    }
    let (dynamics, exchange) = tokio::join!(
        lanes(context, plan, Side::Dynamics, rows),
        lanes(context, plan, Side::Exchange, exchange),
    );
    for (at, outcome) in dynamics {
        outcomes[at].dynamics = Some(outcome);
    }
    for (at, outcome) in exchange {
        outcomes[at].exchange = Some(outcome);
    }
    let made = |at: usize| matches!(outcomes[at].dynamics, Some(Outcome::Done(_)));
    let (marks, early): (Vec<_>, Vec<_>) = marks.into_iter().partition(|(at, _)| made(*at));
    for (at, _) in early {
        outcomes[at].exchange = Some(Outcome::NotSent);
    }
    for (at, outcome) in lanes(context, plan, Side::Exchange, marks).await {
        outcomes[at].exchange = Some(outcome);
    }
    let stamps: Vec<(usize, Step)> = plan
        .entries
        .iter()
        .enumerate()
        .filter_map(|(at, entry)| {
            let outcome = outcomes[at].exchange.as_ref()?;
            stamp(entry, outcome).map(|step| (at, step))
        })
        .collect();
    for (at, outcome) in one_side(context, stamps, Side::Dynamics).await {
        outcomes[at].dynamics = Some(outcome);
    }
    outcomes
}

/// Performs steps of one side. What got no answer last time goes alone, after the others: one
/// item that makes the far side fail then takes no others with it (ERR-02).
async fn lanes(
    context: &CycleContext,
    plan: &Plan,
    side: Side,
    steps: Vec<(usize, Step)>,
) -> Vec<(usize, Outcome)> {
    let (alone, together): (Vec<_>, Vec<_>) =
        steps.into_iter().partition(|(at, _)| is_doubtful(&plan.entries[*at]));
    let mut outcomes = one_side(context, together, side).await;
    let mut silent = 0;
    for step in alone {
        let at = step.0;
        if silent == SILENT_MAX {
            outcomes.push((at, Outcome::NotSent));
            continue;
        }
        let outcome = one_side(context, vec![step], side).await;
        let unknown = outcome.iter().any(|(_, outcome)| matches!(outcome, Outcome::Unknown));
        silent = if unknown { silent + 1 } else { 0 };
        outcomes.extend(outcome);
    }
    outcomes
}

/// Tells whether the last write for an item got no answer.
fn is_doubtful(entry: &Entry) -> bool {
    let before = entry.verdict.pairing.link.as_ref().and_then(|link| link.trouble);
    before.is_some_and(|trouble| trouble.code == Code::ResultUnknown)
}

async fn one_side(
    context: &CycleContext,
    steps: Vec<(usize, Step)>,
    side: Side,
) -> Vec<(usize, Outcome)> {
    if steps.is_empty() {
        return Vec::new();
    }
    if !context.tenure.may_send() {
        return steps.into_iter().map(|(at, _)| (at, Outcome::NotSent)).collect();
    }
    let (places, steps): (Vec<usize>, Vec<Step>) = steps.into_iter().unzip();
    let span = tracing::info_span!(
        names::SPAN_APPLY,
        { names::SIDE } = side.name(),
        { names::STEP_COUNT } = steps.len()
    );
    let mut outcomes =
        context.deps.side(side).apply(&context.mailbox, &steps).instrument(span).await;
    // An adapter that forgets a step must not make it look done.
    outcomes.resize(steps.len(), Outcome::Unknown);
    for (step, outcome) in steps.iter().zip(&outcomes) {
        context.deps.metrics.step(
            context.view.tenant.as_str(),
            side.name(),
            op_name(&step.op),
            outcome_name(outcome),
        );
    }
    places.into_iter().zip(outcomes).collect()
}

const fn op_name(op: &Op) -> &'static str {
    match op {
        Op::Create { .. } => "create",
        Op::Update { .. } => "update",
        Op::Unmark { .. } => "unmark",
        Op::Delete { .. } => "delete",
    }
}

const fn outcome_name(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Done(_) => "done",
        Outcome::Stale => "stale",
        Outcome::Missing => "missing",
        Outcome::Refused(_) => "refused",
        Outcome::Unknown => "unknown",
        Outcome::NotSent => "not_sent",
    }
}
