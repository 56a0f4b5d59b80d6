//! To Do lists: which one is the default list, and which others there are.

use std::collections::HashMap;
use std::sync::{Arc, MutexGuard, PoisonError};

use super::GraphSide;
use super::batch::Inner;
use super::errors;
use super::url::{Paths, relative};
use super::wire::{Page, TodoTaskList};
use crate::domain::ids::Address;
use crate::ports::error::SideError;

/// The well-known name of the list that is synchronized (rules.md §6 question 8).
const DEFAULT_LIST: &str = "defaultList";

/// Pages of lists that are read; a person has some dozens of lists, not thousands.
const LIST_PAGES_MAX: usize = 20;

/// Returns the default list among those of a page.
pub(super) fn default_of(page: &Page) -> Option<String> {
    lists_of(page).find(is_default).map(|list| list.id)
}

fn is_default(list: &TodoTaskList) -> bool {
    list.wellknown_list_name.as_deref() == Some(DEFAULT_LIST)
}

fn lists_of(page: &Page) -> impl Iterator<Item = TodoTaskList> + '_ {
    let read = page.value.iter().filter_map(|row| serde_json::from_value(row.clone()).ok());
    read.filter(|list: &TodoTaskList| !list.id.is_empty())
}

/// Returns the error for a mailbox without a default list.
pub(super) fn no_default() -> SideError {
    SideError::Unreadable { reason: "GET /users/{id}/todo/lists: no default list".to_owned() }
}

impl GraphSide {
    fn lists_cache(&self) -> MutexGuard<'_, HashMap<Address, Arc<str>>> {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the default list when it is known already.
    pub(super) fn known_list(&self, mailbox: &Address) -> Option<Arc<str>> {
        self.lists_cache().get(mailbox).cloned()
    }

    /// Remembers the default list.
    pub(super) fn keep_list(&self, mailbox: &Address, list: &str) -> Arc<str> {
        let list: Arc<str> = Arc::from(list);
        self.lists_cache().insert(mailbox.clone(), Arc::clone(&list));
        list
    }

    /// Forgets the default list, which turned out to be gone.
    pub(super) fn drop_list(&self, mailbox: &Address) {
        self.lists_cache().remove(mailbox);
    }

    /// Returns the default list, asking for it the first time.
    pub(super) async fn default_list(&self, mailbox: &Address) -> Result<Arc<str>, SideError> {
        if let Some(list) = self.known_list(mailbox) {
            return Ok(list);
        }
        let all = self.all_lists(mailbox).await?;
        let found = all.iter().find(|list| is_default(list)).ok_or_else(no_default)?;
        Ok(self.keep_list(mailbox, &found.id))
    }

    /// Returns the ids of all lists but the default one.
    pub(super) async fn other_lists(&self, mailbox: &Address) -> Result<Vec<String>, SideError> {
        let all = self.all_lists(mailbox).await?;
        Ok(all.into_iter().filter(|list| !is_default(list)).map(|list| list.id).collect())
    }

    async fn all_lists(&self, mailbox: &Address) -> Result<Vec<TodoTaskList>, SideError> {
        let mut all = Vec::new();
        let mut next = Some(Paths::new(mailbox).lists());
        for _ in 0..LIST_PAGES_MAX {
            let Some(url) = next.take() else { return Ok(all) };
            let page = self.page(mailbox, url).await?;
            all.extend(lists_of(&page));
            next = page.next.map(|link| relative(&self.root, &link)).transpose()?;
        }
        if next.is_none() {
            return Ok(all);
        }
        Err(SideError::TooLarge { reason: format!("more than {LIST_PAGES_MAX} pages of lists") })
    }

    /// Reads one page of a collection.
    pub(super) async fn page(&self, mailbox: &Address, url: String) -> Result<Page, SideError> {
        let replies = self.client.read::<Option<Page>>(mailbox, &[Inner::page(url)]).await?;
        let Some(reply) = replies.into_iter().next() else {
            return Err(SideError::Unreadable { reason: "an empty batch".to_owned() });
        };
        if reply.status != 200 {
            return Err(errors::refused_read(reply.status, &reply.body));
        }
        reply.body.ok_or_else(no_page)
    }
}

/// Returns the error for an answer that should be a page.
pub(super) fn no_page() -> SideError {
    SideError::Unreadable { reason: "an answer that is no page of a collection".to_owned() }
}
