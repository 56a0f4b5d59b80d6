//! When an event takes place, and days as numbers.
//!
//! Absent: recurrence, which works on dates alone.

use jiff::Timestamp;
use jiff::civil::DateTime;

use super::refusal::Refusal;
use super::zones;

/// When an event takes place. All-day events hold midnights as if in UTC: they float.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Times {
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
    pub(super) start_zone: String,
    pub(super) end_zone: String,
    pub(super) all_day: bool,
    /// Start and end as they were written, where both are in `start_zone`. A series keeps these and
    /// not the instants (MS-OXOCAL, StartTimeOffset and EndTimeOffset): where the clocks skip an hour
    /// on its first day, its other days begin and end when they were meant to.
    pub(super) clocks: Option<(DateTime, DateTime)>,
}

/// Returns the day number of a date, counted from 1970-01-01.
pub(super) fn day_number(date: jiff::civil::Date) -> i32 {
    let epoch = jiff::civil::date(1970, 1, 1);
    epoch.until(date).map_or(0, |span| span.get_days())
}

/// Returns the date of a day number.
pub(super) fn date_of(day: i32) -> jiff::civil::Date {
    let epoch = jiff::civil::date(1970, 1, 1);
    epoch.saturating_add(jiff::Span::new().days(i64::from(day).clamp(-700_000, 2_900_000)))
}

impl Times {
    /// Returns these times on another day, with the wall-clock times of `zone`.
    pub(super) fn on(&self, date: jiff::civil::Date, zone: &str) -> Result<Self, Refusal> {
        let kept = self.clocks.filter(|_| self.start_zone == zones::windows_name(zone));
        let zone = if self.all_day { jiff::tz::TimeZone::UTC } else { zones::zone(zone)? };
        let shown = || (zones::local(self.start, &zone), zones::local(self.end, &zone));
        let (start, end) = kept.unwrap_or_else(shown);
        let length = start.duration_until(end);
        let start = date.to_datetime(start.time());
        let end = start.saturating_add(length);
        Ok(Self {
            start: zones::instant(start, &zone)?,
            end: zones::instant(end, &zone)?,
            clocks: kept.map(|_| (start, end)),
            ..self.clone()
        })
    }

    /// Returns the local date of the start in a zone.
    pub(super) fn date(&self, zone: &str) -> Result<jiff::civil::Date, Refusal> {
        let zone = if self.all_day { jiff::tz::TimeZone::UTC } else { zones::zone(zone)? };
        Ok(zones::local(self.start, &zone).date())
    }

    /// Tells whether two events take place at the same moments, whatever their zones are called.
    pub(super) fn same_moments(&self, other: &Self) -> bool {
        (self.start, self.end, self.all_day) == (other.start, other.end, other.all_day)
    }

    /// Tells whether the event overlaps a window; an event of no length counts by its start.
    pub(super) fn within(&self, from: Timestamp, to: Timestamp) -> bool {
        self.start < to && (self.end > from || (self.start == self.end && self.start >= from))
    }
}
