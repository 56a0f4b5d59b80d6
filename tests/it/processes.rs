//! The binary as its users meet it: real processes, a real Redis, exit codes and outputs.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::{Running, free_port, get, get_text, put, run, until};
use crate::redis_server::RedisServer;

/// A node's first synchronization of a few mailboxes takes seconds.
const SETTLED: Duration = Duration::from_secs(60);
/// `sync.shutdown_grace` of the node under test.
const GRACE: Duration = Duration::from_secs(10);

/// Stand-ins in a process of their own, and a configuration for them.
struct StandIns {
    _process: Running,
    url: String,
    directory: TempDir,
}

impl StandIns {
    fn start(mailboxes: &str) -> Self {
        Self::of("contoso,fabrikam", mailboxes)
    }

    fn of(organizations: &str, mailboxes: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().to_str().unwrap();
        let mut process = Running::start(&[
            "sim",
            "--port",
            "0",
            "--organizations",
            organizations,
            "--mailboxes",
            mailboxes,
            "--write-config",
            path,
        ]);
        let line = process.line_with("the stand-ins listen on ");
        let from = line.find("http://").unwrap();
        let url = line[from..].split(';').next().unwrap().to_owned();
        Self { _process: process, url, directory }
    }

    fn config(&self) -> &str {
        self.directory.path().to_str().unwrap()
    }

    fn ask(&self, path: &str) -> Value {
        get(&format!("{}/_sim/{path}", self.url)).unwrap_or_else(|| panic!("no answer: {path}"))
    }

    /// Both organizations agree on both sides, and nobody was mailed twice.
    fn assert_in_step(&self, mailboxes: usize) {
        for organization in ["contoso", "fabrikam"] {
            let found = self.ask(&format!("compare/{organization}"));
            assert_eq!(found["clean"], true, "{found:#}");
            assert_eq!(found["mailboxes"], mailboxes);
            assert!(found["pairs"].as_u64() > Some(10 * mailboxes as u64), "{found:#}");
            let ledger = self.ask(&format!("ledger/{organization}"));
            let mut seen = std::collections::BTreeSet::new();
            for mail in ledger["mails"].as_array().unwrap() {
                let key = format!("{} {} {}", mail["iCalUId"], mail["kind"], mail["to"]);
                assert!(seen.insert(key), "mailed twice: {mail}");
            }
        }
    }
}

/// Every mailbox had cycles, none runs, none waits, nothing is left over.
fn at_rest(answer: &Value, mailboxes: u64) -> bool {
    let tenants = answer["tenants"].as_array().unwrap();
    tenants.len() == 2
        && tenants.iter().all(|tenant| {
            tenant["mailboxes"] == mailboxes
                && tenant["phases"]["idle"] == mailboxes
                && tenant["unsettled"] == 0
                && tenant["parkedItems"] == 0
        })
}

fn cycles_of(node: &str, tenant: &str) -> Vec<Value> {
    let url = format!("{node}/api/v1/tenants/{tenant}/mailboxes");
    let Some(answer) = get(&url) else { return Vec::new() };
    answer["mailboxes"].as_array().cloned().unwrap_or_default()
}

/// The last cycle of each mailbox wrote nothing, so nothing is on its way any more.
fn is_quiet(node: &str, mailboxes: u64) -> bool {
    let Some(answer) = get(&format!("{node}/api/v1/tenants")) else { return false };
    at_rest(&answer, mailboxes)
        && ["contoso", "fabrikam"].iter().all(|tenant| {
            let rows = cycles_of(node, tenant);
            rows.len() as u64 == mailboxes
                && rows.iter().all(|row| {
                    let written = &row["lastCycle"]["written"];
                    row["cycles"].as_u64() > Some(1)
                        && written["dynamics"] == 0
                        && written["exchange"] == 0
                })
        })
}

