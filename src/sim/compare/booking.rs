//! Meetings of which no row may be made: somebody is busy in Dynamics (APPT-IN-06).

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use uuid::Uuid;

use super::Kind;
use super::pairing::Judge;
use super::views::Item;

/// From when to when something takes place.
type Span = (Timestamp, Timestamp);

impl Judge<'_> {
    /// Tells whether a user who takes part in the event, or in an occurrence of it, is busy in Dynamics then.
    pub(super) fn clashes(&self) -> bool {
        if self.item.kind != Kind::Appointment {
            return false;
        }
        let (spans, users) = (self.spans(), self.users());
        self.world.rows.iter().any(|row| {
            let scheduled = row.kind == Kind::Appointment && row.number("statecode") == Some(3);
            let times = (row.instant("scheduledstart"), row.instant("scheduledend"));
            let (Some(begin), Some(over)) = times else { return false };
            let overlaps = spans.iter().any(|(start, end)| begin < *end && over > *start);
            let shared = || {
                let parties = row.parties(&[5, 6, 7, 10]);
                parties.iter().any(|(_, _, id)| id.is_some_and(|id| users.contains(&id)))
            };
            scheduled && overlaps && shared()
        })
    }

    /// The event's time; of a series, which is booked as its pattern says, that of each occurrence: where
    /// it is shown, where it was before it was moved, and where it was before it was deleted.
    fn spans(&self) -> Vec<Span> {
        let Some(first) = self.span(self.item) else { return Vec::new() };
        let length = first.0.duration_until(first.1);
        let mut starts = vec![first.0];
        let mut spans = vec![first];
        let shown = self.mailbox.shown.get(&self.item.id).into_iter().flatten();
        for one in shown {
            spans.extend(self.span(one));
            starts.extend(one.text("originalStart").parse::<Timestamp>().ok());
        }
        let range = &self.item.value["recurrence"]["range"];
        let zone = range["recurrenceTimeZone"].as_str().and_then(|name| TimeZone::get(name).ok());
        let zone = zone.unwrap_or(TimeZone::UTC);
        let clock = first.0.to_zoned(zone.clone()).time();
        let gone = self.item.value["cancelledOccurrences"].as_array().into_iter().flatten();
        // The id of a deleted occurrence ends with its day.
        let days = gone.filter_map(|id| id.as_str()?.rsplit('.').next()?.parse::<Date>().ok());
        let start = |day: Date| zone.to_ambiguous_zoned(day.to_datetime(clock)).compatible();
        starts.extend(days.filter_map(|day| Some(start(day).ok()?.timestamp())));
        spans.extend(
            starts.into_iter().filter_map(|start| Some((start, start.checked_add(length).ok()?))),
        );
        spans
    }

    fn span(&self, item: &Item) -> Option<Span> {
        Some((self.begins(item, "start")?, self.begins(item, "end")?))
    }

    /// A whole day is one of the person's own zone: that is where Dynamics puts it.
    fn begins(&self, item: &Item, name: &str) -> Option<Timestamp> {
        if item.value["isAllDay"] != true {
            return item.instant(name);
        }
        let zone = TimeZone::get(&self.mailbox.person.time_zone).unwrap_or(TimeZone::UTC);
        Some(zone.to_ambiguous_zoned(item.wall(name)?).compatible().ok()?.timestamp())
    }

    fn users(&self) -> BTreeSet<Uuid> {
        let value = &self.item.value;
        let attendees = value["attendees"].as_array().map(Vec::as_slice).unwrap_or_default();
        let addresses: Vec<String> = attendees
            .iter()
            .chain([&value["organizer"]])
            .filter_map(|one| one["emailAddress"]["address"].as_str())
            .map(str::to_lowercase)
            .collect();
        let people = self.world.people.values();
        people.filter(|who| addresses.contains(&who.address)).map(|who| who.user_id).collect()
    }
}
