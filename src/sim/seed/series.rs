//! Series on both sides: every pattern and every end comes up, with occurrences that deviate.
//!
//! Written anew for each side from the documentation of that side. Absent: series that lie in the
//! past, of which the rules freeze the most.

use jiff::civil::{Date, Weekday};
use serde_json::{Value, json};

use super::meetings::user;
use super::{Filler, SeedRefused, TRACKED_CATEGORY, at, day, refused_item, utc, words, zone};
use crate::sim::directory::Person;

const MASTERS: &str = "recurringappointmentmasters";
/// Six patterns by three ends.
const SHAPES: usize = 18;

/// What a series is made of, whatever side it is made on.
struct Shape {
    first: Date,
    pattern: usize,
    end: usize,
    all_day: bool,
}

impl Shape {
    fn weekday(&self) -> u8 {
        self.first.weekday().to_sunday_zero_offset().unsigned_abs()
    }

    fn last(&self) -> Date {
        self.first.checked_add(jiff::Span::new().days(60)).unwrap_or(self.first)
    }

    fn interval(&self) -> i64 {
        if self.pattern == 0 { 3 } else { 1 }
    }
}

impl Filler<'_> {
    fn shape(&mut self, who: &Person, number: usize) -> Shape {
        // Not at the end of a month, which some patterns say in other words than others.
        let mut first = day(self.spec.now, &zone(&who.time_zone), self.rng.i64(3..9));
        while first.day() > 28 {
            first = first.tomorrow().unwrap_or(first);
        }
        let shape = number % SHAPES;
        Shape { first, pattern: shape % 6, end: shape / 6, all_day: number % 7 == 4 }
    }

    /// Seeds the series of every second person in Dynamics, …
    pub(super) fn rows_of_series(&mut self, number: usize) -> Result<(), SeedRefused> {
        let people = self.people;
        let Some(who) = people.get(number).filter(|_| number.is_multiple_of(2)) else {
            return Ok(());
        };
        for turn in 0..self.spec.series_per {
            let shape = self.shape(who, number / 2 + turn * 7);
            let mut parties = vec![user(who, 7)];
            // A colleague in another zone would see a whole day begin at another hour.
            let alone = !number.is_multiple_of(6) || shape.all_day;
            if !alone {
                let other = self.colleague(number).and_then(|at| people.get(at));
                parties.extend(other.map(|other| user(other, 5)));
            }
            let body = self.master(who, &shape, parties);
            let id = self.row(who, MASTERS, &body)?;
            // Whoever is invited hears of the series once, and of no change.
            if alone {
                self.deviate(who, id)?;
            }
        }
        Ok(())
    }

    fn master(&mut self, who: &Person, shape: &Shape, parties: Vec<Value>) -> Value {
        let own = zone(&who.time_zone);
        let subject = format!("{} {}", self.pick(words::MEETINGS), self.mark());
        let midnight = |date: Date| utc(at(date, 0, 0, &own));
        let (begin, end) = if shape.all_day {
            (midnight(shape.first), midnight(shape.first.tomorrow().unwrap_or(shape.first)))
        } else {
            let hour = |hour| utc(at(shape.first, hour, 0, &own));
            (hour(9), hour(10))
        };
        let mut body = json!({
            "subject": subject, "location": "Room 7", "description": "As every time.",
            "statecode": 3, "statuscode": 5, "isalldayevent": shape.all_day,
            "interval": shape.interval(), "patternstartdate": midnight(shape.first),
            "starttime": begin, "endtime": end,
            "recurringappointmentmaster_activity_parties": parties,
        });
        let weekday = 1_u8 << shape.weekday();
        let nth = (shape.first.day() - 1) / 7 + 1;
        let rule = match shape.pattern {
            0 => json!({ "recurrencepatterntype": 0 }),
            1 => json!({ "recurrencepatterntype": 1, "daysofweekmask": weekday }),
            2 => json!({ "recurrencepatterntype": 2, "dayofmonth": shape.first.day() }),
            3 => json!({ "recurrencepatterntype": 2, "isnthmonthly": true, "instance": nth,
                "daysofweekmask": weekday }),
            4 => json!({ "recurrencepatterntype": 3, "dayofmonth": shape.first.day(),
                "monthofyear": shape.first.month() }),
            _ => json!({ "recurrencepatterntype": 3, "isnthyearly": true, "instance": nth,
                "daysofweekmask": weekday, "monthofyear": shape.first.month() }),
        };
        let range = match shape.end {
            0 => json!({ "patternendtype": 2, "occurrences": 8 }),
            1 => json!({ "patternendtype": 3, "patternenddate": midnight(shape.last()) }),
            _ => json!({ "patternendtype": 1 }),
        };
        merge(&mut body, rule);
        merge(&mut body, range);
        body
    }

    /// Moves one instance, renames another, deletes a third, as far as they are there.
    fn deviate(&mut self, who: &Person, series: uuid::Uuid) -> Result<(), SeedRefused> {
        let series = series.to_string();
        let mut rows = self.dataverse.rows("appointments");
        rows.retain(|row| row["seriesid"] == series.as_str());
        rows.sort_by_key(|row| row["scheduledstart"].to_string());
        let id = |row: &Value| row["activityid"].as_str()?.parse::<uuid::Uuid>().ok();
        let moved = rows.get(1).filter(|row| row["isalldayevent"] != true);
        if let Some((row, moved)) = moved.and_then(|row| Some((row, id(row)?))) {
            let time = |name: &str| {
                let at: Option<jiff::Timestamp> = row[name].as_str()?.parse().ok();
                at?.checked_add(jiff::SignedDuration::from_mins(45)).ok().map(utc)
            };
            let body = json!({ "scheduledstart": time("scheduledstart"),
                "scheduledend": time("scheduledend") });
            self.change(who, "appointments", moved, &body)?;
        }
        if let Some((row, renamed)) = rows.get(2).and_then(|row| Some((row, id(row)?))) {
            let name = row["subject"].as_str().unwrap_or_default();
            let body = json!({ "subject": format!("With a guest: {name}") });
            self.change(who, "appointments", renamed, &body)?;
        }
        if let Some(gone) = rows.get(4).and_then(id) {
            let done = self.dataverse.user_delete(who.user_id, "appointments", gone, self.spec.now);
            done.map_err(|refusal| super::refused_row(who, "an instance", refusal))?;
        }
        Ok(())
    }

    /// … and tracked ones of the others in Outlook.
    pub(super) fn events_of_series(&mut self, number: usize) -> Result<(), SeedRefused> {
        let people = self.people;
        let Some(who) = people.get(number).filter(|_| !number.is_multiple_of(2)) else {
            return Ok(());
        };
        for turn in 0..self.spec.series_per {
            self.seeded.items += 1;
            let shape = self.shape(who, number / 2 + turn * 7 + SHAPES / 2);
            let body = self.event_of_series(who, &shape);
            let (address, now) = (&who.address, self.spec.now);
            let refuse = |refusal| refused_item(who, "a series", refusal);
            let id = self.graph.user_create_event(address, &body, now).map_err(refuse)?;
            let from = format!("{}T00:00:00Z", shape.first.yesterday().unwrap_or(shape.first));
            let until = format!("{}-01-01T00:00:00Z", shape.first.year() + 6);
            let mut shown = self.graph.shown(address, &from, &until);
            shown.retain(|event| event["seriesMasterId"] == id.as_str());
            // What deviates beyond the expansion of Dynamics would wait for years.
            let near = shape.pattern < 4;
            let part =
                |at: usize| shown.get(at).filter(|_| near)?["id"].as_str().map(str::to_owned);
            if let Some(one) = part(1) {
                let body = json!({ "location": { "displayName": "Room 9" } });
                self.graph.user_update_event(address, &one, &body, now).map_err(refuse)?;
            }
            if let Some(one) = part(3) {
                self.graph.user_delete_event(address, &one, now).map_err(refuse)?;
            }
        }
        Ok(())
    }

    fn event_of_series(&mut self, who: &Person, shape: &Shape) -> Value {
        let subject = format!("{} {}", self.pick(words::MEETINGS), self.mark());
        let time = |date: Date, clock: &str| json!({ "dateTime": format!("{date}T{clock}:00"), "timeZone": who.time_zone });
        let next = shape.first.tomorrow().unwrap_or(shape.first);
        let (start, end) = if shape.all_day {
            (time(shape.first, "00:00"), time(next, "00:00"))
        } else {
            (time(shape.first, "14:00"), time(shape.first, "14:45"))
        };
        let weekday = name_of(shape.first.weekday());
        let index = ["first", "second", "third", "fourth"]
            [usize::try_from((shape.first.day() - 1) / 7).unwrap_or(0).min(3)];
        let (day, month) = (shape.first.day(), shape.first.month());
        let mut pattern = match shape.pattern {
            0 => json!({ "type": "daily" }),
            1 => json!({ "type": "weekly", "daysOfWeek": [weekday], "firstDayOfWeek": "monday" }),
            2 => json!({ "type": "absoluteMonthly", "dayOfMonth": day }),
            3 => json!({ "type": "relativeMonthly", "daysOfWeek": [weekday], "index": index }),
            4 => json!({ "type": "absoluteYearly", "dayOfMonth": day, "month": month }),
            _ => json!({ "type": "relativeYearly", "daysOfWeek": [weekday], "index": index,
                "month": month }),
        };
        pattern["interval"] = json!(shape.interval());
        let mut range = match shape.end {
            0 => json!({ "type": "numbered", "numberOfOccurrences": 8 }),
            1 => json!({ "type": "endDate", "endDate": shape.last().to_string() }),
            _ => json!({ "type": "noEnd" }),
        };
        range["startDate"] = json!(shape.first.to_string());
        range["recurrenceTimeZone"] = json!(who.time_zone);
        json!({
            "subject": subject, "categories": [TRACKED_CATEGORY], "showAs": "busy",
            "body": { "contentType": "text", "content": "As every time." },
            "location": { "displayName": "Room 7" }, "isAllDay": shape.all_day,
            "start": start, "end": end,
            "recurrence": { "pattern": pattern, "range": range },
        })
    }
}

fn merge(body: &mut Value, more: Value) {
    if let (Value::Object(body), Value::Object(more)) = (body, more) {
        body.extend(more);
    }
}

fn name_of(day: Weekday) -> &'static str {
    const NAMES: [&str; 7] =
        ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
    NAMES[usize::from(day.to_sunday_zero_offset().unsigned_abs()).min(6)]
}
