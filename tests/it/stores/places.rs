//! Redis wherever it may be: behind an ACL user, behind TLS, behind Sentinels, in a cluster. Each place
//! must keep all promises of the conformance suite, carry hints and share budgets.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use lockstep::domain::ids::Fence;
use lockstep::ports::error::StoreError;
use lockstep::ports::links::{Claim, LinkStore, StateChange};
use lockstep::ports::wake::WakeBus;
use lockstep::redis::{
    Address, Hidden, Host, Login, RedisBus, RedisOptions, RedisStore, Servers, Tls, inspect,
};
use lockstep::shards::table::Table;
use redis::{Client, ClientTlsConfig, TlsCertificates};
use secrecy::SecretString;
use tokio::time::timeout;

use super::notes::carries;
use super::{Bench, budget, cluster, guard, journal, link, mailbox, notes, put, suite};
use crate::redis_server::{RedisServer, free_port};

/// Far above what a fail-over and the building of a cluster take.
const BOUND: Duration = Duration::from_secs(60);

/// Where the servers are, and who may empty them.
#[derive(Clone)]
struct Place {
    address: Address,
    owners: Vec<Client>,
}

tokio::task_local! {
    /// The place at which the suite runs.
    static PLACE: Place;
}

/// The store at the place of the task; each start finds it empty.
struct There {
    store: Arc<RedisStore>,
}

impl Bench for There {
    type Store = RedisStore;

    async fn start() -> Self {
        for owner in PLACE.with(|place| place.owners.clone()) {
            let mut wire = owner.get_multiplexed_async_connection().await.unwrap();
            redis::cmd("FLUSHALL").exec_async(&mut wire).await.unwrap();
        }
        Self { store: connect(&PLACE.with(|place| place.address.clone())).await }
    }

    fn store(&self) -> Arc<RedisStore> {
        Arc::clone(&self.store)
    }

    async fn reopen(&mut self) {
        self.store = connect(&PLACE.with(|place| place.address.clone())).await;
    }

    fn advance(&self, _by: Duration) {}

    fn table(&self) -> Table {
        Table::shared()
    }
}

pub(super) async fn connect(address: &Address) -> Arc<RedisStore> {
    Arc::new(RedisStore::connect(address, RedisOptions::default()).await.unwrap())
}

pub(super) async fn bus(address: &Address) -> Arc<dyn WakeBus> {
    let store = RedisStore::connect(address, RedisOptions::default()).await.unwrap();
    Arc::new(RedisBus::new(store, address).unwrap())
}

/// Runs the whole suite at a place, and sends hints there.
async fn keeps_all_promises(place: Place) {
    let address = place.address.clone();
    let suite = async {
        suite::all::<There>().await;
        cluster::all::<There>().await;
        guard::all::<There>().await;
        journal::all::<There>().await;
        notes::all::<There>().await;
    };
    PLACE.scope(place, suite).await;
    carries(bus(&address).await, bus(&address).await).await;
    budget::is_shared(&address).await;
}

pub(super) fn hidden(text: &str) -> Hidden {
    SecretString::from(text).into()
}

fn login(user: &str, password: &str) -> Login {
    Login { user: Some(hidden(user)), password: Some(hidden(password)) }
}

fn owner(port: u16) -> Client {
    Client::open(format!("redis://127.0.0.1:{port}/")).unwrap()
}

pub(super) fn host(port: u16) -> Host {
    Host { name: "127.0.0.1".to_owned(), port }
}

/// Returns the rules for ACL users as docs/cluster.md gives them: of a server, and of a Sentinel.
fn documented_rules() -> [String; 2] {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/cluster.md");
    let page = std::fs::read_to_string(page).unwrap();
    let mut blocks = page.split("```acl\n").skip(1).filter_map(|rest| rest.split("```").next());
    [(); 2].map(|()| {
        let block = blocks.next().expect("docs/cluster.md has no block for an ACL user");
        // A server's file of users has one line for each, and none goes on in the next.
        assert_eq!(block.lines().count(), 1, "{block}");
        block.replace(">PASSWORD", &format!(">{ACL_PASSWORD}"))
    })
}

const ACL_USER: &str = "lockstep";
const ACL_PASSWORD: &str = "hunter2-redis";

