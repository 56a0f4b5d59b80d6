//! `/_sim/…`: what a separate process needs to watch the stand-ins and to steer them.
//!
//! `orders` makes rows in somebody's name and answers what a test of many nodes asks again and again.
//! Absent: authentication. The server listens on the loopback address only.

mod orders;

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use actix_web::web::{self, Bytes, ServiceConfig};
use chrono::Duration;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Shared;
use crate::sim::compare::{CompareOptions, compare, ledger_problems};
use crate::sim::faults::{FaultKind, FaultPlan, Scope};
use crate::sim::graph::{Lifecycle, NoticeFaults};
use crate::sim::world::{Organization, World};

/// The Dataverse tables that a summary counts, by their set names.
const COUNTED_SETS: [&str; 8] = [
    "appointments",
    "recurringappointmentmasters",
    "serviceappointments",
    "contacts",
    "tasks",
    "phonecalls",
    "letters",
    "faxes",
];

/// Adds the control endpoints.
pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(
        web::scope("/_sim")
            .route("/health", web::get().to(health))
            .route("/summary", web::get().to(summary))
            .route("/advance", web::post().to(advance))
            .route("/faults", web::post().to(plan_faults))
            .route("/faults", web::get().to(show_faults))
            .route("/lifecycle", web::post().to(lifecycle))
            .route("/notices", web::post().to(spoil_notices))
            .route("/ledger/{organization}", web::get().to(ledger))
            .route("/compare/{organization}", web::get().to(judge))
            .configure(orders::routes),
    );
}

async fn health(shared: web::Data<Shared>) -> HttpResponse {
    json_answer(&json!({ "status": "ok", "now": shared.world.now() }))
}

