//! What the node tells as JSON: tenants, alerts, mailboxes, decisions, rules.

use super::*;

#[test]
fn err_04_alerts_are_listed_and_counted_by_level() {
    // The gravest first, with what would mend them and no address; the gauges say the same.
    on_system(async {
        let node = Node::new().await;
        let all = node.json("/api/v1/tenants/contoso/alerts").await;
        let of = |alert: &Value| {
            ["level", "scope", "code"].map(|name| alert[name].as_str().unwrap().to_owned())
        };
        let list: Vec<_> = all["alerts"].as_array().unwrap().iter().map(of).collect();
        assert_eq!(
            list,
            [
                ["error", "mailbox", "delete-budget"],
                ["error", "mailbox", "mailbox-unreachable"],
                ["warning", "items", "item-parked"],
                ["information", "mailbox", "queue-mailbox"],
            ]
        );
        assert_eq!(all["alerts"][1]["mailbox"], id(4).to_string());
        assert_eq!(all["alerts"][1]["microsoft"], "Http server returned 403 Forbidden");
        assert!(all["alerts"][0]["change"].as_str().unwrap().ends_with('.'));
        let errors = node.json("/api/v1/tenants/contoso/alerts?level=information").await;
        assert_eq!((&errors["count"], errors["alerts"].as_array().unwrap().len()), (&1.into(), 1));
        let (.., body) = node.get("/metrics").await;
        for (scope, level, count) in
            [("mailbox", "error", 2), ("mailbox", "information", 1), ("tenant", "error", 0)]
        {
            let line = body.lines().find(|line| {
                line.starts_with("lockstep_alerts{")
                    && line.contains(&format!("scope=\"{scope}\""))
                    && line.contains(&format!("level=\"{level}\""))
            });
            assert!(
                line.is_some_and(|line| line.ends_with(&format!(" {count}"))),
                "{scope} {level}"
            );
        }
        assert!(!all.to_string().contains('@'));
        let (status, ..) = node.get("/api/v1/tenants/nobody/alerts").await;
        assert_eq!(status, StatusCode::NOT_FOUND);
    });
}

#[test]
fn tenants_are_listed_with_their_counts() {
    // Phases are counted, excluded mailboxes apart; an unknown tenant is a 404 with a sentence.
    on_system(async {
        let node = Node::new().await;
        let list = node.json("/api/v1/tenants").await;
        let tenant = &list["tenants"][0];
        assert_eq!(tenant["tenant"], "contoso");
        assert_eq!(tenant["mailboxes"], 4);
        let phases = &tenant["phases"];
        let counts = ["idle", "running", "backoff", "parked", "halted", "excluded"]
            .map(|name| phases[name].as_u64().unwrap());
        assert_eq!(counts, [1, 0, 0, 1, 1, 1]);
        assert_eq!(
            (&tenant["unsettled"], &tenant["parkedItems"]),
            (&Value::from(2), &Value::from(1))
        );
        assert_eq!(&node.json("/api/v1/tenants/contoso").await, tenant);
        for path in ["", "/mailboxes", "/mailboxes/00000000-0000-0000-0000-000000000001"] {
            let (status, _, body) = node.get(&format!("/api/v1/tenants/fabrikam{path}")).await;
            assert_eq!(status, StatusCode::NOT_FOUND);
            assert!(body.contains("no tenant fabrikam"), "{body}");
        }
    });
}

#[test]
fn a_broken_tenant_file_is_told_with_its_remedy() {
    // It stands beside the tenants, on the first page and at a node that is ready all the same.
    on_system(async {
        let node = Node::new().await;
        let bad = "tenant = \"northwind\"\nsweep = 1\n";
        let env = config::Environment::new([]);
        let (_, found) = config::check_tenant(bad, "tenants/northwind.toml".as_ref(), &env);
        let first = found[0].clone();
        *node.state.problems.write().unwrap() = found;
        let list = node.json("/api/v1/tenants").await;
        assert_eq!(list["tenants"][0]["tenant"], "contoso");
        assert_eq!(list["problems"][0]["remedy"], first.remedy);
        assert_eq!(list["problems"][0]["line"], first.line);
        assert_eq!(list["warnings"], serde_json::json!([]));
        for path in ["/", "/readyz"] {
            let (status, _, body) = node.get(path).await;
            assert_eq!(status, StatusCode::OK, "{path}");
            assert!(body.contains("northwind.toml:"), "{path}: {body}");
        }
    });
}

#[test]
fn items_that_wait_stay_counted_when_a_cycle_fails() {
    // A failed cycle looked at nothing, so it changes no count of items.
    on_system(async {
        let node = Node::new().await;
        node.state.list()[0].board.ended(id(1), at(), Code::FarSideUnreachable);
        let tenant = node.json("/api/v1/tenants/contoso").await;
        assert_eq!((&tenant["unsettled"], &tenant["parkedItems"]), (&2.into(), &1.into()));
    });
}

