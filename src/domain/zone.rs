//! Time zones: names of both worlds (tzdb and Windows) and the way between civil time and UTC.
//!
//! The rules come from the tzdb that is bundled with the program, never from the machine, so that
//! every node computes alike. Custom zones that carry their own rules are not resolved here: their
//! names give `None`, and the caller keeps the offset that the far side sent with the time.

mod windows;

use std::cmp::Ordering;
use std::fmt;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike, Utc};
use jiff::tz::{AmbiguousOffset, Offset, TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, civil};

/// Name that Exchange writes for UTC into items made by some clients.
const MICROSOFT_UTC: &str = "tzone://Microsoft/Utc";

/// Longest name looked at; the longest known one has 40 characters.
const NAME_MAX_BYTES: usize = 64;

/// Start (2030-01-01T00:00:00Z) and count of the instants, 15 days apart, at which two zones are
/// compared. Two years see each yearly rule twice.
const COMPARE_FROM_SECOND: i64 = 1_893_456_000;
const COMPARE_STEPS: i64 = 49;
const COMPARE_STEP_SECONDS: i64 = 15 * 24 * 3600;

/// A time zone with its rules. Two spellings of one zone are equal.
#[derive(Clone, PartialEq, Eq)]
pub struct Zone {
    rules: TimeZone,
}

// === impl Zone ===

impl Zone {
    /// Returns UTC.
    pub fn utc() -> Zone {
        Zone { rules: TimeZone::UTC }
    }

    /// Returns the zone of a tzdb name, a tzdb link, a Windows name or one of Microsoft's names for
    /// UTC, without regard to case; `None` for custom zones and names nobody knows.
    pub fn from_name(name: &str) -> Option<Zone> {
        let name = name.trim();
        // "Factory" stands for a machine whose zone was never set.
        if name.is_empty() || name.len() > NAME_MAX_BYTES || name.eq_ignore_ascii_case("Factory") {
            return None;
        }
        if name.eq_ignore_ascii_case("UTC") || name.eq_ignore_ascii_case(MICROSOFT_UTC) {
            return Some(Zone::utc());
        }
        // Windows names first: none of them is a tzdb name, and they are the usual case.
        Zone::from_tzdb(look_up(windows::TO_IANA, name).unwrap_or(name))
    }

    fn from_tzdb(name: &str) -> Option<Zone> {
        let bundled = TimeZoneDatabase::bundled();
        let found = bundled.get(name).ok()?;
        // A link takes the name its target has, so that spellings compare equal.
        let rules = match found.primary_iana_name() {
            Some("UTC") => TimeZone::UTC,
            Some(primary) => bundled.get(primary).ok()?,
            None => found,
        };
        // Without a name it is the placeholder for "unknown", whose offset means nothing.
        rules.iana_name()?;
        Some(Zone { rules })
    }

    /// Returns the tzdb name in its present spelling, such as `Asia/Kolkata`.
    pub fn iana_name(&self) -> &str {
        self.rules.iana_name().unwrap_or("UTC")
    }

