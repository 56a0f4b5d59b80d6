//! Meetings of which no row may be made: somebody is busy in Dynamics (APPT-IN-06).

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use uuid::Uuid;

use super::Kind;
use super::pairing::Judge;

impl Judge<'_> {
    /// Tells whether a user who takes part in the event is busy in Dynamics at its time.
    pub(super) fn clashes(&self) -> bool {
        let item = self.item;
        let (Some(start), Some(end)) = (self.begins("start"), self.begins("end")) else {
            return false;
        };
        let users = self.users();
        item.kind == Kind::Appointment
            && self.world.rows.iter().any(|row| {
                let scheduled = row.kind == Kind::Appointment && row.number("statecode") == Some(3);
                let overlaps = row.instant("scheduledstart").is_some_and(|begin| begin < end)
                    && row.instant("scheduledend").is_some_and(|over| over > start);
                let parties = row.parties(&[5, 6, 7, 10]);
                let shared =
                    parties.iter().any(|(_, _, id)| id.is_some_and(|id| users.contains(&id)));
                scheduled && overlaps && shared
            })
    }

    /// A whole day is one of the person's own zone: that is where Dynamics puts it.
    fn begins(&self, name: &str) -> Option<Timestamp> {
        if self.item.value["isAllDay"] != true {
            return self.item.instant(name);
        }
        let zone = TimeZone::get(&self.mailbox.person.time_zone).unwrap_or(TimeZone::UTC);
        Some(zone.to_ambiguous_zoned(self.item.wall(name)?).compatible().ok()?.timestamp())
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
