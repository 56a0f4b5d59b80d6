//! `lockstep check`: the configuration; with `--online` also the far sides and every mailbox.

mod filters;
mod state;

use std::process::ExitCode;

use serde_json::json;

use self::filters::Filtered;
use self::state::Asked;
use super::table::table;
use super::{ConfigArgs, Format};
use crate::app::{App, once};
use crate::config::{self, Environment, NodeConfig, Problem, StateUrl, TenantConfig};
use crate::cycle::Judged;
use crate::domain::ids::LinkId;
use crate::domain::kind::Kind;
use crate::domain::setting::{Effect, Effective, SettingValue};
use crate::ports::side::FindKey;

/// Mailboxes of a tenant that are opened in Exchange unless `--all` is given: enough to tell a
/// wrong permission from a wrong mailbox, few enough to be quick.
const PROBES: usize = 5;

/// Arguments of `lockstep check`.
#[derive(Debug, clap::Args)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Also ask the far sides: which mailboxes take part, and why the others do not.
    #[arg(long)]
    online: bool,
    /// With --online: open every mailbox in Exchange, not only the first few.
    #[arg(long, requires = "online")]
    all: bool,
    /// How to write it.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

/// Why there may be none.
const EMPTY: &str = "drop a file into its tenants/, or name another directory with --config";

/// What was found about one tenant.
struct Found {
    tenant: String,
    failed: Option<String>,
    judged: Vec<Judged>,
    /// Every setting with the value that holds.
    settings: Vec<Effective>,
    /// What Exchange said for each probed mailbox.
    opened: Vec<(String, Result<(), String>)>,
    /// The filters of those who take part.
    filtered: Vec<Filtered>,
}

