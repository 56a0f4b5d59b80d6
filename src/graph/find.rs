//! Items by marker or by the identity of a meeting.
//!
//! Events and contacts are asked for by filter. To-do tasks know no such filter (protocols A5), so
//! their lists are read: the default list first, then the others, where a task whose id changed
//! because it was moved is found again.

use std::collections::HashMap;

use serde_json::Value as Json;

use super::GraphSide;
use super::batch::Inner;
use super::errors;
use super::fetch::Read;
use super::lists::no_page;
use super::map;
use super::url::{Paths, expand, literal, option, relative};
use super::wire::Page;
use crate::domain::ids::{Address, LinkId};
use crate::domain::kind::Collection;
use crate::domain::observation::{Observation, Presence};
use crate::ports::error::SideError;
use crate::ports::side::FindKey;

/// Pages of tasks that one search reads over all lists: 20,000 tasks.
const SCAN_PAGES_MAX: usize = 200;

impl GraphSide {
    /// Returns the item that each key leads to, in the order asked.
    pub(super) async fn find_items(
        &self,
        mailbox: &Address,
        keys: &[FindKey],
    ) -> Result<Vec<Option<Observation>>, SideError> {
        let paths = Paths::new(mailbox);
        let (mut places, mut requests) = (Vec::new(), Vec::new());
        let mut tasks = Vec::new();
        for (place, key) in keys.iter().enumerate() {
            match key {
                FindKey::Marker(link, kind) if kind.collection() == Collection::Tasks => {
                    tasks.push((place, *link));
                }
                FindKey::Marker(link, kind) => {
                    places.push((place, kind.collection()));
                    requests.push(Inner::get(by_marker(&paths, kind.collection(), *link)));
                }
                FindKey::Uid(uid) => {
                    places.push((place, Collection::Calendar));
                    requests.push(Inner::get(by_uid(&paths, uid.as_str())));
                }
            }
        }
        let mut found = vec![None; keys.len()];
        let replies = self.client.read::<Option<Page>>(mailbox, &requests).await?;
        for ((place, collection), reply) in places.into_iter().zip(replies) {
            if reply.status != 200 {
                return Err(errors::refused_read(reply.status, &reply.body));
            }
            let page = reply.body.ok_or_else(no_page)?;
            found[place] = oldest(collection, page.value);
        }
        self.whole(mailbox, &mut found).await?;
        if !tasks.is_empty() {
            let mut seen = self.scan_tasks(mailbox, tasks.iter().map(|(_, link)| *link)).await?;
            for (place, link) in tasks {
                found[place] = seen.remove(&link).flatten();
            }
        }
        Ok(found)
    }

    /// A list shows nothing of what deviates from a series: those found are read by id.
    async fn whole(
        &self,
        mailbox: &Address,
        found: &mut [Option<Observation>],
    ) -> Result<(), SideError> {
        for place in found {
            let Some(seen) = place.take() else { continue };
            let mut read = [Read::There(Box::new(seen))];
            self.whole_series(mailbox, &mut read).await?;
            let [read] = read;
            *place = if let Read::There(seen) = read { Some(*seen) } else { None };
        }
        Ok(())
    }

    /// Reads lists until all links are found or all lists were read.
    async fn scan_tasks(
        &self,
        mailbox: &Address,
        links: impl Iterator<Item = LinkId>,
    ) -> Result<HashMap<LinkId, Option<Observation>>, SideError> {
        let mut wanted: HashMap<LinkId, Option<Observation>> =
            links.map(|link| (link, None)).collect();
        let mut pages = SCAN_PAGES_MAX;
        let home = self.default_list(mailbox).await?;
        self.scan_list(mailbox, &home, Presence::Present, &mut wanted, &mut pages).await?;
        if wanted.values().any(Option::is_none) {
            for list in self.other_lists(mailbox).await? {
                let away = Presence::MovedAway;
                self.scan_list(mailbox, &list, away, &mut wanted, &mut pages).await?;
            }
        }
        Ok(wanted)
    }

    async fn scan_list(
        &self,
        mailbox: &Address,
        list: &str,
        presence: Presence,
        wanted: &mut HashMap<LinkId, Option<Observation>>,
        pages: &mut usize,
    ) -> Result<(), SideError> {
        let items = Paths::new(mailbox).items(Collection::Tasks, list);
        let mut next = Some(format!("{items}?{}", expand(Collection::Tasks)));
        while let Some(url) = next.take() {
            if !wanted.values().any(Option::is_none) {
                return Ok(());
            }
            *pages = pages.checked_sub(1).ok_or_else(|| SideError::TooLarge {
                reason: format!("more than {SCAN_PAGES_MAX} pages of tasks"),
            })?;
            let page = self.page(mailbox, url).await?;
            for row in page.value {
                let Some(seen) = map::observe(Collection::Tasks, row) else { continue };
                let Some(slot) = seen.marker.and_then(|link| wanted.get_mut(&link)) else {
                    continue;
                };
                slot.get_or_insert(Observation { presence, ..seen });
            }
            next = page.next.map(|link| relative(&self.root, &link)).transpose()?;
        }
        Ok(())
    }
}

fn by_marker(paths: &Paths, collection: Collection, link: LinkId) -> String {
    let (id, value) = (literal(map::MARKER), literal(&link.to_string()));
    let filter =
        format!("singleValueExtendedProperties/Any(ep: ep/id eq {id} and ep/value eq {value})");
    filtered(paths, collection, &filter)
}

fn by_uid(paths: &Paths, uid: &str) -> String {
    filtered(paths, Collection::Calendar, &format!("iCalUId eq {}", literal(uid)))
}

fn filtered(paths: &Paths, collection: Collection, filter: &str) -> String {
    let items = paths.items(collection, "");
    format!("{items}?$filter={}&{}", option(filter), expand(collection))
}

/// Of several items with one key the oldest is meant: the others are copies of it (COPY-03).
fn oldest(collection: Collection, rows: Vec<Json>) -> Option<Observation> {
    let created = |row: &Json| row.get("createdDateTime").and_then(Json::as_str).map(str::to_owned);
    let row = rows.into_iter().min_by_key(created)?;
    map::observe(collection, row)
}
