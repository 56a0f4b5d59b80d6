//! Batches on their way: in chunks, with one further try for what the service put off inside.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value as Json;

use super::batch::{self, BATCH_MAX, Body, Inner, InnerReply};
use super::errors;
use crate::domain::ids::Address;
use crate::ports::clock::Clock;
use crate::ports::error::SideError;

/// Bodies of writes that one batch carries: below the 4 MB that Graph takes in one request.
const BATCH_BYTES: usize = 3 * 1024 * 1024;

/// Longest wait for an inner `Retry-After`; what asks for more is left to the next cycle.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// The wait when an inner 429 or 5xx names none.
const WAIT_DEFAULT: Duration = Duration::from_secs(2);

/// How batches reach Graph: a session, or a script in a test.
#[async_trait]
pub(super) trait Transport: Send + Sync {
    /// Posts a batch of `weight` requests and returns status and body of the outer answer.
    async fn post(
        &self,
        mailbox: &Address,
        weight: u32,
        read_only: bool,
        body: Vec<u8>,
    ) -> Result<(u16, Vec<u8>), Lost>;

    /// Puts one range of a file to the address of an upload session and returns the status. The
    /// address carries its own permission: the application's token does not go there.
    async fn put_range(
        &self,
        mailbox: &Address,
        url: &str,
        range: String,
        bytes: Vec<u8>,
    ) -> Result<u16, Lost>;

    /// Closes the mailbox's budget for a wait that a part of a batch asked for.
    fn close(&self, mailbox: &Address, wait: Duration);
}

/// A batch without an answer.
#[derive(Debug)]
pub(super) enum Lost {
    /// Nothing was executed.
    NotSent(SideError),
    /// It may have been executed.
    NoAnswer(SideError),
}

/// The answer to one write.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Answer {
    /// It was answered.
    Reply(InnerReply),
    /// It was surely not executed.
    NotSent,
    /// It may have been executed.
    Lost,
}

/// What became of one part of a batch of reads; nothing stands for a reply that is missing.
type Part<B> = Result<Option<InnerReply<B>>, SideError>;

/// What became of one batch.
enum Sent<B> {
    /// It was executed.
    Answered(Vec<Option<InnerReply<B>>>),
    /// It was refused as a whole, and nothing of it executed: the refusal.
    Refused(InnerReply<B>),
}

/// Sends batches for all mailboxes of a tenant.
pub(super) struct Client {
    pub(super) transport: Box<dyn Transport>,
    pub(super) clock: Arc<dyn Clock>,
    /// The organization lets bodies keep their format (APPT-OUT-13). It comes with each call, the
    /// same for all mailboxes; an answer says by itself in which form its bodies are.
    pub(super) formats: AtomicBool,
}

impl Client {
    /// Returns a client that asks for plain text.
    pub(super) fn new(transport: Box<dyn Transport>, clock: Arc<dyn Clock>) -> Self {
        Self { transport, clock, formats: AtomicBool::default() }
    }

    /// Reads; one answer for each request, in order, whatever its status but for what stands for
    /// "later" (401, 429, 5xx), which is tried once more and then an error.
    pub(super) async fn read<B: Body>(
        &self,
        mailbox: &Address,
        requests: &[Inner],
    ) -> Result<Vec<InnerReply<B>>, SideError> {
        self.read_each(mailbox, requests).await?.into_iter().collect()
    }

    /// Reads as `read`, with an error for each request that got one. A throttled one is an error for
    /// all: the mailbox has to wait.
    pub(super) async fn read_each<B: Body>(
        &self,
        mailbox: &Address,
        requests: &[Inner],
    ) -> Result<Vec<Result<InnerReply<B>, SideError>>, SideError> {
        let parts = self.read_parts(mailbox, requests, false).await?;
        self.settled_each(parts)
    }

