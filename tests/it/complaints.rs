//! What users of such programs complain about, each as a test named after a report of it: the
//! tracker and the number (`odoo_242064_…`). The table of `docs/testing.md` lists the classes.

mod copies;
mod deletes;
mod mails;
mod times;

use std::sync::Arc;

use lockstep::actors::messages::Ended;
use lockstep::cycle::{CycleEnd, Orders};
use lockstep::domain::code::Code;
use lockstep::sim::faults::{FarSide, FaultKind, FaultPlan, Scope};
use lockstep::sim::graph::MailKind;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{System, person, two};

const FUTURE: &str = "2026-12-01T10:00:00Z";

fn five() -> System {
    System::new(vec![
        person(1, "Paul", "Cannon", "Europe/Berlin"),
        person(2, "Laura", "Norman", "America/New_York"),
        person(3, "Asha", "Rao", "Asia/Kolkata"),
        person(4, "Ben", "Howe", "Australia/Lord_Howe"),
        person(5, "Cara", "Diaz", "America/Sao_Paulo"),
    ])
}

fn count(system: &System, wanted: MailKind) -> usize {
    system.mails().into_iter().filter(|(kind, _)| *kind == wanted).count()
}

/// Lets the next writes to a side happen and their answers be lost.
fn lose_replies(system: &System, side: FarSide, times: u32) {
    let mut plan = FaultPlan::new(1);
    let scope = Scope::Side(side).and(Scope::Writes);
    plan.add(FaultKind::ResetAfterCommit, 1.0, scope).times(times);
    system.organization().set_faults(plan);
}

/// Eight agreed tasks in Paul's mailbox.
fn eight() -> (System, Vec<Uuid>) {
    let system = two();
    let ids = (0..8).map(|n| system.create(0, "tasks", &json!({ "subject": format!("Task {n}") })));
    let ids = ids.collect();
    system.settled();
    assert_eq!(system.tasks(0).len(), 8);
    (system, ids)
}

fn halted(system: &System) {
    let result = system.one_pass(0);
    assert_eq!(result.end.map(|(code, _)| code), Some(Code::SideEmptied));
}

/// Lets one cycle pass, as an operator does.
fn release(system: &System) {
    let address = system.address(0);
    let mine = system.enrol().into_iter().find(|one| one.address.as_str() == address);
    let mine = mine.expect("the mailbox takes part");
    let cycle = |orders| system.io.block_on(system.tenant.clone().cycle(mine.clone(), orders));
    let Ended::End(CycleEnd::Halted(halt)) = cycle(Orders::default()) else { panic!("no halt") };
    let orders = Orders { released: Some(Arc::new(halt.stakes)), ..Orders::default() };
    assert!(matches!(cycle(orders), Ended::Report(_)));
}

fn local(date_time: &str, zone: &str) -> Value {
    json!({ "dateTime": date_time, "timeZone": zone })
}