#[test]
fn a_node_on_redis_brings_both_organizations_in_step_and_ends_when_asked() {
    // Three processes: stand-ins, Redis, `serve`; after SIGTERM the node ends with code 0 in time.
    let redis = RedisServer::start();
    let sim = StandIns::start("4");
    let port = free_port();
    let node = format!(
        "[node]\nlisten = \"127.0.0.1:{port}\"\n[state]\nurl = \"{}\"\n[sync]\n\
         sweep_interval = \"2s\"\nshutdown_grace = \"{}s\"\n",
        redis.url(),
        GRACE.as_secs()
    );
    put(sim.directory.path(), "lockstep.toml", &node);
    let process = Running::start(&["serve", "--config", sim.config()]);
    let url = format!("http://127.0.0.1:{port}");
    until(SETTLED, "every mailbox is at rest", || is_quiet(&url, 4).then_some(()));
    sim.assert_in_step(4);
    let mut wire = redis::Client::open(redis.url()).unwrap().get_connection().unwrap();
    until(SETTLED, "the tenant's budget is counted in Redis", || {
        let key = "ls:{fabrikam}:budget";
        let there: bool = redis::cmd("EXISTS").arg(key).query(&mut wire).unwrap();
        there.then_some(())
    });

    let status = run(&["status", "--config", sim.config(), "--format", "json"]);
    assert_eq!(status.code, Some(0), "{status:?}");
    assert_eq!(status.json()["tenants"][0]["mailboxes"], 4);
    let table = run(&["status", "--url", &url, "--tenant", "fabrikam"]);
    assert_eq!(table.code, Some(0), "{table:?}");
    assert_eq!(table.out.matches("idle").count() + table.out.matches("running").count(), 4);
    let unknown = run(&["status", "--url", &url, "--tenant", "nobody"]);
    assert_eq!(unknown.code, Some(1));
    assert!(unknown.err.contains("there is no tenant nobody on this node"), "{unknown:?}");

    let asked = std::time::SystemTime::now();
    process.terminate();
    let ended = process.wait();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(asked.elapsed().unwrap() < GRACE, "{:?}", asked.elapsed());
    let gone = run(&["status", "--url", &url]);
    assert_eq!(gone.code, Some(1));
    assert!(gone.err.contains("no node answers at"), "{gone:?}");
}

#[test]
fn stand_ins_hold_few_items_when_they_are_asked_for() {
    // Eight for each mailbox and no series; usually about twenty, a series among them.
    let held = |items: &[&str]| {
        let arguments = ["sim", "--port", "0", "--mailboxes", "6", "--organizations", "contoso"];
        let mut process = Running::start(&[&arguments, items].concat());
        let line = process.line_with("the stand-ins listen on ");
        let url = line[line.find("http://").unwrap()..].split(';').next().unwrap().to_owned();
        let told = get(&format!("{url}/_sim/summary")).unwrap();
        let one = &told["organizations"][0];
        let rows: u64 = one["rows"].as_object().unwrap().values().filter_map(Value::as_u64).sum();
        (rows / 6, one["rows"]["recurringappointmentmasters"].as_u64().unwrap())
    };
    assert_eq!(held(&["--items", "few"]), (6, 0));
    let (rows, series) = held(&[]);
    assert!(rows > 12 && series > 0, "{rows} {series}");
}

