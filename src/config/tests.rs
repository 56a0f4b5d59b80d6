//! Configuration files, good and bad.

mod directions;
mod ingress;
mod settings;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::*;
use crate::domain::policy::{ConflictPolicy, Limits};
use crate::domain::setting::Values;

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

fn env() -> Environment {
    let variables = [
        ("DV", "hunter2-dataverse"),
        ("EMPTY", " "),
        ("KEY", "0123456789abcdef0123"),
        ("SHORT", "0123"),
        ("REDIS", "rediss://:hunter2-redis@store.example:6380/1"),
    ];
    Environment::with_files(
        variables.map(|(name, value)| (name.to_owned(), value.to_owned())),
        |path| match path.to_str() {
            Some("/etc/lockstep/tenants/graph.txt") => Ok("hunter2-graph\n".to_owned()),
            _ => Err(io::Error::from(io::ErrorKind::NotFound)),
        },
    )
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

/// Writes the files below a new folder.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("tenants")).unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
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
fn secrets_are_references_only() {
    // A literal is refused without being repeated; so is a reference that leads nowhere.
    for (given, message) in [
        ("\"hunter2\"", "must not stand in the file"),
        ("{ env = \"NOPE\" }", "the environment variable NOPE is not set"),
        ("{ env = \"EMPTY\" }", "the environment variable EMPTY is empty"),
        ("{ env = \"DV\", file = \"graph.txt\" }", "needs exactly one of env and file"),
        ("{}", "needs exactly one of env and file"),
    ] {
        let problem = only(tenant(&TENANT.replace("{ env = \"DV\" }", given)));
        assert_eq!(problem.field.split(".env").next(), Some("dataverse.client_secret"), "{given}");
        assert_eq!(problem.message, message, "{given}");
        assert!(!render(&[problem]).contains("hunter2"));
    }
    let problem = only(tenant(&TENANT.replace("graph.txt", "gone.txt")));
    assert!(problem.message.contains("/etc/lockstep/tenants/gone.txt"), "{}", problem.message);
}

#[test]
fn debug_shows_no_secret() {
    // Neither the configuration nor the environment prints what is secret.
    let (node, tenant) =
        (node("[state]\nurl = { env = \"REDIS\" }\nkey = { env = \"KEY\" }\n"), tenant(TENANT));
    let text = format!("{:?} {:?} {:?}", node.unwrap(), tenant.unwrap(), env());
    assert!(!text.contains("hunter2") && !text.contains("0123456789abcdef"), "{text}");
    assert!(text.contains("***"));
}

#[test]
fn plain_http_is_for_loopback_only() {
    // Tokens and personal data do not travel in the clear to another machine.
    for (url, fine) in [
        ("http://127.0.0.1:9000/v1.0", true),
        ("http://127.8.8.8/v1.0", true),
        ("http://[::1]:9000", true),
        ("http://localhost:1/contoso/graph", true),
        ("https://graph.microsoft.com/v1.0", true),
        ("http://graph.microsoft.com/v1.0", false),
        ("http://10.0.0.1/v1.0", false),
        ("http://127.0.0.1.evil.example/", false),
        ("http://localhost@evil.example/", false),
        ("https://user:hunter2@graph.microsoft.com", false),
        ("http://127.1/", false),
        ("https://", false),
        ("https://host:99999/", false),
        ("https://host\\evil/", false),
        ("https://host/?x=1", false),
        ("graph.microsoft.com", false),
    ] {
        let result = tenant(
            &TENANT
                .replace("url = \"https://graph.microsoft.com/v1.0\"", &format!("url = '{url}'")),
        );
        assert_eq!(result.is_ok(), fine, "{url}");
        if let Err(problems) = result {
            assert_eq!(problems.len(), 1);
            assert_eq!(problems[0].field, "exchange.url");
            assert!(!render(&problems).contains("hunter2"));
        }
    }
}

#[test]
fn the_kinds_of_state_stores_are_told_apart() {
    // Every documented address is understood, every other is refused with a remedy.
    let url = |text: &str| node(&format!("[state]\nurl = {text}\n")).map(|node| node.state.url);
    let redis = |text: &str, tls| Ok(StateUrl::Redis { url: Secret::new(text), tls });
    assert_eq!(url("\"memory:\""), Ok(StateUrl::Memory));
    assert_eq!(url("\"embedded:/var/x\""), Ok(StateUrl::Embedded(PathBuf::from("/var/x"))));
    assert_eq!(url("\"redis://h:6379/0\""), redis("redis://h:6379/0", false));
    assert_eq!(url("\"rediss://h:6379\""), redis("rediss://h:6379", true));
    assert_eq!(
        url("{ env = \"REDIS\" }"),
        redis("rediss://:hunter2-redis@store.example:6380/1", true)
    );
    for (text, part) in [
        ("\"redis+sentinel://h\"", "use redis://"),
        ("\"redis+cluster://h\"", "use redis://"),
        ("\"redis://:hunter2@h\"", "secret"),
        ("\"redis://\"", "redis://HOST"),
        ("\"embedded:\"", "embedded:./data"),
        ("\"postgres://h\"", "embedded:PATH"),
    ] {
        let problem = only(url(text));
        assert_eq!(problem.field, "state.url");
        assert!(problem.remedy.contains(part), "{text}: {}", problem.remedy);
        assert!(!render(&[problem]).contains("hunter2"));
    }
    assert_eq!(only(node("[state]\nkey = { env = \"SHORT\" }\n")).field, "state.key");
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
fn problems_of_two_files_come_together() {
    // A start that fails tells everything there is to mend.
    let folder = folder(&[
        ("lockstep.toml", "[node]\nlisten = \"nowhere\"\n"),
        ("tenants/a.toml", "tenant = \"a\"\nfoo = 1\n"),
        ("tenants/b.toml", "tenant = [\n"),
        ("tenants/ignored.toml.example", "tenant = 1\n"),
    ]);
    let problems = load(folder.path(), &env()).unwrap_err();
    let text = render(&problems);
    for part in ["lockstep.toml:2:10: node.listen: ", "a.toml:2:1: foo: ", "b.toml:"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(text.contains("\n  remedy: "));
    assert!(!text.contains("ignored"));
}

#[test]
fn a_tenant_in_two_files_names_both() {
    // Two supervisors over one tenant would fight; neither is taken, and both files are named.
    let text = TENANT.replace("{ file = \"graph.txt\" }", "{ env = \"DV\" }");
    let folder = folder(&[("tenants/a.toml", &text), ("tenants/b.toml", &text)]);
    let (tenants, problems) = load_tenants(folder.path(), &env());
    assert!(tenants.is_empty());
    let [first, second] = &problems[..] else { panic!("{problems:?}") };
    assert!(first.file.ends_with("a.toml") && first.message.contains("b.toml"), "{first:?}");
    assert!(second.file.ends_with("b.toml") && second.message.contains("a.toml"), "{second:?}");
}

#[test]
fn good_tenants_are_read_beside_broken_ones() {
    // One tenant's slip keeps no other tenant from running.
    let text = TENANT.replace("{ file = \"graph.txt\" }", "{ env = \"DV\" }");
    let other = text.replace("\"contoso\"", "\"fabrikam\"");
    let folder = folder(&[
        ("tenants/a.toml", "tenant = 1"),
        ("tenants/b.toml", &text),
        ("tenants/c.toml", &text),
        ("tenants/d.toml", &other),
    ]);
    let (tenants, problems) = load_tenants(folder.path(), &env());
    let names: Vec<&str> = tenants.iter().map(|file| file.config.tenant.as_str()).collect();
    assert_eq!(names, ["fabrikam"]);
    for file in ["a.toml", "b.toml", "c.toml"] {
        assert!(problems.iter().any(|p| p.file.ends_with(file) && p.field == "tenant"), "{file}");
    }
}

#[test]
fn a_folder_without_files_is_a_node_without_tenants() {
    // A node may start before its first tenant is dropped in.
    let folder = tempfile::tempdir().unwrap();
    let loaded = load(folder.path(), &env()).unwrap();
    assert_eq!(loaded.node, NodeConfig::default());
    assert!(loaded.tenants.is_empty());
}

#[test]
fn a_rotated_secret_changes_the_digest() {
    // A reload must notice a new secret behind an unchanged reference.
    let first = tenant(TENANT).unwrap();
    let mut second = first.clone();
    assert_eq!(digest(TENANT, &first), digest(TENANT, &second));
    second.exchange.side.client_secret = Secret::new("rotated");
    assert_ne!(digest(TENANT, &first), digest(TENANT, &second));
    assert_ne!(digest(TENANT, &first), digest("other", &first));
}

#[test]
fn an_oversized_file_is_refused() {
    // Nobody can make the node read without end.
    let large = format!("#{}", "x".repeat(FILE_MAX_BYTES as usize));
    let folder = folder(&[("lockstep.toml", &large)]);
    assert!(only(load(folder.path(), &env())).message.contains("larger than"));
}

#[test]
fn every_shipped_file_is_in_order() {
    // The examples in config/ and deploy/ load as they are.
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut seen = 0;
    let mut folders = vec![root.join("config"), root.join("deploy")];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for path in entries.map(|entry| entry.unwrap().path()) {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            if !name.contains(".toml") || name == "default-tenant.toml" {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let problems = if folder.ends_with("tenants") {
                check_tenant(&text, &path, &generous()).1
            } else {
                check_node(&text, &path, &generous()).1
            };
            // What is to be filled in is told, nothing else.
            let others = problems.iter().filter(|one| one.message != "is that of the example");
            let others: Vec<_> = others.cloned().collect();
            assert!(others.is_empty(), "{}", render(&others));
            assert_eq!(problems.len(), if name.ends_with(".example") { 4 } else { 0 }, "{name}");
            seen += 1;
        }
    }
    assert!(seen >= 3, "only {seen} files seen");
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
