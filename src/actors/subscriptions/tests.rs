//! The keeper against a far side that counts: nothing is made twice, nothing in a storm.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use async_trait::async_trait;

use super::round::AT_ONCE;
use super::*;
use crate::cycle::tests::fakes::{TestClock, World, mailbox};
use crate::memory::{LocalBus, MemoryStore};
use crate::ports::error::SideError;
use crate::ports::subscriptions::Listed;
use crate::ports::wake::{Hint, Listener};

/// What the far side answers to the next call instead of doing it.
type Refusal = fn() -> MakeError;

#[derive(Default)]
struct Far {
    live: Mutex<BTreeMap<String, Listed>>,
    made: AtomicUsize,
    calls: Mutex<Vec<(String, tokio::time::Instant)>>,
    refusals: Mutex<Vec<Refusal>>,
    /// How long a call that makes one takes; how many are on their way, and the most that were.
    takes: Mutex<Duration>,
    running: AtomicUsize,
    most: AtomicUsize,
}

impl Far {
    fn note(&self, what: &str) {
        self.calls.lock().unwrap().push((what.to_owned(), tokio::time::Instant::now()));
    }

    fn counts(&self, what: &str) -> usize {
        self.calls.lock().unwrap().iter().filter(|(call, _)| call == what).count()
    }
}

#[async_trait]
impl Subscriptions for Far {
    async fn make(
        &self,
        mailbox: &Mailbox,
        of: Watched,
        state: &str,
        until: DateTime<Utc>,
    ) -> Result<(String, DateTime<Utc>), MakeError> {
        self.note("make");
        let running = self.running.fetch_add(1, SeqCst) + 1;
        self.most.fetch_max(running, SeqCst);
        let takes = *self.takes.lock().unwrap();
        sleep(takes).await;
        self.running.fetch_sub(1, SeqCst);
        if let Some(refusal) = self.refusals.lock().unwrap().pop() {
            return Err(refusal());
        }
        let user = mailbox.object_id.to_string();
        let mut live = self.live.lock().unwrap();
        if live.values().any(|one| (one.of, &one.user) == (of, &user)) {
            return Err(MakeError::Exists);
        }
        let id = format!("s{}", self.made.fetch_add(1, SeqCst));
        let state = Some(state.to_owned());
        let one = Listed { id: id.clone(), user, of, expires: until, state, ours: true };
        live.insert(id.clone(), one);
        Ok((id, until))
    }

    async fn renew(
        &self,
        id: &str,
        until: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, SideError> {
        self.note("renew");
        Ok(self.live.lock().unwrap().contains_key(id).then_some(until))
    }

    async fn authorize(&self, id: &str) -> Result<bool, SideError> {
        self.note("authorize");
        Ok(self.live.lock().unwrap().contains_key(id))
    }

    async fn end(&self, id: &str) -> Result<(), SideError> {
        self.note("end");
        self.live.lock().unwrap().remove(id);
        Ok(())
    }

    async fn list(&self) -> Result<Vec<Listed>, SideError> {
        self.note("list");
        Ok(self.live.lock().unwrap().values().cloned().collect())
    }

    fn addresses(&self) -> u64 {
        7
    }
}

struct Bench {
    far: Arc<Far>,
    store: Arc<MemoryStore>,
    clock: Arc<TestClock>,
    ownership: Arc<Ownership>,
    bus: Arc<LocalBus>,
}

impl Bench {
    async fn new() -> Self {
        let clock = World::new().clock;
        let store = Arc::new(MemoryStore::new(clock.clone()));
        let ownership = Arc::new(Ownership::new(store.clone(), "node"));
        assert!(ownership.hold().await.unwrap());
        Self { far: Arc::default(), store, clock, ownership, bus: Arc::new(LocalBus::new()) }
    }

    /// A keeper of so many mailboxes, as after a start of the process.
    fn keeper(&self, mailboxes: u128) -> Arc<SubscriptionKeeper> {
        let keeper = SubscriptionKeeper::new(KeeperParts {
            tenant: TenantId::new("contoso"),
            far: self.far.clone(),
            notes: self.store.clone(),
            ownership: self.ownership.clone(),
            clock: self.clock.clone(),
            bus: self.bus.clone(),
            metrics: Metrics::new(),
        });
        keeper.present((1..=mailboxes).map(mailbox).map(Arc::new), |id| format!("secret of {id}"));
        Arc::new(keeper)
    }

