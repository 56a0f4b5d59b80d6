//! Tests of the translation: status tables, reminders, dates, texts, attendees (rules.md §2).

mod alike;
mod edges;

use crate::domain::code::Code;
use crate::domain::field::{Field, Fields, Group, ShowAs, TodoStatus, Value};
use crate::domain::kind::Kind::{self, Appointment, Contact, Fax, Letter, PhoneCall, Task};
use crate::domain::party::Party;
use crate::domain::side::Side::{Dynamics, Exchange};
use crate::engine::catalogue as rule;
use crate::engine::testing::*;
use crate::engine::translate::{
    Translation, changes, reminder_off, row_status_of, service_show_as, show_as_of, todo_status_of,
    translate,
};

fn value(out: &Translation, field: Field) -> Option<Option<Value>> {
    out.patch.iter().find(|(name, _)| *name == field).map(|(_, value)| value.clone())
}

fn to_exchange(world: &World, row: &Obs, wanted: &[Group]) -> Translation {
    let fields = &row.0.fields;
    translate(row.0.kind, Dynamics, wanted, fields, &Fields::new(), &world.context())
}

fn to_dynamics(world: &World, item: &Obs, row: &Obs, wanted: &[Group]) -> Translation {
    let (item_fields, row_fields) = (&item.0.fields, &row.0.fields);
    translate(row.0.kind, Exchange, wanted, item_fields, row_fields, &world.context())
}

#[test]
fn appt_out_02_appt_out_03_the_status_table_of_rows() {
    // Each state and reason shows in the calendar as the table of §2.2 says.
    for (state, reason, shows) in [
        (0, 1, ShowAs::Free),
        (0, 2, ShowAs::Tentative),
        (1, 3, ShowAs::Free),
        (2, 4, ShowAs::Free),
        (3, 5, ShowAs::Busy),
        (3, 6, ShowAs::Oof),
        (1, 5, ShowAs::Free),
    ] {
        assert_eq!(show_as_of(state, reason), shows, "{state}/{reason}");
    }
}

#[test]
fn appt_in_02_appt_in_03_appt_in_04_the_status_table_of_events() {
    // Each calendar status becomes state and reason; unknown changes nothing.
    for (shows, state, becomes) in [
        (ShowAs::Free, 0, Some((0, 1))),
        (ShowAs::Free, 3, Some((0, 1))),
        (ShowAs::Free, 1, Some((1, 3))),
        (ShowAs::Free, 2, Some((1, 3))),
        (ShowAs::WorkingElsewhere, 0, Some((0, 1))),
        (ShowAs::Tentative, 0, Some((0, 2))),
        (ShowAs::Busy, 0, Some((3, 5))),
        (ShowAs::Oof, 0, Some((3, 6))),
        (ShowAs::Unknown, 0, None),
    ] {
        assert_eq!(row_status_of(shows, state), becomes, "{shows:?} {state}");
    }
}

#[test]
fn appt_out_04_exactly_seven_days_still_rings() {
    // The reminder goes off one second beyond seven days, and never by the end of the meeting.
    let week = -7 * 24 * 3600;
    for (start, off) in [(seconds(week), false), (seconds(week - 1), true), (seconds(1), false)] {
        let row = row(Appointment).at(start).time(Field::End, hours(200)).status(3, 5);
        let rule = off.then_some(rule::APPT_OUT_04);
        assert_eq!(reminder_off(Appointment, &row.0.fields, now()), rule, "{start}");
    }
}

#[test]
fn appt_out_05_what_shows_free_does_not_ring() {
    // Free, completed and canceled rows get no reminder; tentative, busy and out of office may.
    for (state, reason, off) in
        [(0, 1, true), (1, 3, true), (2, 4, true), (0, 2, false), (3, 5, false), (3, 6, false)]
    {
        let row = row(Appointment).status(state, reason);
        let rule = off.then_some(rule::APPT_OUT_05);
        assert_eq!(reminder_off(Appointment, &row.0.fields, now()), rule, "{state}/{reason}");
    }
}