async fn summary(shared: web::Data<Shared>) -> HttpResponse {
    let organizations: Vec<Value> =
        shared.world.organizations.iter().map(organization_summary).collect();
    json_answer(&json!({ "now": shared.world.now(), "organizations": organizations }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    seconds: i64,
}

async fn advance(shared: web::Data<Shared>, step: web::Query<Advance>) -> HttpResponse {
    let Some(step) = Duration::try_seconds(step.seconds) else {
        return refuse(400, "seconds is out of range");
    };
    shared.world.advance(step);
    json_answer(&json!({ "now": shared.world.now() }))
}

/// A fault plan as JSON. It replaces the plan, unless `add` is true.
///
/// ```json
/// {"organization": "contoso", "seed": 7, "add": false,
///  "rules": [{"kind": {"refuse": 503}, "share": 0.05, "scope": "reads"},
///            {"kind": {"throttle": {"status": 429, "retry_after_s": 5}}, "share": 0.1,
///             "scope": {"every": ["writes", {"side": "graph"}]}, "times": 20}],
///  "next": [{"kind": "reset_after_commit", "scope": {"path_contains": "/events"}, "times": 2}]}
/// ```
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlanOrder {
    /// All organizations when absent.
    organization: Option<String>,
    #[serde(default)]
    seed: u64,
    #[serde(default)]
    add: bool,
    #[serde(default)]
    rules: Vec<RuleOrder>,
    #[serde(default)]
    next: Vec<ShotOrder>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleOrder {
    kind: FaultKind,
    share: f64,
    scope: Scope,
    times: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ShotOrder {
    kind: FaultKind,
    scope: Scope,
    times: Option<u32>,
}

async fn plan_faults(shared: web::Data<Shared>, body: Bytes) -> HttpResponse {
    let order: PlanOrder = match serde_json::from_slice(&body) {
        Ok(order) => order,
        Err(error) => return refuse(400, &error.to_string()),
    };
    if order.rules.iter().any(|rule| !(0.0..=1.0).contains(&rule.share)) {
        return refuse(400, "share is not between 0 and 1");
    }
    let kinds = order.rules.iter().map(|rule| &rule.kind);
    if !kinds.chain(order.next.iter().map(|shot| &shot.kind)).all(has_error_status) {
        return refuse(400, "status is not between 400 and 599");
    }
    let Some(chosen) = chosen(&shared.world, order.organization.as_deref()) else {
        return refuse(404, "there is no such organization");
    };
    for organization in chosen {
        let mut plan = organization.faults();
        if !order.add {
            *plan = FaultPlan::new(order.seed);
        }
        fill(&mut plan, &order);
    }
    show_faults(shared).await
}

async fn show_faults(shared: web::Data<Shared>) -> HttpResponse {
    let plans: BTreeMap<&str, Value> = shared
        .world
        .organizations
        .iter()
        .map(|organization| (organization.name.as_str(), fault_summary(organization)))
        .collect();
    json_answer(&json!(plans))
}

/// An event in the life of subscriptions, of one mailbox or of all.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LifecycleOrder {
    organization: Option<String>,
    event: Lifecycle,
    address: Option<String>,
}

async fn lifecycle(shared: web::Data<Shared>, order: web::Query<LifecycleOrder>) -> HttpResponse {
    let Some(chosen) = chosen(&shared.world, order.organization.as_deref()) else {
        return refuse(404, "there is no such organization");
    };
    let now = shared.world.now();
    let of = |it: &&Organization| it.graph().lifecycle(order.event, order.address.as_deref(), now);
    let count: usize = chosen.iter().map(of).sum();
    json_answer(&json!({ "subscriptions": count }))
}

/// What goes wrong with notices from now on.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoticeOrder {
    organization: Option<String>,
    faults: NoticeFaults,
}

async fn spoil_notices(shared: web::Data<Shared>, body: Bytes) -> HttpResponse {
    let order: NoticeOrder = match serde_json::from_slice(&body) {
        Ok(order) => order,
        Err(error) => return refuse(400, &error.to_string()),
    };
    let shares = [order.faults.lose, order.faults.duplicate];
    if !shares.iter().all(|share| (0.0..=1.0).contains(share)) {
        return refuse(400, "a share is not between 0 and 1");
    }
    let Some(chosen) = chosen(&shared.world, order.organization.as_deref()) else {
        return refuse(404, "there is no such organization");
    };
    chosen.iter().for_each(|it| it.graph().set_notice_faults(order.faults));
    json_answer(&json!({ "organizations": chosen.len() }))
}

async fn ledger(shared: web::Data<Shared>, name: web::Path<String>) -> HttpResponse {
    let Some(organization) = shared.world.organization(&name) else {
        return refuse(404, "there is no such organization");
    };
    let graph = organization.graph();
    let mails: Vec<Value> = graph
        .ledger()
        .iter()
        .map(|mail| {
            json!({
                "at": mail.at,
                "from": mail.from,
                "to": mail.to,
                "kind": format!("{:?}", mail.kind),
                "subject": mail.subject,
                "iCalUId": mail.i_cal_uid,
            })
        })
        .collect();
    json_answer(&json!({ "organization": organization.name, "mails": mails }))
}

/// Both worlds of an organization against the rules, see `compare`; and the mails since the server's mark
/// against those that had to be sent, where it has one.
async fn judge(shared: web::Data<Shared>, name: web::Path<String>) -> HttpResponse {
    let world = &shared.world;
    let Some(at) = world.organizations.iter().position(|one| one.name == *name) else {
        return refuse(404, "there is no such organization");
    };
    let (organization, now) = (&world.organizations[at], world.now());
    let options = CompareOptions::default();
    let found = compare(organization, now, &options);
    let mail_problems: Option<Vec<String>> = shared.marks.get(at).map(|mark| {
        let problems = ledger_problems(organization, mark, now, &options);
        problems.iter().map(ToString::to_string).collect()
    });
    let problems: Vec<Value> = found
        .problems
        .iter()
        .map(|problem| {
            json!({
                "mailbox": problem.mailbox,
                "kind": format!("{:?}", problem.kind),
                "what": format!("{:?}", problem.what),
                "ids": problem.ids,
                "detail": problem.detail,
            })
        })
        .collect();
    json_answer(&json!({
        "organization": organization.name,
        "clean": found.is_clean(),
        "mailboxes": found.mailboxes,
        "pairs": found.pairs,
        "leftAlone": found.left_alone,
        "mails": found.mails,
        "problems": problems,
        "mailProblems": mail_problems,
    }))
}

/// Returns the organization of that name, all without a name, nothing for an unknown name.
fn chosen<'w>(world: &'w World, name: Option<&str>) -> Option<Vec<&'w Organization>> {
    match name {
        None => Some(world.organizations.iter().collect()),
        Some(name) => world.organization(name).map(|organization| vec![organization]),
    }
}

