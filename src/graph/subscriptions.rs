//! Subscriptions to change notifications (protocols A14): one request each, outside of batches,
//! because Graph calls back before it answers.

use std::hash::Hasher as _;

use async_trait::async_trait;
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use siphasher::sip::SipHasher13;

use super::errors::code_of;
use crate::domain::policy::Mailbox;
use crate::domain::subscription::Watched;
use crate::http::session::{CallError, Session};
use crate::http::{Call, Method, Reply};
use crate::ports::error::SideError;
use crate::ports::subscriptions::{Listed, MakeError, Subscriptions};
use crate::throttle::BudgetKey;

/// Most bytes of an answer: a page of a hundred subscriptions.
const ANSWER_MAX_BYTES: usize = 1024 * 1024;
/// Pages of the list that are read: ten thousand mailboxes with two subscriptions each.
const MAX_PAGES: u32 = 200;
/// The code with which Graph says that an address did not answer its handshake, as well as could be
/// found; older reports have the other one.
const NOT_REACHED: [&str; 2] = ["ValidationError", "InvalidRequest"];

/// Where notices go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeAddresses {
    /// Notices of changes.
    pub notify: String,
    /// Notices of the life of subscriptions.
    pub lifecycle: String,
}

/// The subscriptions of one tenant.
pub struct GraphSubscriptions {
    session: Session,
    root: String,
    addresses: NoticeAddresses,
    /// They belong to no mailbox's budget.
    budget: BudgetKey,
}

impl GraphSubscriptions {
    /// Returns the subscriptions behind a session; `root` is the root of the API with its version.
    #[must_use]
    pub fn new(session: Session, root: &str, addresses: NoticeAddresses) -> Self {
        let root = root.trim_end_matches('/').to_owned();
        Self { session, root, addresses, budget: BudgetKey::application() }
    }

    async fn ask(
        &self,
        method: Method,
        url: String,
        route: &'static str,
        body: Option<Json>,
    ) -> Result<Reply, SideError> {
        let call = Call {
            method,
            url,
            route,
            headers: vec![("Accept", "application/json".to_owned())],
            content_type: body.as_ref().map(|_| "application/json"),
            body: body.map(|body| body.to_string().into_bytes()),
            max_body: ANSWER_MAX_BYTES,
        };
        // A repeated make is answered as one that exists; the others come to the same.
        let reply = self.session.call(&self.budget, 1, true, call).await;
        reply.map_err(CallError::into_side)
    }

    fn one(&self, id: &str) -> String {
        format!("{}/subscriptions/{id}", self.root)
    }
}

#[async_trait]
impl Subscriptions for GraphSubscriptions {
    async fn make(
        &self,
        mailbox: &Mailbox,
        of: Watched,
        state: &str,
        until: DateTime<Utc>,
    ) -> Result<(String, DateTime<Utc>), MakeError> {
        let body = json!({
            "changeType": "created,updated,deleted",
            "notificationUrl": self.addresses.notify,
            "lifecycleNotificationUrl": self.addresses.lifecycle,
            "resource": format!("/users/{}/{}", mailbox.object_id, of.name()),
            "expirationDateTime": stamp(until),
            "clientState": state,
        });
        let url = format!("{}/subscriptions", self.root);
        let reply = self.ask(Method::Post, url, "/subscriptions", Some(body)).await?;
        match reply.status {
            201 => {
                let made: Row = reply.json()?;
                Ok((made.id, made.expires))
            }
            409 => Err(MakeError::Exists),
            400 if not_reached(&reply) => Err(MakeError::NotReached),
            _ => Err(refused(&reply).into()),
        }
    }

