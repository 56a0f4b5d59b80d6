//! Series: six patterns by three ends, in the series' own zone, and what deviates from them.
//!
//! Days are civil dates of the series' zone; an occurrence is named by the day on which the
//! pattern puts it, wherever it was moved since (REC-07). Two series that take place on the same
//! days by the same pattern have one canonical form, whatever a service made of it. Absent:
//! non-Gregorian calendars and regenerating patterns (REC-11).

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveTime, TimeDelta, Utc, Weekday};

use super::field::{Field, Patch};
use super::zone::Zone;

/// The most occurrences that a counted series may have on either side (protocols A3, B11).
pub const COUNT_MAX: u32 = 999;
/// The longest interval that both sides take: Graph ends at 999, Dataverse at 1000.
pub const INTERVAL_MAX: u32 = 999;

/// A set of weekdays, Sunday in the lowest bit: the form of Dataverse's `daysofweekmask`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Weekdays(u8);

/// Which of the matching days of a month is meant.
#[expect(missing_docs, reason = "the names say it")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Nth {
    First,
    Second,
    Third,
    Fourth,
    Last,
}

/// When a series repeats within its calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pattern {
    /// Every so many days.
    Daily,
    /// On these weekdays of every so many weeks; the week begins on `from`.
    Weekly {
        /// The days.
        days: Weekdays,
        /// The first day of a week; counts only when weeks are left out.
        from: Weekday,
    },
    /// On a day of every so many months; a month that lacks it gives its last day.
    Monthly {
        /// 1 to 31.
        day: u32,
    },
    /// On the nth of these weekdays of every so many months.
    MonthlyNth {
        /// Which one.
        nth: Nth,
        /// Counted together.
        days: Weekdays,
    },
    /// On a date of every so many years.
    Yearly {
        /// 1 to 12.
        month: u32,
        /// 1 to 31.
        day: u32,
    },
    /// On the nth of these weekdays of a month of every so many years.
    YearlyNth {
        /// 1 to 12.
        month: u32,
        /// Which one.
        nth: Nth,
        /// Counted together.
        days: Weekdays,
    },
}

/// How a series ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum End {
    /// It does not.
    Never,
    /// After so many occurrences, deleted ones counted.
    After(u32),
    /// No later than on this day.
    On(NaiveDate),
}

/// A series without its text: when it takes place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recurrence {
    /// The pattern.
    pub pattern: Pattern,
    /// Every so many days, weeks, months or years; 1 to 999.
    pub interval: u32,
    /// The first day; in canonical form that of the first occurrence.
    pub first: NaiveDate,
    /// The end.
    pub end: End,
    /// The zone whose clocks the series follows. An all-day series floats; there it only says
    /// whose midnights Dynamics keeps.
    pub zone: Zone,
    /// When an occurrence begins on those clocks; midnight for a whole day.
    pub time: NaiveTime,
    /// How long an occurrence lasts on those clocks, in minutes.
    pub minutes: i64,
    /// An occurrence is whole days.
    pub all_day: bool,
}

/// One occurrence that deviates from its series (CXL-10).
#[derive(Debug, Clone, PartialEq)]
pub struct Exception {
    /// The day on which the pattern puts it.
    pub day: NaiveDate,
    /// What differs; `None` when the occurrence was deleted.
    pub change: Option<Patch>,
}

// === impl Exception ===

impl Exception {
    /// What an occurrence may hold beyond its series, in the words of either side. Attendees of a single
    /// occurrence are not carried.
    pub const FIELDS: [Field; 10] = [
        Field::Subject,
        Field::Body,
        Field::Importance,
        Field::Location,
        Field::Start,
        Field::End,
        Field::AllDay,
        Field::State,
        Field::StatusReason,
        Field::ShowAs,
    ];
}

// === impl Weekdays ===

impl Weekdays {
    /// Monday to Friday.
    pub const WORKDAYS: Self = Self(0b011_1110);

    /// Reads a mask; nothing for none or for bits that are no days.
    #[must_use]
    pub const fn from_mask(mask: u8) -> Option<Self> {
        if mask == 0 || mask > 127 { None } else { Some(Self(mask)) }
    }

    /// Returns the mask, 1 to 127.
    #[must_use]
    pub const fn mask(self) -> u8 {
        self.0
    }

    /// Tells whether a day is among them.
    #[must_use]
    pub fn contains(self, day: Weekday) -> bool {
        self.0 & (1 << day.num_days_from_sunday()) != 0
    }
}

// === impl Recurrence ===

