//! Types, properties and enum values of the v1.0 metadata, and the check of bodies against them.
//!
//! The table is the CSDL file beside this one, the Outlook part of Microsoft's published v1.0
//! metadata (msgraph-metadata, MIT). Absent: capabilities and annotations.

use std::collections::HashMap;
use std::sync::OnceLock;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use serde_json::{Map, Value};

use super::refusal::{Refusal, property, unreadable};

const CSDL: &str = include_str!("schema/graph-v1.0-outlook.csdl.xml");

#[derive(Debug, Default)]
struct Type {
    base: Option<String>,
    properties: HashMap<String, Property>,
}

#[derive(Debug, Clone)]
struct Property {
    kind: String,
    collection: bool,
    nullable: bool,
    navigation: bool,
}

/// The parsed metadata.
#[derive(Debug, Default)]
pub(super) struct Schema {
    types: HashMap<String, Type>,
    enums: HashMap<String, Vec<String>>,
}

/// Returns the metadata, parsed once.
pub(super) fn schema() -> &'static Schema {
    static PARSED: OnceLock<Schema> = OnceLock::new();
    PARSED.get_or_init(|| parse(CSDL))
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = element.try_get_attribute(name).ok()??;
    Some(found.value.into_owned())
}

fn short(name: &str) -> String {
    name.strip_prefix("graph.").unwrap_or(name).to_owned()
}

fn parse(xml: &str) -> Schema {
    let mut schema = Schema::default();
    let mut reader = Reader::from_str(xml);
    let mut current = String::new();
    loop {
        match reader.read_event() {
            Ok(Event::Start(element) | Event::Empty(element)) => {
                element_of(&mut schema, &mut current, &element);
            }
            Ok(Event::Eof) | Err(_) => return schema,
            Ok(_) => {}
        }
    }
}

fn element_of(schema: &mut Schema, current: &mut String, element: &BytesStart<'_>) {
    let name = attribute(element, "Name").unwrap_or_default();
    let tag = element.name();
    match tag.as_ref() {
        "EnumType" => {
            current.clone_from(&name);
            schema.enums.entry(name).or_default();
        }
        "ComplexType" | "EntityType" => {
            current.clone_from(&name);
            let base = attribute(element, "BaseType").map(|base| short(&base));
            schema.types.insert(name, Type { base, properties: HashMap::new() });
        }
        "Action" | "Function" => current.clear(),
        "Member" => {
            if let Some(members) = schema.enums.get_mut(current) {
                members.push(name);
            }
        }
        "Property" | "NavigationProperty" => {
            let full = attribute(element, "Type").unwrap_or_default();
            let inner = full.strip_prefix("Collection(").and_then(|text| text.strip_suffix(')'));
            let made = Property {
                kind: short(inner.unwrap_or(&full)),
                collection: inner.is_some(),
                nullable: attribute(element, "Nullable").as_deref() != Some("false"),
                navigation: tag.as_ref() == "NavigationProperty",
            };
            if let Some(kind) = schema.types.get_mut(current) {
                kind.properties.insert(name, made);
            }
        }
        _ => {}
    }
}

impl Schema {
    fn find(&self, kind: &str, name: &str) -> Option<&Property> {
        let found = self.types.get(kind)?;
        match (found.properties.get(name), &found.base) {
            (Some(property), _) => Some(property),
            (None, Some(base)) => self.find(base, name),
            (None, None) => None,
        }
    }

    /// Tells whether a type has a structural property of that name.
    pub(super) fn has_property(&self, kind: &str, name: &str) -> bool {
        self.find(kind, name).is_some_and(|found| !found.navigation)
    }

    /// Checks a request body: unknown names, wrong types and unknown enum values are refused.
    ///
    /// `navigations` are the navigation properties this request may write inline.
    pub(super) fn check(
        &self,
        kind: &str,
        body: &Map<String, Value>,
        navigations: &[&str],
    ) -> Result<(), Refusal> {
        for (name, value) in body {
            if name.contains("@odata.") {
                continue;
            }
            let found = self
                .find(kind, name)
                .filter(|found| !found.navigation || navigations.contains(&name.as_str()));
            let Some(found) = found else {
                return Err(unreadable(format!(
                    "The property '{name}' does not exist on type 'microsoft.graph.{kind}'."
                )));
            };
            self.check_property(found, name, value)?;
        }
        Ok(())
    }

    fn check_property(&self, found: &Property, name: &str, value: &Value) -> Result<(), Refusal> {
        if !found.collection {
            return self.check_value(&found.kind, found.nullable, name, value);
        }
        let Value::Array(entries) = value else {
            return Err(property(format!("The property '{name}' must be a collection.")));
        };
        entries.iter().try_for_each(|entry| self.check_value(&found.kind, false, name, entry))
    }

    fn check_value(
        &self,
        kind: &str,
        nullable: bool,
        name: &str,
        value: &Value,
    ) -> Result<(), Refusal> {
        if value.is_null() {
            return if nullable {
                Ok(())
            } else {
                Err(property(format!("The property '{name}' must not be null.")))
            };
        }
        if let Some(members) = self.enums.get(kind) {
            let known = value.as_str().is_some_and(|text| members.iter().any(|m| m == text));
            return known.then_some(()).ok_or_else(|| {
                property(format!("The value {value} of '{name}' is not a member of '{kind}'."))
            });
        }
        if self.types.contains_key(kind) {
            let Value::Object(inner) = value else {
                return Err(property(format!("The property '{name}' must be an object.")));
            };
            return self.check(kind, inner, &[]);
        }
        primitive(kind, value).then_some(()).ok_or_else(|| {
            property(format!("The value {value} of '{name}' is not of type '{kind}'."))
        })
    }
}

fn primitive(kind: &str, value: &Value) -> bool {
    let text = value.as_str();
    match kind {
        "Edm.String" => text.is_some(),
        "Edm.Boolean" => value.is_boolean(),
        "Edm.Int32" => value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
        "Edm.Int64" => value.is_i64(),
        "Edm.Double" => value.is_number(),
        "Edm.DateTimeOffset" => {
            text.is_some_and(|text| chrono::DateTime::parse_from_rfc3339(text).is_ok())
        }
        "Edm.Date" => {
            text.is_some_and(|text| text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok())
        }
        "Edm.Guid" => text.is_some_and(|text| uuid::Uuid::parse_str(text).is_ok()),
        _ => text.is_some(),
    }
}