#[test]
fn svc_06_the_status_table_of_service_activities() {
    // Requested and tentative are tentative, scheduled reasons busy, closed ones free; a reason
    // that the organization added shows as its state.
    for (state, reason, shows) in [
        (0, 1, ShowAs::Tentative),
        (0, 2, ShowAs::Tentative),
        (3, 3, ShowAs::Busy),
        (3, 4, ShowAs::Busy),
        (3, 6, ShowAs::Busy),
        (3, 7, ShowAs::Busy),
        (1, 8, ShowAs::Free),
        (2, 9, ShowAs::Free),
        (2, 10, ShowAs::Free),
        (0, 700, ShowAs::Tentative),
        (1, 700, ShowAs::Free),
        (2, 700, ShowAs::Free),
        (3, 700, ShowAs::Busy),
    ] {
        assert_eq!(service_show_as(state, reason), shows, "{state}/{reason}");
    }
}

#[test]
fn task_out_05_task_out_06_task_out_07_the_status_table_of_tasks() {
    // State and percentage become the status of the item.
    use TodoStatus as T;
    for (state, reason, percent, status) in [
        (0, 2, None, T::NotStarted),
        (0, 3, None, T::NotStarted),
        (0, 7, None, T::NotStarted),
        (1, 5, None, T::Completed),
        (2, 6, None, T::Completed),
        (0, 2, Some(0), T::NotStarted),
        (0, 2, Some(1), T::InProgress),
        (0, 2, Some(99), T::InProgress),
        (0, 2, Some(100), T::Completed),
        (2, 6, Some(10), T::Completed),
    ] {
        let world = World::new();
        let row = row(Task).status(state, reason);
        let row = if let Some(percent) = percent { row.percent(percent) } else { row };
        let became = todo_status_of(Task, &row.0.fields, &world.policy, now());
        assert_eq!(became, status, "{state}/{reason} {percent:?}");
    }
}

#[test]
fn task_out_05_the_reason_of_an_open_task_is_kept_when_asked() {
    // With the tenant's choice, in progress, waiting and deferred are told; closed stays closed.
    use TodoStatus as T;
    let world = World::with(|world| world.policy.preserve_status_reason = true);
    for (state, reason, status) in [
        (0, 3, T::InProgress),
        (0, 4, T::WaitingOnOthers),
        (0, 7, T::Deferred),
        (0, 2, T::NotStarted),
        (1, 5, T::Completed),
    ] {
        let row = row(Task).status(state, reason);
        assert_eq!(todo_status_of(Task, &row.0.fields, &world.policy, now()), status);
    }
}

#[test]
fn task_out_06_closed_calls_letters_and_faxes_are_completed() {
    // Every closed state of the other kinds shows as completed, an open one as not started.
    let world = World::new();
    for kind in [PhoneCall, Letter, Fax] {
        for (state, status) in
            [(0, TodoStatus::NotStarted), (1, TodoStatus::Completed), (2, TodoStatus::Completed)]
        {
            let row = row(kind).status(state, 1);
            assert_eq!(todo_status_of(kind, &row.0.fields, &world.policy, now()), status);
        }
    }
}

#[test]
fn task_out_10_an_actual_end_in_the_past_completes() {
    // An open task with an actual end before now is completed; at or after now it is not.
    let world = World::new();
    for (end, status) in [
        (seconds(-1), TodoStatus::Completed),
        (seconds(0), TodoStatus::NotStarted),
        (hours(24), TodoStatus::NotStarted),
    ] {
        let row = row(Task).time(Field::ActualEnd, end);
        assert_eq!(todo_status_of(Task, &row.0.fields, &world.policy, now()), status, "{end}");
    }
}

