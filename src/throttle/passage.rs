//! A call that the breaker let pass.

use super::Throttle;

/// A call on its way to the far side, until it is told what came of it. One that is dropped without a word was
/// cut off, or withdrawn before anything left: it says nothing of the far side, and if it was to find out whether
/// that answers again, the next call does.
#[must_use]
pub struct Passage<'a> {
    throttle: &'a Throttle,
    probes: bool,
}

impl<'a> Passage<'a> {
    pub(super) const fn new(throttle: &'a Throttle, probes: bool) -> Self {
        Self { throttle, probes }
    }

    /// The far side answered, whatever it said.
    pub fn answered(mut self) {
        self.probes = false;
        if self.throttle.breaker().answered() {
            tracing::info!("the far side answers again");
        }
    }

    /// The far side did not answer.
    pub fn silent(mut self) {
        self.probes = false;
        if self.throttle.breaker().silent(self.throttle.started.elapsed()) {
            tracing::warn!("the far side does not answer; one call at a time goes on asking");
        }
    }
}

impl Drop for Passage<'_> {
    fn drop(&mut self) {
        if self.probes {
            self.throttle.breaker().found_nothing(self.throttle.started.elapsed());
        }
    }
}