impl Recurrence {
    /// Returns the form in which two series are compared: the first day is that of the first
    /// occurrence, an end is the day of the last one, what does not matter has one value, and the
    /// zone is the one that Windows' name for it stands for, because both services keep that.
    ///
    /// Nothing when the series has no occurrence or a number that no side takes.
    #[must_use]
    pub fn canonical(&self) -> Option<Self> {
        let plausible = (1..=INTERVAL_MAX).contains(&self.interval)
            && (0..=366 * 24 * 60).contains(&self.minutes)
            && self.pattern.is_plausible();
        if !plausible {
            return None;
        }
        let mut made = self.clone();
        if self.interval == 1
            && let Pattern::Weekly { from, .. } = &mut made.pattern
        {
            *from = Weekday::Sun;
        }
        made.first = self.on_or_after(self.first)?;
        match self.end {
            End::Never => {}
            End::After(count) if (1..=COUNT_MAX).contains(&count) => {}
            End::After(_) => return None,
            End::On(day) => made.end = End::On(made.on_or_before(day)?),
        }
        if let Some(zone) = made.zone.windows_name().and_then(Zone::from_name) {
            made.zone = zone;
        }
        made.show_clocks();
        Some(made)
    }

    /// A single occurrence at a time that the clocks skip is the one that they show.
    fn show_clocks(&mut self) {
        let (start, end) = self.times(self.first);
        let (begin, last) = (self.zone.to_local(start), self.zone.to_local(end));
        let shown = begin.time() == self.time && (last - begin).num_minutes() == self.minutes;
        let alone = |one: &Self| one.days(one.first).nth(1).is_none();
        if !self.all_day && !shown && begin.date() == self.first && alone(self) {
            (self.time, self.minutes) = (begin.time(), (last - begin).num_minutes());
        }
    }

    /// Returns the first day from a day on that the clocks show in full: neither begin nor end of an
    /// occurrence falls into an hour that they skip. Nothing within a week when there is none.
    #[must_use]
    pub fn plain_day(&self, from: NaiveDate) -> Option<NaiveDate> {
        from.iter_days().take(7).find(|day| {
            let (start, end) = self.times(*day);
            self.all_day || ![start, end].into_iter().any(|at| self.zone.hides_skipped(at))
        })
    }

    /// Tells whether two series take place at the same times. The zone of whole days floats.
    #[must_use]
    pub fn same_times(&self, other: &Self) -> bool {
        let plain = |one: &Self| Self {
            zone: if one.all_day { Zone::utc() } else { one.zone.clone() },
            ..one.clone()
        };
        plain(self) == plain(other)
    }

