//! What keeps an item at home, what the other side cannot hold, and how a new row is made
//! (LINK-13, LINK-14, CONT-09, APPT-OUT-12, APPT-IN-06 to 08, ORG-04, CONF-06).

use chrono::{NaiveDate, NaiveTime, TimeZone as _, Utc};

use crate::domain::code::Code;
use crate::domain::field::{Field, Value};
use crate::domain::kind::Kind::{Appointment, Contact, RecurringAppointment, Task};
use crate::domain::link::{Link, LinkState};
use crate::domain::recurrence::{End, Pattern, Recurrence};
use crate::domain::side::Side::{Dynamics, Exchange};
use crate::domain::zone::Zone;
use crate::engine::catalogue as rule;
use crate::engine::decide::After;
use crate::engine::testing::*;

#[test]
fn link_13_an_attendee_tracks_a_users_meeting_only_if_allowed() {
    // Forbidden, the meeting of an enabled user is nobody's to track; an outsider's, a disabled
    // user's and one's own are.
    for (organizer, allowed, made) in [
        ("served@contoso.test", false, false),
        ("served@contoso.test", true, true),
        ("disabled@contoso.test", false, true),
        ("boss@elsewhere.test", false, true),
        ("me@contoso.test", false, true),
    ] {
        let world = World::with(|world| world.policy.settings.attendees_track = allowed);
        let verdict = world.decide(world.alone(&item(Appointment).held_by(organizer).uid("u-1")));
        let written = verdict.writes.dynamics.is_some();
        assert_eq!(cites(&verdict, rule::LINK_13), !made, "{organizer} {allowed}");
        // The meeting of a served user waits for the row of its organizer.
        assert!(made || !written, "{organizer} {allowed}");
    }
}

#[test]
fn link_14_a_tracked_meeting_needs_its_organizers_mailbox_if_the_organization_says_so() {
    // Said: the meeting of a user whose mailbox is not served is left alone with a code.
    for (said, organizer, left) in [
        (true, "unserved@contoso.test", true),
        (true, "served@contoso.test", false),
        (true, "boss@elsewhere.test", false),
        (false, "unserved@contoso.test", false),
    ] {
        let world = World::with(|world| world.policy.settings.organizer_must_sync = said);
        let verdict = world.decide(world.alone(&item(Appointment).held_by(organizer).uid("u-1")));
        let code = (verdict.decision.code == Some(Code::OrganizerNotServed), verdict.after);
        let expected = After::LeftAlone(Code::OrganizerNotServed);
        assert_eq!(code.0 && code.1 == expected, left, "{organizer} {said}");
        assert_eq!(cites(&verdict, rule::LINK_14), left, "{organizer} {said}");
    }
}

#[test]
fn cont_09_a_card_needs_a_name_and_addresses_that_are_some() {
    // Any of three names is one; each of three addresses must be one or be empty; without the
    // organization's check everything passes.
    let bare = || item(Contact).without(Field::LastName);
    let cases = [
        (bare(), false),
        (bare().text(Field::FirstName, "Ann"), true),
        (bare().text(Field::LastName, "Ames"), true),
        (bare().text(Field::Company, "Fabrikam"), true),
        (item(Contact).text(Field::Email1, "ann@fabrikam.example"), true),
        (item(Contact).text(Field::Email1, "not an address"), false),
        (item(Contact).text(Field::Email3, "not an address"), false),
    ];
    for (number, (card, fine)) in cases.into_iter().enumerate() {
        for check in [true, false] {
            let world = World::with(|world| world.policy.settings.validate_contacts = check);
            let verdict = world.decide(world.alone(&card));
            let barred = check && !fine;
            assert_eq!(cites(&verdict, rule::CONT_09), barred, "{number} {check}");
            assert_eq!(verdict.writes.dynamics.is_some(), !barred, "{number} {check}");
        }
    }
}

#[test]
fn appt_out_12_a_draft_waits_where_the_organization_has_drafts() {
    // Both must say so: the organization and the row; also for a row that is linked already.
    for (drafts, draft, held) in [(true, true, true), (true, false, false), (false, true, false)] {
        let world = World::with(|world| world.policy.settings.drafts = drafts);
        let row = row(Appointment).row_facts(|facts| facts.draft = draft);
        let new = world.decide(world.alone(&row));
        assert_eq!(new.writes.exchange.is_none(), held, "{drafts} {draft}");
        assert_eq!(cites(&new, rule::APPT_OUT_12), held, "{drafts} {draft}");
        let linked = world.linked(&row, &item(Appointment));
        let edited = world.decide(world.then(linked, &row.clone().text(Field::Subject, "New")));
        assert_eq!(edited.writes.exchange.is_none(), held, "{drafts} {draft}");
    }
}

#[test]
fn appt_out_01_times_must_be_there_and_in_order() {
    // An end at the start is a meeting; a second before it is none; one time alone is none.
    let start = hours(24);
    for (end, code) in [
        (Some(start), None),
        (Some(start - chrono::Duration::seconds(1)), Some(Code::EndBeforeStart)),
        (None, Some(Code::TimesMissing)),
    ] {
        let world = World::new();
        let row = row(Appointment).without(Field::End);
        let row = if let Some(end) = end { row.time(Field::End, end) } else { row };
        let verdict = world.decide(world.alone(&row));
        assert_eq!(verdict.decision.code, code, "{end:?}");
        assert_eq!(verdict.writes.exchange.is_some(), code.is_none(), "{end:?}");
    }
}

