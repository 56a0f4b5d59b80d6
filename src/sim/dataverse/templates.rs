//! Filter templates, and the action `InstantiateFilters`, bound to the user who gets the filters
//! (protocols.md B8; webapi/reference/instantiatefilters, offline-outlook-filters-templates).
//!
//! A template is a `savedquery` of the type 131072 or 8192; of it becomes a `userquery` of the type
//! 256 or 16 that names its template as `parentqueryid`. A second call refreshes that row. Microsoft's
//! own subscription makes the filters of new users by itself; absent: that, and `ResetUserFilters`.
//! The reference of the SDK's `TemplateCollection` names the types 256 and 16 for templates; protocols.md
//! and the page about templates, which explain the two pairs, are followed here.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::access::Caller;
use super::core::{Core, Moment};
use super::error::Refusal;
use super::schema::Table;
use super::store::Row;
use super::url::Target;
use super::value::Cell;
use crate::sim::wire::Response;

/// The segment by which the action is called.
pub(super) const ACTION: &str = "Microsoft.Dynamics.CRM.InstantiateFilters";

/// Which type of filter becomes of which type of template.
const MADE_OF: [(i64, i64); 2] = [(131_072, 256), (8_192, 16)];

/// The columns that a filter has from its template.
const COPIED: [&str; 4] = ["name", "fetchxml", "returnedtypecode", "description"];

impl Core {
    /// Adds a default template of the organization, under an id of its own series: a template more
    /// or less shifts no other id.
    pub(super) fn add_template(&mut self, number: usize, table: &str, fetchxml: &str) {
        let id = Uuid::from_u128(0x7e3a_0000_u128 << 96 | number as u128);
        let template = [
            ("name", Cell::text(&format!("My Outlook {table}"))),
            ("fetchxml", Cell::text(fetchxml)),
            ("returnedtypecode", Cell::text(table)),
            ("querytype", Cell::Int(MADE_OF[0].0)),
            ("isdefault", Cell::Bool(true)),
        ];
        self.seed("savedquery", id, self.app_user, &template);
    }

    /// Answers the action: all templates become filters of the user, or none does.
    pub(super) fn instantiate_filters(
        &mut self,
        at: Moment,
        target: &Target,
        user: Uuid,
        sent: &Map<String, Value>,
    ) -> Result<Response, Refusal> {
        target.allow(&[])?;
        let users = Self::table("systemusers")?;
        let queries = Self::table("userqueries")?;
        self.readable(at.caller, users, user)?;
        // One's own filters need the privilege to create saved views only; here the application alone
        // has prvAdminFilter.
        if !at.caller.all && at.caller.user != user {
            let (who, text) = (at.caller.user, "is missing prvAdminFilter privilege");
            return Err(Refusal::new(
                403,
                "0x80040220",
                format!("Principal user (Id={who}) {text}"),
            ));
        }
        let mut filters = Vec::new();
        for id in template_ids(sent)? {
            filters.push((id, self.filter_of(at, id)?));
        }
        let behind = at.caller.behind.or((at.caller.user != user).then_some(at.caller.user));
        let owner = Moment { caller: Caller { user, behind, all: false }, now: at.now };
        for (template, body) in filters {
            match self.made_of(queries, user, template) {
                Some(old) => self.update(owner, queries, old, &body)?,
                None => drop(self.create(owner, queries, None, &body)?),
            }
        }
        Ok(Response::empty(204))
    }

    /// Returns the columns of the filter that a template becomes.
    fn filter_of(&self, at: Moment, id: Uuid) -> Result<Map<String, Value>, Refusal> {
        let templates = Self::table("savedqueries")?;
        let template = self.readable(at.caller, templates, id)?;
        let kind = template.named(templates, "querytype").and_then(Cell::int);
        let Some((_, kind)) = MADE_OF.iter().find(|(of, _)| Some(*of) == kind) else {
            let text = "The query type of a template must be OutlookTemplate or OfflineTemplate.";
            return Err(Refusal::invalid(text));
        };
        let mut body = Map::new();
        for name in COPIED {
            if let Some(text) = template.named(templates, name).and_then(Cell::str) {
                body.insert(name.to_owned(), text.into());
            }
        }
        body.insert("querytype".to_owned(), (*kind).into());
        body.insert("parentqueryid@odata.bind".to_owned(), format!("/savedqueries({id})").into());
        Ok(body)
    }

    /// Returns the filter of a user that a template became before.
    fn made_of(&self, queries: &Table, user: Uuid, template: Uuid) -> Option<Uuid> {
        let is_of = |row: &&Row| {
            let parent = row.named(queries, "parentqueryid").and_then(Cell::uuid);
            row.owner() == Some(user) && parent == Some(template)
        };
        self.store.rows(queries).rows.values().find(is_of).map(|row| row.id)
    }
}

/// Reads the collection of templates: rows of `savedquery`, named by their key alone.
fn template_ids(sent: &Map<String, Value>) -> Result<Vec<Uuid>, Refusal> {
    if let Some(name) = sent.keys().find(|name| *name != "TemplateCollection") {
        let text =
            format!("The parameter '{name}' in the request payload is not a valid parameter");
        return Err(Refusal::payload(text));
    }
    let list = sent.get("TemplateCollection").and_then(Value::as_array);
    let list = list.ok_or_else(|| Refusal::payload("'TemplateCollection' is missing."))?;
    if list.is_empty() {
        return Err(Refusal::payload("'TemplateCollection' is empty."));
    }
    list.iter().map(template_id).collect()
}

fn template_id(entry: &Value) -> Result<Uuid, Refusal> {
    let wrong = || Refusal::payload("'TemplateCollection' holds what is no savedquery.");
    let entry = entry.as_object().ok_or_else(wrong)?;
    for (name, value) in entry {
        let fits = match name.as_str() {
            "savedqueryid" => value.is_string(),
            "@odata.type" => value.as_str().is_some_and(|kind| {
                kind.trim_start_matches('#') == "Microsoft.Dynamics.CRM.savedquery"
            }),
            _ => false,
        };
        if !fits {
            return Err(wrong());
        }
    }
    let id = entry.get("savedqueryid").and_then(Value::as_str).ok_or_else(wrong)?;
    Uuid::try_parse(id).map_err(|_| wrong())
}
