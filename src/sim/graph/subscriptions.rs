//! Subscriptions to changes (A14): who wants to be told of what, and for how long.
//!
//! A new subscription waits until its addresses have answered a handshake, which whoever carries
//! this stand-in does (`notices`). Made inside of a batch it is answered before that. Absent: a
//! change of the address of a subscription, and resource data inside of notices.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use serde_json::{Map, Value, json};

use super::GraphSim;
use super::call::Call;
use super::ids::Kind;
use super::notices::{Change, Handshake, Lifecycle, Notice, NoticeFaults};
use super::refusal::{Refusal, Trace, no_method, no_segment};
use super::schema::schema;
use super::{one, traced};
use crate::sim::wire::Response;

/// The longest life of a subscription to events, contacts and tasks.
const LIFE_MAX: Duration = Duration::minutes(4_230);
/// A shorter life is made this long.
const LIFE_MIN: Duration = Duration::minutes(45);
/// The longest `clientState`.
const STATE_MAX_CHARS: usize = 128;
/// Subscriptions that a mailbox may have at once, of all applications.
const MOST_OF_A_MAILBOX: usize = 1_000;
/// Subscriptions on one page of the list.
const PAGE: usize = 100;
/// The collection of subscriptions in contexts and routes.
const ENTITY: &str = "subscriptions";

/// One subscription.
#[derive(Debug, Clone)]
pub(super) struct Subscription {
    pub(super) id: String,
    pub(super) mailbox: usize,
    pub(super) kind: Kind,
    /// Only items of this folder or list.
    pub(super) folder: Option<u64>,
    pub(super) changes: Vec<Change>,
    pub(super) immutable: bool,
    pub(super) expires: DateTime<Utc>,
    /// What happened before this change is not told.
    pub(super) since: u64,
    /// Nothing is told until it is authorized anew.
    pub(super) paused: bool,
    /// What was asked for, as it is answered.
    pub(super) given: Map<String, Value>,
}

impl Subscription {
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.given.get(name).and_then(Value::as_str)
    }

    fn render(&self) -> Value {
        let mut row = Value::Object(self.given.clone());
        row["id"] = json!(self.id);
        row["expirationDateTime"] = json!(super::mailbox::stamp(self.expires));
        row
    }
}

/// All subscriptions of the tenant and what is to be sent because of them.
#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    pub(super) live: BTreeMap<String, Subscription>,
    /// Those whose handshake is not done.
    pub(super) pending: BTreeMap<String, Subscription>,
    /// Handshakes that nobody has taken yet.
    pub(super) handshakes: Vec<Handshake>,
    /// Notices of the lifecycle.
    pub(super) lifecycle: Vec<Notice>,
    pub(super) faults: NoticeFaults,
    pub(super) made: u64,
    pub(super) lost: u64,
}

fn bad(message: impl Into<String>) -> Refusal {
    Refusal::new(400, "InvalidRequest", message)
}

fn unknown() -> Refusal {
    Refusal::new(404, "ResourceNotFound", "The object was not found.")
}

impl GraphSim {
    /// Answers what stands below `/subscriptions`.
    pub(super) fn subscriptions_route(
        &mut self,
        rest: &[&str],
        call: &Call,
    ) -> Result<Response, Refusal> {
        self.expire_subscriptions(call.now);
        match (call.method.as_str(), rest) {
            ("GET", []) => self.list_subscriptions(call),
            ("POST", []) => self.subscribe(call),
            ("GET", [id]) => {
                call.options("subscription", &[])?;
                let found = self.subscriptions.live.get(*id).ok_or_else(unknown)?;
                Ok(one(&self.base_url, ENTITY, found.render(), 200))
            }
            ("PATCH", [id]) => self.prolong(id, call),
            ("DELETE", [id]) => {
                call.options("subscription", &[])?;
                let removed = self.subscriptions.live.remove(*id).ok_or_else(unknown)?;
                self.listen(removed.mailbox);
                Ok(Response::empty(204))
            }
            ("POST", [id, "reauthorize"]) => {
                let found = self.subscriptions.live.get_mut(*id).ok_or_else(unknown)?;
                found.paused = false;
                Ok(Response::empty(204))
            }
            (_, [] | [_] | [_, "reauthorize"]) => Err(no_method()),
            (_, [.., last]) => Err(no_segment(last)),
        }
    }

    fn list_subscriptions(&self, call: &Call) -> Result<Response, Refusal> {
        call.options("subscription", &["$skiptoken"])?;
        let skip = call.parameter("$skiptoken").map_or(Ok(0), str::parse::<usize>);
        let skip = skip.map_err(|_| bad("The '$skiptoken' is not valid."))?;
        let all = &self.subscriptions.live;
        let rows: Vec<Value> =
            all.values().skip(skip).take(PAGE).map(Subscription::render).collect();
        let context = format!("{}/v1.0/$metadata#{ENTITY}", self.base_url);
        let mut page = json!({ "@odata.context": context, "value": rows });
        if skip + PAGE < all.len() {
            let next = format!("{}/v1.0/{ENTITY}?$skiptoken={}", self.base_url, skip + PAGE);
            page["@odata.nextLink"] = json!(next);
        }
        Ok(Response::json(200, &page))
    }

