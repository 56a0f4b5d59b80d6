//! Contacts, tasks, phone calls, letters and faxes in Dynamics.

use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Filler, SeedRefused, at, day, names, utc, words, zone};
use crate::sim::directory::Person;

/// State and status of a closed activity, by set.
const DONE: [(&str, (i64, i64)); 4] =
    [("tasks", (1, 5)), ("phonecalls", (1, 2)), ("letters", (1, 4)), ("faxes", (1, 2))];
const CANCELED: [(&str, (i64, i64)); 4] =
    [("tasks", (2, 6)), ("phonecalls", (2, 3)), ("letters", (2, 5)), ("faxes", (2, 5))];

/// A seeded contact that can be invited.
pub(super) struct Invitable {
    pub(super) id: Uuid,
}

impl Filler<'_> {
    /// Seeds a person's contacts; returns those that are active.
    pub(super) fn contacts(&mut self, who: &Person) -> Result<Vec<Invitable>, SeedRefused> {
        let mut active = Vec::new();
        for number in 0..self.spec.contacts_per {
            let body = self.contact(number);
            let id = self.row(who, "contacts", &body)?;
            if number % 5 == 4 {
                self.set_state(who, "contacts", id, (1, 2))?;
            } else {
                active.push(Invitable { id });
            }
        }
        Ok(active)
    }

    fn contact(&mut self, number: usize) -> Value {
        let mark = self.mark();
        let (given, surname, local) = names::any(&mut self.rng);
        let company = self.pick(words::OUTSIDE);
        let mut row = Map::new();
        let mut set = |column: &str, value: Value| row.insert(column.to_owned(), value);
        set("firstname", json!(given));
        set("lastname", json!(format!("{surname} {mark}")));
        set("emailaddress1", json!(format!("{local}.{mark}@{company}.example")));
        set("telephone1", json!(words::phone(&mut self.rng)));
        let note = match number % 4 {
            3 => words::long_note(&mut self.rng),
            _ => words::note(&mut self.rng),
        };
        set("description", json!(note));
        set("jobtitle", json!(words::JOBS[self.rng.usize(..words::JOBS.len())]));
        let addresses = if number.is_multiple_of(3) { 3 } else { 1 };
        for address in 1..=addresses {
            self.address(&mut row, address);
        }
        if number.is_multiple_of(2) {
            self.many_columns(&mut row, &mark);
        }
        Value::Object(row)
    }

    fn address(&mut self, row: &mut Map<String, Value>, number: usize) {
        let (city, state, code, country) = words::CITIES[self.rng.usize(..words::CITIES.len())];
        let street = self.pick(words::STREETS);
        let mut set = |column: &str, value: String| {
            row.insert(format!("address{number}_{column}"), json!(value));
        };
        set("line1", format!("{street} {}", self.rng.u16(1..200)));
        if self.rng.bool() {
            set("line2", format!("{}. Stock", self.rng.u8(1..9)));
        }
        set("city", city.to_owned());
        set("stateorprovince", state.to_owned());
        set("postalcode", code.to_owned());
        set("country", country.to_owned());
    }

    // Every column of the field table that has a counterpart in Exchange.
    fn many_columns(&mut self, row: &mut Map<String, Value>, mark: &str) {
        let phones = [
            "telephone2",
            "telephone3",
            "business2",
            "home2",
            "mobilephone",
            "pager",
            "fax",
            "callback",
            "company",
            "assistantphone",
        ];
        for column in phones {
            row.insert(column.to_owned(), json!(words::phone(&mut self.rng)));
        }
        let (spouse, child) = (names::any(&mut self.rng).0, names::any(&mut self.rng).0);
        let day = self.rng.u8(1..29);
        let texts = [
            ("middlename", "Maria".to_owned()),
            ("suffix", "Jr.".to_owned()),
            ("salutation", "Dr.".to_owned()),
            ("nickname", format!("Nick {spouse}")),
            ("department", self.pick(words::DEPARTMENTS).to_owned()),
            ("emailaddress2", format!("second.{mark}@adatum.example")),
            ("emailaddress3", format!("third.{mark}@litware.example")),
            ("assistantname", format!("{spouse} Vogt")),
            ("managername", format!("{child} Groß")),
            ("spousesname", spouse.to_owned()),
            ("childrensnames", format!("{child}, {spouse}")),
            ("birthdate", format!("19{}-0{}-{day:02}", self.rng.u8(40..99), self.rng.u8(1..10))),
            ("anniversary", format!("20{}-06-{day:02}", self.rng.u8(10..24))),
            ("websiteurl", format!("https://www.northwind.example/{mark}")),
            ("ftpsiteurl", format!("ftp://files.northwind.example/{mark}")),
            ("governmentid", format!("GOV-{mark}")),
            ("yomifirstname", "ショウタ".to_owned()),
            ("yomilastname", "サトウ".to_owned()),
        ];
        for (column, value) in texts {
            row.insert(column.to_owned(), json!(value));
        }
    }

    /// Seeds a person's tasks, phone calls, letters and faxes.
    pub(super) fn tasks(&mut self, who: &Person) -> Result<(), SeedRefused> {
        for number in 0..self.spec.tasks_per {
            let (set, subjects) = match number % 6 {
                2 => ("phonecalls", words::CALLS),
                4 => ("letters", words::LETTERS),
                5 => ("faxes", words::FAXES),
                _ => ("tasks", words::TASKS),
            };
            let body = self.task(who, set, subjects);
            let id = self.row(who, set, &body)?;
            let closed = match self.rng.u8(..10) {
                0 | 1 => Some(DONE),
                2 => Some(CANCELED),
                _ => None,
            };
            let state = closed.and_then(|table| table.iter().find(|entry| entry.0 == set).copied());
            if let Some((_, state)) = state {
                self.set_state(who, set, id, state)?;
            }
        }
        Ok(())
    }

    fn task(&mut self, who: &Person, set: &str, subjects: &[&str]) -> Value {
        let mark = self.mark();
        let mut row = Map::new();
        let subject = format!("{} {mark}", self.pick(subjects));
        row.insert("subject".into(), json!(subject));
        row.insert("prioritycode".into(), json!(self.rng.u8(..3)));
        if !self.one_in(4) {
            let long = self.one_in(5);
            let text = match long {
                true => words::long_note(&mut self.rng),
                false => words::note(&mut self.rng),
            };
            row.insert("description".into(), json!(text));
        }
        if !self.one_in(4) {
            let zone = zone(&who.time_zone);
            let due = day(self.spec.now, &zone, self.rng.i64(-20..60));
            let hour = self.rng.i8(7..19);
            row.insert("scheduledend".into(), json!(utc(at(due, hour, 30, &zone))));
            if self.one_in(2) {
                let start = due.checked_sub(jiff::Span::new().days(3)).unwrap_or(due);
                row.insert("scheduledstart".into(), json!(utc(at(start, hour, 0, &zone))));
            }
        }
        if set == "tasks" && self.one_in(2) {
            let percent = [0, 25, 50, 75][self.rng.usize(..4)];
            row.insert("percentcomplete".into(), json!(percent));
        }
        // An open task that ended yesterday is completed in Exchange (TASK-OUT-10).
        if set == "tasks" && self.one_in(20) {
            let ended = day(self.spec.now, &TimeZone::UTC, -1);
            row.insert("actualend".into(), json!(utc(at(ended, 12, 0, &TimeZone::UTC))));
        }
        Value::Object(row)
    }
}