    async fn renew(
        &self,
        id: &str,
        until: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, SideError> {
        let body = json!({ "expirationDateTime": stamp(until) });
        let route = "/subscriptions/{id}";
        let reply = self.ask(Method::Patch, self.one(id), route, Some(body)).await?;
        match reply.status {
            200 => Ok(Some(reply.json::<Row>()?.expires)),
            404 => Ok(None),
            _ => Err(refused(&reply)),
        }
    }

    async fn authorize(&self, id: &str) -> Result<bool, SideError> {
        let url = format!("{}/reauthorize", self.one(id));
        let reply = self.ask(Method::Post, url, "/subscriptions/{id}/reauthorize", None).await?;
        match reply.status {
            200..300 => Ok(true),
            404 => Ok(false),
            _ => Err(refused(&reply)),
        }
    }

    async fn end(&self, id: &str) -> Result<(), SideError> {
        let reply = self.ask(Method::Delete, self.one(id), "/subscriptions/{id}", None).await?;
        match reply.status {
            200..300 | 404 => Ok(()),
            _ => Err(refused(&reply)),
        }
    }

    async fn list(&self) -> Result<Vec<Listed>, SideError> {
        let mut url = format!("{}/subscriptions", self.root);
        let mut all = Vec::new();
        for _ in 0..MAX_PAGES {
            let reply = self.ask(Method::Get, url, "/subscriptions", None).await?;
            if reply.status != 200 {
                return Err(refused(&reply));
            }
            let page: Page = reply.json()?;
            all.extend(page.value.into_iter().filter_map(|row| self.listed(row)));
            // The token goes nowhere but to Graph.
            let within = |next: &String| {
                next.strip_prefix(&self.root).is_some_and(|rest| rest.starts_with('/'))
            };
            match page.next {
                None => return Ok(all),
                Some(next) if within(&next) => url = next,
                Some(_) => {
                    let reason = "GET /subscriptions: the next page lies elsewhere".to_owned();
                    return Err(SideError::Unreadable { reason });
                }
            }
        }
        let reason = format!("GET /subscriptions: more than {MAX_PAGES} pages");
        Err(SideError::TooLarge { reason })
    }

    fn addresses(&self) -> u64 {
        let mut hasher = SipHasher13::new();
        for address in [&self.addresses.notify, &self.addresses.lifecycle] {
            hasher.write(address.as_bytes());
            hasher.write_u8(0);
        }
        hasher.finish()
    }
}

/// A subscription on the wire.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    id: String,
    #[serde(rename = "expirationDateTime")]
    expires: DateTime<Utc>,
    #[serde(default)]
    resource: String,
    notification_url: Option<String>,
    lifecycle_notification_url: Option<String>,
    client_state: Option<String>,
}

/// A page of subscriptions on the wire.
#[derive(Deserialize)]
struct Page {
    value: Vec<Row>,
    #[serde(rename = "@odata.nextLink")]
    next: Option<String>,
}

impl GraphSubscriptions {
    fn listed(&self, row: Row) -> Option<Listed> {
        let path = row.resource.trim_start_matches('/').to_ascii_lowercase();
        let (user, rest) = path.strip_prefix("users/")?.split_once('/')?;
        let of = Watched::ALL.into_iter().find(|of| of.name() == rest)?;
        let ours = row.notification_url.as_deref() == Some(&self.addresses.notify)
            && row.lifecycle_notification_url.as_deref() == Some(&self.addresses.lifecycle);
        Some(Listed {
            id: row.id,
            user: user.to_owned(),
            of,
            expires: row.expires,
            state: row.client_state,
            ours,
        })
    }
}

fn stamp(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn body_of(reply: &Reply) -> Json {
    serde_json::from_slice(&reply.body).unwrap_or_default()
}

fn not_reached(reply: &Reply) -> bool {
    let code = code_of(&body_of(reply));
    NOT_REACHED.iter().any(|one| one.eq_ignore_ascii_case(&code))
}

fn refused(reply: &Reply) -> SideError {
    let code = code_of(&body_of(reply));
    match reply.status {
        401 => SideError::TokenRefused { reason: code },
        status => SideError::Refused { status, code },
    }
}
