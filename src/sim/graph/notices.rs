//! Notices of changes (A14): what happened in a mailbox, as it is told to those who subscribed.
//!
//! The state machine only says what is to be sent, and which handshakes are to be done; `courier`
//! does both over HTTP, a test by a call. A notice carries no content. Absent: the time that a
//! notice takes by itself, and the tenant's own throttling of slow addresses.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::GraphSim;
use super::ids::Kind;
use super::mailbox::{Item, stamp};
use super::subscriptions::Subscription;

/// News that a mailbox keeps until they are told; what comes beyond is lost, as it may be.
const MOST_NEWS: usize = 20_000;

/// What happened to an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Change {
    Created,
    Updated,
    Deleted,
}

impl Change {
    pub(super) const ALL: [Self; 3] = [Self::Created, Self::Updated, Self::Deleted];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Deleted => "deleted",
        }
    }
}

/// One change of one item.
#[derive(Debug, Clone, Copy)]
pub(super) struct New {
    change: Change,
    seq: u64,
    kind: Kind,
    folder: u64,
    key: u64,
    serial: u64,
}

impl New {
    pub(super) fn of(change: Change, seq: u64, item: &Item) -> Self {
        let Item { key, serial, kind, folder, .. } = *item;
        Self { change, seq, kind, folder, key, serial }
    }
}

/// What happened in a mailbox and was not told yet.
#[derive(Debug, Default)]
pub(super) struct News {
    listened: bool,
    list: Vec<New>,
}

impl News {
    /// Remembers a change, when anybody listens.
    pub(super) fn tell(&mut self, new: New) {
        let told = matches!(new.kind, Kind::Event | Kind::Contact | Kind::Task);
        if self.listened && told && self.list.len() < MOST_NEWS {
            self.list.push(new);
        }
    }

    pub(super) fn set_listened(&mut self, listened: bool) {
        self.listened = listened;
        if !listened {
            self.list.clear();
        }
    }
}

/// An event in the life of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Lifecycle {
    /// Some notices were not delivered.
    Missed,
    /// The subscription is gone.
    SubscriptionRemoved,
    /// Nothing is told until it is authorized anew.
    ReauthorizationRequired,
}

impl Lifecycle {
    fn name(self) -> &'static str {
        match self {
            Self::Missed => "missed",
            Self::SubscriptionRemoved => "subscriptionRemoved",
            Self::ReauthorizationRequired => "reauthorizationRequired",
        }
    }
}

/// One notice to be delivered.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// Where it goes.
    pub url: String,
    /// One entry of the `value` of a notification.
    pub body: Value,
    /// Milliseconds to wait before the first attempt.
    pub delay_ms: u64,
}

/// A handshake to be done before a subscription is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handshake {
    /// The subscription.
    pub subscription: String,
    /// Both of its addresses, or the one.
    pub urls: Vec<String>,
    /// What each must answer.
    pub token: String,
}

/// What goes wrong with notices; shares are between 0 and 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NoticeFaults {
    /// The share that is never sent.
    pub lose: f64,
    /// The share that is sent twice.
    pub duplicate: f64,
    /// Milliseconds that each waits.
    pub delay_ms: u64,
}

impl GraphSim {
    /// Sets what goes wrong with notices from now on.
    pub fn set_notice_faults(&mut self, faults: NoticeFaults) {
        self.subscriptions.faults = faults;
    }

    /// Returns how many notices were lost on purpose.
    #[must_use]
    pub fn lost_notices(&self) -> u64 {
        self.subscriptions.lost
    }

    /// Takes the handshakes that are to be done. Each is settled by `settle_handshake`.
    pub fn take_handshakes(&mut self) -> Vec<Handshake> {
        std::mem::take(&mut self.subscriptions.handshakes)
    }

    /// Puts a subscription in force, or drops it when an address did not answer as it must.
    pub fn settle_handshake(&mut self, subscription: &str, answered: bool) {
        let Some(mut made) = self.subscriptions.pending.remove(subscription) else { return };
        if !answered {
            return;
        }
        made.since = self.mailboxes[made.mailbox].last_seq();
        let mailbox = made.mailbox;
        self.subscriptions.live.insert(made.id.clone(), made);
        self.subscriptions.made += 1;
        self.listen(mailbox);
    }

