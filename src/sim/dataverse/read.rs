//! Reading: single rows, lists by OData options, by FetchXML and by saved queries.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::access::Caller;
use super::cond::{Cond, Op};
use super::cookie::{self, Cookie};
use super::core::{Core, Moment};
use super::error::Refusal;
use super::fetch::{self, Asker, Entity, Fetch, Found, Link, MAX_PAGE};
use super::filter;
use super::prefer::{COOKIE, MORE, Notes, Prefer, TOTAL, TOTAL_EXCEEDED};
use super::render::Shape;
use super::schema::{Table, col};
use super::url::Target;
use super::value::Cell;
use crate::sim::wire::{Request, Response};

/// Simple paging stops here.
const SIMPLE_PAGING_LIMIT: usize = 50_000;

impl Core {
    /// `GET /{set}({id})`.
    pub(super) fn get_row(
        &self,
        at: Moment,
        request: &Request,
        target: &Target,
        table: &'static Table,
        id: Uuid,
    ) -> Result<Response, Refusal> {
        target.allow(&["$select", "$expand"])?;
        let expand = target.option("$expand");
        let shape = Shape::parse(table, target.option("$select"), expand)?;
        let row = self.readable(at.caller, table, id)?;
        let prefer = Prefer::read(request);
        let known = request.header("If-None-Match");
        // Conditional reading is off together with $expand and annotations.
        if known == Some(row.etag().as_str()) && expand.is_none() && prefer.notes.is_empty() {
            return Ok(Response::empty(304).with("ETag", row.etag()));
        }
        let mut out = Map::new();
        out.insert("@odata.context".into(), self.context(table.set, "/$entity"));
        let seen = self.masked(at.caller, table, row);
        out.extend(self.render(table, &seen, &shape, &prefer.notes));
        Ok(applied(Response::json(200, &Value::Object(out)), &prefer).with("ETag", row.etag()))
    }

    /// `GET /{set}({id})/{property}`.
    pub(super) fn get_property(
        &self,
        at: Moment,
        table: &'static Table,
        id: Uuid,
        name: &str,
    ) -> Result<Response, Refusal> {
        let row = self.readable(at.caller, table, id)?;
        if table.activity && name == table.party_nav {
            let shape = Shape::parse(table, Some(table.key), Some(name))?;
            let mut all = self.render(table, row, &shape, &Notes::default());
            let value = all.remove(name).unwrap_or(Value::Null);
            let body =
                json!({ "@odata.context": self.context("activityparties", ""), "value": value });
            return Ok(Response::json(200, &body));
        }
        let index = filter::find(table, name)?;
        let row = self.masked(at.caller, table, row);
        Ok(match row.get(index) {
            Some(cell) => {
                let context = self.context(&format!("{}({id})/{name}", table.set), "");
                Response::json(200, &json!({ "@odata.context": context, "value": cell.json() }))
            }
            None => Response::empty(204),
        })
    }

    /// `GET /{set}`: OData options, FetchXML or a saved query.
    pub(super) fn list(
        &self,
        at: Moment,
        request: &Request,
        target: &Target,
        table: &'static Table,
    ) -> Result<Response, Refusal> {
        let prefer = Prefer::read(request);
        if let Some(text) = target.option("fetchXml") {
            target.allow(&["fetchXml"])?;
            return self.fetch(at, table, text, &prefer);
        }
        for (option, set) in [("userQuery", "userqueries"), ("savedQuery", "savedqueries")] {
            if let Some(id) = target.option(option) {
                target.allow(&[option])?;
                let text = self.stored_query(at.caller, set, id)?;
                return self.fetch(at, table, &text, &prefer);
            }
        }
        if prefer.track_changes || target.option("$deltatoken").is_some() {
            return self.changes(at, target, table, &prefer);
        }
        self.query(at, target, table, &prefer)
    }

    /// Counts the rows of `GET /{set}/$count`.
    pub(super) fn count(
        &self,
        at: Moment,
        target: &Target,
        table: &'static Table,
    ) -> Result<Response, Refusal> {
        self.check_read(at.caller, table)?;
        let number = if target.option("$deltatoken").is_some() {
            self.count_changes(at, target, table)?
        } else {
            target.allow(&["$filter"])?;
            let fetch = read_options(table, target)?;
            self.run(at.caller, &fetch).len().min(MAX_PAGE)
        };
        let mut response = Response::empty(200).with("Content-Type", "text/plain");
        response.body = number.to_string().into_bytes();
        Ok(response)
    }

