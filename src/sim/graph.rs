//! The Microsoft Graph stand-in: Outlook calendar, contacts and To Do of one tenant.
//!
//! A pure state machine as strict as the service is documented to be. It holds tokens, budgets
//! and mailboxes here; the rooms below hold one resource each. Absent: mail folders, attachments
//! of tasks, open extensions and every beta endpoint.

mod attachments;
mod batch;
mod budget;
mod calendars;
mod call;
mod categories;
mod contacts;
mod copies;
mod crowd;
mod delta;
mod event_body;
mod events;
mod extended;
mod filter;
mod html;
mod ids;
mod lists;
mod mailbox;
mod meetings;
mod notices;
mod outside;
mod person;
mod refusal;
mod render;
mod routes;
mod schema;
mod series;
mod subscriptions;
#[cfg(test)]
mod tests;
mod times;
mod todo;
mod uploads;
mod zones;

/// Recurrence and time zones, which both stand-ins compute alike.
pub(super) mod calendar {
    pub(in crate::sim) use super::series::Recurrence;
    pub(in crate::sim) use super::zones::{WINDOWS, instant, local, zone};
}

use std::collections::HashMap;

use chrono::{DateTime, Duration, Utc};
use serde_json::json;

use super::directory::{AppCredentials, Person};
use super::oauth::Oauth;
use super::poison::{Harm, Poisons};
use super::wire::{Request, Response};
use attachments::Attached;
use call::Call;
pub use categories::{Renames, SettingsPermission};
pub use crowd::Shortage;
use mailbox::Mailbox;
pub use mailbox::MailboxState;
pub use meetings::{MailEntry, MailKind};
pub use notices::{Handshake, Lifecycle, Notice, NoticeFaults};
pub use refusal::Refusal;
use refusal::{Trace, poisoned};
use subscriptions::Subscriptions;
use uploads::Upload;

/// Where batches go.
const BATCH: &str = "/v1.0/$batch";
/// The budget of one mailbox per ten minutes (A12).
const REQUESTS_PER_TEN_MINUTES: u64 = 10_000;

/// What a Graph stand-in is built from.
#[derive(Debug, Clone)]
pub struct GraphConfig {
    /// The server's prefix; the API root is this plus `/v1.0`.
    pub base_url: String,
    /// The application that may get tokens.
    pub app: AppCredentials,
    /// How long a token is valid.
    pub token_lifetime: Duration,
    /// The people of the tenant; each has a mailbox.
    pub people: Vec<Person>,
    /// Decides replays, empty pages and orders.
    pub seed: u64,
}

/// The stand-in.
#[derive(Debug)]
pub struct GraphSim {
    base_url: String,
    oauth: Oauth,
    mailboxes: Vec<Mailbox>,
    addresses: HashMap<String, usize>,
    /// Where the copies of a meeting lie, by `iCalUId`.
    meetings: HashMap<String, Vec<(usize, u64)>>,
    ledger: Vec<MailEntry>,
    rng: fastrand::Rng,
    noise_per_mille: u32,
    deletions_untold: bool,
    largest_page: usize,
    /// A deleted occurrence gives no sign in delta, as it may (A2).
    silent_deletions: bool,
    requests: u64,
    writes: u64,
    resets: u64,
    throttled: Vec<(usize, u32)>,
    poisons: Poisons,
    /// The places that the next batch lacks.
    crowd: crowd::Crowd,
    crowded: u64,
    /// The files of events, by mailbox and event.
    attached: HashMap<(usize, u64), Vec<Attached>>,
    /// Upload sessions that are open.
    uploads: HashMap<String, Upload>,
    settings: SettingsPermission,
    /// Who wants to be told of changes.
    subscriptions: Subscriptions,
}

impl GraphSim {
    /// Requests one application may have open at one mailbox (A12).
    pub const CONCURRENCY_LIMIT: usize = 4;

