//! The master list of categories: looked at now and then, and what items carry of it (LINK-07).
//!
//! A pull takes the look along in its first batch, so a quiet cycle stays one request. What follows
//! from the list the engine says (`engine/category.rs`). Without the permission (403) the list is
//! never asked for less often: it may be granted at any time. Absent: colours after the entry was made.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::Ordering;
use std::sync::{MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value as Json, json};

use super::GraphSide;
use super::batch::{Inner, InnerReply};
use super::client::Answer;
use super::errors;
use super::lists::no_page;
use super::url::{Paths, literal, option, relative};
use super::wire::{OutlookCategory, Page};
use crate::domain::category::{Category, MasterCategory, MasterList};
use crate::domain::code::Code;
use crate::domain::ids::{Address, NativeId};
use crate::domain::kind::Collection;
use crate::domain::observation::{Facts, Observation};
use crate::domain::policy::Mailbox;
use crate::ports::error::SideError;
use crate::ports::side::PullAsk;

/// The least time between two looks of one mailbox: an entry that was deleted is to be there again
/// within 15 minutes (LINK-07), also when one look fails.
const LOOK_AGE: TimeDelta = TimeDelta::minutes(5);

/// Pages of a master list that are read; a person has some dozens of categories.
const PAGES_MAX: usize = 20;

/// The colour of the entry when Lockstep makes it: green, as Outlook shows `preset4`.
const COLOR: &str = "preset4";

/// The look of one pull.
#[derive(Default)]
pub(super) struct Look {
    due: bool,
    /// What it showed.
    pub(super) list: Option<MasterList>,
}

impl Look {
    /// Returns its request, once.
    pub(super) fn request(&mut self, paths: &Paths) -> Option<Inner> {
        std::mem::take(&mut self.due).then(|| Inner::page(paths.master_categories()))
    }
}

/// An answer that may be a page.
type Reply = Result<InnerReply<Option<Page>>, SideError>;

impl GraphSide {
    fn looked_at(&self) -> MutexGuard<'_, HashMap<Address, DateTime<Utc>>> {
        self.looked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the look that this pull takes along.
    pub(super) fn due_look(&self, ask: &PullAsk<'_>) -> Look {
        let looked = self.looked_at();
        let last = looked.get(&ask.mailbox.address);
        // A clock that was put back looks at once.
        let fresh = |at: &DateTime<Utc>| *at <= ask.now && ask.now - *at < LOOK_AGE;
        let category = &ask.mailbox.personal.category;
        // The list alone knows the new name, and a row may ask for it in any cycle.
        let asked = ask.look || category.is_renamed() || !last.is_some_and(fresh);
        let due = category.is_watched() && asked;
        Look { due, list: None }
    }

    /// Takes the answer in. A list that cannot be read now says nothing, and ends no pull.
    pub(super) async fn take_look(&self, ask: &PullAsk<'_>, look: &mut Look, reply: Option<Reply>) {
        let Some(reply) = reply else { return };
        let address = &ask.mailbox.address;
        if !ask.look {
            self.looked_at().insert(address.clone(), ask.now);
        }
        match self.master_list(address, reply).await {
            Ok(list) => look.list = Some(list),
            Err(error) => {
                tracing::warn!(lockstep.mailbox = %ask.mailbox.key.mailbox, %error,
                    "the list of categories cannot be read");
            }
        }
    }

    /// Looks now, whatever was looked at before.
    pub(super) async fn look_again(&self, ask: &PullAsk<'_>, look: &mut Look) {
        let address = &ask.mailbox.address;
        let request = Inner::page(Paths::new(address).master_categories());
        let reply = match self.client.read_each(address, &[request]).await {
            Ok(mut replies) => replies.pop(),
            Err(error) => Some(Err(error)),
        };
        self.take_look(ask, look, reply).await;
    }

    async fn master_list(&self, mailbox: &Address, reply: Reply) -> Result<MasterList, SideError> {
        let reply = reply?;
        if reply.status == 403 {
            self.tell_denied();
            return Ok(MasterList::Denied);
        }
        if reply.status != 200 {
            return Err(errors::refused_read(reply.status, &reply.body));
        }
        let mut page = reply.body.ok_or_else(no_page)?;
        let mut entries = Vec::new();
        for _ in 0..PAGES_MAX {
            entries.extend(page.value.drain(..).filter_map(entry));
            let Some(link) = page.next.take() else { return Ok(MasterList::Entries(entries)) };
            page = self.page(mailbox, relative(&self.root, &link)?).await?;
        }
        Err(SideError::TooLarge { reason: format!("more than {PAGES_MAX} pages of categories") })
    }

    /// Makes an entry; nothing when the application may not.
    pub(super) async fn make_entry(
        &self,
        mailbox: &Address,
        name: &str,
    ) -> Result<Option<NativeId>, SideError> {
        let mut body = Map::new();
        body.insert("displayName".into(), json!(name));
        body.insert("color".into(), json!(COLOR));
        let request = Inner::post(Paths::new(mailbox).master_categories(), body);
        let reply = self.write_entry(mailbox, request).await?;
        Ok(reply.and_then(entry).map(|entry| entry.id))
    }

