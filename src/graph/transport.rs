//! Batches over a session.

use std::time::Duration;

use async_trait::async_trait;

use super::client::{Lost, Transport};
use crate::domain::ids::Address;
use crate::http::session::{CallError, Session};
use crate::http::{Call, Method};
use crate::throttle::BudgetKey;

/// Most bytes of an answer: three pages of 100 items, each with a long body, fit many times.
const ANSWER_MAX_BYTES: usize = 64 * 1024 * 1024;

/// Most bytes of the answer to one range of an upload: a few ids and dates.
const RANGE_ANSWER_MAX_BYTES: usize = 64 * 1024;

/// Posts batches through the session of a tenant.
pub(super) struct SessionTransport {
    session: Session,
    url: String,
}

impl SessionTransport {
    pub(super) fn new(session: Session, root: &str) -> Self {
        Self { session, url: format!("{root}/$batch") }
    }
}

#[async_trait]
impl Transport for SessionTransport {
    async fn post(
        &self,
        mailbox: &Address,
        weight: u32,
        read_only: bool,
        body: Vec<u8>,
    ) -> Result<(u16, Vec<u8>), Lost> {
        // The budget of the Outlook service counts by app and mailbox (throttling-limits).
        let key = BudgetKey::new(mailbox.as_str());
        let call = Call {
            method: Method::Post,
            url: self.url.clone(),
            route: "/$batch",
            headers: vec![("Accept", "application/json".to_owned())],
            body: Some(body),
            content_type: Some("application/json"),
            max_body: ANSWER_MAX_BYTES,
        };
        match self.session.call(&key, weight, read_only, call).await {
            Ok(reply) => Ok((reply.status, reply.body)),
            Err(CallError::NotSent(error)) => Err(Lost::NotSent(error)),
            Err(CallError::NoAnswer(error)) => Err(Lost::NoAnswer(error)),
        }
    }

    async fn put_range(
        &self,
        mailbox: &Address,
        url: &str,
        range: String,
        bytes: Vec<u8>,
    ) -> Result<u16, Lost> {
        let call = Call {
            method: Method::Put,
            url: url.to_owned(),
            route: "/upload",
            headers: vec![("Content-Range", range)],
            body: Some(bytes),
            content_type: Some("application/octet-stream"),
            max_body: RANGE_ANSWER_MAX_BYTES,
        };
        let reply = self.session.call_bare(&BudgetKey::new(mailbox.as_str()), call).await;
        match reply {
            Ok(reply) => Ok(reply.status),
            Err(CallError::NotSent(error)) => Err(Lost::NotSent(error)),
            Err(CallError::NoAnswer(error)) => Err(Lost::NoAnswer(error)),
        }
    }

    fn close(&self, mailbox: &Address, wait: Duration) {
        self.session.close(&BudgetKey::new(mailbox.as_str()), wait);
    }
}

#[cfg(test)]
mod tests;
