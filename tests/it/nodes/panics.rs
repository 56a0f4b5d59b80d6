//! Defects in a node that works: a cycle, an actor of a mailbox and the supervisor of a tenant panic while
//! the other mailboxes and the other tenant go on. The node's ports must panic when a test says so, so its parts
//! are in the test's process, and with them the stand-ins, which another process would not make any stricter.

mod struck;

use std::time::Duration;

use lockstep::actors::messages::Order;
use lockstep::sim::directory::Person;
use serde_json::{Value, json};

use self::struck::House;
use crate::process::{get, get_text, until};

/// A debug build on a busy machine needs a few seconds for what is waited for here.
const SOON: Duration = Duration::from_secs(60);

/// The row of a person's mailbox as the API shows it.
fn row(house: &House, tenant: &str, person: &Person) -> Value {
    let mailbox = person.mailbox_id;
    let url = format!("{}/api/v1/tenants/{tenant}/mailboxes/{mailbox}", house.url);
    get(&url)
        .map(|told| if told["mailbox"].is_object() { told["mailbox"].clone() } else { told })
        .unwrap_or_default()
}

/// Waits until the API shows a mailbox in a phase with a code.
fn wait_for_phase(house: &House, person: &Person, phase: &str, code: Option<&str>) {
    let mut seen = Value::Null;
    until(SOON, &format!("the mailbox is {phase}"), || {
        seen = row(house, "contoso", person);
        (seen["phase"] == phase && seen["code"] == json!(code)).then_some(())
    });
}

/// Waits until a contact is in a mailbox of Exchange.
fn wait_for(house: &House, tenant: &str, person: &Person, surname: &str) {
    until(SOON, &format!("{surname} arrives in {tenant}"), || {
        house.has(tenant, person, surname).then_some(())
    });
}

/// The alerts of a tenant, without the times.
fn alerts(house: &House, tenant: &str) -> Vec<[Value; 4]> {
    let told = get(&format!("{}/api/v1/tenants/{tenant}/alerts", house.url)).unwrap();
    let all = told["alerts"].as_array().unwrap();
    let of = |alert: &Value| ["level", "scope", "mailbox", "code"].map(|key| alert[key].clone());
    all.iter().map(of).collect()
}

/// A line of the metrics, by its name and what its labels hold.
fn metric(house: &House, name: &str, labels: &[&str]) -> Option<String> {
    let text = get_text(&format!("{}/metrics", house.url))?;
    let is = |line: &&str| line.starts_with(name) && labels.iter().all(|it| line.contains(it));
    let line = text.lines().find(is)?;
    line.rsplit(' ').next().map(str::to_owned)
}

#[test]
fn a_panic_in_a_cycle_or_an_actor_is_noticed_by_that_mailbox_alone() {
    // One's actor dies in a handler, one's cycle dies once between its writes and their commit, one's
    // does so each time. The others of both tenants get what was made since; the first two recover by
    // themselves, the third is parked with a code and an alert until it is released. Nothing is twice.
    let house = House::open();
    let contoso = house.people("contoso");
    let [dead, once, always, well @ ..] = contoso else { panic!("too few") };

    house.give("contoso", dead, "Novak");
    house.strike_actor("contoso");
    house.wake("contoso", Some(dead));
    until(SOON, "the actor dies", || (house.actors_struck("contoso") == 1).then_some(()));

    house.strike_commits(once, 1);
    house.strike_commits(always, u32::MAX);
    for person in &contoso[1..] {
        house.give("contoso", person, "Novak");
    }
    let fabrikam = house.people("fabrikam");
    fabrikam.iter().for_each(|person| house.give("fabrikam", person, "Novak"));
    ["contoso", "fabrikam"].iter().for_each(|tenant| house.wake(tenant, None));
    wait_for_phase(&house, once, "backoff", Some("cycle-panicked"));
    well.iter().for_each(|person| wait_for(&house, "contoso", person, "Novak"));
    fabrikam.iter().for_each(|person| wait_for(&house, "fabrikam", person, "Novak"));

    // Nobody asks these two again: their timers do.
    wait_for(&house, "contoso", dead, "Novak");
    wait_for_phase(&house, once, "idle", None);
    assert_eq!(row(&house, "contoso", once)["lastCycle"]["code"], Value::Null);
    assert_eq!(house.commits_struck(once), 1);

    wait_for_phase(&house, always, "parked", Some("cycle-panicked"));
    assert_eq!(house.commits_struck(always), struck::PARK_AFTER);
    let alert = ["error", "mailbox", &always.mailbox_id.to_string(), "cycle-panicked"];
    assert_eq!(alerts(&house, "contoso"), [alert.map(|text| json!(text))]);
    assert_eq!(alerts(&house, "fabrikam"), Vec::<[Value; 4]>::new());
    let told =
        |name, labels: &[&str]| metric(&house, name, &[&["tenant=\"contoso\""], labels].concat());
    assert_eq!(told("lockstep_mailboxes{", &["phase=\"parked\""]).as_deref(), Some("1"));
    let alert = ["scope=\"mailbox\"", "level=\"error\""];
    assert_eq!(told("lockstep_alerts{", &alert).as_deref(), Some("1"));
    let panicked = (struck::PARK_AFTER + 1).to_string();
    assert_eq!(told("lockstep_cycles_total{", &["result=\"panicked\""]), Some(panicked));

    // While it is parked the others, also those that were struck, are synchronized.
    let others: Vec<_> = contoso.iter().filter(|one| *one != always).collect();
    contoso.iter().for_each(|person| house.give("contoso", person, "Horak"));
    house.wake("contoso", None);
    others.iter().for_each(|person| wait_for(&house, "contoso", person, "Horak"));
    assert!(!house.has("contoso", always, "Horak"));
    assert_eq!(row(&house, "contoso", always)["phase"], "parked");

    house.strike_commits(always, 0);
    house.order("contoso", always, Order::Release { with_brakes: false, plan: None });
    wait_for(&house, "contoso", always, "Horak");
    house.settle();
    assert_eq!(alerts(&house, "contoso"), Vec::<[Value; 4]>::new());
    house.assert_exact();
}

#[test]
fn a_panic_in_a_supervisor_is_noticed_by_its_tenant_alone() {
    // A tenant file changes and its new supervisor dies at its first profile: none of its mailboxes works,
    // those of the other tenant do. The next reading of the files makes another supervisor, and what was
    // made meanwhile arrives.
    let house = House::open();
    house.strike_actor("fabrikam");
    house.change_file("fabrikam");
    house.read_files();
    until(SOON, "the supervisor dies", || (house.actors_struck("fabrikam") == 1).then_some(()));
    for tenant in ["contoso", "fabrikam"] {
        house.people(tenant).iter().for_each(|person| house.give(tenant, person, "Novak"));
        house.wake(tenant, None);
    }
    let contoso = house.people("contoso");
    contoso.iter().for_each(|person| wait_for(&house, "contoso", person, "Novak"));
    assert_eq!(alerts(&house, "contoso"), Vec::<[Value; 4]>::new());
    let fabrikam = house.people("fabrikam");
    assert!(!fabrikam.iter().any(|person| house.has("fabrikam", person, "Novak")));

    house.read_files();
    fabrikam.iter().for_each(|person| wait_for(&house, "fabrikam", person, "Novak"));
    assert_eq!(house.actors_struck("fabrikam"), 1);
    house.settle();
    assert_eq!(alerts(&house, "fabrikam"), Vec::<[Value; 4]>::new());
    house.assert_exact();
}
