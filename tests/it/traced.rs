//! Each rule traced: the function that decides it, the tests that prove it, the page that says so.
//!
//! The sources are scanned; `docs/rules.md` and `src/cli/rules/traces.txt` hold the result, written
//! by this test when asked. A rule is proven by tests whose names begin with its id, at least one of
//! them through the whole system. The rules that this version does not obey stand in
//! `engine::catalogue::pending`; a test for one of them ends its stay there.

mod scan;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use lockstep::engine::catalogue::{self, Rule, pending};

use scan::{Trace, rules_of, tests, traces};

/// Set it to write the files instead of comparing them.
const WRITE: &str = "LOCKSTEP_WRITE_DOCS";

const PAGE: &str = "docs/rules.md";
const TABLE: &str = "src/cli/rules/traces.txt";

/// Files whose tests prove rules and nothing else.
const RULE_TESTS: [&str; 2] = ["tests/it/rules_", "src/engine/decide/tests/"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns all ids of the rule book.
fn all_ids(list: &str) -> BTreeSet<&str> {
    list.lines().collect()
}

fn list() -> String {
    fs::read_to_string(root().join("docs/rule-ids.txt")).unwrap()
}

fn found() -> BTreeMap<String, Trace> {
    let list = list();
    traces(root(), &all_ids(&list))
}

/// Compares a generated file with what the sources say, or writes it.
fn compare(name: &str, text: &str) {
    let path = root().join(name);
    if std::env::var_os(WRITE).is_some() {
        fs::write(&path, text).unwrap();
    }
    let stored = fs::read_to_string(&path).unwrap_or_default();
    assert!(stored == text, "{name} is out of date; {WRITE}=1 cargo test --test it traced");
}

fn names(page: &mut String, label: &str, names: &BTreeSet<String>) {
    if !names.is_empty() {
        let all: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        let _ = writeln!(page, "- {label}: {}", all.join(", "));
    }
}

fn rule(page: &mut String, rule: &Rule, trace: &Trace) {
    let _ = write!(page, "\n### {}\n\n{} *{}*\n\n", rule.id, rule.sentence, rule.source);
    names(page, "decided by", &trace.decided_by);
    names(page, "proven through the whole system by", &trace.whole);
    names(page, "and in the small by", &trace.unit);
}

fn page(found: &BTreeMap<String, Trace>) -> String {
    let mut page = String::from(
        "# Rules\n\n\
         What this version obeys, as `lockstep rules` prints it: each rule with its sentence, its source, \
         the functions that decide it and the tests that prove it. A source `BASE L…` is a line of \
         Microsoft's page on synchronization logic, `DOC` another Microsoft page, `META` the schema, \
         `SETXML` the list of an organization's settings, `COMM` community knowledge, `PROPOSED` a \
         reading or a design choice of this project.\n\n\
         This page is written from `src/engine/catalogue.rs` and from the sources: \
         `LOCKSTEP_WRITE_DOCS=1 cargo test --test it traced` writes it anew. A test proves the rules that \
         its name begins with; `cargo test` runs it by that name.\n\n\
         ## Rules that hold\n",
    );
    let none = Trace::default();
    for one in catalogue::ALL {
        rule(&mut page, one, found.get(one.id.0).unwrap_or(&none));
    }
    for (title, standing) in [
        ("Not yet", pending::Standing::NotYet),
        ("Not for this program", pending::Standing::NothingToDo),
    ] {
        let _ = write!(page, "\n## {title}\n\n| rule | sentence | source | why |\n");
        page.push_str("| --- | --- | --- | --- |\n");
        for one in pending::ALL.iter().filter(|one| one.standing == standing) {
            let _ =
                writeln!(page, "| {} | {} | {} | {} |", one.id, one.sentence, one.source, one.why);
        }
    }
    page
}

#[test]
fn the_page_of_rules_is_what_the_sources_say() {
    // docs/rules.md holds each rule with the functions and tests that the sources have now.
    compare(PAGE, &page(&found()));
}

#[test]
fn the_table_of_the_command_is_what_the_sources_say() {
    // `lockstep rules` reads a file with a line for each function and each test of each rule.
    let mut table = String::new();
    let found = found();
    for one in catalogue::ALL {
        let Some(trace) = found.get(one.id.0) else { continue };
        let sets = [("by", &trace.decided_by), ("whole", &trace.whole), ("unit", &trace.unit)];
        for (word, set) in sets {
            for name in set {
                let _ = writeln!(table, "{} {word} {name}", one.id);
            }
        }
    }
    compare(TABLE, &table);
}

#[test]
fn every_rule_is_decided_somewhere_and_proven_through_the_whole_system() {
    // No rule of the catalogue is a claim only: a function or type decides it, a test proves it.
    let found = found();
    let mut missing = Vec::new();
    for one in catalogue::ALL {
        let trace = found.get(one.id.0).cloned().unwrap_or_default();
        if trace.decided_by.is_empty() {
            missing.push(format!("{}: nothing decides it", one.id));
        }
        if trace.whole.is_empty() {
            missing
                .push(format!("{}: no test through the whole system begins with its id", one.id));
        }
    }
    assert!(missing.is_empty(), "{} missing\n{}", missing.len(), missing.join("\n"));
}

#[test]
fn every_rule_of_the_book_holds_or_is_said_not_to() {
    // Each id stands in the catalogue or among the pending ones, once; pending rules have no test.
    let list = list();
    let ids = all_ids(&list);
    let holds: BTreeSet<&str> = catalogue::ALL.iter().map(|one| one.id.0).collect();
    let waits: BTreeSet<&str> = pending::ALL.iter().map(|one| one.id).collect();
    assert_eq!(holds.len(), catalogue::ALL.len(), "a rule stands twice in the catalogue");
    assert_eq!(waits.len(), pending::ALL.len(), "a rule stands twice among the pending ones");
    let both: Vec<_> = holds.intersection(&waits).collect();
    assert!(both.is_empty(), "rules that hold: take them off the pending ones: {both:?}");
    let all: BTreeSet<&str> = holds.union(&waits).copied().collect();
    let neither: Vec<_> = ids.symmetric_difference(&all).collect();
    assert!(neither.is_empty(), "in one of rule-ids.txt and the two lists only: {neither:?}");
    let found = found();
    let proven = |id: &&&str| {
        found.get(**id).is_some_and(|trace| !trace.whole.is_empty() || !trace.unit.is_empty())
    };
    let proven: Vec<_> = waits.iter().filter(proven).collect();
    assert!(proven.is_empty(), "pending rules with a test belong in the catalogue: {proven:?}");
}

#[test]
fn every_test_of_rules_names_its_rule() {
    // In the files of rules each name begins with a rule, or stands in the table of complaints.
    let list = list();
    let ids = all_ids(&list);
    let complaints: BTreeSet<String> =
        complaints().into_iter().flat_map(|(_, tests)| tests).collect();
    let mut nameless = Vec::new();
    let mut unknown = Vec::new();
    for test in tests(root()) {
        let rules = rules_of(&test.name, &ids);
        if RULE_TESTS.iter().any(|at| test.file.starts_with(at))
            && rules.is_empty()
            && !complaints.contains(&test.name)
        {
            nameless.push(test.path.clone());
        }
        unknown.extend(rules.into_iter().filter(|id| !ids.contains(id.as_str())));
    }
    assert!(nameless.is_empty(), "tests that name no rule: {nameless:?}");
    assert!(unknown.is_empty(), "tests name rules that do not exist: {unknown:?}");
}

/// Returns the class and the tests of each line of the table of complaints.
fn complaints() -> Vec<(String, Vec<String>)> {
    let page = fs::read_to_string(root().join("docs/testing.md")).unwrap();
    let table = page.split("\n## Complaints\n").nth(1).expect("the table of complaints");
    let table = table.split("\n## ").next().unwrap_or_default();
    let lines = table.lines().filter(|line| line.starts_with("| ") && !line.contains("---"));
    let cells = lines.map(|line| line.split('|').map(str::trim).collect::<Vec<_>>());
    let rows = cells.filter(|cells| cells.len() > 4 && cells[1].len() == 1);
    let tests = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    rows.map(|cells| (cells[1].to_owned(), tests(cells[3]))).collect()
}

#[test]
fn every_class_of_complaints_has_its_tests() {
    // The table of docs/testing.md has the classes A to N; each test that it names exists, and each
    // test of complaints stands in it. Only a class without a wire of ours (L) has none.
    let table = complaints();
    let classes: String = table.iter().map(|(class, _)| class.as_str()).collect();
    assert_eq!(classes, "ABCDEFGHIJKLMN");
    let listed: BTreeSet<&str> =
        table.iter().flat_map(|(_, tests)| tests).map(String::as_str).collect();
    let bare: Vec<_> = table.iter().filter(|(_, tests)| tests.is_empty()).collect();
    assert!(bare.iter().all(|(class, _)| class == "L"), "{bare:?}");
    let all = tests(root());
    let names: BTreeSet<&str> = all.iter().map(|test| test.name.as_str()).collect();
    let unknown: Vec<_> = listed.difference(&names).collect();
    assert!(unknown.is_empty(), "the table names tests that do not exist: {unknown:?}");
    let here = all.iter().filter(|test| test.file.starts_with("tests/it/complaints/"));
    let unlisted: Vec<_> =
        here.map(|test| test.name.as_str()).filter(|name| !listed.contains(name)).collect();
    assert!(unlisted.is_empty(), "tests of complaints that the table lacks: {unlisted:?}");
}

#[test]
fn the_scan_sees_what_it_must() {
    // Names of tests are read to their last rule, and no further.
    let ids: BTreeSet<&str> =
        ["CXL-02", "CXL-06", "CXL-08", "SVC-02", "TASK-IN-01", "TASK-OUT-04", "REC-03"].into();
    let cases = [
        ("cxl_02a_06_and_08_a_past_meeting", "CXL-02 CXL-06 CXL-08"),
        ("svc_02_cxl_06_10_times", "SVC-02 CXL-06 CXL-10"),
        ("task_out_04_and_task_in_01_a_day", "TASK-OUT-04 TASK-IN-01"),
        ("rec_03_a_series_of_100", "REC-03"),
        ("a_test_of_cxl_02", ""),
        ("cxl_2_is_no_id", ""),
    ];
    for (name, rules) in cases {
        assert_eq!(rules_of(name, &ids).join(" "), rules, "{name}");
    }
}
