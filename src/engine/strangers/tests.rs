//! Tests of people whom no row knows (RES-03).

mod lists;

use super::*;
use crate::domain::kind::Kind::Appointment;
use crate::domain::link::Trouble;
use crate::domain::party::Party;
use crate::domain::side::Side;
use crate::engine::catalogue as rule;
use crate::engine::testing::*;

const ORIGIN: Origin<'_> = Origin { key: &KEY, organization: Uuid::from_u128(5) };
const GUEST: &str = "ann@guest.test";

fn of(asked: &[&str], candidates: &[PartyCandidate], wish: Strangers) -> Vec<PartyRow> {
    let asked: Vec<Address> = asked.iter().map(|text| address(text)).collect();
    let mailboxes = HashSet::from([address("shared@contoso.test")]);
    let made = strangers(&asked, candidates, &mailboxes, wish, ORIGIN);
    asked.iter().filter_map(|address| made.get(address).copied()).collect()
}

/// A world in which a row may be made of the guest's address.
fn world() -> World {
    World::with(|world| {
        let row = of(&[GUEST], &[], Strangers::Contacts)[0];
        world.strangers = HashMap::from([(address(GUEST), row)]);
    })
}

#[test]
fn res_03_only_an_address_of_nobody_is_a_strangers() {
    // Neither one that an inactive row carries (RES-01), nor a mailbox's, nor one that is none.
    let row = PartyRow { table: PartyTable::Contact, id: row_guid(1) };
    let inactive = PartyCandidate { address: address(GUEST), row, active: false, created: 0 };
    assert_eq!(of(&[GUEST], &[], Strangers::Contacts).len(), 1);
    assert_eq!(of(&[GUEST], &[inactive], Strangers::Contacts), []);
    let long = format!("{}@guest.test", "x".repeat(90));
    for no in [
        "shared@contoso.test",
        "@guest.test",
        "ann@",
        "a b@guest.test",
        "a@b@c.d",
        "ann@box",
        &long,
    ] {
        assert_eq!(of(&[no], &[], Strangers::Contacts), [], "{no}");
    }
}

#[test]
fn res_03_the_option_says_whether_contacts_or_leads_are_made() {
    // Nothing, contacts, leads.
    assert_eq!(of(&[GUEST], &[], Strangers::Addresses), []);
    assert_eq!(of(&[GUEST], &[], Strangers::Contacts)[0].table, PartyTable::Contact);
    assert_eq!(of(&[GUEST], &[], Strangers::Leads)[0].table, PartyTable::Lead);
}

#[test]
fn res_03_the_guid_follows_from_key_organization_and_address() {
    // The same for everybody; another one where any of the three differs.
    let (first, key) = (guid(&address(GUEST), ORIGIN), PrintKey([8; 16]));
    assert_eq!(first, guid(&address("ANN@guest.test"), ORIGIN));
    assert_ne!(first, guid(&address("bob@guest.test"), ORIGIN));
    assert_ne!(first, guid(&address(GUEST), Origin { key: &key, ..ORIGIN }));
    let other = Origin { organization: Uuid::from_u128(6), ..ORIGIN };
    assert_ne!(first, guid(&address(GUEST), other));
}

#[test]
fn res_03_names_come_from_the_display_name() {
    // `Last, First`; else the last word is the last name; else the address names somebody.
    let long = "x".repeat(60);
    for (display, first, last) in [
        ("Ann Lee", Some("Ann"), "Lee"),
        ("  Ann  Mary\tLee ", Some("Ann Mary"), "Lee"),
        ("Lee, Ann (Guest)", Some("Ann (Guest)"), "Lee"),
        ("'Ann Lee'", Some("Ann"), "Lee"),
        ("Ann ,", None, "Ann"),
        ("Cher", None, "Cher"),
        ("李 小龍", Some("李"), "小龍"),
        ("", None, "ann"),
        ("- ,", None, "ann"),
        ("ann@guest.test", None, "ann"),
        (&long, None, &long[..50]),
    ] {
        let expected = (first.map(str::to_owned), last.to_owned());
        assert_eq!(name(display, &address(GUEST)), expected, "{display}");
    }
}

