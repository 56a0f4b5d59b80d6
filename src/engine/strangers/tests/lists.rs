//! Whose rows are made when a meeting names several people (RES-03).

use super::{GUEST, world};
use crate::domain::kind::Kind::Appointment;
use crate::domain::party::{PartyRow, PartyTable};
use crate::engine::testing::*;

#[test]
fn res_03_each_of_two_strangers_gets_a_row_of_his_own() {
    // Two people are two rows; one who is required and optional is one.
    let mut world = world();
    let other = PartyRow { table: PartyTable::Contact, id: row_guid(77) };
    world.strangers.insert(address("other@guest.test"), other);
    let invites = item(Appointment).invites(&[GUEST, "other@guest.test"]).optional(&[GUEST]);
    let people = world.plan(vec![world.alone(&invites)]).people();
    let names: Vec<&str> = people.iter().map(|one| one.address.as_str()).collect();
    assert_eq!(names, [GUEST, "other@guest.test"]);
}
