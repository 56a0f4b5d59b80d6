//! One round of asking: items by id and by key, both sides at once.

use tracing::Instrument;

use crate::cycle::context::CycleContext;
use crate::cycle::report::CycleEnd;
use crate::domain::ids::{LinkId, NativeId};
use crate::domain::kind::Kind;
use crate::domain::observation::Observation;
use crate::domain::side::{PerSide, Side};
use crate::ports::side::{FindKey, Found};
use crate::telemetry::names;

/// What must be asked of one side.
#[derive(Debug, Default)]
pub(super) struct Want {
    pub(super) fetch: Vec<(Kind, NativeId)>,
    pub(super) find: Vec<FindKey>,
}

impl PerSide<Want> {
    pub(super) fn is_empty(&self) -> bool {
        Side::BOTH
            .into_iter()
            .all(|side| self.get(side).fetch.is_empty() && self.get(side).find.is_empty())
    }
}

/// What one round of asking brought: items, and links whose search was cut off.
type Got = (Vec<Observation>, Vec<LinkId>);

/// Asks both sides at once.
pub(super) async fn ask(context: &CycleContext, wants: &PerSide<Want>) -> Result<Got, CycleEnd> {
    let one = |side: Side| {
        let want = wants.get(side);
        async move {
            let far = context.deps.side(side);
            let failed = |error| CycleEnd::Side(side, error);
            let (mut got, mut open) = (Vec::new(), Vec::new());
            if !want.fetch.is_empty() {
                got = far.fetch(&context.mailbox, &want.fetch).await.map_err(failed)?;
            }
            if !want.find.is_empty() {
                let found = far.find(&context.mailbox, &want.find).await.map_err(failed)?;
                for (key, found) in want.find.iter().zip(found) {
                    match (found, key) {
                        (Found::Item(seen), _) => got.push(*seen),
                        (Found::Unfinished, FindKey::Marker(link, _) | FindKey::Made(link, _)) => {
                            open.push(*link);
                        }
                        (Found::Unfinished, FindKey::Uid(_)) | (Found::Nothing, _) => {}
                    }
                }
            }
            Ok::<_, CycleEnd>((got, open))
        }
        .instrument(tracing::info_span!(names::SPAN_FETCH, { names::SIDE } = side.name()))
    };
    let (mut all, exchange) = tokio::try_join!(one(Side::Dynamics), one(Side::Exchange))?;
    all.0.extend(exchange.0);
    all.1.extend(exchange.1);
    Ok(all)
}
