//! Apply: the steps of a slice, on both sides at once; never all or nothing.

use tracing::Instrument;

use super::context::CycleContext;
use crate::domain::plan::{Op, Outcome, Step};
use crate::domain::side::{PerSide, Side};
use crate::engine::plan::{Entry, Plan};
use crate::engine::stamp::{mark, stamp};

/// Performs all steps and returns, for each entry, the outcome on each side.
pub(super) async fn all(context: &CycleContext, plan: &Plan) -> Vec<PerSide<Option<Outcome>>> {
    let mut outcomes: Vec<PerSide<Option<Outcome>>> =
        plan.entries.iter().map(|_| PerSide::default()).collect();
    let (dynamics, exchange) = tokio::join!(
        one_side(context, plan.steps(Side::Dynamics), Side::Dynamics),
        one_side(context, plan.steps(Side::Exchange), Side::Exchange),
    );
    for (at, outcome) in dynamics {
        outcomes[at].dynamics = Some(outcome);
    }
    for (at, outcome) in exchange {
        outcomes[at].exchange = Some(outcome);
    }
    let stamps = follow(plan, |at, entry| stamp(entry, outcomes[at].exchange.as_ref()?));
    let marks = follow(plan, |at, entry| mark(entry, outcomes[at].dynamics.as_ref()?));
    let (stamped, marked) = tokio::join!(
        one_side(context, stamps, Side::Dynamics),
        one_side(context, marks, Side::Exchange),
    );
    for (at, outcome) in stamped {
        outcomes[at].dynamics = Some(outcome);
    }
    for (at, outcome) in marked {
        outcomes[at].exchange = Some(outcome);
    }
    outcomes
}

/// Returns the steps that follow from what was done, each with the place of its entry.
fn follow(plan: &Plan, step: impl Fn(usize, &Entry) -> Option<Step>) -> Vec<(usize, Step)> {
    let entries = plan.entries.iter().enumerate();
    entries.filter_map(|(at, entry)| Some((at, step(at, entry)?))).collect()
}

async fn one_side(
    context: &CycleContext,
    steps: Vec<(usize, Step)>,
    side: Side,
) -> Vec<(usize, Outcome)> {
    if steps.is_empty() {
        return Vec::new();
    }
    let (places, steps): (Vec<usize>, Vec<Step>) = steps.into_iter().unzip();
    let span = tracing::info_span!("cycle.apply", lockstep.side = side.name(), steps = steps.len());
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
