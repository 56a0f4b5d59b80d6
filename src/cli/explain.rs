//! `lockstep explain`: the story of an item, from the configuration or from a running node.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use chrono::{DateTime, Utc};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::Format;
use super::desk::Desk;
use super::status::{NodeArgs, ask_within, root};
use super::table::table;
use crate::api::story;
use crate::app::explain::{Question, STORIES_MAX, answer};
use crate::app::once;
use crate::config::Environment;
use crate::cycle::{Judged, Target};
use crate::domain::ids::NativeId;
use crate::domain::side::Side;
use crate::embedded::OpenError;
use crate::http::Method;

/// The node reads both far sides for an answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Arguments of `lockstep explain`.
#[derive(Debug, clap::Args)]
pub(super) struct ExplainArgs {
    #[command(flatten)]
    node: NodeArgs,
    /// The tenant.
    #[arg(long, value_name = "NAME")]
    tenant: String,
    /// The mailbox: its address or its id.
    #[arg(long, value_name = "ADDRESS")]
    mailbox: String,
    #[command(flatten)]
    about: About,
    /// How to write it.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

/// What is asked; exactly one.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct About {
    /// A row of Dynamics, by its guid.
    #[arg(long, value_name = "ID")]
    dynamics: Option<String>,
    /// An item of Exchange, by its immutable id.
    #[arg(long, value_name = "ID")]
    exchange: Option<String>,
    /// Items whose subject, title or name holds this text, on either side.
    #[arg(long, value_name = "TEXT")]
    subject: Option<String>,
    /// Items for which something was decided since then (RFC 3339).
    #[arg(long, value_name = "TIME")]
    since: Option<DateTime<Utc>>,
}

impl About {
    fn question(&self) -> anyhow::Result<Question> {
        let item = |side: Side, id: &str| Question::Item(Target::Item(side, NativeId::new(id)));
        Ok(match (&self.dynamics, &self.exchange, &self.subject, self.since) {
            (Some(id), ..) => {
                let guid = uuid::Uuid::try_parse(id);
                let guid = guid.map_err(|_| anyhow!("--dynamics wants a guid, not {id:?}"))?;
                item(Side::Dynamics, &guid.to_string())
            }
            (_, Some(id), ..) => item(Side::Exchange, id),
            (_, _, Some(text), _) if text.trim().is_empty() => bail!("--subject wants a text"),
            (_, _, Some(text), _) => Question::Subject(text.clone()),
            (_, _, _, Some(since)) => Question::Since(since),
            (None, None, None, None) => bail!("name an item, a subject or a time"),
        })
    }

    /// Returns the way to the same question on a node.
    fn path(&self, question: &Question) -> String {
        let escape = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        match question {
            Question::Item(Target::Item(side, id)) => {
                format!("items/{}/explain?side={side}", escape(id.as_str()))
            }
            Question::Item(Target::Link(link)) => format!("items/{link}/explain"),
            Question::Subject(text) => format!("explain?subject={}", escape(text)),
            Question::Since(since) => format!("explain?since={}", escape(&since.to_rfc3339())),
        }
    }
}

pub(super) fn run(
    args: &ExplainArgs,
    environment: &Environment,
    log_filter: Option<&str>,
) -> anyhow::Result<ExitCode> {
    let question = args.about.question()?;
    let stories = if args.node.url.is_some() {
        from_node(args, &question, environment)?
    } else {
        match from_here(args, &question, environment, log_filter) {
            // One process has the embedded store: the running node answers instead.
            Err(error) if is_in_use(&error) => from_node(args, &question, environment)
                .context("the state is in use by a running node, which was asked instead")?,
            told => told?,
        }
    };
    print(&stories, &question, args.format);
    // That there is nothing is an answer; nothing is left over (exit code 2) because of it.
    Ok(ExitCode::SUCCESS)
}

fn is_in_use(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref::<OpenError>(), Some(OpenError::InUse { .. }))
}

fn from_node(
    args: &ExplainArgs,
    question: &Question,
    environment: &Environment,
) -> anyhow::Result<Vec<Value>> {
    let root = root(&args.node, environment)?;
    let mailbox = utf8_percent_encode(&args.mailbox, NON_ALPHANUMERIC);
    let (tenant, path) = (&args.tenant, args.about.path(question));
    let url = format!("{root}/api/v1/tenants/{tenant}/mailboxes/{mailbox}/{path}");
    let answer = ask_within(Method::Get, &url, PATIENCE)?;
    Ok(answer["stories"].as_array().cloned().unwrap_or_default())
}