#[test]
fn res_03_a_tracked_meeting_makes_each_stranger_once_and_names_the_rule() {
    // A new meeting, and a change of the people; named twice, the row is one.
    let world = world();
    let invites = item(Appointment).invites(&[GUEST, "served@contoso.test"]).optional(&[GUEST]);
    let entry = world.plan(vec![world.alone(&invites)]).entries.remove(0);
    assert_eq!(entry.people.len(), 1);
    assert!(entry.verdict.decision.rules.contains(&rule::RES_03));
    let pair = world.linked(&row(Appointment), &item(Appointment));
    let joins = world.then(pair.clone(), &item(Appointment).invites(&[GUEST]));
    assert_eq!(world.plan(vec![joins.clone(), joins]).people().len(), 1);
    let renamed = item(Appointment).text(Field::Subject, "Other");
    assert_eq!(world.plan(vec![world.then(pair, &renamed)]).people(), []);
}

#[test]
fn res_03_a_meeting_of_dynamics_makes_nobody() {
    // The row names whom it names.
    let world = world();
    let plan = world.plan(vec![world.alone(&row(Appointment).invites(&[GUEST]))]);
    assert!(plan.entries[0].steps.exchange.is_some());
    assert_eq!(plan.people(), []);
}

#[test]
fn res_03_who_cannot_be_made_stays_an_address_and_no_answer_lets_the_row_wait() {
    // Refused: no row, a code. Unknown: the entry was not sent. No answer: it was tried. There: nothing
    // changes.
    let not_made = Outcome::Refused(Code::PersonNotMade);
    for (made, waits, code) in [
        (Made::There, None, None),
        (Made::Refused, None, Some(Code::PersonNotMade)),
        (Made::Unknown, Some(Outcome::NotSent), None),
        (Made::NoAnswer, Some(not_made), None),
    ] {
        let world = world();
        let mut plan = world.plan(vec![world.alone(&item(Appointment).invites(&[GUEST]))]);
        let row = plan.people()[0].row;
        let waiting = plan.introduce(&HashMap::from([(row, made)]), 10);
        assert_eq!(waiting.get(&0).cloned(), waits);
        let entry = &plan.entries[0];
        assert_eq!(entry.verdict.decision.code, code);
        let Some(Op::Create { patch }) = entry.steps.get(Side::Dynamics).as_ref().map(|it| &it.op)
        else {
            panic!("no row is made");
        };
        let parties: Vec<&Party> = patch
            .iter()
            .filter(|(field, _)| *field == Field::RequiredAttendees)
            .flat_map(|(_, value)| value.as_ref().unwrap().as_parties())
            .collect();
        assert_eq!(parties.len(), 1);
        assert_eq!(parties[0].row.is_none(), made == Made::Refused);
        assert_eq!(plan.people().is_empty(), made == Made::Refused);
    }
}

#[test]
fn res_03_who_gets_no_answer_stays_an_address_with_the_last_attempt() {
    // ERR-02: an address at which the far side fails holds its meeting up for so many attempts.
    for (attempts, waits) in [(0, true), (8, true), (9, false)] {
        let world = world();
        let pair = world.linked(&row(Appointment), &item(Appointment));
        let pair = linking(pair, |link| {
            let code = Code::PersonNotMade;
            link.trouble = Some(Trouble { code, parked: false, attempts, since: now() });
        });
        let joins = world.then(pair, &item(Appointment).invites(&[GUEST]));
        let mut plan = world.plan(vec![joins]);
        let made = HashMap::from([(plan.people()[0].row, Made::NoAnswer)]);
        assert_eq!(plan.introduce(&made, 10).contains_key(&0), waits, "{attempts}");
        assert_eq!(plan.people().is_empty(), !waits, "{attempts}");
    }
}
