//! Exchange through Microsoft Graph v1.0: the far side of calendars, contacts and to-do tasks.
//!
//! Every conversation is a JSON batch, so that a pull without news is one HTTP request for all
//! three collections of a mailbox (architecture §4); `subscriptions` makes notices come. Absent: EWS.

mod apply;
mod batch;
mod category;
mod client;
mod delta;
mod errors;
mod fetch;
mod files;
mod find;
mod folders;
mod lists;
mod map;
mod marked;
mod search;
mod series;
mod subscriptions;
mod transport;
mod url;
mod wire;

pub use map::property;
pub use subscriptions::{GraphSubscriptions, NoticeAddresses};

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use self::category::{recognise, recognised};
use self::client::Client;
use self::delta::Probed;
use self::find::Scan;
use self::transport::SessionTransport;
use crate::domain::file::{FileEntry, NewFile};
use crate::domain::ids::{Address, NativeId};
use crate::domain::kind::Kind;
use crate::domain::observation::Observation;
use crate::domain::party::PartyCandidate;
use crate::domain::plan::{Outcome, Step};
use crate::domain::policy::Mailbox;
use crate::http::session::Session;
use crate::ports::clock::Clock;
use crate::ports::error::{PullError, SideError};
use crate::ports::side::{FarSide, FindKey, Found, PullAsk, Pulled};

/// What the adapter needs to know of its service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphOptions {
    /// The root of the API with its version, without a slash at the end:
    /// `https://graph.microsoft.com/v1.0`.
    pub root: String,
}

/// Exchange, for all mailboxes of one tenant.
pub struct GraphSide {
    client: Client,
    root: String,
    /// The default To Do list of each mailbox; the cursor of its tasks remembers it as well.
    lists: Mutex<HashMap<Address, Arc<str>>>,
    /// Searches through to-do lists that one cycle did not finish.
    scans: Mutex<HashMap<Address, Scan>>,
    /// The default contact folder of each mailbox.
    folders: Mutex<HashMap<Address, Arc<str>>>,
    /// How far each mailbox with events outside the window is with its slow probes.
    probed: Mutex<HashMap<Address, Probed>>,
    /// When each mailbox's list of categories was looked at.
    looked: Mutex<HashMap<Address, DateTime<Utc>>>,
    /// It was told that these lists are closed to the application.
    denied: AtomicBool,
}

// === impl GraphSide ===

impl GraphSide {
    /// Returns the far side behind a session.
    #[must_use]
    pub fn new(session: Session, clock: Arc<dyn Clock>, options: GraphOptions) -> Self {
        let root = options.root.trim_end_matches('/').to_owned();
        let transport = SessionTransport::new(session, &root);
        Self::over(Client::new(Box::new(transport), clock), root)
    }

    /// Takes over what the organization chose for all its mailboxes.
    fn heed(&self, mailbox: &Mailbox) {
        self.client.formats.store(mailbox.personal.rich_bodies, Ordering::Relaxed);
    }

    fn over(client: Client, root: String) -> Self {
        Self {
            client,
            root,
            lists: Mutex::default(),
            scans: Mutex::default(),
            folders: Mutex::default(),
            probed: Mutex::default(),
            looked: Mutex::default(),
            denied: AtomicBool::default(),
        }
    }
}

#[async_trait]
impl FarSide for GraphSide {
    async fn pull(&self, ask: PullAsk<'_>) -> Result<Pulled, PullError> {
        self.heed(ask.mailbox);
        self.pull_deltas(ask).await
    }

    async fn fetch(
        &self,
        mailbox: &Mailbox,
        items: &[(Kind, NativeId)],
    ) -> Result<Vec<Observation>, SideError> {
        self.heed(mailbox);
        let seen = self.fetch_items(&mailbox.address, items).await?;
        Ok(recognised(mailbox, seen))
    }

    async fn find(&self, mailbox: &Mailbox, keys: &[FindKey]) -> Result<Vec<Found>, SideError> {
        self.heed(mailbox);
        let mut found = self.find_items(&mailbox.address, keys).await?;
        for one in &mut found {
            if let Found::Item(seen) = one {
                recognise(&mailbox.personal.category, seen);
            }
        }
        Ok(found)
    }

    async fn marked(&self, mailbox: &Mailbox) -> Result<Vec<Observation>, SideError> {
        self.heed(mailbox);
        Ok(recognised(mailbox, self.marked_items(&mailbox.address).await?))
    }

    async fn search(
        &self,
        mailbox: &Mailbox,
        text: &str,
        most: usize,
    ) -> Result<Vec<(Kind, NativeId)>, SideError> {
        self.search_items(&mailbox.address, text, most).await
    }

    async fn apply(&self, mailbox: &Mailbox, steps: &[Step]) -> Vec<Outcome> {
        self.heed(mailbox);
        let category = &mailbox.personal.category;
        let mut outcomes = self.apply_steps(&mailbox.address, category, steps).await;
        for outcome in &mut outcomes {
            if let Outcome::Done(Some(seen)) = outcome {
                recognise(category, seen);
            }
        }
        outcomes
    }

    async fn files(
        &self,
        mailbox: &Mailbox,
        items: &[NativeId],
    ) -> Result<Vec<Option<Vec<FileEntry>>>, SideError> {
        self.list_files(&mailbox.address, items).await
    }

    async fn read_file(
        &self,
        mailbox: &Mailbox,
        item: &NativeId,
        file: &NativeId,
    ) -> Result<Vec<u8>, SideError> {
        self.file_content(&mailbox.address, item, file).await
    }

    async fn add_file(&self, mailbox: &Mailbox, item: &NativeId, file: &NewFile) -> Outcome {
        self.new_file(&mailbox.address, item, file).await
    }

    async fn remove_file(&self, mailbox: &Mailbox, item: &NativeId, file: &NativeId) -> Outcome {
        self.delete_file(&mailbox.address, item, file).await
    }

    async fn make_category(
        &self,
        mailbox: &Mailbox,
        name: &str,
    ) -> Result<Option<NativeId>, SideError> {
        self.make_entry(&mailbox.address, name).await
    }

    async fn category_in_use(
        &self,
        mailbox: &Mailbox,
        id: &NativeId,
    ) -> Result<Option<bool>, SideError> {
        self.entry_in_use(&mailbox.address, id).await
    }

    async fn remove_category(&self, mailbox: &Mailbox, id: &NativeId) -> Result<(), SideError> {
        self.remove_entry(&mailbox.address, id).await
    }

    async fn candidates(
        &self,
        _mailbox: &Mailbox,
        _addresses: &[Address],
    ) -> Result<Vec<PartyCandidate>, SideError> {
        Ok(Vec::new())
    }
}

#[cfg(test)]
mod testing;
#[cfg(test)]
pub(crate) mod tests;