    /// Returns the Windows name of a zone whose clocks agree with this one, if there is any.
    ///
    /// CLDR files a few places under a Windows zone whose rules they have left since; writing that
    /// name would move the meeting by an hour, so such a name is not returned.
    pub fn windows_name(&self) -> Option<&'static str> {
        let name = look_up(windows::TO_WINDOWS, self.iana_name())?;
        let stands_for = Zone::from_tzdb(look_up(windows::TO_IANA, name)?)?;
        (stands_for == *self || self.agrees_with(&stands_for)).then_some(name)
    }

    fn agrees_with(&self, other: &Zone) -> bool {
        (0..COMPARE_STEPS)
            .filter_map(|n| {
                Timestamp::from_second(COMPARE_FROM_SECOND + n * COMPARE_STEP_SECONDS).ok()
            })
            .all(|at| self.rules.to_offset(at) == other.rules.to_offset(at))
    }

    /// Returns the instant at which the clocks of this zone show `local`.
    ///
    /// A time that the clocks skip is read with the offset before the gap, which moves it forward
    /// by the gap; of a time that comes twice the first is meant (RFC 5545, 3.3.5).
    pub fn to_utc(&self, local: NaiveDateTime) -> DateTime<Utc> {
        let offset = match self.rules.to_ambiguous_timestamp(to_civil(local)).offset() {
            AmbiguousOffset::Unambiguous { offset } => offset,
            AmbiguousOffset::Gap { before, .. } | AmbiguousOffset::Fold { before, .. } => before,
        };
        local.checked_sub_signed(delta(offset)).unwrap_or(local).and_utc()
    }

    /// Returns the day that begins at `instant` in this zone: at its first second, where the clocks
    /// skip midnight.
    pub fn day_begun_at(&self, instant: DateTime<Utc>) -> Option<NaiveDate> {
        let day = self.to_local(instant).date();
        (self.to_utc(day.and_time(NaiveTime::MIN)) == instant).then_some(day)
    }

    /// Tells whether an instant may stand for a time that the clocks skip: `to_utc` gives it for two
    /// times, one of which they never show.
    pub fn hides_skipped(&self, instant: DateTime<Utc>) -> bool {
        let Ok(at) = Timestamp::from_second(instant.timestamp()) else { return false };
        let next = at.saturating_add(jiff::SignedDuration::from_secs(1));
        let Some(change) = next.ok().and_then(|next| self.rules.preceding(next).next()) else {
            return false;
        };
        let Ok(before) = change.timestamp().checked_sub(jiff::SignedDuration::from_secs(1)) else {
            return false;
        };
        let unchanged = instant.naive_utc().checked_add_signed(delta(self.rules.to_offset(before)));
        unchanged
            .is_some_and(|local| local < self.to_local(instant) && self.to_utc(local) == instant)
    }

    /// Returns what the clocks of this zone show at `instant`.
    pub fn to_local(&self, instant: DateTime<Utc>) -> NaiveDateTime {
        // jiff ends a day before the year 10000; the rules there are those of the last day.
        let second =
            instant.timestamp().clamp(Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
        let at = Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH);
        let utc = instant.naive_utc();
        utc.checked_add_signed(delta(self.rules.to_offset(at))).unwrap_or(utc)
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Zone({})", self.iana_name())
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.iana_name())
    }
}

fn delta(offset: Offset) -> TimeDelta {
    TimeDelta::seconds(i64::from(offset.seconds()))
}

/// Converts for the look-up of the offset only, so fractions of a second may go.
fn to_civil(local: NaiveDateTime) -> civil::DateTime {
    let small = |n: u32| i8::try_from(n).unwrap_or(0);
    let (date, time) = (local.date(), local.time());
    let Ok(year) = i16::try_from(date.year()) else {
        return if date.year() < 0 { civil::DateTime::MIN } else { civil::DateTime::MAX };
    };
    civil::DateTime::new(
        year,
        small(date.month()),
        small(date.day()),
        small(time.hour()),
        small(time.minute()),
        small(time.second()),
        0,
    )
    .unwrap_or(if year < 0 { civil::DateTime::MIN } else { civil::DateTime::MAX })
}

fn look_up(table: &[(&str, &'static str)], name: &str) -> Option<&'static str> {
    let found = table.binary_search_by(|(key, _)| compare_caseless(key, name)).ok()?;
    table.get(found).map(|(_, value)| *value)
}

fn compare_caseless(left: &str, right: &str) -> Ordering {
    left.bytes()
        .map(|byte| byte.to_ascii_lowercase())
        .cmp(right.bytes().map(|byte| byte.to_ascii_lowercase()))
}

/// Returns the names of Windows, for tests that go through all zones.
#[cfg(test)]
pub(crate) fn windows_names() -> impl Iterator<Item = &'static str> {
    windows::TO_IANA.iter().map(|(name, _)| *name)
}

#[cfg(test)]
mod tests;