fn from_here(
    args: &ExplainArgs,
    question: &Question,
    environment: &Environment,
    log_filter: Option<&str>,
) -> anyhow::Result<Vec<Value>> {
    let desk = Desk::open(&args.node.config, &args.tenant, "explain", environment, log_filter)?;
    let stories = desk.read(async {
        let judged = choose(once::enrol(&desk.tenant).await?, &args.mailbox)?;
        let stories = answer(&desk.tenant, &judged, question).await?;
        Ok(stories.iter().map(story::story).collect())
    })?;
    desk.close();
    Ok(stories)
}

/// Finds the record of a mailbox, whether or not it takes part.
fn choose(judged: Vec<Judged>, wanted: &str) -> anyhow::Result<Judged> {
    let address = wanted.to_lowercase();
    let is = |one: &Judged| {
        one.id.to_string() == address
            || one.address.as_ref().is_some_and(|it| it.as_str() == address)
    };
    let found = judged.into_iter().find(is);
    found.ok_or_else(|| {
        anyhow!(
            "no mailbox record of the organization has the address or id {wanted}: \
             without a record nothing of it is synchronized"
        )
    })
}

fn print(stories: &[Value], question: &Question, format: Format) {
    if format == Format::Json {
        say!("{:#}", json!({ "stories": stories }));
        return;
    }
    if stories.is_empty() {
        say!("{}", nothing(question));
    }
    for (number, story) in stories.iter().enumerate() {
        if number > 0 {
            say!();
        }
        print_story(story);
    }
    if stories.len() == STORIES_MAX {
        say!("\nThese are the first {STORIES_MAX}; ask more narrowly for others.");
    }
}

const fn nothing(question: &Question) -> &'static str {
    match question {
        Question::Subject(_) => {
            "Neither side shows the mailbox's user an item with this text, in the tables and \
             folders that are synchronized."
        }
        Question::Since(_) => "Nothing was decided for this mailbox since then.",
        Question::Item(_) => "There is nothing to tell.",
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Array(list) if list.is_empty() => "nothing".to_owned(),
        Value::Array(list) => list.iter().map(text).collect::<Vec<_>>().join(", "),
        Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn print_story(story: &Value) {
    say!("{} {}", text(&story["kind"]), text(&story["link"]));
    for side in ["dynamics", "exchange"] {
        if !story[side].is_null() {
            say!("  {side}: {}", text(&story[side]));
        }
    }
    say!("{}\n", text(&story["summary"]));
    for step in list(&story["steps"]) {
        print_step(step);
    }
    for filter in list(&story["filters"]) {
        print_filter(filter);
    }
    let history: Vec<&Value> = list(&story["history"]).collect();
    if history.is_empty() {
        return;
    }
    let mut table = table(&["When", "Decision", "Rules", "Writes", "Code"]);
    for one in history {
        let writes: Vec<String> = list(&one["writes"])
            .map(|it| {
                format!("{} in {}: {}", text(&it["op"]), text(&it["side"]), text(&it["ending"]))
            })
            .collect();
        let code = if one["failed"].is_null() { &one["code"] } else { &one["failed"] };
        let rules: Vec<String> = list(&one["rules"]).map(text).collect();
        let row = [text(&one["at"]), text(&one["verb"]), rules.join(" ")];
        table.add_row(row.into_iter().chain([writes.join("; "), text(code)]));
    }
    say!("{table}");
}

fn print_step(step: &Value) {
    let rules: Vec<String> = list(&step["rules"]).map(|rule| text(&rule["id"])).collect();
    let codes: Vec<String> = list(&step["codes"]).map(text).collect();
    let named = [rules.join(" "), codes.join(" ")].join(" ");
    say!("{:8}{}", text(&step["step"]), text(&step["result"]));
    say!("        {}", named.trim());
    let facts: Vec<String> = list(&step["facts"])
        .map(|fact| format!("{}: {}", text(&fact["about"]), text(&fact["value"])))
        .collect();
    if !facts.is_empty() {
        say!("        facts: {}", facts.join("; "));
    }
    let change: Vec<String> = list(&step["change"]).map(text).collect();
    if !change.is_empty() {
        say!("        change: {}", change.join(" "));
    }
}

fn print_filter(filter: &Value) {
    let verdict = match filter["matches"].as_bool() {
        Some(true) => "returns the row",
        Some(false) => "does not return the row",
        None => "cannot be used",
    };
    say!("filter  {:?} of the {} {verdict}", text(&filter["name"]), text(&filter["of"]));
    for one in list(&filter["conditions"]) {
        let holds = match one["holds"].as_bool() {
            Some(true) => "holds",
            Some(false) => "does not hold",
            None => "only with others",
        };
        say!("        {}: {holds}", text(&one["condition"]));
    }
}
