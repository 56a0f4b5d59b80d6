//! Tests of the comparable form: what is noise, and what is an edit (CONF-02).

mod bodies;

use chrono::{DateTime, Duration, NaiveTime, Utc};

use crate::domain::field::{Field, Group, Importance, Value};
use crate::domain::fingerprint::PrintKey;
use crate::domain::kind::Kind::{Appointment, Contact, Task};
use crate::domain::policy::{DirectoryUser, Settings};
use crate::engine::normalise::{normalise, prints};
use crate::engine::testing::*;

fn same(left: &Obs, right: &Obs) -> bool {
    let world = World::new();
    world.seen(left).prints == world.seen(right).prints
}

#[test]
fn conf_02_line_ends_and_outer_blanks_are_noise() {
    // Services change these by themselves; a changed word is an edit.
    let clean = item(Task).text(Field::Body, "one\ntwo");
    let noisy = item(Task).text(Field::Body, "\r\none  \r\ntwo\t\r\n\r\n");
    assert!(same(&clean, &noisy));
    assert!(!same(&clean, &item(Task).text(Field::Body, "one\ntwo.")));
    assert!(!same(&clean, &item(Task).text(Field::Body, "one\n two")), "indentation counts");
}

#[test]
fn conf_02_empty_and_absent_are_the_same() {
    // Blank texts, "no" and empty lists say nothing.
    let blank = item(Appointment)
        .text(Field::Body, " \n ")
        .set(Field::AllDay, Value::Flag(false))
        .invites(&[]);
    assert!(same(&item(Appointment), &blank));
    assert!(!same(&item(Appointment), &item(Appointment).set(Field::AllDay, Value::Flag(true))));
}

#[test]
fn conf_02_parts_of_seconds_are_noise() {
    // Times count in whole seconds.
    let start = hours(24);
    let near = item(Appointment).time(Field::Start, start + Duration::milliseconds(999));
    assert!(same(&item(Appointment), &near));
    let far = item(Appointment).time(Field::Start, start + Duration::seconds(1));
    assert!(!same(&item(Appointment), &far));
}

#[test]
fn conf_02_importance_is_normal_unless_said() {
    // A missing importance is a normal one, and contacts have none.
    assert!(same(&item(Task), &item(Task).important(Importance::Normal)));
    assert!(!same(&item(Task), &item(Task).important(Importance::Low)));
    let contact = World::new().seen(&item(Contact));
    assert_eq!(contact.observation.fields.get(Field::Importance), None);
}

#[test]
fn conf_02_attendees_are_a_set_of_addresses() {
    // Order, case and repetition are noise; required beats optional.
    let left = item(Appointment).invites(&["a@guest.test", "b@guest.test"]);
    let right = item(Appointment)
        .invites(&["B@guest.test", "a@guest.test", "a@guest.test"])
        .optional(&["a@guest.test"]);
    assert!(same(&left, &right));
    assert!(!same(&left, &item(Appointment).invites(&["a@guest.test"])));
    let moved = item(Appointment).invites(&["a@guest.test"]).optional(&["b@guest.test"]);
    assert!(!same(&left, &moved), "required is not optional");
}

#[test]
fn appt_out_07_the_organizer_is_no_attendee_under_any_of_his_addresses() {
    // A user with two addresses is the organizer under both, on either side.
    let world = World::with(|world| {
        let me = DirectoryUser { user: ME, enabled: true, served: true };
        world.directory.0.insert(address("alias@contoso.test"), me);
    });
    let guests = ["me@contoso.test", "alias@contoso.test", "a@guest.test"];
    for obs in [row(Appointment).invites(&guests), item(Appointment).invites(&guests)] {
        let seen = world.seen(&obs);
        assert_eq!(seen.observation.fields.parties(Field::RequiredAttendees).len(), 1);
    }
}

