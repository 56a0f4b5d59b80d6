//! A call that the breaker let pass.

use super::Throttle;
use super::breaker::Probe;

/// A call on its way to the far side, until it is told what came of it. One that is dropped without a word was
/// cut off, or withdrawn before anything left: it says nothing of the far side, and if it was to find out whether
/// that answers again, the next call does.
#[must_use]
pub struct Passage<'a> {
    throttle: &'a Throttle,
    probe: Option<Probe>,
}

impl<'a> Passage<'a> {
    pub(super) const fn new(throttle: &'a Throttle, probe: Option<Probe>) -> Self {
        Self { throttle, probe }
    }

    /// Takes note of an answer of the far side, whatever it says.
    pub fn answered(mut self) {
        self.probe = None;
        if self.throttle.breaker().answered() {
            tracing::info!("the far side answers again");
        }
    }

    /// Takes note that the far side did not answer.
    pub fn silent(mut self) {
        let probe = self.probe.take();
        if self.throttle.breaker().silent(self.throttle.started.elapsed(), probe) {
            tracing::warn!("the far side does not answer; one call at a time goes on asking");
        }
    }
}

impl Drop for Passage<'_> {
    fn drop(&mut self) {
        if let Some(probe) = self.probe {
            self.throttle.breaker().found_nothing(self.throttle.started.elapsed(), probe);
        }
    }
}
