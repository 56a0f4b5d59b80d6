//! What the port of the journal promises of any store.

use chrono::{DateTime, TimeDelta, Utc};
use lockstep::domain::code::Code;
use lockstep::domain::fact::{Fact, FactName};
use lockstep::domain::field::Group;
use lockstep::domain::ids::{CycleId, Fence, LinkId, MailboxKey, NativeId, Version};
use lockstep::domain::journal::{Done, Ending, Kept, KeptLabel, OpName, Record};
use lockstep::domain::kind::Kind;
use lockstep::domain::link::LinkState;
use lockstep::domain::plan::{MailClass, Verb};
use lockstep::domain::side::{PerSide, Side};
use lockstep::ports::error::StoreError;
use lockstep::ports::journal::{Ask, Horizon, Journal, KEPT_MAX, Of, PRUNED_MAX, RECORDS_MAX};
use lockstep::ports::links::{LinkStore, MailboxState, StateChange};
use uuid::Uuid;

use super::{Bench, mailbox, put, write};

fn at(number: u128) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(1_000 + number as i64)
}

/// Returns a record with every part filled: record 12 is of link 2 and cycle 1.
pub(crate) fn record(number: u128) -> Record {
    let row = Uuid::from_u128(number % 10);
    Record {
        at: at(number),
        cycle: CycleId(Uuid::from_u128(number / 10)),
        trace: Some("0af7651916cd43dd8448eb211c80319c".into()),
        link: LinkId(row),
        kind: Kind::Appointment,
        native: PerSide {
            dynamics: Some(NativeId::new(row.to_string())),
            exchange: Some(NativeId::new(format!("AAMk-{}", number % 10))),
        },
        rules: vec!["FILT-03".into(), "LINK-01".into()],
        verb: Verb::Update(Side::Exchange),
        groups: vec![Group::Time],
        code: Some(Code::ConflictResolved),
        facts: vec![Fact::flag(FactName::Future, true)],
        done: PerSide {
            dynamics: None,
            exchange: Some(Done { op: OpName::Update, ending: Ending::Done }),
        },
        mail: MailClass::Mails(2),
        failed: None,
        state: Some(LinkState::Agreed),
    }
}

/// Returns a kept version; its sealed bytes are of every value.
pub(crate) fn kept(number: u128) -> Kept {
    let record = record(number);
    Kept {
        label: KeptLabel {
            at: record.at,
            cycle: record.cycle,
            link: record.link,
            kind: record.kind,
            side: Side::Exchange,
            native: NativeId::new(format!("AAMk-{}", number % 10)),
            op: OpName::Delete,
            rule: "CXL-05".into(),
            version: Some(Version::new("W/\"1\"")),
        },
        sealed: (0..=255).chain([number as u8]).collect(),
    }
}

fn change(numbers: impl IntoIterator<Item = u128> + Clone) -> StateChange {
    StateChange {
        records: numbers.clone().into_iter().map(record).collect(),
        kept: numbers.into_iter().map(kept).collect(),
        ..StateChange::default()
    }
}

fn ask(of: Of) -> Ask {
    Ask { of, since: None, most: 100 }
}

/// Returns the numbers of the records and of the kept versions that are meant; both must agree.
async fn numbers<S: Journal>(store: &S, key: &MailboxKey, ask: &Ask) -> Vec<i64> {
    let number = |at: DateTime<Utc>| (at - DateTime::UNIX_EPOCH).num_seconds() - 1_000;
    let records = store.records(key, ask).await.unwrap();
    let kept = store.kept(key, ask).await.unwrap();
    let of_records: Vec<i64> = records.iter().map(|one| number(one.at)).collect();
    let of_kept: Vec<i64> = kept.iter().map(|one| number(one.label.at)).collect();
    assert_eq!(of_records, of_kept);
    of_records
}

pub(crate) async fn entries_come_back_whole_and_newest_first<B: Bench>() {
    let (mut bench, key) = (B::start().await, mailbox("contoso", 1));
    write(&*bench.store(), &key, Fence(1), &change([11, 12])).await.unwrap();
    write(&*bench.store(), &key, Fence(1), &change([13])).await.unwrap();
    bench.reopen().await;
    let records = bench.store().records(&key, &ask(Of::Mailbox)).await.unwrap();
    assert_eq!(records, [record(13), record(12), record(11)]);
    let found = bench.store().kept(&key, &ask(Of::Mailbox)).await.unwrap();
    assert_eq!(found, [kept(13), kept(12), kept(11)]);
}

