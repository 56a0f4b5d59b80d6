//! What people make in Outlook and To Do: tracked, untracked, and what must never move.

use serde_json::{Value, json};

use super::{
    Filler, SeedRefused, TRACK_SIGNAL, TRACKED_CATEGORY, day, names, refused_item, words, zone,
};
use crate::sim::directory::Person;

/// How many kinds of Exchange items there are.
const KINDS: usize = 12;
const STATUSES: [&str; 6] =
    ["notStarted", "notStarted", "inProgress", "waitingOnOthers", "deferred", "completed"];

impl Filler<'_> {
    /// Seeds the Exchange items of the n-th person; people begin at different kinds.
    pub(super) fn exchange_items(&mut self, number: usize) -> Result<(), SeedRefused> {
        let people = self.people;
        let Some(who) = people.get(number) else { return Ok(()) };
        for turn in 0..self.spec.exchange_items_per {
            self.seeded.items += 1;
            match (turn + number * 5) % KINDS {
                0 => self.event(number, true, false)?,
                1 => self.todo(who, true)?,
                2 => self.event(number, false, false)?,
                3 => self.todo(who, false)?,
                4 => self.outlook_contact(who, true, false)?,
                5 => self.outlook_contact(who, false, true)?,
                6 => self.outlook_contact(who, false, false)?,
                7 => self.event(number, true, true)?,
                8 => self.series(who)?,
                9 => self.recurring_task(who)?,
                10 => self.invitation(who, false)?,
                _ => self.invitation(who, true)?,
            }
        }
        Ok(())
    }

    fn event(&mut self, number: usize, tracked: bool, all_day: bool) -> Result<(), SeedRefused> {
        let people = self.people;
        let Some(who) = people.get(number) else { return Ok(()) };
        let mark = self.mark();
        let mut body = self.event_body(who, &mark, all_day);
        body["showAs"] =
            json!(self.pick(&["busy", "busy", "free", "tentative", "oof", "workingElsewhere"]));
        if tracked {
            body["categories"] = json!([TRACKED_CATEGORY]);
        }
        if !all_day && self.one_in(2) {
            let other = &people[(number + 1 + self.rng.usize(..people.len())) % people.len()];
            let mut attendees = vec![attendee(&guest(self), "optional")];
            if other.address != who.address {
                attendees.push(attendee(&other.address, "required"));
            }
            body["attendees"] = Value::Array(attendees);
        }
        let made = self.graph.user_create_event(&who.address, &body, self.spec.now);
        made.map(drop).map_err(|refusal| refused_item(who, "an event", refusal))
    }

    // Within the window that Lockstep watches: a month back at most (architecture, section 4).
    fn event_body(&mut self, who: &Person, mark: &str, all_day: bool) -> Value {
        let zone = zone(&who.time_zone);
        let days = if self.one_in(5) { -self.rng.i64(2..20) } else { self.rng.i64(2..150) };
        let date = day(self.spec.now, &zone, days);
        let (from, to) = match all_day {
            true => {
                let next = date.tomorrow().unwrap_or(date);
                (format!("{date}T00:00:00"), format!("{next}T00:00:00"))
            }
            false => {
                let hour = self.rng.u8(8..17);
                (format!("{date}T{hour:02}:30:00"), format!("{date}T{:02}:15:00", hour + 1))
            }
        };
        let subject = format!("{} {mark}", self.pick(words::MEETINGS));
        let place = self.pick(words::PLACES);
        json!({
            "subject": subject,
            "body": { "contentType": "html", "content": words::html(&mut self.rng) },
            "start": { "dateTime": from, "timeZone": who.time_zone },
            "end": { "dateTime": to, "timeZone": who.time_zone },
            "isAllDay": all_day,
            "importance": self.pick(&["low", "normal", "high"]),
            "location": { "displayName": place },
        })
    }

    fn todo(&mut self, who: &Person, tracked: bool) -> Result<(), SeedRefused> {
        let mark = self.mark();
        let title = format!("{} {mark}", self.pick(words::TASKS));
        let mut body = json!({
            "title": title,
            "body": { "contentType": "html", "content": words::html(&mut self.rng) },
            "status": self.pick(&STATUSES),
            "importance": self.pick(&["low", "normal", "high"]),
        });
        if !self.one_in(3) {
            let due = day(self.spec.now, &zone(&who.time_zone), self.rng.i64(-10..40));
            body["dueDateTime"] =
                json!({ "dateTime": format!("{due}T00:00:00"), "timeZone": "UTC" });
        }
        if tracked {
            body["categories"] = json!([TRACKED_CATEGORY]);
        }
        self.store_task(who, &body)
    }

    // Recurring tasks never move, tracked or not (REC-10).
    fn recurring_task(&mut self, who: &Person) -> Result<(), SeedRefused> {
        let mark = self.mark();
        let due = day(self.spec.now, &zone(&who.time_zone), 7);
        let body = json!({
            "title": format!("Water the plants {mark}"),
            "categories": [TRACKED_CATEGORY],
            "dueDateTime": { "dateTime": format!("{due}T00:00:00"), "timeZone": "UTC" },
            "recurrence": {
                "pattern": { "type": "daily", "interval": 3 },
                "range": { "type": "noEnd", "startDate": due.to_string() },
            },
        });
        self.store_task(who, &body)
    }

    fn store_task(&mut self, who: &Person, body: &Value) -> Result<(), SeedRefused> {
        let made = self.graph.user_create_task(&who.address, body, self.spec.now);
        made.map(drop).map_err(|refusal| refused_item(who, "a task", refusal))
    }

    fn outlook_contact(
        &mut self,
        who: &Person,
        by_app: bool,
        by_category: bool,
    ) -> Result<(), SeedRefused> {
        let mark = self.mark();
        let (given, surname, local) = names::any(&mut self.rng);
        let (city, state, code, country) = words::CITIES[self.rng.usize(..words::CITIES.len())];
        let company = self.pick(words::OUTSIDE);
        let (phone, mobile) = (words::phone(&mut self.rng), words::phone(&mut self.rng));
        let mut body = json!({
            "givenName": given,
            "surname": format!("{surname} {mark}"),
            "emailAddresses": [{ "name": format!("{given} {surname}"),
                "address": format!("{local}.{mark}@{company}.example") }],
            "businessPhones": [phone],
            "mobilePhone": mobile,
            "jobTitle": self.pick(words::JOBS),
            "department": self.pick(words::DEPARTMENTS),
            "businessAddress": { "street": "Canal Street 7\r\n3rd floor", "city": city,
                "state": state, "postalCode": code, "countryOrRegion": country },
            "birthday": "1984-07-03T11:59:00Z",
            "personalNotes": words::note(&mut self.rng),
        });
        if by_app {
            body["singleValueExtendedProperties"] = json!([{ "id": TRACK_SIGNAL, "value": "1" }]);
        }
        if by_category {
            body["categories"] = json!([TRACKED_CATEGORY]);
        }
        let made = self.graph.user_create_contact(&who.address, &body, self.spec.now);
        made.map(drop).map_err(|refusal| refused_item(who, "a contact", refusal))
    }

    fn series(&mut self, who: &Person) -> Result<(), SeedRefused> {
        let mark = self.mark();
        let first = day(self.spec.now, &zone(&who.time_zone), self.rng.i64(1..8));
        let weekday = first.strftime("%A").to_string().to_lowercase();
        let body = json!({
            "subject": format!("Jour fixe {mark}"),
            "start": { "dateTime": format!("{first}T09:00:00"), "timeZone": who.time_zone },
            "end": { "dateTime": format!("{first}T09:30:00"), "timeZone": who.time_zone },
            "recurrence": {
                "pattern": { "type": "weekly", "interval": 1, "daysOfWeek": [weekday],
                    "firstDayOfWeek": "monday" },
                "range": { "type": "numbered", "startDate": first.to_string(),
                    "numberOfOccurrences": 10 },
            },
        });
        let made = self.graph.user_create_event(&who.address, &body, self.spec.now);
        made.map(drop).map_err(|refusal| refused_item(who, "a series", refusal))
    }

    // The invitation arrives; a person who tracks it sets the category on the copy.
    fn invitation(&mut self, who: &Person, tracked: bool) -> Result<(), SeedRefused> {
        let mark = self.mark();
        let body = self.event_body(who, &mark, false);
        let (from, now) = (guest(self), self.spec.now);
        let refuse = |refusal| refused_item(who, "an invitation", refusal);
        let uid = self.graph.external_event(&from, &[&who.address], &body, now).map_err(refuse)?;
        if !tracked {
            return Ok(());
        }
        let events = self.graph.events(&who.address);
        let copy = events.iter().find(|event| event["iCalUId"] == uid.as_str());
        let Some(id) = copy.and_then(|event| event["id"].as_str()) else { return Ok(()) };
        let mark = json!({ "categories": [TRACKED_CATEGORY] });
        self.graph.user_update_event(&who.address, id, &mark, now).map_err(refuse)
    }
}

fn guest(filler: &mut Filler<'_>) -> String {
    let (_, _, local) = names::any(&mut filler.rng);
    format!("{local}@{}.example", filler.pick(words::OUTSIDE))
}

fn attendee(address: &str, kind: &str) -> Value {
    json!({ "type": kind, "emailAddress": { "name": address, "address": address } })
}
