//! What a new item is made as, and as what two that meet are joined (APPT-OUT-08, APPT-OUT-14,
//! CXL-04, FLD-02, REC-01).

use chrono::{NaiveDate, NaiveTime};

use crate::domain::direction::Direction;
use crate::domain::field::{Field, Value};
use crate::domain::kind::Kind::{Appointment, RecurringAppointment, Task};
use crate::domain::link::{Role, Why};
use crate::domain::observation::Presence;
use crate::domain::plan::MailClass;
use crate::domain::recurrence::{End, Pattern, Recurrence};
use crate::domain::side::Side::Exchange;
use crate::domain::zone::Zone;
use crate::engine::catalogue as rule;
use crate::engine::decide::{After, Verdict, Write};
use crate::engine::testing::*;

const GUEST: &str = "served@contoso.test";

fn mail(verdict: &Verdict) -> Option<MailClass> {
    match verdict.writes.exchange.as_ref()? {
        Write::Create { mail, .. } => Some(*mail),
        Write::Update { .. } | Write::Unmark { .. } | Write::Delete { .. } => None,
    }
}

#[test]
fn cxl_04_a_canceled_row_is_not_made_only_where_it_would_be_deleted_at_once() {
    // Both must hold: the organization propagates cancellations, and the row is canceled.
    for (propagates, state, made) in
        [(true, 2, false), (true, 0, true), (true, 1, true), (false, 2, true)]
    {
        let world = World::with(|world| world.policy.settings.propagate_cancellations = propagates);
        let verdict = world.decide(world.alone(&row(Appointment).status(state, 4)));
        assert_eq!(verdict.writes.exchange.is_some(), made, "{propagates} {state}");
        assert_eq!(cites(&verdict, rule::CXL_04), !made, "{propagates} {state}");
        assert!(!cites(&verdict, rule::REC_01), "it is no series");
    }
}

#[test]
fn fld_02_attendees_that_may_not_reach_exchange_are_not_mailed() {
    // The same meeting: with its guest one mail, with a direction that keeps him back none.
    for (closed, expected) in [(false, MailClass::Mails(1)), (true, MailClass::Silent)] {
        let world = World::with(|world| {
            if closed {
                let field = (Appointment, Field::RequiredAttendees);
                world.directions.0.insert(field, Direction::ToDynamics);
            }
        });
        let verdict = world.decide(world.alone(&row(Appointment).invites(&[GUEST])));
        assert_eq!(mail(&verdict), Some(expected), "{closed}");
    }
}

#[test]
fn appt_out_14_a_silent_copy_says_all_but_who_attends() {
    // The meeting of a user who is not served: subject and time, nobody invited.
    let world = World::new();
    let row = row(Appointment).organized_by(UNSERVED).invites(&["me@contoso.test", GUEST]);
    let verdict = world.decide(world.alone(&row));
    assert_eq!((verdict.role, mail(&verdict)), (Role::PrivateCopy, Some(MailClass::Silent)));
    assert!(writes(&verdict, Exchange, Field::Subject).is_some_and(|value| value.is_some()));
    let guests = writes(&verdict, Exchange, Field::RequiredAttendees).flatten();
    assert_eq!(guests.unwrap_or(Value::Parties(Vec::new())), Value::Parties(Vec::new()));
}

#[test]
fn appt_out_14_a_copy_that_was_made_is_found_again_as_a_copy() {
    // One's own event whose row names another organizer is a copy; so is one whose link said so.
    // With oneself as organizer, or with another's event, it is what the event says.
    let world = World::new();
    let mine = || item(Appointment).marked(row_guid(1));
    let joined = |row: Obs, item: Obs| world.decide(world.met(&row, &item)).role;
    assert_eq!(joined(row(Appointment).organized_by(UNSERVED), mine()), Role::PrivateCopy);
    assert_eq!(joined(row(Appointment).organized_by(ME), mine()), Role::Owner);
    let theirs = mine().held_by("boss@elsewhere.test");
    assert_eq!(joined(row(Appointment).organized_by(UNSERVED), theirs), Role::Guest);
    let known = world.linked(&row(Appointment).organized_by(ME), &mine());
    let state = crate::domain::link::LinkState::LeftAlone;
    let known = in_role(in_state(known, state), Role::PrivateCopy);
    assert_eq!(world.decide(known).role, Role::PrivateCopy);
}

#[test]
fn appt_out_06_a_series_is_past_when_its_last_occurrence_is() {
    // Three days in February invite nobody; thirty of them reach beyond today, and do.
    for (count, mails) in [(3, false), (30, true)] {
        let daily = Recurrence {
            pattern: Pattern::Daily,
            interval: 1,
            first: NaiveDate::from_ymd_opt(2026, 2, 20).unwrap(),
            end: End::After(count),
            zone: Zone::utc(),
            time: NaiveTime::from_hms_opt(12, 0, 0).unwrap(),
            minutes: 60,
            all_day: false,
        };
        let world = World::new();
        let series = Value::Recurrence(daily.into());
        let row = row(RecurringAppointment).set(Field::Recurrence, series).invites(&[GUEST]);
        let verdict = world.decide(world.alone(&row));
        assert_eq!(mail(&verdict).is_some_and(|it| it != MailClass::Silent), mails, "{count}");
        assert!(cites(&verdict, rule::REC_01));
    }
}

#[test]
fn conf_04_a_marked_item_remembers_why_its_row_is_not_there() {
    // Gone: it will not come back. Out of the filter: it may.
    for (gone, why) in [(true, Why::RowGone), (false, Why::LeftFilter)] {
        let world = World::new();
        let row = if gone { row(Task).gone() } else { row(Task).presence(Presence::Unreadable) };
        let verdict = world.decide(world.met(&row, &item(Task).marked(row_guid(1))));
        assert_eq!(verdict.after, After::Unlinked(why), "{gone}");
    }
}
