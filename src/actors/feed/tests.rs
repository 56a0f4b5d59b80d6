//! The reader against a scripted organization: whom a row concerns, and that nothing is lost.

use std::collections::VecDeque;

use async_trait::async_trait;

use super::*;
use crate::cycle::tests::fakes::{TestClock, World, mailbox};
use crate::domain::ids::{Fence, Version};
use crate::domain::kind::Kind;
use crate::domain::link::{Link, LinkState};
use crate::domain::side::Side;
use crate::memory::{LocalBus, MemoryStore};
use crate::ports::feed::ChangedRow;
use crate::ports::links::{Claim, LinkStore, StateChange};
use crate::ports::wake::Listener;

const TABLES: [&str; 2] = ["appointments", "contacts"];

#[derive(Default)]
struct Far {
    script: Mutex<HashMap<&'static str, VecDeque<News>>>,
    asked: Mutex<Vec<(String, Option<String>)>>,
    parties: Mutex<Vec<(LinkId, Uuid)>>,
}

#[async_trait]
impl ChangeFeed for Far {
    fn tables(&self) -> &[&'static str] {
        &TABLES
    }

    async fn read(&self, from: &[(&'static str, Option<String>)]) -> Result<Vec<News>, SideError> {
        let mut script = self.script.lock().unwrap();
        let mut asked = self.asked.lock().unwrap();
        Ok(from
            .iter()
            .map(|(table, cursor)| {
                asked.push(((*table).to_owned(), cursor.clone()));
                let scripted = script.get_mut(table).and_then(VecDeque::pop_front);
                scripted.unwrap_or_else(|| nothing(&format!("{table}-end")))
            })
            .collect())
    }

    async fn parties(
        &self,
        _: &'static str,
        rows: &[LinkId],
    ) -> Result<Vec<(LinkId, Uuid)>, SideError> {
        let all = self.parties.lock().unwrap();
        Ok(all.iter().filter(|(row, _)| rows.contains(row)).copied().collect())
    }
}

fn nothing(next: &str) -> News {
    News::Rows { changed: Vec::new(), deleted: Vec::new(), next: next.to_owned(), more: false }
}

fn row(number: u128) -> LinkId {
    LinkId(Uuid::from_u128(0xA000 + number))
}

fn changed(number: u128, owner: u128, version: &str) -> News {
    News::Rows {
        changed: vec![ChangedRow {
            row: row(number),
            owner: Some(mailbox(owner).user),
            version: Some(Version::new(version)),
        }],
        deleted: Vec::new(),
        next: format!("after {number}"),
        more: false,
    }
}

struct Bench {
    far: Arc<Far>,
    store: Arc<MemoryStore>,
    clock: Arc<TestClock>,
    ownership: Arc<Ownership>,
    bus: Arc<LocalBus>,
    listener: Box<dyn Listener>,
    tracks: Tracks,
}

impl Bench {
    /// A reader of three mailboxes that has read everything once.
    async fn new() -> (Self, FeedReader) {
        let clock = World::new().clock;
        let store = Arc::new(MemoryStore::new(clock.clone()));
        let ownership = Arc::new(Ownership::new(store.clone(), "node"));
        assert!(ownership.hold().await.unwrap());
        let bus = Arc::new(LocalBus::new());
        let (far, listener) = (Arc::<Far>::default(), bus.listen());
        let tracks = Tracks::new();
        let mut bench = Self { far, store, clock, ownership, bus, listener, tracks };
        let reader = bench.reader(bench.bus.clone());
        bench.round(&reader).await;
        assert_eq!(bench.told().await, [all()], "a first reading tells everybody");
        (bench, reader)
    }

    fn reader(&self, bus: Arc<dyn WakeBus>) -> FeedReader {
        let reader = FeedReader::new(FeedParts {
            tenant: TenantId::new("contoso"),
            far: self.far.clone(),
            notes: self.store.clone(),
            index: self.store.clone(),
            ownership: self.ownership.clone(),
            clock: self.clock.clone(),
            bus,
            metrics: Metrics::new(),
            interval: Duration::from_secs(10),
        });
        reader.present((1..=3).map(mailbox).map(Arc::new));
        reader
    }

    fn says(&self, table: &'static str, news: News) {
        self.far.script.lock().unwrap().entry(table).or_default().push_back(news);
    }

    async fn round(&mut self, reader: &FeedReader) {
        assert!(reader.round(&mut self.tracks).await.is_ok());
    }

    /// Returns what was published, reports of readings left out, in order of the mailboxes.
    async fn told(&mut self) -> Vec<Hint> {
        let mut all = Vec::new();
        let patience = Duration::from_millis(1);
        while let Ok(hint) = tokio::time::timeout(patience, self.listener.hint()).await {
            all.extend((!matches!(hint, Hint::Read(..))).then_some(hint));
        }
        all.sort_by_key(|hint| format!("{hint:?}"));
        all
    }

    async fn link(&self, at: u128, number: u128, version: &str) {
        let mut link = Link::new(row(number), Kind::Contact, Side::Dynamics, LinkState::Agreed);
        link.version.dynamics = Some(Version::new(version));
        let change = StateChange { put: vec![link], ..StateChange::default() };
        let (key, fence) = (mailbox(at).key, Fence(1));
        let seq = self.store.claim(&key, fence).await.unwrap().seq;
        self.store.commit(&key, Claim { fence, seq }, &change).await.unwrap();
    }
}

fn all() -> Hint {
    Hint::AllChanged(TenantId::new("contoso"))
}

fn of(numbers: &[u128]) -> Vec<Hint> {
    numbers.iter().map(|number| Hint::Changed(mailbox(*number).key)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_row_concerns_its_owner_its_parties_and_who_has_a_link() {
    // Mailbox 1 owns it, 2 takes part, 3 has a link of an older version; then each alone.
    let (mut bench, reader) = Bench::new().await;
    bench.far.parties.lock().unwrap().push((row(1), mailbox(2).user.0));
    bench.far.parties.lock().unwrap().push((row(1), Uuid::from_u128(5)));
    bench.link(3, 1, "6").await;
    bench.says("appointments", changed(1, 1, "7"));
    bench.round(&reader).await;
    assert_eq!(bench.told().await, of(&[1, 2, 3]));
    bench.says("contacts", changed(2, 9, "8"));
    bench.round(&reader).await;
    assert_eq!(bench.told().await, [], "a stranger's row");
    let deleted = vec![row(1), row(77)];
    let next = "x".to_owned();
    bench.says("contacts", News::Rows { changed: Vec::new(), deleted, next, more: false });
    bench.round(&reader).await;
    assert_eq!(bench.told().await, of(&[3]), "only a link leads to a row that is gone");
}

#[test]
fn rows_that_are_gone_are_looked_up_first() {
    // Nothing else tells of them; whether some were left out is told.
    let News::Rows { changed, .. } = changed(1, 1, "7") else { panic!() };
    let changed = changed.into_iter().map(|row| ("contacts", row)).collect();
    let found = Found { changed, deleted: vec![row(2), row(3)], everybody: false };
    assert_eq!(found.looked_up(2), (vec![row(2), row(3)], false));
    assert_eq!(found.looked_up(3), (vec![row(2), row(3), row(1)], true));
}

#[tokio::test(start_paused = true)]
async fn a_write_of_ones_own_wakes_nobody() {
    // The link knows the version that the feed tells; whose link does not is woken.
    let (mut bench, reader) = Bench::new().await;
    bench.link(1, 1, "7").await;
    bench.says("contacts", changed(1, 1, "7"));
    bench.round(&reader).await;
    assert_eq!(bench.told().await, []);
    bench.says("contacts", changed(1, 1, "8"));
    bench.round(&reader).await;
    assert_eq!(bench.told().await, of(&[1]));
}

#[tokio::test(start_paused = true)]
async fn pages_are_read_to_the_end_and_tell_each_mailbox_once() {
    // Three pages of one owner: one hint, and the next round begins where the last page ended.
    let (mut bench, reader) = Bench::new().await;
    for number in 1..=3 {
        let News::Rows { changed, deleted, next, .. } = changed(number, 1, "7") else { panic!() };
        let more = number < 3;
        bench.says("contacts", News::Rows { changed, deleted, next, more });
    }
    bench.far.asked.lock().unwrap().clear();
    bench.round(&reader).await;
    assert_eq!(bench.told().await, of(&[1]));
    let asked = std::mem::take(&mut *bench.far.asked.lock().unwrap());
    assert_eq!(asked.len(), 4, "{asked:?}");
    bench.round(&reader).await;
    let asked = bench.far.asked.lock().unwrap().clone();
    assert!(asked.contains(&("contacts".to_owned(), Some("after 3".to_owned()))), "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_too_old_begins_anew_and_tells_everybody() {
    // The table is read from its beginning, and everybody is told once it was read to its end.
    let (mut bench, reader) = Bench::new().await;
    bench.says("contacts", News::Expired);
    let page = |more| News::Rows { changed: vec![], deleted: vec![], next: "p".to_owned(), more };
    bench.says("contacts", page(true));
    bench.says("contacts", page(false));
    bench.round(&reader).await;
    let asked = bench.far.asked.lock().unwrap().clone();
    assert!(asked.contains(&("contacts".to_owned(), None)));
    assert_eq!(bench.told().await, [all()]);
    bench.round(&reader).await;
    assert_eq!(bench.told().await, []);
}

/// A bus that is away.
struct Away;

#[async_trait]
impl WakeBus for Away {
    async fn publish(&self, hints: &[(Channel, Hint)]) -> Result<(), StoreError> {
        if hints.is_empty() {
            return Ok(());
        }
        Err(StoreError::Unavailable("away".into()))
    }

    fn listen(&self) -> Box<dyn Listener> {
        LocalBus::new().listen()
    }
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_told_is_read_again() {
    // The cursor moves after the hints were published: the next round begins before the row.
    let (mut bench, _) = Bench::new().await;
    let deaf = bench.reader(Arc::new(Away));
    bench.says("contacts", changed(1, 1, "7"));
    assert!(deaf.round(&mut bench.tracks).await.is_err());
    bench.far.asked.lock().unwrap().clear();
    let reader = bench.reader(bench.bus.clone());
    bench.round(&reader).await;
    let asked = bench.far.asked.lock().unwrap().clone();
    assert!(asked.contains(&("contacts".to_owned(), Some("contacts-end".to_owned()))), "{asked:?}");
    assert_eq!(bench.told().await, [], "a restart alone tells nobody");
}

#[tokio::test(start_paused = true)]
async fn a_table_that_cannot_be_read_is_left_to_the_sweeps() {
    // It is asked for again after an hour; the others are read, but the tenant does not count as told.
    let (mut bench, reader) = Bench::new().await;
    let heard = |reader: &FeedReader, tables: &[&str]| {
        tables.iter().for_each(|table| reader.heard((*table).to_owned()));
    };
    assert!(!reader.is_fresh(bench.clock.now()));
    heard(&reader, &TABLES);
    assert!(reader.is_fresh(bench.clock.now()));
    let back = bench.clock.now() - TimeDelta::hours(1);
    assert!(!reader.is_fresh(back), "nor does a clock that was set back say so");
    bench.says("contacts", News::Refused("0x80040220".to_owned()));
    bench.round(&reader).await;
    bench.far.asked.lock().unwrap().clear();
    bench.clock.forward(200);
    assert!(!reader.is_fresh(bench.clock.now()), "nobody reported for three minutes");
    heard(&reader, &["appointments", "surprise"]);
    assert!(!reader.is_fresh(bench.clock.now()));
    assert!(bench.ownership.hold().await.unwrap());
    bench.round(&reader).await;
    let asked = std::mem::take(&mut *bench.far.asked.lock().unwrap());
    assert!(asked.iter().all(|(table, _)| table == "appointments"), "{asked:?}");
    bench.clock.forward(3_600);
    assert!(bench.ownership.hold().await.unwrap());
    bench.round(&reader).await;
    assert!(bench.far.asked.lock().unwrap().contains(&("contacts".to_owned(), None)));
    assert_eq!(bench.told().await, [all()]);
}
