//! How many filters a user has, the organization's templates, and the action `InstantiateFilters` that
//! makes filters of them (protocols B8; webapi/reference/instantiatefilters). All of it as the user
//! himself: nobody needs `prvAdminFilter`, and nobody else's filters can be touched.

use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::DataverseSide;
use super::batch::Part;
use super::errors;
use super::filters::{self, Filter};
use super::map::read::guid;
use super::wire::{encode, json};
use crate::domain::filter::{FilterTally, FilterTemplate};
use crate::domain::kind::Kind;
use crate::domain::policy::Mailbox;
use crate::http::CallError;
use crate::ports::error::SideError;

/// `querytype` OutlookTemplate (FILT-11).
const OUTLOOK_TEMPLATE: u32 = 131_072;

impl DataverseSide {
    /// Returns what the last sweep learned of a user's filters, when he has none of his own or none
    /// is active.
    pub(super) fn remembered_tally(&self, mailbox: &Mailbox) -> Option<FilterTally> {
        let remembered = self.filters.remembered(&mailbox.key)?;
        let tells = remembered.rows == 0 || remembered.filters.is_empty();
        tells.then(|| tally(remembered.rows, &remembered.filters))
    }

    /// Asks for the filters of a user and of the organization.
    pub(super) async fn ask_tally(&self, mailbox: &Mailbox) -> Result<FilterTally, SideError> {
        let asked = [filters::of_user(mailbox.user), filters::of_system()];
        let replies = self.wire.read(Some(mailbox.object_id), &asked).await?;
        let (own, mut active) = filters::read(&replies[0])?;
        active.extend(filters::read(&replies[1])?.1);
        Ok(tally(own, &active))
    }

    /// Returns the organization's templates, as the user sees them.
    pub(super) async fn ask_templates(
        &self,
        mailbox: &Mailbox,
    ) -> Result<Vec<FilterTemplate>, SideError> {
        let filter = encode(&format!("querytype eq {OUTLOOK_TEMPLATE}"));
        let select = "savedqueryid,returnedtypecode,isdefault,statecode";
        let part = Part::get(format!("savedqueries?$select={select}&$filter={filter}"));
        let replies = self.wire.read(Some(mailbox.object_id), &[part]).await?;
        if !replies[0].is_success() {
            return Err(errors::into_side_error(&replies[0]));
        }
        let page = json(&replies[0])?;
        let rows = page.get("value").and_then(Json::as_array);
        let rows =
            rows.ok_or_else(|| SideError::Unreadable { reason: "templates: no list".into() })?;
        Ok(rows.iter().filter_map(template).collect())
    }

    /// Makes filters of templates. The service refreshes a filter that it made of the same template
    /// before, so that a repeat after a lost answer makes no second one.
    pub(super) async fn make_filters(
        &self,
        mailbox: &Mailbox,
        templates: &[Uuid],
    ) -> Result<(), SideError> {
        let kind = "Microsoft.Dynamics.CRM.savedquery";
        let one = |id: &Uuid| json!({ "@odata.type": kind, "savedqueryid": id });
        let list: Vec<Json> = templates.iter().map(one).collect();
        let action = "Microsoft.Dynamics.CRM.InstantiateFilters";
        let part = Part {
            method: "POST",
            path: format!("systemusers({})/{action}", mailbox.user),
            headers: Vec::new(),
            body: Some(json!({ "TemplateCollection": list }).to_string()),
        };
        let replies = self.wire.write(Some(mailbox.object_id), &[part]).await;
        let replies = replies.map_err(CallError::into_side)?;
        if replies[0].is_success() { Ok(()) } else { Err(errors::into_side_error(&replies[0])) }
    }
}

fn tally(own: usize, active: &[Filter]) -> FilterTally {
    let mut tally = FilterTally { own, ..FilterTally::default() };
    for filter in active {
        *tally.active.entry(filter.kind).or_default() += 1;
    }
    tally
}

fn template(row: &Json) -> Option<FilterTemplate> {
    let table = row.get("returnedtypecode").and_then(Json::as_str);
    Some(FilterTemplate {
        id: guid(row, "savedqueryid")?,
        kind: table.and_then(Kind::from_table),
        default: row.get("isdefault").and_then(Json::as_bool) == Some(true),
        active: row.get("statecode").and_then(Json::as_i64) == Some(0),
    })
}
