//! Configuration files, good and bad.

mod directions;
mod folders;
mod ingress;
mod secrets;
mod settings;
mod state;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::*;
use crate::domain::policy::{ConflictPolicy, Limits};
use crate::domain::setting::Values;

/// A tenant file with both kinds of references.
const TENANT: &str = r#"
tenant = "contoso"
[dataverse]
url = "https://contoso.crm.dynamics.com/"
token_url = "https://login.microsoftonline.com/D/oauth2/v2.0/token"
client_id = "app-1"
client_secret = { env = "DV" }
[exchange]
url = "https://graph.microsoft.com/v1.0"
token_url = "https://login.microsoftonline.com/D/oauth2/v2.0/token"
client_id = "app-2"
client_secret = { file = "graph.txt" }
"#;

/// The frame of a certificate; nobody looks inside.
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----";

fn env() -> Environment {
    let variables = [
        ("DV", "hunter2-dataverse"),
        ("EMPTY", " "),
        ("KEY", "0123456789abcdef0123"),
        ("SHORT", "0123"),
        ("REDIS", "rediss://:hunter2-redis@store.example:6380/1"),
        ("REDIS_USER", "hunter2-user"),
        ("REDIS_CODED", "redis+sentinel://le%20on:hunter2%2F%40@a,b:1/m"),
        ("REDIS_WRONG", "redis://:hunter2@"),
        ("REDIS_USER_ALONE", "redis://hunter2-user@h"),
        ("REDIS_NO_PASSWORD", "redis://hunter2-user:@h"),
        ("REDIS_NOBODY", "redis://@h"),
        ("NOT_UTF8", "redis://:%ff@h"),
        ("CERTIFICATE", CERTIFICATE),
    ];
    Environment::with_files(
        variables.map(|(name, value)| (name.to_owned(), value.to_owned())),
        |path| match path.to_str() {
            Some("/etc/lockstep/tenants/graph.txt") => Ok("hunter2-graph\n".to_owned()),
            _ => Err(io::Error::from(io::ErrorKind::NotFound)),
        },
    )
}

/// The same without a file beside it: its secrets stand in the variable `DV`.
pub(crate) fn self_contained() -> String {
    TENANT.replace("{ file = \"graph.txt\" }", "{ env = \"DV\" }")
}

fn tenant(text: &str) -> Result<TenantConfig, Vec<Problem>> {
    load_tenant(text, Path::new("/etc/lockstep/tenants/contoso.toml"), &env())
}

fn node(text: &str) -> Result<NodeConfig, Vec<Problem>> {
    let (config, problems) = check_node(text, Path::new("lockstep.toml"), &env());
    config.ok_or(problems)
}

/// Returns `line:column field` of each problem.
fn places<T: std::fmt::Debug>(result: Result<T, Vec<Problem>>) -> Vec<String> {
    let problems = result.expect_err("there are problems");
    problems.iter().map(|p| format!("{}:{} {}", p.line, p.column, p.field)).collect()
}

fn only<T: std::fmt::Debug>(result: Result<T, Vec<Problem>>) -> Problem {
    let mut problems = result.expect_err("there is a problem");
    assert_eq!(problems.len(), 1, "{}", render(&problems));
    problems.remove(0)
}

