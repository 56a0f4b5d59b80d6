//! What a cycle does when the right to write comes to its end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::fakes::World;
use crate::cycle::{CycleContext, CycleEnd};
use crate::ports::lease::Tenure;

/// A right that ends after so many questions.
#[derive(Debug, Default)]
struct Ending {
    /// From this question on the mailbox goes elsewhere.
    leaves: Option<usize>,
    asked: AtomicUsize,
    /// Nothing may be sent.
    late: bool,
}

impl Tenure for Ending {
    fn may_write(&self) -> bool {
        true
    }

    fn may_send(&self) -> bool {
        !self.late
    }

    fn may_still_send(&self) -> bool {
        !self.late
    }

    fn should_end(&self) -> bool {
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        self.leaves.is_some_and(|leaves| asked >= leaves)
    }
}

async fn under(world: &World, tenure: Ending) -> Result<crate::cycle::CycleReport, CycleEnd> {
    let tenure = Arc::new(tenure);
    world.cycle_in(&CycleContext { tenure, ..world.context() }).await
}

#[tokio::test]
async fn a_mailbox_that_goes_elsewhere_is_left_between_the_stages() {
    // After the pull and before the first slice: nothing is written, no cursor moves, and the next
    // owner's cycle finds all there is.
    for leaves in 0..2 {
        let world = super::busy().await;
        world.log();
        let before = world.state().await.cursors;
        let ended = under(&world, Ending { leaves: Some(leaves), ..Ending::default() }).await;
        assert!(matches!(ended, Err(CycleEnd::HandedOver)), "{ended:?}");
        let log = world.log();
        let only_pulled = log.iter().all(|it| it.starts_with("pull"));
        assert_eq!(only_pulled, leaves == 0, "{log:?}");
        let writes = ["create", "update", "delete", "commit"];
        assert!(!log.iter().any(|it| writes.iter().any(|word| it.starts_with(word))), "{log:?}");
        assert_eq!(world.state().await.cursors, before);
        world.settle().await;
        assert_eq!(world.dynamics.subjects(), super::SETTLED);
        assert_eq!(world.exchange.subjects(), super::SETTLED);
    }
}

#[tokio::test]
async fn nothing_is_sent_that_might_be_carried_out_too_late() {
    // The steps count as not sent; the next cycle sends them.
    let world = World::new();
    world.dynamics.add("Call Anna");
    let report = under(&world, Ending { late: true, ..Ending::default() }).await.unwrap();
    assert_eq!((report.done.exchange, report.unsettled), (0, 1));
    assert!(!world.log().iter().any(|it| it.starts_with("create")));
    world.settle().await;
    assert_eq!(world.exchange.subjects(), ["Call Anna"]);
}

#[tokio::test]
async fn filt_16_the_default_filters_are_given_only_in_time() {
    // Given too late they might be given twice: the next owner would still see none.
    let world = World::new();
    world.dynamics.newcomer();
    for (late, given) in [(true, 0), (false, 1), (false, 0)] {
        let context = world.context();
        let mut view = (*context.view).clone();
        view.policy.instantiate_filters = true;
        let tenure = Arc::new(Ending { late, ..Ending::default() });
        world.cycle_in(&CycleContext { tenure, view: Arc::new(view), ..context }).await.unwrap();
        let log = world.log();
        assert_eq!(log.iter().filter(|it| *it == "give 1 filters").count(), given, "{log:?}");
    }
}
