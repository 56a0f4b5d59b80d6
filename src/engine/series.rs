//! Series: their comparable form, and which of their occurrences must be changed on a side.
//!
//! A series is one item. Its exceptions are a list of what each deviating occurrence holds beyond
//! the series (`reduce`), compared and decided as one value, so that nothing of a series is half
//! synchronized. What a side lacks becomes a list of operations, occurrence by occurrence
//! (`operations`), which an adapter carries out as it stands.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};

use super::catalogue as rule;
use super::normalise::canonical;
use super::translate::{Translation, row_status_of, show_as_of};
use crate::domain::code::Code;
use crate::domain::field::{Field, Fields, Patch, Value};
use crate::domain::kind::Kind;
use crate::domain::policy::Context;
use crate::domain::recurrence::{End, Exception, Pattern, Recurrence};
use crate::domain::side::Side;

/// Fields of an occurrence that change together.
const TIMES: [Field; 3] = [Field::Start, Field::End, Field::AllDay];
const STATUS: [Field; 2] = [Field::State, Field::StatusReason];

/// Puts a series into comparable form. Fails for one that the other side cannot hold (REC-11).
pub(super) fn reduce(fields: &mut Fields) -> Result<(), Code> {
    let Some(raw) = fields.recurrence() else { return Ok(()) };
    let series = raw.canonical().ok_or(Code::RecurringUnsupported)?;
    let (start, end) = series.times(series.first);
    fields.set(Field::Start, Some(Value::Time(start)));
    fields.set(Field::End, Some(Value::Time(end)));
    fields.set(Field::AllDay, series.all_day.then_some(Value::Flag(true)));
    let mut list: BTreeMap<NaiveDate, Exception> = BTreeMap::new();
    for one in fields.exceptions() {
        // What no longer falls on a day of the series is left over from an older pattern.
        if series.falls_on(one.day)
            && let Some(change) = own(one, fields, &series)
        {
            list.insert(one.day, Exception { day: one.day, change });
        }
    }
    let list: Vec<Exception> = list.into_values().collect();
    fields.set(Field::Exceptions, (!list.is_empty()).then_some(Value::Exceptions(list)));
    fields.set(Field::Recurrence, Some(Value::Recurrence(Box::new(series))));
    Ok(())
}

/// Returns what an occurrence holds beyond its series (REC-02); nothing when it deviates in
/// nothing.
fn own(one: &Exception, fields: &Fields, series: &Recurrence) -> Option<Option<Patch>> {
    let Some(change) = &one.change else { return Some(None) };
    let mut patch: Patch = Vec::new();
    for field in Exception::FIELDS {
        let Some((_, value)) = change.iter().find(|(name, _)| *name == field) else { continue };
        let value = value.as_ref().and_then(canonical);
        patch.push((field, value));
    }
    whole_days(&mut patch);
    let differs = |field: Field, value: Option<&Value>| {
        value != of_series(field, one.day, fields, series).as_ref()
    };
    let differing: Vec<Field> = patch
        .iter()
        .filter(|(field, value)| differs(*field, value.as_ref()))
        .map(|(field, _)| *field)
        .collect();
    let kept = |field: Field| {
        [&TIMES[..], &STATUS[..]].into_iter().find(|group| group.contains(&field)).map_or_else(
            || differing.contains(&field),
            |group| group.iter().any(|one| differing.contains(one)),
        )
    };
    patch.retain(|(field, _)| kept(*field));
    (!patch.is_empty()).then_some(Some(patch))
}

/// A whole day of an occurrence is a date, as that of a series is.
fn whole_days(patch: &mut Patch) {
    let all_day = patch.contains(&(Field::AllDay, Some(Value::Flag(true))));
    for (field, value) in patch.iter_mut().filter(|_| all_day) {
        if let (Field::Start | Field::End, Some(Value::Time(time))) = (*field, value) {
            let day = (*time + chrono::Duration::hours(13)).date_naive();
            *time = day.and_time(NaiveTime::MIN).and_utc();
        }
    }
}

/// Returns what the occurrence of a day holds when nobody changed it.
fn of_series(field: Field, day: NaiveDate, fields: &Fields, series: &Recurrence) -> Option<Value> {
    if field == Field::Start {
        Some(Value::Time(series.times(day).0))
    } else if field == Field::End {
        Some(Value::Time(series.times(day).1))
    } else if field == Field::AllDay {
        series.all_day.then_some(Value::Flag(true))
    } else {
        fields.get(field).cloned()
    }
}

/// Returns when an occurrence takes place once it is written: where that puts it, where it was put
/// before, or where the pattern does. Past and future are judged by it (APPT-OUT-06, CXL-09).
pub(super) fn start_of(one: &Exception, base: &[Exception], series: &Recurrence) -> DateTime<Utc> {
    let put = |one: &Exception| {
        let (_, value) = one.change.iter().flatten().find(|(name, _)| *name == Field::Start)?;
        if let Some(Value::Time(start)) = value { Some(*start) } else { None }
    };
    let before = base.iter().find(|other| other.day == one.day);
    put(one).or_else(|| before.and_then(put)).unwrap_or_else(|| series.times(one.day).0)
}

