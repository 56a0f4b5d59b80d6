//! Items by id: the proof of what they hold, or that they are gone.

use super::GraphSide;
use super::batch::{Inner, InnerReply};
use super::errors;
use super::folders::{ask_folder, is_elsewhere};
use super::map;
use super::url::Paths;
use crate::domain::code::Code;
use crate::domain::ids::{Address, NativeId};
use crate::domain::kind::{Collection, Kind};
use crate::domain::observation::{Observation, Presence};
use crate::ports::error::SideError;

/// What a read by id showed.
pub(super) enum Read {
    /// The item.
    There(Box<Observation>),
    /// The id leads nowhere.
    Gone,
    /// The service cannot answer for this one item.
    Unreadable,
}

impl Read {
    /// Returns the item, if it is there and can be read.
    pub(super) fn there(self) -> Option<Observation> {
        match self {
            Self::There(seen) => Some(*seen),
            Self::Gone | Self::Unreadable => None,
        }
    }

    /// Returns what is observed of an item that was asked for.
    pub(super) fn observed(self, collection: Collection, id: &NativeId) -> Observation {
        let blank = || map::blank(collection, id.clone());
        match self {
            Self::There(seen) => *seen,
            Self::Gone => Observation { presence: Presence::Deleted, ..blank() },
            Self::Unreadable => Observation { unfit: Some(Code::ItemUnreadable), ..blank() },
        }
    }
}

/// Reads the answer to a read by id. A refusal that speaks of the mailbox is an error, unless the
/// mailbox just answered for another item (`beside`); any other one concerns the item alone.
pub(super) fn read_one(
    collection: Collection,
    reply: Option<InnerReply>,
    beside: bool,
) -> Result<Read, SideError> {
    let Some(reply) = reply else { return Ok(Read::Unreadable) };
    let (status, code) = (reply.status, errors::code_of(&reply.body));
    if status == 200 {
        let seen = map::observe(collection, reply.body);
        return Ok(seen.map_or(Read::Unreadable, |seen| Read::There(Box::new(seen))));
    }
    if errors::is_item_gone(status, &code) {
        return Ok(Read::Gone);
    }
    if errors::is_mailbox_gone(status, &code) && !beside {
        return Err(errors::refused_read(status, &reply.body));
    }
    tracing::warn!(status, code, "an item cannot be read");
    Ok(Read::Unreadable)
}

/// Reads the answer to a read by id; a contact in another folder than `home` was moved away.
fn read_at_home(
    collection: Collection,
    reply: Option<InnerReply>,
    home: Option<&str>,
    beside: bool,
) -> Result<Read, SideError> {
    let contact = reply.as_ref().filter(|_| collection == Collection::Contacts);
    let away = contact.zip(home).is_some_and(|(reply, home)| is_elsewhere(&reply.body, home));
    let mut read = read_one(collection, reply, beside)?;
    if let Read::There(seen) = &mut read
        && away
    {
        seen.presence = Presence::MovedAway;
    }
    Ok(read)
}

impl GraphSide {
    /// Returns each item as it stands, with its marker, in the order asked.
    pub(super) async fn fetch_items(
        &self,
        mailbox: &Address,
        items: &[(Kind, NativeId)],
    ) -> Result<Vec<Observation>, SideError> {
        let asked: Vec<(Collection, &NativeId)> =
            items.iter().map(|(kind, id)| (kind.collection(), id)).collect();
        let mut reads = self.read_by_id(mailbox, &asked).await?;
        // A task that is not there may mean that its list is not: that must not look like the
        // deletion of every task.
        let lost_task = asked.iter().zip(&reads).any(|((collection, _), read)| {
            *collection == Collection::Tasks && matches!(read, Read::Gone)
        });
        if lost_task && !self.list_is_there(mailbox).await? {
            self.drop_list(mailbox);
            reads = self.read_by_id(mailbox, &asked).await?;
        }
        let list = asked.into_iter().zip(reads);
        Ok(list.map(|((collection, id), read)| read.observed(collection, id)).collect())
    }

    /// Reads items by id with their markers.
    pub(super) async fn read_by_id(
        &self,
        mailbox: &Address,
        items: &[(Collection, &NativeId)],
    ) -> Result<Vec<Read>, SideError> {
        let tasks = items.iter().any(|(collection, _)| *collection == Collection::Tasks);
        let list = if tasks { Some(self.default_list(mailbox).await?) } else { None };
        let list = list.as_deref().unwrap_or("");
        let paths = Paths::new(mailbox);
        let mut requests: Vec<Inner> = items
            .iter()
            .map(|(collection, id)| Inner::get(paths.item_expanded(*collection, list, id.as_str())))
            .collect();
        let contacts = items.iter().any(|(collection, _)| *collection == Collection::Contacts);
        let known = self.known_folder(mailbox);
        if contacts && known.is_none() {
            requests.push(ask_folder(&paths));
        }
        let mut replies = self.client.read_items(mailbox, &requests).await?;
        let home = match known {
            None if contacts => Some(self.keep_folder(mailbox, replies.pop().flatten())?),
            known => known,
        };
        let beside = replies.iter().flatten().any(|reply| reply.status == 200);
        let mut reads = items
            .iter()
            .zip(replies)
            .map(|((collection, _), reply)| {
                read_at_home(*collection, reply, home.as_deref(), beside)
            })
            .collect::<Result<Vec<Read>, SideError>>()?;
        self.whole_series(mailbox, &mut reads).await?;
        Ok(reads)
    }

    async fn list_is_there(&self, mailbox: &Address) -> Result<bool, SideError> {
        let list = self.default_list(mailbox).await?;
        let url = Paths::new(mailbox).list(&list);
        let replies = self.client.read(mailbox, &[Inner::get(url)]).await?;
        match replies.first() {
            Some(reply) if reply.status == 200 => Ok(true),
            Some(reply) if errors::is_item_gone(reply.status, &errors::code_of(&reply.body)) => {
                Ok(false)
            }
            Some(reply) => Err(errors::refused_read(reply.status, &reply.body)),
            None => Ok(false),
        }
    }
}