pub(super) fn run(args: &CheckArgs, environment: &Environment) -> anyhow::Result<ExitCode> {
    match (super::missing_directory(&args.config), args.format) {
        (Some(problem), Format::Json) => {
            print_problems(&[problem], Format::Json);
            return Ok(ExitCode::FAILURE);
        }
        (Some(_), Format::Table) | (None, _) => super::demand_directory(&args.config)?,
    }
    let loaded = match config::load(&args.config.config, environment) {
        Ok(loaded) => loaded,
        Err(problems) => {
            print_problems(&problems, args.format);
            return Ok(ExitCode::FAILURE);
        }
    };
    let tenants: Vec<TenantConfig> = loaded.tenants.into_iter().map(|file| file.config).collect();
    if !args.online {
        print_in_order(&tenants, &loaded.warnings, args.format);
        return Ok(ExitCode::SUCCESS);
    }
    let (state, found) = ask(loaded.node, &tenants, args.all)?;
    match args.format {
        Format::Table => {
            say_on!("{}", config::render(&loaded.warnings));
            state.iter().for_each(Asked::print);
            found.iter().for_each(print_table);
        }
        Format::Json => {
            let tenants: Vec<_> = found.iter().map(as_json).collect();
            let warnings = config::as_json(&loaded.warnings);
            let state = state.as_ref().map(Asked::as_json);
            say!(
                "{:#}",
                json!({ "problems": [], "warnings": warnings, "state": state, "tenants": tenants })
            );
        }
    }
    let failed = |one: &Found| {
        let opened = one.opened.iter().all(|it| it.1.is_ok());
        one.failed.is_some() || !opened || one.filtered.iter().any(Filtered::is_unknown)
    };
    let failed = found.iter().any(failed) || state.as_ref().is_some_and(Asked::failed);
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn print_problems(problems: &[Problem], format: Format) {
    match format {
        Format::Table => {
            say_on!("{}", config::render(problems));
            match problems.len() {
                1 => say!("1 problem"),
                count => say!("{count} problems"),
            }
        }
        Format::Json => {
            let (errors, warnings) = config::split(problems);
            let (errors, warnings) = (config::as_json(&errors), config::as_json(&warnings));
            say!("{:#}", json!({ "problems": errors, "warnings": warnings, "tenants": [] }));
        }
    }
}

fn print_in_order(tenants: &[TenantConfig], warnings: &[Problem], format: Format) {
    match format {
        Format::Table => {
            say_on!("{}", config::render(warnings));
            match tenants.len() {
                0 => say!("the configuration is in order, and has no tenant: {EMPTY}"),
                1 => say!("the configuration is in order: 1 tenant"),
                count => say!("the configuration is in order: {count} tenants"),
            }
        }
        Format::Json => {
            let names: Vec<_> =
                tenants.iter().map(|one| json!({ "tenant": one.tenant.as_str() })).collect();
            let warnings = config::as_json(warnings);
            say!("{:#}", json!({ "problems": [], "warnings": warnings, "tenants": names }));
        }
    }
}

/// A check writes nothing, so it runs on a store in memory beside whatever node is running.
fn ask(
    mut node: NodeConfig,
    tenants: &[TenantConfig],
    all: bool,
) -> anyhow::Result<(Option<Asked>, Vec<Found>)> {
    let store = std::mem::replace(&mut node.state.url, StateUrl::Memory);
    let io = super::io_runtime()?;
    let app = super::open(&io, node, "check")?;
    Ok(io.block_on(async {
        let state = state::ask(&store).await;
        let mut found = Vec::new();
        for config in tenants {
            found.push(one_tenant(&app, config, all).await);
        }
        (state, found)
    }))
}

async fn one_tenant(app: &App, config: &TenantConfig, all: bool) -> Found {
    let tenant = app.tenant(config);
    let mut found = Found {
        tenant: config.tenant.to_string(),
        failed: None,
        judged: Vec::new(),
        settings: Vec::new(),
        opened: Vec::new(),
        filtered: Vec::new(),
    };
    match once::enrol(&tenant).await {
        Ok(judged) => found.judged = judged,
        Err(error) => {
            found.failed = Some(format!("Dataverse: {error:#}"));
            return found;
        }
    }
    found.settings = tenant.view().map(|view| view.effective.clone()).unwrap_or_default();
    found.filtered = filters::ask(&tenant, &found.judged, all).await;
    let most = if all { usize::MAX } else { PROBES };
    let mailboxes = found.judged.iter().filter_map(|one| one.mailbox.as_ref()).take(most);
    // Any read opens the mailbox; this one looks for a marker that no item carries.
    let nothing = [FindKey::Marker(LinkId(uuid::Uuid::nil()), Kind::Appointment)];
    for mailbox in mailboxes {
        let answer = tenant.deps.exchange.find(mailbox, &nothing).await;
        let answer = answer.map(|_| ()).map_err(|error| error.to_string());
        found.opened.push((mailbox.address.as_str().to_owned(), answer));
    }
    found
}

fn print_table(found: &Found) {
    say!("tenant {}", found.tenant);
    if let Some(reason) = &found.failed {
        say!("  not reached: {reason}");
        return;
    }
    let mut table = table(&["Mailbox", "Takes part", "Why not", "Filters", "Exchange"]);
    for one in &found.judged {
        let address = one.address.as_ref().map_or("(no address)", |it| it.as_str());
        let why: Vec<String> =
            one.reasons.iter().map(|(rule, code)| format!("{code} ({rule})")).collect();
        let opened = found.opened.iter().find(|(name, _)| name == address);
        let opened = match opened {
            Some((_, Ok(()))) => "opened",
            Some((_, Err(reason))) => reason,
            None => "not asked",
        };
        let part = if one.reasons.is_empty() { "yes" } else { "no" };
        let filters = filters::word(&found.filtered, one.id);
        table.add_row([address, part, &why.join(", "), &filters, opened]);
    }
    say!("{table}");
    for warning in found.filtered.iter().filter_map(filters::warning) {
        say!("  {warning}");
    }
    print_settings(&found.settings);
}

fn print_settings(settings: &[Effective]) {
    let mut table = table(&["Setting", "Value", "From", "Effect"]);
    for one in settings {
        let effect = match one.known.effect {
            Effect::Obeyed => "obeyed".to_owned(),
            Effect::Nothing(reason) => format!("no effect: {reason}"),
        };
        let value = one.value.to_string();
        table.add_row([one.known.name, &value, one.origin.word(), &effect]);
    }
    say!("{table}");
}

fn as_json(found: &Found) -> serde_json::Value {
    let mailboxes: Vec<_> = found
        .judged
        .iter()
        .map(|one| {
            json!({
                "mailbox": one.id,
                "address": one.address.as_ref().map(|it| it.as_str()),
                "eligible": one.reasons.is_empty(),
                "filters": filters::as_json(&found.filtered, one.id),
                "reasons": one.reasons.iter().map(|(rule, code)| json!({ "rule": rule.0, "code": code.as_str() })).collect::<Vec<_>>(),
            })
        })
        .collect();
    let opened: Vec<_> = found
        .opened
        .iter()
        .map(|(address, answer)| json!({ "address": address, "error": answer.as_ref().err() }))
        .collect();
    json!({ "tenant": found.tenant, "failed": found.failed, "mailboxes": mailboxes, "exchange": opened,
        "warnings": found.filtered.iter().filter_map(filters::warning_json).collect::<Vec<_>>(),
        "settings": found.settings.iter().map(setting_json).collect::<Vec<_>>() })
}

fn setting_json(one: &Effective) -> serde_json::Value {
    let reason = match one.known.effect {
        Effect::Obeyed => None,
        Effect::Nothing(reason) => Some(reason),
    };
    let value = match one.value {
        SettingValue::Flag(flag) => json!(flag),
        SettingValue::Number(number) => json!(number),
    };
    json!({ "name": one.known.name, "value": value, "from": one.origin.word(), "noEffect": reason })
}
