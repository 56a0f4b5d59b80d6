//! Service activities: one's own silent copy, which follows the row (SVC).

use crate::domain::code::Code;
use crate::domain::field::Field;
use crate::domain::kind::Kind::{Appointment, ServiceAppointment};
use crate::domain::link::{LinkState, Role, Why};
use crate::domain::plan::{MailClass, Verb};
use crate::domain::side::Side::{Dynamics, Exchange};
use crate::engine::catalogue as rule;
use crate::engine::decide::{After, Write};
use crate::engine::matching::Pairing;
use crate::engine::testing::*;

fn pair(world: &World) -> Pairing {
    in_role(world.linked(&row(ServiceAppointment), &item(ServiceAppointment)), Role::PrivateCopy)
}

#[test]
fn svc_01_svc_02_a_row_becomes_a_silent_copy() {
    // Whoever organizes it and whoever takes part: nobody stands in the list of attendees.
    let world = World::new();
    let row = row(ServiceAppointment).invites(&["served@contoso.test", "a@guest.test"]);
    let verdict = world.decide(world.alone(&row));
    assert_eq!((verdict.decision.verb, verdict.role), (Verb::Create(Exchange), Role::PrivateCopy));
    assert!(cites(&verdict, rule::SVC_01) && cites(&verdict, rule::SVC_02));
    let Some(Write::Create { patch, mail }) = verdict.writes.exchange else { panic!("no create") };
    assert_eq!(mail, MailClass::Silent);
    assert!(
        patch
            .iter()
            .all(|(field, _)| field.group() != Some(crate::domain::field::Group::Attendees))
    );
    let body = patch.iter().find(|(field, _)| *field == Field::Body);
    assert!(format!("{body:?}").contains("a@guest.test"), "{body:?}");
}

#[test]
fn svc_04_an_edit_of_the_copy_flows_nowhere() {
    // The same edit of an appointment's event reaches Dynamics.
    let world = World::new();
    let edited = item(ServiceAppointment).text(Field::Subject, "Mine");
    let verdict = world.decide(world.then(pair(&world), &edited));
    assert!(silent(&verdict) && cites(&verdict, rule::SVC_04));
    assert_eq!(verdict.after, After::Agreed);
    let pair = world.linked(&row(Appointment), &item(Appointment));
    let verdict = world.decide(world.then(pair, &item(Appointment).text(Field::Subject, "Mine")));
    assert_eq!(verdict.decision.verb, Verb::Update(Dynamics));
}

#[test]
fn svc_04_when_both_sides_changed_dynamics_wins() {
    // There is no conflict to settle: one side never speaks.
    let world = World::new();
    let pair = world.then(pair(&world), &item(ServiceAppointment).text(Field::Subject, "Mine"));
    let verdict =
        world.decide(world.then(pair, &row(ServiceAppointment).text(Field::Subject, "X")));
    assert_eq!(verdict.decision.verb, Verb::Update(Exchange));
    assert!(!cites(&verdict, rule::CONF_03));
}

#[test]
fn svc_02_svc_03_a_copy_goes_with_its_row_unless_that_would_mail() {
    // Past or future; one to which its user invited people is kept.
    let world = World::new();
    for (start, guests, goes) in
        [(hours(1), &[][..], true), (hours(-1), &[], true), (hours(1), &["a@guest.test"], false)]
    {
        let copy = item(ServiceAppointment).at(start).invites(guests);
        let pairing = world.linked(&row(ServiceAppointment), &copy);
        let pairing = in_role(pairing, Role::PrivateCopy);
        let verdict = world.decide(world.then(pairing, &row(ServiceAppointment).gone()));
        assert_eq!(verdict.decision.verb == Verb::Delete(Exchange), goes, "{guests:?}");
        assert_eq!(verdict.after == After::Unlinked(Why::RowGone), !goes);
        assert!(cites(&verdict, if goes { rule::SVC_03 } else { rule::SVC_02 }));
    }
}

#[test]
fn svc_02_appt_out_08_a_copy_that_invites_is_not_written() {
    // Of a service activity and of an appointment alike: the write would mail.
    let world = World::new();
    for (kind, id) in [(ServiceAppointment, rule::SVC_02), (Appointment, rule::APPT_OUT_08)] {
        let copy = item(kind).invites(&["a@guest.test"]);
        let pairing = in_role(world.linked(&row(kind), &copy), Role::PrivateCopy);
        let verdict = world.decide(world.then(pairing, &row(kind).text(Field::Subject, "Other")));
        assert!(silent(&verdict) && cites(&verdict, id), "{kind}");
        assert_eq!(verdict.decision.code, Some(Code::CopyAttended));
    }
}

#[test]
fn svc_04_a_deleted_copy_is_not_made_again_and_takes_nothing_along() {
    // The row stays, whoever owns it.
    let world = World::new();
    let verdict = world.decide(world.then(pair(&world), &item(ServiceAppointment).gone()));
    assert!(silent(&verdict) && cites(&verdict, rule::SVC_04));
    assert_eq!(verdict.after, After::DeletedInExchange);
    let gone = in_state(pair(&world), LinkState::DeletedInExchange);
    let mut again = world.then(gone, &row(ServiceAppointment).text(Field::Subject, "Other"));
    again.seen.exchange = None;
    assert!(silent(&world.decide(again)));
}
