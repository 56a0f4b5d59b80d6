//! Notices and the feed through the whole system: a real `serve` between both stand-ins. Its sweeps
//! are an hour apart unless a test says otherwise, so that only pushes bring what a test waits for.

use std::sync::Arc;
use std::time::Duration;

use lockstep::http::{Call, HttpClient, HttpOptions, Method};
use lockstep::sim::graph::{Lifecycle, NoticeFaults};
use lockstep::sim::server::SimServer;
use lockstep::sim::world::{Organization, OrganizationSpec, SimClock, World};
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

use crate::harness::{person, tracked_event};
use crate::process::{Running, free_port, get, get_text, put, until};

/// A first synchronization and all handshakes take seconds.
const SETTLED: Duration = Duration::from_secs(60);

struct Pushed {
    world: Arc<World>,
    _server: SimServer,
    directory: TempDir,
    node: Option<Running>,
    url: String,
    ingress: String,
}

impl Pushed {
    /// Two people, a node with these lines in `[sync]`.
    fn start(sync: &str) -> Self {
        // The node's clock is the machine's.
        let clock = SimClock::real();
        let bound = SimServer::bind(None).unwrap();
        let people = vec![
            person(1, "Paul", "Cannon", "Europe/Berlin"),
            person(2, "Laura", "Norman", "America/New_York"),
        ];
        let spec = OrganizationSpec::new("contoso", people, 7);
        let world = Arc::new(World::new(&bound.url, vec![spec], clock.as_fn()));
        let server = bound.serve(world.clone()).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let tenant = world.tenant_toml_with_files("contoso", directory.path()).unwrap();
        put(directory.path(), "tenants/contoso.toml", &tenant);
        for (name, secret) in world.secrets() {
            put(directory.path(), &name, &secret);
        }
        let (port, hook) = (free_port(), free_port());
        let data = directory.path().join("data");
        let node = format!(
            "[node]\nlisten = \"127.0.0.1:{port}\"\n[state]\nurl = \"embedded:{}\"\n\
             [ingress]\nlisten = \"127.0.0.1:{hook}\"\nurl = \"http://127.0.0.1:{hook}\"\n\
             [sync]\nfeed_interval = \"1s\"\n{sync}",
            data.display()
        );
        put(directory.path(), "lockstep.toml", &node);
        let url = format!("http://127.0.0.1:{port}");
        let ingress = format!("http://127.0.0.1:{hook}");
        let mut made = Self { world, _server: server, directory, node: None, url, ingress };
        made.organization().graph().set_delta_noise(0);
        made.serve();
        made
    }

    fn serve(&mut self) {
        let config = self.directory.path().to_str().unwrap();
        self.node = Some(Running::start(&["serve", "--config", config]));
    }

    fn organization(&self) -> &Organization {
        self.world.organization("contoso").unwrap()
    }

    fn address(&self, at: usize) -> String {
        self.organization().people[at].address.clone()
    }

    fn rows(&self) -> Vec<Value> {
        let list = get(&format!("{}/api/v1/tenants/contoso/mailboxes", self.url));
        list.and_then(|it| it["mailboxes"].as_array().cloned()).unwrap_or_default()
    }

    fn cycles(&self) -> u64 {
        self.rows().iter().filter_map(|row| row["cycles"].as_u64()).sum()
    }

    /// Both mailboxes idle, their last cycles without a write, everything that tells in force.
    fn at_rest(&self) -> bool {
        let rows = self.rows();
        rows.len() == 2
            && rows.iter().all(|row| {
                let written = &row["lastCycle"]["written"];
                row["phase"] == "idle" && written["dynamics"] == 0 && written["exchange"] == 0
            })
    }