    fn query(
        &self,
        at: Moment,
        target: &Target,
        table: &'static Table,
        prefer: &Prefer,
    ) -> Result<Response, Refusal> {
        target.allow(&[
            "$select",
            "$filter",
            "$orderby",
            "$top",
            "$expand",
            "$count",
            "$skiptoken",
        ])?;
        self.check_read(at.caller, table)?;
        let shape = Shape::parse(table, target.option("$select"), target.option("$expand"))?;
        let fetch = read_options(table, target)?;
        let found = self.run(at.caller, &fetch);
        let cookie =
            match target.option("$skiptoken") {
                Some(text) => Some(cookie::read_outer(text).ok_or_else(|| {
                    Refusal::malformed("The $skiptoken is not one of this service.")
                })?),
                None => None,
            };
        let size = prefer.page_size.unwrap_or(MAX_PAGE).min(MAX_PAGE);
        let first = cookie.map_or(0, |c| resume(&found, c, size, fetch.entity.orders.is_empty()));
        let length = fetch.top.unwrap_or(size).min(MAX_PAGE);
        let page: Vec<&Found<'_>> = found.iter().skip(first).take(length).collect();
        let mut out = Map::new();
        out.insert("@odata.context".into(), self.context(table.set, ""));
        if target.option("$count") == Some("true") {
            out.insert("@odata.count".into(), found.len().min(MAX_PAGE).into());
        }
        let rows = page.iter().map(|f| {
            let seen = self.masked(at.caller, table, f.row);
            self.render_listed(table, &seen, &shape, &prefer.notes)
        });
        out.insert("value".into(), rows.map(Value::Object).collect());
        if fetch.top.is_none()
            && first + page.len() < found.len()
            && let (Some(head), Some(tail)) = (page.first(), page.last())
        {
            let number = cookie.map_or(1, |c| c.page + 1);
            let inner = cookie::inner(table.key, number, head.row.id, tail.row.id);
            let token = cookie::outer(number + 1, &inner);
            let link = self.link(table, target, &["$skiptoken"], &[("$skiptoken", &token)]);
            out.insert("@odata.nextLink".into(), link.into());
        }
        Ok(applied(Response::json(200, &Value::Object(out)), prefer))
    }

    fn fetch(
        &self,
        at: Moment,
        table: &'static Table,
        text: &str,
        prefer: &Prefer,
    ) -> Result<Response, Refusal> {
        let asker =
            Asker { user: at.caller.user, unit: self.unit, now: at.now, store: &self.store };
        let fetch = fetch::parse(text, asker)?;
        if fetch.entity.table.logical != table.logical {
            let text = format!("The fetch entity is not the one of the set '{}'.", table.set);
            return Err(fetch::bad(text));
        }
        self.check_read(at.caller, table)?;
        let found = self.run(at.caller, &fetch);
        let size = fetch.top.or(fetch.count).unwrap_or(MAX_PAGE);
        let asked = first_of_page(&fetch, &found, size)?;
        let first = if self.endless { 0 } else { asked };
        let page: Vec<&Found<'_>> = found.iter().skip(first).take(size).collect();
        let more = fetch.top.is_none() && (self.endless || first + page.len() < found.len());
        let mut out = Map::new();
        out.insert("@odata.context".into(), self.context(table.set, ""));
        if prefer.notes.want(TOTAL) {
            out.insert(format!("@{TOTAL}"), json!(-1));
        }
        if prefer.notes.want(TOTAL_EXCEEDED) {
            out.insert(format!("@{TOTAL_EXCEEDED}"), json!(false));
        }
        if prefer.notes.want(MORE) && fetch.top.is_none() {
            out.insert(format!("@{MORE}"), json!(more));
        }
        if more
            && prefer.notes.want(COOKIE)
            && let (Some(head), Some(tail)) = (page.first(), page.last())
        {
            let inner = cookie::inner(table.key, fetch.page, head.row.id, tail.row.id);
            let wrapped = cookie::outer(fetch.page + 1, &inner);
            out.insert(format!("@{COOKIE}"), wrapped.into());
        }
        let rows =
            page.iter().map(|found| self.render_found(at.caller, &fetch, found, &prefer.notes));
        out.insert("value".into(), rows.map(Value::Object).collect());
        Ok(applied(Response::json(200, &Value::Object(out)), prefer))
    }

    /// Writes a FetchXML result: only columns with a value.
    fn render_found(
        &self,
        caller: Caller,
        fetch: &Fetch,
        found: &Found<'_>,
        notes: &Notes,
    ) -> Map<String, Value> {
        let entity = &fetch.entity;
        let mut out = Map::new();
        if !fetch.distinct {
            out.insert("@odata.etag".into(), found.row.etag().into());
            out.insert(entity.table.key.into(), json!(found.row.id));
        }
        let mut write = |row: &super::store::Row, entity: &Entity, prefix: Option<&str>| {
            let table = entity.table;
            let row = self.masked(caller, table, row);
            let every = (0..table.columns.len()).filter(|index| !table.columns[*index].hidden);
            let all = every.filter(|_| entity.all).map(|index| (index, None));
            let named = entity.attributes.iter().map(|(index, alias)| (*index, alias.as_deref()));
            for (index, alias) in all.chain(named) {
                let Some(cell) = row.get(index) else { continue };
                let column = &table.columns[index];
                let name = match (alias, prefix) {
                    (Some(alias), _) => alias.to_owned(),
                    (None, Some(prefix)) => format!("{prefix}.{}", column.name),
                    (None, None) => column.property.clone(),
                };
                self.write_as(&mut out, table, index, &name, cell, notes);
            }
        };
        write(found.row, entity, None);
        let mut links = Vec::new();
        flatten(&entity.links, &mut links);
        for (link, row) in links.iter().zip(&found.linked) {
            if let Some(row) = row {
                write(row, &link.entity, Some(&link.alias));
            }
        }
        out
    }

