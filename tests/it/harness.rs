//! A whole system for a test: stand-ins behind real HTTP, a node's parts, a store, a clock.

mod counted;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use lockstep::actors::runtime::TenantRuntime;
use lockstep::app::App;
use lockstep::app::once::{self, MailboxResult, Progress};
use lockstep::config::{self, Environment, NodeConfig};
use lockstep::cycle::{CycleReport, Line};
use lockstep::domain::code::Code;
use lockstep::domain::link::Link;
use lockstep::domain::policy::Mailbox;
use lockstep::engine::eligible::Reason;
use lockstep::ports::clock::Clock;
use lockstep::sim::directory::Person;
use lockstep::sim::graph::MailKind;
use lockstep::sim::server::SimServer;
use lockstep::sim::wire::{Request, Response};
use lockstep::sim::world::{Organization, OrganizationSpec, SimClock, World};
use serde_json::{Value, json};
use uuid::Uuid;

/// The instant at which every world begins, unless a test wants another.
pub(crate) const BEGIN: &str = "2026-11-24T09:00:00Z";

/// The stand-ins' clock as the node's clock.
struct Shared(SimClock);

impl Clock for Shared {
    fn now(&self) -> DateTime<Utc> {
        self.0.now()
    }
}

/// Keeps the lines of all reports.
#[derive(Default)]
struct Recorder(Mutex<Vec<Line>>);

impl Progress for Recorder {
    fn pass(&self, _: u32, _: usize) {}
    fn cycle(&self, report: Option<&CycleReport>) {
        let lines = report.map(|report| report.lines.clone()).unwrap_or_default();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(lines);
    }
}

/// The category that tracks an item.
pub(crate) const CATEGORY: &str = "Tracked to Dynamics 365";

/// The property by which an add-in tracks an item.
pub(crate) const SIGNAL: &str = "String {3c1f6a52-8d0e-4b7a-9a53-6d0b6c9f2e11} Name LockstepTrack";

/// One organization `contoso`, one node, one runtime.
#[allow(dead_code, reason = "each test uses some of it")]
pub(crate) struct System {
    pub(crate) world: Arc<World>,
    pub(crate) clock: SimClock,
    pub(crate) tenant: Arc<TenantRuntime>,
    pub(crate) io: tokio::runtime::Runtime,
    pub(crate) app: Arc<App>,
    environment: Environment,
    node: String,
    recorder: Recorder,
    store_writes: Arc<AtomicU64>,
    _server: SimServer,
}

/// Returns a person with ids made from a number.
pub(crate) fn person(number: u128, given: &str, surname: &str, zone: &str) -> Person {
    Person {
        user_id: Uuid::from_u128(0x1000_0000 + number),
        object_id: Uuid::from_u128(0x2000_0000 + number),
        mailbox_id: Uuid::from_u128(0x3000_0000 + number),
        address: format!("{}.{}@contoso.example", given.to_lowercase(), surname.to_lowercase()),
        given_name: given.to_owned(),
        surname: surname.to_owned(),
        time_zone: zone.to_owned(),
    }
}

#[allow(dead_code, reason = "each test uses some of it")]
impl System {
    /// Starts a system with these people and the memory store.
    pub(crate) fn new(people: Vec<Person>) -> Self {
        Self::with(people, "state.url = \"memory:\"\n", "")
    }

    /// Starts a system with a node file and lines added to the tenant file.
    pub(crate) fn with(people: Vec<Person>, node: &str, tenant: &str) -> Self {
        Self::with_spec(OrganizationSpec::new("contoso", people, 7), node, tenant)
    }

