//! Bodies of appointments with and without their format, seen from outside (APPT-OUT-13, REC-09).

use lockstep::domain::code::Code;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{System, person, tracked_event};

const PAGE: &str = "<html><head><style>p {margin:0}</style></head><body lang=\"EN\">\r\n\
    <p class=\"x\"><b>Agenda</b></p>\r\n<ul><li>one</li><li>two &amp; three</li></ul>\
    <script>alert(1)</script></body></html>";
const TIDY: &str = "<p><b>Agenda</b></p><ul><li>one</li><li>two &amp; three</li></ul>";

fn paul() -> System {
    System::new(vec![person(1, "Paul", "Cannon", "Europe/Berlin")])
}

/// Switches the rich editor of the organization.
fn rich(system: &System, on: bool) {
    let mut dataverse = system.organization().dataverse();
    let id = dataverse.organization_id();
    dataverse.admin_set("organizations", id, "appointmentricheditorexperience", json!(on));
}

fn html(system: &System, at: usize) -> String {
    let event = system.events(at).remove(0);
    assert_eq!(event["body"]["contentType"], "html");
    event["body"]["content"].as_str().unwrap().to_owned()
}

fn description(system: &System) -> Value {
    system.rows("appointments").remove(0)["description"].clone()
}

fn appointment(system: &System, body: &str) -> Uuid {
    let mut row = system.meeting("Plan", "2026-12-01T10:00:00Z", &[system.party(0, 7)]);
    row["description"] = json!(body);
    system.create(0, "appointments", &row)
}

/// Nothing is written once both sides are at rest.
fn at_rest(system: &System) {
    system.settled();
    let before = system.writes();
    system.advance(60);
    system.settled();
    assert_eq!(system.writes(), before, "no echo");
}

#[test]
fn appt_out_13_a_format_of_exchange_reaches_dynamics() {
    // What a person formats is kept, what acts or loads is not, and it is text without the switch.
    for (on, expected) in [(true, TIDY), (false, "Agenda\none\ntwo & three")] {
        let system = paul();
        rich(&system, on);
        let mut event = tracked_event("Plan", "2026-12-01T10:00:00Z");
        event["body"] = json!({ "contentType": "html", "content": PAGE });
        let id = system.new_event(0, &event);
        at_rest(&system);
        assert_eq!(description(&system), expected, "{on}");
        assert!(html(&system, 0).contains("<script>"), "Exchange keeps its own page");
        let edit = json!({ "contentType": "html", "content": "<p><i>Later</i></p>" });
        system.edit_event(0, &id, &json!({ "body": edit }));
        at_rest(&system);
        let expected = if on { "<p><i>Later</i></p>" } else { "Later" };
        assert_eq!(description(&system), expected);
    }
}

#[test]
fn appt_out_13_a_format_of_dynamics_reaches_exchange() {
    // A formatted description is a formatted body; without the switch its markup is shown as it
    // stands, which is what the organization sees as well.
    for on in [true, false] {
        let system = paul();
        rich(&system, on);
        let id = appointment(&system, "<p><b>Agenda</b><script>x</script></p>");
        at_rest(&system);
        assert_eq!(html(&system, 0).contains("<p><b>Agenda</b></p>"), on);
        assert_eq!(html(&system, 0).contains("&lt;p&gt;&lt;b&gt;Agenda"), !on);
        let line = system.lines().into_iter().next().unwrap();
        assert_eq!(line.decision.rules.iter().any(|rule| rule.0 == "APPT-OUT-13"), on);
        system.update(0, "appointments", id, &json!({ "description": "<p><u>Later</u></p>" }));
        at_rest(&system);
        assert_eq!(html(&system, 0).contains("<u>Later</u>"), on);
        assert_eq!(description(&system), "<p><u>Later</u></p>", "the row keeps its own");
    }
}

#[test]
fn appt_out_13_a_plain_description_stays_plain() {
    // Nobody formatted it: it goes as text, signs of less included, and does not come back.
    let system = paul();
    rich(&system, true);
    appointment(&system, "one\n1 < 2 & AT&T");
    at_rest(&system);
    assert_eq!(description(&system), "one\n1 < 2 & AT&T");
    assert!(html(&system, 0).contains("1 &lt; 2 &amp; AT&amp;T"));
}

#[test]
fn appt_out_13_the_switch_alone_rewrites_nothing() {
    // On: what both sides agreed on stays; the next edit goes with its format and overwrites no
    // other. Off again: the markup stays in the row, and Exchange keeps its page.
    let system = paul();
    let mut event = tracked_event("Plan", "2026-12-01T10:00:00Z");
    event["body"] = json!({ "contentType": "html", "content": PAGE });
    let id = system.new_event(0, &event);
    at_rest(&system);
    let before = system.writes();
    rich(&system, true);
    at_rest(&system);
    assert_eq!(
        (system.writes(), description(&system)),
        (before, json!("Agenda\none\ntwo & three"))
    );
    let later = json!({ "contentType": "html", "content": "<p><b>Later</b></p>" });
    system.edit_event(0, &id, &json!({ "body": later }));
    at_rest(&system);
    assert_eq!(description(&system), "<p><b>Later</b></p>");
    assert!(!system.codes().contains(&Code::ConflictResolved));
    rich(&system, false);
    at_rest(&system);
    assert_eq!(description(&system), "<p><b>Later</b></p>");
    assert!(html(&system, 0).contains("<b>Later</b>"));
    system.edit_event(0, &id, &json!({ "subject": "Plan B" }));
    at_rest(&system);
    assert!(html(&system, 0).contains("<b>Later</b>"), "Exchange keeps its page");
}

#[test]
fn appt_out_13_an_edit_in_dynamics_after_the_switch_spares_the_page_of_exchange() {
    // The subject changes in Dynamics: the body that Exchange formatted long ago is not flattened.
    let system = paul();
    let mut event = tracked_event("Plan", "2026-12-01T10:00:00Z");
    event["body"] = json!({ "contentType": "html", "content": PAGE });
    system.new_event(0, &event);
    at_rest(&system);
    rich(&system, true);
    let id = crate::harness::guid(&system.rows("appointments")[0], "activityid");
    system.update(0, "appointments", id, &json!({ "subject": "Plan B" }));
    at_rest(&system);
    let event = system.events(0).remove(0);
    assert_eq!(event["subject"], "Plan B");
    assert!(html(&system, 0).contains("<b>Agenda</b>"));
}

#[test]
fn appt_out_13_rec_09_a_series_has_plain_text_whatever_the_organization_says() {
    // Pattern and all, the body of a series is text both ways.
    let system = paul();
    rich(&system, true);
    let mut event = tracked_event("Weekly", "2026-12-01T10:00:00Z");
    event["body"] = json!({ "contentType": "html", "content": PAGE });
    event["recurrence"] = json!({
        "pattern": { "type": "weekly", "interval": 1, "daysOfWeek": ["tuesday"], "firstDayOfWeek": "monday" },
        "range": { "type": "numbered", "startDate": "2026-12-01", "numberOfOccurrences": 3 } });
    system.new_event(0, &event);
    at_rest(&system);
    let row = system.rows("recurringappointmentmasters").remove(0);
    assert_eq!(row["description"], "Agenda\none\ntwo & three");
}
