//! What is wrong in a configuration file: where, what, and what to do about it.

use std::cell::RefCell;
use std::fmt::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// How bad a [`Problem`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The file cannot be used.
    Error,
    /// The file can be used but likely does not do what its author thinks.
    Warning,
}

/// One finding in one file. It never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file or folder.
    pub file: PathBuf,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Dotted path of the key; empty when the file as a whole is meant.
    pub field: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub remedy: String,
    /// Whether the file can be used.
    pub severity: Severity,
}

/// Returns the problems as text, one paragraph each: `file:line:col: field: message` and the
/// remedy below it.
pub fn render(problems: &[Problem]) -> String {
    let mut text = String::new();
    for problem in problems {
        let place = format!("{}:{}:{}", problem.file.display(), problem.line, problem.column);
        let warning = if problem.severity == Severity::Warning { "warning: " } else { "" };
        let field =
            if problem.field.is_empty() { String::new() } else { format!("{}: ", problem.field) };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{place}: {warning}{field}{}", problem.message);
        let _ = writeln!(text, "  remedy: {}", problem.remedy);
    }
    text
}

/// Returns the problems as JSON, without their severity: errors and warnings stand in lists of
/// their own.
pub fn as_json(problems: &[Problem]) -> Vec<serde_json::Value> {
    let one = |one: &Problem| {
        serde_json::json!({ "file": one.file.display().to_string(), "line": one.line,
            "column": one.column, "field": one.field, "message": one.message,
            "remedy": one.remedy })
    };
    problems.iter().map(one).collect()
}

/// Returns the errors and the warnings.
pub fn split(problems: &[Problem]) -> (Vec<Problem>, Vec<Problem>) {
    problems.iter().cloned().partition(|problem| problem.severity == Severity::Error)
}

// === impl Problem ===

impl Problem {
    /// Returns an error about a file as a whole.
    pub(crate) fn of_file(file: &Path, message: String, remedy: &str) -> Problem {
        Problem {
            file: file.to_owned(),
            line: 1,
            column: 1,
            field: String::new(),
            message,
            remedy: remedy.to_owned(),
            severity: Severity::Error,
        }
    }
}

/// Collects the problems of one file while it is read.
pub(super) struct Report<'a> {
    file: &'a Path,
    text: &'a str,
    found: RefCell<Vec<Problem>>,
}

// === impl Report ===

impl<'a> Report<'a> {
    pub(super) fn new(file: &'a Path, text: &'a str) -> Report<'a> {
        Report { file, text, found: RefCell::new(Vec::new()) }
    }

    /// Returns the folder of the file, the base of relative paths in it.
    pub(super) fn folder(&self) -> &Path {
        self.file.parent().unwrap_or(Path::new(""))
    }

    pub(super) fn error(&self, span: &Range<usize>, field: &str, message: String, remedy: String) {
        self.add(Severity::Error, span, field, message, remedy);
    }

    pub(super) fn warning(
        &self,
        span: &Range<usize>,
        field: &str,
        message: String,
        remedy: String,
    ) {
        self.add(Severity::Warning, span, field, message, remedy);
    }

    fn add(
        &self,
        severity: Severity,
        span: &Range<usize>,
        field: &str,
        message: String,
        remedy: String,
    ) {
        let (line, column) = place(self.text, span.start);
        let file = self.file.to_owned();
        let field = field.to_owned();
        let problem = Problem { file, line, column, field, message, remedy, severity };
        self.found.borrow_mut().push(problem);
    }

    /// Returns the value when no error was found, and the problems in the order of the text.
    pub(super) fn finish<T>(self, value: Option<T>) -> (Option<T>, Vec<Problem>) {
        let mut found = self.found.into_inner();
        found.sort_by_key(|problem| (problem.line, problem.column));
        let failed = found.iter().any(|problem| problem.severity == Severity::Error);
        (value.filter(|_| !failed), found)
    }
}

/// Returns line and column, both from 1, of a byte position.
fn place(text: &str, position: usize) -> (usize, usize) {
    let before = text.get(..position).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let column = before.get(line_start..).map_or(0, |head| head.chars().count()) + 1;
    (line, column)
}
