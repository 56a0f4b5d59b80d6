//! Style as a test: who may import whom, lengths, heads of files, words that must not stand.
//!
//! Each test gathers all violations and shows them together. A room that does not exist yet has
//! none.

pub(crate) mod source;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use source::{Source, closing, files, line_of, sources};

/// Lines of a file without its tests.
const FILE_MAX_LINES: usize = 400;
/// Lines of a function without blank lines and comments, as clippy counts.
const FUNCTION_MAX_LINES: usize = 70;
/// Tables that a program wrote.
const GENERATED: &[&str] = &["src/domain/zone/windows.rs"];

const ADAPTERS: &[&str] =
    &["dataverse", "graph", "ews", "redis", "embedded", "memory", "http", "throttle", "vault"];
const SURFACES: &[&str] = &["cli", "api", "ingress", "config", "app", "main"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn product() -> Vec<Source> {
    sources(root(), &["src"])
}

fn all() -> Vec<Source> {
    sources(root(), &["src", "tests", "benches"])
}

fn report(violations: &[String]) {
    assert!(violations.is_empty(), "{} violations\n{}", violations.len(), violations.join("\n"));
}

/// Returns the height of a room; a room may know the rooms below it.
fn height(room: &str) -> Option<u8> {
    Some(match room {
        "domain" => 0,
        "engine" | "shards" => 1,
        "ports" => 2,
        _ if ADAPTERS.contains(&room) => 3,
        "cycle" => 4,
        "actors" | "cluster" => 5,
        _ if SURFACES.contains(&room) => 6,
        _ => return None,
    })
}

/// Returns why `from` may not know `to`, if it may not.
fn forbidden(from: &str, to: &str) -> Option<&'static str> {
    if from == to || from == "lib" {
        return None;
    }
    match (from, to) {
        ("sim", _) => Some("the stand-ins share nothing with the program"),
        (_, "sim") if SURFACES.contains(&from) => None,
        (_, "sim") => Some("only the surfaces start stand-ins"),
        ("telemetry", "domain") => None,
        ("telemetry", _) => Some("telemetry is a leaf"),
        ("domain" | "engine" | "shards" | "ports", "telemetry") => {
            Some("the core reports by values")
        }
        (_, "telemetry") => None,
        (_, "config") if ["app", "cli", "api", "main"].contains(&from) => None,
        (_, "config") => Some("config builds the options of a room, the room does not know it"),
        _ => match (height(from), height(to)) {
            (None, _) => Some("the room is not in the map of rooms"),
            (_, None) => Some("the room named is not in the map of rooms"),
            (Some(3), Some(3)) if ["http", "throttle"].contains(&to) => None,
            (Some(3), Some(3)) => Some("adapters do not know one another"),
            (Some(own), Some(other)) if other <= own => None,
            (Some(_), Some(_)) => Some("a room knows only the rooms below it"),
        },
    }
}