#[test]
fn check_and_sync_say_what_they_found_and_did() {
    // `check` opens the mailboxes, `sync --once` fills them, a second one has nothing to do.
    let sim = StandIns::start("3");
    let offline = run(&["check", "--config", sim.config()]);
    assert_eq!((offline.code, offline.err.as_str()), (Some(0), ""), "{offline:?}");
    assert!(offline.out.contains("the configuration is in order: 2 tenants"));
    let told = run(&["check", "--format", "json", "--config", sim.config()]).json();
    assert_eq!(
        (&told["problems"], &told["tenants"][1]["tenant"]),
        (&json!([]), &json!("fabrikam"))
    );
    let path = sim.directory.path().join("nowhere");
    let path = path.to_str().unwrap();
    let nowhere = run(&["check", "--config", path]);
    assert_eq!(nowhere.code, Some(1), "{nowhere:?}");
    assert!(nowhere.err.contains(&format!("there is no configuration directory {path}")));
    let nowhere = run(&["check", "--format", "json", "--config", path]);
    let problem = &nowhere.json()["problems"][0];
    assert_eq!((nowhere.code, &problem["file"]), (Some(1), &json!(path)), "{nowhere:?}");
    assert!(problem["message"].as_str().unwrap().contains("no configuration directory"));
    let online = run(&["check", "--online", "--format", "json", "--config", sim.config()]);
    assert_eq!(online.code, Some(0), "{online:?}");
    for tenant in online.json()["tenants"].as_array().unwrap() {
        assert_eq!(tenant["failed"], Value::Null);
        assert_eq!(tenant["mailboxes"].as_array().unwrap().len(), 3);
        assert_eq!(tenant["exchange"].as_array().unwrap().len(), 3);
    }
    let arguments = ["sync", "--once", "--format", "json", "--config", sim.config()];
    let first = run(&arguments);
    assert_eq!(first.code, Some(0), "{first:?}");
    assert!(written(&first.json()) > 60, "{first:?}");
    sim.assert_in_step(3);
    let second = run(&arguments);
    assert_eq!(second.code, Some(0), "{second:?}");
    assert_eq!(written(&second.json()), 0, "{second:?}");
    // A mailbox of one tenant is not missing in the other.
    let online = online.json();
    let address = online["tenants"][1]["mailboxes"][0]["address"].as_str().unwrap();
    let one = run(&["sync", "--once", "--mailbox", address, "--config", sim.config()]);
    assert_eq!(one.code, Some(0), "{one:?}");
    let one =
        run(&["sync", "--once", "--mailbox", "nobody@contoso.example", "--config", sim.config()]);
    assert_eq!(one.code, Some(1), "{one:?}");
    assert!(one.out.contains("no mailbox record has the address or id"), "{one:?}");
}

