//! Tests of what a purge removes, takes off and leaves.

use super::*;
use crate::domain::kind::Kind;
use crate::engine::testing::{Obs, World, hours, item, row, row_guid};

fn made(kind: Kind) -> Obs {
    item(kind).marked(row_guid(1)).item_facts(|facts| facts.made = true)
}

fn purged(obs: &[Obs], allow_mail: bool) -> Vec<Verdict> {
    let world = World::new();
    purge(
        world.mailbox.key.mailbox,
        &[],
        obs.iter().map(|one| world.seen(one)).collect(),
        allow_mail,
    )
}

#[test]
fn ops_01_what_was_made_goes_and_what_was_there_loses_its_marks() {
    // An item of Lockstep's own is deleted; a tracked one is unmarked; one without marks is
    // nobody's business.
    let verdicts = purged(&[made(Kind::Task)], false);
    assert_eq!(verdicts[0].writes.exchange, Some(Write::Delete { mail: MailClass::Silent }));
    let verdicts = purged(&[item(Kind::Task).marked(row_guid(1))], false);
    assert_eq!(verdicts[0].writes.exchange, Some(Write::Unmark { mail: MailClass::Silent }));
    let verdicts = purged(&[item(Kind::Task)], false);
    assert_eq!((&verdicts[0].writes.exchange, verdicts[0].after), (&None, After::Forgotten));
    assert!(verdicts.iter().all(|one| one.writes.dynamics.is_none()));
}

#[test]
fn ops_01_what_was_moved_to_another_calendar_goes_as_well() {
    // A person's move takes nothing of what Lockstep wrote out of a purge; a delete does.
    let moved = made(Kind::Appointment).presence(Presence::MovedAway);
    let verdicts = purged(&[moved], false);
    assert_eq!(verdicts[0].writes.exchange, Some(Write::Delete { mail: MailClass::Silent }));
    let gone = made(Kind::Appointment).presence(Presence::Deleted);
    assert_eq!(purged(&[gone], false)[0].writes.exchange, None);
}

#[test]
fn ops_01_a_meeting_whose_removal_mails_is_left_unless_allowed() {
    // Past or not, the class counts everybody whom Exchange would mail.
    let meeting = made(Kind::Appointment).at(hours(24)).invites(&["ann@customer.example"]);
    let verdicts = purged(std::slice::from_ref(&meeting), false);
    assert_eq!(verdicts[0].writes.exchange, None);
    assert_eq!(verdicts[0].decision.code, Some(Code::WouldMail));
    let verdicts = purged(&[meeting], true);
    assert_eq!(verdicts[0].writes.exchange, Some(Write::Delete { mail: MailClass::Mails(1) }));
}

#[test]
fn ops_01_a_copy_that_a_person_made_is_never_deleted() {
    // Two items with one marker: without a link nobody can tell, so both only lose their marks.
    // With the link the original goes and the copy stays.
    let both = [made(Kind::Contact).id("one"), made(Kind::Contact).id("two")];
    for verdict in purged(&both, false) {
        assert_eq!(verdict.writes.exchange, Some(Write::Unmark { mail: MailClass::Silent }));
    }
    let world = World::new();
    let linked = world.linked(&row(Kind::Contact), &both[0]);
    let seen = both.iter().map(|one| world.seen(one)).collect();
    let verdicts = purge(world.mailbox.key.mailbox, &[linked.link.unwrap()], seen, false);
    let deleted: Vec<_> = verdicts
        .iter()
        .filter(|one| matches!(one.writes.exchange, Some(Write::Delete { .. })))
        .map(|one| one.pairing.seen.exchange.as_ref().unwrap().observation.id.as_str())
        .collect();
    assert_eq!(deleted, ["one"]);
    assert_eq!(verdicts.len(), 2);
}
