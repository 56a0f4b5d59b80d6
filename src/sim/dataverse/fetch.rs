//! FetchXML: reading a query into columns, conditions and links (protocols.md B8).
//!
//! Unknown elements, attributes and operators are refused. Absent: aggregates, conditions on
//! another link by `entityname`, link types other than inner and outer.

mod dates;
pub(super) mod fiscal;
mod kin;
mod operators;
mod run;
mod xml;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::cond::Cond;
use super::error::Refusal;
use super::schema::{Table, col, schema};
use super::store::Store;
use xml::Node;

pub(super) use run::Found;

/// A query.
#[derive(Debug)]
pub(super) struct Fetch {
    pub(super) entity: Entity,
    pub(super) count: Option<usize>,
    pub(super) page: usize,
    pub(super) cookie: Option<String>,
    pub(super) top: Option<usize>,
    pub(super) distinct: bool,
}

/// The queried table or a linked one.
#[derive(Debug)]
pub(super) struct Entity {
    pub(super) table: &'static Table,
    /// Column and alias; all columns when `all` is set.
    pub(super) attributes: Vec<(usize, Option<String>)>,
    pub(super) all: bool,
    pub(super) filter: Cond,
    pub(super) orders: Vec<(usize, bool)>,
    pub(super) links: Vec<Link>,
}

/// A joined table.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) entity: Entity,
    pub(super) alias: String,
    /// Column of the joined table.
    pub(super) from: usize,
    /// Column of the table above.
    pub(super) to: usize,
    pub(super) outer: bool,
}

/// Who asks, when and where, for the operators that depend on it.
#[derive(Clone, Copy)]
pub(super) struct Asker<'a> {
    pub(super) user: Uuid,
    pub(super) unit: Uuid,
    pub(super) now: DateTime<Utc>,
    pub(super) store: &'a Store,
}

/// The most rows of one page.
pub(super) const MAX_PAGE: usize = 5_000;

pub(super) fn bad(message: impl Into<String>) -> Refusal {
    Refusal::new(400, "0x80041102", message)
}

/// Reads a FetchXML text.
pub(super) fn parse(text: &str, asker: Asker<'_>) -> Result<Fetch, Refusal> {
    let root = xml::read(text)?;
    if root.name != "fetch" {
        return Err(bad("The root of FetchXML must be 'fetch'."));
    }
    root.only_attributes(&[
        "version",
        "output-format",
        "mapping",
        "distinct",
        "count",
        "page",
        "paging-cookie",
        "top",
        "no-lock",
        "returntotalrecordcount",
        "latematerialize",
        "useraworderby",
    ])?;
    let [entity] = root.children.as_slice() else {
        return Err(bad("'fetch' must have one 'entity'."));
    };
    if entity.name != "entity" {
        return Err(bad(format!("Unexpected element '{}' in 'fetch'.", entity.name)));
    }
    entity.only_attributes(&["name"])?;
    let count = root.number("count")?;
    let page = root.number("page")?;
    let top = root.number("top")?;
    if top.is_some() && (count.is_some() || page.is_some()) {
        return Err(bad("The top attribute can't be specified with paging attributes."));
    }
    if count.is_some_and(|count| count == 0 || count > MAX_PAGE)
        || top.is_some_and(|top| top == 0 || top > MAX_PAGE)
        || page == Some(0)
    {
        return Err(bad("Malformed FetchXML: count, page or top is out of range."));
    }
    let mut links = 0;
    Ok(Fetch {
        entity: read_entity(entity, asker, &mut links)?,
        count,
        page: page.unwrap_or(1),
        cookie: root.attribute("paging-cookie").map(ToOwned::to_owned),
        top,
        distinct: root.flag("distinct")?,
    })
}

fn read_entity(node: &Node, asker: Asker<'_>, links: &mut usize) -> Result<Entity, Refusal> {
    let name = node.want("name")?;
    let table = schema().logical(name).ok_or_else(|| {
        let text = format!("The entity with a name = '{name}' was not found in the MetadataCache.");
        Refusal::new(400, "0x80041102", text)
    })?;
    let mut entity = Entity {
        table,
        attributes: Vec::new(),
        all: false,
        filter: Cond::And(Vec::new()),
        orders: Vec::new(),
        links: Vec::new(),
    };
    let mut filters = Vec::new();
    for child in &node.children {
        match child.name.as_str() {
            "attribute" => {
                child.only_attributes(&["name", "alias"])?;
                let alias = child.attribute("alias").map(ToOwned::to_owned);
                entity.attributes.push((column(table, child.want("name")?)?, alias));
            }
            "all-attributes" => entity.all = true,
            "order" => {
                child.only_attributes(&["attribute", "descending"])?;
                let at = column(table, child.want("attribute")?)?;
                entity.orders.push((at, child.flag("descending")?));
            }
            "filter" => filters.push(read_filter(table, child, asker)?),
            "link-entity" => entity.links.push(read_link(table, child, asker, links)?),
            other => return Err(bad(format!("Unexpected element '{other}' in '{}'.", node.name))),
        }
    }
    entity.filter = Cond::And(filters);
    Ok(entity)
}

fn read_filter(table: &Table, node: &Node, asker: Asker<'_>) -> Result<Cond, Refusal> {
    node.only_attributes(&["type", "isquickfindfields", "hint"])?;
    let mut parts = Vec::new();
    for child in &node.children {
        parts.push(match child.name.as_str() {
            "filter" => read_filter(table, child, asker)?,
            "condition" => operators::condition(table, child, asker)?,
            other => return Err(bad(format!("Unexpected element '{other}' in 'filter'."))),
        });
    }
    match node.attribute("type") {
        None | Some("and") => Ok(Cond::And(parts)),
        Some("or") if parts.is_empty() => Ok(Cond::And(parts)),
        Some("or") => Ok(Cond::Or(parts)),
        Some(other) => Err(bad(format!("'{other}' is not a filter type."))),
    }
}

fn read_link(
    above: &'static Table,
    node: &Node,
    asker: Asker<'_>,
    links: &mut usize,
) -> Result<Link, Refusal> {
    node.only_attributes(&["name", "from", "to", "alias", "link-type", "intersect", "visible"])?;
    *links += 1;
    if *links > 15 {
        return Err(Refusal::new(
            400,
            "0x8004430d",
            "The number of links exceeds the limit of 15.",
        ));
    }
    let number = *links;
    let entity = read_entity(node, asker, links)?;
    let outer = match node.attribute("link-type") {
        None | Some("inner") => false,
        Some("outer") => true,
        Some(other) => return Err(bad(format!("The link-type '{other}' is not known here."))),
    };
    let from = match node.attribute("from") {
        Some(name) => column(entity.table, name)?,
        None => col::KEY,
    };
    let to = match node.attribute("to") {
        Some(name) => column(above, name)?,
        None => col::KEY,
    };
    let alias = node
        .attribute("alias")
        .map_or_else(|| format!("{}{number}", entity.table.logical), ToOwned::to_owned);
    Ok(Link { entity, alias, from, to, outer })
}

pub(super) fn column(table: &Table, name: &str) -> Result<usize, Refusal> {
    table.column(name).ok_or_else(|| {
        let text =
            format!("'{}' entity doesn't contain attribute with Name = '{name}'.", table.logical);
        Refusal::new(400, "0x80041103", text)
    })
}
