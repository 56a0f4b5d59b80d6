//! Mailboxes by the name that an operator gives: an address or an id, with or without the tenant.
//!
//! The node finds the mailbox in all its tenants.

use anyhow::{Context as _, bail};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use uuid::Uuid;

use super::status::ask;
use crate::http::Method;

/// Returns the tenant and the id of the mailbox that is meant. An id with its tenant needs no look-up.
pub(super) fn find(
    root: &str,
    tenant: Option<&str>,
    mailbox: &str,
) -> anyhow::Result<(String, String)> {
    if let Some(tenant) = tenant
        && Uuid::try_parse(mailbox).is_ok()
    {
        return Ok((tenant.to_owned(), mailbox.to_owned()));
    }
    let name = utf8_percent_encode(mailbox, NON_ALPHANUMERIC);
    let known = ask(Method::Get, &format!("{root}/api/v1/mailboxes/{name}"))?;
    let (tenant, id) = choose(&known, tenant, mailbox)?;
    Ok((tenant.to_owned(), id.to_owned()))
}

/// Returns the tenant and the id of the mailbox that is meant, of those that a node found.
fn choose<'a>(
    known: &'a Value,
    tenant: Option<&str>,
    mailbox: &str,
) -> anyhow::Result<(&'a str, &'a str)> {
    let names = |list: &'a Value, of: fn(&'a Value) -> &'a Value| -> Vec<&'a str> {
        list.as_array().into_iter().flatten().filter_map(|one| of(one).as_str()).collect()
    };
    let tenants = names(&known["tenants"], |one| &one["tenant"]);
    let wanted = |name: &str| tenant.is_none_or(|wanted| wanted == name);
    if let Some(tenant) = tenant.filter(|one| !tenants.contains(one)) {
        let tenants = if tenants.is_empty() { "none".to_owned() } else { tenants.join(", ") };
        bail!("--tenant: the node runs no tenant {tenant}; it runs: {tenants}");
    }
    let all = known["mailboxes"].as_array().map_or(&[][..], Vec::as_slice);
    let found: Vec<&Value> =
        all.iter().filter(|one| one["tenant"].as_str().is_some_and(wanted)).collect();
    // A record that takes no part may have the address, too.
    let takes_part = |one: &&Value| one["reasons"].as_array().is_none_or(Vec::is_empty);
    let active: Vec<&Value> = found.iter().copied().filter(|one| takes_part(one)).collect();
    let found = if active.is_empty() { found } else { active };
    let one = match found[..] {
        [one] => one,
        [] => {
            let tenants = known["tenants"].as_array().into_iter().flatten();
            let unread = tenants.filter(|one| one["profileRead"].is_null());
            let unread: Vec<&str> =
                unread.filter_map(|one| one["tenant"].as_str()).filter(|it| wanted(it)).collect();
            let hint = match &unread[..] {
                [] => "`lockstep check --online` lists them".to_owned(),
                _ => format!("the node has not read them yet of {}: try again", unread.join(", ")),
            };
            bail!("--mailbox: no mailbox record has the address or id {mailbox}; {hint}");
        }
        _ => {
            let tenants: Vec<&str> =
                found.iter().filter_map(|one| one["tenant"].as_str()).collect();
            if tenants.iter().all(|one| *one == tenants[0]) {
                let ids: Vec<&str> =
                    found.iter().filter_map(|one| one["mailbox"].as_str()).collect();
                let (tenant, ids) = (tenants[0], ids.join(", "));
                bail!(
                    "--mailbox: {tenant} has several records of {mailbox}; name one by its id: {ids}"
                );
            }
            let tenants = tenants.join(", ");
            bail!("--mailbox: several tenants have {mailbox}; name one with --tenant: {tenants}");
        }
    };
    let reasons = one["reasons"].as_array().into_iter().flatten();
    let why: Vec<String> = reasons
        .filter_map(|it| Some(format!("{} ({})", it["code"].as_str()?, it["rule"].as_str()?)))
        .collect();
    if !why.is_empty() {
        bail!("the mailbox {mailbox} does not take part: {}", why.join(", "));
    }
    let id = one["mailbox"].as_str().context("the node names no id; is it of another version?")?;
    Ok((one["tenant"].as_str().unwrap_or_default(), id))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn known(found: &[&str]) -> Value {
        let found = found.iter().map(|tenant| json!({ "tenant": tenant, "mailbox": "5f1c" }));
        let tenants = json!([
            { "tenant": "contoso", "profileRead": "2026-01-01T00:00:00Z" },
            { "tenant": "fabrikam", "profileRead": null },
        ]);
        json!({ "tenants": tenants, "mailboxes": found.collect::<Vec<_>>() })
    }

    #[test]
    fn a_mailbox_is_chosen_where_it_is_and_only_there() {
        // Without a tenant the one that has it; what is wrong is said with the argument that mends it.
        let (one, both, none) = (known(&["contoso"]), known(&["contoso", "fabrikam"]), known(&[]));
        assert_eq!(choose(&one, None, "a@x").unwrap(), ("contoso", "5f1c"));
        assert_eq!(choose(&both, Some("fabrikam"), "a@x").unwrap(), ("fabrikam", "5f1c"));
        let mut excluded = known(&["contoso"]);
        excluded["mailboxes"][0]["reasons"] =
            json!([{ "rule": "ELIG-04", "code": "queue-mailbox" }]);
        // Of two records the one that takes part; of two of those neither.
        let twice = known(&["contoso", "contoso"]);
        let mut old = twice.clone();
        old["mailboxes"][0] = json!({ "tenant": "contoso", "mailbox": "01d", "reasons": [{ "code": "x", "rule": "y" }] });
        assert_eq!(choose(&old, None, "a@x").unwrap(), ("contoso", "5f1c"));
        for (known, tenant, expected) in [
            (&twice, Some("contoso"), "name one by its id: 5f1c, 5f1c"),
            (&both, None, "name one with --tenant: contoso, fabrikam"),
            (&one, Some("nobody"), "the node runs no tenant nobody; it runs: contoso, fabrikam"),
            (&none, Some("contoso"), "the address or id a@x; `lockstep check --online` lists them"),
            (&none, None, "has not read them yet of fabrikam: try again"),
            (&excluded, None, "does not take part: queue-mailbox (ELIG-04)"),
            (&json!({}), Some("contoso"), "it runs: none"),
        ] {
            let error = choose(known, tenant, "a@x").unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