    /// Reads items; as `read`, but an item that the service cannot answer for, while it answers for
    /// others, is nothing instead of an error: it shall not stop the others.
    pub(super) async fn read_items<B: Body>(
        &self,
        mailbox: &Address,
        requests: &[Inner],
    ) -> Result<Vec<Option<InnerReply<B>>>, SideError> {
        let parts = self.read_parts(mailbox, requests, true).await?;
        let settled = self.settled_each(parts)?;
        let alone = settled.len() == 1 || settled.iter().any(Result::is_ok);
        let one = |part: Result<InnerReply<B>, SideError>| match part {
            Ok(reply) => Ok(Some(reply)),
            Err(error) if alone => {
                tracing::warn!(%error, "an item cannot be read");
                Ok(None)
            }
            Err(error) => Err(error),
        };
        settled.into_iter().map(one).collect()
    }

    fn settled_each<B: Body>(
        &self,
        parts: Vec<Part<B>>,
    ) -> Result<Vec<Result<InnerReply<B>, SideError>>, SideError> {
        let settle = |part: Part<B>| match part.and_then(|reply| self.settled(reply)) {
            Err(error @ SideError::Throttled { .. }) => Err(error),
            part => Ok(part),
        };
        parts.into_iter().map(settle).collect()
    }

    async fn read_parts<B: Body>(
        &self,
        mailbox: &Address,
        requests: &[Inner],
        items: bool,
    ) -> Result<Vec<Part<B>>, SideError> {
        let mut all = Vec::with_capacity(requests.len());
        for chunk in requests.chunks(BATCH_MAX) {
            all.extend(self.read_chunk(mailbox, chunk, items).await?);
        }
        Ok(all)
    }

    async fn read_chunk<B: Body>(
        &self,
        mailbox: &Address,
        chunk: &[Inner],
        items: bool,
    ) -> Result<Vec<Part<B>>, SideError> {
        let mut replies = self.read_once(mailbox, chunk, items).await?;
        let late = |part: &Part<B>| match part {
            Ok(reply) => {
                reply.as_ref().is_none_or(|reply| matches!(reply.status, 401 | 408 | 429 | 500..))
            }
            Err(_) => false,
        };
        let again: Vec<usize> = (0..chunk.len()).filter(|n| late(&replies[*n])).collect();
        if !again.is_empty() {
            let known = |n: &usize| replies[*n].as_ref().ok().and_then(Option::as_ref);
            let wait = self.wait_of(again.iter().filter_map(known));
            self.transport.close(mailbox, wait);
            if wait > WAIT_MAX {
                return Err(SideError::Throttled { retry_after: wait });
            }
            tokio::time::sleep(wait).await;
            let rest: Vec<Inner> = again.iter().map(|n| chunk[*n].clone()).collect();
            let second = self.read_once(mailbox, &rest, items).await?;
            for (n, reply) in again.into_iter().zip(second) {
                replies[n] = reply;
            }
        }
        Ok(replies)
    }

    fn settled<B: Body>(&self, reply: Option<InnerReply<B>>) -> Result<InnerReply<B>, SideError> {
        let reply = reply.ok_or_else(|| SideError::Unreadable {
            reason: "POST /$batch: a response is missing".to_owned(),
        })?;
        match reply.status {
            429 => Err(SideError::Throttled { retry_after: self.wait_of([&reply]) }),
            // The batch's own token was good: a 401 inside is the service's trouble, not ours.
            401 | 408 | 500.. => {
                let reason = format!("{} {}", reply.status, reply.body.code());
                Err(SideError::Unreachable { reason })
            }
            _ => Ok(reply),
        }
    }

    /// Writes, one batch after the other; one answer for each request, in order. What was
    /// throttled inside a batch was not executed and is sent once more.
    pub(super) async fn write(&self, mailbox: &Address, requests: &[Inner]) -> Vec<Answer> {
        let mut answers = Vec::with_capacity(requests.len());
        let mut rest = requests;
        while !rest.is_empty() {
            let (chunk, next) = rest.split_at(chunk_len(rest));
            let some = self.write_chunk(mailbox, chunk).await;
            let stop = some.iter().any(|answer| match answer {
                Answer::NotSent => true,
                Answer::Reply(reply) => reply.status == 429,
                Answer::Lost => false,
            });
            answers.extend(some);
            rest = next;
            if stop {
                answers.extend(rest.iter().map(|_| Answer::NotSent));
                break;
            }
        }
        answers
    }

