//! Crashes and lost answers: no item twice, no item lost, nobody mailed twice.
//!
//! The stand-ins live in the test's process, the node is a child with an embedded store. Nothing
//! is judged by the node's own word: `compare` looks into both worlds, and the stand-in of
//! Exchange keeps a ledger of every mail. `LOCKSTEP_KILLS` and `LOCKSTEP_SEED` change the run.

use std::sync::Arc;
use std::time::Duration;

use lockstep::sim::compare::{CompareOptions, LedgerMark, compare, ledger_problems};
use lockstep::sim::faults::{FaultKind, FaultPlan, Scope};
use lockstep::sim::seed::{self, SeedSpec};
use lockstep::sim::server::SimServer;
use lockstep::sim::world::{Organization, OrganizationSpec, SimClock, World};
use serde_json::Value;
use tempfile::TempDir;

use crate::process::{Running, put, run, until};

const MAILBOXES: usize = 10;
const KILLS: u64 = 50;
const SEED: u64 = 4;
/// The far sides' budgets of requests are no subject here.
const WEB_SERVERS: u32 = 100;
/// A debug build on a busy machine moves a few dozen items in this time at the least.
const NEXT_KILL: Duration = Duration::from_secs(60);
/// `sync --once` is repeated at most so often until it has nothing left to do.
const RUNS: usize = 6;

/// One organization behind HTTP and a configuration for a node.
struct Rig {
    world: Arc<World>,
    _server: SimServer,
    directory: TempDir,
    before: LedgerMark,
    items: usize,
    seed: u64,
}

impl Rig {
    /// Two hundred items for each of ten mailboxes.
    fn new() -> Self {
        let seed = number("LOCKSTEP_SEED", SEED);
        println!("LOCKSTEP_SEED={seed}");
        let clock = SimClock::real();
        let mut spec = SeedSpec::new("contoso", MAILBOXES, seed, clock.now());
        (spec.contacts_per, spec.tasks_per) = (80, 60);
        // And one series each.
        (spec.appointments_per, spec.exchange_items_per) = (30, 28);
        let bound = SimServer::bind(None).unwrap();
        let people = seed::organization(&spec);
        let specs = vec![OrganizationSpec::new("contoso", people, seed)];
        let world = Arc::new(World::new(&bound.url, specs, clock.as_fn()));
        let organization = &world.organizations[0];
        let amounts = seed::fill(organization, &spec).unwrap();
        organization.dataverse().set_web_servers(WEB_SERVERS);
        let before = LedgerMark::take(organization);
        let directory = tempfile::tempdir().unwrap();
        configure(&directory, organization);
        let server = bound.serve(world.clone()).unwrap();
        let items = amounts.rows + amounts.items;
        assert_eq!(items, 2_000);
        Self { world, _server: server, directory, before, items, seed }
    }

    fn organization(&self) -> &Organization {
        &self.world.organizations[0]
    }

    fn arguments(&self) -> [&str; 6] {
        let directory = self.directory.path().to_str().unwrap();
        ["sync", "--once", "--format", "json", "--config", directory]
    }

    /// Requests that reached the stand-ins, whether they were answered or not.
    fn requests(&self) -> u64 {
        self.organization().faults().requests()
    }

    /// Writes that the stand-ins have committed.
    fn writes(&self) -> u64 {
        let dataverse = self.organization().dataverse().write_count();
        dataverse + self.organization().graph().write_count()
    }

    /// Synchronizes once while the feeds tell nothing new, so that what was made without an answer
    /// is found by its marker alone, or not at all.
    fn run_behind(&self) {
        self.organization().graph().set_feeds_behind(true);
        let ended = run(&self.arguments());
        assert!(matches!(ended.code, Some(0 | 2)), "{ended:?}");
        self.organization().graph().set_feeds_behind(false);
    }

    /// Synchronizes until a whole run writes nothing and leaves nothing.
    fn finish(&self) {
        let mut left = String::new();
        for _ in 0..RUNS {
            let ended = run(&self.arguments());
            assert!(matches!(ended.code, Some(0 | 2)), "{ended:?}");
            let answer = ended.json();
            if ended.code == Some(0) && written(&answer) == 0 {
                return;
            }
            left = format!("{left}\n{:?}: {answer}", ended.code);
        }
        panic!("not at rest after {RUNS} runs{left}");
    }

    /// No duplicate, no loss, no difference; every invitation once and no other mail.
    fn assert_exact(&self) {
        let options = CompareOptions::default();
        let now = self.world.now();
        let found = compare(self.organization(), now, &options);
        assert!(found.is_clean(), "seed {}\n{}", self.seed, found.table());
        assert_eq!(found.mailboxes, MAILBOXES);
        assert!(found.pairs > self.items * 3 / 4, "{}", found.table());
        let problems = ledger_problems(self.organization(), &self.before, now, &options);
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert!(lines.is_empty(), "seed {}\n{}", self.seed, lines.join("\n"));
        assert!(found.mails.get("invitation").is_some_and(|count| *count > 50), "{found:?}");
        println!("{}", found.table());
    }
}