    fn settle(&self) {
        until(SETTLED, "all tell and all rest", || {
            let told = self.organization().graph().subscription_counts().0 == 4;
            (told && self.at_rest()).then_some(())
        });
        // The first reading of all tables ends by waking everybody; two equal looks are rest.
        let mut before = u64::MAX;
        until(SETTLED, "no further cycle begins", || {
            let now = self.cycles();
            let still = now == before && self.at_rest();
            before = now;
            std::thread::park_timeout(Duration::from_millis(1_500));
            still.then_some(())
        });
    }

    /// Returns the lines of a metric.
    fn metric(&self, name: &str) -> Vec<String> {
        let text = get_text(&format!("{}/metrics", self.url)).unwrap_or_default();
        text.lines().filter(|line| line.starts_with(name)).map(str::to_owned).collect()
    }

    fn counted(&self, name: &str, label: &str) -> u64 {
        let line = self.metric(name).into_iter().find(|line| line.contains(label));
        line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or_default()
    }

    /// Makes a tracked event in Outlook, each on a day of its own: who is busy books nothing else.
    fn new_event(&self, subject: &str) {
        let now = self.world.now();
        let before = self.organization().graph().events(&self.address(0)).len();
        let days = chrono::Duration::days(9 + before as i64);
        let body = tracked_event(subject, &(now + days).to_rfc3339());
        let made = self.organization().graph().user_create_event(&self.address(0), &body, now);
        made.unwrap();
    }

    fn new_row(&self, at: usize, lastname: &str) -> Uuid {
        let user = self.organization().people[at].user_id;
        let body = json!({ "lastname": lastname });
        let now = self.world.now();
        self.organization().dataverse().user_create(user, "contacts", &body, now).unwrap()
    }

    fn wait_row(&self, subject: &str) {
        until(SETTLED, "the row is there", || {
            let rows = self.organization().dataverse().rows("appointments");
            rows.iter().any(|row| row["subject"] == subject).then_some(())
        });
    }

    fn wait_contact(&self, at: usize, surname: &str) {
        until(SETTLED, "the contact is there", || {
            let contacts = self.organization().graph().contacts(&self.address(at));
            contacts.iter().any(|one| one["surname"] == surname).then_some(())
        });
    }

    /// Posts to the public surface and returns the status.
    fn post(&self, path: &str, body: &Value) -> u16 {
        let io = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        io.block_on(async {
            let http = HttpClient::new(HttpOptions {
                connect_timeout: SETTLED,
                total_timeout: SETTLED,
                user_agent: "test".to_owned(),
            });
            let call = Call {
                method: Method::Post,
                url: format!("{}{path}", self.ingress),
                route: "/",
                headers: Vec::new(),
                body: Some(body.to_string().into_bytes()),
                content_type: Some("application/json"),
                max_body: 1024,
            };
            http.unwrap().send(call).await.unwrap().status
        })
    }
}

#[test]
fn a_change_reaches_the_other_side_without_a_sweep() {
    // An event made in Outlook becomes a row by a notice, a row made in Dynamics a contact by the feed;
    // sweeps are an hour apart.
    let system = Pushed::start("sweep_interval = \"1h\"\n");
    system.settle();
    system.new_event("From Outlook");
    system.wait_row("From Outlook");
    assert!(system.counted("lockstep_notices_total", "received") > 0);
    system.settle();
    system.new_row(1, "Fromdynamics");
    system.wait_contact(1, "Fromdynamics");
    assert!(system.counted("lockstep_feed_total", "changed") > 0);
}

#[test]
fn lost_notices_are_repaired_by_the_sweep() {
    // Each notice is lost; the sweep finds the event all the same.
    let system = Pushed::start("sweep_interval = \"2s\"\nidle_interval = \"2s\"\n");
    until(SETTLED, "all subscriptions are made", || {
        (system.organization().graph().subscription_counts().0 == 4).then_some(())
    });
    let faults = NoticeFaults { lose: 1.0, ..NoticeFaults::default() };
    system.organization().graph().set_notice_faults(faults);
    system.new_event("Unnoticed");
    system.wait_row("Unnoticed");
    assert!(system.organization().graph().lost_notices() > 0);
}

