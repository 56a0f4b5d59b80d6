//! Reads tables of a TOML document key by key and reports everything that does not fit.
//!
//! serde's derive stops at the first error and forgets where values stood. Here each accessor
//! reports and goes on with `None`, so that one run shows all problems with their places.

use std::cell::RefCell;
use std::ops::{Range, RangeInclusive};
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::Report;
use super::secret::{Environment, Secret};
use super::values::{duration, duration_text, nearest};

/// A document without syntax errors.
pub(super) struct Document<'a> {
    root: Spanned<DeTable<'a>>,
}

/// One table of a document. Keys that nobody asks for are reported as unknown by `finish`.
pub(super) struct Section<'a> {
    table: Option<&'a DeTable<'a>>,
    span: Range<usize>,
    path: String,
    report: &'a Report<'a>,
    asked: RefCell<Vec<&'static str>>,
}

/// A text with its place.
pub(super) struct Text<'a> {
    pub(super) value: &'a str,
    pub(super) span: Range<usize>,
}

// === impl Document ===

impl<'a> Document<'a> {
    /// Returns the document; reports every syntax error. Values are read only from a whole one,
    /// since one missing quote would make the rest look wrong.
    pub(super) fn parse(text: &'a str, report: &Report<'_>) -> Option<Document<'a>> {
        let (root, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            let span = error.span().unwrap_or(0..0);
            let remedy = "correct the TOML at this place".to_owned();
            report.error(&span, "", format!("is no TOML: {}", error.message()), remedy);
        }
        errors.is_empty().then_some(Document { root })
    }

    pub(super) fn root<'r>(&'r self, report: &'r Report<'r>) -> Section<'r>
    where
        'a: 'r,
    {
        Section {
            table: Some(self.root.get_ref()),
            span: 0..0,
            path: String::new(),
            report,
            asked: RefCell::default(),
        }
    }
}

// === impl Section ===

