//! When a kept series takes place, in a form that its names and numbers outlive.

use chrono::{NaiveDate, NaiveTime, Timelike, Weekday};
use serde::{Deserialize, Serialize};

use super::content::Unreadable;
use crate::domain::recurrence::{End, Nth, Pattern, Recurrence, Weekdays};
use crate::domain::zone::Zone;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredPattern {
    Daily,
    Weekly { days: u8, from: u8 },
    Monthly { day: u32 },
    MonthlyNth { nth: u8, days: u8 },
    Yearly { month: u32, day: u32 },
    YearlyNth { month: u32, nth: u8, days: u8 },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredEnd {
    Never,
    After(u32),
    On(NaiveDate),
}

/// A series as it is kept.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredSeries {
    pattern: StoredPattern,
    interval: u32,
    first: NaiveDate,
    end: StoredEnd,
    zone: String,
    /// Seconds from midnight.
    time: u32,
    minutes: i64,
    all_day: bool,
}

pub(super) fn stored(series: &Recurrence) -> StoredSeries {
    let pattern = match series.pattern {
        Pattern::Daily => StoredPattern::Daily,
        Pattern::Weekly { days, from } => StoredPattern::Weekly {
            days: days.mask(),
            from: u8::try_from(from.num_days_from_monday()).unwrap_or(0),
        },
        Pattern::Monthly { day } => StoredPattern::Monthly { day },
        Pattern::MonthlyNth { nth, days } => {
            StoredPattern::MonthlyNth { nth: nth as u8, days: days.mask() }
        }
        Pattern::Yearly { month, day } => StoredPattern::Yearly { month, day },
        Pattern::YearlyNth { month, nth, days } => {
            StoredPattern::YearlyNth { month, nth: nth as u8, days: days.mask() }
        }
    };
    let end = match series.end {
        End::Never => StoredEnd::Never,
        End::After(count) => StoredEnd::After(count),
        End::On(day) => StoredEnd::On(day),
    };
    StoredSeries {
        pattern,
        interval: series.interval,
        first: series.first,
        end,
        zone: series.zone.iana_name().to_owned(),
        time: series.time.num_seconds_from_midnight(),
        minutes: series.minutes,
        all_day: series.all_day,
    }
}

pub(super) fn restored(series: StoredSeries) -> Result<Recurrence, Unreadable> {
    let days = |mask| Weekdays::from_mask(mask).ok_or(Unreadable);
    let nth = |at: u8| Nth::ALL.get(usize::from(at)).copied().ok_or(Unreadable);
    let pattern = match series.pattern {
        StoredPattern::Daily => Pattern::Daily,
        StoredPattern::Weekly { days: mask, from } => Pattern::Weekly {
            days: days(mask)?,
            from: Weekday::try_from(from).map_err(|_| Unreadable)?,
        },
        StoredPattern::Monthly { day } => Pattern::Monthly { day },
        StoredPattern::MonthlyNth { nth: at, days: mask } => {
            Pattern::MonthlyNth { nth: nth(at)?, days: days(mask)? }
        }
        StoredPattern::Yearly { month, day } => Pattern::Yearly { month, day },
        StoredPattern::YearlyNth { month, nth: at, days: mask } => {
            Pattern::YearlyNth { month, nth: nth(at)?, days: days(mask)? }
        }
    };
    let end = match series.end {
        StoredEnd::Never => End::Never,
        StoredEnd::After(count) => End::After(count),
        StoredEnd::On(day) => End::On(day),
    };
    let time = NaiveTime::from_num_seconds_from_midnight_opt(series.time, 0);
    Ok(Recurrence {
        pattern,
        interval: series.interval,
        first: series.first,
        end,
        zone: Zone::from_name(&series.zone).ok_or(Unreadable)?,
        time: time.ok_or(Unreadable)?,
        minutes: series.minutes,
        all_day: series.all_day,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::recurrence::tests::{any_series, cases};

    proptest! {
        #![proptest_config(cases())]

        #[test]
        fn every_series_comes_back(series in any_series()) {
            // What was kept is restored exactly, through its bytes.
            let bytes = serde_json::to_vec(&stored(&series)).unwrap();
            let read = restored(serde_json::from_slice(&bytes).unwrap());
            prop_assert_eq!(read, Ok(series));
        }
    }
}
