//! Secrets, and the addresses to which they are sent.

use super::{TENANT, env, node, only, tenant};
use crate::config::{Secret, digest, render};

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
fn a_rotated_secret_changes_the_digest() {
    // A reload must notice a new secret behind an unchanged reference.
    let first = tenant(TENANT).unwrap();
    let mut second = first.clone();
    assert_eq!(digest(TENANT, &first), digest(TENANT, &second));
    second.exchange.side.client_secret = Secret::new("rotated");
    assert_ne!(digest(TENANT, &first), digest(TENANT, &second));
    assert_ne!(digest(TENANT, &first), digest("other", &first));
}
