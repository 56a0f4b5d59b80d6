//! Proofs of the world: routing, credentials, tenant file, clock, concurrency, fault outcomes.

use std::sync::Arc;

use chrono::TimeZone;
use serde_json::{Value, json};

use super::*;
use crate::sim::faults::{FaultKind, Scope};
use crate::sim::wire::Request;

const BASE: &str = "http://127.0.0.1:1";
const EVENTS: &str = "/contoso/graph/v1.0/users/ada@contoso.test/events";

fn person(given_name: &str) -> Person {
    let id =
        |what: &str| Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("{given_name}/{what}").as_bytes());
    Person {
        user_id: id("user"),
        object_id: id("object"),
        mailbox_id: id("mailbox"),
        address: format!("{}@contoso.test", given_name.to_lowercase()),
        given_name: given_name.into(),
        surname: "Example".into(),
        time_zone: "Europe/Berlin".into(),
    }
}

fn start() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 3, 2, 8, 0, 0).unwrap()
}

fn world() -> World {
    let specs = vec![
        OrganizationSpec::new("contoso", vec![person("Ada"), person("Bob")], 1),
        OrganizationSpec::new("fabrikam", vec![person("Cyd")], 2),
    ];
    World::new(BASE, specs, SimClock::fixed(start()).as_fn())
}

fn request(method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Request {
    Request {
        method: method.into(),
        target: target.into(),
        headers: headers.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect(),
        body: body.as_bytes().to_vec(),
    }
}

fn send(world: &World, request: Request) -> Outcome {
    match world.admit(request) {
        Ok(admitted) => world.carry_out(admitted),
        Err(refusal) => Outcome::Answer(refusal),
    }
}

fn status(outcome: &Outcome) -> u16 {
    let Outcome::Answer(answer) = outcome else { panic!("no answer: {outcome:?}") };
    answer.status
}

fn json_of(outcome: &Outcome) -> Value {
    let Outcome::Answer(answer) = outcome else { panic!("no answer: {outcome:?}") };
    serde_json::from_slice(&answer.body).unwrap()
}

fn token_request(target: &str, app: &AppCredentials, scope: &str) -> Request {
    let body = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}&scope={scope}",
        app.client_id, app.client_secret
    );
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    request("POST", target, &[form], &body)
}

fn bearer(world: &World) -> String {
    let app = &world.organizations[0].graph_app;
    let scope = "https://graph.microsoft.com/.default";
    let answer = send(world, token_request("/contoso/graph/oauth2/v2.0/token", app, scope));
    format!("Bearer {}", json_of(&answer)["access_token"].as_str().unwrap())
}

fn get(token: &str, target: &str) -> Request {
    request("GET", target, &[("Authorization", token)], "")
}

#[test]
fn both_services_of_an_organization_are_reached_by_their_prefix() {
    // The prefix is cut off, and each service has its own token endpoint and credentials.
    let world = world();
    let contoso = world.organization("contoso").unwrap();
    let scope = format!("{BASE}/contoso/dataverse/.default");
    let target = "/contoso/dataverse/oauth2/v2.0/token";
    let answer = send(&world, token_request(target, &contoso.dataverse_app, &scope));
    let token = format!("Bearer {}", json_of(&answer)["access_token"].as_str().unwrap());
    let who = send(&world, get(&token, "/contoso/dataverse/api/data/v9.2/WhoAmI"));
    assert_eq!(status(&who), 200, "{who:?}");
    assert_eq!(status(&send(&world, get(&bearer(&world), EVENTS))), 200);
    let wrong = send(&world, token_request(target, &contoso.graph_app, &scope));
    assert_eq!(status(&wrong), 400);
}

#[test]
fn unknown_organizations_and_services_are_404() {
    // Nothing but the two prefixes of a known organization is served.
    let world = world();
    for target in
        ["/", "", "*", "/contoso", "/contoso/graph", "/nobody/graph/v1.0/users", "/contoso/ews/x"]
    {
        assert_eq!(status(&send(&world, get("", target))), 404, "{target}");
    }
}

#[test]
fn organizations_do_not_share_tokens() {
    // A token of one organization opens nothing in another.
    let world = world();
    let target = "/fabrikam/graph/v1.0/users/cyd@contoso.test/events";
    assert_eq!(status(&send(&world, get(&bearer(&world), target))), 401);
}

