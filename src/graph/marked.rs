//! Every item that carries a marker: whole collections are read, whatever the delta rounds name.
//!
//! Slow by nature, so only operators' commands ask for it. Absent: to-do lists other than the
//! default one. A series comes whole, with what deviates from it.

use super::GraphSide;
use super::fetch::Read;
use super::map;
use super::url::{Paths, expand, relative};
use crate::domain::ids::Address;
use crate::domain::kind::Collection;
use crate::domain::observation::Observation;
use crate::ports::error::SideError;

/// Pages of one collection that are read. Graph's pages hold 10 items and more when nothing is
/// said: enough for a calendar of 20,000 events.
const PAGES_MAX: usize = 2_000;

impl GraphSide {
    /// Returns the items of the three collections that carry a marker.
    pub(super) async fn marked_items(
        &self,
        mailbox: &Address,
    ) -> Result<Vec<Observation>, SideError> {
        let list = self.default_list(mailbox).await?;
        let mut found = Vec::new();
        for collection in Collection::ALL {
            self.marked_in(mailbox, collection, &list, &mut found).await?;
        }
        Ok(found)
    }

    async fn marked_in(
        &self,
        mailbox: &Address,
        collection: Collection,
        list: &str,
        found: &mut Vec<Observation>,
    ) -> Result<(), SideError> {
        let paths = Paths::new(mailbox);
        let mut next = Some(match collection {
            Collection::Contacts => paths.contacts_expanded(),
            Collection::Calendar | Collection::Tasks => {
                format!("{}?{}", paths.items(collection, list), expand(collection))
            }
        });
        for _ in 0..PAGES_MAX {
            let Some(url) = next.take() else { return Ok(()) };
            let page = self.page(mailbox, url).await?;
            let seen = page.value.into_iter().filter_map(|row| map::observe(collection, row));
            let marked = seen.filter(|one| one.marker.is_some());
            let mut reads: Vec<Read> = marked.map(|one| Read::There(Box::new(one))).collect();
            self.whole_series(mailbox, &mut reads).await?;
            found.extend(reads.into_iter().filter_map(Read::there));
            next = page.next.map(|link| relative(&self.root, &link)).transpose()?;
        }
        if next.is_none() {
            return Ok(());
        }
        Err(SideError::TooLarge { reason: format!("more than {PAGES_MAX} pages of a collection") })
    }
}