    async fn write_chunk(&self, mailbox: &Address, chunk: &[Inner]) -> Vec<Answer> {
        let mut answers = self.write_once(mailbox, chunk).await;
        let throttled = |answer: &Answer| matches!(answer, Answer::Reply(r) if r.status == 429);
        let again: Vec<usize> = (0..chunk.len()).filter(|n| throttled(&answers[*n])).collect();
        if again.is_empty() {
            return answers;
        }
        let wait = self.wait_of(again.iter().filter_map(|n| match &answers[*n] {
            Answer::Reply(reply) => Some(reply),
            Answer::NotSent | Answer::Lost => None,
        }));
        self.transport.close(mailbox, wait);
        if wait <= WAIT_MAX {
            tokio::time::sleep(wait).await;
            let rest: Vec<Inner> = again.iter().map(|n| chunk[*n].clone()).collect();
            let second = self.write_once(mailbox, &rest).await;
            for (n, answer) in again.into_iter().zip(second) {
                answers[n] = answer;
            }
        }
        answers
    }

    /// Writes one batch. One that is refused because of a part was not executed: it is halved until
    /// that part is alone.
    async fn write_once(&self, mailbox: &Address, chunk: &[Inner]) -> Vec<Answer> {
        let mut answers = Vec::with_capacity(chunk.len());
        let mut pending = vec![chunk];
        while let Some(some) = pending.pop() {
            match self.send(mailbox, some, false).await {
                Ok(Sent::Answered(replies)) => answers.extend(
                    replies.into_iter().map(|reply| reply.map_or(Answer::Lost, Answer::Reply)),
                ),
                Ok(Sent::Refused(_)) if some.len() > 1 => pending.extend(halves(some)),
                Ok(Sent::Refused(reply)) => answers.push(Answer::Reply(reply)),
                Err(lost) => {
                    let (answer, error) = match lost {
                        Lost::NotSent(error) => (Answer::NotSent, error),
                        Lost::NoAnswer(error) => (Answer::Lost, error),
                    };
                    tracing::warn!(%error, count = some.len(), "no answer to a batch of writes");
                    answers.extend(vec![answer; some.len()]);
                    answers.resize(chunk.len(), Answer::NotSent);
                    return answers;
                }
            }
        }
        answers
    }

