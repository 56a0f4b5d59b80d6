//! Delta rounds (A2): tokens, pages, `@removed` rows, replays, empty pages, any order.
//!
//! What clients must expect and seldom meet comes as noise: empty pages, replayed rows, removals in
//! a first round, rows in another order than that of the changes. The rows of one item keep theirs,
//! for the last one counts.
//!
//! A token holds the whole state of a round, so nothing is kept for clients that never return.
//! Absent: tokens that expire by age; the tests expire them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::GraphSim;
use super::call::{Call, Options};
use super::ids::{Kind, checksum};
use super::lists::{encode, window};
use super::mailbox::{Entry, Item, Mailbox};
use super::refusal::{Refusal, bad_query};
use super::render;
use crate::sim::wire::Response;

/// Rows of a page when nobody asks for a size.
const DEFAULT_PAGE: usize = 50;

/// What the client follows, as the path says it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope {
    pub(super) mailbox: usize,
    pub(super) kind: Kind,
    pub(super) folder: u64,
}

/// The state of a round.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Token {
    /// Object id of the mailbox.
    owner: String,
    generation: u64,
    kind: u8,
    folder: u64,
    /// The frozen window in seconds; zeros for other kinds than events.
    from: i64,
    to: i64,
    /// The last change that was told.
    cursor: u64,
    /// The last change of this round; nothing for the start of the next round.
    upto: Option<u64>,
    /// Empty pages of this round, so that no page names itself as the next one.
    empties: u32,
    /// Whether this is the round that lists everything.
    initial: bool,
    /// The options of the first query.
    query: Vec<(String, String)>,
}

impl Token {
    fn write(&self) -> String {
        let text = serde_json::to_string(self).unwrap_or_default();
        let sum = checksum("token", text.as_bytes());
        URL_SAFE_NO_PAD.encode([sum.as_slice(), text.as_bytes()].concat())
    }

    fn read(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (sum, rest) = bytes.split_at_checked(4)?;
        if checksum("token", rest) != sum {
            return None;
        }
        serde_json::from_slice(rest).ok()
    }
}

struct Page {
    rows: Vec<Value>,
    cursor: u64,
    done: bool,
}

impl GraphSim {
    /// Answers one page of a round.
    pub(super) fn delta(&mut self, scope: Scope, call: &Call) -> Result<Response, Refusal> {
        let token = call.query.iter().find(|(name, value)| {
            matches!(name.as_str(), "$skiptoken" | "$deltatoken") && !value.is_empty()
        });
        let Some((name, text)) = token else {
            let round = self.first_round(scope, call)?;
            return self.delta_page(scope, round, call);
        };
        if call.query.len() != 1 {
            return Err(bad_query("A token already carries its parameters; add nothing to it."));
        }
        let owner = self.mailboxes[scope.mailbox].person.object_id.to_string();
        let known = Token::read(text).filter(|token| {
            token.owner == owner
                && token.kind == scope.kind as u8
                && token.folder == scope.folder
                && token.upto.is_some() == (name == "$skiptoken")
        });
        let room = &self.mailboxes[scope.mailbox];
        match known {
            Some(token) if token.generation == room.generation => {
                self.delta_page(scope, token, call)
            }
            other => Ok(self.gone(other, call)),
        }
    }

    fn first_round(&self, scope: Scope, call: &Call) -> Result<Token, Refusal> {
        let mut call = call.clone();
        call.query.retain(|(name, _)| name != "$deltatoken");
        let (mut from, mut to) = (0, 0);
        if scope.kind == Kind::Event {
            let extra = |name: &str| !matches!(name, "startDateTime" | "endDateTime");
            if let Some((name, _)) = call.query.iter().find(|(name, _)| extra(name)) {
                return Err(bad_query(format!(
                    "The following parameters are not supported with change tracking over the \
                     'CalendarView' resource: '{name}'."
                )));
            }
            let (start, end) = window(&call)?;
            (from, to) = (start.as_second(), end.as_second());
        } else {
            delta_options(scope.kind, &call)?;
        }
        let room = &self.mailboxes[scope.mailbox];
        Ok(Token {
            owner: room.person.object_id.to_string(),
            generation: room.generation,
            kind: scope.kind as u8,
            folder: scope.folder,
            from,
            to,
            cursor: 0,
            upto: Some(room.last_seq()),
            empties: 0,
            initial: true,
            query: call.query,
        })
    }