#[test]
fn task_out_02_the_reminder_rings_until_a_day_after_the_due_time() {
    // Open rows due later than 24 hours ago ring at the due time; the literal reading is a choice.
    let day = -24 * 3600;
    for (due, state, literal, rings) in [
        (seconds(day), 0, false, false),
        (seconds(day + 1), 0, false, true),
        (hours(48), 0, false, true),
        (hours(48), 1, false, false),
        (hours(48), 2, false, false),
        (hours(48), 3, false, true),
        (seconds(day - 1), 0, true, true),
        (seconds(day), 0, true, false),
    ] {
        let world = World::with(|world| world.policy.literal_task_reminder = literal);
        let row = row(Task).time(Field::Due, due).status(state, 2);
        let out = to_exchange(&world, &row, &[Group::Due]);
        assert_eq!(value(&out, Field::ReminderOn), Some(Some(Value::Flag(rings))), "{due} {state}");
        assert_eq!(value(&out, Field::ReminderAt).flatten(), rings.then_some(Value::Time(due)));
    }
    let world = World::new();
    let out = to_exchange(&world, &row(Task).without(Field::Due), &[Group::Status]);
    assert_eq!(value(&out, Field::ReminderOn), Some(Some(Value::Flag(false))));
}

#[test]
fn task_out_04_task_out_08_dates_reach_exchange_as_days() {
    // Due date and completion are days there.
    let world = World::new();
    let row = row(Task).status(1, 5).time(Field::ActualEnd, hours(-5));
    let out = to_exchange(&world, &row, &[Group::Due, Group::Status]);
    assert_eq!(value(&out, Field::Due), Some(Some(Value::Time(hours(36)))));
    assert_eq!(value(&out, Field::CompletedAt), Some(Some(Value::Time(hours(-12)))));
}

#[test]
fn task_out_11_a_missing_due_date_stays_missing() {
    // A start without a due date is carried alone.
    let world = World::new();
    let row = row(Task).without(Field::Due).time(Field::TaskStart, hours(5));
    let out = to_exchange(&world, &row, &[Group::Due, Group::TaskStart]);
    assert_eq!(value(&out, Field::Due), Some(None));
    assert_eq!(value(&out, Field::TaskStart), Some(Some(Value::Time(hours(-12)))));
}

#[test]
fn task_out_03_the_time_of_a_due_date_stays_the_rows_own() {
    // Exchange changes the day; the row keeps its hour.
    let world = World::new();
    let row = row(Task).time(Field::Due, hours(3));
    let out = to_dynamics(&world, &item(Task), &row, &[Group::Due]);
    assert_eq!(value(&out, Field::Due), Some(Some(Value::Time(hours(51)))));
    assert_eq!(value(&out, Field::ReminderAt), None);
}

#[test]
fn task_in_02_task_in_05_task_in_06_the_status_table_of_items() {
    // Each status of an item becomes state and reason by the kind of the row.
    use TodoStatus as T;
    let table: [(Kind, T, i64, i64); 13] = [
        (Task, T::NotStarted, 0, 2),
        (Task, T::InProgress, 0, 3),
        (Task, T::WaitingOnOthers, 0, 4),
        (Task, T::Deferred, 0, 7),
        (Task, T::Completed, 1, 5),
        (PhoneCall, T::NotStarted, 0, 1),
        (PhoneCall, T::Deferred, 0, 1),
        (PhoneCall, T::Completed, 1, 2),
        (Letter, T::InProgress, 0, 1),
        (Letter, T::Completed, 1, 4),
        (Fax, T::WaitingOnOthers, 0, 1),
        (Fax, T::Completed, 1, 2),
        (Fax, T::NotStarted, 0, 1),
    ];
    for (kind, status, state, reason) in table {
        let world = World::new();
        let out = to_dynamics(&world, &item(kind).todo(status), &row(kind), &[Group::Status]);
        let number = |field| value(&out, field).flatten();
        assert_eq!(number(Field::State), Some(Value::Number(state)), "{kind} {status:?}");
        assert_eq!(number(Field::StatusReason), Some(Value::Number(reason)));
        let percent = number(Field::PercentComplete);
        let hundred = kind == Task && status == T::Completed;
        assert_eq!(percent == Some(Value::Number(100)), hundred);
    }
}

#[test]
fn task_in_05_a_canceled_row_stays_canceled() {
    // A canceled row shows as completed; that this comes back does not complete it.
    let world = World::new();
    let done = item(Task).todo(TodoStatus::Completed);
    let out = to_dynamics(&world, &done, &row(Task).status(2, 6), &[Group::Status]);
    assert_eq!(out.patch, []);
}

