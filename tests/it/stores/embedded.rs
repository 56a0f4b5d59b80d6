//! What the store in a directory must do besides.

use std::fs;

use lockstep::domain::fingerprint::PrintKey;
use lockstep::domain::ids::{Fence, TenantId};
use lockstep::embedded::{EmbeddedStore, OpenError};
use lockstep::ports::error::StoreError;
use lockstep::ports::lease::LeaseStore;
use lockstep::ports::links::LinkStore;
use lockstep::shards::Shard;

use super::cluster::step;
use super::{Bench, Embedded, HandClock, link, mailbox, put, sorted, write};

#[tokio::test]
async fn a_second_process_is_told_the_directory_and_the_remedy() {
    // The lock is the file's, so a second opening is refused like a second process.
    let bench = Embedded::start().await;
    let directory = bench.directory.path();
    let Err(error) = EmbeddedStore::open(directory, HandClock::new()).await else {
        panic!("opened twice");
    };
    assert!(matches!(error, OpenError::InUse { .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.contains(&directory.display().to_string()), "{text}");
    assert!(text.contains("stop that process"), "{text}");
    let key = mailbox("contoso", 1);
    write(&*bench.store(), &key, Fence(1), &put([1])).await.unwrap();
    assert_eq!(bench.store().load(&key).await.unwrap().links, [link(1)], "the first is unhurt");
}

#[tokio::test]
async fn a_killed_process_leaves_the_last_commit() {
    // What the file holds while the store is open, as after a kill, is every acknowledged commit.
    let (bench, key) = (Embedded::start().await, mailbox("contoso", 1));
    for number in 1..=5u128 {
        write(&*bench.store(), &key, Fence(number as u64), &put([number])).await.unwrap();
        let copy = tempfile::tempdir().unwrap();
        for entry in fs::read_dir(bench.directory.path()).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
        }
        let store = EmbeddedStore::open(copy.path(), HandClock::new()).await.unwrap();
        let expected: Vec<_> = (1..=number).map(link).collect();
        assert_eq!(sorted(store.load(&key).await.unwrap()), expected);
        let stale = write(&store, &key, Fence(number as u64 - 1), &put([9])).await;
        assert!(matches!(stale, Err(StoreError::StaleFence)), "{stale:?}");
    }
}

#[tokio::test]
async fn a_restart_frees_leases_and_keeps_fences() {
    // Who can open the file knows that the former holder is gone; nobody waits for its lease.
    let mut bench = Embedded::start().await;
    let first = bench.store().step(&step(1, &[7])).await.unwrap();
    bench.reopen().await;
    let second = bench.store().step(&step(2, &[7])).await.unwrap();
    assert!(second.stamp > first.stamp && second.mark.generation != first.mark.generation);
    assert_eq!(second.members.len(), 1);
    assert_eq!(second.shards.unwrap()[&Shard(7)].fence, Fence(second.stamp));
}

#[tokio::test]
async fn a_missing_directory_is_made() {
    // The default of a new installation is a path that does not exist yet.
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("state").join("one");
    let store = EmbeddedStore::open(&directory, HandClock::new()).await.unwrap();
    store.print_key(&TenantId::new("contoso"), PrintKey([1; 16])).await.unwrap();
    assert!(directory.is_dir());
}

#[tokio::test]
async fn a_path_that_is_no_directory_is_named() {
    // An unusable path is an error that names it and says what to do.
    let parent = tempfile::tempdir().unwrap();
    let file = parent.path().join("file");
    fs::write(&file, b"x").unwrap();
    let Err(error) = EmbeddedStore::open(&file, HandClock::new()).await else {
        panic!("opened a file as a directory");
    };
    assert!(matches!(error, OpenError::Directory { .. }), "{error:?}");
    assert!(error.to_string().contains(&file.display().to_string()), "{error}");
}

#[tokio::test]
async fn a_damaged_file_is_an_error() {
    // A file that is no database, or a broken one, is named; the program does not panic.
    for damage in [b"no database at all".to_vec(), vec![0xA5; 100_000]] {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("lockstep.redb"), damage).unwrap();
        let Err(error) = EmbeddedStore::open(directory.path(), HandClock::new()).await else {
            panic!("opened garbage");
        };
        assert!(matches!(error, OpenError::Unreadable { .. }), "{error:?}");
        assert!(error.to_string().contains("lockstep.redb"), "{error}");
    }
}
