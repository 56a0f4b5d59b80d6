//! Functions, actions and metadata: as much of them as a client of this program may ask for.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::core::{Core, Moment};
use super::error::Refusal;
use super::route::body;
use super::schema::{Kind, Table, schema};
use super::url::Target;
use crate::sim::wire::{Request, Response};

impl Core {
    /// Answers targets that are no entity set.
    pub(super) fn special(
        &mut self,
        at: Moment,
        request: &Request,
        target: &Target,
        segments: &[&str],
    ) -> Result<Option<Response>, Refusal> {
        let get = request.method == "GET";
        let response = match segments {
            ["WhoAmI" | "WhoAmI()"] if get => Response::json(
                200,
                &json!({
                    "@odata.context": self.context("Microsoft.Dynamics.CRM.WhoAmIResponse", ""),
                    "BusinessUnitId": self.unit,
                    "UserId": at.caller.user,
                    "OrganizationId": self.organization,
                }),
            ),
            ["RetrieveVersion" | "RetrieveVersion()"] if get => Response::json(
                200,
                &json!({
                    "@odata.context":
                        self.context("Microsoft.Dynamics.CRM.RetrieveVersionResponse", ""),
                    "Version": "9.2.24101.00001",
                }),
            ),
            ["$metadata"] if get => metadata(),
            ["EntityDefinitions"] if get => self.definitions(target)?,
            [segment, "Attributes"] if get && segment.starts_with("EntityDefinitions(") => {
                self.attributes(target, segment)?
            }
            [segment] if get && segment.starts_with("EntityDefinitions(") => {
                self.definition(target, segment)?
            }
            [action @ ("Book" | "Validate")] if request.method == "POST" => {
                self.schedule(at, action, &body(request)?)?
            }
            ["CreateInstance" | "DeleteOpenInstances"]
            | ["recurringappointmentmasters", "Microsoft.Dynamics.CRM.CreateException"]
                if request.method == "POST" =>
            {
                return self.series_message(at, segments, &body(request)?);
            }
            _ => return Ok(None),
        };
        Ok(Some(response))
    }

    /// `EntityDefinitions?$filter=ChangeTrackingEnabled eq true&$select=LogicalName`.
    fn definitions(&self, target: &Target) -> Result<Response, Refusal> {
        target.allow(&["$select", "$filter"])?;
        let mut value = Vec::new();
        for table in &schema().tables {
            let full = self.describe(table);
            if let Some(filter) = target.option("$filter")
                && !matches(filter, &full)?
            {
                continue;
            }
            value.push(pick(full, target.option("$select"))?);
        }
        let body =
            json!({ "@odata.context": self.context("EntityDefinitions", ""), "value": value });
        Ok(Response::json(200, &body))
    }

    fn definition(&self, target: &Target, segment: &str) -> Result<Response, Refusal> {
        target.allow(&["$select"])?;
        let name = segment
            .strip_prefix("EntityDefinitions(LogicalName='")
            .and_then(|rest| rest.strip_suffix("')"));
        let table = name.and_then(|name| schema().logical(name)).ok_or_else(|| {
            Refusal::new(404, "0x80060888", "Could not find an entity with the given name.")
        })?;
        let mut out = Map::new();
        out.insert("@odata.context".into(), self.context("EntityDefinitions", "/$entity"));
        if let Value::Object(object) = pick(self.describe(table), target.option("$select"))? {
            out.extend(object);
        }
        Ok(Response::json(200, &Value::Object(out)))
    }

    fn describe(&self, table: &Table) -> Map<String, Value> {
        let tracked = !self.untracked.iter().any(|name| name == table.logical);
        let object = json!({
            "MetadataId": Uuid::from_u128(0x5d3e_0000 + u128::from(table.index)),
            "LogicalName": table.logical,
            "EntitySetName": table.set,
            "LogicalCollectionName": table.set,
            "PrimaryIdAttribute": table.key,
            "PrimaryNameAttribute": table.columns[table.primary].name,
            "ChangeTrackingEnabled": tracked,
            "IsOptimisticConcurrencyEnabled": true,
            "IsActivity": table.activity,
        });
        if let Value::Object(object) = object { object } else { Map::new() }
    }

