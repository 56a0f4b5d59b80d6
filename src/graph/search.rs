//! Items whose subject, display name or title holds a text: an operator's question.
//!
//! `contains` is documented for the properties asked here. Absent: lists other than the default
//! one, and calendars other than the main one; neither is synchronized.

use serde_json::Value as Json;

use super::GraphSide;
use super::batch::{Inner, InnerReply};
use super::errors;
use super::lists::no_page;
use super::url::{Paths, literal, option};
use crate::domain::ids::{Address, NativeId};
use crate::domain::kind::{Collection, Kind};
use crate::ports::error::SideError;

impl GraphSide {
    /// Returns at most `most` items of each collection.
    pub(super) async fn search_items(
        &self,
        mailbox: &Address,
        text: &str,
        most: usize,
    ) -> Result<Vec<(Kind, NativeId)>, SideError> {
        let list = self.default_list(mailbox).await?;
        let paths = Paths::new(mailbox);
        let requests: Vec<Inner> = Collection::ALL
            .into_iter()
            .map(|collection| {
                let property = match collection {
                    Collection::Calendar => "subject",
                    Collection::Contacts => "displayName",
                    Collection::Tasks => "title",
                };
                let filter = option(&format!("contains({property},{})", literal(text)));
                let items = paths.items(collection, &list);
                Inner::get(format!("{items}?$filter={filter}&$top={most}"))
            })
            .collect();
        let replies: Vec<InnerReply> = self.client.read(mailbox, &requests).await?;
        let mut found = Vec::new();
        for (collection, reply) in Collection::ALL.into_iter().zip(replies) {
            if reply.status != 200 {
                return Err(errors::refused_read(reply.status, &reply.body));
            }
            let rows = reply.body.get("value").and_then(Json::as_array).ok_or_else(no_page)?;
            let ids = rows.iter().filter_map(|row| row.get("id")?.as_str().map(NativeId::new));
            found.extend(ids.take(most).map(|id| (collection.new_kind(), id)));
        }
        Ok(found)
    }
}