#[test]
fn task_in_02_a_reopened_task_loses_its_end_and_its_hundred_percent() {
    // Otherwise the rules towards Exchange would complete it again at once.
    let world = World::new();
    let row = row(Task).status(1, 5).percent(100).time(Field::ActualEnd, hours(-3));
    for (status, percent) in [(TodoStatus::InProgress, 50), (TodoStatus::NotStarted, 0)] {
        let out = to_dynamics(&world, &item(Task).todo(status), &row, &[Group::Status]);
        assert_eq!(value(&out, Field::ActualEnd), Some(None));
        assert_eq!(value(&out, Field::PercentComplete), Some(Some(Value::Number(percent))));
        let mut after = row.0.fields.clone();
        for (field, value) in out.patch {
            after.set(field, value);
        }
        assert_eq!(todo_status_of(Task, &after, &world.policy, now()), status);
    }
}

#[test]
fn fld_05_a_text_is_cut_to_its_column_and_noted() {
    // Texts up to the limit pass whole; longer ones are cut, counted in UTF-16 units.
    let world = World::new();
    for (text, max) in [("a".repeat(2001), 2000), ("🙂".repeat(1001), 2000)] {
        let long = item(Task).text(Field::Body, &text);
        let out = to_dynamics(&world, &long, &row(Task), &[Group::Body]);
        let Some(Some(Value::Text(cut))) = value(&out, Field::Body) else { panic!("no body") };
        assert!(cut.encode_utf16().count() <= max && cut.ends_with("[shortened]"));
        assert_eq!(out.losses, [Code::TextTruncated]);
    }
    for (kind, field, text) in [
        (Task, Field::Body, "a".repeat(2000)),
        (Appointment, Field::Body, "a".repeat(2001)),
        (Appointment, Field::Location, "a".repeat(200)),
    ] {
        let fits = item(kind).text(field, &text);
        let group = field.group().unwrap();
        let out = to_dynamics(&world, &fits, &row(kind), &[group]);
        assert_eq!(value(&out, field), Some(Some(Value::Text(text))));
        assert_eq!(out.losses, []);
    }
}

#[test]
fn fld_05_a_cut_text_does_not_echo() {
    // The row that holds the cut text already says what the long one would write.
    let world = World::new();
    let long = item(Contact).text(Field::Body, &"word ".repeat(600));
    let out = to_dynamics(&world, &long, &row(Contact), &[Group::Body]);
    let Some(Some(cut)) = value(&out, Field::Body) else { panic!("no body") };
    let cut_row = row(Contact).set(Field::Body, cut);
    let stored = world.seen(&cut_row).observation.fields;
    let again = to_dynamics(&world, &long, &cut_row, &[Group::Body]);
    assert!(!changes(&again.patch, &stored));
}

#[test]
fn appt_in_10_attendees_without_address_stay_on_the_row() {
    // Exchange cannot hold them, so a change from there does not remove them.
    let world = World::new();
    let nameless = Party { address: None, name: "Rowan".to_owned(), row: None };
    let parties = vec![nameless.clone(), party("a@guest.test")];
    let row = row(Appointment).set(Field::RequiredAttendees, Value::Parties(parties));
    let item = item(Appointment).invites(&["b@guest.test"]);
    let out = to_dynamics(&world, &item, &row, &[Group::Attendees]);
    let Some(Some(Value::Parties(list))) = value(&out, Field::RequiredAttendees) else {
        panic!("no attendees");
    };
    assert_eq!(list.len(), 2);
    assert!(list.contains(&nameless));
    let out = to_exchange(&world, &row, &[Group::Attendees]);
    assert_eq!(out.losses, [Code::ValuesDropped]);
}

#[test]
fn res_02_a_user_wins_and_a_disabled_one_never_resolves() {
    // The directory is asked first; a disabled user's address is an address only.
    let world = World::new();
    let item = item(Appointment).invites(&["served@contoso.test", "disabled@contoso.test"]);
    let out = to_dynamics(&world, &item, &row(Appointment), &[Group::Attendees]);
    let Some(Some(Value::Parties(list))) = value(&out, Field::RequiredAttendees) else {
        panic!("no attendees");
    };
    let rows: Vec<_> = list.iter().map(|party| party.row.map(|row| row.id)).collect();
    assert_eq!(rows, [Some(SERVED.0), None]);
}

