//! The rows behind addresses (RES-01, RES-02), as the user may see them. Absent on purpose: the
//! choice among several.

use serde_json::Value as Json;
use tracing::warn;

use super::DataverseSide;
use super::batch::{Part, PartReply};
use super::errors;
use super::fetchxml;
use super::map::{party, read};
use super::wire::json;
use crate::domain::ids::Address;
use crate::domain::party::{PartyCandidate, PartyRow, PartyTable};
use crate::domain::policy::Mailbox;
use crate::ports::error::SideError;

/// Addresses in one query: three columns of 50 long addresses stay below the longest URL.
const ADDRESSES_PER_QUERY: usize = 50;

/// Where addresses stand in a table.
struct Book {
    table: PartyTable,
    key: &'static str,
    mails: &'static [&'static str],
    state: &'static str,
}

const THREE_MAILS: &[&str] = &["emailaddress1", "emailaddress2", "emailaddress3"];

const BOOKS: [Book; 5] = [
    Book {
        table: PartyTable::SystemUser,
        key: "systemuserid",
        mails: &["internalemailaddress"],
        state: "isdisabled",
    },
    Book { table: PartyTable::Contact, key: "contactid", mails: THREE_MAILS, state: "statecode" },
    Book { table: PartyTable::Lead, key: "leadid", mails: THREE_MAILS, state: "statecode" },
    Book { table: PartyTable::Account, key: "accountid", mails: THREE_MAILS, state: "statecode" },
    Book { table: PartyTable::Queue, key: "queueid", mails: &["emailaddress"], state: "statecode" },
];

impl DataverseSide {
    /// Returns the rows that carry one of the addresses. A table that the user may not read, or
    /// that is not installed, has none.
    pub(super) async fn candidates_of(
        &self,
        mailbox: &Mailbox,
        addresses: &[Address],
    ) -> Result<Vec<PartyCandidate>, SideError> {
        let mut asked = Vec::new();
        for chunk in addresses.chunks(ADDRESSES_PER_QUERY) {
            asked.extend(BOOKS.iter().map(|book| (book, chunk)));
        }
        let parts: Vec<Part> = asked.iter().map(|(book, chunk)| book.part(chunk)).collect();
        let replies = self.wire.read(Some(mailbox.object_id), &parts).await?;
        let mut candidates = Vec::new();
        for ((book, chunk), reply) in asked.into_iter().zip(&replies) {
            candidates.extend(book.take(chunk, reply)?);
        }
        Ok(candidates)
    }
}

impl Book {
    fn part(&self, addresses: &[Address]) -> Part {
        let (name, set) = party::names(self.table);
        let mut columns = vec![self.key, "createdon", self.state];
        columns.extend(self.mails);
        let values: Vec<&str> = addresses.iter().map(Address::as_str).collect();
        let query = fetchxml::rows_with(name, &columns, self.mails, &values);
        Part::get(format!("{set}?fetchXml={}", query.first()))
    }

    fn take(&self, asked: &[Address], reply: &PartReply) -> Result<Vec<PartyCandidate>, SideError> {
        if !reply.is_success() {
            if errors::spoils_all(reply) {
                return Err(errors::into_side_error(reply));
            }
            let (status, code) = (reply.status, errors::code(&reply.body));
            warn!(table = party::names(self.table).0, status, code, "no addresses from this table");
            return Ok(Vec::new());
        }
        let page = json(reply)?;
        let rows = page.get("value").and_then(Json::as_array);
        let rows =
            rows.ok_or_else(|| SideError::Unreadable { reason: "addresses: no list".into() })?;
        Ok(rows.iter().flat_map(|row| self.candidates(asked, row)).collect())
    }

    /// One row may carry several of the addresses.
    fn candidates(&self, asked: &[Address], row: &Json) -> Vec<PartyCandidate> {
        let Some(id) = read::guid(row, self.key) else { return Vec::new() };
        let active = match row.get(self.state) {
            Some(Json::Bool(disabled)) => !disabled,
            Some(state) => state.as_i64() == Some(0),
            None => false,
        };
        let created = row.get("createdon").and_then(Json::as_str).and_then(read::instant);
        let mut addresses: Vec<Address> = self
            .mails
            .iter()
            .filter_map(|mail| Address::parse(row.get(mail)?.as_str()?))
            .filter(|address| asked.contains(address))
            .collect();
        addresses.sort_unstable();
        addresses.dedup();
        let candidate = |address| PartyCandidate {
            address,
            row: PartyRow { table: self.table, id },
            active,
            // Without a time of creation a row counts as the youngest.
            created: created.map_or(i64::MAX, |time| time.timestamp()),
        };
        addresses.into_iter().map(candidate).collect()
    }
}
