//! The way to one organization's Web API: batches and lists, as the application or as a user.
//!
//! A batch has one caller. The header stands on the batch and on each of its parts, because no
//! page says which of the two decides (protocols B4, B6).

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value as Json;
use uuid::Uuid;

use super::batch::{self, Part, PartReply};
use super::errors::{self, Verdict};
use crate::http::{Call, CallError, Method, Reply, Session};
use crate::ports::error::SideError;
use crate::throttle::BudgetKey;

/// The longest answer that is read: a batch of 50 complete rows with the longest bodies that are
/// usual. A longer one is asked for in smaller batches.
const MAX_BODY: usize = 64 * 1024 * 1024;

/// The most requests in one batch (protocols B6).
const MAX_PARTS: usize = 1_000;

/// The longest list that is read page by page: 40 pages of 5,000 rows.
pub(super) const MAX_PAGES: u32 = 40;

/// Names of looked-up rows and their tables.
pub(super) const LOOKUPS: &str = "odata.include-annotations=\"\
     OData.Community.Display.V1.FormattedValue,Microsoft.Dynamics.CRM.lookuplogicalname\"";

/// The paging of FetchXML.
pub(super) const PAGING: &str = "odata.include-annotations=\"\
     Microsoft.Dynamics.CRM.fetchxmlpagingcookie,Microsoft.Dynamics.CRM.morerecords\"";

/// The Web API of one organization.
pub(super) struct Wire {
    session: Session,
    /// `https://…/api/data/v9.2`, without a slash at the end.
    api_root: String,
    /// All calls of the application share one budget, impersonated or not (protocols B7).
    budget: BudgetKey,
}

impl Wire {
    pub(super) fn new(session: Session, api_root: &str) -> Self {
        Self {
            session,
            api_root: api_root.trim_end_matches('/').to_owned(),
            budget: BudgetKey::new("application user"),
        }
    }

    /// Reads: the replies in the order of the parts, whatever their status. `caller` is the Entra
    /// object id of the user whose rights count; `None` means the application's own.
    pub(super) async fn read(
        &self,
        caller: Option<Uuid>,
        parts: &[Part],
    ) -> Result<Vec<PartReply>, SideError> {
        let mut replies = Vec::with_capacity(parts.len());
        for chunk in parts.chunks(MAX_PARTS) {
            let answer = self.batch(caller, chunk, true).await;
            replies.extend(answer.map_err(CallError::into_side)?);
        }
        Ok(replies)
    }

    /// Writes one batch of at most `MAX_PARTS` parts.
    pub(super) async fn write(
        &self,
        caller: Option<Uuid>,
        parts: &[Part],
    ) -> Result<Vec<PartReply>, CallError> {
        self.batch(caller, parts, false).await
    }

    async fn batch(
        &self,
        caller: Option<Uuid>,
        parts: &[Part],
        read_only: bool,
    ) -> Result<Vec<PartReply>, CallError> {
        let as_user: Vec<_> =
            caller.map(|id| ("CallerObjectId", id.to_string())).into_iter().collect();
        let mut headers = standard_headers();
        headers.push(("Prefer", "odata.continue-on-error".to_owned()));
        headers.extend(as_user.iter().cloned());
        let call = Call {
            method: Method::Post,
            url: format!("{}/$batch", self.api_root),
            route: "/$batch",
            headers,
            body: Some(batch::encode(&self.api_root, &as_user, parts)),
            content_type: Some(batch::CONTENT_TYPE),
            max_body: MAX_BODY,
        };
        // Each part counts (docs/adr/0014): a batch is one request for one of the published limits, but
        // all its parts are execution time for another.
        let weight = u32::try_from(parts.len()).unwrap_or(u32::MAX);
        let reply = self.session.call(&self.budget, weight, read_only, call).await?;
        let replies = replies(&reply, parts.len())?;
        self.obey(&replies);
        Ok(replies)
    }

    /// A throttled part is as good as a throttled batch: nothing is sent before its time.
    fn obey(&self, replies: &[PartReply]) {
        for reply in replies {
            if let Verdict::Throttled(wait) = errors::judge(reply) {
                self.session.close(&self.budget, wait);
            }
        }
    }

