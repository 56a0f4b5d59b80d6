//! The edges of the translation: what is held back from a user, how long a text may be, what counts
//! as the same, and what comes only with something else (FLD-04, FLD-05, CONF-03, SVC-06, APPT-IN-10).

use super::{to_dynamics, to_exchange, value};
use crate::domain::code::Code;
use crate::domain::direction::Direction;
use crate::domain::field::{Field, Fields, Group, ShowAs, TodoStatus, Value};
use crate::domain::kind::Kind::{self, Appointment, Contact, PhoneCall, ServiceAppointment, Task};
use crate::domain::party::{Party, PartyRow, PartyTable};
use crate::domain::secured::Access;
use crate::domain::side::Side::{Dynamics, Exchange};
use crate::domain::zone::Zone;
use crate::engine::catalogue as rule;
use crate::engine::groups::max_chars;
use crate::engine::testing::*;
use crate::engine::translate::{changes, local_midnights, service_show_as, translate, turns};

const TITLE: Field = Field::JobTitle;

fn secured(access: Access) -> World {
    World::with(|world| world.mailbox.personal.secured.narrow(Contact, TITLE, access))
}

#[test]
fn fld_04_a_secured_column_goes_where_its_user_may() {
    // A new row needs the right to create, a change that to update, a value towards Exchange that to
    // read, an empty one both: what he may not read only looks empty.
    let open = Access::OPEN;
    let (none_read, none_create, none_update) = (
        Access { read: false, ..open },
        Access { create: false, ..open },
        Access { update: false, ..open },
    );
    let titled = |obs: Obs| obs.text(TITLE, "Chief");
    for (access, new_row, change, read, empty) in [
        (none_read, true, true, false, false),
        (none_create, false, true, true, true),
        (none_update, true, false, true, false),
    ] {
        let world = secured(access);
        let context = world.context();
        let goes = |from, source: &Obs, target: Option<&Obs>| {
            let target = target.map(|it| it.0.fields.clone()).unwrap_or_default();
            let out = translate(Contact, from, &[Group::Work], &source.0.fields, &target, &context);
            let told = out.losses.contains(&Code::ColumnSecured);
            (value(&out, TITLE).is_some(), told)
        };
        let (there, here) = (row(Contact), item(Contact));
        assert_eq!(goes(Exchange, &titled(here.clone()), None), (new_row, !new_row), "{access:?}");
        let changed = goes(Exchange, &titled(here.clone()), Some(&there));
        assert_eq!(changed, (change, !change), "{access:?}");
        let told = goes(Dynamics, &titled(there.clone()), Some(&here));
        assert_eq!(told, (read, !read), "{access:?}");
        let emptied = goes(Dynamics, &there, Some(&titled(here.clone())));
        assert_eq!(emptied, (empty, !empty), "{access:?}");
        // What would change nothing is no loss.
        let same = goes(Exchange, &titled(here), Some(&titled(there)));
        assert!(!same.1, "{access:?}");
    }
    let world = secured(none_read);
    let out = to_exchange(&world, &row(Task), &[Group::Subject]);
    assert!(value(&out, Field::Subject).is_some(), "another kind's column is open");
}

#[test]
fn appt_in_01_only_a_new_row_that_needs_one_gets_a_subject() {
    // Where the subject may not flow, a new activity still needs one; a contact, a change, and a write
    // without the subject do not.
    let subject = |kind: Kind, from, wanted: &[Group], target: &Fields| {
        let world = World::with(|world| {
            world.directions.0.insert((kind, Field::Subject), Direction::None);
        });
        let source = if from == Exchange { item(kind) } else { row(kind) };
        let out = translate(kind, from, wanted, &source.0.fields, target, &world.context());
        value(&out, Field::Subject).is_some()
    };
    let (all, new, there) = ([Group::Subject], Fields::new(), row(Task).0.fields);
    assert!(subject(Task, Exchange, &all, &new));
    assert!(!subject(Task, Exchange, &all, &there));
    assert!(!subject(Task, Exchange, &[Group::Importance], &new));
    assert!(!subject(Task, Dynamics, &all, &new));
    assert!(!subject(Contact, Exchange, &all, &new));
    // Where it flows, the item's own stays.
    let own = to_dynamics_new(&World::new(), &item(Task));
    assert_eq!(own, Some(Some(Value::Text("Call back".to_owned()))));
}

