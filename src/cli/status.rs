//! `lockstep status` and `lockstep release`: a running node, and the cluster as it sees it, over its
//! private API.

mod cluster;

use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use serde_json::{Value, json};

use super::named;
use super::table::table;
use super::told::Told;
use super::{ConfigArgs, Format};
use crate::api::COMMAND_HEADER;
use crate::config::{Environment, check_node};
use crate::http::{Call, HttpClient, HttpOptions, Method};

/// The API answers from memory; a node that takes longer is not well.
const PATIENCE: Duration = Duration::from_secs(10);
/// A page of mailboxes is a few hundred kilobytes.
const ANSWER_BYTES: usize = 16 * 1024 * 1024;

/// Where the node is.
#[derive(Debug, clap::Args)]
pub(super) struct NodeArgs {
    #[command(flatten)]
    pub(super) config: ConfigArgs,
    /// The node's address; by default the one of the configuration.
    #[arg(long, value_name = "URL")]
    pub(super) url: Option<String>,
}

/// Arguments of `lockstep status`.
#[derive(Debug, clap::Args)]
pub(super) struct StatusArgs {
    #[command(flatten)]
    node: NodeArgs,
    /// Also list the mailboxes of this tenant.
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
    /// Only one mailbox, by its address or id, with its last decisions.
    #[arg(long, value_name = "ADDRESS")]
    mailbox: Option<String>,
    /// The mailbox's items that are in trouble, with code, attempts and since when.
    #[arg(long, requires = "mailbox")]
    items: bool,
    /// How to write it.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

/// Arguments of `lockstep release`.
#[derive(Debug, clap::Args)]
pub(super) struct ReleaseArgs {
    #[command(flatten)]
    node: NodeArgs,
    /// The tenant; needed when several have the mailbox.
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
    /// The mailbox: its address or its id.
    #[arg(long, value_name = "ADDRESS")]
    mailbox: String,
    /// Plan anew with brakes, instead of letting the halted plan pass.
    #[arg(long, conflicts_with = "plan")]
    with_brakes: bool,
    /// Let the halted plan pass only if it is still this one.
    #[arg(long, value_name = "PLAN")]
    plan: Option<String>,
    #[command(flatten)]
    told: Told,
}

pub(super) fn run(args: &StatusArgs, environment: &Environment) -> anyhow::Result<ExitCode> {
    let root = root(&args.node, environment)?;
    let path = match (args.tenant.as_deref(), &args.mailbox) {
        (tenant, Some(mailbox)) => {
            let (tenant, id) = named::find(&root, tenant, mailbox)?;
            let items = if args.items { "/items" } else { "" };
            format!("/api/v1/tenants/{tenant}/mailboxes/{id}{items}")
        }
        (Some(tenant), None) => format!("/api/v1/tenants/{tenant}/mailboxes"),
        (None, None) => "/api/v1/cluster".to_owned(),
    };
    let answer = ask(Method::Get, &format!("{root}{path}"))?;
    if args.format == Format::Json {
        say!("{answer:#}");
    } else if args.items {
        print_items(&answer);
    } else if args.mailbox.is_some() {
        print_mailbox(&answer);
    } else if args.tenant.is_some() {
        print_mailboxes(&answer);
    } else {
        cluster::print(&answer);
    }
    let stuck = |one: &Value| {
        let phase = one["phase"].as_str();
        // The owner tells of those that are elsewhere.
        let items = one["lastCycle"]["parked"].as_u64() > Some(0) && phase != Some("elsewhere");
        items || matches!(phase, Some("parked" | "halted"))
    };
    let mailboxes = answer["mailboxes"].as_array().into_iter().flatten();
    let one_stuck = stuck(&answer) || mailboxes.into_iter().any(stuck);
    let stands = one_stuck || cluster::wants_somebody(&answer);
    Ok(if stands { super::incomplete() } else { ExitCode::SUCCESS })
}

pub(super) fn release(args: &ReleaseArgs, environment: &Environment) -> anyhow::Result<ExitCode> {
    let root = root(&args.node, environment)?;
    let (tenant, mailbox) = named::find(&root, args.tenant.as_deref(), &args.mailbox)?;
    let mut url = format!("{root}/api/v1/tenants/{tenant}/mailboxes/{mailbox}");
    let halted = !ask(Method::Get, &url)?["halt"].is_null();
    url.push_str("/release");
    let _ = write!(url, "?with_brakes={}", args.with_brakes);
    if let Some(plan) = &args.plan {
        if !plan.chars().all(|c| c.is_ascii_alphanumeric()) {
            bail!("{plan} is no plan; the status of the mailbox shows the one that is halted");
        }
        let _ = write!(url, "&plan={plan}");
    }
    ask(Method::Post, &url)?;
    let (done, sentence) = match (args.with_brakes, halted) {
        (true, _) => ("retried", "retried: it plans again, with brakes"),
        (false, true) => ("released", "released: the halted plan passes, and no other"),
        (false, false) => ("retried", "no plan was halted; what is parked is tried again"),
    };
    args.told.say(sentence, &json!({ "done": done, "tenant": tenant, "mailbox": mailbox }));
    Ok(ExitCode::SUCCESS)
}

pub(super) fn root(args: &NodeArgs, environment: &Environment) -> anyhow::Result<String> {
    if let Some(url) = &args.url {
        return address(url);
    }
    let path = args.config.config.join("lockstep.toml");
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    let (node, problems) = check_node(&text, &path, environment);
    let node = node.ok_or_else(|| anyhow!("{}", crate::config::render(&problems)))?;
    Ok(format!("http://{}", node.listen))
}

/// Reads the address of a node's API: scheme, host and port.
fn address(url: &str) -> anyhow::Result<String> {
    let url = url.trim_end_matches('/');
    let (plain, place) = match (url.strip_prefix("http://"), url.strip_prefix("https://")) {
        (Some(place), _) => (true, place),
        (None, Some(place)) => (false, place),
        (None, None) if url.is_empty() || url.contains("://") => {
            bail!("--url: {url:?} is no address; write one as http://127.0.0.1:8080")
        }
        (None, None) => bail!("--url: {url} is no address; write it as http://{url}"),
    };
    if place.is_empty() || place.contains(['/', '?', '#', '@']) {
        bail!("--url: {url} is more than a node's address; write one as http://127.0.0.1:8080");
    }
    let host = match place.strip_prefix('[') {
        Some(rest) => rest.split(']').next(),
        None => place.split(':').next(),
    };
    let host = host.unwrap_or(place);
    let here = host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    if plain && !here && host != "localhost" {
        bail!(
            "--url: plain http goes to this machine alone; run the command where the node runs, forward its \
             port (ssh -L 8080:127.0.0.1:8080 {host}), or name an address with https"
        );
    }
    Ok(url.to_owned())
}

pub(super) fn ask(method: Method, url: &str) -> anyhow::Result<Value> {
    ask_within(method, url, PATIENCE)
}

/// Asks a node that may take longer.
pub(super) fn ask_within(method: Method, url: &str, patience: Duration) -> anyhow::Result<Value> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(asked(method, url, patience))
}

