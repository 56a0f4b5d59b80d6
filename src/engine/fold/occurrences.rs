//! Which occurrences of a series a step wrote: only these are agreed by its answer (REC-07).

use crate::domain::field::{Group, Patch, Value};
use crate::domain::fingerprint::{PrintKey, Prints};
use crate::domain::plan::{Op, Step};
use crate::domain::side::Side;
use crate::engine::normalise::day_print;
use crate::engine::plan::Entry;
use crate::engine::series;

/// Returns the occurrences that an update of a side writes one by one, as they are named in
/// fingerprints; nothing where it writes none so. A pattern takes all of them along.
pub(super) fn written_days(entry: &Entry, side: Side, key: &PrintKey) -> Option<Vec<u64>> {
    let Some(Step { op: Op::Update { patch, groups, .. }, .. }) = entry.steps.get(side) else {
        return None;
    };
    if moves(entry, side, patch) || !groups.contains(&Group::Exceptions) {
        return None;
    }
    Some(series::written(patch).iter().map(|one| day_print(one.day, key)).collect())
}

/// Tells whether a patch gives a side another pattern than it had.
fn moves(entry: &Entry, side: Side, patch: &Patch) -> bool {
    let seen = entry.verdict.pairing.seen.get(side).as_ref();
    let old = seen.and_then(|seen| seen.observation.fields.recurrence());
    let new = patch.iter().find_map(|(_, value)| match value {
        Some(Value::Recurrence(new)) => Some(new),
        _ => None,
    });
    new.is_some_and(|new| old.is_none_or(|old| !new.same_times(old)))
}

/// Tells whether the answer to an update shows an occurrence otherwise than it was read and that the
/// update did not write: somebody came between.
pub(super) fn slipped_in(
    entry: &Entry,
    side: Side,
    seen: &Prints,
    written: &Prints,
    key: &PrintKey,
) -> bool {
    let Some(days) = written_days(entry, side, key) else { return false };
    let all = seen.occurrences().iter().chain(written.occurrences()).map(|one| one.day);
    all.filter(|day| !days.contains(day)).any(|day| seen.held_on(day) != written.held_on(day))
}