/// Returns the text with every key that is only a comment switched on.
fn switched_on(text: &str) -> String {
    let key = |line: &str| {
        line.split_once(" = ").is_some_and(|(key, _)| {
            key.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_')
        })
    };
    let line = |line: &str| match line.strip_prefix("# ") {
        Some(rest) if key(rest) => rest.to_owned(),
        Some(_) | None => line.to_owned(),
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// An environment that has every variable and file.
fn generous() -> Environment {
    let names = [
        "LOCKSTEP_STATE_KEY",
        "CONTOSO_DATAVERSE_SECRET",
        "CONTOSO_EXCHANGE_SECRET",
        "CONTOSO_KEEP_KEY",
    ];
    let secret = "a secret of enough bytes for any key";
    let variables = names.map(|name| (name.to_owned(), secret.to_owned()));
    Environment::with_files(variables, |_| Ok(secret.to_owned()))
}

#[test]
fn an_empty_node_file_gives_the_defaults() {
    // Everything of the node has a default, and they are the documented ones.
    let config = node("").unwrap();
    assert_eq!(config, NodeConfig::default());
    assert_eq!(config.listen, SocketAddr::from(([127, 0, 0, 1], 8080)));
    assert_eq!(config.state.url, StateUrl::Embedded(PathBuf::from("./data")));
    assert_eq!(config.sync.sweep_interval, Duration::from_secs(900));
    assert_eq!(config.sync.window_ahead, Duration::from_secs(550 * 86_400));
}

#[test]
fn the_default_files_say_the_built_in_defaults() {
    // What an operator reads as default is what the program does.
    assert_eq!(node(NODE_DEFAULTS).unwrap(), NodeConfig::default());
    let (given, _) = check_tenant(
        &switched_on(TENANT_DEFAULTS).replace("\naddresses = ", "\n# addresses = "),
        Path::new("t.toml"),
        &generous(),
    );
    let (given, plain) = (given.unwrap(), tenant(TENANT).unwrap());
    assert_eq!(given.policy, plain.policy);
    assert_eq!(given.limits, plain.limits);
    assert_eq!(given.limits, Limits::default());
    assert_eq!(given.mailboxes, plain.mailboxes);
    assert_eq!(given.takeover, plain.takeover);
    assert_eq!(given.weight, plain.weight);
    assert_eq!(given.exchange.api, plain.exchange.api);
    assert_eq!(given.keep.decisions, plain.keep.decisions);
    assert_eq!(given.keep.versions, plain.keep.versions);
    assert_eq!(plain.keep.versions, Duration::from_secs(30 * 86_400));
}

#[test]
fn what_is_kept_is_bounded_and_its_key_is_long() {
    // Zero keeps no version; beyond a year, no decision at all, or a short key is a problem.
    let with = |lines: &str| tenant(&format!("{TENANT}\n[keep]\n{lines}"));
    assert_eq!(with("versions = \"0s\"").unwrap().keep.versions, Duration::ZERO);
    assert!(with("versions = \"366d\"").is_err());
    assert!(with("decisions = \"0s\"").is_err());
    let text = format!("{TENANT}\n[keep]\nkey = {{ env = \"SHORT\" }}");
    let short = [("SHORT", "sixteen bytes ..")].map(|(k, v)| (k.to_owned(), v.to_owned()));
    let environment = Environment::with_files(short, |_| Ok("s".to_owned()));
    let (_, problems) = check_tenant(&text, Path::new("t.toml"), &environment);
    let said = problems.iter().any(|one| one.message.contains("shorter than 32 bytes"));
    assert!(said, "{problems:?}");
}

#[test]
fn the_default_files_document_every_key() {
    // With a foreign key in each table, the report lists the known ones; all stand in the file.
    for (text, check) in [
        (NODE_DEFAULTS, (|text| check_node(text, Path::new("n"), &generous()).1) as fn(&str) -> _),
        (TENANT_DEFAULTS, |text| check_tenant(text, Path::new("t"), &generous()).1),
    ] {
        let all = switched_on(text).replace("[settings]", "[settings_]");
        let with_foreign =
            format!("qqqqqqqqqqqq = 1\n{}", all.replace("]\n", "]\nqqqqqqqqqqqq = 1\n"));
        let with_foreign =
            with_foreign.replace("[\"someone@contoso.com\"]\nqqqqqqqqqqqq = 1", "[]");
        let with_foreign = with_foreign.replace("[]\nqqqqqqqqqqqq = 1", "[]");
        let problems: Vec<Problem> = check(&with_foreign);
        let lists: Vec<&str> = problems
            .iter()
            .filter_map(|problem| problem.remedy.strip_prefix("remove it; known here: "))
            .collect();
        assert!(lists.len() >= 5, "{}", render(&problems));
        for key in lists.iter().flat_map(|list| list.split(", ")) {
            let documented = all.lines().any(|line| {
                line.starts_with(&format!("{key} = "))
                    || line.trim_end_matches("_]") == format!("[{key}")
                    || line == format!("[{key}]")
            });
            assert!(documented, "{key} is not documented");
        }
    }
}

#[test]
fn a_tenant_file_is_read_whole() {
    // Every part of the contract arrives, secrets resolved, addresses without a closing slash.
    let config = tenant(&format!(
        "takeover = true\nweight = 3\n{TENANT}\n[mailboxes]\nsource = \"config\"\naddresses = [\"Ann@x.com\"]\n\
         [settings]\nSSSTaskDeletionSyncBehaviorFromExchange = 2\nTrackCategorizedItems = false\n\
         [policy]\nconflict = \"exchange\"\ncontact_delete_from_exchange = \"never\"\n\
         preserve_status_reason = true\nliteral_task_reminder = true\ninstantiate_filters = true\ncontact_addresses = \"all\"\n[limits]\n\
         deletes_per_cycle = 5\ndeletes_share = 0.5\nmails_per_cycle = 7\nitem_attempts = 3\ndataverse_requests = 12000\n"
    ))
    .unwrap();
    assert_eq!(config.tenant.as_str(), "contoso");
    assert_eq!(config.dataverse.url, "https://contoso.crm.dynamics.com");
    assert_eq!(config.dataverse.client_secret.expose(), "hunter2-dataverse");
    assert_eq!(config.exchange.side.client_secret.expose(), "hunter2-graph");
    assert!(config.takeover);
    assert_eq!(config.weight, 3);
    let Mailboxes::Config(addresses) = &config.mailboxes else { panic!("no list") };
    assert_eq!(addresses.iter().map(|a| a.as_str()).collect::<Vec<_>>(), ["ann@x.com"]);
    let limits = Limits { deletes: 5, deletes_share: 0.5, mails: 7, item_attempts: 3 };
    assert_eq!(config.limits, limits);
    assert_eq!(config.dataverse_requests, 12_000);
    let policy = config.choices(&Values::new()).policy;
    assert_eq!(policy.conflict, ConflictPolicy::Exchange);
    assert!(policy.keep_contacts && policy.preserve_status_reason && policy.literal_task_reminder);
    assert!(policy.settings.three_addresses && policy.instantiate_filters);
    assert!(!tenant(TENANT).unwrap().choices(&Values::new()).policy.instantiate_filters);
    assert_eq!(policy.settings.task_deletion, 2);
    assert!(!policy.settings.track_categorized);
}

#[test]
fn an_unknown_key_comes_with_a_suggestion() {
    // A slip of the pen is named with its place and the key that was meant.
    let problem = only(node("[sync]\nsweep_intervall = \"5m\"\n"));
    assert_eq!((problem.line, problem.column), (2, 1));
    assert_eq!(problem.field, "sync.sweep_intervall");
    assert_eq!(problem.remedy, "did you mean sweep_interval?");
    let problem = only(node("[nodes]\n"));
    assert_eq!(problem.remedy, "did you mean node?");
    let problem = only(node("[sync]\ncolour = 1\n"));
    assert!(problem.remedy.contains("cycles_at_once"), "{}", problem.remedy);
}

#[test]
fn an_unknown_setting_comes_with_a_suggestion() {
    // Names of settings are long and their case is odd; the right one is offered.
    let text = format!("{TENANT}[settings]\ntrackcategorizeditems = true\n");
    assert_eq!(only(tenant(&text)).remedy, "did you mean TrackCategorizedItems?");
    let text = format!("{TENANT}[settings]\nSSSTaskDeletionSyncBehaviorFromExchange = 3\n");
    assert_eq!(only(tenant(&text)).message, "3 is out of range");
}

#[test]
fn a_setting_without_effect_is_a_warning() {
    // The file is used, and its author is told.
    let text = format!("{TENANT}[settings]\nTraceExchangeSyncData = true\n");
    let (config, problems) = check_tenant(&text, Path::new("/etc/lockstep/tenants/c.toml"), &env());
    assert!(config.is_some());
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].severity, Severity::Warning);
    assert!(render(&problems).contains(": warning: settings.TraceExchangeSyncData: "));
}