/// Returns a server on which nobody but the documented user and an owner may do anything.
fn guarded_server() -> RedisServer {
    let [rule, _] = documented_rules();
    let rules = format!("{rule}\nuser owner on >owner ~* &* +@all\nuser default off\n");
    RedisServer::start_with(&[], &rules)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_documented_acl_user_may_do_all_that_is_needed() {
    // The rule of docs/cluster.md suffices for every call of the store and for hints.
    let server = guarded_server();
    let address = Address { login: login(ACL_USER, ACL_PASSWORD), ..server.address() };
    let owner = format!("redis://owner:owner@127.0.0.1:{}/", server.port());
    let owners = vec![Client::open(owner).unwrap()];
    keeps_all_promises(Place { address, owners }).await;
}

#[tokio::test]
async fn the_documented_acl_user_may_do_nothing_else() {
    // Neither other keys and channels nor commands that no call needs.
    let server = guarded_server();
    let url = format!("redis://{ACL_USER}:{ACL_PASSWORD}@127.0.0.1:{}/", server.port());
    let mut wire = Client::open(url).unwrap().get_multiplexed_async_connection().await.unwrap();
    for words in [
        "FLUSHALL",
        "KEYS *",
        "SCAN 0",
        "GET other",
        "HGETALL other",
        "PUBLISH other x",
        "PSUBSCRIBE *",
        "CONFIG SET maxmemory 1",
        "SHUTDOWN",
        "ACL LIST",
        "SCRIPT FLUSH",
        "CLIENT LIST",
        "REPLICAOF NO ONE",
        "MONITOR",
    ] {
        let mut words = words.split(' ');
        let mut command = redis::cmd(words.next().unwrap());
        words.for_each(|word| {
            command.arg(word);
        });
        let answer = command.exec_async(&mut wire).await;
        let refused = answer.expect_err("the user may do it").to_string();
        assert!(refused.contains("NoPerm"), "{command:?}: {refused}");
    }
}

#[tokio::test]
async fn a_wrong_password_is_an_error_that_does_not_repeat_it() {
    // Nor does the address show it.
    let server = guarded_server();
    let address = Address { login: login(ACL_USER, "hunter3-wrong"), ..server.address() };
    let refused = RedisStore::connect(&address, RedisOptions::default()).await;
    let Err(StoreError::Unavailable(error)) = refused.map(drop) else { panic!("it connects") };
    let text = format!("{error} {error:?} {address:?}");
    assert!(!text.contains("hunter") && text.contains("***"), "{text}");
}

/// An authority and what it vouches for: certificates and their keys.
pub(crate) struct Papers {
    pub(crate) authority: String,
    server: (String, String),
    pub(crate) client: (String, String),
}

pub(crate) fn papers() -> Papers {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
    let named = |names: &[&str], title: &str| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name.push(DnType::CommonName, title);
        params
    };
    let mut params = named(&[], "the authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let issue = |name: &str| {
        let key = KeyPair::generate().unwrap();
        (named(&[name], name).signed_by(&key, &authority).unwrap().pem(), key.serialize_pem())
    };
    Papers { authority: authority.pem(), server: issue("127.0.0.1"), client: issue("node.example") }
}

/// Returns a server that speaks TLS only, to those who show a certificate of the authority.
pub(crate) fn sealed_server(papers: &Papers) -> RedisServer {
    sealed_server_with(papers, &[], "")
}

