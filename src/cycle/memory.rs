//! What the store remembers of the mailbox, loaded when somebody first asks for it.

use async_trait::async_trait;
use tokio::sync::OnceCell;

use super::context::CycleContext;
use super::recent::Known;
use crate::domain::link::{Link, LinkState, Why};
use crate::domain::side::{PerSide, Side};
use crate::ports::error::StoreError;
use crate::ports::links::MailboxState;
use crate::ports::rest::KnownItems;
use crate::ports::side::Known as KnownItem;

/// The state of one mailbox during one cycle.
pub(super) struct Memory<'a> {
    context: &'a CycleContext,
    state: OnceCell<MailboxState>,
}

/// What one side may know of it.
pub(super) struct OneSide<'a> {
    memory: &'a Memory<'a>,
    side: Side,
    known: OnceCell<Vec<KnownItem>>,
}

impl<'a> Memory<'a> {
    /// The last cycle left the state, or nothing is loaded yet.
    pub(super) fn of(context: &'a CycleContext, left: Option<Known>) -> Self {
        if let Some(known) = &left {
            context.base.remembered(known.state.seq, known.at);
        }
        Self { context, state: OnceCell::new_with(left.map(|known| known.state)) }
    }

    /// The state is at hand already.
    pub(super) fn read(context: &'a CycleContext, state: MailboxState) -> Self {
        Self { context, state: OnceCell::new_with(Some(state)) }
    }

    /// Returns the state, if somebody asked.
    pub(super) fn into_state(self) -> Option<MailboxState> {
        self.state.into_inner()
    }

    /// Tells whether somebody asked.
    pub(super) fn is_read(&self) -> bool {
        self.state.initialized()
    }

    /// Returns the state; the first time the node remembers it, or the mailbox is claimed.
    pub(super) async fn state(&self) -> Result<&MailboxState, StoreError> {
        let context = self.context;
        self.state.get_or_try_init(|| context.recall()).await
    }

    /// Returns the items of each side that the store knows.
    pub(super) fn sides(&self) -> PerSide<OneSide<'_>> {
        PerSide::from_fn(|side| OneSide { memory: self, side, known: OnceCell::new() })
    }
}

#[async_trait]
impl KnownItems for OneSide<'_> {
    async fn load(&self) -> Result<&[KnownItem], StoreError> {
        let load = async || {
            let state = self.memory.state().await?;
            Ok::<_, StoreError>(known_on(self.side, &state.links))
        };
        Ok(self.known.get_or_try_init(load).await?)
    }
}

/// Returns the items of a side that the store knows.
fn known_on(side: Side, links: &[Link]) -> Vec<KnownItem> {
    links
        .iter()
        .filter(|link| link.state != LinkState::Unlinked(Why::RowGone) || side == Side::Exchange)
        .filter_map(|link| {
            let id = link.native.get(side).clone()?;
            let expected = match side {
                Side::Dynamics => link.matched,
                Side::Exchange => !link.off_feed,
            };
            Some(KnownItem {
                kind: link.kind,
                id,
                version: link.version.get(side).clone(),
                expected,
            })
        })
        .collect()
}
