//! Contact folders: which one is the default folder, and which contacts lie elsewhere (LINK-04,
//! CXL-12).
//!
//! By its immutable id a contact is found in every folder of the mailbox (outlook-immutable-id);
//! `parentFolderId` says in which. Ids of folders are constant. Absent: the folder tree.

use std::collections::HashMap;
use std::sync::{Arc, MutexGuard, PoisonError};

use serde_json::Value as Json;

use super::GraphSide;
use super::batch::{Inner, InnerReply};
use super::errors;
use super::url::Paths;
use crate::domain::ids::Address;
use crate::ports::error::SideError;

impl GraphSide {
    fn folders_cache(&self) -> MutexGuard<'_, HashMap<Address, Arc<str>>> {
        self.folders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the default contact folder when it is known already.
    pub(super) fn known_folder(&self, mailbox: &Address) -> Option<Arc<str>> {
        self.folders_cache().get(mailbox).cloned()
    }

    /// Takes in the answer to `ask_folder`.
    pub(super) fn keep_folder(
        &self,
        mailbox: &Address,
        reply: Option<InnerReply>,
    ) -> Result<Arc<str>, SideError> {
        let nameless = || SideError::Unreadable {
            reason: "GET /users/{id}/contactFolders/contacts: a folder without an id".to_owned(),
        };
        let reply = reply.ok_or_else(nameless)?;
        if reply.status != 200 {
            return Err(errors::refused_read(reply.status, &reply.body));
        }
        let id = reply.body.get("id").and_then(Json::as_str).filter(|id| !id.is_empty());
        let id: Arc<str> = Arc::from(id.ok_or_else(nameless)?);
        self.folders_cache().insert(mailbox.clone(), Arc::clone(&id));
        Ok(id)
    }
}

/// Asks for the default contact folder.
pub(super) fn ask_folder(paths: &Paths) -> Inner {
    Inner::get(paths.contact_folder())
}

/// Tells whether a contact lies in another folder than this one.
pub(super) fn is_elsewhere(contact: &Json, home: &str) -> bool {
    contact.get("parentFolderId").and_then(Json::as_str).is_some_and(|folder| folder != home)
}
