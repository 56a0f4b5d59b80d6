//! The stores against their ports: one conformance suite for all three, then what each alone must
//! do (a crash, a second process, an outage).

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed helper fails its test")]

/// Runs each test of a list against each store. The sentence stands beside the name in the list.
macro_rules! suite {
    ($($sentence:literal $name:ident,)*) => {
        suite! { @of memory Memory $($name)* }
        suite! { @of embedded Embedded $($name)* }
        suite! { @of redis Redis $($name)* }

        /// All of them, one after the other.
        pub(crate) async fn all<B: crate::stores::Bench>() {
            $( $name::<B>().await; )*
        }
    };
    (@of $module:ident $bench:ident $($name:ident)*) => {
        mod $module {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    // The sentence stands beside the name in the list below.
                    super::$name::<crate::stores::$bench>().await;
                }
            )*
        }
    };
}

mod budget;
mod cluster;
mod embedded;
mod guard;
mod journal;
mod notes;
pub(crate) mod places;
mod proxy;
mod redis;
mod sealed;
mod suite;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use lockstep::domain::code::Code;
use lockstep::domain::field::Group;
use lockstep::domain::fingerprint::Prints;
use lockstep::domain::ids::{Fence, LinkId, MailboxKey, NativeId, TenantId, Version};
use lockstep::domain::kind::{Collection, Kind};
use lockstep::domain::link::{Link, LinkState, Trouble, Why};
use lockstep::domain::side::{PerSide, Side};
use lockstep::embedded::EmbeddedStore;
use lockstep::memory::MemoryStore;
use lockstep::ports::clock::Clock;
use lockstep::ports::error::StoreError;
use lockstep::ports::journal::Journal;
use lockstep::ports::lease::LeaseStore;
use lockstep::ports::links::{Claim, LinkStore, MailboxState, StateChange};
use lockstep::ports::notes::{LinkIndex, NoteStore};
use lockstep::ports::side::Cursor;
use lockstep::ports::sightings::SightingStore;
use lockstep::redis::{RedisOptions, RedisStore};
use lockstep::shards::table::Table;
use tempfile::TempDir;
use uuid::Uuid;

use crate::redis_server::RedisServer;

/// A clock that stands until it is moved.
pub(crate) struct HandClock(Mutex<DateTime<Utc>>);

impl HandClock {
    fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(DateTime::UNIX_EPOCH)))
    }

    fn advance(&self, by: Duration) {
        *self.0.lock().unwrap() += TimeDelta::from_std(by).unwrap();
    }
}

impl Clock for HandClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }
}

/// A store under test and its surroundings.
pub(crate) trait Bench: Sized {
    type Store: LinkStore + LeaseStore + Journal + SightingStore + NoteStore + LinkIndex + 'static;

    async fn start() -> Self;
    fn store(&self) -> Arc<Self::Store>;
    /// Opens the same state again, as after a restart of the program.
    async fn reopen(&mut self);
    /// Lets time pass for leases; a server's clock goes by itself.
    fn advance(&self, by: Duration);
    /// A new table of the cluster as this store has it.
    fn table(&self) -> Table {
        Table::default()
    }
}

pub(crate) struct Memory {
    store: Arc<MemoryStore>,
    clock: Arc<HandClock>,
}

impl Bench for Memory {
    type Store = MemoryStore;

    async fn start() -> Self {
        let clock = HandClock::new();
        Self { store: Arc::new(MemoryStore::new(clock.clone())), clock }
    }

    fn store(&self) -> Arc<MemoryStore> {
        Arc::clone(&self.store)
    }

    /// The state is the process's own: there is nothing to open again.
    async fn reopen(&mut self) {}

    fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }
}

pub(crate) struct Embedded {
    store: Option<Arc<EmbeddedStore>>,
    clock: Arc<HandClock>,
    directory: TempDir,
}

impl Bench for Embedded {
    type Store = EmbeddedStore;

