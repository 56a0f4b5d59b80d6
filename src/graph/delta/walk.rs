//! One round of one collection, page by page. Pure: it is given replies and says what to ask next.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::domain::ids::NativeId;
use crate::domain::kind::Collection;
use crate::domain::observation::Observation;
use crate::graph::batch::{Body, Inner, InnerReply};
use crate::graph::url::{Paths, relative};
use crate::graph::wire::Page;
use crate::graph::{errors, lists, map};
use crate::ports::error::SideError;

/// Most pages of one round: 200,000 rows, more than a mailbox may hold events in a window. A
/// round that goes on beyond it never ends.
pub(super) const PAGES_MAX: u32 = 2_000;

/// The last row of an id in a round.
pub(super) enum Row {
    /// `@removed`, for whatever reason.
    Removed,
    /// A part of this series was listed, the series itself was not.
    PartOfSeries,
    /// The item.
    Seen(Box<Observation>),
}

/// Where a round stands.
enum Stage {
    /// The default To Do list is looked for.
    Lists(String),
    /// This page comes next.
    Page(String),
    /// The round ended, with its delta link.
    Done(Option<String>),
}

/// One round of one collection.
pub(super) struct Walk {
    pub(super) collection: Collection,
    /// A delta round; otherwise a plain list of changes (events outside the window).
    pub(super) is_delta: bool,
    /// It started without a cursor.
    pub(super) fresh: bool,
    pub(super) rows: BTreeMap<NativeId, Row>,
    stage: Stage,
    restarted: bool,
    pages: u32,
    /// Pages of the present part of the round.
    part: u32,
}

/// What a reply asks of the caller.
pub(super) enum News {
    Nothing,
    /// The default list was found.
    List(String),
}

impl Walk {
    fn new(collection: Collection, is_delta: bool, fresh: bool, stage: Stage) -> Self {
        let rows = BTreeMap::new();
        Self { collection, is_delta, fresh, rows, stage, restarted: false, pages: 0, part: 0 }
    }

    /// Goes on from a cursor.
    pub(super) fn resumed(collection: Collection, link: String) -> Self {
        Self::new(collection, true, false, Stage::Page(link))
    }

    /// Starts without a cursor.
    pub(super) fn first(collection: Collection, url: String) -> Self {
        Self::new(collection, true, true, Stage::Page(url))
    }

    /// Starts the tasks of a mailbox whose default list is not known yet.
    pub(super) fn first_by_lists(paths: &Paths) -> Self {
        Self::new(Collection::Tasks, true, true, Stage::Lists(paths.lists()))
    }

    /// Lists changed events outside the window.
    pub(super) fn outside(url: String) -> Self {
        Self::new(Collection::Calendar, false, false, Stage::Page(url))
    }

    /// Returns the next request; nothing when the round ended.
    pub(super) fn request(&self) -> Option<Inner> {
        match &self.stage {
            Stage::Lists(url) | Stage::Page(url) => Some(Inner::page(url.clone())),
            Stage::Done(_) => None,
        }
    }

    /// Returns the delta link of a round that ended.
    pub(super) fn delta_link(&self) -> Option<&str> {
        if let Stage::Done(Some(link)) = &self.stage { Some(link) } else { None }
    }

    /// Tells whether the round went on from its cursor and had nothing to tell.
    pub(super) fn is_silent(&self) -> bool {
        self.rows.is_empty() && !self.fresh
    }

    /// Starts again from nothing, once: a service that keeps refusing its own tokens is not
    /// asked forever.
    pub(super) fn restart(&mut self, first: Self) -> Result<(), SideError> {
        if self.restarted {
            return Err(SideError::TokenExpired);
        }
        *self = Self { restarted: true, pages: self.pages, ..first };
        Ok(())
    }

    /// Tells whether a reply means that the round must start again.
    pub(super) fn is_void(&self, reply: &InnerReply<Option<Page>>) -> bool {
        let code = reply.body.code();
        self.is_delta
            && (errors::is_token_gone(reply.status, &code) || self.is_list_gone(reply, &code))
    }

    fn is_list_gone(&self, reply: &InnerReply<Option<Page>>, code: &str) -> bool {
        self.collection == Collection::Tasks && errors::is_item_gone(reply.status, code)
    }

    /// Takes one page in.
    pub(super) fn take(
        &mut self,
        reply: InnerReply<Option<Page>>,
        root: &str,
        paths: &Paths,
    ) -> Result<News, SideError> {
        if reply.status != 200 {
            return Err(errors::refused_read(reply.status, &reply.body));
        }
        self.pages += 1;
        self.part += 1;
        if self.pages > PAGES_MAX {
            return Err(SideError::TooLarge { reason: format!("more than {PAGES_MAX} pages") });
        }
        let page = reply.body.ok_or_else(lists::no_page)?;
        let next = page.next.as_deref().map(|link| relative(root, link)).transpose()?;
        if matches!(self.stage, Stage::Lists(_)) {
            return self.take_lists(&page, next, paths);
        }
        for row in page.value {
            self.take_row(row)?;
        }
        self.stage = match (next, page.delta) {
            (Some(next), _) => self.follow(next)?,
            // What changes while its pages are read may be left out of a round from the start; an
            // item that is not seen would be made a second time. One page is read at one moment.
            (None, Some(link)) if self.fresh && self.part > 1 => {
                self.part = 0;
                Stage::Page(relative(root, &link)?)
            }
            (None, Some(link)) => Stage::Done(Some(relative(root, &link)?)),
            (None, None) if !self.is_delta => Stage::Done(None),
            (None, None) => {
                let reason = "a delta page with neither nextLink nor deltaLink".to_owned();
                return Err(SideError::Unreadable { reason });
            }
        };
        Ok(News::Nothing)
    }

    fn take_lists(
        &mut self,
        page: &Page,
        next: Option<String>,
        paths: &Paths,
    ) -> Result<News, SideError> {
        self.part = 0;
        if let Some(list) = lists::default_of(page) {
            self.stage = Stage::Page(paths.tasks_delta(&list));
            return Ok(News::List(list));
        }
        self.stage = Stage::Lists(next.ok_or_else(lists::no_default)?);
        Ok(News::Nothing)
    }

    /// A page that names itself as the next one would never end.
    fn follow(&self, next: String) -> Result<Stage, SideError> {
        if let Stage::Page(this) = &self.stage
            && *this == next
        {
            let reason = "a page that names itself as the next one".to_owned();
            return Err(SideError::TooLarge { reason });
        }
        Ok(Stage::Page(next))
    }

    fn take_row(&mut self, row: Json) -> Result<(), SideError> {
        let text = |name: &str| row.get(name).and_then(Json::as_str).filter(|t| !t.is_empty());
        let Some(id) = text("id").map(NativeId::new) else {
            return Err(SideError::Unreadable { reason: "a row without an id".to_owned() });
        };
        if row.get("@removed").is_some() {
            self.rows.insert(id, Row::Removed);
            return Ok(());
        }
        // Neither an occurrence nor the row of a master shows the whole series.
        let master = (text("type") == Some("seriesMaster")).then(|| id.clone());
        if let Some(series) = master.or_else(|| text("seriesMasterId").map(NativeId::new)) {
            let row = self.rows.entry(series).or_insert(Row::PartOfSeries);
            if matches!(row, Row::Removed) {
                *row = Row::PartOfSeries;
            }
            return Ok(());
        }
        if let Some(seen) = map::observe(self.collection, row) {
            self.rows.insert(id, Row::Seen(Box::new(seen)));
        }
        Ok(())
    }
}
