//! From a request to the operation: methods, conditional headers, writes and their replies.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::core::{Core, Moment};
use super::error::Refusal;
use super::filter::find;
use super::prefer::Prefer;
use super::read::applied;
use super::render::Shape;
use super::schema::{Kind, Table};
use super::store::Row;
use super::url::{Target, set_and_key};
use super::write::duplicate;
use crate::sim::wire::{Request, Response};
use chrono::{DateTime, Utc};

impl Core {
    /// Answers one request that is not a batch.
    pub(super) fn answer(
        &mut self,
        request: &Request,
        now: DateTime<Utc>,
        longest: usize,
    ) -> Response {
        let result = self.route(request, now, longest);
        match result {
            Ok(response) => response.with("OData-Version", "4.0"),
            Err(refusal) => refusal.response(),
        }
    }

    fn route(
        &mut self,
        request: &Request,
        now: DateTime<Utc>,
        longest: usize,
    ) -> Result<Response, Refusal> {
        if request.target.len() > longest {
            return Err(Refusal::new(414, "0x80060888", "The request URI is too long."));
        }
        check_headers(request)?;
        let target = Target::parse(self, &request.target)
            .ok_or_else(|| Refusal::new(404, "0x80060888", "Resource not found."))?;
        let at = Moment { caller: self.caller(request)?, now };
        let segments: Vec<&str> = target.segments.iter().map(String::as_str).collect();
        if let Some(response) = self.special(at, request, &target, &segments)? {
            return Ok(response);
        }
        let Some(first) = segments.first() else { return Ok(self.service_document()) };
        let (set, id) = set_and_key(first)?;
        let table = Self::table(set)?;
        let method = request.method.as_str();
        match (method, id, segments.get(1..).unwrap_or_default()) {
            ("GET", None, []) => self.list(at, request, &target, table),
            ("GET", None, ["$count"]) => self.count(at, &target, table),
            ("GET", Some(id), []) => self.get_row(at, request, &target, table, id),
            ("GET", Some(id), [super::mappings::FUNCTION]) if table.logical == "systemuser" => {
                self.mappings_of(at, &target, id)
            }
            ("GET", Some(id), [super::secured::FUNCTION]) if table.logical == "systemuser" => {
                self.attribute_privileges(at, &target, id)
            }
            ("GET", Some(id), [name]) => self.get_property(at, table, id, name),
            ("POST", Some(id), [super::templates::ACTION]) if table.logical == "systemuser" => {
                self.instantiate_filters(at, &target, id, &body(request)?)
            }
            ("POST", None, []) => self.post(at, request, &target, table),
            ("PATCH", Some(id), []) => self.patch(at, request, &target, table, id),
            ("DELETE", Some(id), []) => {
                self.check_match(table, id, request.header("If-Match"))?;
                self.delete(at, table, id)?;
                Ok(Response::empty(204))
            }
            ("PUT" | "DELETE", Some(id), [name]) => self.set_property(at, request, table, id, name),
            ("PUT" | "DELETE", Some(id), [nav, "$ref"]) => {
                self.set_reference(at, request, table, id, nav)
            }
            _ => Err(Refusal::new(
                405,
                "0x80060888",
                format!("The method {method} is not allowed on this resource."),
            )),
        }
    }

    fn post(
        &mut self,
        at: Moment,
        request: &Request,
        target: &Target,
        table: &'static Table,
    ) -> Result<Response, Refusal> {
        target.allow(&["$select"])?;
        let shape = Shape::parse(table, target.option("$select"), None)?;
        let id = self.create(at, table, None, &body(request)?)?;
        self.written(at, request, table, (id, true), &shape)
    }

    /// Upsert, create only or change only, as the conditional headers say (protocols B3).
    fn patch(
        &mut self,
        at: Moment,
        request: &Request,
        target: &Target,
        table: &'static Table,
        id: Uuid,
    ) -> Result<Response, Refusal> {
        target.allow(&["$select"])?;
        let shape = Shape::parse(table, target.option("$select"), None)?;
        let body = body(request)?;
        let exists = self.store.get(table, id).is_some();
        let only_create = request.header("If-None-Match") == Some("*");
        let only_change = request.header("If-Match");
        if only_create && only_change.is_some() {
            let text = "If-Match and If-None-Match cannot be given together.";
            return Err(Refusal::malformed(text));
        }
        if exists && only_create {
            return Err(duplicate());
        }
        if !exists && request.header("MSCRM.SuppressDuplicateDetection") == Some("false") {
            self.check_duplicates(table, &body)?;
        }
        self.check_match(table, id, only_change)?;
        if exists {
            self.update(at, table, id, &body)?;
        } else {
            self.create(at, table, Some(id), &body)?;
        }
        self.written(at, request, table, (id, !exists), &shape)
    }