pub(crate) async fn an_ask_finds_what_is_meant<B: Bench>() {
    let (bench, key) = (B::start().await, mailbox("contoso", 1));
    let store = bench.store();
    write(&*store, &key, Fence(1), &change(10..40)).await.unwrap();
    let of = async |of: Of| numbers(store.as_ref(), &key, &ask(of)).await;
    assert_eq!(of(Of::Link(LinkId(Uuid::from_u128(2)))).await, [32, 22, 12]);
    assert_eq!(
        of(Of::Cycle(CycleId(Uuid::from_u128(1)))).await,
        (10..20).rev().collect::<Vec<_>>()
    );
    assert_eq!(of(Of::Item(Side::Exchange, NativeId::new("AAMk-7"))).await, [37, 27, 17]);
    assert_eq!(of(Of::Item(Side::Exchange, NativeId::new("AAMk-"))).await, Vec::<i64>::new());
    let row = Of::Item(Side::Dynamics, NativeId::new(Uuid::from_u128(7).to_string()));
    assert_eq!(store.records(&key, &ask(row)).await.unwrap().len(), 3);
    let bounded = Ask { of: Of::Mailbox, since: Some(at(36)), most: 2 };
    assert_eq!(numbers(store.as_ref(), &key, &bounded).await, [39, 38]);
    let since = Ask { since: Some(at(38)), ..ask(Of::Mailbox) };
    assert_eq!(numbers(store.as_ref(), &key, &since).await, [39, 38]);
    let item = Of::Item(Side::Exchange, NativeId::new("AAMk-7"));
    let newest = Ask { of: item, since: Some(at(20)), most: 1 };
    assert_eq!(numbers(store.as_ref(), &key, &newest).await, [37]);
    let none = Ask { most: 0, ..ask(Of::Mailbox) };
    assert_eq!(numbers(store.as_ref(), &key, &none).await, Vec::<i64>::new());
}

pub(crate) async fn a_former_owner_writes_no_history<B: Bench>() {
    let (bench, key) = (B::start().await, mailbox("contoso", 1));
    let store = bench.store();
    write(&*store, &key, Fence(2), &change([11])).await.unwrap();
    let late = write(&*store, &key, Fence(1), &change([12])).await;
    assert!(matches!(late, Err(StoreError::StaleFence)), "{late:?}");
    assert_eq!(numbers(store.as_ref(), &key, &ask(Of::Mailbox)).await, [11]);
}

pub(crate) async fn history_stands_beside_links<B: Bench>() {
    let (bench, key) = (B::start().await, mailbox("contoso", 1));
    let store = bench.store();
    let mut both = change([11, 12, 13]);
    both.put = put([1, 2, 3]).put;
    both.drop = vec![LinkId(Uuid::from_u128(2))];
    write(&*store, &key, Fence(1), &both).await.unwrap();
    assert_eq!(store.load(&key).await.unwrap().links.len(), 2);
    assert_eq!(numbers(store.as_ref(), &key, &ask(Of::Mailbox)).await, [13, 12, 11]);
}

pub(crate) async fn history_of_mailboxes_and_tenants_is_apart<B: Bench>() {
    let bench = B::start().await;
    let store = bench.store();
    let keys = [
        mailbox("contoso", 7),
        mailbox("contoso", 8),
        mailbox("contoso", 6),
        mailbox("fabrikam", 7),
        mailbox("contoso-2", 7),
    ];
    for (key, number) in keys.iter().zip(11..) {
        write(&*store, key, Fence(1), &change([number])).await.unwrap();
    }
    for (key, number) in keys.iter().zip(11..) {
        assert_eq!(numbers(store.as_ref(), key, &ask(Of::Mailbox)).await, [number], "{key}");
    }
    store.forget(&keys[0], Fence(1)).await.unwrap();
    assert_eq!(numbers(store.as_ref(), &keys[0], &ask(Of::Mailbox)).await, Vec::<i64>::new());
    assert_eq!(numbers(store.as_ref(), &keys[1], &ask(Of::Mailbox)).await, [12]);
    // Written once and forgotten once; nothing else is left of it.
    let forgotten = MailboxState { seq: 2, ..MailboxState::default() };
    assert_eq!(store.load(&keys[0]).await.unwrap(), forgotten);
}

