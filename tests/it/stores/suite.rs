//! What the ports promise of any store.

use chrono::DateTime;
use lockstep::domain::category::KnownCategory;
use lockstep::domain::fingerprint::PrintKey;
use lockstep::domain::ids::{Fence, LinkId, NativeId, TenantId};
use lockstep::domain::kind::Collection;
use lockstep::ports::error::StoreError;
use lockstep::ports::links::{Claim, LinkStore, MailboxState, StateChange};
use lockstep::ports::sightings::{SightingChange, SightingStore, Sightings};
use uuid::Uuid;

use super::{Bench, cursor, link, mailbox, put, sorted, write};

/// Returns a change that replaces the cursors.
fn with_cursors(tokens: &[(Collection, &str)]) -> StateChange {
    let cursors = tokens.iter().map(|(collection, token)| cursor(*collection, token)).collect();
    StateChange { cursors: Some(cursors), ..StateChange::default() }
}

fn with_drops(numbers: &[u128]) -> StateChange {
    let drop = numbers.iter().map(|number| LinkId(Uuid::from_u128(*number))).collect();
    StateChange { drop, ..StateChange::default() }
}

pub(crate) async fn an_unknown_mailbox_is_empty<B: Bench>() {
    let bench = B::start().await;
    let state = bench.store().load(&mailbox("contoso", 1)).await.unwrap();
    assert_eq!(state, MailboxState::default());
}

pub(crate) async fn a_commit_puts_drops_and_replaces<B: Bench>() {
    let (bench, key) = (B::start().await, mailbox("contoso", 1));
    let store = bench.store();
    write(&*store, &key, Fence(1), &put(1..=4)).await.unwrap();
    let mut changed = link(2);
    changed.matched = true;
    changed.trouble = None;
    let mut change = with_drops(&[3, 99]);
    change.put = vec![changed.clone(), link(5)];
    write(&*store, &key, Fence(1), &change).await.unwrap();
    let links = sorted(store.load(&key).await.unwrap());
    assert_eq!(links, [link(1), changed, link(4), link(5)]);
}

pub(crate) async fn a_link_put_and_dropped_is_gone<B: Bench>() {
    let (bench, key) = (B::start().await, mailbox("contoso", 1));
    let mut change = put(1..=2);
    change.drop = vec![link(1).id];
    write(&*bench.store(), &key, Fence(1), &change).await.unwrap();
    assert_eq!(sorted(bench.store().load(&key).await.unwrap()), [link(2)]);
}

pub(crate) async fn cursors_are_replaced_as_a_whole<B: Bench>() {
    let (bench, key) = (B::start().await, mailbox("contoso", 1));
    let store = bench.store();
    let both = with_cursors(&[(Collection::Calendar, "c1"), (Collection::Tasks, "t1")]);
    write(&*store, &key, Fence(1), &both).await.unwrap();
    write(&*store, &key, Fence(1), &put([1])).await.unwrap();
    let state = store.load(&key).await.unwrap();
    assert_eq!(Some(state.cursors), both.cursors, "a change without cursors leaves them");
    let one = with_cursors(&[(Collection::Contacts, "ö\"\\\n")]);
    write(&*store, &key, Fence(1), &one).await.unwrap();
    assert_eq!(Some(store.load(&key).await.unwrap().cursors), one.cursors);
    write(&*store, &key, Fence(1), &with_cursors(&[])).await.unwrap();
    let state = store.load(&key).await.unwrap();
    assert_eq!((state.cursors, state.links), (vec![], vec![link(1)]));
}