    // Every form that the pages and live services know, one after the other; a required reset names
    // where to start again.
    fn gone(&mut self, token: Option<Token>, call: &Call) -> Response {
        self.resets += 1;
        let form = match self.resets % 4 {
            1 => Some((410, "SyncStateNotFound")),
            2 => None,
            3 => Some((400, "syncStateNotFound")),
            _ => Some((404, "SyncStateNotFound")),
        };
        if let Some((status, code)) = form {
            let text = "The sync state generation is not found; the token is expired or unknown.";
            return Refusal::new(status, code, text).response(&call.trace);
        }
        let text = "Resync required. Start a full round.";
        let refusal = Refusal::new(410, "resyncRequired", text);
        let kept = token.map(|token| token.query).unwrap_or_default();
        let mut query: Vec<String> =
            kept.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
        query.push("$deltatoken=".into());
        let link = self.link(call, &query.join("&"));
        refusal.response(&call.trace).with("Location", link)
    }

    fn noise(&mut self) -> bool {
        self.rng.u32(0..1000) < self.noise_per_mille
    }

    fn delta_page(
        &mut self,
        scope: Scope,
        mut token: Token,
        call: &Call,
    ) -> Result<Response, Refusal> {
        let upto = token.upto.unwrap_or_else(|| self.mailboxes[scope.mailbox].told_seq());
        token.upto = Some(upto);
        let mut first = call.clone();
        first.query.clone_from(&token.query);
        let options = if scope.kind == Kind::Event {
            Options::default()
        } else {
            delta_options(scope.kind, &first)?
        };
        let (empty, replay) = (self.noise(), self.noise());
        let (ghosts, mixed) = (self.noise(), self.noise());
        let context = format!("{}/v1.0/$metadata#{}", self.base_url, call.path.join("/"));
        let mut body = json!({ "@odata.context": context, "value": [] });
        let room = &self.mailboxes[scope.mailbox];
        if empty && token.cursor < upto {
            token.empties += 1;
            body["@odata.nextLink"] = json!(self.token_link(call, "$skiptoken", &token));
            return Ok(Response::json(200, &body));
        }
        let size = call.prefer.page_size.or(options.top).unwrap_or(DEFAULT_PAGE);
        let size = size.min(self.largest_page);
        // A first round may tell what was removed before it.
        let silent =
            (self.deletions_untold && scope.kind == Kind::Event) || (token.initial && !ghosts);
        let reader = RowReader { room, scope, token: &token, call, options: &options, silent };
        let mut page = reader.page(size, upto)?;
        if replay {
            page.rows.splice(0..0, reader.replayed()?);
        }
        if mixed {
            page.rows = mix(&mut self.rng, page.rows);
        }
        body["value"] = Value::Array(page.rows);
        token.cursor = page.cursor;
        if page.done {
            // What the feed did not tell yet belongs to a later round.
            token.cursor = upto.min(self.mailboxes[scope.mailbox].told_seq());
            (token.upto, token.initial, token.empties) = (None, false, 0);
            body["@odata.deltaLink"] = json!(self.token_link(call, "$deltatoken", &token));
        } else {
            body["@odata.nextLink"] = json!(self.token_link(call, "$skiptoken", &token));
        }
        Ok(Response::json(200, &body))
    }

    fn token_link(&self, call: &Call, name: &str, token: &Token) -> String {
        self.link(call, &format!("{name}={}", token.write()))
    }
}

impl Mailbox {
    /// Returns the sequence number of the last change that the feeds know.
    fn told_seq(&self) -> u64 {
        self.behind.map_or(self.last_seq(), |(seq, _)| seq)
    }

    /// Tells whether the feeds know nothing of this item yet.
    fn is_untold(&self, key: u64) -> bool {
        self.behind.is_some_and(|(_, last)| key > last)
    }
}

fn delta_options(kind: Kind, call: &Call) -> Result<Options, Refusal> {
    match kind {
        Kind::Contact => call.options("contact", &["$select", "$expand"]),
        Kind::Task => call.options("todoTask", &["$select", "$top", "$expand"]),
        Kind::TaskList => call.options("todoTaskList", &["$select", "$top"]),
        Kind::ContactFolder => call.options("contactFolder", &["$select"]),
        Kind::Event | Kind::Category | Kind::Calendar | Kind::Linked | Kind::Attachment => {
            call.options("event", &[])
        }
    }
}