    /// `Book` makes the row when everybody is free, `Validate` only looks (protocols B9).
    fn schedule(
        &mut self,
        at: Moment,
        action: &str,
        sent: &Map<String, Value>,
    ) -> Result<Response, Refusal> {
        let Some(Value::Object(target)) = sent.get("Target") else {
            return Err(Refusal::payload("'Target' is missing."));
        };
        let kind = target.get("@odata.type").and_then(Value::as_str).unwrap_or_default();
        let kind = kind.trim_start_matches('#');
        let name = kind.strip_prefix("Microsoft.Dynamics.CRM.").unwrap_or_default();
        let table = schema()
            .logical(name)
            .filter(|table| table.states.iter().any(|(state, _)| *state == 3))
            .ok_or_else(|| Refusal::payload("'@odata.type' of 'Target' names no meeting."))?;
        let clashes = self.clashes(at, table, target)?;
        let mut id = Uuid::nil();
        if action == "Book" && clashes.is_empty() {
            let mut target = target.clone();
            target.entry("statecode").or_insert_with(|| json!(3));
            id = self.create(at, table, None, &target)?;
        }
        let result = json!({
            "ActivityId": id,
            "ValidationSuccess": clashes.is_empty(),
            "TraceInfo": { "ErrorInfoList": clashes },
        });
        let context = self.context(&format!("Microsoft.Dynamics.CRM.{action}Response"), "");
        let name = if action == "Book" { "ValidationResult" } else { "Result" };
        let mut out = json!({ "@odata.context": context, name: result });
        if action == "Book" {
            out["Notifications"] = json!([]);
        }
        Ok(Response::json(200, &out))
    }
}

/// Understands `Name eq value` joined by `and`.
fn matches(filter: &str, object: &Map<String, Value>) -> Result<bool, Refusal> {
    for part in filter.split(" and ") {
        let words: Vec<&str> = part.split_whitespace().collect();
        let [name, "eq", value] = words.as_slice() else {
            return Err(Refusal::malformed(format!("Syntax error in '{filter}'.")));
        };
        let found = object.get(*name).ok_or_else(|| no_property(name))?;
        let same = match found {
            Value::Bool(flag) => *value == flag.to_string(),
            Value::String(text) => value.trim_matches('\'') == text,
            Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_) => false,
        };
        if !same {
            return Ok(false);
        }
    }
    Ok(true)
}

pub(super) fn pick(mut object: Map<String, Value>, select: Option<&str>) -> Result<Value, Refusal> {
    let Some(select) = select else { return Ok(Value::Object(object)) };
    let mut out = Map::new();
    for name in select.split(',').map(str::trim).chain(["MetadataId"]) {
        if out.contains_key(name) {
            continue;
        }
        let value = object.remove(name).ok_or_else(|| no_property(name))?;
        out.insert(name.to_owned(), value);
    }
    Ok(Value::Object(out))
}

fn no_property(name: &str) -> Refusal {
    let text = "on type 'Microsoft.Dynamics.CRM.EntityMetadata'.";
    Refusal::malformed(format!("Could not find a property named '{name}' {text}"))
}

/// A small CSDL: entity types with their properties.
fn metadata() -> Response {
    let mut types = String::new();
    for table in &schema().tables {
        types.push_str(&format!(
            "<EntityType Name=\"{}\"><Key><PropertyRef Name=\"{}\"/></Key>",
            table.logical, table.key
        ));
        for column in table.columns.iter().filter(|column| !column.hidden) {
            let kind = match column.kind {
                Kind::Text(_) => "Edm.String",
                Kind::Int(_, high) if high > i64::from(i32::MAX) => "Edm.Int64",
                Kind::Int(..) | Kind::Choice(_) => "Edm.Int32",
                Kind::Bool => "Edm.Boolean",
                Kind::Time | Kind::DayTime => "Edm.DateTimeOffset",
                Kind::Date => "Edm.Date",
                Kind::Id | Kind::Lookup(_) => "Edm.Guid",
            };
            types.push_str(&format!("<Property Name=\"{}\" Type=\"{kind}\"/>", column.property));
        }
        types.push_str("</EntityType>");
    }
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><edmx:Edmx Version=\"4.0\" \
         xmlns:edmx=\"http://docs.oasis-open.org/odata/ns/edmx\"><edmx:DataServices><Schema \
         Namespace=\"Microsoft.Dynamics.CRM\" Alias=\"mscrm\" \
         xmlns=\"http://docs.oasis-open.org/odata/ns/edm\">{types}</Schema></edmx:DataServices>\
         </edmx:Edmx>"
    );
    let mut response = Response::empty(200).with("Content-Type", "application/xml");
    response.body = text.into_bytes();
    response
}