pub(crate) async fn link_07_the_category_is_kept_until_another_one_comes<B: Bench>() {
    let (mut bench, key) = (B::start().await, mailbox("contoso", 1));
    let known = |id: &str, names: &[u64]| {
        Some(KnownCategory { id: NativeId::new(id), names: names.to_vec(), made: names.len() > 1 })
    };
    let with = |category| StateChange { category, ..StateChange::default() };
    let first = with(known("ö=", &[0, u64::MAX]));
    write(&*bench.store(), &key, Fence(2), &first).await.unwrap();
    write(&*bench.store(), &key, Fence(2), &put([1])).await.unwrap();
    let late = write(&*bench.store(), &key, Fence(1), &with(known("late", &[]))).await;
    assert!(matches!(late, Err(StoreError::StaleFence)), "{late:?}");
    assert_eq!(bench.store().load(&mailbox("contoso", 2)).await.unwrap().category, None);
    bench.reopen().await;
    let store = bench.store();
    assert_eq!(store.load(&key).await.unwrap().category, known("ö=", &[0, u64::MAX]));
    let claimed = store.claim(&key, Fence(2)).await.unwrap();
    assert_eq!(claimed.category, known("ö=", &[0, u64::MAX]));
    let mut both = with(known("b", &[7]));
    both.put = vec![link(2)];
    write(&*store, &key, Fence(2), &both).await.unwrap();
    let state = store.load(&key).await.unwrap();
    assert_eq!(state.category, known("b", &[7]));
    assert_eq!(sorted(state), [link(1), link(2)]);
    store.forget(&key, Fence(2)).await.unwrap();
    assert_eq!(store.load(&key).await.unwrap().category, None);
}

pub(crate) async fn a_stale_fence_writes_nothing<B: Bench>() {
    let (bench, key) = (B::start().await, mailbox("contoso", 1));
    let store = bench.store();
    let mut first = put([1]);
    first.cursors = with_cursors(&[(Collection::Tasks, "t1")]).cursors;
    // Ten is newer than nine, as a number and not as a text.
    write(&*store, &key, Fence(10), &first).await.unwrap();
    let mut late = put([2]);
    late.drop = vec![link(1).id];
    late.cursors = Some(vec![]);
    let refused = write(&*store, &key, Fence(9), &late).await;
    assert!(matches!(refused, Err(StoreError::StaleFence)), "{refused:?}");
    let empty = write(&*store, &key, Fence(9), &StateChange::default()).await;
    assert!(matches!(empty, Err(StoreError::StaleFence)), "{empty:?}");
    let state = store.load(&key).await.unwrap();
    assert_eq!((state.links, Some(state.cursors)), (vec![link(1)], first.cursors));
}

pub(crate) async fn equal_and_newer_fences_are_accepted<B: Bench>() {
    let (bench, key) = (B::start().await, mailbox("contoso", 1));
    let store = bench.store();
    // The last two differ only beyond the 53 bits of a float.
    let fences = [0, 0, 7, 7, 1 << 60, u64::MAX - 1, u64::MAX, u64::MAX];
    for (fence, number) in fences.into_iter().zip(1..) {
        write(&*store, &key, Fence(fence), &put([number])).await.unwrap();
    }
    assert_eq!(store.load(&key).await.unwrap().links.len(), fences.len());
    let stale = write(&*store, &key, Fence(u64::MAX - 1), &put([9])).await;
    assert!(matches!(stale, Err(StoreError::StaleFence)), "{stale:?}");
    // An empty commit takes the mailbox over as well.
    let other = mailbox("contoso", 2);
    write(&*store, &other, Fence(5), &StateChange::default()).await.unwrap();
    let late = write(&*store, &other, Fence(4), &put([1])).await;
    assert!(matches!(late, Err(StoreError::StaleFence)), "{late:?}");
}

pub(crate) async fn mailboxes_and_tenants_are_apart<B: Bench>() {
    let bench = B::start().await;
    let store = bench.store();
    // The same mailbox in two tenants, a tenant whose name begins another's, and neighbours.
    let keys = [
        mailbox("contoso", 7),
        mailbox("fabrikam", 7),
        mailbox("contoso-2", 7),
        mailbox("contoso", 6),
        mailbox("contoso", 8),
        mailbox("contoso", u128::MAX),
        mailbox("contoso", 0),
        mailbox("lease", 7),
    ];
    for (key, number) in keys.iter().zip(1..) {
        let mut change = put([number, 100, u128::MAX, 0]);
        change.cursors = with_cursors(&[(Collection::Tasks, &number.to_string())]).cursors;
        write(&*store, key, Fence(number as u64), &change).await.unwrap();
    }
    write(&*store, &keys[0], Fence(50), &with_drops(&[100])).await.unwrap();
    store.forget(&keys[1], Fence(2)).await.unwrap();
    for (key, number) in keys.iter().zip(1..).skip(2) {
        let state = store.load(key).await.unwrap();
        assert_eq!(state.cursors, [cursor(Collection::Tasks, &number.to_string())], "{key}");
        assert_eq!(sorted(state), [link(0), link(number), link(100), link(u128::MAX)], "{key}");
        write(&*store, key, Fence(number as u64), &put([number])).await.unwrap();
    }
    let first = sorted(store.load(&keys[0]).await.unwrap());
    assert_eq!(first, [link(0), link(1), link(u128::MAX)]);
}

