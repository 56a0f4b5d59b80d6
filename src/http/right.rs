//! The right under which a task sends: asked again at the last moment.
//!
//! A request goes from the task that makes it to the task of its connection, and between the two this process
//! may stand still for longer than its lease lasts. So a body asks when the connection takes it, right before the
//! first byte leaves: without the right the connection ends instead, and the far side has nothing that it could
//! carry out. Whatever has a body asks, a read that is a POST (a `$batch`) as well; what has none asks for nothing:
//! items are deleted inside of batches.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http_body::{Body, Frame, SizeHint};
use thiserror::Error;

use crate::ports::lease::Tenure;

tokio::task_local! {
    static RIGHT: Arc<dyn Tenure>;
}

/// Runs work whose writes leave this process only as long as the tenure says that they may.
pub async fn under<T>(right: Arc<dyn Tenure>, work: impl Future<Output = T>) -> T {
    RIGHT.scope(right, work).await
}

/// The right was lost before the first byte left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the right to write was lost before anything was sent")]
pub(super) struct Withdrawn;

impl Withdrawn {
    /// Tells whether this is why a request failed.
    pub(super) fn is_cause_of(error: &reqwest::Error) -> bool {
        let first = std::error::Error::source(error);
        std::iter::successors(first, |cause| cause.source())
            .any(<dyn std::error::Error>::is::<Self>)
    }
}

/// Returns the right under which the present task works, if it needs any.
pub(crate) fn present() -> Option<Arc<dyn Tenure>> {
    RIGHT.try_with(Arc::clone).ok()
}

/// Returns the body of a request that the present task makes.
pub(super) fn body(bytes: Vec<u8>) -> reqwest::Body {
    // A body without bytes is never asked for them.
    match present().filter(|_| !bytes.is_empty()) {
        Some(right) => reqwest::Body::wrap(Guarded { bytes: Some(bytes), right }),
        None => bytes.into(),
    }
}

struct Guarded {
    bytes: Option<Vec<u8>>,
    right: Arc<dyn Tenure>,
}

impl Body for Guarded {
    type Data = bytes::Bytes;
    type Error = Withdrawn;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let Some(bytes) = self.bytes.take() else { return Poll::Ready(None) };
        let frame = if self.right.may_still_send() {
            Ok(Frame::data(bytes.into()))
        } else {
            Err(Withdrawn)
        };
        Poll::Ready(Some(frame))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none()
    }

    /// The exact length: the far sides refuse a body in chunks here and there.
    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.as_ref().map_or(0, Vec::len) as u64)
    }
}

#[cfg(test)]
mod tests;