#[test]
fn addr_01_groups_outside_the_settings_leave_no_print() {
    // The second address takes part only in three-address mode, privacy only when switched on.
    let contact = row(Contact).text(Field::City2, "Narva").0.fields;
    let event = item(Appointment).set(Field::Private, Value::Flag(true)).0.fields;
    for on in [false, true] {
        let settings = Settings { three_addresses: on, sync_private: on, ..Settings::default() };
        let found = prints(Contact, &contact, &KEY, &settings);
        assert_eq!(found.get(Group::Address2).is_some(), on);
        let found = prints(Appointment, &event, &KEY, &settings);
        assert_eq!(found.get(Group::Privacy).is_some(), on);
    }
}

#[test]
fn conf_05_reminders_leave_no_print() {
    // What is written by rule and never read back is not compared.
    let rings = item(Task).set(Field::ReminderOn, Value::Flag(true));
    assert!(same(&item(Task), &rings));
}

#[test]
fn conf_03_texts_of_neighbouring_fields_do_not_run_together() {
    // Moving a letter from one field to the next changes the print, and so does the key.
    let left = row(Contact).text(Field::FirstName, "ab").text(Field::LastName, "c");
    let right = row(Contact).text(Field::FirstName, "a").text(Field::LastName, "bc");
    assert!(!same(&left, &right));
    let world = World::new();
    let other = PrintKey([8; 16]);
    let settings = &world.policy.settings;
    let seen = normalise(left.0.clone(), &other, settings, &world.directory, None);
    assert_ne!(seen.prints, world.seen(&left).prints);
}

/// The day on which an all-day row lies for a user of a zone, and the day after its last.
fn days_in(zone: Option<&str>, start: &str, end: &str) -> (String, String) {
    let world = World::with(|world| {
        world.mailbox.personal.zone = zone.and_then(crate::domain::zone::Zone::from_name);
    });
    let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
    let row = row(Appointment)
        .set(Field::AllDay, Value::Flag(true))
        .time(Field::Start, at(start))
        .time(Field::End, at(end));
    let fields = world.seen(&row).observation.fields;
    let day = |field| {
        let time = fields.time(field).unwrap();
        assert_eq!(time.time(), NaiveTime::MIN);
        time.date_naive().to_string()
    };
    (day(Field::Start), day(Field::End))
}

#[test]
fn conf_03_an_all_day_row_lies_on_the_day_of_its_users_clock() {
    // At UTC+14 and UTC-11, where clocks skip midnight, with an end a minute early, over a change
    // of the clocks; a row at 00:00 UTC, or of an unknown zone, lies on the day nearest to it.
    for (zone, start, end, first, after) in [
        (
            "Pacific/Kiritimati",
            "2026-06-30T10:00:00Z",
            "2026-07-01T10:00:00Z",
            "2026-07-01",
            "2026-07-02",
        ),
        (
            "Pacific/Kiritimati",
            "2026-06-30T10:00:00Z",
            "2026-07-01T09:59:00Z",
            "2026-07-01",
            "2026-07-02",
        ),
        (
            "Pacific/Kiritimati",
            "2026-07-01T00:00:00Z",
            "2026-07-02T00:00:00Z",
            "2026-07-01",
            "2026-07-02",
        ),
        (
            "Pacific/Pago_Pago",
            "2026-07-01T11:00:00Z",
            "2026-07-02T11:00:00Z",
            "2026-07-01",
            "2026-07-02",
        ),
        (
            "Pacific/Pago_Pago",
            "2026-07-01T00:00:00Z",
            "2026-07-02T00:00:00Z",
            "2026-07-01",
            "2026-07-02",
        ),
        (
            "America/Santiago",
            "2026-09-06T04:00:00Z",
            "2026-09-07T03:00:00Z",
            "2026-09-06",
            "2026-09-07",
        ),
        (
            "Europe/Berlin",
            "2026-10-24T22:00:00Z",
            "2026-10-25T23:00:00Z",
            "2026-10-25",
            "2026-10-26",
        ),
    ] {
        let found = days_in(Some(zone), start, end);
        assert_eq!(found, (first.to_owned(), after.to_owned()), "{zone} {start}");
    }
    let unknown = days_in(None, "2026-06-30T22:00:00Z", "2026-07-01T22:00:00Z");
    assert_eq!(unknown, ("2026-07-01".to_owned(), "2026-07-02".to_owned()));
}