pub(crate) async fn a_forgotten_mailbox_keeps_its_fence_alone<B: Bench>() {
    let (mut bench, key) = (B::start().await, mailbox("contoso", 1));
    let mut change = put(1..=3);
    change.cursors = with_cursors(&[(Collection::Tasks, "t")]).cursors;
    write(&*bench.store(), &key, Fence(5), &change).await.unwrap();
    let (store, unclaimed) = (bench.store(), mailbox("contoso", 2));
    // A former owner forgets nothing, and neither does a fence that nobody claimed.
    let late = store.forget(&key, Fence(4)).await;
    assert!(matches!(late, Err(StoreError::StaleFence)), "{late:?}");
    for (key, fence) in [(&key, 6), (&unclaimed, 1)] {
        let ahead = store.forget(key, Fence(fence)).await;
        assert!(matches!(ahead, Err(StoreError::StateMoved)), "{ahead:?}");
    }
    assert_eq!(store.load(&key).await.unwrap().links.len(), 3);
    assert_eq!(store.forget(&key, Fence(5)).await.unwrap(), 2);
    drop(store);
    bench.reopen().await;
    let store = bench.store();
    let state = store.load(&key).await.unwrap();
    assert_eq!((state.links, state.cursors, state.seq), (vec![], vec![], 2));
    let late = write(&*store, &key, Fence(4), &put([1])).await;
    assert!(matches!(late, Err(StoreError::StaleFence)), "{late:?}");
    write(&*store, &key, Fence(5), &put([4])).await.unwrap();
    assert_eq!(store.load(&key).await.unwrap().links, [link(4)]);
}

pub(crate) async fn a_print_key_is_set_once<B: Bench>() {
    let mut bench = B::start().await;
    let (contoso, fabrikam) = (TenantId::new("contoso"), TenantId::new("fabrikam"));
    // Bytes that are no text, a zero among them.
    let first = PrintKey([0, 255, 13, 10, 128, 1, 2, 3, 4, 5, 6, 7, 8, 9, 200, 0]);
    let store = bench.store();
    assert_eq!(store.print_key(&contoso, first.clone()).await.unwrap(), first);
    assert_eq!(store.print_key(&contoso, PrintKey([2; 16])).await.unwrap(), first);
    assert_eq!(store.print_key(&fabrikam, PrintKey([3; 16])).await.unwrap(), PrintKey([3; 16]));
    drop(store);
    bench.reopen().await;
    assert_eq!(bench.store().print_key(&contoso, PrintKey([4; 16])).await.unwrap(), first);
}

pub(crate) async fn ops_01_an_excluded_mailbox_stays_out_until_it_is_admitted<B: Bench>() {
    let mut bench = B::start().await;
    let since = |seconds| chrono::DateTime::from_timestamp(seconds, 0).unwrap();
    let (one, two) = (mailbox("contoso", 1), mailbox("contoso", 2));
    // A tenant whose name begins as the other's has a list of its own.
    let other = mailbox("contoso-2", 1);
    for (key, at) in [(&one, 10), (&two, 20), (&other, 30), (&one, 40)] {
        bench.store().exclude(key, since(at)).await.unwrap();
    }
    write(&*bench.store(), &one, Fence(1), &StateChange::default()).await.unwrap();
    bench.store().forget(&one, Fence(1)).await.unwrap();
    bench.reopen().await;
    let store = bench.store();
    let list = store.excluded(&one.tenant).await.unwrap();
    assert_eq!(list, [(one.mailbox, since(10)), (two.mailbox, since(20))].into());
    assert!(store.admit(&one).await.unwrap());
    assert!(!store.admit(&one).await.unwrap(), "it was admitted already");
    assert_eq!(store.excluded(&one.tenant).await.unwrap(), [(two.mailbox, since(20))].into());
    assert_eq!(store.excluded(&other.tenant).await.unwrap().len(), 1);
    let unknown = TenantId::new("fabrikam");
    assert!(store.excluded(&unknown).await.unwrap().is_empty());
}

