//! A Rust file as the tidy checks see it: without comments, texts and tests, line by line.
//!
//! No parser: the checks need names, braces and lines only.

use std::fs;
use std::path::{Path, PathBuf};

/// One file below `src`, `tests` or `benches`.
pub(crate) struct Source {
    /// Path from the package's folder, with `/`.
    pub(crate) path: String,
    /// The file as it is.
    pub(crate) text: String,
    /// The file with comments and the inside of texts blanked out.
    pub(crate) code: String,
    /// `code` with test modules blanked out; empty for a file of tests.
    pub(crate) product: String,
}

/// A name with `::` and the line where it stands.
pub(crate) struct Named {
    pub(crate) path: String,
    pub(crate) line: usize,
}

// === impl Source ===

impl Source {
    pub(crate) fn new(path: String, text: String) -> Source {
        let code = code_of(&text);
        let tests = !path.starts_with("src/")
            || path.ends_with("/tests.rs")
            || path.ends_with("/testing.rs")
            || path.ends_with("/properties.rs")
            || path.contains("/tests/");
        let product = if tests { String::new() } else { without_test_modules(&code) };
        Source { path, text, code, product }
    }

    /// Returns the room: the first name below `src`.
    pub(crate) fn room(&self) -> &str {
        let below = self.path.strip_prefix("src/").unwrap_or("");
        below.split('/').next().unwrap_or("").trim_end_matches(".rs")
    }

