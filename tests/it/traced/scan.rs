//! Where rules stand in the sources: the functions that decide them and the tests that prove them.
//!
//! No parser: items are found by their keyword and their braces, as the tidy checks do.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::tidy::source::{Source, closing, sources};

/// Places that speak of rules without deciding one: the catalogue, its explanations, surfaces.
const NOT_DECIDING: &[&str] = &[
    "src/api",
    "src/cli",
    "src/config",
    "src/sim",
    "src/cycle/explain",
    "src/cycle/report.rs",
    "src/domain/code.rs",
    "src/domain/fact.rs",
    "src/domain/rule.rs",
    "src/engine/advice.rs",
    "src/engine/advice/codes.rs",
    "src/engine/advice/rules.rs",
    "src/engine/catalogue",
    "src/engine/invariants.rs",
];

/// Tests of a whole: parts over real HTTP against the stand-ins, and, for what only time shows, the
/// actors of a tenant with a clock that is moved.
const WHOLE: [&str; 2] = ["tests/it/", "src/actors/tests/"];

/// Where a rule is decided and proven.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Trace {
    /// Functions, or the types that make the rule true by what they cannot hold.
    pub(super) decided_by: BTreeSet<String>,
    /// Tests through the whole system.
    pub(super) whole: BTreeSet<String>,
    /// Unit tests.
    pub(super) unit: BTreeSet<String>,
}

/// A test function.
pub(super) struct Test {
    /// Path of its file from the package's folder.
    pub(super) file: String,
    /// Its own name.
    pub(super) name: String,
    /// Its name as the test runner shows it.
    pub(super) path: String,
}

/// An item of product code: its name, where it begins and where its body ends.
struct Item<'a> {
    name: &'a str,
    start: usize,
    end: usize,
    is_function: bool,
}

/// Returns the trace of each id that stands anywhere.
pub(super) fn traces(root: &Path, ids: &BTreeSet<&str>) -> BTreeMap<String, Trace> {
    let mut traces: BTreeMap<String, Trace> = BTreeMap::new();
    for (id, place) in decided(root, ids) {
        traces.entry(id).or_default().decided_by.insert(place);
    }
    for test in tests(root).into_iter().filter(|test| !test.file.starts_with("src/sim/")) {
        for id in rules_of(&test.name, ids) {
            let trace = traces.entry(id).or_default();
            let whole = WHOLE.iter().any(|at| test.file.starts_with(at));
            let set = if whole { &mut trace.whole } else { &mut trace.unit };
            set.insert(test.path.clone());
        }
    }
    traces
}

/// Returns the deciding places of each id. A constant weighs more than a comment, a comment in a
/// function more than one on a type, the core more than the outside: only the weightiest count.
fn decided(root: &Path, ids: &BTreeSet<&str>) -> Vec<(String, String)> {
    let mut found: BTreeMap<String, BTreeMap<u8, BTreeSet<String>>> = BTreeMap::new();
    for source in sources(root, &["src"]) {
        if source.product.is_empty() || NOT_DECIDING.iter().any(|at| source.path.starts_with(at)) {
            continue;
        }
        let outside = u8::from(!["engine", "domain"].contains(&source.room()));
        let items = items(&source.product);
        for (at, id) in constants(&source.product, ids) {
            let holder = holder(&items, at).map(|item| place(&source.path, item));
            found.entry(id).or_default().entry(outside).or_default().extend(holder);
        }
        for (at, id) in comments(&source, ids) {
            let Some(item) = holder(&items, at).or_else(|| following(&items, at)) else { continue };
            let weight = outside + if item.is_function { 2 } else { 4 };
            let places = found.entry(id).or_default().entry(weight).or_default();
            places.insert(place(&source.path, item));
        }
    }
    let weightiest = |places: BTreeMap<u8, BTreeSet<String>>| {
        places.into_values().find(|names| !names.is_empty()).unwrap_or_default()
    };
    let each =
        |(id, places)| weightiest(places).into_iter().map(move |place| (String::clone(&id), place));
    found.into_iter().flat_map(each).collect()
}

/// Returns `engine::decide::removal::contact_leaves` of a file and an item.
fn place(path: &str, item: &Item<'_>) -> String {
    format!("{}::{}", module(path), item.name)
}

/// Returns the module of a file as the test runner names it.
fn module(path: &str) -> String {
    let path = path.trim_start_matches("src/").trim_start_matches("tests/it/");
    path.trim_end_matches(".rs").replace('/', "::")
}

fn items(code: &str) -> Vec<Item<'_>> {
    let mut items = Vec::new();
    for keyword in ["fn", "struct", "enum", "trait", "const", "static"] {
        for (start, _) in code.match_indices(&format!("{keyword} ")) {
            // Not inside a word, nor the lifetime of a type.
            let begins =
                start == 0 || !matches!(code.as_bytes()[start - 1], b'\'' | b'_' | b'a'..=b'z');
            let rest = &code[start + keyword.len() + 1..];
            let length = rest.bytes().take_while(|byte| is_word(*byte)).count();
            let name = &rest[..length];
            if !begins || name.is_empty() || name == "fn" {
                continue;
            }
            let end = end_of_item(code, start);
            items.push(Item { name, start, end, is_function: keyword == "fn" });
        }
    }
    items.sort_by_key(|item| item.start);
    items
}