#[test]
fn err_02_a_date_that_a_side_cannot_hold_is_left_alone_in_both_directions() {
    // The first and last years that both hold pass, their neighbours do not; instants and days.
    for (year, fits) in [(1752, false), (1753, true), (4500, true), (4501, false)] {
        let world = World::new();
        let time = Utc.with_ymd_and_hms(year, 6, 1, 0, 0, 0).unwrap();
        let out = world.decide(world.alone(&row(Task).time(Field::Due, time)));
        assert_eq!(out.writes.exchange.is_some(), fits, "{year}");
        let code = (!fits).then_some(Code::DateOutOfRange);
        assert_eq!(out.decision.code, code, "{year}");
        let day = Value::Date(NaiveDate::from_ymd_opt(year, 6, 1).unwrap());
        let back = world.decide(world.alone(&item(Task).set(Field::Due, day)));
        assert_eq!((back.writes.dynamics.is_some(), back.decision.code), (fits, code), "{year}");
    }
}

/// Whether a verdict books its new row, and whether the application makes it.
fn made(verdict: &crate::engine::decide::Verdict) -> (bool, bool) {
    let yes = Some(Some(Value::Flag(true)));
    let written = |field| writes(verdict, Dynamics, field) == yes;
    (written(Field::Booking), written(Field::ByApplication))
}

#[test]
fn appt_in_06_appt_in_07_appt_in_08_a_row_is_booked_unless_somebody_decided() {
    // Booked by default; not what the app tracked, nor what the user ignored, nor where the tenant
    // wants no check.
    let event = || item(Appointment).uid("u-1");
    let world = World::new();
    let booked = world.decide(world.alone(&event()));
    assert!(made(&booked).0 && cites(&booked, rule::APPT_IN_06));
    let by_app = event().item_facts(|facts| facts.by_app = true);
    let by_app = world.decide(world.alone(&by_app));
    assert!(!made(&by_app).0 && cites(&by_app, rule::APPT_IN_08));
    let mut ignored = world.alone(&event());
    let id = crate::domain::ids::LinkId(row_guid(7));
    let mut link = Link::new(id, Appointment, Exchange, LinkState::LeftAlone);
    link.ignores_conflict = true;
    ignored.link = Some(link);
    let ignored = world.decide(ignored);
    assert!(!made(&ignored).0 && cites(&ignored, rule::APPT_IN_07));
    let plain = World::with(|world| world.policy.plain_booking = true);
    let plain = plain.decide(plain.alone(&event()));
    assert!(!made(&plain).0 && !cites(&plain, rule::APPT_IN_06));
}

#[test]
fn org_04_the_application_makes_the_row_of_a_meeting_that_its_tracker_only_attends() {
    // Not his own, and not where the organization does not share by itself.
    for (organizer, no_sharing, by_application) in [
        ("boss@elsewhere.test", false, true),
        ("boss@elsewhere.test", true, false),
        ("me@contoso.test", false, false),
        ("me@contoso.test", true, false),
    ] {
        let world = World::with(|world| world.policy.settings.no_sharing = no_sharing);
        let verdict = world.decide(world.alone(&item(Appointment).held_by(organizer).uid("u-1")));
        assert_eq!(made(&verdict).1, by_application, "{organizer} {no_sharing}");
        assert_eq!(cites(&verdict, rule::ORG_04), by_application, "{organizer} {no_sharing}");
    }
}

#[test]
fn conf_06_a_new_contact_is_held_against_the_duplicate_rules_until_its_user_decided() {
    // Asked for once; after the user's decision it is made all the same.
    let world = World::new();
    let asked = world.decide(world.alone(&item(Contact)));
    assert!(made(&asked).0 && cites(&asked, rule::CONF_06));
    let mut decided = world.alone(&item(Contact));
    let id = crate::domain::ids::LinkId(row_guid(7));
    let mut link = Link::new(id, Contact, Exchange, LinkState::LeftAlone);
    link.ignores_conflict = true;
    decided.link = Some(link);
    let decided = world.decide(decided);
    assert!(!made(&decided).0 && !cites(&decided, rule::CONF_06));
    assert!(decided.writes.dynamics.is_some());
}

#[test]
fn rec_11_a_series_without_a_pattern_is_none() {
    // An item that ceased to recur is left alone with a code; one that recurs is made.
    let day = NaiveDate::from_ymd_opt(2026, 3, 3).unwrap();
    let daily = Recurrence {
        pattern: Pattern::Daily,
        interval: 1,
        first: day,
        end: End::After(3),
        zone: Zone::utc(),
        time: NaiveTime::from_hms_opt(12, 0, 0).unwrap(),
        minutes: 60,
        all_day: false,
    };
    for (pattern, made) in [(Some(daily), true), (None, false)] {
        let world = World::new();
        let row = row(RecurringAppointment);
        let row = match pattern {
            Some(pattern) => row.set(Field::Recurrence, Value::Recurrence(pattern.into())),
            None => row,
        };
        let verdict = world.decide(world.alone(&row));
        assert_eq!(verdict.writes.exchange.is_some(), made, "{:?}", verdict.decision);
        let code = (!made).then_some(Code::RecurringUnsupported);
        assert_eq!(verdict.decision.code, code);
    }
}