#[test]
fn sync_engine_597_a_restart_makes_no_second_subscription() {
    // Killed and started again, the node goes on with the subscriptions that it made.
    let mut system = Pushed::start("sweep_interval = \"1h\"\n");
    system.settle();
    let made = system.organization().graph().subscription_counts();
    assert_eq!(made, (4, 4));
    for round in 0..2 {
        system.node.as_mut().unwrap().kill();
        system.serve();
        system.settle();
        let subject = format!("After restart {round}");
        system.new_event(&subject);
        system.wait_row(&subject);
        assert_eq!(system.organization().graph().subscription_counts(), made);
        system.settle();
    }
}

#[test]
fn a_lost_store_leaves_one_subscription_of_each() {
    // With the store the key of the secrets is gone: what is there is found in Graph's list and replaced.
    let mut system = Pushed::start("sweep_interval = \"1h\"\n");
    system.settle();
    system.node.as_mut().unwrap().kill();
    std::fs::remove_dir_all(system.directory.path().join("data")).unwrap();
    system.serve();
    until(SETTLED, "all are replaced", || {
        (system.organization().graph().subscription_counts() == (4, 8)).then_some(())
    });
    system.settle();
    system.new_event("After the loss");
    system.wait_row("After the loss");
}

#[test]
fn a_removed_subscription_is_made_again_and_a_silent_one_authorized() {
    // Both lifecycle events end with notices that arrive, and what came meanwhile is found.
    let system = Pushed::start("sweep_interval = \"1h\"\n");
    system.settle();
    let now = system.world.now();
    system.organization().graph().lifecycle(Lifecycle::SubscriptionRemoved, None, now);
    system.new_event("Meanwhile");
    system.wait_row("Meanwhile");
    until(SETTLED, "all are made again", || {
        (system.organization().graph().subscription_counts() == (4, 8)).then_some(())
    });
    system.settle();
    let now = system.world.now();
    system.organization().graph().lifecycle(Lifecycle::ReauthorizationRequired, None, now);
    until(SETTLED, "all are authorized", || {
        (system.counted("lockstep_subscription_calls_total", "authorize") == 4).then_some(())
    });
    system.settle();
    system.new_event("Authorized");
    system.wait_row("Authorized");
    assert_eq!(system.organization().graph().subscription_counts(), (4, 8));
}

#[test]
fn a_feed_whose_token_is_too_old_loses_nothing() {
    // Rows change before the reader learns that its tokens expired: everybody is woken.
    let system = Pushed::start("sweep_interval = \"1h\"\n");
    system.settle();
    {
        let mut dataverse = system.organization().dataverse();
        let (user, now) = (system.organization().people[0].user_id, system.world.now());
        let body = json!({ "lastname": "Expired" });
        dataverse.user_create(user, "contacts", &body, now).unwrap();
        dataverse.expire_delta_tokens();
    }
    system.wait_contact(0, "Expired");
    assert!(system.counted("lockstep_feed_total", "expired") > 0);
}

#[test]
fn a_forged_notice_wakes_nobody() {
    // Secrets of nobody, of another form and none at all are counted and answered alike.
    let system = Pushed::start("sweep_interval = \"1h\"\n");
    system.settle();
    let before = system.cycles();
    let mailbox = system.organization().people[0].mailbox_id.simple().to_string();
    for state in [json!(format!("{mailbox}.{}", "A".repeat(43))), json!("x"), Value::Null] {
        let notice = json!({ "value": [{ "clientState": state, "changeType": "updated" }] });
        assert_eq!(system.post("/graph/contoso", &notice), 202);
        assert_eq!(system.post("/graph/contoso/lifecycle", &notice), 202);
    }
    assert_eq!(system.post("/graph/nobody", &json!({ "value": [] })), 404);
    assert_eq!(system.counted("lockstep_notices_total", "refused"), 6);
    system.settle();
    assert_eq!(system.cycles(), before, "somebody was woken");
}