    async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut bench = Self { store: None, clock: HandClock::new(), directory };
        bench.reopen().await;
        bench
    }

    fn store(&self) -> Arc<EmbeddedStore> {
        self.store.clone().unwrap()
    }

    async fn reopen(&mut self) {
        // The file is locked until the former store is gone.
        self.store = None;
        let store = EmbeddedStore::open(self.directory.path(), self.clock.clone()).await.unwrap();
        self.store = Some(Arc::new(store));
    }

    fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }
}

pub(crate) struct Redis {
    store: Arc<RedisStore>,
    server: RedisServer,
}

impl Bench for Redis {
    type Store = RedisStore;

    async fn start() -> Self {
        let server = RedisServer::start();
        let store = RedisStore::connect(&server.address(), RedisOptions::default()).await.unwrap();
        Self { store: Arc::new(store), server }
    }

    fn store(&self) -> Arc<RedisStore> {
        Arc::clone(&self.store)
    }

    async fn reopen(&mut self) {
        let options = RedisOptions::default();
        self.store = Arc::new(RedisStore::connect(&self.server.address(), options).await.unwrap());
    }

    fn advance(&self, _by: Duration) {}

    fn table(&self) -> Table {
        Table::shared()
    }
}

/// Commits as a cycle does: the mailbox is claimed first.
pub(crate) async fn write(
    store: &dyn LinkStore,
    mailbox: &MailboxKey,
    fence: Fence,
    change: &StateChange,
) -> Result<(), StoreError> {
    let seq = store.claim(mailbox, fence).await?.seq;
    store.commit(mailbox, Claim { fence, seq }, change).await.map(drop)
}

/// Returns a mailbox of a tenant.
pub(crate) fn mailbox(tenant: &str, number: u128) -> MailboxKey {
    MailboxKey { tenant: TenantId::new(tenant), mailbox: Uuid::from_u128(number) }
}

/// Returns a link with every part filled, different for each number.
pub(crate) fn link(number: u128) -> Link {
    let row = Uuid::from_u128(number);
    let mut link = Link::new(
        LinkId(row),
        Kind::Appointment,
        Side::Dynamics,
        LinkState::Unlinked(Why::RowGone),
    );
    link.native.set(Side::Dynamics, Some(NativeId::new(row.to_string())));
    link.native.set(Side::Exchange, Some(NativeId::new(item_id(number))));
    link.version.set(Side::Dynamics, Some(Version::new(number.to_string())));
    link.version.set(Side::Exchange, Some(Version::new(format!("W/\"{number:032}\""))));
    let groups = [Group::Subject, Group::Body, Group::Location, Group::Time, Group::Status];
    let prints = Prints::from_groups(groups.map(|group| (group, u64::MAX - number as u64)));
    link.agreed = PerSide { dynamics: prints.clone(), exchange: prints };
    link.trouble = Some(Trouble {
        code: Code::PutOff,
        parked: true,
        attempts: 2,
        since: DateTime::UNIX_EPOCH + TimeDelta::milliseconds(1_001),
    });
    link
}

/// Returns a text as long and as varied as an immutable id of Graph.
fn item_id(number: u128) -> String {
    format!("AAkALgAAAAAAHYQDEapmEc2byACqAC-EWg0A{:x<116}", Uuid::from_u128(number).simple())
}

/// Returns a change that writes the links of these numbers.
pub(crate) fn put(numbers: impl IntoIterator<Item = u128>) -> StateChange {
    StateChange { put: numbers.into_iter().map(link).collect(), ..StateChange::default() }
}

/// Returns a cursor of a collection.
pub(crate) fn cursor(collection: Collection, token: &str) -> Cursor {
    let saved = DateTime::UNIX_EPOCH + TimeDelta::microseconds(1_234_567);
    let window_end = (collection == Collection::Calendar).then_some(saved + TimeDelta::days(540));
    Cursor { collection, token: token.to_owned(), saved, window_end }
}

/// Returns the links of a state in the order of their ids.
pub(crate) fn sorted(mut state: MailboxState) -> Vec<Link> {
    state.links.sort_by_key(|link| link.id);
    state.links
}