/// Returns the second name of `crate::room::…` when it is a room.
fn room_named(path: &str) -> Option<&str> {
    let mut names = path.split("::");
    if !matches!(names.next(), Some("crate" | "lockstep")) {
        return None;
    }
    names.next().filter(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
}

#[test]
fn rooms_know_only_the_rooms_below() {
    // The map of rooms in ARCHITECTURE.md holds for every import and every path.
    let mut violations = Vec::new();
    for source in product() {
        for named in source.names() {
            let Some(to) = room_named(&named.path) else { continue };
            if let Some(why) = forbidden(source.room(), to) {
                violations.push(format!("{}:{}: names {to}: {why}", source.path, named.line));
            }
        }
    }
    report(&violations);
}

#[test]
fn each_library_has_its_room() {
    // HTTP, Redis and the actors stay replaceable because one room each knows them.
    let mut violations = Vec::new();
    for source in product() {
        let room = source.room();
        for named in source.names() {
            let library = named.path.split("::").next().unwrap_or("");
            let allowed = match library {
                "reqwest" => room == "http",
                "redis" => room == "redis",
                "redb" => room == "embedded",
                "ring" => room == "vault",
                _ if library.starts_with("actix") => {
                    ["actors", "cluster", "app", "api", "ingress", "cli", "main"].contains(&room)
                        || source.path.starts_with("src/sim/server")
                }
                _ => true,
            };
            if !allowed {
                violations.push(format!("{}:{}: names {}", source.path, named.line, named.path));
            }
        }
    }
    report(&violations);
}

#[test]
fn the_core_knows_no_outside() {
    // Domain, engine and ports have no I/O, clock or randomness, so that they can be replayed.
    let outside = ["tokio", "rand", "fastrand", "tracing", "futures_util", "anyhow"];
    let inside_std = ["std::fs", "std::net", "std::env", "std::process", "std::thread", "std::io"];
    let clocks = ["Utc::now", "Local::now", "Instant::now", "SystemTime::now", "new_v4"];
    let mut violations = Vec::new();
    for source in product() {
        let room = source.room();
        if !["domain", "engine", "shards", "ports"].contains(&room) {
            continue;
        }
        for named in source.names() {
            let head = named.path.split("::").next().unwrap_or("");
            if outside.contains(&head)
                || inside_std.iter().any(|path| named.path.starts_with(path))
                || clocks.iter().any(|path| named.path.ends_with(path))
                || (head == "async_trait" && room != "ports")
            {
                violations.push(format!("{}:{}: names {}", source.path, named.line, named.path));
            }
        }
        for (number, line) in source.product.lines().enumerate() {
            if room != "ports" && line.contains("async fn ") {
                violations.push(format!("{}:{}: is async", source.path, number + 1));
            }
        }
    }
    report(&violations);
}

#[test]
fn the_stand_ins_draw_and_date_nothing_by_themselves() {
    // A world with the same seed, clock and requests is the same world.
    let drawn = ["new_v4", "now_v7", "Rng::new", "fastrand::u64", "fastrand::f64"];
    let clocks = ["Utc::now", "Local::now", "Instant::now", "SystemTime::now"];
    let mut violations = Vec::new();
    for source in product().into_iter().filter(|source| source.room() == "sim") {
        let dates = source.path.ends_with("sim/world/clock.rs");
        for named in source.names() {
            let by_itself = drawn.iter().any(|path| named.path.ends_with(path))
                || (!dates && clocks.iter().any(|path| named.path.ends_with(path)));
            if by_itself {
                violations.push(format!("{}:{}: names {}", source.path, named.line, named.path));
            }
        }
    }
    report(&violations);
}

#[test]
fn files_are_short() {
    // A file beyond the limit holds two subjects.
    let mut violations = Vec::new();
    for source in product().iter().filter(|source| !GENERATED.contains(&source.path.as_str())) {
        // Lines that are blank in the product but not in the code belong to tests.
        let tests = source
            .code
            .lines()
            .zip(source.product.lines())
            .filter(|(code, product)| product.trim().is_empty() && !code.trim().is_empty())
            .count();
        let lines = source.text.lines().count() - tests;
        if !source.product.is_empty() && lines > FILE_MAX_LINES {
            violations.push(format!("{}:1: has {lines} lines", source.path));
        }
    }
    report(&violations);
}

#[test]
fn functions_are_short() {
    // A function beyond the limit does two things.
    let mut violations = Vec::new();
    for source in product() {
        let code = &source.product;
        for (at, _) in code.match_indices("fn ") {
            if !code[..at].ends_with([' ', '\n', '(']) && at > 0 {
                continue;
            }
            // A declaration without a body ends in a semicolon.
            let Some(open) = code[at..].find(['{', ';']).map(|n| at + n) else { continue };
            if code.as_bytes()[open] == b';' {
                continue;
            }
            let body = &code[open..closing(code, open)];
            let lines = body.lines().skip(1).filter(|line| !line.trim().is_empty()).count();
            if lines > FUNCTION_MAX_LINES {
                let line = line_of(code, at);
                violations.push(format!("{}:{line}: a function of {lines} lines", source.path));
            }
        }
    }
    report(&violations);
}

#[test]
fn every_file_says_what_it_is() {
    // The head of a file tells what it holds and what is absent.
    let without = |source: &Source| {
        let text = source.text.trim_start();
        !text.starts_with("//! ")
    };
    let found = all().into_iter().filter(without);
    report(&found.map(|source| format!("{}:1: has no //! head", source.path)).collect::<Vec<_>>());
}

#[test]
fn product_code_does_not_panic_or_print() {
    // Nothing from outside ends the program, and standard output belongs to the CLI.
    let mut violations = Vec::new();
    for source in product() {
        let prints = ["cli", "main"].contains(&source.room());
        for (number, line) in source.product.lines().enumerate() {
            let panics = [".unwrap()", ".expect(\"", "todo!(", "unimplemented!("];
            let talks = ["println!(", "print!(", "dbg!("];
            let sends = [".do_send("];
            let bad = panics
                .iter()
                .chain(&sends)
                .chain(talks.iter().filter(|_| !prints))
                .find(|word| line.contains(**word));
            if let Some(word) = bad {
                violations.push(format!("{}:{}: {word}", source.path, number + 1));
            }
        }
    }
    report(&violations);
}

#[test]
fn rule_ids_exist() {
    // A rule named in code stands in the catalogue.
    let list = fs::read_to_string(root().join("docs/rule-ids.txt")).unwrap();
    let known: BTreeSet<&str> = list.lines().collect();
    let families: BTreeSet<&str> =
        known.iter().filter_map(|id| id.rsplit_once('-').map(|(family, _)| family)).collect();
    let mut violations = Vec::new();
    for source in all() {
        for (at, line) in source.text.lines().enumerate() {
            let words = line.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
            for word in words.filter(|word| !known.contains(word)) {
                let Some((family, digits)) = word.rsplit_once('-') else { continue };
                // `ELIG-03c` is a part of ELIG-03.
                let digits = digits.trim_end_matches(|end: char| end.is_ascii_lowercase());
                let stands = known.contains(format!("{family}-{digits}").as_str());
                let number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
                if families.contains(family) && number && !stands {
                    violations.push(format!("{}:{}: no rule {word}", source.path, at + 1));
                }
            }
        }
    }
    report(&violations);
}

#[test]
fn tests_begin_with_their_sentence() {
    // The first line of a test says what it proves.
    let mut violations = Vec::new();
    for source in all() {
        let lines: Vec<&str> = source.text.lines().map(str::trim).collect();
        for (number, line) in lines.iter().enumerate() {
            if !(line.starts_with("#[test") || line.starts_with("#[tokio::test")) {
                continue;
            }
            let body = lines[number..].iter().position(|line| line.ends_with('{'));
            let first = body.and_then(|open| lines.get(number + open + 1));
            if !first.is_some_and(|first| first.starts_with("// ")) {
                violations.push(format!("{}:{}: no sentence", source.path, number + 1));
            }
        }
    }
    report(&violations);
}

#[test]
fn no_path_of_a_machine_stands_anywhere() {
    // The project works wherever it lies. The words are split so that this file passes.
    let words = [
        concat!("/ho", "me/"),
        concat!("/ro", "ot/"),
        concat!("/Use", "rs/"),
        concat!("/wo", "rk/"),
    ];
    let places = [
        "src",
        "tests",
        "benches",
        "config",
        "deploy",
        "docs",
        ".ci",
        ".config",
        "Makefile",
        "Cargo.toml",
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
    ];
    let mut violations = Vec::new();
    for path in files(root(), &places) {
        let Ok(text) = fs::read_to_string(&path) else { continue };
        for (number, line) in text.lines().enumerate() {
            if let Some(word) = words.iter().find(|word| line.contains(**word)) {
                violations.push(format!("{}:{}: {word}", path.display(), number + 1));
            }
        }
    }
    report(&violations);
}

#[test]
fn the_checks_see_what_they_must() {
    // A check that looks past its object would pass forever: here each finds a planted one.
    let text = "//! Head.\nuse crate::{engine::plan, http::{Client, Pool as P}};\n\
                // use crate::cycle;\nconst A: &str = \"crate::api::x {\"; const B: char = '\"';\n\
                fn f<'a>(x: &'a str) { reqwest::get(x); r#\"crate::cli \"#; }\n\
                #[cfg(test)]\nmod tests { use crate::redis::R; }\nfn g() { crate::sim::run() }\n";
    let source = Source::new("src/domain/x.rs".to_owned(), text.to_owned());
    let names: Vec<String> =
        source.names().iter().map(|named| format!("{}:{}", named.line, named.path)).collect();
    assert_eq!(
        names,
        [
            "2:crate::engine::plan",
            "2:crate::http::Client",
            "2:crate::http::Pool",
            "5:reqwest::get",
            "8:crate::sim::run",
        ]
    );
    assert_eq!(source.room(), "domain");
    for (from, to) in [("domain", "engine"), ("graph", "dataverse"), ("actors", "config")] {
        assert!(forbidden(from, to).is_some(), "{from} {to}");
    }
    for (from, to) in [("graph", "http"), ("cycle", "ports"), ("app", "config"), ("cli", "sim")] {
        assert!(forbidden(from, to).is_none(), "{from} {to}");
    }
}
