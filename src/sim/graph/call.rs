//! One request in parsed form: path segments, query options, preferences and JSON body.
//!
//! Everything is refused that the called resource does not name as supported.

use jiff::tz::TimeZone;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use chrono::{DateTime, Utc};

use super::filter::Filter;
use super::refusal::{Refusal, Trace, bad_query, invalid, unreadable};
use super::schema::schema;
use super::zones;
use crate::sim::wire::Request;

/// What the `Prefer` header asks for.
#[derive(Debug, Clone)]
pub(super) struct Prefer {
    pub(super) zone: TimeZone,
    pub(super) zone_name: String,
    pub(super) text_body: bool,
    pub(super) immutable: bool,
    pub(super) page_size: Option<usize>,
    /// The values the service honoured, for `Preference-Applied`.
    pub(super) applied: Vec<String>,
}

impl Default for Prefer {
    fn default() -> Self {
        Self {
            zone: TimeZone::UTC,
            zone_name: "UTC".into(),
            text_body: false,
            immutable: false,
            page_size: None,
            applied: Vec::new(),
        }
    }
}

impl Prefer {
    /// Returns the preferences of someone who looks from inside: UTC and immutable ids.
    pub(super) fn inside() -> Self {
        Self { immutable: true, ..Self::default() }
    }

    fn read(request: &Request) -> Result<Self, Refusal> {
        let mut prefer = Self::default();
        let all = request.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("prefer"));
        for part in all.flat_map(|(_, value)| split_outside(value, ',')) {
            prefer.read_part(part.trim())?;
        }
        Ok(prefer)
    }

    fn read_part(&mut self, part: &str) -> Result<(), Refusal> {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let value = value.trim().trim_matches('"');
        match name.trim().to_ascii_lowercase().as_str() {
            "outlook.timezone" => {
                self.zone = zones::zone(value)?;
                self.zone_name = value.to_owned();
            }
            "outlook.body-content-type" => match value.to_ascii_lowercase().as_str() {
                "text" => self.text_body = true,
                "html" => self.text_body = false,
                _ => return Ok(()),
            },
            "idtype" => {
                if !value.eq_ignore_ascii_case("ImmutableId") {
                    return Ok(());
                }
                self.immutable = true;
            }
            "odata.maxpagesize" => match value.parse::<usize>() {
                Ok(size) if size > 0 => self.page_size = Some(size.min(1000)),
                _ => return Err(invalid("The value of 'odata.maxpagesize' is not valid.")),
            },
            // A preference is a wish; unknown ones are passed over (RFC 7240).
            _ => return Ok(()),
        }
        self.applied.push(part.to_owned());
        Ok(())
    }
}

/// One request, parsed.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) method: String,
    /// Decoded path segments after `/v1.0`.
    pub(super) path: Vec<String>,
    pub(super) query: Vec<(String, String)>,
    pub(super) prefer: Prefer,
    pub(super) if_match: Option<String>,
    pub(super) body: Vec<u8>,
    pub(super) json: bool,
    pub(super) now: DateTime<Utc>,
    pub(super) trace: Trace,
}

impl Call {
    /// Parses a request whose target starts with `/v1.0/`.
    pub(super) fn read(
        request: &Request,
        now: DateTime<Utc>,
        trace: Trace,
    ) -> Result<Self, Refusal> {
        let (mut path, query) = split_target(&request.target)?;
        // OData: a function without parameters may be called with empty parentheses.
        if let Some(last) = path.last_mut().filter(|last| *last == "delta()") {
            "delta".clone_into(last);
        }
        let json = request
            .header("Content-Type")
            .is_some_and(|kind| kind.to_ascii_lowercase().starts_with("application/json"));
        Ok(Self {
            method: request.method.clone(),
            path,
            query,
            prefer: Prefer::read(request)?,
            if_match: request.header("If-Match").map(str::to_owned),
            body: request.body.clone(),
            json,
            now,
            trace,
        })
    }

    /// Returns the body as a JSON object; a body without JSON `Content-Type` is refused.
    pub(super) fn object(&self) -> Result<Map<String, Value>, Refusal> {
        if self.body.is_empty() {
            return Err(unreadable("Empty payload. JSON content expected."));
        }
        if !self.json {
            return Err(unreadable("A body needs the Content-Type 'application/json'."));
        }
        match serde_json::from_slice(&self.body) {
            Ok(Value::Object(map)) => Ok(map),
            Ok(_) => Err(unreadable("The body must be a JSON object.")),
            Err(error) => Err(unreadable(format!("Unable to read the JSON body: {error}"))),
        }
    }

    /// Like `object`, for actions whose parameters are all optional.
    pub(super) fn parameters(&self) -> Result<Map<String, Value>, Refusal> {
        if self.body.is_empty() { Ok(Map::new()) } else { self.object() }
    }

    /// Reads the query options; any that is not in `allowed` is refused.
    pub(super) fn options(&self, kind: &str, allowed: &[&str]) -> Result<Options, Refusal> {
        let mut options = Options::default();
        for (number, (name, value)) in self.query.iter().enumerate() {
            if !allowed.contains(&name.as_str()) {
                return Err(bad_query(format!("The query option '{name}' is not supported here.")));
            }
            if self.query[..number].iter().any(|(earlier, _)| earlier == name) {
                return Err(bad_query(format!("The query option '{name}' was given twice.")));
            }
            options.read(kind, name, value)?;
        }
        Ok(options)
    }