#[test]
fn conf_03_an_emptied_field_is_emptied_on_the_other_side() {
    // What the source no longer holds is removed from the target.
    let world = World::new();
    let target = item(Contact).text(Field::JobTitle, "Head");
    let source = row(Contact);
    let (from, to) = (&source.0.fields, &target.0.fields);
    let out = translate(Contact, Dynamics, &[Group::Work], from, to, &world.context());
    assert_eq!(out.patch, [(Field::JobTitle, None)]);
}

#[test]
fn task_out_04_a_due_date_is_a_day_of_its_users_clock() {
    // Late in the evening, at UTC+14 and UTC-11 and over a change of the clocks: the user's day,
    // and back to the time of day that the row has.
    let at = |text: &str| text.parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    for (zone, due, day, moved, becomes) in [
        (
            "Pacific/Kiritimati",
            "2026-06-30T20:00:00Z",
            "2026-07-01",
            "2026-07-03",
            "2026-07-02T20:00:00Z",
        ),
        (
            "Pacific/Pago_Pago",
            "2026-07-02T09:30:00Z",
            "2026-07-01",
            "2026-07-02",
            "2026-07-03T09:30:00Z",
        ),
        (
            "Europe/Berlin",
            "2026-10-24T22:30:00Z",
            "2026-10-25",
            "2026-10-26",
            "2026-10-25T23:30:00Z",
        ),
        ("UTC", "2026-10-24T22:30:00Z", "2026-10-24", "2026-10-26", "2026-10-26T22:30:00Z"),
    ] {
        let world = World::with(|world| {
            world.mailbox.personal.zone = crate::domain::zone::Zone::from_name(zone);
        });
        let midnight = |day: &str| at(&format!("{day}T00:00:00Z"));
        let row = row(Task).time(Field::Due, at(due));
        let out = to_exchange(&world, &row, &[Group::Due]);
        assert_eq!(value(&out, Field::Due), Some(Some(Value::Time(midnight(day)))), "{zone}");
        let same = item(Task).time(Field::Due, midnight(day));
        let out = to_dynamics(&world, &same, &row, &[Group::Due]);
        assert_eq!(value(&out, Field::Due), Some(Some(Value::Time(at(due)))), "{zone}: unmoved");
        let other = item(Task).time(Field::Due, midnight(moved));
        let out = to_dynamics(&world, &other, &row, &[Group::Due]);
        assert_eq!(value(&out, Field::Due), Some(Some(Value::Time(at(becomes)))), "{zone}: moved");
    }
}

#[test]
fn cont_08_a_company_becomes_the_one_account_of_its_name() {
    // Known: that account. Unknown, or emptied: nothing is written, and the loss is noted. The
    // user's own switch closes both ways.
    let id = row_guid(70);
    let mut world = World::with(|world| {
        world.accounts.insert("Fabrikam".to_owned(), id);
    });
    let contact = row(Contact).text(Field::Company, "Contoso");
    let named = |name: &str| item(Contact).text(Field::Company, name);
    let out = to_dynamics(&world, &named("Fabrikam"), &contact, &[Group::Company]);
    let Some(Some(Value::Parties(found))) = value(&out, Field::Company) else { panic!("{out:?}") };
    assert_eq!(found[0].row.map(|row| row.id), Some(id));
    for other in [named("fabrikam"), item(Contact).without(Field::Company)] {
        let out = to_dynamics(&world, &other, &contact, &[Group::Company]);
        assert_eq!((out.patch.len(), out.losses), (0, vec![Code::CompanyUnknown]));
    }
    let out = to_exchange(&world, &contact, &[Group::Company]);
    assert_eq!(value(&out, Field::Company), Some(Some(Value::Text("Contoso".to_owned()))));
    world.mailbox.personal.contact_company = false;
    let out = to_exchange(&world, &contact, &[Group::Company]);
    assert_eq!((out.patch.len(), out.losses), (0, vec![Code::DirectionForbids]));
    let out = to_dynamics(&world, &named("Fabrikam"), &contact, &[Group::Company]);
    assert_eq!(out.patch.len(), 0);
}