    /// Returns all paths that product code names: imports spelled out, and paths in expressions.
    pub(crate) fn names(&self) -> Vec<Named> {
        let mut names = Vec::new();
        let mut rest = String::new();
        let mut imported = Vec::new();
        for statement in self.product.split_inclusive(';') {
            // The import is what follows the last "use " that starts a word.
            let start = word(statement, "use").filter(|_| statement.ends_with(';'));
            let Some(start) = start else {
                rest.push_str(statement);
                continue;
            };
            let (before, tree) = statement.split_at(start);
            rest.push_str(before);
            let line = line_of(&self.product, rest.len());
            rest.extend(tree.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
            let tree = tree.trim_start_matches("use").trim_end_matches(';');
            let flat: String = tree.split_whitespace().collect::<Vec<_>>().join(" ");
            for path in spelled_out(&flat) {
                imported.push(path.rsplit("::").next().unwrap_or("").to_owned());
                names.push(Named { path, line });
            }
        }
        for (at, path) in paths_in(&rest) {
            let head = path.split("::").next().unwrap_or("");
            if !imported.iter().any(|name| name == head) {
                names.push(Named { line: line_of(&rest, at), path });
            }
        }
        names
    }
}

/// Returns the Rust files below the folders, sorted.
pub(crate) fn sources(root: &Path, folders: &[&str]) -> Vec<Source> {
    let files = files(root, folders);
    let rust = files.into_iter().filter(|path| path.extension().is_some_and(|end| end == "rs"));
    rust.map(|path| {
        let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
        Source::new(name, fs::read_to_string(&path).unwrap_or_default())
    })
    .collect()
}

/// Returns all files below the folders, sorted. A folder that does not exist holds none.
pub(crate) fn files(root: &Path, folders: &[&str]) -> Vec<PathBuf> {
    let mut open: Vec<PathBuf> = folders.iter().map(|folder| root.join(folder)).collect();
    let mut found = Vec::new();
    while let Some(path) = open.pop() {
        if let Ok(entries) = fs::read_dir(&path) {
            open.extend(entries.filter_map(|entry| entry.ok()).map(|entry| entry.path()));
        } else if path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Returns the line, from 1, of a byte position.
pub(crate) fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

/// Returns the position of the brace that closes the one at `open`.
pub(crate) fn closing(code: &str, open: usize) -> usize {
    let mut depth = 0usize;
    for (at, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 1 => return at,
            b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    code.len()
}

/// Blanks comments and the inside of texts with spaces, byte for byte; newlines and quotes stay.
fn code_of(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut code = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let end = match bytes[at] {
            b'/' if bytes[at..].starts_with(b"//") => {
                at + text[at..].find('\n').unwrap_or(bytes.len() - at)
            }
            b'/' if bytes[at..].starts_with(b"/*") => {
                text[at..].find("*/").map_or(bytes.len(), |n| at + n + 2)
            }
            b'"' => end_of_text(bytes, at),
            b'r' if starts_raw(bytes, at) => end_of_raw(text, at),
            b'\'' => end_of_char(bytes, at),
            _ => {
                code.push(bytes[at]);
                at += 1;
                continue;
            }
        };
        let quoted = bytes[at] != b'/';
        code.extend(bytes[at..end].iter().enumerate().map(|(n, byte)| {
            let edge = quoted && (n == 0 || at + n + 1 == end);
            if *byte == b'\n' {
                b'\n'
            } else if edge {
                b'"'
            } else {
                b' '
            }
        }));
        at = end;
    }
    String::from_utf8_lossy(&code).into_owned()
}

fn end_of_text(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(bytes.len())
}

fn starts_raw(bytes: &[u8], at: usize) -> bool {
    let inside_word = at > 0 && is_word(bytes[at - 1]) && bytes[at - 1] != b'b';
    let hashes = bytes[at + 1..].iter().take_while(|byte| **byte == b'#').count();
    !inside_word && bytes.get(at + 1 + hashes) == Some(&b'"')
}

fn end_of_raw(text: &str, start: usize) -> usize {
    let hashes = text[start + 1..].bytes().take_while(|byte| *byte == b'#').count();
    let close = format!("\"{}", "#".repeat(hashes));
    let body = start + 1 + hashes + 1;
    text[body..].find(&close).map_or(text.len(), |n| body + n + close.len())
}

/// Returns the end of a character literal; a lifetime is one byte long.
fn end_of_char(bytes: &[u8], start: usize) -> usize {
    if bytes.get(start + 1) == Some(&b'\\') {
        let close = bytes[start + 3..].iter().position(|byte| *byte == b'\'');
        return close.map_or(bytes.len(), |n| start + 3 + n + 1);
    }
    // A literal holds one character of up to four bytes.
    let close = (start + 2..=start + 5).find(|at| bytes.get(*at) == Some(&b'\''));
    match close {
        Some(close) if close == start + 2 || bytes[start + 1] >= 0x80 => close + 1,
        _ => start + 1,
    }
}

fn without_test_modules(code: &str) -> String {
    let mut product = code.to_owned();
    let mut from = 0;
    while let Some(found) = product[from..].find("#[cfg(test)]") {
        let start = from + found;
        let item = &product[start..];
        let (brace, semicolon) = (item.find('{'), item.find(';'));
        let end = match (brace, semicolon) {
            (Some(brace), Some(semicolon)) if semicolon < brace => start + semicolon + 1,
            (Some(brace), _) => closing(&product, start + brace) + 1,
            (None, Some(semicolon)) => start + semicolon + 1,
            (None, None) => product.len(),
        };
        let end = end.min(product.len());
        let blank: String =
            product[start..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
        from = start + blank.len();
        product.replace_range(start..end, &blank);
    }
    product
}

/// Returns `a::{b, c::{d, e}}` as `a::b`, `a::c::d`, `a::c::e`.
fn spelled_out(tree: &str) -> Vec<String> {
    let tree = tree.trim();
    let Some(open) = tree.find('{') else {
        let path = tree.split(" as ").next().unwrap_or("").trim();
        return vec![path.trim_start_matches("::").to_owned()];
    };
    let prefix = tree[..open].trim();
    let inside = &tree[open + 1..tree.rfind('}').unwrap_or(tree.len())];
    let mut depth = 0;
    let parts = inside.split(|c| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        c == ',' && depth == 0
    });
    parts
        .filter(|part| !part.trim().is_empty())
        .flat_map(spelled_out)
        .map(|path| format!("{prefix}{path}"))
        .collect()
}

/// Returns the paths with `::` and their places.
fn paths_in(code: &str) -> Vec<(usize, String)> {
    let mut paths = Vec::new();
    let bytes = code.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if !is_word(bytes[at]) {
            at += 1;
            continue;
        }
        let start = at;
        while at < bytes.len() && (is_word(bytes[at]) || bytes[at] == b':') {
            at += 1;
        }
        let path = code[start..at].trim_end_matches(':');
        let inner = start > 0 && matches!(bytes[start - 1], b'.' | b':');
        if path.contains("::") && !inner {
            paths.push((start, path.to_owned()));
        }
    }
    paths
}

/// Returns the last place where `name` stands as a word at the start of an item.
fn word(code: &str, name: &str) -> Option<usize> {
    code.rmatch_indices(name).map(|(at, _)| at).find(|at| {
        let before = code[..*at].trim_end_matches(' ');
        let after = code[at + name.len()..].chars().next();
        let starts =
            before.is_empty() || before.ends_with(['\n', '}', '{', ')']) || before.ends_with("pub");
        starts && after == Some(' ')
    })
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}