/// Leaves the occurrences of some days.
pub(super) fn keep_days(fields: &mut Fields, keep: impl Fn(NaiveDate) -> bool) {
    let list = fields.exceptions().iter().filter(|one| keep(one.day)).cloned();
    let list: Vec<Exception> = list.collect();
    fields.set(Field::Exceptions, (!list.is_empty()).then_some(Value::Exceptions(list)));
}

/// Returns a series in words that stay the same from version to version, for fingerprints.
pub(crate) fn words(series: &Recurrence) -> String {
    let pattern = match series.pattern {
        Pattern::Daily => "daily".to_owned(),
        Pattern::Weekly { days, from } => {
            format!("weekly {} {}", days.mask(), from.num_days_from_sunday())
        }
        Pattern::Monthly { day } => format!("monthly {day}"),
        Pattern::MonthlyNth { nth, days } => format!("monthly {} {}", nth as u8, days.mask()),
        Pattern::Yearly { month, day } => format!("yearly {month} {day}"),
        Pattern::YearlyNth { month, nth, days } => {
            format!("yearly {month} {} {}", nth as u8, days.mask())
        }
    };
    let end = match series.end {
        End::Never => "never".to_owned(),
        End::After(count) => format!("after {count}"),
        End::On(day) => format!("on {day}"),
    };
    let zone = if series.all_day { "floating" } else { series.zone.iana_name() };
    format!(
        "{pattern} every {} from {} at {} for {} {zone} {end}",
        series.interval, series.first, series.time, series.minutes
    )
}

/// What is to be done to the occurrences of one side.
struct Work<'a> {
    kind: Kind,
    from: Side,
    source: &'a Fields,
    target: &'a Fields,
    /// The series in the words of the target, as far as it is written.
    written: &'a Patch,
    /// When it takes place on the target, once written.
    series: &'a Recurrence,
    context: &'a Context<'a>,
}

/// Adds what must happen to the occurrences of the target so that they deviate as those of the
/// source do. `out` holds what is written to the series itself.
pub(super) fn operations(
    kind: Kind,
    from: Side,
    source: &Fields,
    target: &Fields,
    context: &Context<'_>,
    out: &mut Translation,
) {
    let carried = out.patch.iter().find_map(|(_, value)| match value {
        Some(Value::Recurrence(it)) => Some((**it).clone()),
        _ => None,
    });
    // A pattern that changes takes all deviations of the target with it.
    let resets = match (&carried, target.recurrence()) {
        (Some(new), Some(old)) => !new.same_times(old),
        (_, None) => true,
        (None, Some(_)) => false,
    };
    let Some(series) = carried.or_else(|| target.recurrence().cloned()) else { return };
    let base: &[Exception] = if resets { &[] } else { target.exceptions() };
    let written = out.patch.clone();
    let work = Work { kind, from, source, target, written: &written, series: &series, context };
    let mut list = Vec::new();
    for one in source.exceptions().iter().filter(|one| series.falls_on(one.day)) {
        let there = base.iter().find(|other| other.day == one.day);
        list.extend(work.towards(one, there, out));
    }
    for there in base {
        if !source.exceptions().iter().any(|one| one.day == there.day) {
            let plain = Exception { day: there.day, change: Some(Vec::new()) };
            list.extend(work.towards(&plain, Some(there), out));
        }
    }
    list.sort_by_key(|one: &Exception| one.day);
    if !list.is_empty() {
        out.patch.push((Field::Exceptions, Some(Value::Exceptions(list))));
    }
}