#[test]
fn tenant_file_names_urls_credentials_and_secrets() {
    // The file parses, points at this server and holds references in place of secrets.
    let world = world();
    let text = world.tenant_toml("contoso").unwrap();
    let file: toml::Table = toml::from_str(&text).unwrap();
    let contoso = world.organization("contoso").unwrap();
    assert_eq!(file["tenant"].as_str(), Some("contoso"));
    let (dataverse, exchange) = (&file["dataverse"], &file["exchange"]);
    assert_eq!(dataverse["url"].as_str(), Some("http://127.0.0.1:1/contoso/dataverse"));
    let token_url = "http://127.0.0.1:1/contoso/graph/oauth2/v2.0/token";
    assert_eq!(exchange["token_url"].as_str(), Some(token_url));
    assert_eq!(exchange["url"].as_str(), Some("http://127.0.0.1:1/contoso/graph/v1.0"));
    assert_eq!(exchange["api"].as_str(), Some("graph"));
    assert_eq!(exchange["client_id"].as_str(), Some(contoso.graph_app.client_id.as_str()));
    assert_eq!(file["mailboxes"]["source"].as_str(), Some("dataverse"));
    let secrets: HashMap<String, String> = world.secrets().into_iter().collect();
    assert_eq!(secrets.len(), 4);
    let env = exchange["client_secret"]["env"].as_str().unwrap();
    assert_eq!(secrets[env], contoso.graph_app.client_secret);
    assert!(!text.contains(&contoso.graph_app.client_secret));
    let with_files = world.tenant_toml_with_files("contoso", Path::new("/run/secrets")).unwrap();
    let file: toml::Table = toml::from_str(&with_files).unwrap();
    let path = format!("/run/secrets/{env}");
    assert_eq!(file["exchange"]["client_secret"]["file"].as_str(), Some(path.as_str()));
    assert_eq!(world.tenant_toml("nobody"), None);
}

#[test]
fn clock_can_stand_still_run_and_be_moved() {
    // A fixed clock moves by hand only; a running one starts where it was told to.
    let fixed = SimClock::fixed(start());
    fixed.clone().advance(Duration::seconds(90));
    assert_eq!(fixed.now(), start() + Duration::seconds(90));
    fixed.set(start());
    assert_eq!(fixed.as_fn()(), start());
    let running = SimClock::running_from(start());
    running.advance(Duration::days(1));
    let since = running.now() - start() - Duration::days(1);
    assert!(since >= Duration::zero() && since < Duration::minutes(1), "{since}");
    running.set(start());
    assert!(running.now() >= start() && running.now() < start() + Duration::minutes(1));
    fixed.advance(Duration::MAX);
    assert_eq!(fixed.now(), start(), "a step off the calendar is no step");
}

#[test]
fn world_can_be_ahead_of_its_clock() {
    // `advance` moves every organization, so a token of an hour is out after two.
    let world = world();
    let token = bearer(&world);
    assert_eq!(status(&send(&world, get(&token, EVENTS))), 200);
    world.advance(Duration::hours(2));
    assert_eq!(world.now(), start() + Duration::hours(2));
    assert_eq!(status(&send(&world, get(&token, EVENTS))), 401);
}

#[test]
fn fifth_request_in_flight_on_a_mailbox_is_refused() {
    // Graph allows four at once per mailbox (protocols A12); a place is free again afterwards.
    let world = world();
    let token = bearer(&world);
    let admit = || world.admit(get(&token, EVENTS)).unwrap();
    let mut held: Vec<_> = (0..GraphSim::CONCURRENCY_LIMIT).map(|_| admit()).collect();
    let contoso = world.organization("contoso").unwrap();
    assert_eq!(contoso.in_flight(), 4);
    contoso.faults().next(Scope::All, FaultKind::ResetBefore).next(Scope::All, FaultKind::Delay(0));
    assert_eq!(status(&world.carry_out(admit())), 429);
    assert_eq!(contoso.faults().queued(), 2, "a refused request uses up no fault");
    contoso.set_faults(FaultPlan::none());
    let other = get(&token, "/contoso/graph/v1.0/users/bob@contoso.test/events");
    assert_eq!(status(&send(&world, other)), 200);
    assert_eq!(status(&world.carry_out(held.pop().unwrap())), 200);
    assert_eq!(status(&world.carry_out(admit())), 200);
    drop(held);
    assert_eq!(contoso.in_flight(), 0);
}

#[test]
fn two_batches_at_once_on_a_mailbox_are_refused_in_part() {
    // The first takes the four places, the second finds none: its requests are refused inside.
    let world = world();
    let token = bearer(&world);
    let batch = |count: usize| {
        let one = |n| json!({ "id": n, "method": "GET", "url": "/users/ada@contoso.test/events" });
        let list: Vec<Value> = (0..count).map(|n| one(n.to_string())).collect();
        let headers = [("Authorization", token.as_str()), ("Content-Type", "application/json")];
        let body = json!({ "requests": list }).to_string();
        world.admit(request("POST", "/contoso/graph/v1.0/$batch", &headers, &body)).unwrap()
    };
    let refused = |outcome: &Outcome| {
        let answers = json_of(outcome);
        let list = answers["responses"].as_array().unwrap();
        list.iter().filter(|one| one["status"] == 429).count()
    };
    let (first, second) = (batch(9), batch(9));
    assert_eq!(status(&world.carry_out(world.admit(get(&token, EVENTS)).unwrap())), 429);
    assert_eq!(refused(&world.carry_out(second)), 9);
    assert_eq!(refused(&world.carry_out(first)), 0);
    let (first, second) = (batch(3), batch(2));
    assert_eq!(refused(&world.carry_out(second)), 1);
    drop(first);
    assert_eq!(world.organization("contoso").unwrap().in_flight(), 0);
    assert_eq!(refused(&world.carry_out(batch(20))), 0);
}

