//! The port of a far side. Dynamics and Exchange implement the same trait.

use std::collections::HashMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::error::{PullError, SideError};
use super::inquiry::FilterAnswer;
use super::rest::{KnownItems, SideRest};
use crate::domain::category::MasterList;
use crate::domain::file::{FileEntry, NewFile};
use crate::domain::filter::{FilterTally, FilterTemplate};
use crate::domain::ids::{Address, GlobalId, LinkId, NativeId, Version};
use crate::domain::kind::{Collection, Kind};
use crate::domain::observation::Observation;
use crate::domain::party::{Made, NewPerson, PartyCandidate};
use crate::domain::plan::{Outcome, Step};
use crate::domain::policy::Mailbox;

/// Where reading goes on next time: one cursor for one collection of Exchange.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The collection.
    pub collection: Collection,
    /// Opaque to all but the adapter (a delta link).
    pub token: String,
    /// When the cursor was saved: an old one is renewed even if nothing changed.
    pub saved: DateTime<Utc>,
    /// End of the frozen calendar window (architecture §4); `None` for other collections.
    pub window_end: Option<DateTime<Utc>>,
}

/// An item that the store knows, with the version last seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its kind.
    pub kind: Kind,
    /// Its id on the side that is asked.
    pub id: NativeId,
    /// The version last seen there.
    pub version: Option<Version>,
    /// The feed of this side should mention or return it. False for a row that no filter returned
    /// when it was last seen, and for an event outside the delta's window.
    pub expected: bool,
}

/// What a pull is asked.
#[derive(Clone)]
pub struct PullAsk<'a> {
    /// For whom.
    pub mailbox: &'a Mailbox,
    /// The cursors of the last commit.
    pub cursors: &'a [Cursor],
    /// The items that the store knows on this side.
    pub known: &'a dyn KnownItems,
    /// What the last pull left behind, when nothing that is known changed since.
    pub rest: Option<&'a SideRest>,
    /// The list of categories is looked at however fresh the last look is, and that look counts for
    /// no other pull.
    pub look: bool,
    /// The instant of the cycle.
    pub now: DateTime<Utc>,
    /// The calendar window of a fresh round: start and end.
    pub window: (DateTime<Utc>, DateTime<Utc>),
}

/// What a pull brought.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pulled {
    /// New and changed items, complete but for Exchange markers (see `FarSide::fetch`).
    pub observations: Vec<Observation>,
    /// Known items that the feed or the filters no longer return. A hint, never a proof: the
    /// cycle fetches each of them.
    pub missing: Vec<(Kind, NativeId)>,
    /// The next cursors; replaced as a whole.
    pub cursors: Vec<Cursor>,
    /// How many filters decide what the mailbox's user gets; told when he has none of his own or
    /// none is active, and only with a pull that went the whole way.
    pub filters: Option<FilterTally>,
    /// The feed had something to tell, if only echoes of known versions: the next cursors spare
    /// the next pull from hearing it again.
    pub advanced: bool,
    /// Collections that were read from the start (first round, 410, renewed window).
    pub resynced: Vec<Collection>,
    /// The mailbox's list of categories, when it was looked at (LINK-07).
    pub masters: Option<MasterList>,
    /// The rest of last time knows this list already.
    pub masters_known: bool,
    /// There was no news, and this will help the next pull to find out the same.
    pub rest: Option<SideRest>,
}

impl Pulled {
    /// Tells whether the feed said anything at all, or had to start over: the cursors must be
    /// stored.
    #[must_use]
    pub fn is_news(&self) -> bool {
        self.advanced
            || !self.observations.is_empty()
            || !self.missing.is_empty()
            || !self.resynced.is_empty()
    }
}

/// A key by which an item may be found on a side when its id there is not known.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum FindKey {
    /// By the marker of a link: did a create whose answer was lost happen?
    Marker(LinkId, Kind),
    /// By the id of the row that is made of an item of this kind: was it made before (docs/adr/0023)? Mostly
    /// it was not.
    Made(LinkId, Kind),
    /// By the identity of a meeting.
    Uid(GlobalId),
}

/// Where a key leads.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    /// To this item.
    Item(Box<Observation>),
    /// Nowhere, as far as the side can say.
    Nothing,
    /// The search was cut off at its bound. It goes on when the same key is asked for again;
    /// until then nothing may follow from it.
    Unfinished,
}

impl Found {
    /// Returns the item that was found.
    #[must_use]
    pub fn item(self) -> Option<Observation> {
        match self {
            Self::Item(seen) => Some(*seen),
            Self::Nothing | Self::Unfinished => None,
        }
    }
}

impl From<Option<Observation>> for Found {
    fn from(found: Option<Observation>) -> Self {
        found.map_or(Self::Nothing, |seen| Self::Item(Box::new(seen)))
    }
}