    /// Reads one batch. One that is refused because of a part is halved until that part is alone;
    /// so is one of items whose answer cannot be used.
    async fn read_once<B: Body>(
        &self,
        mailbox: &Address,
        chunk: &[Inner],
        items: bool,
    ) -> Result<Vec<Part<B>>, SideError> {
        let mut parts = Vec::with_capacity(chunk.len());
        let mut pending = vec![chunk];
        while let Some(some) = pending.pop() {
            match self.send(mailbox, some, true).await.map_err(Lost::into_side) {
                Ok(Sent::Answered(replies)) => parts.extend(replies.into_iter().map(Ok)),
                Ok(Sent::Refused(_)) if some.len() > 1 => pending.extend(halves(some)),
                Ok(Sent::Refused(reply)) => parts.push(Ok(Some(reply))),
                Err(SideError::TooLarge { .. } | SideError::Unreadable { .. })
                    if items && some.len() > 1 =>
                {
                    pending.extend(halves(some));
                }
                Err(error @ (SideError::TooLarge { .. } | SideError::Unreadable { .. }))
                    if items =>
                {
                    parts.push(Err(error));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(parts)
    }

    /// Sends one batch.
    async fn send<B: Body>(
        &self,
        mailbox: &Address,
        chunk: &[Inner],
        read_only: bool,
    ) -> Result<Sent<B>, Lost> {
        let weight = u32::try_from(chunk.len()).unwrap_or(u32::MAX);
        let body = if self.formats.load(Ordering::Relaxed) {
            let mut chunk = chunk.to_vec();
            chunk.iter_mut().for_each(Inner::with_format);
            batch::encode(&chunk)
        } else {
            batch::encode(chunk)
        };
        let (status, body) = self.transport.post(mailbox, weight, read_only, body).await?;
        match status {
            // An answer that cannot be read says nothing of what was executed.
            200..=299 => {
                batch::decode(&body, chunk.len()).map(Sent::Answered).map_err(Lost::NoAnswer)
            }
            // The batch as a whole was refused before any of it was tried, which may lie in a part.
            400 | 413 => Ok(Sent::Refused(InnerReply::of(status, &body))),
            401..=499 => {
                let body: Json = serde_json::from_slice(&body).unwrap_or_default();
                Err(Lost::NotSent(errors::refused_read(status, &body)))
            }
            _ => Err(Lost::NoAnswer(SideError::Unreachable { reason: format!("status {status}") })),
        }
    }

    /// Returns the longest wait that any of the replies asks for.
    fn wait_of<'a, B: 'a>(&self, replies: impl IntoIterator<Item = &'a InnerReply<B>>) -> Duration {
        let now = self.clock.now();
        let waits = replies.into_iter().filter_map(|reply| reply.retry_after(now));
        waits.max().unwrap_or(WAIT_DEFAULT)
    }
}

impl Lost {
    fn into_side(self) -> SideError {
        match self {
            Self::NotSent(error) | Self::NoAnswer(error) => error,
        }
    }
}

/// Returns the halves of a batch, the first one last: it is taken first.
fn halves(chunk: &[Inner]) -> [&[Inner]; 2] {
    let (first, second) = chunk.split_at(chunk.len() / 2);
    [second, first]
}

/// Returns how many of the requests go into the next batch: by number and by bytes, at least one.
fn chunk_len(requests: &[Inner]) -> usize {
    let mut bytes = 0_usize;
    let fits = |inner: &&Inner| {
        bytes = bytes.saturating_add(inner.size());
        bytes <= BATCH_BYTES
    };
    requests.iter().take(BATCH_MAX).take_while(fits).count().max(1)
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;
    use crate::graph::testing::{Scripted, Turn, mailbox, refusal};

    impl Scripted {
        async fn read(&self, requests: &[Inner]) -> Result<Vec<InnerReply>, SideError> {
            self.side.client.read(&mailbox().address, requests).await
        }
    }

    fn gets(count: usize) -> Vec<Inner> {
        (0..count).map(|n| Inner::get(format!("/users/u/events/{n}"))).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_batch_puts_off_is_asked_once_more() {
        // 401, 408, 429, 5xx and a missing answer inside a batch are tried again, alone and once.
        let there = || (200, json!({"id": "x"}));
        let scripted = Scripted::new(vec![
            Turn::Answers(
                std::iter::once(there())
                    .chain([429, 503, 401, 408].map(|status| refusal(status, "")))
                    .collect(),
            ),
            Turn::Answers(vec![there(); 5]),
        ]);
        let replies = scripted.read(&gets(6)).await.unwrap();
        assert!(replies.iter().all(|reply| reply.status == 200));
        let again: Vec<usize> = scripted.lines().iter().map(Vec::len).collect();
        assert_eq!(again, [6, 5]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_stays_put_off_is_an_error_to_be_retried() {
        // After the second try the cycle learns how long to wait, or that the side is in trouble.
        for (status, throttled) in [(429, true), (503, false), (401, false), (408, false)] {
            let answers = || Turn::Answers(vec![refusal(status, "X")]);
            let scripted = Scripted::new(vec![answers(), answers()]);
            let error = scripted.read(&gets(1)).await.unwrap_err();
            let expected = if throttled {
                SideError::Throttled { retry_after: Duration::from_secs(1) }
            } else {
                SideError::Unreachable { reason: format!("{status} X") }
            };
            assert_eq!(error.to_string(), expected.to_string());
        }
    }

    #[test]
    fn batches_are_bounded_by_number_and_by_bytes() {
        // Twenty requests, or fewer when their bodies are long; one alone always goes.
        assert_eq!(chunk_len(&gets(50)), BATCH_MAX);
        let long = Map::from_iter([("body".to_owned(), json!("x".repeat(1024 * 1024)))]);
        let posts: Vec<Inner> =
            (0..5).map(|_| Inner::post("/users/u/events".into(), long.clone())).collect();
        assert_eq!(chunk_len(&posts), 2);
        let huge = Map::from_iter([("body".to_owned(), json!("x".repeat(BATCH_BYTES)))]);
        assert_eq!(chunk_len(&[Inner::post("/users/u/events".into(), huge)]), 1);
    }
}