#[test]
fn fifty_second_request_in_flight_on_dataverse_is_refused() {
    // The page says that 52 or more at once are refused (protocols B7), for all users together.
    let world = world();
    let who = "/contoso/dataverse/api/data/v9.2/WhoAmI";
    let admit = || world.admit(get("", who)).unwrap();
    let held: Vec<_> = (0..51).map(|_| admit()).collect();
    let refused = world.carry_out(admit());
    assert_eq!(
        (status(&refused), &json_of(&refused)["error"]["code"]),
        (429, &json!("0x80072326"))
    );
    drop(held);
    assert_eq!(status(&world.carry_out(admit())), 401);
}

#[test]
fn tokens_are_the_same_in_every_world_of_a_seed() {
    // A world can be repeated; another seed and the other service have other tokens.
    let tokens = |seed: u64| {
        let spec = OrganizationSpec::new("contoso", vec![person("Ada")], seed);
        let world = World::new(BASE, vec![spec], SimClock::fixed(start()).as_fn());
        let contoso = world.organization("contoso").unwrap();
        let scope = format!("{BASE}/contoso/dataverse/.default");
        let target = "/contoso/dataverse/oauth2/v2.0/token";
        let answer = send(&world, token_request(target, &contoso.dataverse_app, &scope));
        let other = format!("Bearer {}", json_of(&answer)["access_token"].as_str().unwrap());
        [bearer(&world), bearer(&world), other]
    };
    assert_eq!(tokens(1), tokens(1));
    let mut all = [tokens(1), tokens(2)].concat();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 6);
}

#[test]
fn a_poisoned_lock_does_not_stop_the_world() {
    // A panic under a lock stays with the thread that panicked.
    let world = Arc::new(world());
    let other = Arc::clone(&world);
    let panicked = std::thread::spawn(move || {
        let _faults = other.organizations[0].faults();
        let _graph = other.organizations[0].graph();
        panic!("on purpose");
    })
    .join();
    assert!(panicked.is_err());
    assert_eq!(status(&send(&world, get(&bearer(&world), EVENTS))), 200);
}

#[test]
fn refusals_look_like_the_service_that_refuses() {
    // Codes and shapes differ by side; a gateway answers without JSON.
    let world = world();
    let faults = || world.organizations[0].faults();
    let dataverse = "/contoso/dataverse/api/data/v9.2/contacts";
    let throttle = FaultKind::Throttle { status: 429, retry_after_s: 17 };
    faults().next(Scope::All, throttle.clone());
    let answer = send(&world, get("", dataverse));
    assert_eq!(status(&answer), 429);
    assert_eq!(json_of(&answer)["error"]["code"], "0x80072322");
    let Outcome::Answer(response) = &answer else { panic!("no answer") };
    assert_eq!(response.header("retry-after"), Some("17"));
    faults().next(Scope::All, throttle);
    assert_eq!(json_of(&send(&world, get("", EVENTS)))["error"]["code"], "TooManyRequests");
    faults().next(Scope::All, FaultKind::Refuse(500));
    let token = send(&world, request("POST", "/contoso/graph/oauth2/v2.0/token", &[], ""));
    assert_eq!(status(&token), 500);
    assert_eq!(json_of(&token)["error"], "temporarily_unavailable");
    faults().next(Scope::All, FaultKind::Refuse(504));
    let Outcome::Answer(gateway) = send(&world, get("", EVENTS)) else { panic!("no answer") };
    assert_eq!(gateway.header("content-type"), Some("text/html"));
}

#[test]
fn an_empty_answer_is_given_a_body_before_it_is_spoiled() {
    // A 204 has nothing to cut, so the fault would otherwise be none.
    let spoiled = spoil::cut(spoil::with_body(crate::sim::wire::Response::empty(204)));
    assert_eq!(spoiled.status, 200);
    assert!(!spoiled.body.is_empty());
    assert!(serde_json::from_slice::<Value>(&spoiled.body).is_err());
}

#[test]
fn endless_pages_keep_the_query_and_end_no_round() {
    // The link carries every option of the request, counts up, and takes the place of a delta link.
    assert_eq!(spoil::strip_page("/a?x=1"), ("/a?x=1".to_owned(), None));
    assert_eq!(spoil::strip_page("/a?stand-in-page=3"), ("/a".to_owned(), Some(3)));
    assert_eq!(spoil::strip_page("/a?x=1&stand-in-page=3&y"), ("/a?x=1&y".to_owned(), Some(3)));
    assert_eq!(spoil::strip_page("/a?stand-in-page=z").1, None);
    let link = |value: Value| {
        let page = crate::sim::wire::Response::json(200, &value);
        let linked = spoil::link_further_page(page, "http://h/g", "/a?x=1", 3);
        serde_json::from_slice::<Value>(&linked.body).unwrap()
    };
    assert_eq!(
        link(json!({ "value": [1], "@odata.deltaLink": "d" })),
        json!({ "value": [1], "@odata.nextLink": "http://h/g/a?x=1&stand-in-page=4" })
    );
    assert_eq!(link(json!({ "id": 1 })), json!({ "id": 1 }));
}