    /// Builds the tenant with an empty mailbox for every person.
    #[must_use]
    pub fn new(config: GraphConfig) -> Self {
        let scope = "https://graph.microsoft.com/.default";
        let mut addresses = HashMap::new();
        for (number, person) in config.people.iter().enumerate() {
            addresses.insert(person.address.to_lowercase(), number);
            addresses.insert(person.object_id.to_string(), number);
        }
        let epoch = DateTime::<Utc>::UNIX_EPOCH;
        Self {
            base_url: config.base_url.trim_end_matches('/').to_owned(),
            oauth: Oauth::new(config.app, scope, config.token_lifetime, config.seed),
            mailboxes: config.people.into_iter().map(|who| Mailbox::new(who, epoch)).collect(),
            addresses,
            meetings: HashMap::new(),
            ledger: Vec::new(),
            rng: fastrand::Rng::with_seed(config.seed),
            noise_per_mille: 60,
            deletions_untold: false,
            largest_page: usize::MAX,
            silent_deletions: false,
            requests: 0,
            writes: 0,
            resets: 0,
            throttled: Vec::new(),
            poisons: Poisons::default(),
            crowd: crowd::Crowd::default(),
            crowded: 0,
            attached: HashMap::new(),
            uploads: HashMap::new(),
            settings: SettingsPermission::ReadWrite,
            subscriptions: Subscriptions::default(),
        }
    }

    /// Answers a request to the token endpoint.
    pub fn token(&mut self, request: &Request, now: DateTime<Utc>) -> Response {
        self.oauth.token(request, now)
    }

    /// Answers one API request; the target begins with `/v1.0/`.
    pub fn handle(&mut self, request: &Request, now: DateTime<Utc>) -> Response {
        self.requests += 1;
        let trace = self.trace(request, now);
        if request.target.starts_with(uploads::PATH) {
            let answer = self.upload(request, now);
            return answer.unwrap_or_else(|refusal| refusal.response(&trace));
        }
        if !self.oauth.accepts(request, now) {
            let text = "Access token is empty, has expired or is not yet valid.";
            let refusal = Refusal::new(401, "InvalidAuthenticationToken", text);
            let answer = refusal.response(&trace).with("WWW-Authenticate", "Bearer realm=\"\"");
            return traced(answer, &trace);
        }
        if let Some(status) = self.poisons.of_batch(request) {
            return traced(poisoned(status).response(&trace), &trace);
        }
        let path = request.target.split('?').next().unwrap_or_default();
        if path.eq_ignore_ascii_case(BATCH) {
            let answer = self.batch(request, &trace, now);
            return traced(answer.unwrap_or_else(|refusal| refusal.response(&trace)), &trace);
        }
        self.serve(request, trace, now)
    }

    /// Answers one request whose token was checked, on its own or inside a batch.
    fn serve(&mut self, request: &Request, trace: Trace, now: DateTime<Utc>) -> Response {
        if let Some(mailbox) = self.mailbox_in(&request.target) {
            let room = &mut self.mailboxes[mailbox];
            room.settle(now, false);
            if let Some(wait) = room.budget.spend(now, REQUESTS_PER_TEN_MINUTES) {
                return traced(throttle(wait, &trace, "RequestLimit"), &trace);
            }
        }
        if let Some(status) = self.poisons.of_request(request) {
            return traced(poisoned(status).response(&trace), &trace);
        }
        let call = match Call::read(request, now, trace.clone()) {
            Ok(call) => call,
            Err(refusal) => return traced(refusal.response(&trace), &trace),
        };
        let mut answer = match self.route(&call) {
            Ok(answer) => answer,
            Err(refusal) => refusal.response(&trace),
        };
        if answer.status < 300 {
            self.writes += u64::from(call.method != "GET");
            if !call.prefer.applied.is_empty() {
                answer = answer.with("Preference-Applied", call.prefer.applied.join(", "));
            }
        }
        traced(answer, &trace)
    }

    /// Refuses the `nth` (from 0) inner request of the next batch with 429; it isn't executed.
    pub fn throttle_inner(&mut self, nth: usize, retry_after_s: u32) {
        self.throttled.push((nth, retry_after_s));
    }

    /// Forgets what `throttle_inner` said and no batch has met.
    pub fn calm(&mut self) {
        self.throttled.clear();
    }

    /// Sets whether the application gets into a mailbox; an unknown address changes nothing.
    pub fn set_mailbox_state(&mut self, address: &str, state: MailboxState) {
        if let Some(mailbox) = self.mailbox_of(address) {
            self.mailboxes[mailbox].state = state;
        }
    }

