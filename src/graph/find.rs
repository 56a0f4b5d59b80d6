//! Items by marker or by the identity of a meeting.
//!
//! Events and contacts are asked for by filter. To-do tasks know no such filter (protocols A5), so
//! their lists are read (`scan`).

mod scan;

pub(super) use scan::Scan;
use serde_json::Value as Json;

use super::GraphSide;
use super::batch::Inner;
use super::errors;
use super::fetch::Read;
use super::lists::no_page;
use super::map;
use super::url::{Paths, expand, literal, option};
use super::wire::Page;
use crate::domain::ids::{Address, LinkId};
use crate::domain::kind::Collection;
use crate::domain::observation::Observation;
use crate::ports::error::SideError;
use crate::ports::side::{FindKey, Found};

impl GraphSide {
    /// Returns where each key leads, in the order asked.
    pub(super) async fn find_items(
        &self,
        mailbox: &Address,
        keys: &[FindKey],
    ) -> Result<Vec<Found>, SideError> {
        let paths = Paths::new(mailbox);
        let (mut places, mut requests) = (Vec::new(), Vec::new());
        let mut tasks = Vec::new();
        for (place, key) in keys.iter().enumerate() {
            match key {
                FindKey::Marker(link, kind) | FindKey::Made(link, kind)
                    if kind.collection() == Collection::Tasks =>
                {
                    tasks.push((place, *link));
                }
                FindKey::Marker(link, kind) | FindKey::Made(link, kind) => {
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
        let mut found: Vec<Found> = found.into_iter().map(Found::from).collect();
        if !tasks.is_empty() {
            let links = tasks.iter().map(|(_, link)| *link).collect();
            let mut seen = self.scan_tasks(mailbox, links).await?;
            for (place, link) in tasks {
                found[place] = seen.remove(&link).unwrap_or(Found::Nothing);
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
