//! `lockstep check --online` and the Redis of the state store: what it says of the server's settings.

use std::path::Path;

use serde_json::Value;

use crate::process::{Ended, run, until};
use crate::redis_server::RedisServer;
use crate::stores::places::{papers, sealed_server};

/// A server that is run as the documentation wants it.
const IN_ORDER: [&str; 4] = ["--appendonly", "yes", "--maxmemory-policy", "noeviction"];
/// Far above what a replica takes to follow.
const BOUND: std::time::Duration = std::time::Duration::from_secs(30);

fn check(directory: &Path, state: &str, format: &str) -> Ended {
    std::fs::write(directory.join("lockstep.toml"), format!("[state]\n{state}\n")).unwrap();
    let directory = directory.to_str().unwrap();
    run(&["check", "--online", "--config", directory, "--format", format])
}

/// Returns what is remarked, in one text.
fn remarks(directory: &Path, server: &RedisServer) -> String {
    let ended = check(directory, &format!("url = \"{}\"", server.url()), "json");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let json = ended.json();
    assert_eq!(json["state"]["error"], Value::Null);
    let remarks = json["state"]["remarks"].as_array().unwrap().clone();
    for one in &remarks {
        assert_eq!(one["server"], format!("127.0.0.1:{}", server.port()));
        assert!(one["remedy"].as_str().is_some_and(|remedy| remedy.len() > 10), "{one}");
    }
    let words: Vec<&str> = remarks.iter().filter_map(|one| one["message"].as_str()).collect();
    words.join("; ")
}

#[test]
fn check_tells_what_endangers_a_store_in_redis() {
    // A log that is off, a policy that evicts, writes that no replica must have seen, and the reverse.
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    let fine = RedisServer::start_with(&IN_ORDER, "");
    assert_eq!(remarks(at, &fine), "");
    let table = check(at, &format!("url = \"{}\"", fine.url()), "table");
    assert!(table.out.contains("state store: reached, and in order"), "{table:?}");

    let loose = RedisServer::start_with(&["--maxmemory-policy", "allkeys-lru"], "");
    let words = remarks(at, &loose);
    assert!(words.contains("maxmemory-policy is allkeys-lru"), "{words}");
    assert!(words.contains("appendonly is off"), "{words}");

    let mut alone = IN_ORDER.to_vec();
    alone.extend(["--min-replicas-to-write", "1"]);
    let words = remarks(at, &RedisServer::start_with(&alone, ""));
    assert!(words.starts_with("it has no replicas") && !words.contains(';'), "{words}");

    let replica =
        RedisServer::start_with(&["--replicaof", "127.0.0.1", &fine.port().to_string()], "");
    let words = until(BOUND, "the replica follows", || {
        Some(remarks(at, &fine)).filter(|words| !words.is_empty())
    });
    assert!(words.starts_with("it has replicas") && !words.contains(';'), "{words}");
    drop(replica);
}

#[test]
fn check_goes_on_where_settings_cannot_be_read_and_fails_where_nobody_answers() {
    // A user without the right is told, no error; a server that is away is one, with a remedy.
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    let rule = "user shy on >hunter2-shy ~* &* +@all -config -info\nuser default off\n";
    let mut shy = RedisServer::start_with(&[], rule);
    std::fs::write(at.join("user"), "shy").unwrap();
    std::fs::write(at.join("password"), "hunter2-shy").unwrap();
    let state = format!(
        "url = \"{}\"\nuser = {{ file = \"user\" }}\npassword = {{ file = \"password\" }}",
        shy.url()
    );
    let ended = check(at, &state, "json");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let remark = &ended.json()["state"]["remarks"][0];
    assert!(remark["message"].as_str().unwrap().starts_with("cannot be read: "), "{remark}");

    shy.stop();
    let ended = check(at, &state, "table");
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.out.contains("state store: not reached: "), "{ended:?}");
    assert!(ended.out.contains("remedy: start Redis"), "{ended:?}");
    assert!(!format!("{ended:?}").contains("hunter2"));
}

#[test]
fn check_reaches_a_server_behind_tls_with_files_of_its_own() {
    // Authorities, certificate and key beside the node file; without them nobody is trusted.
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    let papers = papers();
    let server = sealed_server(&papers);
    std::fs::write(at.join("ca.pem"), &papers.authority).unwrap();
    std::fs::write(at.join("node.pem"), &papers.client.0).unwrap();
    std::fs::write(at.join("node.key"), &papers.client.1).unwrap();
    let url = format!("url = \"rediss://127.0.0.1:{}\"", server.port());
    let files = "ca = { file = \"ca.pem\" }\ncertificate = { file = \"node.pem\" }\n\
                 certificate_key = { file = \"node.key\" }";
    let ended = check(at, &format!("{url}\n{files}"), "json");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.out.contains("appendonly is off"), "{ended:?}");
    let ended = check(at, &url, "json");
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.json()["state"]["error"].is_string(), "{ended:?}");
}