struct RowReader<'a> {
    room: &'a Mailbox,
    scope: Scope,
    token: &'a Token,
    call: &'a Call,
    options: &'a Options,
    /// Deletions are not told.
    silent: bool,
}

impl RowReader<'_> {
    // A series isn't split over two pages, so a page may be longer than asked for.
    fn page(&self, size: usize, upto: u64) -> Result<Page, Refusal> {
        let mut page = Page { rows: Vec::new(), cursor: self.token.cursor, done: false };
        for (seq, entry) in self.room.changes(self.scope.kind, self.token.cursor, upto) {
            if page.rows.len() >= size {
                return Ok(page);
            }
            page.rows.extend(self.rows_of(entry)?);
            page.cursor = seq;
        }
        page.done = true;
        Ok(page)
    }

    fn rows_of(&self, entry: Entry) -> Result<Vec<Value>, Refusal> {
        match entry {
            Entry::Live(key) if self.room.is_untold(key) => Ok(Vec::new()),
            Entry::Live(key) => match self.room.items.get(&key) {
                Some(item) if item.folder == self.scope.folder => self.rows_of_item(item),
                Some(_) | None => Ok(Vec::new()),
            },
            Entry::Gone { .. } if self.silent => Ok(Vec::new()),
            Entry::Gone { key, serial, folder } if folder == self.scope.folder => {
                let kind = self.scope.kind;
                let id = self.room.id_of(kind, key, serial, None, self.call.prefer.immutable);
                // In the trash it can be restored from, or not even there: either is documented.
                Ok(vec![removed(&id, if serial % 2 == 0 { "changed" } else { "deleted" })])
            }
            Entry::Gone { .. } => Ok(Vec::new()),
        }
    }

    fn rows_of_item(&self, item: &Item) -> Result<Vec<Value>, Refusal> {
        if self.scope.kind == Kind::Event {
            return self.rows_of_event(item);
        }
        if item.key == self.room.contacts {
            return Ok(Vec::new());
        }
        let prefer = &self.call.prefer;
        let id = self.room.id(item, None, prefer.immutable);
        let row = render::row(self.room, item, prefer, &self.options.expand);
        Ok(vec![render::select(row, item, &id, self.options)])
    }

    // Events outside the window are told as removed whenever they change: documented noise.
    fn rows_of_event(&self, item: &Item) -> Result<Vec<Value>, Refusal> {
        let edge = |second: i64| Timestamp::from_second(second).unwrap_or(Timestamp::MAX);
        let (from, to) = (edge(self.token.from), edge(self.token.to));
        let prefer = &self.call.prefer;
        let full = |item: &Item, day: Option<i32>| {
            let mut row = render::event(self.room, item, day, prefer, &self.options.expand);
            row["@odata.type"] = json!("#microsoft.graph.event");
            row
        };
        let mut rows = Vec::new();
        if let Some(series) = &item.series {
            for (day, one) in render::occurrences(item, from, to)? {
                rows.push(match series.exceptions.contains_key(&day) {
                    true => full(&one, Some(day)),
                    false => render::slim(self.room, &one, day, prefer),
                });
            }
            if !rows.is_empty() {
                rows.insert(0, full(item, None));
            }
        } else if item.times.as_ref().is_some_and(|times| times.within(from, to)) {
            rows.push(full(item, None));
        }
        if rows.is_empty() && !self.token.initial {
            rows.push(removed(&self.room.id(item, None, prefer.immutable), "deleted"));
        }
        Ok(rows)
    }

    // A row the client has had before; the same entity may appear several times.
    fn replayed(&self) -> Result<Vec<Value>, Refusal> {
        let key = self.room.newest_before(self.scope.kind, self.token.cursor);
        key.map_or_else(|| Ok(Vec::new()), |key| self.rows_of(Entry::Live(key)))
    }
}

fn removed(id: &str, reason: &str) -> Value {
    json!({ "id": id, "@removed": { "reason": reason } })
}

/// Puts the items of a page into another order.
fn mix(rng: &mut fastrand::Rng, rows: Vec<Value>) -> Vec<Value> {
    let mut items: Vec<(Value, Vec<Value>)> = Vec::new();
    for row in rows {
        match items.iter_mut().find(|(id, _)| *id == row["id"]) {
            Some((_, known)) => known.push(row),
            None => items.push((row["id"].clone(), vec![row])),
        }
    }
    rng.shuffle(&mut items);
    items.into_iter().flat_map(|(_, rows)| rows).collect()
}