    /// Starts a system for an organization that is out of the ordinary.
    pub(crate) fn with_spec(spec: OrganizationSpec, node: &str, tenant: &str) -> Self {
        let begin = BEGIN.parse().expect("a valid instant");
        let clock = SimClock::fixed(begin);
        let bound = SimServer::bind(None).expect("a free port");
        let world = Arc::new(World::new(&bound.url, vec![spec], clock.as_fn()));
        let server = bound.serve(world.clone()).expect("the stand-ins start");
        let mut secrets = world.secrets();
        secrets.push(("WRONG_SECRET".to_owned(), "wrong".to_owned()));
        let environment = Environment::new(secrets);
        let io = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let store_writes = Arc::default();
        let app = open(&io, node, &environment, &clock, &store_writes);
        let text = format!("{}{tenant}", world.tenant_toml("contoso").expect("an organization"));
        let config = config::load_tenant(&text, Path::new("contoso.toml"), &environment)
            .unwrap_or_else(|problems| panic!("{}", config::render(&problems)));
        let tenant = app.tenant(&config);
        let (node, recorder) = (node.to_owned(), Recorder::default());
        Self {
            world,
            clock,
            tenant,
            io,
            app,
            environment,
            node,
            recorder,
            store_writes,
            _server: server,
        }
    }

    /// Replaces the node by one whose store is empty; the world stays as it is.
    pub(crate) fn lose_state(&mut self) {
        self.app = open(&self.io, &self.node, &self.environment, &self.clock, &self.store_writes);
        self.tenant = self.tenant_with("");
    }

    /// Returns the organization.
    pub(crate) fn organization(&self) -> &Organization {
        self.world.organization("contoso").expect("it was made")
    }

    /// Returns a tenant runtime with another tenant file text.
    pub(crate) fn tenant_with(&self, lines: &str) -> Arc<TenantRuntime> {
        self.tenant_of(&format!("{}{lines}", self.tenant_file()))
    }

    /// Returns the tenant file.
    pub(crate) fn tenant_file(&self) -> String {
        self.world.tenant_toml("contoso").expect("an organization")
    }

    /// Writes a directory of configuration for a process of its own, whose store is in memory.
    pub(crate) fn config(&self, tenant: &str) -> tempfile::TempDir {
        let directory = tempfile::tempdir().expect("a directory");
        let put = |name: &str, text: &str| {
            let path = directory.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
            std::fs::write(path, text).expect("a file");
        };
        let secrets = directory.path().join("secrets");
        for (name, value) in self.organization().secrets() {
            put(&format!("secrets/{name}"), &value);
        }
        put("lockstep.toml", "state.url = \"memory:\"\n");
        let file = self.organization().tenant_toml_with_files(&secrets);
        put("tenants/contoso.toml", &(file + tenant));
        directory
    }

    /// Returns the tenant runtime of a tenant file; `WRONG_SECRET` names a secret that is wrong.
    pub(crate) fn tenant_of(&self, text: &str) -> Arc<TenantRuntime> {
        let config = config::load_tenant(text, Path::new("contoso.toml"), &self.environment)
            .unwrap_or_else(|problems| panic!("{}", config::render(&problems)));
        self.app.tenant(&config)
    }

    /// Reads the profile and returns the mailboxes that take part.
    pub(crate) fn enrol(&self) -> Vec<Arc<Mailbox>> {
        let judged = self.io.block_on(once::enrol(&self.tenant)).expect("the profile is read");
        judged.into_iter().filter_map(|one| one.mailbox).collect()
    }

    /// Runs passes over all mailboxes until one is quiet.
    pub(crate) fn settle(&self) -> Vec<MailboxResult> {
        self.passes(8)
    }

    /// Runs at most this many passes.
    pub(crate) fn passes(&self, most: u32) -> Vec<MailboxResult> {
        self.run(self.enrol(), most)
    }

    /// Runs at most this many passes over these mailboxes, without reading the profile.
    pub(crate) fn run(&self, mailboxes: Vec<Arc<Mailbox>>, most: u32) -> Vec<MailboxResult> {
        self.hold();
        let passes = once::run(&self.tenant, mailboxes, most, &self.recorder);
        // On a busy machine many passes take longer than a lease.
        let keeper = self.app.ownership.clone().keep();
        self.io.block_on(async {
            tokio::select! {
                results = passes => results,
                () = keeper => unreachable!("it keeps on"),
            }
        })
    }

    /// Renews the lease: no node does so here, and it counts real time.
    pub(crate) fn hold(&self) {
        hold(&self.io, &self.app);
    }

    /// Runs until nothing changes, and fails where that is not reached.
    pub(crate) fn settled(&self) {
        for result in self.settle() {
            assert!(result.quiet, "{:?} did not come to rest: {result:?}", result.mailbox.key);
        }
    }