impl<'a> Section<'a> {
    /// Returns the table below `key`; an empty one when it is absent.
    pub(super) fn section(&self, key: &'static str) -> Section<'a> {
        let (table, span) = match self.value(key) {
            Some(value) => match value.get_ref().as_table() {
                Some(table) => (Some(table), value.span()),
                None => {
                    self.wrong_type(key, value, "a table", &format!("write [{}]", self.name(key)));
                    (None, value.span())
                }
            },
            None => (None, self.span.clone()),
        };
        let asked = RefCell::default();
        Section { table, span, path: self.name(key), report: self.report, asked }
    }

    pub(super) fn has(&self, key: &'static str) -> bool {
        self.value(key).is_some()
    }

    pub(super) fn is_table(&self, key: &'static str) -> bool {
        self.value(key).is_some_and(|value| value.get_ref().is_table())
    }

    /// Returns every key with its value, for tables whose keys are data.
    pub(super) fn entries(&self) -> impl Iterator<Item = (Text<'a>, &'a Spanned<DeValue<'a>>)> {
        self.table
            .into_iter()
            .flat_map(DeTable::iter)
            .map(|(key, value)| (Text { value: key.get_ref().as_ref(), span: key.span() }, value))
    }

    pub(super) fn text(&self, key: &'static str) -> Option<Text<'a>> {
        let value = self.value(key)?;
        match value.get_ref().as_str() {
            Some(text) => Some(Text { value: text, span: value.span() }),
            None => {
                self.wrong_type(key, value, "a string", "put the value in quotes");
                None
            }
        }
    }

    /// Returns a text that must be there and must not be empty.
    pub(super) fn required_text(&self, key: &'static str) -> Option<Text<'a>> {
        if !self.has(key) {
            self.missing(key, &format!("add {key} = \"…\""));
            return None;
        }
        let text = self.text(key)?;
        if text.value.trim().is_empty() {
            self.error(&text.span, key, "is empty", "write a value between the quotes");
            return None;
        }
        Some(text)
    }

    pub(super) fn texts(&self, key: &'static str) -> Option<Vec<Text<'a>>> {
        let value = self.value(key)?;
        let Some(array) = value.get_ref().as_array() else {
            self.wrong_type(key, value, "a list of strings", "write [\"…\", \"…\"]");
            return None;
        };
        let texts: Vec<Text<'_>> = array
            .iter()
            .filter_map(|item| match item.get_ref().as_str() {
                Some(text) => Some(Text { value: text, span: item.span() }),
                None => {
                    self.wrong_type(key, item, "a string", "put the value in quotes");
                    None
                }
            })
            .collect();
        (texts.len() == array.len()).then_some(texts)
    }

    pub(super) fn flag(&self, key: &'static str, default: bool) -> bool {
        let Some(value) = self.value(key) else { return default };
        value.get_ref().as_bool().unwrap_or_else(|| {
            self.wrong_type(key, value, "true or false", "write true or false without quotes");
            default
        })
    }

    pub(super) fn whole(&self, key: &'static str, range: RangeInclusive<u32>, default: u32) -> u32 {
        let Some(value) = self.value(key) else { return default };
        let remedy = format!("write a whole number from {} to {}", range.start(), range.end());
        let Some(number) = integer(value.get_ref()) else {
            self.wrong_type(key, value, "a whole number", &remedy);
            return default;
        };
        match u32::try_from(number) {
            Ok(number) if range.contains(&number) => number,
            Ok(_) | Err(_) => {
                self.error(&value.span(), key, &format!("{number} is out of range"), &remedy);
                default
            }
        }
    }

    /// Returns a share from 0 to 1.
    pub(super) fn share(&self, key: &'static str, default: f64) -> f64 {
        let Some(value) = self.value(key) else { return default };
        let number = match value.get_ref() {
            DeValue::Float(float) => float.as_str().replace('_', "").parse().ok(),
            DeValue::Integer(whole) => whole.as_str().parse::<f64>().ok(),
            DeValue::String(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_)
            | DeValue::Table(_) => None,
        };
        match number {
            Some(share) if (0.0..=1.0).contains(&share) => share,
            Some(_) => {
                self.error(&value.span(), key, "is out of range", "write a share from 0.0 to 1.0");
                default
            }
            None => {
                self.wrong_type(key, value, "a number", "write a share from 0.0 to 1.0");
                default
            }
        }
    }

    pub(super) fn duration(
        &self,
        key: &'static str,
        range: RangeInclusive<Duration>,
        default: Duration,
    ) -> Duration {
        let remedy = format!(
            "write a duration from \"{}\" to \"{}\", with one of the units s, m, h, d",
            duration_text(*range.start()),
            duration_text(*range.end()),
        );
        let Some(value) = self.value(key) else { return default };
        let Some(text) = value.get_ref().as_str() else {
            self.wrong_type(key, value, "a duration in quotes", &remedy);
            return default;
        };
        match duration(text) {
            Some(found) if range.contains(&found) => return found,
            Some(_) => {
                self.error(&value.span(), key, &format!("\"{text}\" is out of range"), &remedy);
            }
            None => self.error(&value.span(), key, &format!("\"{text}\" is no duration"), &remedy),
        }
        default
    }

    /// Returns the value of one of the known words.
    pub(super) fn choice<T: Copy>(
        &self,
        key: &'static str,
        words: &[(&str, T)],
        default: T,
    ) -> Option<T> {
        if !self.has(key) {
            return Some(default);
        }
        let text = self.text(key)?;
        if let Some((_, found)) = words.iter().find(|(word, _)| *word == text.value) {
            return Some(*found);
        }
        let known: Vec<String> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        let message = format!("\"{}\" is not one of the known words", text.value);
        self.error(&text.span, key, &message, &format!("write {}", known.join(" or ")));
        None
    }

    /// Returns the secret that `{ env = "…" }` or `{ file = "…" }` refers to.
    ///
    /// A literal is refused and not repeated in the message: the file may be in a repository, and
    /// the message in a log.
    pub(super) fn secret(&self, key: &'static str, env: &Environment) -> Option<Secret> {
        let value = self.value(key)?;
        let remedy = "write { env = \"NAME\" } or { file = \"/path\" } instead of the value itself";
        if value.get_ref().as_table().is_none() {
            let message = "must not stand in the file";
            self.error(&value.span(), key, message, remedy);
            return None;
        }
        let reference = self.section(key);
        let (variable, file) = (reference.text("env"), reference.text("file"));
        let named = usize::from(reference.has("env")) + usize::from(reference.has("file"));
        reference.finish();
        if named != 1 {
            self.error(&value.span(), key, "needs exactly one of env and file", remedy);
            return None;
        }
        let (span, found, remedy) = match (variable, file) {
            (Some(name), _) => (
                name.span,
                env.variable(name.value),
                format!("set the environment variable {} for lockstep", name.value),
            ),
            (None, Some(path)) => (
                path.span,
                env.file(&self.report.folder().join(path.value)),
                "write the secret into that file, readable for the user that runs lockstep"
                    .to_owned(),
            ),
            (None, None) => return None,
        };
        found.map_err(|message| self.error(&span, key, &message, &remedy)).ok()
    }

    pub(super) fn required_secret(&self, key: &'static str, env: &Environment) -> Option<Secret> {
        if !self.has(key) {
            self.missing(
                key,
                &format!("add {key} = {{ env = \"NAME\" }} or {{ file = \"/path\" }}"),
            );
        }
        self.secret(key, env)
    }

    /// Reports a key that must be there, at the place of its table.
    pub(super) fn missing(&self, key: &'static str, remedy: &str) {
        let place =
            if self.path.is_empty() { String::new() } else { format!(" below [{}]", self.path) };
        self.error(&self.span, key, "is missing", &format!("{remedy}{place}"));
    }

    /// Reports an error at the value of `key`.
    pub(super) fn at(&self, key: &'static str, message: &str, remedy: &str) {
        let span = self.value(key).map_or_else(|| self.span.clone(), Spanned::span);
        self.error(&span, key, message, remedy);
    }

    pub(super) fn error(&self, span: &Range<usize>, key: &str, message: &str, remedy: &str) {
        self.report.error(span, &self.name(key), message.to_owned(), remedy.to_owned());
    }

    pub(super) fn warning(&self, span: &Range<usize>, key: &str, message: &str, remedy: &str) {
        self.report.warning(span, &self.name(key), message.to_owned(), remedy.to_owned());
    }

    pub(super) fn wrong_type(
        &self,
        key: &str,
        value: &Spanned<DeValue<'_>>,
        wanted: &str,
        remedy: &str,
    ) {
        let message = format!("is {}, not {wanted}", kind(value.get_ref()));
        self.error(&value.span(), key, &message, remedy);
    }

    /// Reports every key that no accessor asked for. To be called last.
    pub(super) fn finish(self) {
        let asked = self.asked.take();
        for (key, _) in self.entries().filter(|(key, _)| !asked.contains(&key.value)) {
            let remedy = match nearest(key.value, asked.iter().copied()) {
                Some(name) => format!("did you mean {name}?"),
                None => format!("remove it; known here: {}", asked.join(", ")),
            };
            self.error(&key.span, key.value, "is not a known key", &remedy);
        }
    }

    fn value(&self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        let mut asked = self.asked.borrow_mut();
        if !asked.contains(&key) {
            asked.push(key);
        }
        self.table?.get(key)
    }

    fn name(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }
}

/// Returns the whole number of a value.
pub(super) fn integer(value: &DeValue<'_>) -> Option<i64> {
    let whole = value.as_integer()?;
    i64::from_str_radix(whole.as_str(), whole.radix()).ok()
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
