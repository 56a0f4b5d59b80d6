//! TLS together with Sentinels and with a cluster: the servers of which they tell are reached sealed, too.

use std::process::Command;

use lockstep::domain::ids::Fence;
use lockstep::ports::links::LinkStore;
use lockstep::redis::{Address, Login, RedisOptions, RedisStore, Servers, Tls};

use super::notes::carries;
use super::places::{
    MASTER, Papers, bus, connect, hidden, host, papers, sealed_server_with, until,
};
use super::{budget, link, mailbox, put};
use crate::redis_server::{RedisServer, free_port};

fn address(papers: &Papers, servers: Servers) -> Address {
    let certificate = Some((hidden(&papers.client.0), hidden(&papers.client.1)));
    let tls = Tls { authorities: Some(hidden(&papers.authority)), certificate };
    Address { servers, tls: Some(tls), login: Login::default() }
}

/// Hints, budgets and many mailboxes; nothing of it for who does not know the authority.
async fn is_of_use(sealed: &Address) {
    let ready = || async { RedisStore::connect(sealed, RedisOptions::default()).await.ok() };
    until("the store is reached", ready).await;
    carries(bus(sealed).await, bus(sealed).await).await;
    budget::is_shared(sealed).await;
    let store = connect(sealed).await;
    for number in 1..=20 {
        let key = mailbox("contoso", number);
        super::write(&*store, &key, Fence(1), &put([1])).await.unwrap();
        assert_eq!(store.load(&key).await.unwrap().links, [link(1)]);
    }
    let other = Some(hidden(&papers().authority));
    for tls in [None, sealed.tls.clone().map(|tls| Tls { authorities: other, ..tls })] {
        let address = Address { tls, ..sealed.clone() };
        let refused = RedisStore::connect(&address, RedisOptions::default()).await.map(drop);
        assert!(refused.is_err(), "{address:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sentinels_behind_tls_lead_to_a_master_behind_tls() {
    // Both show certificates of the authority, and ask for the client's.
    let papers = papers();
    let master = sealed_server_with(&papers, &[], "");
    let told =
        format!("tls-replication yes\nsentinel monitor {MASTER} 127.0.0.1 {} 1\n", master.port());
    let watcher = sealed_server_with(&papers, &["--sentinel"], &told);
    let servers = Servers::Sentinels {
        hosts: vec![host(watcher.port())],
        master: MASTER.to_owned(),
        database: 0,
        login: Login::default(),
    };
    is_of_use(&address(&papers, servers)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_server_of_a_cluster_is_reached_behind_tls() {
    // The address names one of three; the others are told by it, and keys lie everywhere.
    let papers = papers();
    let start = || {
        let bus = free_port().to_string();
        let arguments = ["--cluster-enabled", "yes", "--cluster-port", &bus];
        sealed_server_with(&papers, &arguments, "tls-cluster yes\ntls-replication yes\n")
    };
    let servers: Vec<RedisServer> = (0..3).map(|_| start()).collect();
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let (authority, paper, key) = (
        file("ca.pem", &papers.authority),
        file("client.pem", &papers.client.0),
        file("client.key", &papers.client.1),
    );
    let client = || {
        let mut client = Command::new("redis-cli");
        client.arg("--tls").arg("--cacert").arg(&authority);
        client.arg("--cert").arg(&paper).arg("--key").arg(&key);
        client
    };
    let made = client()
        .args(["--cluster", "create"])
        .args(servers.iter().map(|server| format!("127.0.0.1:{}", server.port())))
        .args(["--cluster-yes", "--cluster-replicas", "0"])
        .output()
        .expect("install redis-cli (apt-get install redis-tools)");
    assert!(made.status.success(), "{made:?}");
    // Each finds out for itself that all slots are served.
    for server in &servers {
        until("the cluster stands", || async {
            let port = server.port().to_string();
            let told = client().args(["-p", &port, "CLUSTER", "INFO"]).output().ok()?;
            String::from_utf8_lossy(&told.stdout).contains("cluster_state:ok").then_some(())
        })
        .await;
    }
    let hosts = vec![host(servers[0].port())];
    is_of_use(&address(&papers, Servers::Cluster { hosts })).await;
}