    /// Runs one pass over the mailbox of one person.
    pub(crate) fn one_pass(&self, at: usize) -> MailboxResult {
        let address = self.address(at);
        let mine = |one: &Arc<Mailbox>| one.address.as_str() == address;
        let mailboxes: Vec<_> = self.enrol().into_iter().filter(mine).collect();
        self.run(mailboxes, 1).remove(0)
    }

    /// Returns why a person's mailbox does not take part.
    pub(crate) fn reasons(&self, at: usize) -> Vec<Reason> {
        let judged = self.io.block_on(once::enrol(&self.tenant)).expect("the profile is read");
        let id = self.organization().people[at].mailbox_id;
        judged.into_iter().find(|one| one.id == id).expect("the record is there").reasons
    }

    /// Returns the lines that were reported since the last call.
    pub(crate) fn lines(&self) -> Vec<Line> {
        std::mem::take(&mut *self.recorder.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns the codes that were reported since the last call, of decisions and of failures.
    pub(crate) fn codes(&self) -> Vec<Code> {
        let all = |line: Line| line.codes().collect::<Vec<_>>();
        let mut codes: Vec<Code> = self.lines().into_iter().flat_map(all).collect();
        codes.sort_unstable();
        codes.dedup();
        codes
    }

    /// Returns what the store remembers of a person's mailbox.
    pub(crate) fn links(&self, at: usize) -> Vec<Link> {
        let address = self.address(at);
        let mailbox = self.enrol().into_iter().find(|one| one.address.as_str() == address);
        let mailbox = mailbox.expect("the mailbox takes part");
        self.io.block_on(self.app.links.load(&mailbox.key)).expect("the store answers").links
    }

    // What people do in Dynamics.

    pub(crate) fn user(&self, at: usize) -> Uuid {
        self.organization().people[at].user_id
    }

    pub(crate) fn address(&self, at: usize) -> String {
        self.organization().people[at].address.clone()
    }

    pub(crate) fn create(&self, at: usize, set: &str, body: &Value) -> Uuid {
        let (user, now) = (self.user(at), self.clock.now());
        let made = self.organization().dataverse().user_create(user, set, body, now);
        made.unwrap_or_else(|refusal| panic!("{} {}", refusal.code, refusal.message))
    }

    pub(crate) fn update(&self, at: usize, set: &str, id: Uuid, body: &Value) {
        let (user, now) = (self.user(at), self.clock.now());
        let done = self.organization().dataverse().user_update(user, set, id, body, now);
        done.unwrap_or_else(|refusal| panic!("{} {}", refusal.code, refusal.message));
    }

    pub(crate) fn delete(&self, at: usize, set: &str, id: Uuid) {
        let (user, now) = (self.user(at), self.clock.now());
        let done = self.organization().dataverse().user_delete(user, set, id, now);
        done.unwrap_or_else(|refusal| panic!("{} {}", refusal.code, refusal.message));
    }

    pub(crate) fn row(&self, set: &str, id: Uuid) -> Option<Value> {
        self.organization().dataverse().row(set, id)
    }

    pub(crate) fn rows(&self, set: &str) -> Vec<Value> {
        self.organization().dataverse().rows(set)
    }

    pub(crate) fn setting(&self, name: &str, value: &str) {
        self.organization().dataverse().set_org_db_setting(name, value);
    }

    /// Returns the body that gives a row to another person.
    pub(crate) fn owner(&self, at: usize) -> Value {
        json!({ "ownerid@odata.bind": format!("/systemusers({})", self.user(at)) })
    }

    /// Returns a user as a party: 5 required, 6 optional, 7 organizer.
    pub(crate) fn party(&self, at: usize, mask: i64) -> Value {
        let user = format!("/systemusers({})", self.user(at));
        json!({ "partyid_systemuser@odata.bind": user, "participationtypemask": mask })
    }

    /// Returns the body of a busy appointment of one hour.
    pub(crate) fn meeting(&self, subject: &str, start: &str, parties: &[Value]) -> Value {
        let begin: DateTime<Utc> = start.parse().expect("a valid instant");
        let end = (begin + chrono::Duration::hours(1)).to_rfc3339();
        json!({ "subject": subject, "scheduledstart": start, "scheduledend": end,
            "statecode": 3, "statuscode": 5, "appointment_activity_parties": parties })
    }

    // What people do in Outlook and To Do.

    pub(crate) fn contacts(&self, at: usize) -> Vec<Value> {
        self.organization().graph().contacts(&self.address(at))
    }

    pub(crate) fn events(&self, at: usize) -> Vec<Value> {
        self.organization().graph().events(&self.address(at))
    }

    pub(crate) fn tasks(&self, at: usize) -> Vec<Value> {
        self.organization().graph().tasks(&self.address(at))
    }

    pub(crate) fn new_event(&self, at: usize, body: &Value) -> String {
        let (address, now) = (self.address(at), self.clock.now());
        let made = self.organization().graph().user_create_event(&address, body, now);
        made.unwrap_or_else(|refusal| panic!("{} {}", refusal.code, refusal.message))
    }

    pub(crate) fn new_contact(&self, at: usize, body: &Value) -> String {
        let (address, now) = (self.address(at), self.clock.now());
        let made = self.organization().graph().user_create_contact(&address, body, now);
        made.unwrap_or_else(|refusal| panic!("{} {}", refusal.code, refusal.message))
    }

    pub(crate) fn new_task(&self, at: usize, body: &Value) -> String {
        let (address, now) = (self.address(at), self.clock.now());
        let made = self.organization().graph().user_create_task(&address, body, now);
        made.unwrap_or_else(|refusal| panic!("{} {}", refusal.code, refusal.message))
    }

    /// Makes a task list through the API, as another program would, and returns its id.
    pub(crate) fn new_list(&self, at: usize, name: &str) -> String {
        let made = self.ask_lists(at, "POST", &json!({ "displayName": name }));
        id_of(&made)
    }

    /// Returns the id of the default list.
    pub(crate) fn default_list(&self, at: usize) -> Option<String> {
        let lists = self.ask_lists(at, "GET", &Value::Null);
        let all = lists["value"].as_array()?;
        all.iter().find(|one| one["wellknownListName"] == "defaultList").map(id_of)
    }

    fn ask_lists(&self, at: usize, method: &str, body: &Value) -> Value {
        let target = format!("/v1.0/users/{}/todo/lists", self.address(at));
        self.ask_graph(method, &target, body)
    }

    /// Asks the stand-in of Graph as another application would.
    pub(crate) fn ask_graph(&self, method: &str, target: &str, body: &Value) -> Value {
        let organization = self.organization();
        let app = &organization.graph_app;
        let form = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}\
             &scope=https://graph.microsoft.com/.default",
            app.client_id, app.client_secret
        );
        let request = |method: &str, target: String, kind: &str, token: &str, body: String| {
            let headers = [("Content-Type", kind), ("Authorization", &format!("Bearer {token}"))];
            Request {
                method: method.to_owned(),
                target,
                headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
                body: body.into_bytes(),
            }
        };
        let read = |answer: Response| -> Value {
            serde_json::from_slice(&answer.body).expect("the answer is JSON")
        };
        let (mut graph, now) = (organization.graph(), self.clock.now());
        let kind = "application/x-www-form-urlencoded";
        let asked = request("POST", "/oauth2/v2.0/token".to_owned(), kind, "", form);
        let granted = read(graph.token(&asked, now));
        let token = granted["access_token"].as_str().expect("a token");
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let asked = request(method, target.to_owned(), "application/json", token, body);
        read(graph.handle(&asked, now))
    }

