//! What the rounds did not tell in full: markers of tracked items that are new, extended
//! properties of contacts, and series of which only parts were listed.

use std::collections::HashSet;

use super::walk::PAGES_MAX;
use super::{KnownItems, Sorted};
use crate::domain::ids::{Address, NativeId};
use crate::domain::kind::{Collection, Kind};
use crate::domain::observation::{Facts, Observation};
use crate::graph::GraphSide;
use crate::graph::fetch::Read;
use crate::graph::map;
use crate::graph::url::{Paths, relative};
use crate::ports::error::SideError;
use crate::ports::side::PullAsk;

/// Above this number of contacts the folder is listed instead of reading each by id: a page of a
/// hundred costs one request of the mailbox's budget, as one contact by id does.
const LIST_ABOVE: usize = 40;

impl GraphSide {
    /// Reads what is still to be read and sorts it in.
    pub(super) async fn read_again(
        &self,
        ask: &PullAsk<'_>,
        known: &KnownItems<'_>,
        sorted: &mut Sorted,
    ) -> Result<(), SideError> {
        let address = &ask.mailbox.address;
        let mut list = std::mem::take(&mut sorted.reread);
        let is_contact = |item: &&(Collection, NativeId)| item.0 == Collection::Contacts;
        if list.iter().filter(is_contact).count() > LIST_ABOVE {
            let mut wanted: HashSet<NativeId> =
                list.iter().filter(is_contact).map(|(_, id)| id.clone()).collect();
            for seen in self.list_contacts(address, &mut wanted).await? {
                let known = known.get(&(Collection::Contacts, &seen.id)).copied();
                sorted.see(seen, known);
            }
            list.retain(|(collection, id)| {
                *collection != Collection::Contacts || wanted.contains(id)
            });
        }
        let items: Vec<(Collection, &NativeId)> =
            list.iter().map(|(collection, id)| (*collection, id)).collect();
        if items.is_empty() {
            return Ok(());
        }
        let reads = self.read_by_id(address, &items).await?;
        for ((collection, id), read) in list.iter().zip(reads) {
            let known = known.get(&(*collection, id)).copied();
            match read {
                Read::There(seen) => sorted.see(*seen, known),
                Read::Gone => sorted.miss(known),
                Read::Unreadable => {
                    let mut seen = read.observed(*collection, id);
                    // Whether an item that nobody knows is tracked cannot be told: it may be, so it
                    // is remembered until it can be read.
                    if let (Facts::Exchange(facts), None) = (&mut seen.facts, known) {
                        facts.tracked = true;
                    }
                    if sorted.series.contains(id) {
                        seen.kind = Kind::RecurringAppointment;
                    }
                    sorted.pulled.observations.push(seen);
                }
            }
        }
        Ok(())
    }

    /// Lists the default contact folder and returns the wanted ones; what was not listed stays
    /// wanted.
    async fn list_contacts(
        &self,
        mailbox: &Address,
        wanted: &mut HashSet<NativeId>,
    ) -> Result<Vec<Observation>, SideError> {
        let mut found = Vec::new();
        let mut next = Some(Paths::new(mailbox).contacts_expanded());
        for _ in 0..PAGES_MAX {
            let Some(url) = next.take() else { return Ok(found) };
            let page = self.page(mailbox, url).await?;
            let seen = page.value.into_iter().filter_map(|row| {
                map::observe(Collection::Contacts, row).filter(|seen| wanted.remove(&seen.id))
            });
            found.extend(seen);
            if wanted.is_empty() {
                return Ok(found);
            }
            next = page.next.map(|link| relative(&self.root, &link)).transpose()?;
        }
        if next.is_none() {
            return Ok(found);
        }
        Err(SideError::TooLarge { reason: format!("more than {PAGES_MAX} pages of contacts") })
    }
}
