//! The state store: which kinds of addresses are known, and what goes with them.

use std::path::PathBuf;

use super::{CERTIFICATE, env, node, only};
use crate::config::{Problem, Secret, StateUrl, render};
use crate::redis::{Address, Hidden, Host, Login, Servers, Tls};

fn state(text: &str) -> Result<StateUrl, Vec<Problem>> {
    node(&format!("[state]\n{text}\n")).map(|node| node.state.url)
}

fn address(text: &str) -> Address {
    match state(text) {
        Ok(StateUrl::Redis(address)) => *address,
        other => panic!("{text}: {other:?}"),
    }
}

fn hidden(text: &str) -> Option<Hidden> {
    Some(Secret::new(text).to_secret_string().into())
}

fn host(name: &str, port: u16) -> Host {
    Host { name: name.to_owned(), port }
}

fn one(name: &str, port: u16, database: u16) -> Servers {
    Servers::One { host: host(name, port), database }
}

#[test]
fn a_store_that_is_not_reached_is_named_with_all_its_places() {
    // As people write them, without who asks.
    for (text, places) in [
        ("redis://h:6380/3", "h:6380"),
        ("redis+sentinel://a,[::1]:5,c.example/m-1", "a:26379, [::1]:5, c.example:26379"),
    ] {
        let Ok(StateUrl::Redis(address)) = state(&format!("url = \"{text}\"")) else {
            panic!("no address: {text}")
        };
        assert_eq!(address.places(), places);
    }
}

#[test]
fn the_kinds_of_state_stores_are_told_apart() {
    // Every documented address is understood, with its default ports.
    assert_eq!(state("url = \"memory:\""), Ok(StateUrl::Memory));
    assert_eq!(state("url = \"embedded:/var/x\""), Ok(StateUrl::Embedded(PathBuf::from("/var/x"))));
    let watched = |hosts, master: &str, database, login| {
        let master = master.to_owned();
        Servers::Sentinels { hosts, master, database, login }
    };
    let hosts = || vec![host("a", 26379), host("::1", 5), host("c.example", 26379)];
    for (text, tls, servers) in [
        ("redis://h:6380/3", false, one("h", 6380, 3)),
        ("redis://10.0.0.1", false, one("10.0.0.1", 6379, 0)),
        ("rediss://h", true, one("h", 6379, 0)),
        (
            "redis+sentinel://a,[::1]:5,c.example/m-1",
            false,
            watched(hosts(), "m-1", 0, Login::default()),
        ),
        (
            "rediss+sentinel://a,[::1]:5,c.example/m/2",
            true,
            watched(hosts(), "m", 2, Login::default()),
        ),
        (
            "redis+cluster://a:1,b",
            false,
            Servers::Cluster { hosts: vec![host("a", 1), host("b", 6379)] },
        ),
        ("rediss+cluster://a/", true, Servers::Cluster { hosts: vec![host("a", 6379)] }),
    ] {
        let found = address(&format!("url = \"{text}\""));
        assert_eq!(
            found,
            Address { servers, tls: tls.then(Tls::default), login: Login::default() },
            "{text}"
        );
    }
}

#[test]
fn users_passwords_and_certificates_are_secrets_beside_the_address() {
    // In the address they are written as secrets, with %XX for signs of other kinds, or on their own.
    let found = address("url = { env = \"REDIS\" }");
    let login = Login { user: None, password: hidden("hunter2-redis") };
    assert_eq!((found.servers, found.login), (one("store.example", 6380, 1), login));
    let found = address("url = { env = \"REDIS_CODED\" }\nsentinel_password = { env = \"KEY\" }");
    assert_eq!(found.login, Login { user: hidden("le on"), password: hidden("hunter2/@") });
    let Servers::Sentinels { login, .. } = found.servers else { panic!("no Sentinels") };
    assert_eq!(login, Login { user: None, password: hidden("0123456789abcdef0123") });
    let found = address(
        "url = \"rediss://h\"\nuser = { env = \"REDIS_USER\" }\npassword = { env = \"DV\" }\n\
         ca = { env = \"CERTIFICATE\" }",
    );
    let login = Login { user: hidden("hunter2-user"), password: hidden("hunter2-dataverse") };
    assert_eq!(found.login, login);
    assert_eq!(found.tls, Some(Tls { authorities: hidden(CERTIFICATE), certificate: None }));
    assert!(!format!("{found:?} {:?}", env()).contains("hunter2"));
}