    pub(crate) fn copy_event(&self, at: usize, id: &str) -> String {
        let (address, now) = (self.address(at), self.clock.now());
        self.organization().graph().user_copy_event(&address, id, now).expect("copied")
    }

    pub(crate) fn copy_contact(&self, at: usize, id: &str) -> String {
        let (address, now) = (self.address(at), self.clock.now());
        self.organization().graph().user_copy_contact(&address, id, now).expect("copied")
    }

    pub(crate) fn edit_event(&self, at: usize, id: &str, body: &Value) {
        let (address, now) = (self.address(at), self.clock.now());
        self.organization().graph().user_update_event(&address, id, body, now).expect("changed");
    }

    pub(crate) fn edit_contact(&self, at: usize, id: &str, body: &Value) {
        let (address, now) = (self.address(at), self.clock.now());
        self.organization().graph().user_update_contact(&address, id, body, now).expect("changed");
    }

    pub(crate) fn edit_task(&self, at: usize, id: &str, body: &Value) {
        let (address, now) = (self.address(at), self.clock.now());
        self.organization().graph().user_update_task(&address, id, body, now).expect("changed");
    }

    pub(crate) fn delete_event(&self, at: usize, id: &str) {
        let (address, now) = (self.address(at), self.clock.now());
        self.organization().graph().user_delete_event(&address, id, now).expect("deleted");
    }

