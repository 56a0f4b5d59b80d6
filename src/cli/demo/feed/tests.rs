//! What the live feed calls an item.

use serde_json::json;

use super::*;
use crate::domain::code::Code;
use crate::domain::ids::{LinkId, NativeId};
use crate::domain::kind::Kind;
use crate::domain::plan::Decision;
use crate::domain::side::PerSide;
use crate::sim::seed::{self, SeedSpec};
use crate::sim::world::{OrganizationSpec, SimClock};

#[test]
fn an_item_whose_row_was_refused_has_its_name_from_exchange() {
    // The link's row never was; the owner's calendar knows what the meeting is called.
    let now = "2026-11-24T09:00:00Z".parse().unwrap();
    let spec = SeedSpec::new("contoso", 1, 7, now);
    let organization = OrganizationSpec::new("contoso", seed::organization(&spec), 7);
    let world = World::new("http://127.0.0.1:1", vec![organization], SimClock::fixed(now).as_fn());
    let organization = &world.organizations[0];
    let mut names = Names::of(&world);
    let person = &organization.people[0];
    let at =
        |hour: &str| json!({ "dateTime": format!("2026-12-01T{hour}:00:00"), "timeZone": "UTC" });
    let body = json!({ "subject": "Clash", "start": at("10"), "end": at("11") });
    let made = organization.graph().user_create_event(&person.address, &body, now).unwrap();
    let line = Line {
        link: LinkId(Uuid::from_u128(1)),
        kind: Kind::Appointment,
        native: PerSide { dynamics: None, exchange: Some(NativeId::new(made)) },
        decision: Decision {
            rules: Vec::new(),
            verb: Verb::Create(Side::Dynamics),
            groups: Vec::new(),
            code: None,
            notes: Vec::new(),
        },
        mail: MailClass::Silent,
        failed: Some(Code::SchedulingConflict),
    };
    assert_eq!(names.name(organization, person.mailbox_id, &line), "Clash");
    assert_eq!(names.name(organization, Uuid::from_u128(9), &line), "Clash", "it is remembered");
}