#[test]
fn a_wrong_address_is_told_with_a_remedy() {
    // The place is state.url, and no word of a secret is repeated.
    for (text, message, remedy) in [
        ("\"redis://:hunter2@h\"", "holds a user or a password", "state.password"),
        ("\"redis://hunter2@h\"", "holds a user or a password", "state.user"),
        ("\"redis://\"", "names no host", "redis://HOST"),
        ("\"redis:h\"", "has no //", "redis://HOST"),
        ("\"redis://h:0\"", "has a port that is no number from 1", "redis://HOST"),
        ("\"redis://h:x\"", "has a port", "redis://HOST"),
        ("\"redis://[::1\"", "bracket", "redis://HOST"),
        ("\"redis://h/x\"", "has a database that is no number", "redis://HOST"),
        ("\"redis://h/65536\"", "has a database that is no number", "redis://HOST"),
        ("\"redis://h?x=1\"", "carries a query", "before ? and #"),
        ("\"redis://a b\"", "holds a character", "redis://HOST"),
        ("\"redis://a,b\"", "more than one server", "redis+sentinel://"),
        ("\"redis+sentinel://a,b\"", "does not name the master", "/MASTER"),
        ("\"redis+sentinel://a/m!\"", "does not name the master", "/MASTER"),
        ("\"redis+sentinel://a/m/x\"", "has a database", "/MASTER"),
        ("\"redis+sentinel://a,,b/m\"", "names no host", "/MASTER"),
        ("\"redis+cluster://a/1\"", "a cluster has none", "redis+cluster://HOST"),
        ("\"embedded:\"", "names no folder", "embedded:./data"),
        ("\"embedded://x\"", "names no folder", "embedded:./data"),
        ("\"memory\"", "is no known kind of store", "memory:"),
        ("\"postgres://h\"", "is no known kind of store", "embedded:PATH"),
        ("{ env = \"REDIS_WRONG\" }", "names no host", "redis://HOST"),
        ("{ env = \"NOT_UTF8\" }", "no UTF-8", "state.password"),
        ("{ env = \"REDIS_USER_ALONE\" }", "no password behind its user", "//USER:PASSWORD@"),
        ("{ env = \"REDIS_NO_PASSWORD\" }", "no password behind its user", "//USER:PASSWORD@"),
        ("{ env = \"REDIS_NOBODY\" }", "no password behind its user", "no @"),
    ] {
        let problem = only(state(&format!("url = {text}")));
        assert_eq!((problem.field.as_str(), problem.line), ("state.url", 2), "{text}");
        assert!(problem.message.contains(message), "{text}: {}", problem.message);
        assert!(problem.remedy.contains(remedy), "{text}: {}", problem.remedy);
        assert!(!render(&[problem]).contains("hunter2"));
    }
    let many = vec!["h"; 65].join(",");
    assert!(only(state(&format!("url = \"redis+cluster://{many}\""))).message.contains("too many"));
    assert_eq!(only(state("key = { env = \"SHORT\" }")).field, "state.key");
}

#[test]
fn a_key_that_does_not_fit_the_address_is_told() {
    // Nothing that somebody wrote is passed over in silence.
    for (text, field, message) in [
        ("password = { env = \"DV\" }", "state.password", "with Redis only"),
        ("url = \"redis://h\"\nuser = { env = \"DV\" }", "state.user", "needs state.password"),
        (
            "url = \"redis://h\"\npassword = \"hunter2\"",
            "state.password",
            "must not stand in the file",
        ),
        (
            "url = { env = \"REDIS\" }\npassword = { env = \"DV\" }",
            "state.password",
            "stands in state.url, too",
        ),
        (
            "url = \"redis://h\"\nsentinel_password = { env = \"DV\" }",
            "state.sentinel_password",
            "with Sentinel only",
        ),
        (
            "url = \"redis://h\"\nca = { env = \"CERTIFICATE\" }",
            "state.ca",
            "encrypted connection only",
        ),
        (
            "url = \"rediss://h\"\nca = { env = \"DV\" }",
            "state.ca",
            "holds no certificate in PEM form",
        ),
        (
            "url = \"rediss://h\"\ncertificate = { env = \"CERTIFICATE\" }",
            "state.certificate",
            "needs state.certificate_key",
        ),
    ] {
        let problem = only(state(text));
        assert_eq!(problem.field, field, "{text}");
        assert!(problem.message.contains(message), "{text}: {}", problem.message);
        assert!(!render(&[problem]).contains("hunter2"));
    }
}