    /// Removes an entry; one that is gone already is as good.
    pub(super) async fn remove_entry(
        &self,
        mailbox: &Address,
        id: &NativeId,
    ) -> Result<(), SideError> {
        let request = Inner::delete(Paths::new(mailbox).master_category(id.as_str()));
        self.write_entry(mailbox, request).await.map(|_| ())
    }

    /// Writes to the list and returns the body of the answer; nothing when the application may not.
    async fn write_entry(
        &self,
        mailbox: &Address,
        request: Inner,
    ) -> Result<Option<Json>, SideError> {
        // Whatever comes of it, the next pull looks.
        self.looked_at().remove(mailbox);
        match self.client.write(mailbox, &[request]).await.pop() {
            Some(Answer::Reply(reply)) if (200..300).contains(&reply.status) => {
                Ok(Some(reply.body))
            }
            Some(Answer::Reply(reply)) if reply.status == 403 => {
                self.tell_denied();
                Ok(None)
            }
            Some(Answer::Reply(reply))
                if errors::is_item_gone(reply.status, &errors::code_of(&reply.body)) =>
            {
                Ok(None)
            }
            Some(Answer::Reply(reply)) => Err(errors::refused_read(reply.status, &reply.body)),
            Some(Answer::NotSent | Answer::Lost) | None => {
                Err(SideError::Unreachable { reason: "no answer to a write".to_owned() })
            }
        }
    }

    /// Tells whether an item of the main calendar, the contacts or a to-do list carries the entry's
    /// name; nothing when the entry is not in the list.
    pub(super) async fn entry_in_use(
        &self,
        mailbox: &Address,
        id: &NativeId,
    ) -> Result<Option<bool>, SideError> {
        let paths = Paths::new(mailbox);
        let list = [Inner::page(paths.master_categories())];
        let reply = self.client.read_each(mailbox, &list).await?.pop().ok_or_else(no_page)?;
        let MasterList::Entries(entries) = self.master_list(mailbox, reply).await? else {
            return Ok(None);
        };
        let Some(entry) = entries.into_iter().find(|entry| entry.id == *id) else {
            return Ok(None);
        };
        let default = self.default_list(mailbox).await?;
        let mut items = vec![
            paths.items(Collection::Calendar, &default),
            paths.items(Collection::Contacts, &default),
            paths.items(Collection::Tasks, &default),
        ];
        let others = self.other_lists(mailbox).await?;
        items.extend(others.iter().map(|list| paths.items(Collection::Tasks, list)));
        let filter = option(&format!("categories/any(c:c eq {})", literal(&entry.name)));
        let requests: Vec<Inner> = items
            .into_iter()
            .map(|items| Inner::get(format!("{items}?$filter={filter}&$top=1")))
            .collect();
        for reply in self.client.read::<Option<Page>>(mailbox, &requests).await? {
            if reply.status != 200 {
                return Err(errors::refused_read(reply.status, &reply.body));
            }
            if !reply.body.ok_or_else(no_page)?.value.is_empty() {
                return Ok(Some(true));
            }
        }
        Ok(Some(false))
    }

    /// Tells once for all mailboxes that the permission is missing.
    fn tell_denied(&self) {
        if !self.denied.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                lockstep.code = Code::CategoryByName.as_str(),
                "the lists of categories are closed to the application: \
                 grant MailboxSettings.ReadWrite, or the category is known by its name alone"
            );
        }
    }
}

/// Returns the digest by which a pull at rest knows a list again.
pub(super) fn digest(list: &MasterList) -> [u8; 8] {
    let mut hasher = DefaultHasher::new();
    list.hash(&mut hasher);
    hasher.finish().to_le_bytes()
}

/// Says of an item whether the category tracks it, and takes the names off (LINK-02).
pub(super) fn recognise(category: &Category, seen: &mut Observation) {
    if let Facts::Exchange(facts) = &mut seen.facts {
        let names = std::mem::take(&mut facts.categories);
        facts.tracked |= names.iter().any(|name| category.counts(name));
    }
}

/// The same of all items that were read for a mailbox.
pub(super) fn recognised(mailbox: &Mailbox, mut seen: Vec<Observation>) -> Vec<Observation> {
    seen.iter_mut().for_each(|one| recognise(&mailbox.personal.category, one));
    seen
}

/// Tells whether one of an item's categories is the tracking one.
pub(super) fn is_tracked(category: &Category, seen: &Observation) -> bool {
    names(seen).iter().any(|name| category.counts(name))
}

/// Tells whether an item has categories, none of them known as the tracking one: it may have been
/// renamed a moment ago.
pub(super) fn is_doubtful(category: &Category, seen: &Observation) -> bool {
    !names(seen).is_empty() && !is_tracked(category, seen)
}

fn names(seen: &Observation) -> &[String] {
    if let Facts::Exchange(facts) = &seen.facts { &facts.categories } else { &[] }
}

fn entry(row: Json) -> Option<MasterCategory> {
    let read: OutlookCategory = serde_json::from_value(row).ok()?;
    let whole = !read.id.is_empty() && !read.display_name.is_empty();
    whole.then(|| MasterCategory { id: NativeId::new(read.id), name: read.display_name })
}
