//! Documents against the code: what a page lists is what the program has, and nothing is missing.
//!
//! They are written by hand and compared; `docs/rules.md` is written by `traced`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use lockstep::config::{self, Environment};
use lockstep::domain::code::Code;
use lockstep::domain::setting::Profile;

/// Keys with their default; `None` for a key that has none.
type Keys = BTreeMap<String, Option<String>>;

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn read(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Returns the texts between backticks of a line.
fn quoted(line: &str) -> Vec<&str> {
    line.split('`').skip(1).step_by(2).collect()
}

/// Returns the part of a page below a heading, up to the next one of its height.
fn section<'a>(page: &'a str, heading: &str) -> &'a str {
    let start = page.find(heading).unwrap_or_else(|| panic!("no heading {heading}"));
    let rest = &page[start + heading.len()..];
    rest.find("\n## ").map_or(rest, |end| &rest[..end])
}

#[test]
fn every_code_has_a_paragraph() {
    // The codes of the program and the headings of docs/codes.md are the same set.
    let page = read("docs/codes.md");
    let mut documented = Vec::new();
    for part in page.split("\n### ").skip(1) {
        let (heading, body) = part.split_once('\n').unwrap_or((part, ""));
        let code = heading.trim().trim_matches('`').to_owned();
        for word in ["**Meaning.**", "**Impact.**"] {
            assert!(body.contains(word), "{code} has no {word}");
        }
        // The last label may be broken over two lines.
        let flat = body.replace('\n', " ");
        assert!(flat.contains("**What to do.**"), "{code} does not say what to do");
        documented.push(code);
    }
    let known: Vec<String> = Code::ALL.iter().map(|code| code.as_str().to_owned()).collect();
    let (listed, named): (BTreeSet<_>, BTreeSet<_>) =
        (known.iter().collect(), documented.iter().collect());
    let without: Vec<_> = listed.difference(&named).collect();
    let unknown: Vec<_> = named.difference(&listed).collect();
    assert!(without.is_empty(), "codes without a paragraph: {without:?}");
    assert!(unknown.is_empty(), "paragraphs of codes that do not exist: {unknown:?}");
    assert_eq!(documented.len(), named.len(), "a code has two paragraphs");
}

#[test]
fn err_05_codes_of_microsofts_product_lead_to_ours() {
    // The table of docs/codes.md and the program name the same pairs.
    let page = read("docs/codes.md");
    let table = section(&page, "## What Microsoft's product reports");
    let row = |line: &str| {
        let (theirs, ours) = line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | ")?;
        let ours = ours.strip_prefix('`')?.strip_suffix('`')?;
        Some((ours.to_owned(), theirs.to_owned()))
    };
    let written: BTreeSet<(String, String)> = table.lines().filter_map(row).collect();
    let known = Code::ALL.iter().filter_map(|code| {
        let theirs = lockstep::engine::advice::reported_as(*code)?;
        Some((code.as_str().to_owned(), theirs.to_owned()))
    });
    assert_eq!(written, known.collect());
    assert!(written.len() >= 10, "the table was not understood");
}

/// Returns the keys of a commented default file; `# key = …` is a key without a default.
fn keys_of_file(text: &str) -> Keys {
    let mut keys = Keys::new();
    let mut table = String::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            table = format!("{name}.");
            continue;
        }
        let (line, has_default) = match line.strip_prefix("# ") {
            Some(rest) => (rest, false),
            None => (line, true),
        };
        let Some((key, value)) = line.split_once(" = ") else { continue };
        let is_key = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if is_key {
            keys.insert(format!("{table}{key}"), has_default.then(|| value.to_owned()));
        }
    }
    keys
}

/// Returns the keys of the tables of a page: first cell the key, second cell the default.
fn keys_of_page(text: &str) -> Keys {
    let mut keys = Keys::new();
    for line in text.lines().filter(|line| line.starts_with("| `")) {
        let mut cells = line.split('|').skip(1);
        let first = cells.next().map(quoted).unwrap_or_default();
        let second = cells.next().map(quoted).unwrap_or_default();
        let default = second.first().map(|text| (*text).to_owned());
        for key in first {
            keys.insert(key.to_owned(), default.clone());
        }
    }
    keys
}

#[test]
fn every_key_is_documented_with_its_default() {
    // The keys of both default files and those of docs/configuration.md are the same, with the
    // same defaults; settings have no default of their own.
    let page = read("docs/configuration.md");
    let files = [
        ("## The node file", "config/default.toml"),
        ("## A tenant file", "config/default-tenant.toml"),
    ];
    for (heading, file) in files {
        let documented = keys_of_page(section(&page, heading));
        let mut expected = keys_of_file(&read(file));
        expected.retain(|key, _| !key.starts_with("settings."));
        assert!(expected.len() > 5, "{file} was not understood");
        for (key, default) in &expected {
            let found = documented.get(key);
            assert_eq!(found, Some(default), "{key} of {file} in docs/configuration.md");
        }
        let unknown: Vec<_> =
            documented.keys().filter(|key| !expected.contains_key(*key)).collect();
        assert!(unknown.is_empty(), "keys that {file} does not have: {unknown:?}");
    }
}

/// Returns a tenant file that is in order but for what is added at its end.
fn tenant_with(end: &str) -> String {
    let side = "url = \"https://far.example\"\ntoken_url = \"https://login.example/token\"\n\
                client_id = \"id\"\nclient_secret = { env = \"SECRET\" }\n";
    format!("tenant = \"x\"\n[dataverse]\n{side}[exchange]\n{side}{end}")
}