/// Returns the end of an item: its closing brace, or its semicolon.
fn end_of_item(code: &str, start: usize) -> usize {
    let mut depth = 0i32;
    for (at, byte) in code.bytes().enumerate().skip(start) {
        match byte {
            b'{' if depth == 0 => return closing(code, at),
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth -= 1,
            b';' if depth == 0 => return at,
            _ => {}
        }
    }
    code.len()
}

/// Returns the item that holds a position: the innermost function, else the innermost type.
fn holder<'a, 'b>(items: &'b [Item<'a>], at: usize) -> Option<&'b Item<'a>> {
    let around = |item: &&Item<'_>| item.start <= at && at <= item.end;
    let innermost = |wanted: bool| {
        let found = items.iter().filter(around).filter(|item| item.is_function == wanted);
        found.min_by_key(|item| item.end - item.start)
    };
    innermost(true).or_else(|| innermost(false))
}

/// Returns the item that a comment stands before.
fn following<'a, 'b>(items: &'b [Item<'a>], at: usize) -> Option<&'b Item<'a>> {
    items.iter().find(|item| item.start > at)
}

/// Returns the constants of rules and their places.
fn constants(code: &str, ids: &BTreeSet<&str>) -> Vec<(usize, String)> {
    let is_part = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    words(code, is_part)
        .map(|(at, word)| (at, word.replace('_', "-")))
        .filter(|(_, word)| ids.contains(word.as_str()))
        .collect()
}

/// Returns the rules that comments name; the head of a file is about the file and does not count.
fn comments(source: &Source, ids: &BTreeSet<&str>) -> Vec<(usize, String)> {
    let is_part = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-';
    let mut found = Vec::new();
    let mut line_start = 0;
    for line in source.text.split_inclusive('\n') {
        // A comment is what was blanked out of the code; texts leave their quotes there.
        let blanked = source.code.get(line_start..line_start + line.len()).unwrap_or("");
        let comment = line.find("//").filter(|at| {
            let head = line.trim_start().starts_with("//!");
            !head && blanked.as_bytes().get(*at) == Some(&b' ')
        });
        if let Some(start) = comment {
            let ids = words(&line[start..], is_part).filter(|(_, word)| ids.contains(word));
            found.extend(ids.map(|(at, word)| (line_start + start + at, word.to_owned())));
        }
        line_start += line.len();
    }
    found
}

fn words(text: &str, is_part: impl Fn(u8) -> bool + Copy) -> impl Iterator<Item = (usize, &str)> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < bytes.len() && !is_part(bytes[at]) {
            at += 1;
        }
        let start = at;
        while at < bytes.len() && is_part(bytes[at]) {
            at += 1;
        }
        (start < at).then(|| (start, &text[start..at]))
    })
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Returns all test functions.
pub(super) fn tests(root: &Path) -> Vec<Test> {
    let mut tests = Vec::new();
    for source in sources(root, &["src", "tests"]) {
        let lines: Vec<&str> = source.code.lines().map(str::trim).collect();
        // Tests beside the code stand in a module of their own.
        let inside = if source.product.is_empty() { "" } else { "::tests" };
        for (number, line) in lines.iter().enumerate() {
            if !(line.starts_with("#[test") || line.starts_with("#[tokio::test")) {
                continue;
            }
            let function = lines[number + 1..].iter().find_map(|line| {
                let rest = line.trim_start_matches("async ").strip_prefix("fn ")?;
                Some(&rest[..rest.bytes().take_while(|byte| is_word(*byte)).count()])
            });
            if let Some(name) = function {
                let path = format!("{}{inside}::{name}", module(&source.path));
                tests.push(Test { file: source.path.clone(), name: name.to_owned(), path });
            }
        }
    }
    tests
}

/// Returns the rules that a test's name begins with: `cxl_02a_06_and_svc_02_…` names CXL-02,
/// CXL-06 and SVC-02.
pub(super) fn rules_of(name: &str, ids: &BTreeSet<&str>) -> Vec<String> {
    let mut families: Vec<&str> =
        ids.iter().filter_map(|id| Some(id.rsplit_once('-')?.0)).collect();
    families.sort_by_key(|family| std::cmp::Reverse(family.len()));
    let mut found: Vec<String> = Vec::new();
    let mut family = "";
    let mut rest = name;
    loop {
        let after = rest.strip_prefix("and_").filter(|_| !found.is_empty()).unwrap_or(rest);
        let named = families.iter().find_map(|one| {
            let prefix = format!("{}_", one.to_lowercase().replace('-', "_"));
            Some((*one, number(after.strip_prefix(prefix.as_str())?)?))
        });
        let bare = || Some((family, number(after).filter(|_| !family.is_empty())?));
        let Some((one, (digits, further))) = named.or_else(bare) else { return found };
        family = one;
        found.push(format!("{family}-{digits}"));
        rest = further;
    }
}

/// Splits `06b_rest` into `06` and `rest`.
fn number(text: &str) -> Option<(&str, &str)> {
    let (word, rest) = text.split_once('_').unwrap_or((text, ""));
    let digits = word.trim_end_matches(|c: char| c.is_ascii_lowercase());
    let two = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
    (two && word.len() <= 3).then_some((digits, rest))
}
