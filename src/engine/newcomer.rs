//! Newcomer: a user without filters, to whom nothing flows from Dynamics (FILT-10), and the filters that
//! he gets when the tenant wants that (FILT-16).

use uuid::Uuid;

use crate::domain::code::Code;
use crate::domain::filter::{FilterTally, FilterTemplate};
use crate::domain::rule::RuleId;
use crate::engine::catalogue as rule;

/// What a user's filters ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nothing: they decide what he gets.
    Filtered,
    /// Somebody should know: nothing flows to his mailbox.
    Unfiltered(RuleId, Code),
    /// He gets filters of the default templates.
    Newcomer(RuleId),
}

/// Judges the filters of one user; `allowed` is `policy.instantiate_filters`.
///
/// Who has a filter of his own, if an inactive one, chose: his choice is never replaced. Who deleted
/// all of his looks like a new user and is taken for one.
#[must_use]
pub fn judge(tally: &FilterTally, allowed: bool) -> Standing {
    match (tally.own > 0, tally.total() > 0, allowed) {
        (false, true | false, true) => Standing::Newcomer(rule::FILT_16),
        (true | false, false, true | false) => Standing::Unfiltered(rule::FILT_10, Code::NoFilters),
        (true | false, true, true | false) => Standing::Filtered,
    }
}

/// Returns the templates of which a new user gets filters: the active default ones (FILT-11, FILT-13) of
/// synchronized tables (FILT-15), in order.
#[must_use]
pub fn defaults(templates: &[FilterTemplate]) -> Vec<Uuid> {
    let is_default = |it: &&FilterTemplate| it.default && it.active && it.kind.is_some();
    let mut ids: Vec<Uuid> = templates.iter().filter(is_default).map(|it| it.id).collect();
    ids.sort_unstable();
    ids
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::kind::Kind;

    fn tally(own: usize, active: usize) -> FilterTally {
        let active = (active > 0).then_some((Kind::Task, active));
        FilterTally { own, active: active.into_iter().collect() }
    }

    #[test]
    fn filt_16_only_who_has_no_filter_of_his_own_is_new_and_only_when_it_is_allowed() {
        // Inactive filters are a choice; those of the organization are nobody's own.
        let unfiltered = Standing::Unfiltered(rule::FILT_10, Code::NoFilters);
        let new = Standing::Newcomer(rule::FILT_16);
        for (own, active, without, with) in [
            (0, 0, unfiltered, new),
            (0, 2, Standing::Filtered, new),
            (1, 0, unfiltered, unfiltered),
            (3, 3, Standing::Filtered, Standing::Filtered),
        ] {
            let tally = tally(own, active);
            assert_eq!(judge(&tally, false), without, "{own} {active}");
            assert_eq!(judge(&tally, true), with, "{own} {active}");
        }
    }

    #[test]
    fn filt_11_new_users_get_the_active_default_templates_of_synchronized_tables() {
        // A template that is no default, inactive, or of another table is left out.
        let template = |id, kind, default, active| FilterTemplate {
            id: Uuid::from_u128(id),
            kind,
            default,
            active,
        };
        let templates = [
            template(9, Some(Kind::Task), true, true),
            template(1, Some(Kind::Contact), true, true),
            template(2, Some(Kind::Contact), false, true),
            template(3, Some(Kind::Letter), true, false),
            template(4, None, true, true),
        ];
        assert_eq!(defaults(&templates), [1, 9].map(Uuid::from_u128));
        assert!(defaults(&[]).is_empty());
    }
}
