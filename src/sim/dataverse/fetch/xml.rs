//! A small tree of XML elements for FetchXML.

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

use super::bad;
use crate::sim::dataverse::error::Refusal;

/// Deeper than any filter a person builds.
const MAX_DEPTH: usize = 40;

/// One element.
#[derive(Debug, Default)]
pub(super) struct Node {
    pub(super) name: String,
    attributes: Vec<(String, String)>,
    pub(super) text: String,
    pub(super) children: Vec<Node>,
}

impl Node {
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn want(&self, name: &str) -> Result<&str, Refusal> {
        self.attribute(name)
            .ok_or_else(|| bad(format!("The element '{}' needs '{name}'.", self.name)))
    }

    pub(super) fn only_attributes(&self, allowed: &[&str]) -> Result<(), Refusal> {
        match self.attributes.iter().find(|(name, _)| !allowed.contains(&name.as_str())) {
            Some((name, _)) => {
                Err(bad(format!("The '{name}' attribute of '{}' is not known here.", self.name)))
            }
            None => Ok(()),
        }
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<usize>, Refusal> {
        match self.attribute(name) {
            None => Ok(None),
            Some(text) => match text.parse() {
                Ok(number) => Ok(Some(number)),
                Err(_) => Err(bad(format!("'{text}' is not a valid '{name}'."))),
            },
        }
    }

    pub(super) fn flag(&self, name: &str) -> Result<bool, Refusal> {
        match self.attribute(name) {
            None | Some("false" | "0") => Ok(false),
            Some("true" | "1") => Ok(true),
            Some(other) => Err(bad(format!("'{other}' is not a valid '{name}'."))),
        }
    }
}

/// Reads one document.
pub(super) fn read(text: &str) -> Result<Node, Refusal> {
    let mut reader = Reader::from_str(text.trim());
    let mut open: Vec<Node> = Vec::new();
    loop {
        let event = reader.read_event().map_err(|error| malformed(&error.to_string()))?;
        match event {
            Event::Start(start) => {
                if open.len() >= MAX_DEPTH {
                    return Err(malformed("nested too deeply"));
                }
                open.push(node(&start)?);
            }
            Event::Empty(start) => {
                let node = node(&start)?;
                match open.last_mut() {
                    Some(parent) => parent.children.push(node),
                    None => return Ok(node),
                }
            }
            Event::End(_) => {
                let Some(node) = open.pop() else { return Err(malformed("unexpected end")) };
                match open.last_mut() {
                    Some(parent) => parent.children.push(node),
                    None => return Ok(node),
                }
            }
            Event::Text(text) => append(&mut open, &text),
            Event::CData(text) => append(&mut open, &text),
            Event::GeneralRef(name) => append(&mut open, &reference(&name)?),
            Event::Eof => return Err(malformed("the document is not complete")),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::DocType(_) => return Err(malformed("DTD is not allowed")),
        }
    }
}

fn append(open: &mut [Node], text: &str) {
    if let Some(node) = open.last_mut() {
        node.text.push_str(text);
    }
}

fn node(start: &BytesStart<'_>) -> Result<Node, Refusal> {
    let mut node = Node { name: start.name().0.to_owned(), ..Node::default() };
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| malformed(&error.to_string()))?;
        let value = attribute
            .normalized_value(XmlVersion::Implicit1_0)
            .map_err(|error| malformed(&error.to_string()))?;
        node.attributes.push((attribute.key.0.to_owned(), value.into_owned()));
    }
    Ok(node)
}

fn reference(name: &str) -> Result<String, Refusal> {
    let character = match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => name.strip_prefix('#').and_then(|code| {
            let number = match code.strip_prefix('x') {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => code.parse().ok()?,
            };
            char::from_u32(number)
        }),
    };
    character.map(String::from).ok_or_else(|| malformed("unknown entity"))
}

fn malformed(why: &str) -> Refusal {
    Refusal::new(400, "0x80040201", format!("Invalid XML: {why}."))
}
