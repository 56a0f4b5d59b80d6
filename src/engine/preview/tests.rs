//! Tests of previews: what a plan shows, and where two of them part.

mod words;

use super::*;
use crate::domain::kind::Kind;
use crate::domain::observation::Presence;
use crate::engine::testing::{
    Obs, World, day, here, hours, item, named, others, row, seconds, there,
};

fn meeting() -> (crate::engine::testing::Obs, crate::engine::testing::Obs) {
    let ends =
        |obs: crate::engine::testing::Obs| obs.at(hours(24)).invites(&["ann@customer.example"]);
    (ends(row(Kind::Appointment)), ends(item(Kind::Appointment)))
}

#[test]
fn a_moved_meeting_shows_before_after_and_whom_it_mails() {
    // The attendee who leaves and the one who comes are both mailed, and the view names both.
    let world = World::new();
    let (there, here) = meeting();
    let moved = row(Kind::Appointment).at(hours(30)).invites(&["bert@customer.example"]);
    let pairing = world.then(world.linked(&there, &here), &moved);
    let pairing = world.then(pairing, &here);
    let plan = world.plan(vec![pairing]);
    let views = preview(&plan, world.now);
    assert_eq!(views.len(), 1, "{views:#?}");
    let step = views[0].steps.iter().find(|step| step.side == "exchange").unwrap();
    assert_eq!((step.op.as_str(), step.mails), ("update", 1));
    assert_eq!(step.to, ["ann@customer.example", "bert@customer.example"]);
    let start = step.fields.iter().find(|field| field.field == "start").unwrap();
    assert_eq!(start.before, Some(Json::from("2026-03-03T12:00:00Z")));
    assert_eq!(start.after, Some(Json::from("2026-03-03T18:00:00Z")));
    assert!(step.expected.is_some(), "the version is part of the promise");
}

#[test]
fn a_written_occurrence_names_its_own_guests() {
    // The twelfth has guests of its own: they are named, and not the attendees of the series. A write to
    // the thirteenth, or to the series, names these.
    let world = World::new();
    let invited = |obs: Obs| obs.invites(&["ann@customer.example"]);
    let item = invited(here(&[])).item_facts(|facts| facts.guests = vec![(day(12), others(2))]);
    let own = ["other1@fabrikam.test", "other2@fabrikam.test"];
    let ann = ["ann@customer.example"];
    let both = [&ann[..], &own[..]].concat();
    let renamed = |number: u32| invited(there(&[named(number, "New")]));
    for (row, to) in [
        (renamed(12), &own[..]),
        (renamed(13), &ann[..]),
        (renamed(12).text(Field::Location, "Room"), &both[..]),
    ] {
        let pairing = world.then(world.linked(&invited(there(&[])), &item), &row);
        let views = preview(&world.plan(vec![pairing]), world.now);
        let step = views[0].steps.iter().find(|step| step.side == "exchange").unwrap();
        assert!(step.mails > 0, "{step:?}");
        assert_eq!(step.to, to);
    }
}

#[test]
fn the_look_for_duplicates_of_a_new_contact_is_no_booking() {
    // CONF-06, APPT-IN-06: one is asked of a contact, the other of an appointment.
    let world = World::new();
    for (kind, name) in [(Kind::Contact, "duplicateCheck"), (Kind::Appointment, "booking")] {
        let views = preview(&world.plan(vec![world.alone(&item(kind))]), world.now);
        let fields = views[0].steps.iter().flat_map(|step| &step.fields);
        let asks: Vec<&str> = fields
            .map(|one| one.field.as_str())
            .filter(|one| ["duplicateCheck", "booking"].contains(one))
            .collect();
        assert_eq!(asks, [name], "{kind}");
    }
}

#[test]
fn a_delete_shows_what_is_lost() {
    // Every field of the item stands there with nothing after it.
    let world = World::new();
    let (there, here) = (row(Kind::Task), item(Kind::Task));
    let pairing = world.linked(&there, &here);
    let gone = row(Kind::Task).presence(Presence::Deleted).gone();
    let pairing = world.then(world.then(pairing, &gone), &here);
    let views = preview(&world.plan(vec![pairing]), world.now);
    let step = &views[0].steps[0];
    assert_eq!((step.op.as_str(), step.side.as_str()), ("delete", "exchange"));
    assert!(!step.fields.is_empty());
    assert!(step.fields.iter().all(|field| field.before.is_some() && field.after.is_none()));
}

#[test]
fn echoes_and_foreign_items_are_no_part_of_a_view() {
    // What nothing happens to is not shown: an equal pair, and an item that nobody tracks.
    let world = World::new();
    let (there, here) = (row(Kind::Task), item(Kind::Task));
    let same = world.then(world.linked(&there, &here), &here);
    let foreign = world.alone(&item(Kind::Task).id("other").untracked());
    assert_eq!(preview(&world.plan(vec![same, foreign]), world.now), []);
}

#[test]
fn two_plans_of_one_world_do_not_part() {
    // A new row has another id in each plan and its start is the instant of the write: both are
    // no difference. A change of the item is one, and the sentence names it.
    let world = World::new();
    let plan = |obs: &crate::engine::testing::Obs, now| {
        let world = World::with(|world| world.now = now);
        let mut plan = world.plan(vec![world.alone(obs)]);
        plan.entries[0].link.id =
            crate::domain::ids::LinkId(Uuid::from_u128(now.timestamp() as u128));
        preview(&plan, now)
    };
    let first = plan(&item(Kind::Task), world.now);
    let second = plan(&item(Kind::Task), seconds(60));
    assert_ne!(first[0].link, second[0].link);
    assert_eq!(differences(&first, &second), Vec::<String>::new());
    let third = plan(&item(Kind::Task).text(Field::Subject, "Other"), seconds(60));
    let found = differences(&first, &third);
    assert!(found.iter().any(|text| text.contains("after was")), "{found:?}");
    assert_eq!(differences(&first, &[]).len(), 1);
    assert_eq!(differences(&[], &first).len(), 1);
}