    fn subscribe(&mut self, call: &Call) -> Result<Response, Refusal> {
        call.options("subscription", &[])?;
        let body = call.object()?;
        schema().check("subscription", &body, &[])?;
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        let needed = |name: &str| text(name).ok_or_else(|| bad(format!("'{name}' is missing.")));
        let known = [
            "changeType",
            "notificationUrl",
            "lifecycleNotificationUrl",
            "resource",
            "expirationDateTime",
            "clientState",
        ];
        if let Some(name) = body.keys().find(|name| !known.contains(&name.as_str())) {
            return Err(bad(format!("'{name}' cannot be set for this resource.")));
        }
        let changes = changes(needed("changeType")?)?;
        let notify = needed("notificationUrl")?;
        check_url(notify)?;
        text("lifecycleNotificationUrl").map_or(Ok(()), check_url)?;
        if text("clientState").is_some_and(|state| state.chars().count() > STATE_MAX_CHARS) {
            return Err(bad("'clientState' has more than 128 characters."));
        }
        let expires = expiry(needed("expirationDateTime")?, call.now)?;
        let (mailbox, kind, folder) = self.subject(needed("resource")?)?;
        self.refuse_beyond(mailbox, kind, folder, &changes)?;
        let urls = [Some(notify), text("lifecycleNotificationUrl")].into_iter().flatten();
        let urls = urls.map(str::to_owned).collect();
        let (id, token) = (self.random_id(), self.random_id());
        let made = Subscription {
            id: id.clone(),
            mailbox,
            kind,
            folder,
            changes,
            immutable: call.prefer.immutable,
            expires,
            since: 0,
            paused: false,
            given: body,
        };
        let answer = one(&self.base_url, ENTITY, made.render(), 201);
        // A token has signs that an address must encode, so that an echo of the raw text shows.
        let token = format!("Validation: Testing client application reachability for {token}&=ü");
        self.subscriptions.handshakes.push(Handshake { subscription: id.clone(), urls, token });
        self.subscriptions.pending.insert(id, made);
        Ok(answer)
    }

    /// Refuses what a mailbox may not have: too many subscriptions, or one twice.
    fn refuse_beyond(
        &self,
        mailbox: usize,
        kind: Kind,
        folder: Option<u64>,
        changes: &[Change],
    ) -> Result<(), Refusal> {
        let (live, pending) = (&self.subscriptions.live, &self.subscriptions.pending);
        let of_mailbox =
            || live.values().chain(pending.values()).filter(|it| it.mailbox == mailbox);
        let same = |it: &&Subscription| {
            (it.kind, it.folder, it.changes.as_slice()) == (kind, folder, changes)
        };
        if let Some(twin) = of_mailbox().find(same) {
            let text =
                format!("Subscription Id {} already exists for the requested combination", twin.id);
            return Err(Refusal::new(409, "Conflict", text));
        }
        if of_mailbox().count() >= MOST_OF_A_MAILBOX {
            let text = "The mailbox has reached its limit of 1000 active subscriptions.";
            return Err(Refusal::new(403, "Forbidden", text));
        }
        Ok(())
    }

    fn prolong(&mut self, id: &str, call: &Call) -> Result<Response, Refusal> {
        call.options("subscription", &[])?;
        let body = call.object()?;
        schema().check("subscription", &body, &[])?;
        if !self.subscriptions.live.contains_key(id) {
            return Err(unknown());
        }
        if let Some(name) = body.keys().find(|name| *name != "expirationDateTime") {
            return Err(bad(format!("'{name}' cannot be changed.")));
        }
        let text = body.get("expirationDateTime").and_then(Value::as_str);
        let text = text.ok_or_else(|| bad("'expirationDateTime' is missing."))?;
        let expires = expiry(text, call.now)?;
        let found = self.subscriptions.live.get_mut(id).ok_or_else(unknown)?;
        // A renewal authorizes as well.
        (found.expires, found.paused) = (expires, false);
        let row = found.render();
        Ok(one(&self.base_url, ENTITY, row, 200))
    }

