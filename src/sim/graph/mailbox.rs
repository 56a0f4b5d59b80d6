//! One mailbox: its items, their versions and one change log per kind.
//!
//! The log has one entry per living item, at the item's last change, and one per removed item,
//! so that a delta round reads only what changed. Absent: what the fields mean.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use chrono::{DateTime, Duration, Utc};
use serde_json::{Map, Value, json};

use super::budget::Budget;
use super::filter::Subject;
use super::ids::{self, Kind, Parsed};
use super::notices::{Change, New, News};
use super::refusal::{Refusal, malformed_id, not_found};
use super::series::Recurrence;
use super::times::Times;
use crate::sim::directory::Person;

/// Whether the service lets the application into a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailboxState {
    /// A normal cloud mailbox.
    Enabled,
    /// No Exchange Online mailbox: 404 `MailboxNotEnabledForRESTAPI`.
    NotEnabled,
    /// An access policy keeps the application out: 403 `ErrorAccessDenied`.
    Denied,
}

/// The series part of a master. Days are counted from 1970-01-01.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Series {
    pub(super) rule: Recurrence,
    pub(super) zone: String,
    pub(super) cancelled: BTreeSet<i32>,
    pub(super) exceptions: BTreeMap<i32, Exception>,
}

/// One occurrence that was changed on its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Exception {
    pub(super) fields: Map<String, Value>,
    pub(super) times: Times,
    pub(super) extended: Vec<(String, String)>,
    pub(super) version: u64,
}

/// One stored thing.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) key: u64,
    pub(super) serial: u64,
    pub(super) kind: Kind,
    pub(super) folder: u64,
    pub(super) seq: u64,
    pub(super) version: u64,
    pub(super) created: DateTime<Utc>,
    pub(super) modified: DateTime<Utc>,
    pub(super) fields: Map<String, Value>,
    pub(super) extended: Vec<(String, String)>,
    pub(super) linked: Vec<Map<String, Value>>,
    pub(super) times: Option<Times>,
    pub(super) series: Option<Series>,
}

impl Item {
    /// Returns a text field, or the empty text.
    pub(super) fn text(&self, name: &str) -> &str {
        self.fields.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// Tells whether a flag is set.
    pub(super) fn flag(&self, name: &str) -> bool {
        self.fields.get(name).and_then(Value::as_bool).unwrap_or(false)
    }

    /// Returns the addresses of the attendees, lower case.
    pub(super) fn attendees(&self) -> Vec<String> {
        let list = self.fields.get("attendees").and_then(Value::as_array);
        let address = |entry: &Value| entry["emailAddress"]["address"].as_str().map(str::to_owned);
        list.into_iter().flatten().filter_map(address).map(|text| text.to_lowercase()).collect()
    }
}

impl Subject for Item {
    fn value(&self, path: &str) -> Value {
        match (path, &self.times) {
            ("start/dateTime", Some(times)) => json!(times.start.to_string()),
            ("end/dateTime", Some(times)) => json!(times.end.to_string()),
            ("isAllDay", Some(times)) => json!(times.all_day),
            ("type", Some(_)) if self.series.is_some() => json!("seriesMaster"),
            ("type", Some(_)) => json!("singleInstance"),
            ("lastModifiedDateTime", _) => json!(stamp(self.modified)),
            ("createdDateTime", _) => json!(stamp(self.created)),
            _ => {
                let mut parts = path.split('/');
                let head = parts.next().unwrap_or_default();
                let start = self.fields.get(head).cloned().unwrap_or_default();
                parts.fold(start, |value, part| value[part].clone())
            }
        }
    }