fn to_dynamics_new(world: &World, item: &Obs) -> Option<Option<Value>> {
    let (fields, none) = (&item.0.fields, Fields::new());
    let wanted = [Group::Subject];
    value(
        &translate(item.0.kind, Exchange, &wanted, fields, &none, &world.context()),
        Field::Subject,
    )
}

#[test]
fn fld_05_a_column_holds_exactly_its_length_and_the_mark_only_where_there_is_room() {
    // At the limit nothing is cut; beyond it the text and the mark fill the column to the last unit. A
    // short column has no room for a mark.
    let world = World::new();
    for (field, group, marked) in [
        (TITLE, Group::Work, true),
        (Field::FirstName, Group::Name, false),
        (Field::Suffix, Group::Name, false),
    ] {
        let max = max_chars(Contact, field).unwrap();
        let cut = |length: usize| {
            let here = item(Contact).text(field, &"x".repeat(length));
            let out = to_dynamics(&world, &here, &row(Contact), &[group]);
            let Some(Some(Value::Text(text))) = value(&out, field) else { panic!("no text") };
            (text, out.losses.contains(&Code::TextTruncated))
        };
        assert_eq!(cut(max), ("x".repeat(max), false));
        let (text, told) = cut(max + 1);
        assert!(told && text.encode_utf16().count() == max, "{text}");
        assert_eq!(text.ends_with("… [shortened]"), marked, "{text}");
    }
    // Fifty-two units are four marks exactly: not more, so there is none.
    assert_eq!("… [shortened]".encode_utf16().count() * 4, 52);
}

#[test]
fn fld_05_markup_that_is_too_long_goes_as_text() {
    // At the limit it stays markup; beyond it nobody cuts a tag in two.
    let world = World::with(|world| world.policy.settings.rich_bodies = true);
    let max = max_chars(Appointment, Field::Body).unwrap();
    for (more, markup) in [(0, true), (1, false)] {
        let html = format!("<p>{}</p>", "x".repeat(max - 7 + more));
        assert_eq!(html.len(), max + more);
        let here = item(Appointment).set(Field::Body, Value::Html(html));
        let out = to_dynamics(&world, &here, &row(Appointment), &[Group::Body]);
        let body = value(&out, Field::Body).flatten();
        assert_eq!(matches!(body, Some(Value::Html(_))), markup);
        assert_eq!(out.losses.contains(&Code::TextTruncated), !markup);
    }
}

#[test]
fn conf_03_what_says_the_same_changes_nothing() {
    // Attendees by address and in any order; an absent flag is false; a pattern by its times; a list of
    // occurrences by whether there are any; an account is sent only where its name differs; a body by its words.
    let differ = |field: Field, new: Option<Value>, old: Option<Value>| {
        let mut target = Fields::new();
        target.set(field, old);
        changes(&vec![(field, new)], &target)
    };
    let people = |list: &[&str]| {
        let all = list.iter().map(|text| Party { name: (*text).to_owned(), ..party(text) });
        Some(Value::Parties(all.collect()))
    };
    let renamed =
        Some(Value::Parties(vec![Party { name: "Other".to_owned(), ..party("a@x.test") }]));
    let attendees = Field::RequiredAttendees;
    assert!(!differ(
        attendees,
        people(&["a@x.test", "b@x.test"]),
        people(&["b@x.test", "a@x.test"])
    ));
    assert!(!differ(attendees, renamed, people(&["a@x.test"])));
    assert!(!differ(attendees, people(&[]), None));
    assert!(differ(attendees, people(&["a@x.test"]), None));
    assert!(differ(attendees, people(&["a@x.test"]), people(&["b@x.test"])));
    assert!(differ(Field::Company, people(&[]), None), "an account is sent where the names differ");
    assert!(differ(Field::Company, Some(Value::Text("Contoso".to_owned())), None));
    assert!(!differ(Field::AllDay, Some(Value::Flag(false)), None));
    assert!(!differ(Field::AllDay, None, Some(Value::Flag(false))));
    assert!(differ(Field::AllDay, Some(Value::Flag(true)), None));
    assert!(!differ(Field::Recurrence, Some(daily(1)), Some(daily(1))));
    assert!(differ(Field::Recurrence, Some(daily(2)), Some(daily(1))));
    let mut later = daily(1);
    if let Value::Recurrence(series) = &mut later {
        series.zone = Zone::from_name("UTC").unwrap_or_else(Zone::utc);
    }
    assert!(!differ(Field::Recurrence, Some(later), Some(daily(1))));
    assert!(!differ(Field::Exceptions, Some(Value::Exceptions(vec![])), None));
    assert!(differ(Field::Exceptions, Some(Value::Exceptions(vec![gone(12)])), None));
    let same = Some(Value::Exceptions(vec![gone(12)]));
    assert!(differ(Field::Exceptions, same.clone(), same), "a list of what is to be changed");
    let html = |text: &str| Some(Value::Html(text.to_owned()));
    let text = |text: &str| Some(Value::Text(text.to_owned()));
    assert!(differ(Field::Body, text("one"), text("two")));
    assert!(differ(Field::Subject, text("one"), html("one")), "only a body is read as markup");
    assert!(!differ(Field::ReminderOn, Some(Value::Flag(true)), None), "never read back");
}

