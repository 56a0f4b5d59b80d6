//! Taking a request target apart: segments, keys and query options.

use percent_encoding::percent_decode_str;
use uuid::Uuid;

use super::core::Core;
use super::error::Refusal;

/// The longest URL of a single request (protocols.md B6).
pub(super) const MAX_URL: usize = 32_768;
/// The longest URL inside a batch.
pub(super) const MAX_BATCH_URL: usize = 65_536;

/// A request target below the API root.
#[derive(Debug, Default)]
pub(super) struct Target {
    /// Decoded path segments.
    pub(super) segments: Vec<String>,
    /// Decoded query options in the order sent.
    pub(super) options: Vec<(String, String)>,
}

impl Target {
    /// Reads path and query; `None` when it is not below the root.
    pub(super) fn parse(core: &Core, target: &str) -> Option<Self> {
        let rest = if let Some(rest) = target.strip_prefix(core.root.as_str()) {
            rest
        } else if let Some(rest) = target.strip_prefix("/api/data/v9.2") {
            rest
        } else if let Some(rest) = target.strip_prefix(core.root_path.as_str()) {
            rest
        } else if target.starts_with('/') || target.contains("://") {
            return None;
        } else {
            target
        };
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let segments = path
            .split('/')
            .filter(|segment| !segment.is_empty())
            .map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned())
            .collect();
        let options = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                (decode(name), decode(value))
            })
            .collect();
        Some(Self { segments, options })
    }

    pub(super) fn option(&self, name: &str) -> Option<&str> {
        self.options.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Refuses options outside `allowed`; `tag` and aliases (`@p`) may always be there.
    pub(super) fn allow(&self, allowed: &[&str]) -> Result<(), Refusal> {
        for (at, (name, _)) in self.options.iter().enumerate() {
            if name == "tag" || name.starts_with('@') {
                continue;
            }
            if !allowed.contains(&name.as_str()) {
                let text = format!("The query parameter {name} is not supported");
                return Err(Refusal::malformed(text));
            }
            if self.options[..at].iter().any(|(earlier, _)| earlier == name) {
                let text = format!("Query option '{name}' was specified more than once");
                return Err(Refusal::malformed(text));
            }
        }
        Ok(())
    }
}

fn decode(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

/// Splits `contacts(guid)` into set and key; the key is `None` for the whole set.
pub(super) fn set_and_key(segment: &str) -> Result<(&str, Option<Uuid>), Refusal> {
    let Some((set, key)) = segment.split_once('(') else { return Ok((segment, None)) };
    let key = key.strip_suffix(')').unwrap_or_default();
    match Uuid::try_parse(key) {
        Ok(id) => Ok((set, Some(id))),
        Err(_) => Err(Refusal::malformed(format!(
            "'{key}' is not a valid key of '{set}'; alternate keys are not defined here"
        ))),
    }
}