impl Work<'_> {
    /// Returns what makes the occurrence of the target like that of the source.
    fn towards(
        &self,
        one: &Exception,
        there: Option<&Exception>,
        out: &mut Translation,
    ) -> Option<Exception> {
        let day = one.day;
        let base = there.map_or(&[][..], std::slice::from_ref);
        let over = |one: &Exception| start_of(one, base, self.series) <= self.context.now;
        let Some(change) = &one.change else {
            if there.is_some_and(|there| there.change.is_none()) {
                return None;
            }
            // CXL-09, CXL-05: a past occurrence stays on the other side. A series that is made
            // anew leaves it out only when the tenant wants that (REC-04).
            let made = self.target.is_empty();
            let forgets = made && !self.context.policy.recreate_deleted_past_occurrences;
            let gone = Exception { day, change: None };
            let stays = (over(&gone) && !forgets) || self.is_closed(there);
            return (!stays).then(|| {
                out.by(rule::CXL_10);
                gone
            });
        };
        let held = match there {
            None => &Vec::new(),
            Some(Exception { change: Some(held), .. }) => held,
            // No service brings a deleted occurrence back.
            Some(Exception { change: None, .. }) => {
                out.losses.push(Code::OccurrenceGone);
                return None;
            }
        };
        // APPT-IN-05.
        if self.is_closed(there) {
            return None;
        }
        let wanted = self.translated(change, out);
        let mut patch: Patch = Vec::new();
        let fields = wanted.iter().chain(held).map(|(field, _)| *field);
        for field in fields.filter(|field| self.flows(*field)) {
            let value_in = |list: &Patch| {
                let found = list.iter().find(|(name, _)| *name == field);
                found.map_or_else(|| self.plain(field, day), |(_, value)| value.clone())
            };
            let (new, old) = (value_in(&wanted), value_in(held));
            if new != old && !patch.iter().any(|(name, _)| *name == field) {
                patch.push((field, new));
            }
        }
        self.complete(&mut patch, &wanted, day);
        if patch.is_empty() {
            return None;
        }
        let one = Exception { day, change: Some(patch) };
        // APPT-OUT-06, APPT-OUT-15: a write to a past meeting would mail its attendees.
        let mails = self.from == Side::Dynamics && super::decide::attendee_count(self.target) > 0;
        if mails && over(&one) {
            out.losses.push(Code::PastMeetingHeld);
            return None;
        }
        out.by(rule::CXL_10);
        Some(one)
    }

    /// Start, end and all-day go together (CONF-03), and so do state and reason.
    fn complete(&self, patch: &mut Patch, wanted: &Patch, day: NaiveDate) {
        for group in [&TIMES[..], &STATUS[..]] {
            if !patch.iter().any(|(field, _)| group.contains(field)) {
                continue;
            }
            for field in group.iter().filter(|field| self.flows(**field)) {
                if patch.iter().any(|(name, _)| name == field) {
                    continue;
                }
                let given = wanted.iter().find(|(name, _)| name == field);
                let value = given.map_or_else(|| self.plain(*field, day), |(_, it)| it.clone());
                patch.push((*field, value));
            }
        }
    }

    /// FLD-02.
    fn flows(&self, field: Field) -> bool {
        self.context.directions.of(self.kind, field).leaves(self.from)
    }

    /// CXL-09, APPT-IN-05: nothing from Exchange reaches a closed occurrence.
    fn is_closed(&self, there: Option<&Exception>) -> bool {
        let change = there.and_then(|there| there.change.as_ref());
        let closed = |(field, value): &(Field, Option<Value>)| {
            *field == Field::State && matches!(value, Some(Value::Number(1 | 2)))
        };
        self.from == Side::Exchange && change.is_some_and(|patch| patch.iter().any(closed))
    }

    /// What an occurrence of the target holds when it does not deviate.
    fn plain(&self, field: Field, day: NaiveDate) -> Option<Value> {
        match self.written.iter().find(|(name, _)| *name == field) {
            Some((_, value)) if !TIMES.contains(&field) => value.clone(),
            _ => of_series(field, day, self.target, self.series),
        }
    }

    /// Says in the target's words what an occurrence of the source holds beyond its series.
    fn translated(&self, change: &Patch, out: &mut Translation) -> Patch {
        let mut own = Translation::default();
        for (field, value) in change {
            match (field, self.from) {
                (Field::State | Field::StatusReason, _) => {}
                (Field::ShowAs, _) => self.row_status(value.as_ref(), &mut own),
                (Field::Subject, Side::Exchange) if value.is_none() => {
                    super::translate::name_it(&mut own);
                }
                _ => own.patch.push((*field, value.clone())),
            }
        }
        if self.from == Side::Dynamics {
            self.show_as(change, &mut own);
        } else {
            super::translate::fit_columns(self.kind, &mut own);
        }
        out.losses.append(&mut own.losses);
        own.patch
    }

    fn show_as(&self, change: &Patch, own: &mut Translation) {
        let number = |field: Field| {
            let given = change.iter().find(|(name, _)| *name == field);
            match given {
                Some((_, Some(Value::Number(number)))) => Some(*number),
                _ => self.source.number(field),
            }
        };
        if change.iter().any(|(field, _)| STATUS.contains(field)) {
            let state = number(Field::State).unwrap_or(0);
            let shown = show_as_of(state, number(Field::StatusReason).unwrap_or(1));
            own.patch.push((Field::ShowAs, Some(Value::ShowAs(shown))));
        }
    }

    fn row_status(&self, value: Option<&Value>, own: &mut Translation) {
        let Some(Value::ShowAs(shown)) = value else { return };
        if let Some((state, reason)) = row_status_of(*shown, 0) {
            own.patch.push((Field::State, Some(Value::Number(state))));
            own.patch.push((Field::StatusReason, Some(Value::Number(reason))));
        }
    }
}

/// Returns the occurrences that a patch writes.
#[must_use]
pub fn written(patch: &Patch) -> &[Exception] {
    let list = patch.iter().find_map(|(_, value)| match value {
        Some(Value::Exceptions(list)) => Some(list.as_slice()),
        _ => None,
    });
    list.unwrap_or_default()
}

/// Returns how many occurrences a patch writes.
#[must_use]
pub fn count(patch: &Patch) -> u16 {
    u16::try_from(written(patch).len()).unwrap_or(u16::MAX)
}
