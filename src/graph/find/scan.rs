//! To-do tasks by marker: lists are read page by page, the default list first, then the others,
//! where a task whose id changed because it was moved is found again (CXL-12).
//!
//! A search is bounded. What it did not reach it remembers, in memory only, and the next cycle's
//! search for the same tasks goes on from there: a mailbox with very many tasks needs some cycles
//! for the few that are looked for, and everything else of it goes on.

use std::collections::{BTreeSet, HashMap};
use std::sync::PoisonError;

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::ids::{Address, LinkId};
use crate::domain::kind::Collection;
use crate::domain::observation::{Observation, Presence};
use crate::graph::GraphSide;
use crate::graph::errors;
use crate::graph::map;
use crate::graph::url::{Paths, expand, relative};
use crate::ports::error::SideError;
use crate::ports::side::Found;

/// Pages that one search reads before it stops: 20,000 tasks.
const PAGES_MAX: usize = 200;

/// A search that is older begins anew: lists changed since, and links of pages may have expired.
const AGE_MAX: TimeDelta = TimeDelta::hours(1);

/// A search through the lists of one mailbox.
#[derive(Debug)]
pub(in crate::graph) struct Scan {
    begun: DateTime<Utc>,
    wanted: BTreeSet<LinkId>,
    found: HashMap<LinkId, Observation>,
    /// The page that comes next, and what a task that stands there is.
    next: Option<(String, Presence)>,
    /// Lists that come after it; nothing while only the default list is known.
    lists: Option<Vec<String>>,
}

impl Scan {
    /// Tells whether each of the tasks was found.
    fn has_all(&self, links: &BTreeSet<LinkId>) -> bool {
        links.iter().all(|link| self.found.contains_key(link))
    }

    /// Returns what is known of these tasks; `rest` stands for those that were not found.
    fn results(&self, links: &BTreeSet<LinkId>, rest: &Found) -> HashMap<LinkId, Found> {
        let one = |link: &LinkId| match self.found.get(link) {
            Some(seen) => Found::Item(Box::new(seen.clone())),
            None => rest.clone(),
        };
        links.iter().map(|link| (*link, one(link))).collect()
    }
}

impl GraphSide {
    /// Reads lists until all of the tasks are found, all lists were read, or the bound is reached.
    pub(super) async fn scan_tasks(
        &self,
        mailbox: &Address,
        links: BTreeSet<LinkId>,
    ) -> Result<HashMap<LinkId, Found>, SideError> {
        let mut scan = match self.unfinished_scan(mailbox, &links) {
            Some(scan) => scan,
            None => self.first_scan(mailbox, &links).await?,
        };
        for _ in 0..PAGES_MAX {
            if scan.has_all(&links) {
                return Ok(scan.results(&links, &Found::Nothing));
            }
            if let Some((url, presence)) = scan.next.take() {
                self.scan_page(mailbox, &mut scan, url, presence).await?;
            } else if let Some(lists) = &mut scan.lists {
                let Some(list) = lists.pop() else {
                    return Ok(scan.results(&links, &Found::Nothing));
                };
                scan.next = Some((first_page(mailbox, &list), Presence::MovedAway));
            } else {
                scan.lists = Some(self.other_lists(mailbox).await?);
            }
        }
        let results = scan.results(&links, &Found::Unfinished);
        tracing::info!(tasks = results.len(), "a search for tasks goes on in the next cycle");
        self.scans.lock().unwrap_or_else(PoisonError::into_inner).insert(mailbox.clone(), scan);
        Ok(results)
    }

    /// Returns the search that goes on, if it looks for all of these tasks.
    fn unfinished_scan(&self, mailbox: &Address, links: &BTreeSet<LinkId>) -> Option<Scan> {
        let now = self.client.clock.now();
        let scan = self.scans.lock().unwrap_or_else(PoisonError::into_inner).remove(mailbox)?;
        let fresh = scan.begun <= now && now - scan.begun < AGE_MAX;
        (fresh && links.is_subset(&scan.wanted)).then_some(scan)
    }

    async fn first_scan(
        &self,
        mailbox: &Address,
        links: &BTreeSet<LinkId>,
    ) -> Result<Scan, SideError> {
        let home = self.default_list(mailbox).await?;
        Ok(Scan {
            begun: self.client.clock.now(),
            wanted: links.clone(),
            found: HashMap::new(),
            next: Some((first_page(mailbox, &home), Presence::Present)),
            lists: None,
        })
    }

    async fn scan_page(
        &self,
        mailbox: &Address,
        scan: &mut Scan,
        url: String,
        presence: Presence,
    ) -> Result<(), SideError> {
        let page = match self.page(mailbox, url).await {
            // A list that was removed meanwhile holds nothing.
            Err(SideError::Refused { status, code })
                if presence == Presence::MovedAway && errors::is_item_gone(status, &code) =>
            {
                return Ok(());
            }
            page => page?,
        };
        for row in page.value {
            let Some(seen) = map::observe(Collection::Tasks, row) else { continue };
            if let Some(link) = seen.marker.filter(|link| scan.wanted.contains(link)) {
                scan.found.entry(link).or_insert(Observation { presence, ..seen });
            }
        }
        let next = page.next.map(|link| relative(&self.root, &link)).transpose()?;
        scan.next = next.map(|url| (url, presence));
        Ok(())
    }
}

fn first_page(mailbox: &Address, list: &str) -> String {
    format!("{}?{}", Paths::new(mailbox).items(Collection::Tasks, list), expand(Collection::Tasks))
}
