//! Proofs of what another process orders: rows of people, the quota, the judgement over mails.

use super::*;
use crate::sim::compare::LedgerMark;

fn rows(user: u128, rows: &[(&str, Value)]) -> Value {
    let user = Uuid::from_u128(user);
    let of = |(set, row): &(&str, Value)| json!({ "user": user, "set": set, "row": row });
    json!({ "rows": rows.iter().map(of).collect::<Vec<Value>>() })
}

impl Rig {
    async fn order(&self, path: &str, body: Value) -> (u16, Value) {
        json_of(self.control(Method::POST, path).body(body.to_string())).await
    }

    /// Returns how many requests Dynamics grants yet, as its answer to the first of them says.
    async fn left(&self) -> String {
        let (url, app) = (self.organization().dataverse_url(), &self.organization().dataverse_app);
        let body = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}&scope={url}/.default",
            app.client_id, app.client_secret
        );
        let request = self.client.post(format!("{url}/oauth2/v2.0/token"));
        let (_, answer) = json_of(request.header("Content-Type", FORM).body(body)).await;
        let token = answer["access_token"].as_str().unwrap();
        let who = self.client.get(format!("{url}/api/data/v9.2/WhoAmI")).bearer_auth(token);
        let answer = who.send().await.unwrap();
        let header = &answer.headers()["x-ms-ratelimit-burst-remaining-xrm-requests"];
        header.to_str().unwrap().to_owned()
    }

    fn contacts(&self) -> usize {
        self.organization().dataverse().rows("contacts").len()
    }
}

#[tokio::test]
async fn people_make_rows_from_another_process() {
    // In order, in somebody's name, and no program's write; what is wrong is refused with its place.
    let rig = Rig::start().await;
    let before = rig.contacts();
    let two = [("contacts", json!({ "lastname": "One" })), ("tasks", json!({ "subject": "Two" }))];
    let (status, made) = rig.order("/act/contoso", rows(1, &two)).await;
    assert_eq!(status, 200, "{made}");
    assert_eq!(made["made"].as_array().unwrap().len(), 2);
    {
        let dataverse = rig.organization().dataverse();
        let contacts = dataverse.rows("contacts");
        let ada = Uuid::from_u128(1).to_string();
        assert!(
            contacts.iter().any(|row| row["lastname"] == "One" && row["_ownerid_value"] == ada)
        );
    }
    let (_, writes) = json_of(rig.control(Method::GET, "/writes/contoso")).await;
    assert_eq!(writes, json!({ "dynamics": 0, "exchange": 0 }));
    assert_eq!(status_of(rig.create()).await, 201);
    let (_, writes) = json_of(rig.control(Method::GET, "/writes/contoso")).await;
    assert_eq!(writes, json!({ "dynamics": 0, "exchange": 1 }));

    // The first is made, the second is not.
    let half = [("contacts", json!({ "lastname": "Three" })), ("nothings", json!({}))];
    let (status, refused) = rig.order("/act/contoso", rows(1, &half)).await;
    assert!((400..500).contains(&status));
    let text = refused["error"].as_str().unwrap();
    assert!(text.starts_with("row 1 of nothings, after 1 were made: 0x"), "{text}");
    assert_eq!(rig.contacts(), before + 2);

    let one = [("contacts", json!({ "lastname": "Four" }))];
    let mut more = rows(1, &one);
    more["rows"][0]["owner"] = json!("x");
    let no_row = json!({ "rows": [{ "user": Uuid::from_u128(1), "set": "contacts", "row": 5 }] });
    for (path, wrong, status) in [
        ("/act/contoso", rows(7, &one), 400),
        ("/act/contoso", more, 400),
        ("/act/contoso", no_row, 400),
        ("/act/contoso", json!({}), 400),
        ("/act/nobody", rows(1, &one), 404),
    ] {
        assert_eq!(rig.order(path, wrong.clone()).await.0, status, "{wrong}");
    }
    assert_eq!(rig.contacts(), before + 2);
}

#[tokio::test]
async fn people_and_quotas_are_told_to_another_process() {
    // Ids as both sides know them; a quota holds at once, and one that makes no sense changes nothing.
    let rig = Rig::start().await;
    let (_, told) = json_of(rig.control(Method::GET, "/people/contoso")).await;
    let id = |number| json!(Uuid::from_u128(number));
    let ada = json!({ "user": id(1), "object": id(2), "mailbox": id(3), "address": ADDRESS });
    assert_eq!(told, json!({ "people": [ada] }));
    for path in ["/people/nobody", "/writes/nobody"] {
        assert_eq!(status_of(rig.control(Method::GET, path)).await, 404);
    }
    for (path, order, status) in [
        ("/quota/contoso", json!({ "web_servers": 5 }), 200),
        ("/quota/contoso", json!({ "web_servers": 0 }), 400),
        ("/quota/contoso", json!({ "web_servers": 5, "minutes": 5 }), 400),
        ("/quota/nobody", json!({ "web_servers": 5 }), 404),
    ] {
        assert_eq!(rig.order(path, order.clone()).await.0, status, "{order}");
    }
    assert_eq!(rig.left().await, "29999");
}

#[tokio::test]
async fn mails_since_the_mark_are_judged_for_another_process() {
    // A meeting to come must be mailed, and what was mailed must be a meeting's; without a mark nobody says.
    let rig = Rig::start().await;
    let (_, found) = json_of(rig.control(Method::GET, "/compare/contoso")).await;
    assert_eq!(found["mailProblems"], Value::Null, "{found}");
    rig.server.stop();

    let bound = SimServer::bind(None).unwrap();
    let specs = vec![OrganizationSpec::new("contoso", vec![ada()], 1)];
    let world = Arc::new(World::new(&bound.url, specs, SimClock::fixed(start()).as_fn()));
    let marks = world.organizations.iter().map(LedgerMark::take).collect();
    let server = bound.serve_since(Arc::clone(&world), marks).unwrap();
    let url = format!("{}/_sim/compare/contoso", server.url());
    let (_, found) = json_of(rig.client.get(&url)).await;
    assert_eq!(found["mailProblems"], json!([]), "{found}");
    let guest = json!([{ "emailAddress": { "address": "guest@elsewhere.test" } }]);
    let event = json!({
        "subject": "Planning 0001",
        "start": { "dateTime": "2026-03-03T09:00:00", "timeZone": "UTC" },
        "end": { "dateTime": "2026-03-03T10:00:00", "timeZone": "UTC" },
        "attendees": guest,
    });
    world.organizations[0].graph().user_create_event(ADDRESS, &event, start()).unwrap();
    let (_, found) = json_of(rig.client.get(&url)).await;
    let problems = found["mailProblems"].as_array().unwrap();
    assert_eq!(problems.len(), 1, "{found}");
    assert!(problems[0].as_str().unwrap().contains("MailUnexpected"), "{found}");
}