    /// Returns a query parameter.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Query options in parsed form.
#[derive(Debug, Clone, Default)]
pub(super) struct Options {
    pub(super) select: Option<Vec<String>>,
    pub(super) expand: Expand,
    pub(super) filter: Option<Filter>,
    pub(super) order: Vec<(String, bool)>,
    pub(super) top: Option<usize>,
    pub(super) skip: usize,
    pub(super) count: bool,
}

/// The navigations to put into a reply.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Expand {
    /// Ids of the extended properties asked for; empty for none.
    pub(super) extended: Vec<String>,
    /// Other navigations by name.
    pub(super) others: Vec<String>,
}

impl Options {
    fn read(&mut self, kind: &str, name: &str, value: &str) -> Result<(), Refusal> {
        let number =
            || value.parse::<usize>().map_err(|_| bad_query(format!("'{name}' must be a number.")));
        match name {
            "$select" => self.select = Some(read_select(kind, value)?),
            "$expand" => self.expand = read_expand(kind, value)?,
            "$filter" => self.filter = Some(Filter::read(kind, value)?),
            "$orderby" => self.order = read_order(kind, value)?,
            "$top" => match number()? {
                top @ 1..=1000 => self.top = Some(top),
                _ => return Err(bad_query("'$top' must be between 1 and 1000.")),
            },
            "$skip" => self.skip = number()?,
            "$count" => match value {
                "true" => self.count = true,
                "false" => {}
                _ => return Err(bad_query("'$count' must be true or false.")),
            },
            _ => {}
        }
        Ok(())
    }
}

type Target = (Vec<String>, Vec<(String, String)>);

fn split_target(target: &str) -> Result<Target, Refusal> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let rest = path.strip_prefix("/v1.0/").ok_or_else(|| invalid("Invalid version."))?;
    let path = rest.trim_end_matches('/').split('/').map(decode).collect::<Result<_, _>>()?;
    let query = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(&name.replace('+', " "))?, decode(&value.replace('+', " "))?))
        })
        .collect::<Result<_, Refusal>>()?;
    Ok((path, query))
}

fn decode(text: &str) -> Result<String, Refusal> {
    percent_decode_str(text)
        .decode_utf8()
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| invalid("The URL is not valid UTF-8."))
}

fn read_select(kind: &str, value: &str) -> Result<Vec<String>, Refusal> {
    let names: Vec<String> = value.split(',').map(|name| name.trim().to_owned()).collect();
    for name in &names {
        if !schema().has_property(kind, name) {
            return Err(bad_query(format!(
                "Could not find a property named '{name}' on type 'microsoft.graph.{kind}'."
            )));
        }
    }
    Ok(names)
}

fn read_order(kind: &str, value: &str) -> Result<Vec<(String, bool)>, Refusal> {
    value
        .split(',')
        .map(|part| {
            let mut words = part.split_whitespace();
            let name = words.next().unwrap_or_default();
            let down = match words.next() {
                None | Some("asc") => false,
                Some("desc") => true,
                Some(_) => return Err(bad_query("'$orderby' is malformed.")),
            };
            let head = name.split('/').next().unwrap_or_default();
            if !schema().has_property(kind, head) {
                return Err(bad_query(format!("'$orderby' names the unknown property '{name}'.")));
            }
            Ok((name.to_owned(), down))
        })
        .collect()
}

fn read_expand(kind: &str, value: &str) -> Result<Expand, Refusal> {
    let mut expand = Expand::default();
    for part in split_outside(value, ',') {
        let part = part.trim();
        let (name, inner) = match part.split_once('(') {
            Some((name, inner)) => (name, inner.strip_suffix(')')),
            None => (part, None),
        };
        let allowed: &[&str] = match kind {
            "event" => &["attachments", "calendar", "exceptionOccurrences"],
            "todoTask" => &["attachments", "checklistItems", "linkedResources"],
            _ => &[],
        };
        if name == "singleValueExtendedProperties" && matches!(kind, "event" | "contact") {
            expand.extended = read_extended(inner)?;
        } else if allowed.contains(&name) && !part.contains('(') {
            expand.others.push(name.to_owned());
        } else {
            return Err(bad_query(format!("'$expand={part}' is not supported here.")));
        }
    }
    Ok(expand)
}

// Only the form `$filter=id eq '…' or id eq '…'` is documented.
fn read_extended(inner: Option<&str>) -> Result<Vec<String>, Refusal> {
    let refuse = || bad_query("Extended properties need '$filter=id eq …' in '$expand'.");
    let filter = inner.and_then(|text| text.trim().strip_prefix("$filter=")).ok_or_else(refuse)?;
    filter
        .split(" or ")
        .map(|term| {
            let words = term.trim().strip_prefix("id eq '").and_then(|t| t.strip_suffix('\''));
            let id = words.ok_or_else(refuse)?.replace("''", "'");
            super::extended::normal_id(&id)
        })
        .collect()
}

/// Splits at a separator that stands outside quotes and parentheses.
pub(super) fn split_outside(text: &str, separator: char) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut depth, mut quote) = (0, 0_i32, None);
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') => depth -= 1,
            (None, _) if c == separator && depth == 0 => {
                parts.push(&text[start..at]);
                start = at + c.len_utf8();
            }
            (None, _) => {}
        }
    }
    parts.push(&text[start..]);
    parts
}