#[test]
fn conf_03_only_a_whole_day_gets_midnights_of_its_zone() {
    // Start and end, and nothing else, of an all-day appointment; by the item's zone where the user's
    // is not known, and not at all without either.
    let midnight =
        |number: u32| Value::Time(day(number).and_time(chrono::NaiveTime::MIN).and_utc());
    let patch = |all_day: bool| {
        vec![
            (Field::Start, Some(midnight(10))),
            (Field::End, Some(midnight(11))),
            (Field::Due, Some(midnight(10))),
            (Field::AllDay, Some(Value::Flag(all_day))),
            (Field::Private, Some(Value::Flag(!all_day))),
        ]
    };
    let mut named = Fields::new();
    named.set(Field::Zone, Some(Value::Text("Europe/Helsinki".to_owned())));
    for (zone, item, moves) in
        [(true, Fields::new(), true), (false, named, true), (false, Fields::new(), false)]
    {
        let world = World::with(|world| {
            world.mailbox.personal.zone = zone.then(|| Zone::from_name("Europe/Helsinki").unwrap());
        });
        for all_day in [true, false] {
            let mut out = patch(all_day);
            local_midnights(&mut out, &item, &world.context());
            let of = |field: Field| {
                let found =
                    out.iter().find(|(name, _)| *name == field).and_then(|(_, it)| it.clone());
                let Some(Value::Time(time)) = found else { panic!("{field:?}") };
                (midnight(if field == Field::End { 11 } else { 10 }), Value::Time(time))
            };
            let moved = |(before, after): (Value, Value)| before != after;
            assert_eq!(moved(of(Field::Start)), moves && all_day);
            assert_eq!(moved(of(Field::End)), moves && all_day);
            assert!(!moved(of(Field::Due)));
        }
    }
}

#[test]
fn svc_06_a_service_activity_shows_by_its_reason_first() {
    // Each reason of the product whatever its state, then the state.
    for (state, reasons, shows) in [
        (3, 8..=10, ShowAs::Free),
        (0, 3..=4, ShowAs::Busy),
        (1, 6..=7, ShowAs::Busy),
        (3, 1..=2, ShowAs::Tentative),
    ] {
        for reason in reasons {
            assert_eq!(service_show_as(state, reason), shows, "{state} {reason}");
        }
    }
    for (state, shows) in
        [(0, ShowAs::Tentative), (1, ShowAs::Free), (2, ShowAs::Free), (3, ShowAs::Busy)]
    {
        assert_eq!(service_show_as(state, 100_000_001), shows, "{state}");
        assert_eq!(service_show_as(state, 5), shows, "{state}");
    }
}