    /// Finds what a resource names: the mailbox, the kind of items and the folder.
    fn subject(&self, resource: &str) -> Result<(usize, Kind, Option<u64>), Refusal> {
        let unsupported = || bad(format!("The resource '{resource}' is not supported."));
        let path: Vec<&str> = resource.trim_start_matches('/').split('/').collect();
        let ["users", user, rest @ ..] = path.as_slice() else { return Err(unsupported()) };
        let mailbox = self.mailbox_of(user).ok_or_else(unknown)?;
        super::routes::gate(self.mailboxes[mailbox].state)?;
        let room = &self.mailboxes[mailbox];
        let folder = |kind, id| room.find(kind, id).map(|(item, _)| Some(item.key));
        let (kind, folder) = match rest {
            ["events"] => (Kind::Event, None),
            ["contacts"] => (Kind::Contact, None),
            ["contactFolders", id, "contacts"] => (Kind::Contact, folder(Kind::ContactFolder, id)?),
            ["todo", "lists", id, "tasks"] => (Kind::Task, folder(Kind::TaskList, id)?),
            _ => return Err(unsupported()),
        };
        Ok((mailbox, kind, folder))
    }

    /// Ends the subscriptions whose time is over.
    pub(super) fn expire_subscriptions(&mut self, now: DateTime<Utc>) {
        let over = |it: &Subscription| it.expires <= now;
        let mailboxes: Vec<usize> =
            self.subscriptions.live.values().filter(|it| over(it)).map(|it| it.mailbox).collect();
        self.subscriptions.live.retain(|_, it| !over(it));
        mailboxes.into_iter().for_each(|mailbox| self.listen(mailbox));
    }

    /// Lets a mailbox keep its news while anybody wants them.
    pub(super) fn listen(&mut self, mailbox: usize) {
        let wanted = self.subscriptions.live.values().any(|it| it.mailbox == mailbox);
        self.mailboxes[mailbox].news.set_listened(wanted);
    }

    /// Makes the service send an event of the lifecycle to the subscriptions of a mailbox, or of
    /// all; returns how many there are. One that was removed is gone.
    pub fn lifecycle(
        &mut self,
        event: Lifecycle,
        address: Option<&str>,
        now: DateTime<Utc>,
    ) -> usize {
        self.expire_subscriptions(now);
        let wanted = address.map(|address| self.mailbox_of(address));
        let meant: Vec<Subscription> = self.subscriptions.live.values().cloned().collect();
        let meant = meant.into_iter().filter(|it| wanted.is_none_or(|at| at == Some(it.mailbox)));
        let mut count = 0;
        for subscription in meant {
            count += 1;
            if let Some(notice) = self.lifecycle_notice(&subscription, event) {
                self.subscriptions.lifecycle.push(notice);
            }
            match event {
                Lifecycle::Missed => {}
                Lifecycle::SubscriptionRemoved => {
                    self.subscriptions.live.remove(&subscription.id);
                    self.listen(subscription.mailbox);
                }
                Lifecycle::ReauthorizationRequired => {
                    if let Some(live) = self.subscriptions.live.get_mut(&subscription.id) {
                        live.paused = true;
                    }
                }
            }
        }
        count
    }

    /// Returns how many subscriptions are in force, and how many were ever made.
    #[must_use]
    pub fn subscription_counts(&self) -> (usize, u64) {
        (self.subscriptions.live.len(), self.subscriptions.made)
    }

    /// Returns the refusal of a subscription whose address did not answer as it must.
    pub fn refuse_validation(&mut self, now: DateTime<Utc>) -> Response {
        let id = self.random_id();
        let trace = Trace { request_id: id.clone(), client_request_id: id, at: now };
        let text = "Subscription validation request failed. Notification endpoint must respond \
                    with 200 OK to validation request.";
        traced(Refusal::new(400, "ValidationError", text).response(&trace), &trace)
    }
}

fn changes(text: &str) -> Result<Vec<Change>, Refusal> {
    let mut list = Vec::new();
    for word in text.split(',').map(str::trim) {
        let change = Change::ALL.into_iter().find(|it| it.name().eq_ignore_ascii_case(word));
        let change = change.ok_or_else(|| bad(format!("'{word}' is no 'changeType'.")))?;
        if !list.contains(&change) {
            list.push(change);
        }
    }
    list.sort_unstable();
    Ok(list)
}

/// A notice goes over TLS; plain http is for a stand-in's own machine.
fn check_url(url: &str) -> Result<(), Refusal> {
    let loopback = ["http://127.0.0.1", "http://localhost", "http://[::1]"];
    let bare = |rest: &str| rest.is_empty() || rest.starts_with([':', '/']);
    let on_loopback = loopback.iter().any(|start| url.strip_prefix(start).is_some_and(bare));
    if on_loopback || url.strip_prefix("https://").is_some_and(|rest| !rest.is_empty()) {
        return Ok(());
    }
    Err(bad("The notification URL must be an absolute https URL."))
}

fn expiry(text: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, Refusal> {
    let at = DateTime::parse_from_rfc3339(text)
        .map_err(|_| bad("'expirationDateTime' is no date and time."))?
        .with_timezone(&Utc);
    if at <= now {
        return Err(bad("Subscription expiration must be in the future."));
    }
    if at > now + LIFE_MAX {
        return Err(bad("Subscription expiration can only be 4230 minutes in the future."));
    }
    Ok(at.max(now + LIFE_MIN))
}