#[test]
fn wrong_types_and_ranges_are_all_reported_at_once() {
    // One run shows every problem of a file, in the order of the text.
    let found = places(node(
        "node = 1\n[state]\nurl = 5\n[sync]\nsweep_interval = 15\ncycles_at_once = 0\n\
         window_back = \"1w\"\nwindow_ahead = \"9999d\"\nshutdown_grace = \"ten\"\n\
         [telemetry]\nlog = \"xml\"\notlp_endpoint = \"ftp://127.0.0.1\"\n",
    ));
    assert_eq!(
        found,
        [
            "1:8 node",
            "3:7 state.url",
            "5:18 sync.sweep_interval",
            "6:18 sync.cycles_at_once",
            "7:15 sync.window_back",
            "8:16 sync.window_ahead",
            "9:18 sync.shutdown_grace",
            "11:7 telemetry.log",
            "12:17 telemetry.otlp_endpoint",
        ]
    );
}

#[test]
fn missing_keys_are_named_at_their_table() {
    // A tenant file without its required keys lists each of them once.
    let found = places(tenant("\n\n[dataverse]\nurl = \"https://a.example\"\n"));
    assert_eq!(
        found,
        [
            "1:1 tenant",
            "1:1 exchange.url",
            "1:1 exchange.token_url",
            "1:1 exchange.client_id",
            "1:1 exchange.client_secret",
            "3:1 dataverse.token_url",
            "3:1 dataverse.client_id",
            "3:1 dataverse.client_secret",
        ]
    );
}

