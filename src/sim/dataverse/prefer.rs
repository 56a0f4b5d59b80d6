//! The `Prefer` header (protocols.md B1).

use crate::sim::wire::Request;

pub(super) const FORMATTED: &str = "OData.Community.Display.V1.FormattedValue";
pub(super) const LOOKUP: &str = "Microsoft.Dynamics.CRM.lookuplogicalname";
pub(super) const NAVIGATION: &str = "Microsoft.Dynamics.CRM.associatednavigationproperty";
pub(super) const COOKIE: &str = "Microsoft.Dynamics.CRM.fetchxmlpagingcookie";
pub(super) const MORE: &str = "Microsoft.Dynamics.CRM.morerecords";
pub(super) const TOTAL: &str = "Microsoft.Dynamics.CRM.totalrecordcount";
pub(super) const TOTAL_EXCEEDED: &str = "Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded";

/// What the client prefers.
#[derive(Debug, Default, Clone)]
pub(super) struct Prefer {
    pub(super) representation: bool,
    pub(super) page_size: Option<usize>,
    pub(super) track_changes: bool,
    pub(super) continue_on_error: bool,
    pub(super) notes: Notes,
    /// The preferences that were understood, for `Preference-Applied`.
    pub(super) applied: Vec<String>,
}

/// The annotations to write.
#[derive(Debug, Default, Clone)]
pub(super) struct Notes(Vec<String>);

impl Notes {
    pub(super) fn want(&self, name: &str) -> bool {
        self.0.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => pattern == name,
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Prefer {
    pub(super) fn read(request: &Request) -> Self {
        let mut prefer = Self::default();
        let values = request.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("Prefer"));
        for part in values.flat_map(|(_, value)| split(value)) {
            let (name, value) = part.split_once('=').unwrap_or((&part, ""));
            let value = value.trim().trim_matches('"');
            match name.trim() {
                "return" if value == "representation" => prefer.representation = true,
                "odata.maxpagesize" => {
                    prefer.page_size = value.parse().ok().filter(|size| *size > 0);
                }
                "odata.track-changes" => prefer.track_changes = true,
                "odata.continue-on-error" => prefer.continue_on_error = value != "false",
                "odata.include-annotations" => {
                    prefer.notes.0.extend(value.split(',').map(|name| name.trim().to_owned()));
                }
                _ => continue,
            }
            prefer.applied.push(part);
        }
        prefer
    }
}

/// Splits at commas and semicolons outside quotes.
fn split(value: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    for c in value.chars() {
        quoted ^= c == '"';
        match c {
            ',' | ';' if !quoted => parts.push(String::new()),
            c => {
                if let Some(last) = parts.last_mut() {
                    last.push(c);
                }
            }
        }
    }
    parts.into_iter().map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}