#[test]
fn mailboxes_are_paged_and_filtered() {
    // In the order of their ids, a piece at a time, or only those of a phase.
    on_system(async {
        let node = Node::new().await;
        let ids = async |query: &str| {
            let list = node.json(&format!("/api/v1/tenants/contoso/mailboxes{query}")).await;
            let list = list["mailboxes"].as_array().unwrap().clone();
            let ids: Vec<String> =
                list.iter().map(|it| it["mailbox"].as_str().unwrap().to_owned()).collect();
            ids
        };
        let all: Vec<String> = (1..=4).map(|number| id(number).to_string()).collect();
        assert_eq!(ids("").await, all);
        assert_eq!(ids("?top=2").await, all[..2]);
        assert_eq!(ids("?skip=2&top=2").await, all[2..]);
        assert_eq!(ids("?skip=3&top=9999999").await, all[3..]);
        assert_eq!(ids("?skip=4").await, Vec::<String>::new());
        assert_eq!(ids("?phase=halted").await, all[1..2]);
        assert_eq!(ids("?phase=excluded").await, all[2..3]);
        assert_eq!(ids("?phase=nonsense").await, Vec::<String>::new());
        let (status, _, _) = node.get("/api/v1/tenants/contoso/mailboxes?top=many").await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
    });
}

#[test]
fn a_mailbox_is_found_by_its_address_or_its_id() {
    // In whichever tenant it is, in any case of letters; the answer names no address.
    on_system(async {
        let node = Node::new().await;
        let found = async |name: &str| {
            let list = node.json(&format!("/api/v1/mailboxes/{name}")).await;
            assert_eq!(list["tenants"][0]["tenant"], "contoso");
            assert_eq!(list["tenants"][0]["profileRead"], at().to_rfc3339());
            assert!(!list.to_string().contains('@'));
            list["mailboxes"].as_array().unwrap().clone()
        };
        let address = mailbox(2).address.as_str().to_uppercase();
        for name in [id(2).to_string(), address.clone(), address.replace('@', "%40")] {
            let [one] = &found(&name).await[..] else { panic!("{name}") };
            assert_eq!((&one["tenant"], &one["phase"]), (&"contoso".into(), &"halted".into()));
            assert_eq!(one["mailbox"], id(2).to_string());
        }
        for name in ["nobody%40contoso.test", "x", &id(99).to_string()] {
            assert!(found(name).await.is_empty(), "{name}");
        }
    });
}

#[test]
fn no_list_is_longer_than_a_page() {
    // Whatever is asked for, one answer holds at most five hundred mailboxes.
    on_system(async {
        let node = Node::new().await;
        let rows = (1..=1_200).map(|number| (id(number), None, Vec::new())).collect();
        node.state.list()[0].board.roster(rows);
        let count = async |query: &str| {
            let list = node.json(&format!("/api/v1/tenants/contoso/mailboxes{query}")).await;
            list["mailboxes"].as_array().unwrap().len()
        };
        assert_eq!(count("").await, 500);
        assert_eq!(count("?top=5000").await, 500);
        assert_eq!(count("?skip=1000").await, 200);
        let (_, _, page) = node.get("/tenants/contoso").await;
        // Decisions link to their items below the mailbox.
        let links = page.matches("/tenants/contoso/mailboxes/").count();
        assert_eq!(links - page.matches("/items/").count(), 500);
    });
}

#[test]
fn a_mailbox_explains_its_last_decisions() {
    // Promise 4: rules, verb, groups, mails and what failed; ids and nothing else.
    on_system(async {
        let node = Node::new().await;
        let path = format!("/api/v1/tenants/contoso/mailboxes/{}", id(1));
        let mailbox = node.json(&path).await;
        assert_eq!(mailbox["phase"], "idle");
        assert_eq!(mailbox["lastCycle"]["written"]["exchange"], 1);
        assert_eq!(mailbox["lastCycle"]["trace"], "0af7651916cd43dd8448eb211c80319c");
        let decision = &mailbox["decisions"][0];
        assert_eq!(decision["rules"], serde_json::json!(["FILT-02", "APPT-OUT-01"]));
        assert_eq!(decision["verb"], "create in exchange");
        assert_eq!(decision["groups"], serde_json::json!(["subject"]));
        assert_eq!((&decision["mails"], &decision["failed"]), (&3.into(), &"write-refused".into()));
        assert!(!mailbox.to_string().contains('@'));
        let path = format!("/api/v1/tenants/contoso/mailboxes/{}", id(3));
        let reasons = node.json(&path).await["reasons"].clone();
        assert_eq!(reasons, serde_json::json!([{ "rule": "ELIG-04", "code": "queue-mailbox" }]));
        let (status, _, _) = node.get("/api/v1/tenants/contoso/mailboxes/nonsense").await;
        assert_eq!(status, StatusCode::NOT_FOUND);
    });
}

#[test]
fn every_rule_is_listed() {
    // Each with its sentence and its source.
    on_system(async {
        let list = Node::empty().json("/api/v1/rules").await;
        let rules = list["rules"].as_array().unwrap();
        assert_eq!(rules.len(), crate::engine::catalogue::ALL.len());
        for rule in rules {
            assert!(
                ["id", "sentence", "source"]
                    .iter()
                    .all(|key| !rule[key].as_str().unwrap().is_empty())
            );
        }
    });
}