#[test]
fn sch_03_a_running_node_synchronizes_the_mailbox_of_an_address() {
    // The node of the configuration is asked, and finds it in whichever tenant it is, as for the other commands
    // for a mailbox; what is wrong is said with its remedy. Nothing that the node writes down names an address.
    let sim = StandIns::start("1");
    let (port, config) = (free_port(), sim.config());
    let data = sim.directory.path().join("data");
    let node = format!(
        "[node]\nlisten = \"127.0.0.1:{port}\"\n[state]\nurl = \"embedded:{}\"\n[sync]\n\
         sweep_interval = \"1h\"\n",
        data.display()
    );
    put(sim.directory.path(), "lockstep.toml", &node);
    let online = run(&["check", "--online", "--format", "json", "--config", config]).json();
    let tenants = online["tenants"].as_array().unwrap();
    let fabrikam = tenants.iter().find(|one| one["tenant"] == "fabrikam").unwrap();
    let address = fabrikam["mailboxes"][0]["address"].as_str().unwrap();
    let sync = |more: &[&str]| run(&[&["sync", "--config", config], more].concat());
    let early = sync(&["--mailbox", address]);
    assert_eq!(early.code, Some(1), "{early:?}");
    assert!(early.err.contains("no node answers at") && early.err.contains("--once"), "{early:?}");

    let process = Running::start(&["serve", "--config", config]);
    let url = format!("http://127.0.0.1:{port}");
    until(SETTLED, "every mailbox is at rest", || is_quiet(&url, 1).then_some(()));
    let before = cycles(&url, "fabrikam");
    // So do the other commands for a mailbox.
    let shown = run(&["status", "--config", config, "--mailbox", address, "--format", "json"]);
    assert_eq!((shown.code, shown.json()["phase"].as_str()), (Some(0), Some("idle")), "{shown:?}");
    let released = run(&["release", "--config", config, "--mailbox", address, "--format", "json"]);
    assert_eq!(released.json()["tenant"], "fabrikam", "{released:?}");
    let item = ["--mailbox", address, "--item", "5f1c"];
    for command in ["retry-item", "ignore-conflict"] {
        let refused = run(&[&[command, "--config", config][..], &item].concat());
        assert!(refused.code == Some(1) && !refused.err.contains("--mailbox"), "{refused:?}");
    }
    for (typed, said) in [
        ("127.0.0.1:8080", "write it as http://127.0.0.1:8080"),
        ("", "is no address"),
        ("ftp://127.0.0.1", "is no address"),
        ("http://127.0.0.1:8080/?x=1", "more than a node's address"),
        ("http://node.example:8080", "where the node runs"),
        (sim.url.as_str(), "not as a node of Lockstep does"),
    ] {
        let told = run(&["status", "--url", typed]);
        assert!(told.code == Some(1) && told.err.contains(said), "{typed}: {told:?}");
    }
    assert_eq!(run(&["status", "--url", &format!("{url}/")]).code, Some(0));
    let asked = sync(&["--mailbox", address, "--format", "json"]);
    assert_eq!(asked.code, Some(0), "{asked:?}");
    let told = asked.json();
    assert_eq!(told["ended"], true, "{told}");
    assert!(told["mailbox"]["cycles"].as_u64() > Some(before), "{told}");
    let id = told["mailbox"]["mailbox"].as_str().unwrap();
    let asked = sync(&["--mailbox", id, "--tenant", "fabrikam", "--url", &url]);
    assert_eq!(asked.code, Some(0), "{asked:?}");
    assert!(asked.out.contains("written: 0 to Exchange, 0 to Dynamics"), "{asked:?}");
    for (more, expected) in [
        (
            &["--mailbox", address, "--tenant", "contoso"][..],
            "no mailbox record has the address or",
        ),
        (&["--mailbox", "nobody@x.example"], "`lockstep check --online` lists them"),
        (&["--mailbox", address, "--tenant", "x"], "no tenant x; it runs: contoso, fabrikam"),
        (&["--tenant", "contoso"], "without a node: --once"),
        (&["--once", "--url", &url], "cannot be used with"),
    ] {
        let refused = sync(more);
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(refused.err.contains(expected), "{refused:?}");
    }
    process.terminate();
    let ended = process.wait();
    assert!(!ended.err.contains('@') && !ended.out.contains('@'), "{ended:?}");
}

