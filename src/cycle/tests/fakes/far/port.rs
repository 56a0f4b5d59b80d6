//! The far side as the cycle calls it; each call is noted, and an await at which the script may end.

use async_trait::async_trait;
use uuid::Uuid;

use super::Far;
use crate::domain::filter::FilterTemplate;
use crate::domain::ids::{Address, NativeId};
use crate::domain::kind::Kind;
use crate::domain::observation::{Observation, Presence};
use crate::domain::party::PartyCandidate;
use crate::domain::plan::{Op, Outcome, Step};
use crate::domain::policy::Mailbox;
use crate::domain::side::Side;
use crate::ports::error::{PullError, SideError};
use crate::ports::rest::SideRest;
use crate::ports::side::{FarSide, FindKey, Found, PullAsk, Pulled};

#[async_trait]
impl FarSide for Far {
    async fn pull(&self, ask: PullAsk<'_>) -> Result<Pulled, PullError> {
        self.script.note(format!("pull {}", self.side));
        self.script.tick().await;
        let (failing, slow) = {
            let inner = self.inner.lock().unwrap();
            (inner.failing, inner.slow)
        };
        if !slow.is_zero() {
            tokio::time::sleep(slow).await;
        }
        self.script.note(format!("pulled {}", self.side));
        if let Some(failing) = failing {
            return Err(failing().into());
        }
        let rest = {
            let inner = self.inner.lock().unwrap();
            inner.lies.is_empty().then(|| SideRest::new(inner.count.to_le_bytes()))
        };
        if rest.is_some() && ask.rest == rest.as_ref() {
            return Ok(Pulled { rest, cursors: ask.cursors.to_vec(), ..Pulled::default() });
        }
        let known = ask.known.load().await?;
        let mut inner = self.inner.lock().unwrap();
        let pulled = match self.side {
            Side::Dynamics => self.sweep(&inner, known),
            Side::Exchange => self.delta(&mut inner, &ask, known),
        };
        let filters = inner.filters.clone();
        Ok(Pulled { rest: rest.filter(|_| !pulled.is_news()), filters, ..pulled })
    }

    async fn filter_templates(&self, _: &Mailbox) -> Result<Vec<FilterTemplate>, SideError> {
        let (id, kind) = (Uuid::from_u128(9), Some(Kind::Task));
        Ok(vec![FilterTemplate { id, kind, default: true, active: true }])
    }

    async fn instantiate_filters(&self, _: &Mailbox, ids: &[Uuid]) -> Result<(), SideError> {
        self.script.note(format!("give {} filters", ids.len()));
        self.inner.lock().unwrap().filters = None;
        Ok(())
    }

    async fn fetch(
        &self,
        _: &Mailbox,
        items: &[(Kind, NativeId)],
    ) -> Result<Vec<Observation>, SideError> {
        self.script.note(format!("fetch {}", self.side));
        self.script.tick().await;
        let inner = self.inner.lock().unwrap();
        let one = |(kind, id): &(Kind, NativeId)| match inner.items.get(id) {
            // Whether a filter returns the row is not known to a read by id.
            Some(item) => Observation { presence: Presence::Present, ..self.observe(id, item) },
            None => self.gone(*kind, id),
        };
        Ok(items.iter().map(one).collect())
    }

    async fn find(&self, _: &Mailbox, keys: &[FindKey]) -> Result<Vec<Found>, SideError> {
        self.script.note(format!("find {}", self.side));
        self.script.tick().await;
        let inner = self.inner.lock().unwrap();
        let one = |key: &FindKey| {
            let (FindKey::Marker(link, _) | FindKey::Made(link, _)) = key else {
                return Found::Nothing;
            };
            let row = NativeId::new(link.0.to_string());
            let mut all = inner.items.iter();
            let found = all.find(|(id, item)| item.marker == Some(*link) || **id == row);
            found.map(|(id, item)| self.observe(id, item)).into()
        };
        Ok(keys.iter().map(one).collect())
    }

    async fn apply(&self, _: &Mailbox, steps: &[Step]) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        for step in steps {
            self.script.tick().await;
            let slow = self.inner.lock().unwrap().slow_writes;
            if !slow.is_zero() {
                tokio::time::sleep(slow).await;
            }
            let verb = match &step.op {
                Op::Create { .. } => "create",
                Op::Update { .. } => "update",
                Op::Unmark { .. } => "unmark",
                Op::Delete { .. } => "delete",
            };
            self.script.note(format!("{verb} {}", self.side));
            outcomes.push(self.write(step));
            self.script.tick().await;
        }
        outcomes
    }

    async fn marked(&self, _: &Mailbox) -> Result<Vec<Observation>, SideError> {
        let inner = self.inner.lock().unwrap();
        let all = inner.items.iter().map(|(id, item)| self.observe(id, item));
        Ok(all.filter(|one| self.side == Side::Exchange && one.marker.is_some()).collect())
    }

    async fn candidates(
        &self,
        _: &Mailbox,
        _: &[Address],
    ) -> Result<Vec<PartyCandidate>, SideError> {
        Ok(Vec::new())
    }
}