    /// Returns the days of the series from `from` on, in order.
    pub fn days(&self, from: NaiveDate) -> impl Iterator<Item = NaiveDate> + '_ {
        let counted = matches!(self.end, End::After(_));
        let begin = if counted { self.first } else { from.max(self.first) };
        let most = match self.end {
            End::After(count) => usize::try_from(count).unwrap_or(usize::MAX),
            End::Never | End::On(_) => usize::MAX,
        };
        let last = if let End::On(day) = self.end { day } else { NaiveDate::MAX };
        (self.period_of(begin)..)
            .map_while(|number| self.period(number))
            .flatten()
            .skip_while(move |day| *day < begin)
            .take(most)
            .take_while(move |day| *day <= last)
            .skip_while(move |day| *day < from)
    }

    /// Tells whether the pattern puts an occurrence on a day.
    #[must_use]
    pub fn falls_on(&self, day: NaiveDate) -> bool {
        self.days(day).next() == Some(day)
    }

    /// Returns the day of the last occurrence; nothing for a series without end.
    #[must_use]
    pub fn last_day(&self) -> Option<NaiveDate> {
        match self.end {
            End::Never => None,
            End::On(day) => self.on_or_before(day),
            End::After(_) => self.days(self.first).last(),
        }
    }

    /// Returns when the occurrence of a day begins and ends.
    #[must_use]
    pub fn times(&self, day: NaiveDate) -> (DateTime<Utc>, DateTime<Utc>) {
        let begin = day.and_time(self.time);
        let end = begin.checked_add_signed(TimeDelta::minutes(self.minutes)).unwrap_or(begin);
        // Whole days are dates, held as midnights of UTC.
        if self.all_day {
            return (begin.and_utc(), end.and_utc());
        }
        (self.zone.to_utc(begin), self.zone.to_utc(end))
    }

    /// Returns the day whose occurrence begins at an instant. Of a moment at which none begins,
    /// the day on the clocks of the series.
    #[must_use]
    pub fn day_of(&self, start: DateTime<Utc>) -> NaiveDate {
        let zone = if self.all_day { Zone::utc() } else { self.zone.clone() };
        let day = zone.to_local(start).date();
        // Where the clocks skip a whole day an occurrence begins on the next one.
        let near = [Some(day), day.pred_opt()];
        near.into_iter().flatten().find(|one| self.times(*one).0 == start).unwrap_or(day)
    }

    /// Returns the first day of the pattern at or after a day; the end is not looked at.
    fn on_or_after(&self, day: NaiveDate) -> Option<NaiveDate> {
        let number = self.period_of(day);
        // A period holds an occurrence, but perhaps before the day or before the series begins.
        (number..number.saturating_add(3))
            .filter_map(|number| self.period(number))
            .flatten()
            .find(|one| *one >= day && *one >= self.first)
    }

    fn on_or_before(&self, day: NaiveDate) -> Option<NaiveDate> {
        let number = self.period_of(day);
        (number.saturating_sub(2)..=number)
            .rev()
            .filter_map(|number| self.period(number))
            .find_map(|days| days.into_iter().rev().find(|one| *one <= day && *one >= self.first))
    }

    /// Returns the number of the period in which a day lies.
    fn period_of(&self, day: NaiveDate) -> u32 {
        let day = day.max(self.first);
        let ahead = match self.pattern {
            Pattern::Daily => (day - self.first).num_days(),
            Pattern::Weekly { from, .. } => {
                (week_of(day, from) - week_of(self.first, from)).num_weeks()
            }
            Pattern::Monthly { .. } | Pattern::MonthlyNth { .. } => {
                months_of(day) - months_of(self.first)
            }
            Pattern::Yearly { .. } | Pattern::YearlyNth { .. } => {
                i64::from(day.year()) - i64::from(self.first.year())
            }
        };
        u32::try_from(ahead / i64::from(self.interval.max(1))).unwrap_or(0)
    }

    /// Returns the days of the nth period; nothing beyond the end of the calendar.
    fn period(&self, number: u32) -> Option<Vec<NaiveDate>> {
        let ahead = number.checked_mul(self.interval)?;
        match self.pattern {
            Pattern::Daily => Some(vec![self.first.checked_add_days(Days::new(u64::from(ahead)))?]),
            Pattern::Weekly { days, from } => {
                let week =
                    week_of(self.first, from).checked_add_days(Days::new(7 * u64::from(ahead)))?;
                let all = (0..7).filter_map(|day| week.checked_add_days(Days::new(day)));
                Some(all.filter(|day| days.contains(day.weekday())).collect())
            }
            Pattern::Monthly { day } => Some(vec![in_month(self.month(ahead)?, day)]),
            Pattern::MonthlyNth { nth, days } => Some(vec![nth.of(self.month(ahead)?, days)?]),
            Pattern::Yearly { month, day } => Some(vec![in_month(self.year(ahead, month)?, day)]),
            Pattern::YearlyNth { month, nth, days } => {
                Some(vec![nth.of(self.year(ahead, month)?, days)?])
            }
        }
    }

    fn month(&self, ahead: u32) -> Option<NaiveDate> {
        self.first.with_day(1)?.checked_add_months(Months::new(ahead))
    }

    fn year(&self, ahead: u32, month: u32) -> Option<NaiveDate> {
        let year = self.first.year().checked_add(i32::try_from(ahead).ok()?)?;
        NaiveDate::from_ymd_opt(year, month, 1)
    }
}

impl Pattern {
    const fn is_plausible(self) -> bool {
        match self {
            Self::Daily | Self::Weekly { .. } | Self::MonthlyNth { .. } => true,
            Self::Monthly { day } => day >= 1 && day <= 31,
            Self::Yearly { month, day } => month >= 1 && month <= 12 && day >= 1 && day <= 31,
            Self::YearlyNth { month, .. } => month >= 1 && month <= 12,
        }
    }
}

impl Nth {
    /// All of them, in order: Dataverse numbers them from 1.
    pub const ALL: [Self; 5] = [Self::First, Self::Second, Self::Third, Self::Fourth, Self::Last];

    /// Returns the day of a month; each month has at least four of every weekday.
    fn of(self, month: NaiveDate, days: Weekdays) -> Option<NaiveDate> {
        let mut all = month.iter_days().take_while(|day| day.month() == month.month());
        let mut all = all.by_ref().filter(|day| days.contains(day.weekday()));
        match self {
            Self::First => all.next(),
            Self::Second => all.nth(1),
            Self::Third => all.nth(2),
            Self::Fourth => all.nth(3),
            Self::Last => all.last(),
        }
    }
}

fn week_of(day: NaiveDate, from: Weekday) -> NaiveDate {
    day.week(from).checked_first_day().unwrap_or(day)
}

fn months_of(day: NaiveDate) -> i64 {
    i64::from(day.year()) * 12 + i64::from(day.month0())
}

/// Returns a day of a month, its last day when it has no such day.
fn in_month(month: NaiveDate, day: u32) -> NaiveDate {
    (28..=day)
        .rev()
        .find_map(|day| month.with_day(day))
        .or_else(|| month.with_day(day))
        .unwrap_or(month)
}

#[cfg(test)]
pub(crate) mod tests;
