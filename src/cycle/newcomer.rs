//! Newcomer: tells of a user without filters, and gives him the default ones when the tenant wants that.
//! What is to be done the engine decides (`engine/newcomer.rs`).

use tracing::{info, warn};

use super::context::CycleContext;
use super::gather;
use super::memory::Memory;
use super::report::CycleEnd;
use crate::domain::code::Code;
use crate::domain::filter::FilterTally;
use crate::domain::side::PerSide;
use crate::engine::newcomer::{self, Standing};
use crate::ports::error::SideError;
use crate::ports::side::Pulled;

/// Looks at the user's filters as the pull found them. When he gets some, both sides are pulled again,
/// so that this very cycle carries what his new filters return (FILT-16). What fails here ends no
/// cycle: Exchange is synchronized without filters, too, and the next cycle that goes the whole way
/// tries again.
pub(super) async fn equip(
    context: &CycleContext,
    memory: &Memory<'_>,
    pulled: PerSide<Pulled>,
) -> Result<PerSide<Pulled>, CycleEnd> {
    let Some(tally) = &pulled.dynamics.filters else { return Ok(pulled) };
    let mailbox = context.mailbox.key.mailbox;
    let standing = newcomer::judge(tally, context.view.policy.instantiate_filters);
    if matches!(standing, Standing::Newcomer(_)) {
        context.assure().await?;
    }
    match standing {
        Standing::Filtered => Ok(pulled),
        Standing::Unfiltered(rule, code) => {
            let (rule, code) = (rule.0, code.as_str());
            info!(lockstep.mailbox = %mailbox, lockstep.rule = rule, lockstep.code = code,
                "the user has no filter: nothing flows from Dynamics to his mailbox");
            Ok(pulled)
        }
        // Whoever has the mailbox next gives them.
        Standing::Newcomer(_) if !context.tenure.may_send() => Ok(pulled),
        Standing::Newcomer(rule) => match give(context).await {
            Ok(0) => {
                tell_none(context, tally);
                Ok(pulled)
            }
            Ok(count) => {
                info!(lockstep.mailbox = %mailbox, lockstep.rule = rule.0, count,
                    "the user got the filters of the default templates");
                gather::pull(context, memory, None).await
            }
            Err(error) => {
                let code = error.code().as_str();
                warn!(lockstep.mailbox = %mailbox, lockstep.rule = rule.0, lockstep.code = code,
                    %error, "the user has no filters and could not be given any");
                Ok(pulled)
            }
        },
    }
}

/// Gives the user a filter of each default template; returns how many there are.
async fn give(context: &CycleContext) -> Result<usize, SideError> {
    let dynamics = &context.deps.dynamics;
    let templates = newcomer::defaults(&dynamics.filter_templates(&context.mailbox).await?);
    if !templates.is_empty() {
        dynamics.instantiate_filters(&context.mailbox, &templates).await?;
    }
    Ok(templates.len())
}

fn tell_none(context: &CycleContext, tally: &FilterTally) {
    let (mailbox, active) = (context.mailbox.key.mailbox, tally.total());
    warn!(lockstep.mailbox = %mailbox, lockstep.code = Code::NoFilters.as_str(), active,
        "the user has no filters of his own, and the organization has no default template");
}