/// The same with further arguments and settings.
pub(super) fn sealed_server_with(papers: &Papers, more: &[&str], settings: &str) -> RedisServer {
    let directory = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let files = format!(
        "tls-ca-cert-file {}\ntls-cert-file {}\ntls-key-file {}\ntls-auth-clients yes\n\
         {settings}",
        put("ca.pem", &papers.authority),
        put("server.pem", &papers.server.0),
        put("server.key", &papers.server.1),
    );
    // It reads the files when it starts, no later.
    RedisServer::start_with(&[&["--port", "0", "--tls-port", "PORT"], more].concat(), &files)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_behind_tls_keeps_all_promises() {
    // With an authority of its own and a certificate of the client.
    let papers = papers();
    let server = sealed_server(&papers);
    let certificate = Some((hidden(&papers.client.0), hidden(&papers.client.1)));
    let tls = Tls { authorities: Some(hidden(&papers.authority)), certificate };
    let address = Address { tls: Some(tls), ..server.address() };
    let files = TlsCertificates {
        client_tls: Some(ClientTlsConfig {
            client_cert: papers.client.0.clone().into_bytes(),
            client_key: papers.client.1.clone().into_bytes(),
        }),
        root_cert: Some(papers.authority.clone().into_bytes()),
    };
    let url = format!("rediss://127.0.0.1:{}/", server.port());
    let owners = vec![Client::build_with_tls(url, files).unwrap()];
    keeps_all_promises(Place { address, owners }).await;
}

#[tokio::test]
async fn tls_is_refused_where_either_side_does_not_trust_the_other() {
    // No authority, another one, another name, no certificate of the client, no TLS at all.
    let (papers, others) = (papers(), papers());
    let server = sealed_server(&papers);
    let certificate = Some((hidden(&papers.client.0), hidden(&papers.client.1)));
    let authorities = Some(hidden(&papers.authority));
    let whole = Tls { authorities, certificate };
    let elsewhere = Servers::One {
        host: Host { name: "localhost".to_owned(), port: server.port() },
        database: 0,
    };
    let with = |tls| Address { tls, ..server.address() };
    assert!(RedisStore::connect(&with(Some(whole.clone())), RedisOptions::default()).await.is_ok());
    for (what, address) in [
        ("no authority", with(Some(Tls { authorities: None, ..whole.clone() }))),
        (
            "another",
            with(Some(Tls { authorities: Some(hidden(&others.authority)), ..whole.clone() })),
        ),
        ("no certificate", with(Some(Tls { certificate: None, ..whole.clone() }))),
        ("another name", Address { servers: elsewhere, ..with(Some(whole.clone())) }),
        ("no TLS", with(None)),
    ] {
        let refused = RedisStore::connect(&address, RedisOptions::default()).await.map(drop);
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{what}: {refused:?}");
    }
}

/// A master, its replica and three who watch them.
pub(crate) struct Watched {
    pub(crate) master: RedisServer,
    pub(crate) replica: RedisServer,
    pub(crate) watchers: Vec<RedisServer>,
}

pub(super) const MASTER: &str = "state";

impl Watched {
    pub(crate) async fn start() -> Self {
        let master = RedisServer::start();
        let of = ["--replicaof", "127.0.0.1", &master.port().to_string()];
        let replica = RedisServer::start_with(&of, "");
        let port = master.port();
        let told = format!(
            "sentinel monitor {MASTER} 127.0.0.1 {port} 2\n\
             sentinel down-after-milliseconds {MASTER} 3000\n\
             sentinel failover-timeout {MASTER} 6000\n"
        );
        let watchers = (0..3).map(|_| RedisServer::start_with(&["--sentinel"], &told)).collect();
        let all = Self { master, replica, watchers };
        until("the replica follows", || async {
            let info = ask(all.master.port(), &["INFO", "replication"]).await.unwrap_or_default();
            info.contains("state=online").then_some(())
        })
        .await;
        for watcher in &all.watchers {
            until("the watchers know the replica and one another", || async {
                let text = ask(watcher.port(), &["INFO", "sentinel"]).await.unwrap_or_default();
                text.contains("slaves=1,sentinels=3").then_some(())
            })
            .await;
        }
        all
    }

    fn address(&self) -> Address {
        let hosts = self.watchers.iter().map(|watcher| host(watcher.port())).collect();
        let (master, login) = (MASTER.to_owned(), Login::default());
        let servers = Servers::Sentinels { hosts, master, database: 0, login };
        Address { servers, tls: None, login: Login::default() }
    }

    /// Returns the address for the configuration of a node.
    pub(crate) fn url(&self) -> String {
        let hosts = self.watchers.iter().map(|watcher| format!("127.0.0.1:{}", watcher.port()));
        format!("redis+sentinel://{}/{MASTER}/0", hosts.collect::<Vec<_>>().join(","))
    }

    /// Lets nothing reach the replica any more: it may not come again.
    async fn part(&self) {
        let port = self.master.port();
        ask(port, &["CONFIG", "SET", "requirepass", "parted"]).await.unwrap();
        let owner = Client::open(format!("redis://:parted@127.0.0.1:{port}/")).unwrap();
        let mut wire = owner.get_multiplexed_async_connection().await.unwrap();
        let kill = redis::cmd("CLIENT").arg("KILL").arg("TYPE").arg("replica").to_owned();
        let killed: i64 = kill.query_async(&mut wire).await.unwrap();
        assert_eq!(killed, 1);
    }
}

/// Asks a server something once.
pub(crate) async fn ask(port: u16, words: &[&str]) -> Option<String> {
    let mut wire = owner(port).get_multiplexed_async_connection().await.ok()?;
    let mut command = redis::cmd(words[0]);
    words[1..].iter().for_each(|word| {
        command.arg(word);
    });
    command.query_async(&mut wire).await.ok()
}

/// Asks until there is an answer, bounded.
pub(super) async fn until<T, F>(what: &str, mut asked: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let answer = async {
        loop {
            if let Some(answer) = asked().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(BOUND, answer).await.unwrap_or_else(|_| panic!("it does not come: {what}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fail_over_is_followed_and_a_lost_write_shows() {
    // The master dies with a commit that its replica never saw: the store and the hints go on at the
    // replica by themselves, and a commit on top of the lost one is refused.
    let mut all = Watched::start().await;
    let address = all.address();
    let (store, key) = (connect(&address).await, mailbox("contoso", 1));
    let (from, to) = (bus(&address).await, bus(&address).await);
    carries(from.clone(), to.clone()).await;
    let seq = store.claim(&key, Fence(7)).await.unwrap().seq;
    let seq = store.commit(&key, Claim { fence: Fence(7), seq }, &put([1])).await.unwrap();
    until("the replica has the first commit", || async {
        let links = format!("ls:{{{key}}}:links");
        let count = redis::cmd("HLEN").arg(links).to_owned();
        let mut wire = owner(all.replica.port()).get_multiplexed_async_connection().await.ok()?;
        let count: i64 = count.query_async(&mut wire).await.ok()?;
        (count == 1).then_some(())
    })
    .await;
    let told = inspect(&address, RedisOptions::default()).await.unwrap();
    let master = format!("127.0.0.1:{}", all.master.port());
    assert!(told.iter().all(|remark| remark.server == master), "{told:?}");
    assert!(told.iter().any(|remark| remark.message.contains("it has replicas")), "{told:?}");
    all.part().await;
    let seq = store.commit(&key, Claim { fence: Fence(7), seq }, &put([2])).await.unwrap();
    all.master.stop();

    let found = until("the store works again", || async { store.load(&key).await.ok() }).await;
    assert_eq!(found.links, [link(1)]);
    let lost = store.commit(&key, Claim { fence: Fence(7), seq }, &StateChange::default()).await;
    assert!(matches!(lost, Err(StoreError::StateMoved)), "{lost:?}");
    let seq = store.claim(&key, Fence(7)).await.unwrap().seq;
    store.commit(&key, Claim { fence: Fence(7), seq }, &put([3])).await.unwrap();
    carries(from, to).await;
}

#[tokio::test]
async fn sentinels_that_do_not_know_the_master_are_an_error() {
    // So is an address that leads to no Sentinel; a Sentinel that is gone is passed over.
    let all = Watched::start().await;
    let Servers::Sentinels { mut hosts, database, login, .. } = all.address().servers else {
        panic!("not behind Sentinels")
    };
    let with = |hosts: &[Host], master: &str| Address {
        servers: Servers::Sentinels {
            hosts: hosts.to_vec(),
            master: master.to_owned(),
            database,
            login: login.clone(),
        },
        ..all.address()
    };
    let options = RedisOptions::default();
    for address in [with(&hosts, "another"), with(&[host(all.master.port())], MASTER)] {
        let refused = RedisStore::connect(&address, options).await.map(drop);
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    }
    hosts[0].port = free_port();
    assert!(RedisStore::connect(&with(&hosts, MASTER), options).await.is_ok());
}

#[tokio::test]
async fn the_documented_acl_users_suffice_behind_sentinels() {
    // One at the Sentinel, which asks the master as another, and one at the master.
    let master = guarded_server();
    let [_, rule] = documented_rules();
    let told = format!(
        "sentinel monitor {MASTER} 127.0.0.1 {} 1\nsentinel auth-user {MASTER} owner\n\
         sentinel auth-pass {MASTER} owner\n{rule}\nuser default off\n",
        master.port()
    );
    let watcher = RedisServer::start_with(&["--sentinel"], &told);
    let with = |asked: Login| Address {
        servers: Servers::Sentinels {
            hosts: vec![host(watcher.port())],
            master: MASTER.to_owned(),
            database: 0,
            login: asked,
        },
        tls: None,
        login: login(ACL_USER, ACL_PASSWORD),
    };
    let address = with(login(ACL_USER, ACL_PASSWORD));
    carries(bus(&address).await, bus(&address).await).await;
    budget::is_shared(&address).await;
    let nobody = RedisStore::connect(&with(Login::default()), RedisOptions::default()).await;
    assert!(matches!(nobody.map(drop), Err(StoreError::Unavailable(_))));
}

/// Starts three masters that share all slots, with so many replicas each.
async fn masters(replicas: usize, file: &str) -> Vec<RedisServer> {
    let start = || {
        let bus = free_port().to_string();
        let arguments = ["--cluster-enabled", "yes", "--cluster-port", &bus];
        RedisServer::start_with(&arguments, &format!("cluster-node-timeout 2000\n{file}"))
    };
    let servers: Vec<RedisServer> = (0..3 + 3 * replicas).map(|_| start()).collect();
    let places = servers.iter().map(|server| format!("127.0.0.1:{}", server.port()));
    let made = Command::new("redis-cli")
        .args(["--cluster", "create"])
        .args(places)
        .args(["--cluster-yes", "--cluster-replicas", &replicas.to_string()])
        .output()
        .expect("install redis-cli (apt-get install redis-tools)");
    assert!(made.status.success(), "{made:?}");
    for server in &servers {
        until("the cluster stands", || async {
            let info = ask(server.port(), &["CLUSTER", "INFO"]).await?;
            info.contains("cluster_state:ok").then_some(())
        })
        .await;
    }
    servers
}

fn cluster_of(servers: &[RedisServer]) -> Address {
    let hosts = servers.iter().map(|server| host(server.port())).collect();
    let servers = Servers::Cluster { hosts };
    Address { servers, tls: None, login: Login::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_of_three_masters_keeps_all_promises() {
    // Whatever slot the keys of a mailbox, a tenant or the cluster's table lie in.
    let servers = masters(0, "").await;
    let owners = servers.iter().map(|server| owner(server.port())).collect();
    let address = cluster_of(&servers);
    keeps_all_promises(Place { address: address.clone(), owners }).await;
    // `check` asks each of them.
    let told = inspect(&address, RedisOptions::default()).await.unwrap();
    let told: BTreeSet<String> = told.into_iter().map(|remark| remark.server).collect();
    let all = servers.iter().map(|server| format!("127.0.0.1:{}", server.port()));
    assert_eq!(told, all.collect());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slots_that_move_are_followed() {
    // Half of the slots of one master go to another while the store is in use.
    let servers = masters(0, "").await;
    let (store, keys) =
        (connect(&cluster_of(&servers)).await, (1..=40).map(|n| mailbox("contoso", n)));
    for key in keys.clone() {
        super::write(&*store, &key, Fence(1), &put([1])).await.unwrap();
    }
    let id = |port| async move { ask(port, &["CLUSTER", "MYID"]).await.unwrap() };
    let (from, to) = (id(servers[0].port()).await, id(servers[1].port()).await);
    let moved = Command::new("redis-cli")
        .args(["--cluster", "reshard", &format!("127.0.0.1:{}", servers[0].port())])
        .args(["--cluster-from", &from, "--cluster-to", &to, "--cluster-slots", "2700"])
        .args(["--cluster-yes", "--cluster-pipeline", "100"])
        .output()
        .unwrap();
    assert!(moved.status.success(), "{moved:?}");
    for key in keys {
        super::write(&*store, &key, Fence(2), &put([2])).await.unwrap();
        assert_eq!(store.load(&key).await.unwrap().links.len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_documented_acl_user_suffices_in_a_cluster() {
    // Reading where the slots are is part of it.
    let [rule, _] = documented_rules();
    let servers = masters(0, &format!("{rule}\n")).await;
    let address = Address { login: login(ACL_USER, ACL_PASSWORD), ..cluster_of(&servers) };
    carries(bus(&address).await, bus(&address).await).await;
    budget::is_shared(&address).await;
    let store = connect(&address).await;
    for number in 1..=20 {
        super::write(&*store, &mailbox("contoso", number), Fence(1), &put([1])).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_master_of_a_cluster_that_dies_is_replaced() {
    // Its replica takes its slots; store and hints go on by themselves, though it is the first that the
    // address names.
    let mut servers = masters(1, "").await;
    let address = cluster_of(&servers);
    let (store, keys) =
        (connect(&address).await, (1..=40).map(|number| mailbox("contoso", number)));
    let (from, to) = (bus(&address).await, bus(&address).await);
    for key in keys.clone() {
        super::write(&*store, &key, Fence(1), &put([1])).await.unwrap();
    }
    let role = ask(servers[0].port(), &["INFO", "replication"]).await.unwrap();
    assert!(role.contains("role:master"), "{role}");
    for server in &servers[3..] {
        until("each replica follows", || async {
            let info = ask(server.port(), &["INFO", "replication"]).await?;
            info.contains("master_link_status:up").then_some(())
        })
        .await;
    }
    servers[0].stop();
    for key in keys {
        until("a mailbox is written again", || async {
            super::write(&*store, &key, Fence(2), &put([2])).await.ok()
        })
        .await;
        assert!(store.load(&key).await.unwrap().links.contains(&link(2)));
    }
    carries(from, to).await;
}