/// The file of a problem that the node tells, with its field.
fn told(node: &str) -> Vec<(String, String)> {
    let answer = get(&format!("{node}/api/v1/tenants")).unwrap_or_default();
    let list = answer["problems"].as_array().cloned().unwrap_or_default();
    let name = |one: &Value| one["file"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    list.iter().map(|one| (name(one), one["field"].as_str().unwrap().to_owned())).collect()
}

/// How many cycles the only mailbox of a tenant has had.
fn cycles(node: &str, tenant: &str) -> u64 {
    cycles_of(node, tenant).first().and_then(|row| row["cycles"].as_u64()).unwrap_or(0)
}

#[test]
fn one_broken_tenant_file_keeps_nobody_else_down() {
    // At the start the others run and the file is told; mended or new, it is taken up; broken
    // while it runs, it goes on as its last good version said.
    let sim = StandIns::of("contoso,fabrikam,northwind", "1");
    let (port, directory) = (free_port(), sim.directory.path());
    let file = |name: &str| format!("tenants/{name}.toml");
    let [contoso, fabrikam, northwind] =
        ["contoso", "fabrikam", "northwind"].map(|name| read(directory, &file(name)));
    put(
        directory,
        "lockstep.toml",
        &format!(
            "[node]\nlisten = \"127.0.0.1:{port}\"\n[state]\nurl = \"memory:\"\n[sync]\n\
             sweep_interval = \"2s\"\n"
        ),
    );
    let warned =
        format!("{contoso}\n[settings]\nUseXAnchorMailboxInExchangeRequestHeader = false\n");
    put(directory, &file("contoso"), &warned);
    put(directory, &file("fabrikam"), &format!("sweep = \"1m\"\n{fabrikam}"));
    std::fs::remove_file(directory.join(file("northwind"))).unwrap();
    let process = Running::start(&["serve", "--config", sim.config()]);
    let node = format!("http://127.0.0.1:{port}");
    until(SETTLED, "the good tenant works", || (cycles(&node, "contoso") > 1).then_some(()));
    assert_eq!(told(&node), [("fabrikam.toml".to_owned(), "sweep".to_owned())]);
    let ready = get_text(&format!("{node}/readyz")).unwrap();
    assert!(ready.contains("fabrikam.toml:1:1: sweep: "), "{ready}");
    let status = run(&["status", "--url", &node]);
    assert_eq!(status.code, Some(2), "{status:?}");
    for part in ["fabrikam.toml:1:1: sweep: ", "  remedy: ", "contoso", "warning: "] {
        assert!(status.out.contains(part), "{part} in {}", status.out);
    }
    put(directory, &file("fabrikam"), &fabrikam);
    put(directory, &file("northwind"), &northwind);
    until(SETTLED, "the mended and the new one work", || {
        let both = cycles(&node, "fabrikam") > 0 && cycles(&node, "northwind") > 0;
        both.then(|| assert_eq!(told(&node), []))
    });
    put(directory, &file("contoso"), "tenant = 1\n");
    until(SETTLED, "the broken one is told", || (!told(&node).is_empty()).then_some(()));
    let before = cycles(&node, "contoso");
    until(SETTLED, "it goes on", || (cycles(&node, "contoso") > before + 1).then_some(()));
    process.terminate();
    let ended = process.wait();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let line = |level: &str, part: &str| {
        ended.err.lines().any(|line| line.contains(level) && line.contains(part))
    };
    assert!(line("ERROR", "fabrikam.toml") && line("WARN", "contoso.toml"), "{}", ended.err);
    assert!(!line("ERROR", "UseXAnchorMailbox"), "{}", ended.err);
}

fn written(answer: &Value) -> u64 {
    let tenants = answer["tenants"].as_array().unwrap().iter();
    let mailboxes = tenants.flat_map(|tenant| tenant["mailboxes"].as_array().unwrap());
    let count = |side: &Value| side.as_u64().unwrap();
    mailboxes.map(|it| count(&it["written"]["dynamics"]) + count(&it["written"]["exchange"])).sum()
}

#[test]
fn rules_lists_the_catalogue() {
    // Every rule has an id, a sentence, a source, what decides it and what proves it; those that do
    // not hold say so, and why.
    let json = run(&["rules", "--format", "json"]);
    assert_eq!(json.code, Some(0));
    let answer = json.json();
    let rules = answer.as_array().or_else(|| answer["rules"].as_array()).unwrap();
    assert!(rules.len() > 50);
    for rule in rules {
        for key in ["id", "sentence", "source"] {
            assert!(rule[key].as_str().is_some_and(|text| !text.is_empty()), "{rule}");
        }
        if rule["standing"] == "holds" {
            for key in ["decided_by", "tests"] {
                assert!(rule[key].as_array().is_some_and(|list| !list.is_empty()), "{rule}");
            }
        } else {
            assert!(["not yet", "nothing to do"].contains(&rule["standing"].as_str().unwrap()));
            assert!(rule["why"].as_str().is_some_and(|text| !text.is_empty()), "{rule}");
        }
    }
    let table = run(&["rules"]);
    assert_eq!(table.code, Some(0));
    assert!(table.out.contains("FILT-07") && table.out.contains("nothing to do"));
    let one = run(&["rules", "filt-07"]);
    assert!(one.out.contains("main_job::filt_07_a_contact_follows_its_owner"), "{one:?}");
}

#[test]
fn sim_never_overwrites_a_file_that_differs() {
    // The second start on another port refuses to replace the tenant files, and says which.
    let sim = StandIns::start("1");
    let mode = |name: &str| {
        use std::os::unix::fs::PermissionsExt as _;
        let found = std::fs::metadata(sim.directory.path().join(name)).unwrap();
        found.permissions().mode() & 0o777
    };
    assert_eq!(mode("secrets/CONTOSO_DATAVERSE_SECRET"), 0o600);
    let before = read(sim.directory.path(), "tenants/contoso.toml");
    let again = run(&["sim", "--port", "0", "--write-config", sim.config()]);
    assert_eq!(again.code, Some(1), "{again:?}");
    assert!(again.err.contains("contoso.toml is there already and differs"), "{again:?}");
    assert_eq!(read(sim.directory.path(), "tenants/contoso.toml"), before);
    let twice = run(&["sim", "--port", "0", "--organizations", "contoso,contoso"]);
    assert_eq!(twice.code, Some(1));
    let bad = run(&["sim", "--organizations", "Con/toso"]);
    assert_eq!(bad.code, Some(1));
}

#[test]
fn commands_that_do_one_thing_answer_programs_in_json() {
    // One line each, with what was done and to whom; a refusal stays a sentence and a 1.
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    let mut sim = Running::start(&[
        "sim",
        "--port",
        "0",
        "--organizations",
        "contoso",
        "--mailboxes",
        "1",
        "--format",
        "json",
        "--write-config",
        path,
    ]);
    let told: Value = serde_json::from_str(&sim.line_with("organizations")).unwrap();
    assert_eq!(
        (&told["config"], &told["organizations"][0]["mailboxes"]),
        (&json!(path), &json!(1))
    );
    let url = told["url"].as_str().unwrap();
    assert!(told["organizations"][0]["graph"].as_str().unwrap().starts_with(url), "{told}");
    let port = free_port();
    put(
        directory.path(),
        "lockstep.toml",
        &format!("[node]\nlisten = \"127.0.0.1:{port}\"\n[state]\nurl = \"memory:\"\n"),
    );
    let _process = Running::start(&["serve", "--config", path]);
    let node = format!("http://127.0.0.1:{port}");
    let mailbox = until(SETTLED, "the mailbox is there", || {
        cycles_of(&node, "contoso").first()?["mailbox"].as_str().map(str::to_owned)
    });
    let of = |command: &str, more: &[&str]| {
        let whose = ["--url", &node, "--tenant", "contoso", "--mailbox", &mailbox];
        run(&[&[command], &whose[..], more].concat())
    };
    // Nothing was halted, so nothing is released.
    for (more, done) in [(&["--with-brakes"][..], "retried"), (&[], "retried")] {
        let released = of("release", &[more, &["--format", "json"]].concat());
        assert_eq!(released.code, Some(0), "{released:?}");
        let whom = json!({ "done": done, "tenant": "contoso", "mailbox": mailbox });
        assert_eq!(released.json(), whom);
    }
    for command in ["retry-item", "ignore-conflict"] {
        let refused = of(command, &["--item", &mailbox, "--format", "json"]);
        assert_eq!((refused.code, refused.out.as_str()), (Some(1), ""), "{refused:?}");
    }
}

#[test]
fn a_demo_that_is_stopped_leaves_nothing_behind() {
    // SIGTERM during the first synchronization: its folder, which nobody else may look into, goes, and it could
    // not do its work.
    let demo = Running::start(&["demo", "--once", "--mailboxes", "60"]);
    let begin = format!("lockstep-demo-{}-", demo.id());
    let folder = until(SETTLED, "the demo's store is open", || {
        let mut all = std::env::temp_dir().read_dir().ok()?.filter_map(Result::ok);
        let folder = all.find(|one| one.file_name().to_string_lossy().starts_with(&begin))?.path();
        folder.read_dir().ok()?.next().map(|_| folder)
    });
    assert_eq!(folder.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    demo.terminate();
    let ended = demo.wait();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.contains("stopped during the first synchronization"), "{ended:?}");
    assert!(!folder.exists());
}

fn read(directory: &Path, name: &str) -> String {
    std::fs::read_to_string(directory.join(name)).unwrap()
}