    fn extended(&self) -> &[(String, String)] {
        &self.extended
    }
}

/// Returns an instant as the service writes it.
pub(super) fn stamp(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

/// One entry of the change log.
#[derive(Debug, Clone, Copy)]
pub(super) enum Entry {
    Live(u64),
    Gone { key: u64, serial: u64, folder: u64 },
}

/// One person's mailbox.
#[derive(Debug)]
pub(super) struct Mailbox {
    pub(super) person: Person,
    pub(super) state: MailboxState,
    pub(super) items: BTreeMap<u64, Item>,
    pub(super) transactions: HashMap<String, u64>,
    /// Tokens of an older generation are expired.
    pub(super) generation: u64,
    pub(super) contacts: u64,
    pub(super) tasks: u64,
    pub(super) calendar: u64,
    serials: HashMap<u64, u64>,
    logs: HashMap<Kind, BTreeMap<u64, Entry>>,
    pending: VecDeque<(DateTime<Utc>, u64)>,
    /// Requests of the last ten minutes.
    pub(super) budget: Budget,
    /// What happened, for those who subscribed to it.
    pub(super) news: News,
    next: u64,
    seq: u64,
    version: u64,
    /// Where the feeds stand still: the last change and the last item they tell.
    pub(super) behind: Option<(u64, u64)>,
}

impl Mailbox {
    /// Builds an empty mailbox with its default folders.
    pub(super) fn new(person: Person, now: DateTime<Utc>) -> Self {
        let mut made = Self {
            person,
            state: MailboxState::Enabled,
            items: BTreeMap::new(),
            transactions: HashMap::new(),
            generation: 0,
            contacts: 0,
            tasks: 0,
            calendar: 0,
            serials: HashMap::new(),
            logs: HashMap::new(),
            pending: VecDeque::new(),
            budget: Budget::default(),
            news: News::default(),
            next: 0,
            seq: 0,
            version: 0,
            behind: None,
        };
        let named = |name: &str| Map::from_iter([("displayName".to_owned(), json!(name))]);
        let list = |name: &str, known: &str| {
            let mut fields = named(name);
            fields.insert("wellknownListName".into(), json!(known));
            fields
        };
        made.calendar = made.insert(Kind::Calendar, 0, named("Calendar"), now);
        made.contacts = made.insert(Kind::ContactFolder, 0, named("Contacts"), now);
        made.tasks = made.insert(Kind::TaskList, 0, list("Tasks", "defaultList"), now);
        made.insert(Kind::TaskList, 0, list("Flagged Emails", "flaggedEmails"), now);
        made
    }

    /// Returns a number never used before in this mailbox.
    pub(super) fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Returns the sequence number of the last change.
    pub(super) fn last_seq(&self) -> u64 {
        self.seq
    }

    /// Lets the feeds stand still at this moment, or catch up.
    pub(super) fn set_behind(&mut self, behind: bool) {
        self.behind = behind.then_some((self.seq, self.next));
    }

    /// Returns a new version number; change keys are made of it.
    pub(super) fn new_version(&mut self) -> u64 {
        self.version += 1;
        self.version
    }

    /// Returns the log of a kind from `after` (exclusive) to `upto` (inclusive).
    pub(super) fn changes(
        &self,
        kind: Kind,
        after: u64,
        upto: u64,
    ) -> impl Iterator<Item = (u64, Entry)> + '_ {
        let log = self.logs.get(&kind).filter(|_| after < upto);
        log.into_iter()
            .flat_map(move |log| log.range(after + 1..=upto).map(|(seq, entry)| (*seq, *entry)))
    }

    /// Returns the newest living item of the log at or before `upto`.
    pub(super) fn newest_before(&self, kind: Kind, upto: u64) -> Option<u64> {
        self.logs.get(&kind)?.range(..=upto).rev().find_map(|(_, entry)| match entry {
            Entry::Live(key) => Some(*key),
            Entry::Gone { .. } => None,
        })
    }

    /// Stores a new thing and returns its key.
    pub(super) fn insert(
        &mut self,
        kind: Kind,
        folder: u64,
        fields: Map<String, Value>,
        now: DateTime<Utc>,
    ) -> u64 {
        let item = self.blank(kind, folder, fields, now);
        self.store(item)
    }

    /// Returns an item that is not stored yet.
    pub(super) fn blank(
        &self,
        kind: Kind,
        folder: u64,
        fields: Map<String, Value>,
        now: DateTime<Utc>,
    ) -> Item {
        Item {
            key: 0,
            serial: 0,
            kind,
            folder,
            seq: 0,
            version: 0,
            created: now,
            modified: now,
            fields,
            extended: Vec::new(),
            linked: Vec::new(),
            times: None,
            series: None,
        }
    }

    /// Stores an item made by `blank` and returns its key.
    pub(super) fn store(&mut self, mut item: Item) -> u64 {
        let key = self.number();
        let now = item.modified;
        (item.key, item.serial) = (key, key);
        self.serials.insert(key, key);
        self.items.insert(key, item);
        self.touch(key, now);
        key
    }

    /// Gives an item a new version and moves it to the end of the log.
    pub(super) fn touch(&mut self, key: u64, now: DateTime<Utc>) {
        self.seq += 1;
        let (seq, version) = (self.seq, self.new_version());
        let Some(item) = self.items.get_mut(&key) else { return };
        let change = if item.seq == 0 { Change::Created } else { Change::Updated };
        self.news.tell(New::of(change, seq, item));
        let log = self.logs.entry(item.kind).or_default();
        log.remove(&item.seq);
        log.insert(seq, Entry::Live(key));
        (item.seq, item.version, item.modified) = (seq, version, now);
    }

    /// Lets the background services touch an item a little later (A6).
    pub(super) fn touch_later(&mut self, key: u64, now: DateTime<Utc>) {
        self.pending.push_back((now + Duration::seconds(3), key));
    }

    /// Applies the services' touches that are due; all of them when `all`.
    pub(super) fn settle(&mut self, now: DateTime<Utc>, all: bool) {
        while let Some((due, key)) = self.pending.front().copied() {
            if due > now && !all {
                return;
            }
            self.pending.pop_front();
            self.touch(key, if all { now } else { due });
        }
    }

    /// Removes an item and leaves a mark in the log.
    pub(super) fn remove(&mut self, key: u64) {
        let Some(item) = self.items.remove(&key) else { return };
        self.serials.remove(&item.serial);
        self.transactions.retain(|_, known| *known != key);
        self.log_gone(&item);
    }

    /// Moves an item to another folder: its plain id changes, its immutable id does not.
    pub(super) fn move_to(&mut self, key: u64, folder: u64, now: DateTime<Utc>) {
        let Some(old) = self.items.get(&key).cloned() else { return };
        self.serials.remove(&old.serial);
        self.log_gone(&old);
        let serial = self.number();
        self.serials.insert(serial, key);
        if let Some(item) = self.items.get_mut(&key) {
            (item.serial, item.folder, item.seq) = (serial, folder, 0);
        }
        self.touch(key, now);
    }

    fn log_gone(&mut self, item: &Item) {
        self.seq += 1;
        self.news.tell(New::of(Change::Deleted, self.seq, item));
        let log = self.logs.entry(item.kind).or_default();
        log.remove(&item.seq);
        let gone = Entry::Gone { key: item.key, serial: item.serial, folder: item.folder };
        log.insert(self.seq, gone);
    }

    /// Returns the items of a kind in a folder, oldest first.
    pub(super) fn of(&self, kind: Kind, folder: u64) -> impl Iterator<Item = &Item> + '_ {
        self.items.values().filter(move |item| item.kind == kind && item.folder == folder)
    }