#[test]
fn ews_is_refused_in_clear_words() {
    // The contract names "ews"; until it exists, the file says so instead of failing later.
    let problem = only(tenant(&TENANT.replace("[exchange]", "[exchange]\napi = \"ews\"")));
    assert_eq!(problem.field, "exchange.api");
    assert!(problem.message.contains("not supported yet"));
}

#[test]
fn the_list_of_mailboxes_is_checked() {
    // A list and its source must fit; addresses are addresses and stand once.
    for (text, message) in [
        ("source = \"config\"", "is missing"),
        ("source = \"config\"\naddresses = []", "lists 0 mailboxes"),
        ("source = \"config\"\naddresses = [\"ann\"]", "\"ann\" is no e-mail address"),
        ("source = \"config\"\naddresses = [\"a@x\", \"A@x\"]", "\"A@x\" stands twice in the list"),
        ("source = \"config\"\naddresses = [1]", "is a whole number, not a string"),
        ("addresses = [\"a@x\"]", "has no effect with source = \"dataverse\""),
        ("source = \"ldap\"", "\"ldap\" is not one of the known words"),
    ] {
        let problems = tenant(&format!("{TENANT}[mailboxes]\n{text}\n")).unwrap_err();
        assert_eq!(problems[0].message, message, "{text}");
    }
}

#[test]
fn tenant_names_are_short_and_plain() {
    // The name becomes part of keys and labels.
    for name in ["Contoso", "con toso", "", "a/b", &"x".repeat(64)] {
        let result = tenant(&TENANT.replace("\"contoso\"", &format!("\"{name}\"")));
        assert_eq!(only(result).field, "tenant", "{name}");
    }
    assert!(tenant(&TENANT.replace("\"contoso\"", "\"contoso-eu-2\"")).is_ok());
}

#[test]
fn bad_syntax_is_reported_with_its_line() {
    // A missing quote is named where it is, and nothing else of that file is reported.
    let problem = only(node("[sync]\nsweep_interval = \"15m\n[node]\n"));
    assert_eq!(problem.line, 2);
    assert!(problem.message.starts_with("is no TOML: "));
}

#[test]
fn garbage_never_panics() {
    // Any text and any cut of a good one ends in a report.
    for end in 0..TENANT.len() {
        let _ = tenant(&TENANT[..end]);
        let _ = node(&TENANT[end..]);
    }
    for text in ["\u{feff}", "\0", "a.b.c = 1\na.b = 2", "[[node]]\n[[node]]", "ü = \"ä\"\n[ö]"]
    {
        let _ = render(&node(text).err().unwrap_or_default());
    }
}