    fn check_match(&self, table: &Table, id: Uuid, etag: Option<&str>) -> Result<(), Refusal> {
        let Some(etag) = etag else { return Ok(()) };
        let row = self.store.get(table, id).ok_or_else(|| Refusal::missing(table.logical, id))?;
        if etag == "*" || etag == row.etag() {
            return Ok(());
        }
        let number = etag.strip_prefix("W/\"").and_then(|rest| rest.strip_suffix('"'));
        if number.is_none_or(|number| number.parse::<u64>().is_err()) {
            return Err(Refusal::malformed(format!("'{etag}' is not a valid ETag.")));
        }
        let text = "The version of the existing record doesn't match the RowVersion property \
                    provided.";
        Err(Refusal::new(412, "0x80060882", text))
    }

    fn written(
        &self,
        at: Moment,
        request: &Request,
        table: &'static Table,
        (id, created): (Uuid, bool),
        shape: &Shape,
    ) -> Result<Response, Refusal> {
        let prefer = Prefer::read(request);
        let url = format!("{}/{}({id})", self.root, table.set);
        if !prefer.representation {
            let response = Response::empty(204).with("OData-EntityId", url.clone());
            return Ok(if created { response.with("Location", url) } else { response });
        }
        let row = self.store.get(table, id).ok_or_else(|| Refusal::missing(table.logical, id))?;
        let mut out = Map::new();
        out.insert("@odata.context".into(), self.context(table.set, "/$entity"));
        let seen = self.masked(at.caller, table, row);
        out.extend(self.render(table, &seen, shape, &prefer.notes));
        let status = if created { 201 } else { 200 };
        let response = Response::json(status, &Value::Object(out)).with("ETag", row.etag());
        let response = if created {
            response.with("Location", url.clone()).with("OData-EntityId", url)
        } else {
            response
        };
        Ok(applied(response, &prefer))
    }

    /// `PUT` sets and `DELETE` clears one column.
    fn set_property(
        &mut self,
        at: Moment,
        request: &Request,
        table: &'static Table,
        id: Uuid,
        name: &str,
    ) -> Result<Response, Refusal> {
        let index = find(table, name)?;
        if matches!(table.columns[index].kind, Kind::Lookup(_)) {
            return Err(Refusal::malformed("A lookup is set through $ref."));
        }
        let value = if request.method == "PUT" {
            let sent = body(request)?;
            sent.get("value").cloned().ok_or_else(|| Refusal::payload("'value' is missing"))?
        } else {
            Value::Null
        };
        self.check_match(table, id, request.header("If-Match"))?;
        self.update(at, table, id, &Map::from_iter([(name.to_owned(), value)]))?;
        Ok(Response::empty(204))
    }

    fn set_reference(
        &mut self,
        at: Moment,
        request: &Request,
        table: &'static Table,
        id: Uuid,
        nav: &str,
    ) -> Result<Response, Refusal> {
        let change = if request.method == "PUT" {
            let sent = body(request)?;
            let url = sent.get("@odata.id").cloned();
            let url = url.ok_or_else(|| Refusal::payload("'@odata.id' is missing"))?;
            (format!("{nav}@odata.bind"), url)
        } else {
            (nav.to_owned(), Value::Null)
        };
        self.check_match(table, id, request.header("If-Match"))?;
        self.update(at, table, id, &Map::from_iter([change]))?;
        Ok(Response::empty(204))
    }

    fn service_document(&self) -> Response {
        let sets = super::schema::schema()
            .tables
            .iter()
            .map(|table| json!({ "name": table.set, "kind": "EntitySet", "url": table.set }));
        let value: Vec<Value> = sets.collect();
        let body = json!({ "@odata.context": self.context("", ""), "value": value });
        Response::json(200, &body)
    }

    /// Finds the stored row of an id, for callers outside the Web API.
    pub(super) fn stored(&self, set: &str, id: Uuid) -> Option<(&'static Table, &Row)> {
        let table = Self::table(set).ok()?;
        Some((table, self.store.get(table, id)?))
    }
}

fn check_headers(request: &Request) -> Result<(), Refusal> {
    for name in ["OData-Version", "OData-MaxVersion"] {
        if let Some(version) = request.header(name)
            && !version.starts_with("4.")
        {
            return Err(Refusal::malformed(format!("{name} '{version}' is not supported.")));
        }
    }
    if let Some(accept) = request.header("Accept") {
        let known = ["application/json", "*/*", "application/*", "application/xml", "text/plain"];
        if !known.iter().any(|kind| accept.contains(kind)) {
            return Err(Refusal::new(415, "0x80060888", "A supported MIME type was not found."));
        }
    }
    Ok(())
}

/// Reads the JSON object of a request.
pub(super) fn body(request: &Request) -> Result<Map<String, Value>, Refusal> {
    let json = request
        .header("Content-Type")
        .is_some_and(|kind| kind.to_ascii_lowercase().starts_with("application/json"));
    if !json {
        let text = "A supported MIME type could not be found that matches the content type of \
                    the request.";
        return Err(Refusal::new(415, "0x80060888", text));
    }
    match serde_json::from_slice(&request.body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Refusal::payload("The body must be a JSON object.")),
        Err(error) => Err(Refusal::payload(format!("Invalid JSON. {error}"))),
    }
}