    /// One round; the lease is renewed as the node does.
    async fn round(&self, keeper: &SubscriptionKeeper) -> Result<(), Pause> {
        assert!(self.ownership.hold().await.unwrap());
        keeper.round().await
    }
}

fn id(number: u128) -> Uuid {
    mailbox(number).key.mailbox
}

async fn woken(listener: &mut Box<dyn Listener>) -> Option<Hint> {
    timeout(Duration::from_millis(1), listener.hint()).await.ok()
}

#[tokio::test(start_paused = true)]
async fn a_restart_and_a_new_owner_make_nothing_anew() {
    // Two subscriptions for each mailbox, whoever keeps them; without the store's memory they are
    // found in the far side's list.
    let bench = Bench::new().await;
    for _ in 0..3 {
        let keeper = bench.keeper(3);
        assert!(!keeper.is_told(id(1), bench.clock.now()));
        assert!(bench.round(&keeper).await.is_ok());
        assert!(keeper.is_told(id(1), bench.clock.now()));
        assert!(bench.round(&keeper).await.is_ok());
    }
    assert_eq!((bench.far.made.load(SeqCst), bench.far.counts("make")), (6, 6));
    let lost = Bench { store: Arc::new(MemoryStore::new(bench.clock.clone())), ..bench };
    let keeper = lost.keeper(3);
    assert!(lost.round(&keeper).await.is_ok());
    assert_eq!((lost.far.made.load(SeqCst), lost.far.counts("list")), (6, 1));
    assert_eq!(lost.far.counts("end"), 0, "they are taken over as they are");
}

/// Runs a round to its end while the lease is renewed; returns how long it took.
async fn renewed(bench: &Bench, keeper: &SubscriptionKeeper) -> (Result<(), Pause>, Duration) {
    let began = tokio::time::Instant::now();
    let holding = async {
        loop {
            sleep(Duration::from_secs(4)).await;
            assert!(bench.ownership.hold().await.unwrap());
        }
    };
    tokio::select! {
        done = keeper.round() => (done, began.elapsed()),
        () = holding => unreachable!(),
    }
}

#[tokio::test(start_paused = true)]
async fn thousands_begin_one_after_another() {
    // A thousand mailboxes at once: no two calls begin within 50 ms, and all are told in the end.
    let bench = Bench::new().await;
    *bench.far.takes.lock().unwrap() = Duration::from_millis(120);
    let keeper = bench.keeper(1_000);
    assert!(renewed(&bench, &keeper).await.0.is_ok());
    let calls = bench.far.calls.lock().unwrap();
    assert_eq!(calls.len(), 2_000);
    assert!(calls.windows(2).all(|two| two[1].1 - two[0].1 >= SPACING));
    assert!((1..=1_000).all(|number| keeper.is_told(id(number), bench.clock.now())));
}

#[tokio::test(start_paused = true)]
async fn some_are_made_at_once_after_the_first() {
    // The first two are alone, the others fill the slots and never more; it takes a quarter of the time.
    let bench = Bench::new().await;
    let takes = Duration::from_secs(1);
    *bench.far.takes.lock().unwrap() = takes;
    let keeper = bench.keeper(81);
    let (done, took) = renewed(&bench, &keeper).await;
    assert!(done.is_ok());
    assert_eq!((bench.far.counts("make"), bench.far.most.load(SeqCst)), (162, AT_ONCE));
    let least = takes * (2 + 160 / AT_ONCE as u32);
    assert!(took >= least && took <= least + least / 5, "{took:?}");
    let calls = bench.far.calls.lock().unwrap();
    assert!(calls[1].1 - calls[0].1 >= takes && calls[2].1 - calls[1].1 >= takes);
}

#[tokio::test(start_paused = true)]
async fn what_is_on_its_way_when_all_must_wait_is_remembered() {
    // The refusal comes to the third: those beside it come to their end, no other begins.
    let bench = Bench::new().await;
    *bench.far.takes.lock().unwrap() = Duration::from_secs(1);
    let keeper = bench.keeper(50);
    let refused = async {
        while bench.far.counts("make") < 3 {
            sleep(Duration::from_millis(10)).await;
        }
        bench.far.refusals.lock().unwrap().push(|| MakeError::NotReached);
    };
    let ((done, _), ()) = tokio::join!(renewed(&bench, &keeper), refused);
    assert!(matches!(done, Err(Pause::For(wait)) if wait == NOT_REACHED));
    assert_eq!(bench.far.counts("make"), 2 + AT_ONCE);
    let notes = bench.store.notes(&TenantId::new("contoso"), Shelf::Subscriptions).await.unwrap();
    let held: usize = notes.values().map(|text| read(text).len()).sum();
    assert_eq!((held, bench.far.made.load(SeqCst)), (1 + AT_ONCE, 1 + AT_ONCE));
}

#[tokio::test(start_paused = true)]
async fn a_life_is_prolonged_before_it_ends() {
    // Nothing for a day; within two days each is renewed once, and never made again.
    let bench = Bench::new().await;
    let keeper = bench.keeper(2);
    assert!(bench.round(&keeper).await.is_ok());
    bench.clock.forward(24 * 3_600);
    assert!(bench.round(&keeper).await.is_ok());
    assert_eq!(bench.far.counts("renew"), 0);
    bench.clock.forward(24 * 3_600);
    assert!(bench.round(&keeper).await.is_ok());
    assert_eq!((bench.far.counts("renew"), bench.far.counts("make")), (4, 4));
    bench.clock.forward(24 * 3_600);
    assert!(keeper.is_told(id(1), bench.clock.now()));
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_is_made_again_and_its_mailbox_woken() {
    // By a notice, or found at the renewal; the first making wakes nobody.
    let bench = Bench::new().await;
    let mut listener = bench.bus.listen();
    let keeper = bench.keeper(1);
    assert!(bench.round(&keeper).await.is_ok());
    assert_eq!(woken(&mut listener).await, None);
    let first = bench.far.live.lock().unwrap().pop_first().unwrap().0;
    keeper.heard(id(1), &Life::Missed);
    keeper.heard(id(9), &Life::Removed(first.clone()));
    assert!(bench.round(&keeper).await.is_ok());
    assert_eq!(bench.far.counts("make"), 2);
    keeper.heard(id(1), &Life::Removed(first));
    assert!(!keeper.is_told(id(1), bench.clock.now()));
    assert!(bench.round(&keeper).await.is_ok());
    assert_eq!(bench.far.counts("make"), 3);
    assert_eq!(woken(&mut listener).await, Some(Hint::Changed(mailbox(1).key)));
    bench.far.live.lock().unwrap().clear();
    bench.clock.forward(48 * 3_600);
    assert!(bench.round(&keeper).await.is_ok());
    assert_eq!((bench.far.counts("renew"), bench.far.counts("make")), (2, 5));
    assert!(keeper.is_told(id(1), bench.clock.now()));
}

#[tokio::test(start_paused = true)]
async fn a_silent_one_is_authorized() {
    // It tells nothing until then, and is the same afterwards.
    let bench = Bench::new().await;
    let keeper = bench.keeper(1);
    assert!(bench.round(&keeper).await.is_ok());
    keeper.heard(id(1), &Life::Unauthorized("s0".to_owned()));
    assert!(!keeper.is_told(id(1), bench.clock.now()));
    assert!(bench.round(&keeper).await.is_ok());
    assert_eq!((bench.far.counts("authorize"), bench.far.counts("make")), (1, 2));
    assert!(keeper.is_told(id(1), bench.clock.now()));
}

#[tokio::test(start_paused = true)]
async fn another_secret_or_address_replaces_them() {
    // One whose notices could not be checked is ended before another is made.
    let bench = Bench::new().await;
    let keeper = bench.keeper(1);
    assert!(bench.round(&keeper).await.is_ok());
    keeper.present([Arc::new(mailbox(1))].into_iter(), |_| "another secret".to_owned());
    assert!(bench.round(&keeper).await.is_ok());
    assert_eq!((bench.far.counts("end"), bench.far.counts("make")), (2, 4));
    let live = bench.far.live.lock().unwrap();
    assert!(live.values().all(|one| one.state.as_deref() == Some("another secret")));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_stops_the_round_or_the_mailbox() {
    // An ingress that is not reached and a throttled far side end the round; what one mailbox may not
    // have leaves the others alone, and is tried again after a minute, then two.
    let bench = Bench::new().await;
    let keeper = bench.keeper(3);
    bench.far.refusals.lock().unwrap().push(|| MakeError::NotReached);
    assert!(matches!(bench.round(&keeper).await, Err(Pause::For(wait)) if wait == NOT_REACHED));
    assert_eq!(bench.far.counts("make"), 1);
    bench.far.refusals.lock().unwrap().push(|| {
        let retry_after = Duration::from_secs(77);
        SideError::Throttled { retry_after }.into()
    });
    let paused = bench.round(&keeper).await;
    assert!(matches!(paused, Err(Pause::For(wait)) if wait == Duration::from_secs(77)));
    bench.clock.forward(3_600);
    bench
        .far
        .refusals
        .lock()
        .unwrap()
        .push(|| SideError::Refused { status: 403, code: "Forbidden".to_owned() }.into());
    assert!(bench.round(&keeper).await.is_ok());
    let told = |bench: &Bench| {
        let now = bench.clock.now();
        (1..=3).filter(|number| keeper.is_told(id(*number), now)).count()
    };
    assert_eq!(told(&bench), 2);
    let calls = bench.far.calls.lock().unwrap().len();
    bench.clock.forward(59);
    assert!(bench.round(&keeper).await.is_ok());
    assert_eq!(bench.far.calls.lock().unwrap().len(), calls, "nothing is due");
    bench.clock.forward(3_600);
    assert!(bench.round(&keeper).await.is_ok());
    assert_eq!(told(&bench), 3);
}

#[tokio::test(start_paused = true)]
async fn who_owns_nothing_keeps_nothing() {
    // Without the lease no call is made.
    let bench = Bench::new().await;
    let keeper = bench.keeper(2);
    bench.ownership.release().await;
    assert!(keeper.round().await.is_ok());
    assert!(bench.far.calls.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_purged_mailbox_has_none() {
    // Ended at the far side and forgotten in the store; those of others stay.
    let bench = Bench::new().await;
    let keeper = bench.keeper(2);
    assert!(bench.round(&keeper).await.is_ok());
    keeper.end(&mailbox(1).key).await.unwrap();
    assert_eq!(bench.far.live.lock().unwrap().len(), 2);
    let notes = bench.store.notes(&TenantId::new("contoso"), Shelf::Subscriptions).await.unwrap();
    assert_eq!(notes.keys().collect::<Vec<_>>(), [&id(2).to_string()]);
}