pub(crate) async fn what_is_too_old_goes_and_the_rest_stays<B: Bench>() {
    let (bench, key) = (B::start().await, mailbox("contoso", 1));
    let store = bench.store();
    write(&*store, &key, Fence(1), &change(11..=16)).await.unwrap();
    let horizon = Horizon { records: at(13), kept: at(15) };
    store.prune(&key, &horizon).await.unwrap();
    let count = async |of: Of| {
        let records = store.records(&key, &ask(of.clone())).await.unwrap();
        (records.len(), store.kept(&key, &ask(of)).await.unwrap().len())
    };
    assert_eq!(count(Of::Mailbox).await, (4, 2));
    store.prune(&key, &horizon).await.unwrap();
    assert_eq!(count(Of::Mailbox).await, (4, 2));
    store.prune(&mailbox("contoso", 2), &horizon).await.unwrap();
    // What comes after a prune that emptied the list is found as well.
    store.prune(&key, &Horizon { records: at(99), kept: at(99) }).await.unwrap();
    assert_eq!(count(Of::Mailbox).await, (0, 0));
    write(&*store, &key, Fence(1), &change([17])).await.unwrap();
    assert_eq!(numbers(store.as_ref(), &key, &ask(Of::Mailbox)).await, [17]);
}

pub(crate) async fn a_commit_forgets_some_of_what_is_too_old<B: Bench>() {
    // In the lists that it appends, from the oldest on and no more than so many; the others stay.
    let (bench, key) = (B::start().await, mailbox("contoso", 1));
    let store = bench.store();
    let old = PRUNED_MAX as u128 + 5;
    let commit = async |records: Vec<Record>, kept: Vec<Kept>, horizon| {
        let change = StateChange { records, kept, horizon, ..StateChange::default() };
        write(&*store, &key, Fence(1), &change).await.unwrap();
        let ask = Ask { most: RECORDS_MAX, ..ask(Of::Mailbox) };
        let records = store.records(&key, &ask).await.unwrap().len();
        (records, store.kept(&key, &ask).await.unwrap().len())
    };
    let horizon = Horizon { records: at(old), kept: at(3) };
    let all = |numbers: std::ops::Range<u128>| numbers.clone().map(record).collect::<Vec<_>>();
    let first = old as usize;
    assert_eq!(commit(all(0..old), vec![kept(0), kept(4)], None).await, (first, 2));
    assert_eq!(commit(vec![], vec![kept(5)], Some(horizon)).await, (first, 2));
    assert_eq!(commit(vec![record(old)], vec![], Some(horizon)).await, (6, 2));
    assert_eq!(commit(vec![record(old + 1)], vec![], Some(horizon)).await, (2, 2));
    assert_eq!(commit(vec![record(old + 2)], vec![kept(6)], Some(horizon)).await, (3, 3));
    let left = store.records(&key, &ask(Of::Mailbox)).await.unwrap();
    assert_eq!(left, [old + 2, old + 1, old].map(record));
}

pub(crate) async fn the_oldest_make_room_for_the_newest<B: Bench>() {
    let (bench, key) = (B::start().await, mailbox("contoso", 1));
    let store = bench.store();
    let most = RECORDS_MAX as u128;
    for part in 0..4 {
        let part = part * most / 4..(part + 1) * most / 4;
        let change = StateChange { records: part.map(record).collect(), ..Default::default() };
        write(&*store, &key, Fence(1), &change).await.unwrap();
    }
    let kept_most = KEPT_MAX as u128;
    let versions = (0..kept_most).map(kept).collect();
    write(&*store, &key, Fence(1), &StateChange { kept: versions, ..Default::default() })
        .await
        .unwrap();
    write(&*store, &key, Fence(1), &change(most..most + 3)).await.unwrap();
    let all = Ask { of: Of::Mailbox, since: None, most: usize::MAX };
    let records = store.records(&key, &all).await.unwrap();
    assert_eq!((records.len(), records[0].at), (RECORDS_MAX, at(most + 2)));
    assert_eq!(records.last().map(|one| one.at), Some(at(3)));
    let found = store.kept(&key, &all).await.unwrap();
    assert_eq!((found.len(), found.last().map(|one| one.label.at)), (KEPT_MAX, Some(at(3))));
}

suite! {
    "Records and kept versions survive a restart with every part, the newest first."
    entries_come_back_whole_and_newest_first,
    "Link, cycle, item, instant and number each bound what is found."
    an_ask_finds_what_is_meant,
    "A stale fence appends nothing."
    a_former_owner_writes_no_history,
    "One commit writes links and history, neither in the other's place."
    history_stands_beside_links,
    "No history of one mailbox or tenant reaches another, and forgetting takes it along."
    history_of_mailboxes_and_tenants_is_apart,
    "Pruning drops what is beyond the horizon, for each list its own."
    what_is_too_old_goes_and_the_rest_stays,
    "A commit drops some of what is beyond the horizon, in the lists that it appends."
    a_commit_forgets_some_of_what_is_too_old,
    "A list is bounded, and its oldest entries are the ones that go."
    the_oldest_make_room_for_the_newest,
}