/// The same on a runtime.
pub(super) async fn asked(method: Method, url: &str, patience: Duration) -> anyhow::Result<Value> {
    let http = HttpClient::new(HttpOptions {
        connect_timeout: PATIENCE,
        total_timeout: patience,
        user_agent: concat!("lockstep/", env!("CARGO_PKG_VERSION")).to_owned(),
    })?;
    let call = Call {
        method,
        url: url.to_owned(),
        route: "/api/v1",
        headers: vec![(COMMAND_HEADER, "1".to_owned())],
        body: None,
        content_type: None,
        max_body: ANSWER_BYTES,
    };
    let reply =
        http.send(call).await.map_err(|error| anyhow!("{error}")).with_context(|| {
            format!("no node answers at {url}; start one with `lockstep serve`")
        })?;
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or(Value::Null);
    if reply.status >= 400 {
        let refused = "refused, and not as a node of Lockstep does; look at the address";
        bail!("{}: {}", reply.status, body["error"].as_str().unwrap_or(refused));
    }
    if body.is_null() {
        bail!("{url} answers, and not as a node of Lockstep does; look at the address");
    }
    Ok(body)
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

fn print_mailboxes(answer: &Value) {
    let mut table =
        table(&["Mailbox", "Phase", "Node", "Code", "Cycles", "Last cycle", "Waiting", "Parked"]);
    for mailbox in answer["mailboxes"].as_array().into_iter().flatten() {
        let last = &mailbox["lastCycle"];
        let reasons = mailbox["reasons"].as_array().into_iter().flatten();
        let why: Vec<String> = reasons.map(|one| text(&one["code"])).collect();
        let code = if why.is_empty() { text(&mailbox["code"]) } else { why.join(", ") };
        table.add_row([
            text(&mailbox["mailbox"]),
            text(&mailbox["phase"]),
            text(&mailbox["node"]),
            code,
            text(&mailbox["cycles"]),
            text(&last["finished"]),
            text(&last["unsettled"]),
            text(&last["parked"]),
        ]);
    }
    say!("{table}");
}

fn print_items(answer: &Value) {
    let mut table = table(&["Item", "Kind", "Code", "Parked", "Attempts", "Since"]);
    for item in answer["items"].as_array().into_iter().flatten() {
        table.add_row([
            text(&item["link"]),
            text(&item["kind"]),
            text(&item["code"]),
            text(&item["parked"]),
            text(&item["attempts"]),
            text(&item["since"]),
        ]);
    }
    say!("{table}");
    say!("{} items in trouble or left alone", text(&answer["count"]));
}

fn print_mailbox(mailbox: &Value) {
    say!("{} {} {}", text(&mailbox["mailbox"]), text(&mailbox["phase"]), text(&mailbox["code"]));
    if mailbox["phase"] == "elsewhere" {
        say!("the node that owns it: {}; ask that one", text(&mailbox["node"]));
    }
    let halt = &mailbox["halt"];
    if !halt.is_null() {
        let (wanted, allowed) = (text(&halt["wanted"]), text(&halt["allowed"]));
        say!("halted plan {}: {wanted} wanted, {allowed} allowed", text(&halt["plan"]));
    }
    let mut table = table(&["When", "Kind", "Decision", "Rules", "Code", "Mails"]);
    for one in mailbox["decisions"].as_array().into_iter().flatten() {
        let rules = one["rules"].as_array().into_iter().flatten();
        let rules: Vec<String> = rules.map(text).collect();
        let code = if one["failed"].is_null() { &one["code"] } else { &one["failed"] };
        table.add_row([
            text(&one["at"]),
            text(&one["kind"]),
            text(&one["verb"]),
            rules.join(" "),
            text(code),
            text(&one["mails"]),
        ]);
    }
    say!("{table}");
}