    pub(crate) fn delete_contact(&self, at: usize, id: &str) {
        let (address, now) = (self.address(at), self.clock.now());
        self.organization().graph().user_delete_contact(&address, id, now).expect("deleted");
    }

    pub(crate) fn delete_task(&self, at: usize, id: &str) {
        let (address, now) = (self.address(at), self.clock.now());
        self.organization().graph().user_delete_task(&address, id, now).expect("deleted");
    }

    /// Returns kind and receiver of every mail so far.
    pub(crate) fn mails(&self) -> Vec<(MailKind, String)> {
        let organization = self.organization();
        let graph = organization.graph();
        graph.ledger().iter().map(|mail| (mail.kind, mail.to.clone())).collect()
    }

    /// Returns the writes that both services committed through their APIs.
    pub(crate) fn writes(&self) -> (u64, u64) {
        let organization = self.organization();
        let dataverse = organization.dataverse().write_count();
        (dataverse, organization.graph().write_count())
    }

    /// Returns how often links were written to the store.
    pub(crate) fn store_writes(&self) -> u64 {
        self.store_writes.load(SeqCst)
    }

    /// Moves the clock.
    pub(crate) fn advance(&self, seconds: i64) {
        self.clock.advance(chrono::Duration::seconds(seconds));
    }
}

/// Returns an item's id.
pub(crate) fn id_of(item: &Value) -> String {
    item["id"].as_str().expect("an id").to_owned()
}

/// Returns a row's guid.
pub(crate) fn guid(row: &Value, key: &str) -> Uuid {
    row[key].as_str().and_then(|text| text.parse().ok()).expect("a guid")
}

/// Returns the body of a tracked event of one hour.
pub(crate) fn tracked_event(subject: &str, start: &str) -> Value {
    let begin: DateTime<Utc> = start.parse().expect("a valid instant");
    let end = begin + chrono::Duration::hours(1);
    let at = |time: DateTime<Utc>| json!({ "dateTime": time.format("%Y-%m-%dT%H:%M:%S").to_string(), "timeZone": "UTC" });
    json!({ "subject": subject, "start": at(begin), "end": at(end), "categories": [CATEGORY] })
}

/// Returns the usual two people.
pub(crate) fn two() -> System {
    System::new(vec![
        person(1, "Paul", "Cannon", "Europe/Berlin"),
        person(2, "Laura", "Norman", "America/New_York"),
    ])
}

fn open(
    io: &tokio::runtime::Runtime,
    node: &str,
    environment: &Environment,
    clock: &SimClock,
    writes: &Arc<AtomicU64>,
) -> Arc<App> {
    let node = node_config(node, environment);
    let opened = io.block_on(App::open(node, Arc::new(Shared(clock.clone())), "test"));
    let mut app = opened.expect("the node opens");
    app.links = Arc::new(counted::Counted { inner: app.links.clone(), writes: writes.clone() });
    let app = Arc::new(app);
    hold(io, &app);
    app
}

fn hold(io: &tokio::runtime::Runtime, app: &App) {
    assert!(io.block_on(app.ownership.hold()).expect("the store answers"), "the lease is free");
}

fn node_config(text: &str, environment: &Environment) -> NodeConfig {
    let (node, problems) = config::check_node(text, Path::new("lockstep.toml"), environment);
    node.unwrap_or_else(|| panic!("{}", config::render(&problems)))
}