    /// Tells whether a handshake is done; `Some(true)` when the subscription is in force.
    #[must_use]
    pub fn handshake(&self, subscription: &str) -> Option<bool> {
        let pending = self.subscriptions.pending.contains_key(subscription);
        (!pending).then(|| self.subscriptions.live.contains_key(subscription))
    }

    /// Takes the notices of what happened since the last call, faults applied.
    pub fn take_notices(&mut self, now: DateTime<Utc>) -> Vec<Notice> {
        let mut notices = std::mem::take(&mut self.subscriptions.lifecycle);
        if self.subscriptions.live.is_empty() {
            return notices;
        }
        self.expire_subscriptions(now);
        let live: Vec<Subscription> = self.subscriptions.live.values().cloned().collect();
        for mailbox in 0..self.mailboxes.len() {
            for new in std::mem::take(&mut self.mailboxes[mailbox].news.list) {
                let meant = |it: &&Subscription| it.mailbox == mailbox && it.wants(&new);
                for subscription in live.iter().filter(meant) {
                    let notice = self.change_notice(subscription, &new);
                    self.spoil(notice, &mut notices);
                }
            }
        }
        notices
    }

    fn spoil(&mut self, mut notice: Notice, notices: &mut Vec<Notice>) {
        let faults = self.subscriptions.faults;
        notice.delay_ms = faults.delay_ms;
        if faults.lose > 0.0 && self.rng.f64() < faults.lose {
            self.subscriptions.lost += 1;
            return;
        }
        if faults.duplicate > 0.0 && self.rng.f64() < faults.duplicate {
            notices.push(notice.clone());
        }
        notices.push(notice);
    }

    fn change_notice(&mut self, subscription: &Subscription, new: &New) -> Notice {
        let room = &self.mailboxes[subscription.mailbox];
        let id = room.id_of(new.kind, new.key, new.serial, None, subscription.immutable);
        let user = room.person.object_id;
        let (kind, place) = match new.kind {
            Kind::Contact => ("Contact", format!("Users/{user}/Contacts/{id}")),
            Kind::Task => ("TodoTask", format!("Users/{user}/Tasks/{id}")),
            Kind::Event
            | Kind::ContactFolder
            | Kind::TaskList
            | Kind::Category
            | Kind::Calendar
            | Kind::Linked
            | Kind::Attachment => ("Event", format!("Users/{user}/Events/{id}")),
        };
        let mut data = json!({ "@odata.type": format!("#Microsoft.Graph.{kind}"),
            "@odata.id": place, "id": id });
        if let Some(item) = room.items.get(&new.key) {
            data["@odata.etag"] = json!(room.etag(item));
        }
        let mut body = self.frame(subscription);
        body["changeType"] = json!(new.change.name());
        body["resource"] = json!(place);
        body["resourceData"] = data;
        let url = subscription.text("notificationUrl").unwrap_or_default().to_owned();
        Notice { url, body, delay_ms: 0 }
    }

    /// Returns the notice of a subscription's lifecycle, when it has an address for that.
    pub(super) fn lifecycle_notice(
        &mut self,
        subscription: &Subscription,
        event: Lifecycle,
    ) -> Option<Notice> {
        let url = subscription.text("lifecycleNotificationUrl")?.to_owned();
        let mut body = self.frame(subscription);
        body["lifecycleEvent"] = json!(event.name());
        Some(Notice { url, body, delay_ms: 0 })
    }

    fn frame(&mut self, subscription: &Subscription) -> Value {
        let tenant = Uuid::new_v5(&Uuid::NAMESPACE_URL, self.base_url.as_bytes());
        let mut body = json!({ "id": self.random_id(), "subscriptionId": subscription.id,
            "subscriptionExpirationDateTime": stamp(subscription.expires), "tenantId": tenant });
        if let Some(state) = subscription.text("clientState") {
            body["clientState"] = json!(state);
        }
        body
    }
}

impl Subscription {
    fn wants(&self, new: &New) -> bool {
        !self.paused
            && self.kind == new.kind
            && self.folder.is_none_or(|folder| folder == new.folder)
            && new.seq > self.since
            && self.changes.contains(&new.change)
    }
}