#[test]
fn svc_06_the_text_of_a_service_activity_is_written_with_its_notes_or_its_people() {
    // Body or attendees alone are enough; other groups write no text; status says how it shows.
    let world = World::new();
    let there = row(ServiceAppointment).text(Field::Body, "notes").invites(&["a@guest.test"]);
    let text = Some(Some(Value::Text("notes\n\nWith: a@guest.test".to_owned())));
    for (wanted, written) in [
        (&[Group::Body][..], true),
        (&[Group::Attendees], true),
        (&[Group::Body, Group::Attendees], true),
        (&[Group::Subject], false),
    ] {
        let out = to_exchange(&world, &there, wanted);
        assert_eq!(
            value(&out, Field::Body),
            if written { text.clone() } else { None },
            "{wanted:?}"
        );
        assert_eq!(out.rules.contains(&rule::SVC_06), written);
        assert_eq!(value(&out, Field::RequiredAttendees), None, "nobody is invited");
    }
    let out = to_exchange(&world, &there, &[Group::Status]);
    assert!(value(&out, Field::ShowAs).is_some());
    // Towards Dynamics nothing of it is written, and an appointment keeps body and people apart.
    let plain = to_exchange(&world, &row(Appointment).text(Field::Body, "notes"), &[Group::Body]);
    assert_eq!(value(&plain, Field::Body), Some(Some(Value::Text("notes".to_owned()))));
}

#[test]
fn appt_in_10_an_address_gets_its_row_and_a_made_one_only_where_there_is_none() {
    // Known people by their rows (RES-02); a stranger's row only when nobody carries the address (RES-03).
    let known = PartyRow { table: PartyTable::Contact, id: row_guid(5) };
    let made = PartyRow { table: PartyTable::Lead, id: row_guid(6) };
    let guest = address("a@guest.test");
    for (is_known, is_made, expected, rules) in [
        (true, true, Some(known), [true, false]),
        (true, false, Some(known), [true, false]),
        (false, true, Some(made), [false, true]),
        (false, false, None, [false, false]),
    ] {
        let world = World::with(|world| {
            if is_known {
                world.parties.insert(guest.clone(), known);
            }
            if is_made {
                world.strangers.insert(guest.clone(), made);
            }
        });
        let here = item(Appointment).invites(&["a@guest.test"]);
        let out = to_dynamics(&world, &here, &row(Appointment), &[Group::Attendees]);
        let Some(Some(Value::Parties(list))) = value(&out, Field::RequiredAttendees) else {
            panic!("no list")
        };
        assert_eq!(list[0].row, expected);
        let cited = [rule::RES_02, rule::RES_03].map(|id| out.rules.contains(&id));
        assert_eq!(cited, rules);
    }
    let enabled = World::new();
    let here = item(Appointment).invites(&["served@contoso.test", "disabled@contoso.test"]);
    let out = to_dynamics(&enabled, &here, &row(Appointment), &[Group::Attendees]);
    let rules = [rule::RES_01, rule::RES_02, rule::APPT_IN_10];
    assert_eq!(rules.map(|id| out.rules.contains(&id)), [true; 3]);
    let alone = item(Appointment).invites(&["served@contoso.test"]);
    let out = to_dynamics(&enabled, &alone, &row(Appointment), &[Group::Attendees]);
    assert!(!out.rules.contains(&rule::RES_01), "nobody was refused");
}

#[test]
fn cont_08_an_equal_company_is_neither_written_nor_lost() {
    // The parent has that name already: nothing to say, whether or not the account is known.
    let name = |obs: Obs| obs.text(Field::Company, "Contoso");
    for known in [true, false] {
        let world = World::with(|world| {
            if known {
                world.accounts.insert("Contoso".to_owned(), row_guid(8));
            }
        });
        let out = to_dynamics(&world, &name(item(Contact)), &name(row(Contact)), &[Group::Company]);
        assert!(out.patch.is_empty() && out.losses.is_empty(), "{known}");
    }
}

#[test]
fn addr_01_addr_02_the_rule_of_an_address_is_cited_where_one_is_written() {
    // One address or all three; nothing on either side cites nothing.
    for (three, id) in [(false, rule::ADDR_01), (true, rule::ADDR_02)] {
        let world = World::with(|world| world.policy.settings.three_addresses = three);
        let out = to_exchange(&world, &row(Contact), &[Group::Address1]);
        assert!(out.rules.contains(&id) && out.rules.contains(&rule::ADDR_03));
        let out = to_exchange(&world, &row(Contact).without(Field::City1), &[Group::Address1]);
        assert!(out.patch.is_empty() && out.rules.is_empty());
    }
}