    /// Sets how often delta rounds replay rows or answer empty pages, per thousand pages.
    pub fn set_delta_noise(&mut self, per_mille: u32) {
        self.noise_per_mille = per_mille;
    }

    /// Lets the calendar's feed say nothing of deleted events. It is known to do so of occurrences,
    /// and promises little of what lies outside its window; a read by id always tells.
    pub fn set_deletions_untold(&mut self, untold: bool) {
        self.deletions_untold = untold;
    }

    /// Lets what this text names go wrong; nothing heals everything.
    pub fn poison(&mut self, item: Option<(&str, Harm)>) {
        match item {
            Some((text, harm)) => self.poisons.add(text, harm),
            None => self.poisons.clear(),
        }
    }

    /// Sets the most rows of one page, whatever a request wishes.
    pub fn set_largest_page(&mut self, rows: usize) {
        self.largest_page = rows.max(1);
    }

    /// Lets the delta feeds fall behind: items made from now on are not told until they catch up.
    /// Turn it off between rounds only. Every other request sees the items at once.
    pub fn set_feeds_behind(&mut self, behind: bool) {
        self.mailboxes.iter_mut().for_each(|mailbox| mailbox.set_behind(behind));
    }

    /// Makes the delta tokens of one mailbox or of all expire; their next use is refused.
    pub fn expire_delta_tokens(&mut self, address: Option<&str>) {
        match address {
            Some(address) => {
                if let Some(mailbox) = self.mailbox_of(address) {
                    self.mailboxes[mailbox].generation += 1;
                }
            }
            None => self.mailboxes.iter_mut().for_each(|room| room.generation += 1),
        }
    }

    /// Lets the background services finish: every outstanding change-key move becomes visible.
    pub fn settle(&mut self, now: DateTime<Utc>) {
        self.mailboxes.iter_mut().for_each(|room| room.settle(now, true));
    }

    /// Withdraws every token that is out.
    pub fn revoke_tokens(&mut self) {
        self.oauth.revoke_all();
    }

    /// Returns the mails sent so far, oldest first.
    #[must_use]
    pub fn ledger(&self) -> &[MailEntry] {
        &self.ledger
    }

    /// Returns how many API requests came in; a batch counts one.
    #[must_use]
    pub fn request_count(&self) -> u64 {
        self.requests
    }

    /// Returns how many writes the API committed.
    #[must_use]
    pub fn write_count(&self) -> u64 {
        self.writes
    }

    fn mailbox_of(&self, name: &str) -> Option<usize> {
        self.addresses.get(&name.to_lowercase()).copied()
    }

    fn mailbox_in(&self, target: &str) -> Option<usize> {
        let path = target.split('?').next().unwrap_or_default();
        let name = path.strip_prefix("/v1.0/users/")?.split('/').next()?;
        let name = percent_encoding::percent_decode_str(name).decode_utf8_lossy();
        self.mailbox_of(&name)
    }

    fn random_id(&mut self) -> String {
        let number = (u128::from(self.rng.u64(..)) << 64) | u128::from(self.rng.u64(..));
        uuid::Builder::from_random_bytes(number.to_be_bytes()).into_uuid().to_string()
    }

    fn trace(&mut self, request: &Request, now: DateTime<Utc>) -> Trace {
        let request_id = self.random_id();
        let given = request.header("client-request-id").map(str::to_owned);
        let client_request_id = given.unwrap_or_else(|| request_id.clone());
        Trace { request_id, client_request_id, at: now }
    }
}

fn traced(answer: Response, trace: &Trace) -> Response {
    answer
        .with("request-id", trace.request_id.clone())
        .with("client-request-id", trace.client_request_id.clone())
}

fn throttle(wait: i64, trace: &Trace, limit: &str) -> Response {
    let text = format!("Application is over its {limit} limit.");
    let refusal = Refusal::new(429, "ApplicationThrottled", text);
    refusal.response(trace).with("Retry-After", wait.to_string())
}

/// Returns a 200 with a single resource.
fn one(base_url: &str, entity: &str, mut row: serde_json::Value, status: u16) -> Response {
    row["@odata.context"] = json!(format!("{base_url}/v1.0/$metadata#{entity}/$entity"));
    Response::json(status, &row)
}
