//! In which form a body is compared (APPT-OUT-13).

use crate::domain::field::{Field, Value};
use crate::domain::kind::Kind::{self, Appointment, RecurringAppointment, Task};
use crate::engine::testing::*;

#[test]
fn appt_out_13_only_a_single_appointment_keeps_its_format_and_only_where_it_is_wanted() {
    // Exchange says what is markup, a row shows it. Everything else is text, or stays as it is written.
    let markup = "<p>one <b>two</b></p>";
    let plain = |text: &str| Some(Value::Text(text.to_owned()));
    let body = |obs: Obs, rich: bool| {
        let world = World::with(|world| world.policy.settings.rich_bodies = rich);
        world.seen(&obs).observation.fields.get(Field::Body).cloned()
    };
    let here = |kind: Kind, html: bool| {
        item(kind).text(Field::Body, markup).item_facts(|facts| facts.html = html)
    };
    let there = |kind: Kind, text: &str| row(kind).text(Field::Body, text);
    assert!(matches!(body(here(Appointment, true), true), Some(Value::Html(_))));
    assert_eq!(body(here(Appointment, false), true), plain(markup));
    assert_eq!(body(here(Appointment, true), false), plain("one two"));
    assert_eq!(body(here(Appointment, false), false), plain(markup));
    for kind in [RecurringAppointment, Task] {
        assert_eq!(body(here(kind, true), true), plain("one two"), "{kind}");
        assert_eq!(body(there(kind, markup), true), plain(markup), "{kind}");
    }
    assert!(matches!(body(there(Appointment, markup), true), Some(Value::Html(_))));
    assert_eq!(body(there(Appointment, "one two"), true), plain("one two"));
    assert_eq!(body(there(Appointment, markup), false), plain(markup));
}

#[test]
fn appt_out_13_plain_text_of_a_row_keeps_its_lines() {
    // Where formats travel, too: only markup is read as markup.
    let world = World::with(|world| world.policy.settings.rich_bodies = true);
    let lines = "one\n\n  two   three\nfour";
    let seen = world.seen(&row(Appointment).text(Field::Body, lines)).observation;
    assert_eq!(seen.fields.get(Field::Body), Some(&Value::Text(lines.to_owned())));
}
