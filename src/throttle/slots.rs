//! How many calls may be on their way at once. The number may change while some are.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The slots of one key.
#[derive(Debug)]
pub(super) struct Slots {
    free: Arc<Semaphore>,
    /// How many there are, taken or free.
    size: Mutex<usize>,
}

/// Taken slots; free again when this is dropped.
#[derive(Debug)]
pub(super) struct Taken {
    slots: Arc<Slots>,
    permit: Option<OwnedSemaphorePermit>,
    wanted: usize,
}

impl Slots {
    pub(super) fn new(size: usize) -> Arc<Self> {
        let size = size.clamp(1, Semaphore::MAX_PERMITS);
        Arc::new(Self { free: Arc::new(Semaphore::new(size)), size: Mutex::new(size) })
    }

    /// Waits for slots, of which there shall be `wanted` from now on.
    pub(super) async fn take(self: &Arc<Self>, slots: u32, wanted: usize) -> Taken {
        self.fit(wanted);
        let slots = slots.min(u32::try_from(wanted).unwrap_or(u32::MAX)).max(1);
        // The semaphore is never closed; without a permit nothing would be given back.
        let permit = Arc::clone(&self.free).acquire_many_owned(slots).await.ok();
        Taken { slots: Arc::clone(self), permit, wanted }
    }

    /// Makes more slots, or takes away what is free of those that are too many.
    fn fit(&self, wanted: usize) {
        let mut size = self.size();
        if *size < wanted {
            self.free.add_permits(wanted - *size);
            *size = wanted;
        } else {
            *size -= self.free.forget_permits(*size - wanted);
        }
    }

    fn size(&self) -> MutexGuard<'_, usize> {
        // Each change is one assignment.
        self.size.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let Some(permit) = self.permit.take() else { return };
        let mut size = self.slots.size();
        // Whoever waits would have it at once: slots that are too many go before that.
        if let Some(rest) = size.checked_sub(permit.num_permits())
            && rest >= self.wanted
        {
            permit.forget();
            *size = rest;
        }
    }
}
