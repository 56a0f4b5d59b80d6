//! Tests of the resolution of addresses (RES-01, RES-02).

use crate::domain::party::PartyTable::{self, Account, Contact, Lead, Queue, SystemUser};
use crate::domain::party::{PartyCandidate, PartyRow};
use crate::domain::policy::Settings;
use crate::engine::parties::choose;
use crate::engine::testing::{address, row_guid};

fn candidate(table: PartyTable, number: u128, active: bool, created: i64) -> PartyCandidate {
    let row = PartyRow { table, id: row_guid(number) };
    PartyCandidate { address: address("a@guest.test"), row, active, created }
}

/// The row chosen among candidates, whatever their order.
fn chosen(mut candidates: Vec<PartyCandidate>, settings: &Settings) -> Option<PartyRow> {
    let address = address("a@guest.test");
    let forward = choose(&candidates, settings).get(&address).copied();
    candidates.reverse();
    assert_eq!(forward, choose(&candidates, settings).get(&address).copied());
    forward
}

#[test]
fn res_02_tables_are_asked_in_order() {
    // User, contact, lead, account, queue: each wins over all that follow, however young it is.
    let order = [SystemUser, Contact, Lead, Account, Queue];
    for from in 0..order.len() {
        let rest = order[from..].iter().enumerate();
        let all = rest.map(|(at, table)| candidate(*table, 1, true, 100 - at as i64)).collect();
        assert_eq!(chosen(all, &Settings::default()).unwrap().table, order[from]);
    }
}

#[test]
fn res_02_among_equals_the_oldest_row_wins() {
    // Of two contacts the one created first is taken; of twins the smaller guid.
    let two = vec![candidate(Contact, 1, true, 20), candidate(Contact, 2, true, 10)];
    assert_eq!(chosen(two, &Settings::default()).unwrap().id, row_guid(2));
    let twins = vec![candidate(Contact, 2, true, 10), candidate(Contact, 1, true, 10)];
    assert_eq!(chosen(twins, &Settings::default()).unwrap().id, row_guid(1));
}

#[test]
fn res_01_inactive_rows_count_only_by_the_setting_and_disabled_users_never() {
    // An inactive contact resolves when the organization says so, after active ones.
    for resolve_inactive in [false, true] {
        let settings = Settings { resolve_inactive, ..Settings::default() };
        let contact = chosen(vec![candidate(Contact, 1, false, 1)], &settings);
        assert_eq!(contact.is_some(), resolve_inactive);
        assert_eq!(chosen(vec![candidate(SystemUser, 1, false, 1)], &settings), None);
        let both = vec![candidate(Contact, 1, false, 1), candidate(Contact, 2, true, 9)];
        assert_eq!(chosen(both, &settings).unwrap().id, row_guid(2));
    }
}

#[test]
fn res_02_an_address_on_several_rows_is_nobodys_when_the_organization_says_so() {
    // A user keeps his address; rows that do not count do not make it ambiguous.
    let settings = Settings { unresolve_ambiguous: true, ..Settings::default() };
    let one = candidate(Contact, 1, true, 1);
    assert!(chosen(vec![one.clone()], &settings).is_some());
    assert_eq!(chosen(vec![one.clone(), candidate(Contact, 2, true, 2)], &settings), None);
    assert_eq!(chosen(vec![one.clone(), candidate(Account, 2, true, 2)], &settings), None);
    let inactive = vec![one.clone(), candidate(Lead, 2, false, 2)];
    assert_eq!(chosen(inactive, &settings), Some(one.row));
    let user = candidate(SystemUser, 3, true, 9);
    assert_eq!(chosen(vec![one, user.clone()], &settings), Some(user.row));
}
