//! `lockstep rules`: the catalogue as implemented, with what decides each rule and what proves it.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::Format;
use super::table::table;
use crate::engine::catalogue::pending::{self, Pending, Standing};
use crate::engine::catalogue::{self, Rule};

/// A line for each function and each test of each rule, written from the sources by a test.
const TRACES: &str = include_str!("rules/traces.txt");

/// Arguments of `lockstep rules`.
#[derive(Debug, clap::Args)]
pub(super) struct RulesArgs {
    /// Only rules whose id begins so, such as FILT; one rule alone is shown with its tests.
    #[arg(value_name = "PREFIX")]
    prefix: Option<String>,
    /// How to write it.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

/// Where a rule is decided and proven.
#[derive(Debug, Default)]
struct Trace {
    decided_by: Vec<&'static str>,
    tests: Vec<&'static str>,
}

pub(super) fn run(args: &RulesArgs) -> anyhow::Result<ExitCode> {
    let prefix = args.prefix.as_deref().unwrap_or("").to_uppercase();
    let rules = catalogue::ALL.iter().filter(|rule| rule.id.0.starts_with(&prefix));
    let rules: Vec<_> = rules.map(|rule| (rule, trace(rule.id.0))).collect();
    let waiting = pending::ALL.iter().filter(|rule| rule.id.starts_with(&prefix));
    let waiting: Vec<_> = waiting.collect();
    match args.format {
        Format::Table => show(&rules, &waiting),
        Format::Json => {
            let holds = rules.iter().map(|(rule, trace)| as_json(rule, trace));
            let waits = waiting.iter().map(|rule| pending_as_json(rule));
            let list: Vec<Value> = holds.chain(waits).collect();
            say!("{:#}", json!({ "rules": list }));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns what the lines of the generated file say of a rule.
fn trace(id: &str) -> Trace {
    let mut trace = Trace::default();
    for line in TRACES.lines() {
        let mut words = line.split(' ');
        match (words.next(), words.next(), words.next()) {
            (Some(rule), Some("by"), Some(name)) if rule == id => trace.decided_by.push(name),
            (Some(rule), Some(_), Some(name)) if rule == id => trace.tests.push(name),
            _ => {}
        }
    }
    trace
}

fn show(rules: &[(&Rule, Trace)], waiting: &[&Pending]) {
    let mut list = table(&["Rule", "Sentence", "Source", "Decided by", "Tests"]);
    for (rule, trace) in rules {
        let tests = trace.tests.len().to_string();
        let decided_by = trace.decided_by.join("\n");
        list.add_row([rule.id.0, rule.sentence, rule.source, decided_by.as_str(), tests.as_str()]);
    }
    if !rules.is_empty() {
        say!("{list}");
    }
    if let [(rule, trace)] = rules {
        say!("\nTests of {}:", rule.id);
        for name in &trace.tests {
            say!("  {name}");
        }
    }
    if !waiting.is_empty() {
        let mut list = table(&["Rule", "Sentence", "Source", "Stands", "Why"]);
        for rule in waiting {
            list.add_row([rule.id, rule.sentence, rule.source, standing(rule), rule.why]);
        }
        say!("\nRules of the book that this version does not obey:\n{list}");
    }
}

fn standing(rule: &Pending) -> &'static str {
    match rule.standing {
        Standing::NotYet => "not yet",
        Standing::NothingToDo => "nothing to do",
    }
}

fn as_json(rule: &Rule, trace: &Trace) -> Value {
    json!({
        "id": rule.id.0,
        "sentence": rule.sentence,
        "source": rule.source,
        "standing": "holds",
        "decided_by": trace.decided_by,
        "tests": trace.tests,
    })
}

fn pending_as_json(rule: &Pending) -> Value {
    json!({
        "id": rule.id,
        "sentence": rule.sentence,
        "source": rule.source,
        "standing": standing(rule),
        "why": rule.why,
    })
}
