//! Apply: the steps of a slice, on both sides at once; never all or nothing.

use tracing::Instrument;

use super::context::CycleContext;
use crate::domain::plan::{Op, Outcome, Step};
use crate::domain::side::{PerSide, Side};
use crate::engine::plan::Plan;
use crate::engine::stamp::stamp;
use crate::telemetry::names;

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

async fn one_side(
    context: &CycleContext,
    steps: Vec<(usize, Step)>,
    side: Side,
) -> Vec<(usize, Outcome)> {
    if steps.is_empty() {
        return Vec::new();
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