/// One far side, for all mailboxes of one tenant.
///
/// All methods honour budgets and `Retry-After` by themselves and classify errors. None of them
/// repeats a create.
#[async_trait]
pub trait FarSide: Send + Sync {
    /// Returns what changed since the cursors and known versions, with one HTTP request when
    /// nothing changed.
    async fn pull(&self, ask: PullAsk<'_>) -> Result<Pulled, PullError>;

    /// Returns the present state of each item, in the order asked, with a proven presence
    /// (`Deleted` only after a probe by id). Exchange items come with their marker.
    async fn fetch(
        &self,
        mailbox: &Mailbox,
        items: &[(Kind, NativeId)],
    ) -> Result<Vec<Observation>, SideError>;

    /// Returns where each key leads, in the order asked.
    async fn find(&self, mailbox: &Mailbox, keys: &[FindKey]) -> Result<Vec<Found>, SideError>;

    /// Returns every item of the synchronized collections that carries a marker, whatever the feeds
    /// name. Dynamics returns none: the markers name its rows.
    async fn marked(&self, mailbox: &Mailbox) -> Result<Vec<Observation>, SideError>;

    /// Returns what each active filter of the mailbox's user says of a row. `None`: this side knows
    /// no filters. For an operator's question; a cycle pulls.
    async fn filters(
        &self,
        _mailbox: &Mailbox,
        _kind: Kind,
        _row: &NativeId,
    ) -> Result<Option<Vec<FilterAnswer>>, SideError> {
        Ok(None)
    }

    /// Returns how many filters decide what the mailbox's user gets. `None`: this side knows no filters.
    async fn filter_tally(&self, _mailbox: &Mailbox) -> Result<Option<FilterTally>, SideError> {
        Ok(None)
    }

    /// Returns the organization's filter templates (FILT-11).
    async fn filter_templates(&self, _mailbox: &Mailbox) -> Result<Vec<FilterTemplate>, SideError> {
        Ok(Vec::new())
    }

    /// Makes filters of these templates for the mailbox's user, with his own rights. A repeat makes
    /// no second ones.
    async fn instantiate_filters(
        &self,
        _mailbox: &Mailbox,
        _templates: &[Uuid],
    ) -> Result<(), SideError> {
        Ok(())
    }

    /// Returns items whose subject, title or name holds a text, as the mailbox's user sees them, at
    /// most `most` of each kind. For an operator's question. A side that cannot search finds none.
    async fn search(
        &self,
        _mailbox: &Mailbox,
        _text: &str,
        _most: usize,
    ) -> Result<Vec<(Kind, NativeId)>, SideError> {
        Ok(Vec::new())
    }

    /// Performs the steps, all of them on this side, and returns one outcome for each, in order.
    /// Never fails as a whole: what could not be sent is `NotSent`, what got no answer `Unknown`.
    async fn apply(&self, mailbox: &Mailbox, steps: &[Step]) -> Vec<Outcome>;

    /// Makes a row of each person, as the mailbox's user, under its own guid; one that is there already
    /// stays as it is (RES-03). Returns what came of each, in order. Exchange makes none.
    async fn make_people(&self, _mailbox: &Mailbox, people: &[NewPerson]) -> Vec<Made> {
        vec![Made::Refused; people.len()]
    }

    /// Makes an entry in the mailbox's list of categories and returns its id; nothing when the
    /// application may not (LINK-07). A side without such a list makes none.
    async fn make_category(
        &self,
        _mailbox: &Mailbox,
        _name: &str,
    ) -> Result<Option<NativeId>, SideError> {
        Ok(None)
    }

    /// Tells whether an item carries this entry of the list of categories, as far as the application may
    /// see; nothing when there is no such entry.
    async fn category_in_use(
        &self,
        _mailbox: &Mailbox,
        _id: &NativeId,
    ) -> Result<Option<bool>, SideError> {
        Ok(None)
    }

    /// Removes an entry from the list of categories.
    async fn remove_category(&self, _mailbox: &Mailbox, _id: &NativeId) -> Result<(), SideError> {
        Ok(())
    }

    /// Returns the account of each name that exactly one active account bears, as the mailbox's
    /// user may see it (CONT-08). Exchange has none.
    async fn accounts(
        &self,
        _mailbox: &Mailbox,
        _names: &[String],
    ) -> Result<HashMap<String, Uuid>, SideError> {
        Ok(HashMap::new())
    }

    /// Returns the files that hang on each appointment, in the order asked; `None` for one that is
    /// not there or out of reach (ATT-02).
    async fn files(
        &self,
        _mailbox: &Mailbox,
        items: &[NativeId],
    ) -> Result<Vec<Option<Vec<FileEntry>>>, SideError> {
        Ok(vec![None; items.len()])
    }

    /// Returns the content of a file.
    async fn read_file(
        &self,
        _mailbox: &Mailbox,
        _item: &NativeId,
        _file: &NativeId,
    ) -> Result<Vec<u8>, SideError> {
        Err(SideError::Unreadable { reason: "this side has no files".to_owned() })
    }

    /// Hangs a file on an appointment, under its key where the side takes one. Mails nobody
    /// (protocols A10).
    async fn add_file(&self, _mailbox: &Mailbox, _item: &NativeId, _file: &NewFile) -> Outcome {
        Outcome::NotSent
    }

    /// Takes a file off an appointment.
    async fn remove_file(&self, _mailbox: &Mailbox, _item: &NativeId, _file: &NativeId) -> Outcome {
        Outcome::NotSent
    }

    /// Marks an appointment whose files could not all be carried, or takes the mark off (ATT-05).
    async fn mark_file_errors(&self, _mailbox: &Mailbox, _item: &NativeId, _failed: bool) {}

    /// Returns the rows behind addresses (RES-01, RES-02). Exchange returns none.
    async fn candidates(
        &self,
        mailbox: &Mailbox,
        addresses: &[Address],
    ) -> Result<Vec<PartyCandidate>, SideError>;
}
