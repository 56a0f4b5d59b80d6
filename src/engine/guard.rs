//! Guard: the brakes between plan and apply (promises 2 and 3).
//!
//! A halt is a value: the plan is not carried out, the mailbox shows why, an operator releases it.

use std::fmt;

use crate::domain::code::Code;
use crate::domain::kind::Collection;
use crate::domain::link::{Link, LinkState};
use crate::domain::policy::Limits;
use crate::domain::side::Side;
use crate::engine::invariants::Broken;
use crate::engine::plan::Plan;
use crate::engine::stakes::Stakes;

/// Why a plan is not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Halt {
    /// The code.
    pub code: Code,
    /// The side whose items are at stake.
    pub side: Side,
    /// How much the plan wants.
    pub wanted: usize,
    /// How much is allowed.
    pub allowed: usize,
    /// What of the plan an operator may release.
    pub stakes: Stakes,
    /// The promises that the plan breaks.
    pub broken: Vec<Broken>,
}

/// Broken promises that a message names.
const NAMED: usize = 3;

impl fmt::Display for Halt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.broken.is_empty() {
            return write!(f, "{} ({} wanted, {} allowed)", self.code, self.wanted, self.allowed);
        }
        let named: Vec<String> = self.broken.iter().take(NAMED).map(ToString::to_string).collect();
        let more = self.broken.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(", and {more} more") } else { String::new() };
        write!(f, "{} ({}{more})", self.code, named.join(", "))
    }
}

impl Halt {
    /// A plan that breaks promises is not carried out.
    #[must_use]
    pub const fn broken_promise(broken: Vec<Broken>, stakes: Stakes) -> Self {
        let (code, side, wanted) = (Code::PromiseBroken, Side::Exchange, broken.len());
        Self { code, side, wanted, allowed: 0, stakes, broken }
    }
}

/// A side with fewer agreed links than this may lose all of them: small mailboxes are emptied by
/// hand, and the absolute delete budget still holds.
const EMPTIED_FROM: usize = 6;

/// Lets the plan pass, or halts. `released` is what an operator has seen at stake in a halt and lets
/// pass: that plan or what is left of it, no other.
///
/// # Errors
/// Returns the brake that the plan hits first.
pub fn guard(
    plan: Plan,
    links: &[Link],
    limits: &Limits,
    released: Option<&Stakes>,
) -> Result<Plan, Halt> {
    match brake(&plan, links, limits) {
        Err(halt) if !released.is_some_and(|seen| seen.cover(&halt.stakes)) => Err(halt),
        Ok(()) | Err(_) => Ok(plan),
    }
}

/// Asks the brakes without letting anything pass.
///
/// # Errors
/// Returns the brake that the plan hits first.
pub fn brake(plan: &Plan, links: &[Link], limits: &Limits) -> Result<(), Halt> {
    let agreed = links.iter().filter(|link| link.state == LinkState::Agreed).count();
    for side in Side::BOTH {
        emptied(plan, links, side)?;
        let wanted = plan.deletes(side);
        let allowed = allowed_deletes(agreed, limits);
        if wanted > allowed {
            let stakes = Stakes::of(plan);
            let (code, broken) = (Code::DeleteBudget, Vec::new());
            return Err(Halt { code, side, wanted, allowed, stakes, broken });
        }
    }
    let mails = plan.mails();
    if mails > limits.mails {
        return Err(Halt {
            code: Code::MailBudget,
            side: Side::Exchange,
            wanted: mails as usize,
            allowed: limits.mails as usize,
            stakes: Stakes::of(plan),
            broken: Vec::new(),
        });
    }
    Ok(())
}

/// A calendar, an address book or a task list that would lose everything at once.
fn emptied(plan: &Plan, links: &[Link], side: Side) -> Result<(), Halt> {
    for collection in Collection::ALL {
        let agreed = links
            .iter()
            .filter(|link| link.state == LinkState::Agreed && link.kind.collection() == collection)
            .count();
        let wanted = plan.deletes_in(side, collection);
        if agreed >= EMPTIED_FROM && wanted >= agreed {
            let (allowed, stakes) = (agreed - 1, Stakes::of(plan));
            let (code, broken) = (Code::SideEmptied, Vec::new());
            return Err(Halt { code, side, wanted, allowed, stakes, broken });
        }
    }
    Ok(())
}

/// The larger of the absolute budget and the share.
fn allowed_deletes(agreed: usize, limits: &Limits) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a share of a count is a count"
    )]
    let share = (agreed as f64 * limits.deletes_share.clamp(0.0, 1.0)).floor() as usize;
    share.max(limits.deletes as usize)
}

#[cfg(test)]
mod tests;