pub(crate) async fn everything_is_there_after_reopening<B: Bench>() {
    let (mut bench, key) = (B::start().await, mailbox("contoso", 1));
    let mut change = put(1..=20);
    change.cursors = with_cursors(&[(Collection::Calendar, "c"), (Collection::Tasks, "t")]).cursors;
    write(&*bench.store(), &key, Fence(3), &change).await.unwrap();
    bench.reopen().await;
    let state = bench.store().load(&key).await.unwrap();
    assert_eq!(Some(&state.cursors), change.cursors.as_ref());
    assert_eq!(sorted(state), change.put);
    let late = write(&*bench.store(), &key, Fence(2), &put([30])).await;
    assert!(matches!(late, Err(StoreError::StaleFence)), "{late:?}");
}

pub(crate) async fn concurrent_commits_all_count<B: Bench>() {
    let bench = B::start().await;
    let keys = [mailbox("contoso", 1), mailbox("contoso", 2), mailbox("fabrikam", 1)];
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..90u128 {
        let (store, key) = (bench.store(), keys[number as usize % 3].clone());
        tasks.spawn(async move {
            // Who was overtaken reads again.
            while let Err(error) = write(&*store, &key, Fence(1), &put([number])).await {
                assert!(matches!(error, StoreError::StateMoved), "{error:?}");
            }
        });
    }
    tasks.join_all().await;
    for (start, key) in (0..3).zip(&keys) {
        let expected: Vec<_> = (start..90).step_by(3).map(link).collect();
        assert_eq!(sorted(bench.store().load(key).await.unwrap()), expected);
    }
}

pub(crate) async fn a_reader_never_sees_half_a_commit<B: Bench>() {
    let (bench, key) = (B::start().await, mailbox("contoso", 1));
    let (store, own) = (bench.store(), key.clone());
    let writer = tokio::spawn(async move {
        for round in 1..=30u128 {
            // Each commit replaces all links and names itself in the cursor.
            let mut change = put(round * 100..round * 100 + 10);
            change.drop = ((round - 1) * 100..round * 100 - 90).map(|n| link(n).id).collect();
            change.cursors = with_cursors(&[(Collection::Tasks, &round.to_string())]).cursors;
            write(&*store, &own, Fence(1), &change).await.unwrap();
        }
    });
    let mut seen = 0;
    while seen < 30 {
        let state = bench.store().load(&key).await.unwrap();
        let Some(cursor) = state.cursors.first() else { continue };
        seen = cursor.token.parse::<u128>().unwrap();
        let expected: Vec<_> = (seen * 100..seen * 100 + 10).map(link).collect();
        assert_eq!(sorted(state), expected, "commit {seen}");
    }
    writer.await.unwrap();
}

pub(crate) async fn a_big_commit_is_one_commit<B: Bench>() {
    let (bench, key) = (B::start().await, mailbox("contoso", 1));
    let store = bench.store();
    let change = put(0..10_000);
    write(&*store, &key, Fence(1), &change).await.unwrap();
    let loaded = sorted(store.load(&key).await.unwrap());
    assert!(loaded == change.put, "{} links came back", loaded.len());
    // Drops take the same way; a number that no chunk divides.
    let drops = with_drops(&(0..9_999).collect::<Vec<_>>());
    write(&*store, &key, Fence(1), &drops).await.unwrap();
    assert_eq!(store.load(&key).await.unwrap().links, [link(9_999)]);
}

pub(crate) async fn sightings_are_kept_for_each_tenant<B: Bench>() {
    let mut bench = B::start().await;
    let (contoso, other) = (TenantId::new("contoso"), TenantId::new("contoso-2"));
    let id = Uuid::from_u128;
    // To the nanosecond: a rounded mark would look as if another engine had worked.
    let at = |nanos| DateTime::from_timestamp(1_700_000_000, nanos);
    let store = bench.store();
    assert_eq!(store.sightings(&contoso).await.unwrap(), Sightings::new());
    let put = vec![(id(0), at(123_456_789)), (id(1), None), (id(u128::MAX), at(0))];
    store.watch(&contoso, &SightingChange { put, drop: vec![] }).await.unwrap();
    let put = vec![(id(1), at(5))];
    store.watch(&other, &SightingChange { put: put.clone(), drop: vec![] }).await.unwrap();
    let change = SightingChange { put, drop: vec![id(0), id(7), id(1)] };
    store.watch(&contoso, &change).await.unwrap();
    store.watch(&contoso, &SightingChange::default()).await.unwrap();
    drop(store);
    bench.reopen().await;
    let kept = Sightings::from([(id(1), at(5)), (id(u128::MAX), at(0))]);
    assert_eq!(bench.store().sightings(&contoso).await.unwrap(), kept);
    assert_eq!(bench.store().sightings(&other).await.unwrap(), Sightings::from([(id(1), at(5))]));
}

