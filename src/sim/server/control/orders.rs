//! People who make rows in Dynamics, the quota that it grants, and short answers: who is there, how many
//! writes were carried out. Absent: anything that people do in Exchange, which has its own wire.

use std::collections::HashSet;

use actix_web::HttpResponse;
use actix_web::web::{self, Bytes, ServiceConfig};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::super::Shared;
use super::{json_answer, refuse};

/// More web servers than any environment has; the limits are multiplied by them.
const WEB_SERVERS_MAX: u32 = 1_000;

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .route("/people/{organization}", web::get().to(people))
        .route("/writes/{organization}", web::get().to(writes))
        .route("/quota/{organization}", web::post().to(set_quota))
        .route("/act/{organization}", web::post().to(act));
}

async fn people(shared: web::Data<Shared>, name: web::Path<String>) -> HttpResponse {
    let Some(organization) = shared.world.organization(&name) else {
        return refuse(404, "there is no such organization");
    };
    let people = organization.people.iter().map(|person| {
        json!({ "user": person.user_id, "object": person.object_id, "mailbox": person.mailbox_id,
            "address": person.address })
    });
    json_answer(&json!({ "people": people.collect::<Vec<Value>>() }))
}

/// A summary tells this as well, and looks at every item for it.
async fn writes(shared: web::Data<Shared>, name: web::Path<String>) -> HttpResponse {
    let Some(organization) = shared.world.organization(&name) else {
        return refuse(404, "there is no such organization");
    };
    // One lock at a time.
    let dynamics = organization.dataverse().write_count();
    let exchange = organization.graph().write_count();
    json_answer(&json!({ "dynamics": dynamics, "exchange": exchange }))
}

/// How many web servers Dynamics has: it limits requests on each.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct QuotaOrder {
    web_servers: u32,
}

async fn set_quota(
    shared: web::Data<Shared>,
    name: web::Path<String>,
    body: Bytes,
) -> HttpResponse {
    let order: QuotaOrder = match serde_json::from_slice(&body) {
        Ok(order) => order,
        Err(error) => return refuse(400, &error.to_string()),
    };
    if !(1..=WEB_SERVERS_MAX).contains(&order.web_servers) {
        return refuse(400, "web_servers is not between 1 and 1000");
    }
    let Some(organization) = shared.world.organization(&name) else {
        return refuse(404, "there is no such organization");
    };
    organization.dataverse().set_web_servers(order.web_servers);
    json_answer(&json!({ "web_servers": order.web_servers }))
}

/// Rows that people make in Dynamics, in this order.
///
/// ```json
/// {"rows": [{"user": "6f1c…", "set": "contacts", "row": {"lastname": "Novak 600001"}}]}
/// ```
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ActOrder {
    rows: Vec<RowOrder>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RowOrder {
    user: Uuid,
    set: String,
    row: Map<String, Value>,
}

async fn act(shared: web::Data<Shared>, name: web::Path<String>, body: Bytes) -> HttpResponse {
    let order: ActOrder = match serde_json::from_slice(&body) {
        Ok(order) => order,
        Err(error) => return refuse(400, &error.to_string()),
    };
    let Some(organization) = shared.world.organization(&name) else {
        return refuse(404, "there is no such organization");
    };
    let known: HashSet<Uuid> = organization.people.iter().map(|one| one.user_id).collect();
    if let Some(at) = order.rows.iter().position(|row| !known.contains(&row.user)) {
        return refuse(400, &format!("row {at}: nobody is user {}", order.rows[at].user));
    }
    let now = shared.world.now();
    let mut made = Vec::with_capacity(order.rows.len());
    for (at, RowOrder { user, set, row }) in order.rows.into_iter().enumerate() {
        // Not locked all the while: programs have their turn between two people.
        let done = organization.dataverse().user_create(user, &set, &Value::Object(row), now);
        match done {
            Ok(id) => made.push(id),
            Err(refusal) => {
                let (code, message) = (refusal.code, refusal.message);
                let text = format!("row {at} of {set}, after {at} were made: {code} {message}");
                return refuse(refusal.status, &text);
            }
        }
    }
    json_answer(&json!({ "made": made }))
}