    /// Reads a list page by page, as the application.
    pub(super) async fn list(
        &self,
        query: &str,
        route: &'static str,
    ) -> Result<Vec<Json>, SideError> {
        let mut rows = Vec::new();
        let mut url = format!("{}/{query}", self.api_root);
        for _ in 0..MAX_PAGES {
            let mut page = self.page(&url, route).await?;
            let Some(Json::Array(more)) = page.get_mut("value").map(Json::take) else {
                return Err(SideError::Unreadable { reason: format!("GET {route}: no list") });
            };
            rows.extend(more);
            match next_page(&page, &self.api_root, route)? {
                Some(next) => url = next,
                None => return Ok(rows),
            }
        }
        Err(SideError::TooLarge { reason: format!("GET {route}: more than {MAX_PAGES} pages") })
    }

    async fn page(&self, url: &str, route: &'static str) -> Result<Json, SideError> {
        let mut headers = standard_headers();
        headers.push(("Prefer", format!("odata.maxpagesize=5000,{LOOKUPS}")));
        let call = Call {
            method: Method::Get,
            url: url.to_owned(),
            route,
            headers,
            body: None,
            content_type: None,
            max_body: MAX_BODY,
        };
        let reply = self.session.call(&self.budget, 1, true, call).await;
        let reply = reply.map_err(CallError::into_side)?;
        if reply.status != 200 {
            return Err(failure(&reply));
        }
        reply.json()
    }
}

/// Returns the URL of the next page. The token goes nowhere but to the organization.
fn next_page(page: &Json, api_root: &str, route: &str) -> Result<Option<String>, SideError> {
    let Some(next) = page.get("@odata.nextLink").and_then(Json::as_str) else { return Ok(None) };
    if next.strip_prefix(api_root).is_some_and(|rest| rest.starts_with('/')) {
        return Ok(Some(next.to_owned()));
    }
    Err(SideError::Unreadable { reason: format!("GET {route}: the next page lies elsewhere") })
}

fn standard_headers() -> Vec<(&'static str, String)> {
    [
        ("Accept", "application/json"),
        ("OData-MaxVersion", "4.0"),
        ("OData-Version", "4.0"),
        ("If-None-Match", "null"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .to_vec()
}

/// Returns the replies of a batch: as many as there were parts, or an error.
fn replies(reply: &Reply, expected: usize) -> Result<Vec<PartReply>, CallError> {
    if reply.status != 200 {
        // A batch that is refused as a whole was not begun; after a 5xx nobody knows.
        let error = failure(reply);
        return Err(if reply.status >= 500 {
            CallError::NoAnswer(error)
        } else {
            CallError::NotSent(error)
        });
    }
    let content_type = reply.header("content-type").unwrap_or_default();
    let unreadable = |reason: String| CallError::NoAnswer(SideError::Unreadable { reason });
    let parts = batch::decode(content_type, &reply.body)
        .map_err(|reason| unreadable(format!("POST /$batch: {reason}")))?;
    if parts.len() != expected {
        return Err(unreadable(format!("POST /$batch: {} of {expected} parts", parts.len())));
    }
    Ok(parts)
}

/// Returns the error of a reply that is none of a success.
fn failure(reply: &Reply) -> SideError {
    let code = errors::code(&reply.body);
    if reply.status == 401 {
        return SideError::TokenRefused { reason: code };
    }
    match errors::judge_failure(reply.status, &code, None) {
        Verdict::Throttled(retry_after) => SideError::Throttled { retry_after },
        Verdict::Unavailable => {
            SideError::Unreachable { reason: format!("status {}", reply.status) }
        }
        Verdict::Fine
        | Verdict::Missing
        | Verdict::Denied
        | Verdict::Precondition
        | Verdict::Refused => SideError::Refused { status: reply.status, code },
    }
}

/// All but the unreserved characters of RFC 3986: ids stay as short as they are.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Returns a text as a value inside a query.
pub(super) fn encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// Reads the JSON of a part.
pub(super) fn json(reply: &PartReply) -> Result<Json, SideError> {
    serde_json::from_slice(&reply.body)
        .map_err(|_| SideError::Unreadable { reason: "a part of a batch is no JSON".into() })
}

#[cfg(test)]
mod tests;