fn has_error_status(kind: &FaultKind) -> bool {
    match kind {
        FaultKind::Refuse(status) | FaultKind::Throttle { status, .. } => {
            (400..600).contains(status)
        }
        FaultKind::Delay(_)
        | FaultKind::ResetBefore
        | FaultKind::ResetAfterCommit
        | FaultKind::TruncateBody
        | FaultKind::InnerThrottle { .. }
        | FaultKind::MalformedJson
        | FaultKind::EndlessPages
        | FaultKind::HugeBody(_)
        | FaultKind::Rewrite { .. } => true,
    }
}

fn fill(plan: &mut FaultPlan, order: &PlanOrder) {
    for rule in &order.rules {
        plan.add(rule.kind.clone(), rule.share, rule.scope.clone());
        if let Some(times) = rule.times {
            plan.times(times);
        }
    }
    for shot in &order.next {
        plan.next(shot.scope.clone(), shot.kind.clone());
        if let Some(times) = shot.times {
            plan.times(times);
        }
    }
}

fn fault_summary(organization: &Organization) -> Value {
    let plan = organization.faults();
    json!({ "requests": plan.requests(), "queued": plan.queued(), "injected": plan.injected() })
}

fn organization_summary(organization: &Organization) -> Value {
    let mut rows = BTreeMap::new();
    let mut owned: BTreeMap<String, BTreeMap<&str, u64>> = BTreeMap::new();
    let dataverse = organization.dataverse();
    for set in COUNTED_SETS {
        let all = dataverse.rows(set);
        rows.insert(set, all.len());
        for owner in all.iter().filter_map(|row| row.get("_ownerid_value")?.as_str()) {
            *owned.entry(owner.to_owned()).or_default().entry(set).or_default() += 1;
        }
    }
    let dataverse_counts =
        json!({ "requests": dataverse.request_count(), "writes": dataverse.write_count() });
    // One lock at a time: no order of locks to get wrong.
    drop(dataverse);
    let graph = organization.graph();
    let mailboxes: Vec<Value> = organization
        .people
        .iter()
        .map(|person| {
            json!({
                "address": person.address,
                "dataverse": owned.remove(&person.user_id.to_string()).unwrap_or_default(),
                "exchange": {
                    "events": graph.events(&person.address).len(),
                    "contacts": graph.contacts(&person.address).len(),
                    "tasks": graph.tasks(&person.address).len(),
                },
            })
        })
        .collect();
    let mut mails: BTreeMap<String, u64> = BTreeMap::new();
    for mail in graph.ledger() {
        *mails.entry(format!("{:?}", mail.kind)).or_default() += 1;
    }
    let (active, made) = graph.subscription_counts();
    let graph_counts = json!({ "requests": graph.request_count(), "writes": graph.write_count(),
        "subscriptions": active, "subscriptionsMade": made, "lostNotices": graph.lost_notices() });
    drop(graph);
    json!({
        "name": organization.name,
        "dataverse": dataverse_counts,
        "graph": graph_counts,
        "rows": rows,
        "mailboxes": mailboxes,
        "ledger": mails,
        "faults": fault_summary(organization),
    })
}

fn json_answer(value: &impl Serialize) -> HttpResponse {
    match serde_json::to_vec(value) {
        Ok(body) => HttpResponse::Ok().content_type("application/json").body(body),
        Err(error) => refuse(500, &error.to_string()),
    }
}

fn refuse(status: u16, message: &str) -> HttpResponse {
    super::render(crate::sim::wire::Response::json(status, &json!({ "error": message })))
}