pub(crate) async fn a_commit_builds_on_one_state<B: Bench>() {
    let (mut bench, key) = (B::start().await, mailbox("contoso", 1));
    let store = bench.store();
    let claim = |fence, seq| Claim { fence: Fence(fence), seq };
    let unclaimed = store.commit(&key, claim(1, 0), &put([1])).await;
    assert!(matches!(unclaimed, Err(StoreError::StateMoved)), "{unclaimed:?}");
    assert_eq!(store.claim(&key, Fence(1)).await.unwrap().seq, 0);
    assert_eq!(store.commit(&key, claim(1, 0), &put([1])).await.unwrap(), 1);
    assert_eq!(store.commit(&key, claim(1, 1), &put([2])).await.unwrap(), 2);
    for base in [0, 1, 3, u64::MAX] {
        let moved = store.commit(&key, claim(1, base), &put([9])).await;
        assert!(matches!(moved, Err(StoreError::StateMoved)), "{base}: {moved:?}");
    }
    drop(store);
    bench.reopen().await;
    let store = bench.store();
    let state = store.claim(&key, Fence(1)).await.unwrap();
    assert_eq!((state.seq, sorted(state)), (2, vec![link(1), link(2)]));
    // A newer owner shuts the older one out by its claim alone, and a fence that nobody claimed is
    // none.
    assert_eq!(store.claim(&key, Fence(5)).await.unwrap().seq, 2);
    let late = store.commit(&key, claim(1, 2), &put([9])).await;
    assert!(matches!(late, Err(StoreError::StaleFence)), "{late:?}");
    let late = store.claim(&key, Fence(4)).await;
    assert!(matches!(late, Err(StoreError::StaleFence)), "{late:?}");
    let ahead = store.commit(&key, claim(6, 2), &put([9])).await;
    assert!(matches!(ahead, Err(StoreError::StateMoved)), "{ahead:?}");
    // Who forgets a mailbox changes it.
    assert_eq!(store.forget(&key, Fence(5)).await.unwrap(), 3);
    let moved = store.commit(&key, claim(5, 2), &put([9])).await;
    assert!(matches!(moved, Err(StoreError::StateMoved)), "{moved:?}");
    let state = store.load(&key).await.unwrap();
    assert_eq!((state.links, state.seq), (vec![], 3));
}

suite! {
    "What was never written is empty, not an error."
    an_unknown_mailbox_is_empty,
    "One commit writes new and changed links and forgets dropped ones, known or not."
    a_commit_puts_drops_and_replaces,
    "Drops come after puts."
    a_link_put_and_dropped_is_gone,
    "Cursors are replaced together or left alone."
    cursors_are_replaced_as_a_whole,
    "The category's entry is left alone by other commits, replaced, and forgotten with its mailbox."
    link_07_the_category_is_kept_until_another_one_comes,
    "A former owner's commit changes nothing at all."
    a_stale_fence_writes_nothing,
    "The owner's fence and newer ones commit, over the whole range of fences."
    equal_and_newer_fences_are_accepted,
    "Nothing of one mailbox or tenant reaches another."
    mailboxes_and_tenants_are_apart,
    "Forgetting leaves nothing but the fence against a former owner."
    a_forgotten_mailbox_keeps_its_fence_alone,
    "The first key of a tenant stays."
    a_print_key_is_set_once,
    "Exclusions are of one tenant, keep their first instant, and survive forgetting and a restart."
    ops_01_an_excluded_mailbox_stays_out_until_it_is_admitted,
    "Sightings of another engine are exact, kept apart by tenant and survive a restart."
    sightings_are_kept_for_each_tenant,
    "Links, cursors and fences survive a restart."
    everything_is_there_after_reopening,
    "No concurrent commit is lost."
    concurrent_commits_all_count,
    "A load returns one commit, not parts of two."
    a_reader_never_sees_half_a_commit,
    "Ten thousand links are one commit."
    a_big_commit_is_one_commit,
    "A commit builds on the very state that its claim found, under the fence that claimed it."
    a_commit_builds_on_one_state,
}
