//! Dynamics 365: Dataverse's Web API as a far side (protocols part B).
//!
//! `sweep` finds what changed, `lookup` reads and proves (`lists`: many rows at once), `apply` writes, `candidates` resolves
//! addresses, `org` reads what belongs to the whole organization, `feed` tells whose rows changed;
//! `map` knows the columns, `batch` and `fetchxml` the wire's two languages. Absent on purpose: rules
//! about what is synchronized (the engine's), tokens, budgets and repeats (`http`), and change
//! tracking as the feed of a mailbox: it is per table and organization-wide.

use std::collections::HashMap;

use async_trait::async_trait;
use uuid::Uuid;

use crate::domain::file::{FileEntry, NewFile};
use crate::domain::filter::{FilterTally, FilterTemplate};
use crate::domain::ids::{Address, NativeId};
use crate::domain::kind::Kind;
use crate::domain::observation::Observation;
use crate::domain::party::{Made, NewPerson, PartyCandidate};
use crate::domain::plan::{Outcome, Step};
use crate::domain::policy::Mailbox;
use crate::http::Session;
use crate::ports::error::{PullError, SideError};
use crate::ports::inquiry::FilterAnswer;
use crate::ports::side::{FarSide, FindKey, Found, PullAsk, Pulled};

mod accounts;
mod apply;
mod batch;
mod booking;
mod candidates;
mod digest;
mod directions;
mod errors;
mod feed;
mod fetchxml;
mod files;
mod filters;
mod inquiry;
mod lists;
mod lookup;
mod map;
mod meetings;
mod org;
mod page;
mod people;
mod personal;
mod rest;
mod secured;
mod series;
mod settings;
mod sweep;
mod templates;
#[cfg(test)]
pub(crate) mod testing;
mod wire;

pub use feed::DataverseFeed;
pub use map::columns;
pub use org::DataverseOrganization;

/// Where an organization's Web API is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataverseOptions {
    /// `{environment URL}/api/data/v9.2`.
    pub api_root: String,
}

/// Dataverse for all mailboxes of one tenant.
pub struct DataverseSide {
    wire: wire::Wire,
    filters: filters::FilterCache,
    digests: digest::DigestKey,
    /// The organization's time zones, once a series needed them.
    zones: tokio::sync::OnceCell<map::series::ZoneCodes>,
}

impl DataverseSide {
    /// Builds the side.
    #[must_use]
    pub fn new(session: Session, options: &DataverseOptions) -> Self {
        Self {
            wire: wire::Wire::new(session, &options.api_root),
            filters: filters::FilterCache::default(),
            digests: digest::DigestKey::fresh(),
            zones: tokio::sync::OnceCell::new(),
        }
    }
}

#[async_trait]
impl FarSide for DataverseSide {
    async fn pull(&self, ask: PullAsk<'_>) -> Result<Pulled, PullError> {
        self.sweep(&ask).await
    }

    async fn fetch(
        &self,
        mailbox: &Mailbox,
        items: &[(Kind, NativeId)],
    ) -> Result<Vec<Observation>, SideError> {
        self.fetch_rows(mailbox, items).await
    }

    async fn find(&self, mailbox: &Mailbox, keys: &[FindKey]) -> Result<Vec<Found>, SideError> {
        let rows = self.find_rows(mailbox, keys).await?;
        Ok(rows.into_iter().map(Found::from).collect())
    }

    async fn marked(&self, _mailbox: &Mailbox) -> Result<Vec<Observation>, SideError> {
        Ok(Vec::new())
    }

    async fn filters(
        &self,
        mailbox: &Mailbox,
        kind: Kind,
        row: &NativeId,
    ) -> Result<Option<Vec<FilterAnswer>>, SideError> {
        self.filter_answers(mailbox, kind, row).await.map(Some)
    }

    async fn filter_tally(&self, mailbox: &Mailbox) -> Result<Option<FilterTally>, SideError> {
        self.ask_tally(mailbox).await.map(Some)
    }

    async fn filter_templates(&self, mailbox: &Mailbox) -> Result<Vec<FilterTemplate>, SideError> {
        self.ask_templates(mailbox).await
    }

    async fn instantiate_filters(
        &self,
        mailbox: &Mailbox,
        templates: &[Uuid],
    ) -> Result<(), SideError> {
        self.make_filters(mailbox, templates).await
    }

    async fn search(
        &self,
        mailbox: &Mailbox,
        text: &str,
        most: usize,
    ) -> Result<Vec<(Kind, NativeId)>, SideError> {
        self.search_rows(mailbox, text, most).await
    }

    async fn apply(&self, mailbox: &Mailbox, steps: &[Step]) -> Vec<Outcome> {
        self.write_rows(mailbox, steps).await
    }

    async fn make_people(&self, mailbox: &Mailbox, people: &[NewPerson]) -> Vec<Made> {
        self.new_people(mailbox, people).await
    }

    async fn accounts(
        &self,
        mailbox: &Mailbox,
        names: &[String],
    ) -> Result<HashMap<String, Uuid>, SideError> {
        self.accounts_of(mailbox, names).await
    }

    async fn files(
        &self,
        mailbox: &Mailbox,
        items: &[NativeId],
    ) -> Result<Vec<Option<Vec<FileEntry>>>, SideError> {
        self.list_files(mailbox, items).await
    }

    async fn read_file(
        &self,
        mailbox: &Mailbox,
        _item: &NativeId,
        file: &NativeId,
    ) -> Result<Vec<u8>, SideError> {
        self.file_content(mailbox, file).await
    }

    async fn add_file(&self, mailbox: &Mailbox, item: &NativeId, file: &NewFile) -> Outcome {
        self.new_file(mailbox, item, file).await
    }

    async fn remove_file(&self, mailbox: &Mailbox, _item: &NativeId, file: &NativeId) -> Outcome {
        self.delete_file(mailbox, file).await
    }

    async fn mark_file_errors(&self, mailbox: &Mailbox, item: &NativeId, failed: bool) {
        self.mark_errors(mailbox, item, failed).await;
    }

    async fn candidates(
        &self,
        mailbox: &Mailbox,
        addresses: &[Address],
    ) -> Result<Vec<PartyCandidate>, SideError> {
        self.candidates_of(mailbox, addresses).await
    }
}