    /// Returns the FetchXML of a stored query that the caller may read.
    fn stored_query(&self, who: Caller, set: &str, id: &str) -> Result<String, Refusal> {
        let id = Uuid::try_parse(id)
            .map_err(|_| Refusal::malformed(format!("'{id}' is not a valid query id")))?;
        let table = Self::table(set)?;
        let row = self.readable(who, table, id)?;
        let text = row.named(table, "fetchxml").and_then(Cell::str);
        text.map(ToOwned::to_owned).ok_or_else(|| Refusal::invalid("The query has no FetchXML."))
    }

    /// Reading another person's filters: exactly querytype and owner are asked (FILT-12).
    pub(super) fn asks_for_filters(&self, who: Caller, entity: &Entity) -> bool {
        let table = entity.table;
        if table.logical != "userquery" || !who.all {
            return false;
        }
        let Some(tests) = entity.filter.conjuncts() else { return false };
        let filter = |cell: &Cell| matches!(cell.int(), Some(16 | 256));
        let kind = |op: &Op| {
            matches!(op, Op::Eq(cell) if filter(cell))
                || matches!(op, Op::In(cells) if cells.iter().all(filter))
        };
        let querytype = table.column("querytype");
        tests.len() == 2
            && tests.iter().any(|(at, op)| Some(*at) == querytype && kind(op))
            && tests.iter().any(|(at, op)| *at == col::OWNER && matches!(op, Op::Eq(_)))
    }

    pub(super) fn context(&self, set: &str, end: &str) -> Value {
        format!("{}/$metadata#{set}{end}", self.root).into()
    }

    /// Rebuilds the request's URL without `drop` and with `add`.
    pub(super) fn link(
        &self,
        table: &Table,
        target: &Target,
        drop: &[&str],
        add: &[(&str, &str)],
    ) -> String {
        let kept = target.options.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let options: Vec<String> = kept
            .filter(|(name, _)| !drop.contains(name))
            .chain(add.iter().copied())
            .map(|(name, value)| format!("{name}={}", cookie::encode(value)))
            .collect();
        format!("{}/{}?{}", self.root, table.set, options.join("&"))
    }
}

/// Says which preferences were followed.
pub(super) fn applied(response: Response, prefer: &Prefer) -> Response {
    if prefer.applied.is_empty() {
        return response;
    }
    response.with("Preference-Applied", prefer.applied.join(","))
}

fn flatten<'a>(links: &'a [Link], all: &mut Vec<&'a Link>) {
    for link in links {
        all.push(link);
        flatten(&link.entity.links, all);
    }
}

fn first_of_page(fetch: &Fetch, found: &[Found<'_>], size: usize) -> Result<usize, Refusal> {
    let plain = fetch.page.saturating_sub(1).saturating_mul(size);
    let Some(text) = &fetch.cookie else {
        if plain.saturating_add(size) > SIMPLE_PAGING_LIMIT {
            return Err(fetch::bad("Simple paging stops at 50000 rows; use the paging cookie."));
        }
        return Ok(plain);
    };
    let wrong = || fetch::bad("The paging cookie is malformed or does not fit the page.");
    let cookie = cookie::read_inner(text).ok_or_else(wrong)?;
    if cookie.page + 1 != fetch.page {
        return Err(wrong());
    }
    Ok(resume(found, cookie, size, fetch.entity.orders.is_empty()))
}

/// The place after the last row of the previous page, also when that row has gone.
fn resume(found: &[Found<'_>], cookie: Cookie, size: usize, by_key: bool) -> usize {
    match found.iter().rposition(|one| one.row.id == cookie.last) {
        Some(at) => at + 1,
        None if by_key => found.partition_point(|one| one.row.id <= cookie.last),
        None => cookie.page.saturating_mul(size).min(found.len()),
    }
}

fn read_options(table: &'static Table, target: &Target) -> Result<Fetch, Refusal> {
    let filter = match target.option("$filter") {
        Some(text) => filter::parse(table, text, &target.options)?,
        None => Cond::And(Vec::new()),
    };
    let orders = match target.option("$orderby") {
        Some(text) => filter::parse_order(table, text)?,
        None => Vec::new(),
    };
    let top = match target.option("$top") {
        Some(text) => Some(text.parse::<usize>().map_err(|_| {
            Refusal::malformed(format!("Invalid value '{text}' for $top query option found."))
        })?),
        None => None,
    };
    if let Some(text) = target.option("$count")
        && !matches!(text, "true" | "false")
    {
        return Err(Refusal::malformed(format!("Invalid value '{text}' for $count.")));
    }
    let entity =
        Entity { table, attributes: Vec::new(), all: false, filter, orders, links: Vec::new() };
    Ok(Fetch { entity, count: None, page: 1, cookie: None, top, distinct: false })
}