    /// Finds an item by id; the day is that of an occurrence.
    pub(super) fn find(&self, kind: Kind, id: &str) -> Result<(&Item, Option<i32>), Refusal> {
        let parsed = ids::decode(self.person.object_id, kind, id).ok_or_else(malformed_id)?;
        let key = match parsed.immutable {
            true => Some(parsed.number),
            false => self.serials.get(&parsed.number).copied(),
        };
        let item = key.and_then(|key| self.items.get(&key)).filter(|item| item.kind == kind);
        item.map(|item| (item, parsed.day)).ok_or_else(not_found)
    }

    /// Returns the id of an item or of one of its occurrences.
    pub(super) fn id(&self, item: &Item, day: Option<i32>, immutable: bool) -> String {
        self.id_of(item.kind, item.key, item.serial, day, immutable)
    }

    /// Returns an id from its parts; only items of Outlook have immutable ids.
    pub(super) fn id_of(
        &self,
        kind: Kind,
        key: u64,
        serial: u64,
        day: Option<i32>,
        immutable: bool,
    ) -> String {
        let immutable = immutable && matches!(kind, Kind::Event | Kind::Contact);
        let number = if immutable { key } else { serial };
        ids::encode(self.person.object_id, kind, Parsed { number, day, immutable })
    }

    /// Returns the change key of an item.
    pub(super) fn change_key(&self, item: &Item) -> String {
        ids::change_key(self.person.object_id, item.key, item.version)
    }

    /// Returns `@odata.etag`.
    pub(super) fn etag(&self, item: &Item) -> String {
        format!("W/\"{}\"", self.change_key(item))
    }
}