#[test]
fn task_out_07_a_percentage_that_exchange_cannot_show_is_told() {
    // Of a task in progress, from one to ninety-nine; not of one that was not begun, is done, or is a call.
    let world = World::new();
    let told = |kind: Kind, state: i64, reason: i64, percent: i64| {
        let there = row(kind).status(state, reason).percent(percent);
        to_exchange(&world, &there, &[Group::Status]).losses.contains(&Code::PercentKept)
    };
    for (percent, expected) in [(0, false), (1, true), (50, true), (99, true), (100, false)] {
        assert_eq!(told(Task, 0, 3, percent), expected, "{percent}");
    }
    assert!(!told(Task, 1, 5, 50), "completed");
    assert!(!told(PhoneCall, 0, 1, 50), "a call has none");
}

#[test]
fn task_out_11_a_start_cites_its_rule_only_without_a_due_date() {
    // TASK-OUT-04 is cited where either side has a due date.
    let world = World::new();
    let (due, start) = ([Group::Due], [Group::TaskStart]);
    let bare = row(Task).without(Field::Due);
    let started = bare.clone().time(Field::TaskStart, hours(1));
    let cited =
        |there: &Obs, wanted: &[Group], id| to_exchange(&world, there, wanted).rules.contains(&id);
    assert!(cited(&started, &start, rule::TASK_OUT_11));
    assert!(!cited(&bare, &start, rule::TASK_OUT_11));
    let both = row(Task).time(Field::TaskStart, hours(1));
    assert!(!cited(&both, &start, rule::TASK_OUT_11));
    assert!(cited(&row(Task), &due, rule::TASK_OUT_04));
    assert!(!cited(&bare, &due, rule::TASK_OUT_04));
    let emptied = to_dynamics(&world, &item(Task).without(Field::Due), &row(Task), &due);
    assert!(emptied.rules.contains(&rule::TASK_OUT_04), "an emptied date is one, too");
}

#[test]
fn task_out_10_what_turns_by_itself_is_an_open_tasks() {
    // Its actual end, of tasks alone; read to the letter, its reminder, of every task-like row.
    let world = |literal| World::with(|world| world.policy.literal_task_reminder = literal);
    let turned = |there: &Obs, literal: bool| {
        let world = world(literal);
        let context = world.context();
        let groups = turns(there.0.kind, &there.0.fields, &context).map(|(_, group)| group);
        groups.collect::<Vec<_>>()
    };
    let ends = |kind: Kind| row(kind).time(Field::ActualEnd, hours(1));
    assert_eq!(turned(&ends(Task), false), [Group::Status]);
    assert_eq!(turned(&ends(Task), true), [Group::Status, Group::Due]);
    assert_eq!(turned(&ends(Task).status(1, 5), true), []);
    assert_eq!(turned(&ends(PhoneCall), false), []);
    assert_eq!(turned(&ends(PhoneCall), true), [Group::Due]);
    let meeting = ends(Appointment).time(Field::Due, hours(2)).status(0, 1);
    assert_eq!(turned(&meeting, true), []);
}

#[test]
fn task_in_02_the_end_of_a_completed_call_is_the_users_day_and_of_a_task_the_utc_day() {
    // Exchange tells the day of a completion; only the other kinds read it on the user's clock.
    let world = World::with(|world| {
        world.mailbox.personal.zone = Some(Zone::from_name("Pacific/Auckland").unwrap());
        world.now = hours(24 * 30);
    });
    let ended = |kind: Kind| {
        let midnight = day(20).and_time(chrono::NaiveTime::MIN).and_utc();
        let here = item(Task).todo(TodoStatus::Completed).time(Field::CompletedAt, midnight);
        let out = to_dynamics(&world, &here, &row(kind), &[Group::Status]);
        value(&out, Field::ActualEnd).flatten()
    };
    assert_ne!(ended(Task), ended(PhoneCall));
    let midnight = day(20).and_time(chrono::NaiveTime::MIN).and_utc();
    assert_eq!(ended(Task), Some(Value::Time(midnight)));
    // A time of day is told as it is, however late.
    let late = hours(24 * 40);
    let here = item(Task).todo(TodoStatus::Completed).time(Field::CompletedAt, late);
    let out = to_dynamics(&world, &here, &row(Task), &[Group::Status]);
    assert_eq!(value(&out, Field::ActualEnd).flatten(), Some(Value::Time(late)));
    let open = item(Task).todo(TodoStatus::InProgress).time(Field::CompletedAt, late);
    let out = to_dynamics(&world, &open, &row(Task), &[Group::Status]);
    assert_eq!(value(&out, Field::ActualEnd), Some(None));
}