#[test]
fn every_documented_setting_is_obeyed() {
    // Each setting of the page is known and has an effect: a file that sets it gives no warning.
    let page = read("docs/configuration.md");
    let names = keys_of_page(section(&page, "## Settings of the organization"));
    assert!(names.len() > 4, "the settings were not understood");
    let environment = Environment::new([("SECRET".to_owned(), "s".to_owned())]);
    for name in names.keys() {
        let value = if name.contains("TaskDeletion") { "1" } else { "true" };
        let text = tenant_with(&format!("[settings]\n{name} = {value}\n"));
        let (config, problems) = config::check_tenant(&text, Path::new("x.toml"), &environment);
        assert!(config.is_some() && problems.is_empty(), "{name}: {problems:?}");
    }
    let (_, problems) = config::check_tenant(
        &tenant_with("[settings]\nTraceExchangeSyncData = true\n"),
        Path::new("x.toml"),
        &environment,
    );
    assert_eq!(problems.len(), 1, "a setting without effect must be warned about");
}

#[test]
fn the_page_of_profiles_says_what_they_decide() {
    // Each row of docs/profiles.md is a setting that `safe` decides, with its value; none is missing.
    let page = read("docs/profiles.md");
    let documented: BTreeMap<String, String> = page
        .lines()
        .filter(|line| line.starts_with("| `") && !line.starts_with("| `policy."))
        .map(|line| {
            let words = quoted(line);
            assert!(line.contains("| the organization's |"), "parity decides nothing: {line}");
            (words[0].to_owned(), words[1].to_owned())
        })
        .collect();
    let decided = Profile::Safe.values();
    let decided = decided.iter().map(|(name, value)| ((*name).to_owned(), value.to_string()));
    assert_eq!(documented, decided.collect());
    let policy = page.lines().find(|line| line.starts_with("| `policy.")).map(quoted).unwrap();
    let recreates = [Profile::Parity, Profile::Safe].map(Profile::recreates_past_occurrences);
    let expected = recreates.map(|it| it.to_string());
    assert_eq!(
        policy[..3],
        ["policy.recreate_deleted_past_occurrences", &expected[0], &expected[1]]
    );
    assert!(Profile::Parity.values().is_empty());
    for (word, _) in Profile::WORDS {
        assert!(page.contains(&format!("profile = \"{word}\"")), "{word}");
    }
}

#[test]
fn the_worked_tenant_file_is_in_order() {
    // The example of docs/configuration.md can be used as it stands.
    let page = read("docs/configuration.md");
    let example = section(&page, "## A worked tenant file");
    let text = example.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let variables = ["CONTOSO_DATAVERSE_SECRET"].map(|name| (name.to_owned(), "s".to_owned()));
    let environment = Environment::with_files(variables, |_| Ok("s".to_owned()));
    let (config, problems) = config::check_tenant(text, Path::new("contoso.toml"), &environment);
    assert!(config.is_some() && problems.is_empty(), "{problems:?}");
}

#[test]
fn every_metric_is_documented() {
    // docs/operations.md names each metric of the program, counters with their ending.
    let page = read("docs/operations.md");
    let documented: BTreeSet<&str> = page.lines().flat_map(quoted).collect();
    let names = read("src/telemetry/names.rs");
    let mut counter = false;
    let mut found = 0;
    for line in names.lines() {
        if line.starts_with("/// ") {
            counter = line.starts_with("/// Counter");
        }
        let Some(name) = line.split('"').nth(1) else { continue };
        if !name.starts_with("lockstep_") && !name.starts_with("http_client_") {
            continue;
        }
        let name = if counter { format!("{name}_total") } else { name.to_owned() };
        assert!(documented.contains(name.as_str()), "{name} is not in docs/operations.md");
        found += 1;
    }
    assert!(found > 8, "the names of metrics were not understood");
}

/// Returns all pages.
fn pages() -> Vec<PathBuf> {
    let mut pages: Vec<PathBuf> =
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(path).to_vec();
    for folder in ["docs", "docs/adr"] {
        let entries =
            fs::read_dir(path(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
        let found = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
        pages.extend(found.filter(|path| path.extension().is_some_and(|ending| ending == "md")));
    }
    assert!(pages.len() > 12, "the pages were not found");
    pages
}

#[test]
fn rules_named_in_pages_exist() {
    // A rule that a page names stands in the list of all rule ids.
    let list = read("docs/rule-ids.txt");
    let known: BTreeSet<&str> = list.lines().collect();
    let families: BTreeSet<&str> =
        known.iter().filter_map(|id| id.rsplit_once('-').map(|(family, _)| family)).collect();
    let mut unknown = Vec::new();
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for word in text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-') {
            let Some((family, digits)) = word.rsplit_once('-') else { continue };
            let is_rule = families.contains(family) && digits.bytes().all(|b| b.is_ascii_digit());
            if is_rule && !known.contains(word) {
                unknown.push(format!("{}: {word}", page.display()));
            }
        }
    }
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn links_between_pages_lead_somewhere() {
    // A relative link of a page names a file that is there.
    let mut broken = Vec::new();
    for page in &pages() {
        let text = fs::read_to_string(page).unwrap();
        for rest in text.split("](").skip(1) {
            let target = rest.split([')', '#']).next().unwrap_or("");
            let outside = target.is_empty() || target.contains("://");
            if !outside && !page.parent().unwrap().join(target).exists() {
                broken.push(format!("{}: {target}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:?}");
}