fn configure(directory: &TempDir, organization: &Organization) {
    let root = directory.path();
    let data = root.join("data");
    // Few mailboxes at once, so that a kill finds some done, some half done, some untouched.
    let node =
        format!("[state]\nurl = \"embedded:{}\"\n[sync]\ncycles_at_once = 8\n", data.display());
    put(root, "lockstep.toml", &node);
    let secrets = root.join("secrets");
    for (name, value) in organization.secrets() {
        put(&secrets, &name, &value);
    }
    // Ten people invite more guests on their first day than one cycle may mail by default.
    let limits = "\n[limits]\nmails_per_cycle = 10000\ndataverse_requests = 600000\n";
    let tenant = organization.tenant_toml_with_files(&secrets) + limits;
    put(root, "tenants/contoso.toml", &tenant);
}

fn number(name: &str, default: u64) -> u64 {
    let text = std::env::var_os(name);
    text.map_or(default, |text| text.to_str().and_then(|text| text.parse().ok()).expect(name))
}

fn written(answer: &Value) -> u64 {
    let mailboxes = answer["tenants"][0]["mailboxes"].as_array().unwrap().iter();
    let count = |side: &Value| side.as_u64().unwrap();
    mailboxes.map(|it| count(&it["written"]["dynamics"]) + count(&it["written"]["exchange"])).sum()
}

#[test]
fn kill_9_at_fifty_random_moments_costs_and_doubles_nothing() {
    // A first synchronization of 2,000 items, killed again and again, ends as if never disturbed.
    let rig = Rig::new();
    // What a killed process made is found by its marker alone.
    rig.organization().graph().set_feeds_behind(true);
    let kills = number("LOCKSTEP_KILLS", KILLS);
    let mut random = fastrand::Rng::with_seed(rig.seed);
    // The kills spread over four fifths of the work, so that the last ones still interrupt it.
    let work = rig.items as f64 * 0.8;
    let mut reached = Vec::new();
    for kill in 0..kills {
        let goal = (work * (kill as f64 + random.f64()) / kills as f64) as u64;
        let requests = rig.requests() + random.u64(1..40);
        let mut node = Running::start(&rig.arguments());
        until(NEXT_KILL, "the moment of the next kill", || {
            assert!(node.runs(), "kill {kill}: it ended before");
            (rig.writes() >= goal && rig.requests() >= requests).then_some(())
        });
        node.kill();
        reached.push(rig.writes());
    }
    println!("writes at each kill: {reached:?}");
    rig.organization().graph().set_feeds_behind(false);
    rig.finish();
    println!("writes at the end: {}", rig.writes());
    rig.assert_exact();
}

/// Synchronizes while a share of the writes is carried out and never answered.
fn lose_answers(share: f64, at_least: u64) {
    let rig = Rig::new();
    let plan = FaultPlan::new(rig.seed).with(FaultKind::ResetAfterCommit, share, Scope::Writes);
    rig.organization().set_faults(plan);
    rig.run_behind();
    rig.finish();
    let lost = rig.organization().faults().injected_of("reset_after_commit");
    println!("answers lost: {lost}");
    assert!(lost >= at_least, "only {lost} answers were lost");
    rig.assert_exact();
}

#[test]
fn answers_lost_after_the_commit_double_nothing() {
    // Every twentieth write, most of them batches, is carried out and its answer never arrives.
    lose_answers(0.05, 3);
}

#[test]
fn a_third_of_all_answers_lost_doubles_nothing() {
    // The same for every third write: then even the answers of repeats are lost.
    lose_answers(0.33, 30);
}

#[test]
fn half_answers_throttling_and_resets_double_nothing() {
    // Answers are cut short, requests throttled or never executed, each for every fiftieth request.
    let rig = Rig::new();
    let throttle = FaultKind::Throttle { status: 429, retry_after_s: 1 };
    let plan = FaultPlan::new(rig.seed)
        .with(FaultKind::TruncateBody, 0.02, Scope::All)
        .with(throttle, 0.02, Scope::All)
        .with(FaultKind::ResetBefore, 0.02, Scope::All);
    rig.organization().set_faults(plan);
    rig.run_behind();
    rig.finish();
    println!("{:?}", rig.organization().faults().injected());
    for kind in ["truncate_body", "throttle", "reset_before"] {
        assert!(rig.organization().faults().injected_of(kind) > 0, "{kind}");
    }
    rig.assert_exact();
}
