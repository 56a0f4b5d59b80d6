//! The stand-ins in a process of their own, and the line protocol that commands them.
//!
//! The child says in its first line where it is; each line on its standard input is a command,
//! answered by one line of JSON. It ends with its standard input.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::Arc;

use anyhow::{Context as _, anyhow, bail};
use chrono::{DateTime, Utc};
use lockstep::sim::dataverse::Refusal as RowRefusal;
use lockstep::sim::graph::Refusal as ItemRefusal;
use lockstep::sim::seed::{self, SeedSpec};
use lockstep::sim::server::SimServer;
use lockstep::sim::world::{Organization, OrganizationSpec, SimClock, World};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::process;
use crate::proxy::{Log, Proxy};

/// The one organization.
const NAME: &str = "contoso";
/// Enough that the budget never slows a measurement down; the published one is a row of its own.
pub(crate) const WEB_SERVERS: u32 = 100;

/// How much older the world becomes before idle cycles: events that changed in the last minutes
/// are listed once more in each cycle.
pub(crate) const AGE: chrono::Duration = chrono::Duration::minutes(10);

// The commanding side.

/// A running child.
pub(crate) struct StandIns {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    /// What the child said of itself.
    pub(crate) about: Value,
}

impl StandIns {
    /// Starts stand-ins with some mailboxes of a hundred items each.
    pub(crate) fn start(mailboxes: usize, recorded: bool) -> anyhow::Result<Self> {
        let arguments = [mailboxes.to_string(), recorded.to_string()];
        let mut command = process::myself("stand-ins", &arguments)?;
        let mut child = command.stdin(Stdio::piped()).spawn()?;
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().context("the child has no output")?);
        let mut one = Self { child, input, output, about: Value::Null };
        one.about = one.read()?;
        Ok(one)
    }

    /// Gives a command and returns the answer.
    pub(crate) fn tell(&mut self, command: &str) -> anyhow::Result<Value> {
        let input = self.input.as_mut().context("the child was stopped")?;
        writeln!(input, "{command}")?;
        let answer = self.read()?;
        match answer.get("error") {
            Some(error) => bail!("the stand-ins refused {command}: {error}"),
            None => Ok(answer),
        }
    }

    fn read(&mut self) -> anyhow::Result<Value> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        serde_json::from_str(&line).context("the stand-ins said nothing")
    }
}

impl Drop for StandIns {
    fn drop(&mut self) {
        self.input = None;
        // It ends by itself now; only its end is awaited.
        let _ = self.child.wait();
    }
}

// The child.

/// Plays the stand-ins until standard input ends.
pub(crate) fn play(arguments: &[String]) -> anyhow::Result<()> {
    let [mailboxes, recorded] = arguments else { bail!("two arguments are needed") };
    let clock = SimClock::real();
    let spec = SeedSpec {
        contacts_per: 30,
        tasks_per: 30,
        appointments_per: 20,
        services_per: 0,
        exchange_items_per: 20,
        ..SeedSpec::new(NAME, mailboxes.parse()?, 7, clock.now())
    };
    let bound = SimServer::bind(None)?;
    let proxy = Proxy::bind()?;
    let recorded: bool = recorded.parse()?;
    let url = if recorded { proxy.url.clone() } else { bound.url.clone() };
    let people = seed::organization(&spec);
    let world = World::new(&url, vec![OrganizationSpec::new(NAME, people, 7)], clock.as_fn());
    let world = Arc::new(world);
    let organization = world.organization(NAME).context("no organization")?;
    organization.dataverse().set_web_servers(WEB_SERVERS);
    // Now and then an empty page or an old row: others test that, here it is only noise.
    organization.graph().set_delta_noise(0);
    let seeded = seed::fill(organization, &spec)?;
    let port = bound.port;
    let _server = bound.serve(world.clone())?;
    let log = Arc::new(Log::default());
    proxy.serve(port, &log);
    say(&json!({
        "url": url,
        "tenant": organization.tenant_toml(),
        "secrets": organization.secrets(),
        "rows": seeded.rows,
        "items": seeded.items,
    }))?;
    let mut edits = Edits { number: 0 };
    for line in std::io::stdin().lines() {
        let answer = match line?.as_str() {
            "open" => {
                log.open();
                json!({})
            }
            "age" => {
                world.advance(AGE);
                json!({})
            }
            "close" => json!({ "requests": log.close() }),
            other => match other.strip_prefix("edit ") {
                None => json!({ "error": format!("{other} is no command") }),
                Some(address) => edits.next(organization, address, world.now()).map_or_else(
                    |error| json!({ "error": error.to_string() }),
                    |what| json!({ "edited": what, "side": edits.number % 2 }),
                ),
            },
        };
        say(&answer)?;
    }
    Ok(())
}

fn say(answer: &Value) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{answer}")?;
    out.flush()
}

/// The edits of people: subjects of linked tasks, in turn on either side.
struct Edits {
    number: u32,
}

impl Edits {
    fn next(
        &mut self,
        organization: &Organization,
        address: &str,
        now: DateTime<Utc>,
    ) -> anyhow::Result<String> {
        self.number += 1;
        let person = organization.people.iter().find(|person| person.address == address);
        let person = person.context("nobody has this address")?;
        let name = format!("Renamed for the {}th time", self.number);
        let mut dataverse = organization.dataverse();
        let found = dataverse.filter_rows(person.user_id, "task", now);
        let rows = dataverse.rows("tasks");
        let mut rows = rows.iter().filter(|row| is_one_of(row, &found));
        let mut graph = organization.graph();
        let items = graph.tasks(&person.address);
        let his = person.user_id.to_string();
        let (row, item) = rows
            .find_map(|row| Some((row, open_pair(row, &his, &items)?)))
            .context("no open task on both sides")?;
        if self.number % 2 == 1 {
            let id = row["activityid"].as_str().unwrap_or_default().parse()?;
            let body = json!({ "subject": name });
            let done = dataverse.user_update(person.user_id, "tasks", id, &body, now);
            done.map_err(|RowRefusal { code, message, .. }| anyhow!("{code}: {message}"))?;
        } else {
            let id = item["id"].as_str().unwrap_or_default();
            let done = graph.user_update_task(&person.address, id, &json!({ "title": name }), now);
            done.map_err(|ItemRefusal { code, message, .. }| anyhow!("{code}: {message}"))?;
        }
        Ok(name)
    }
}

fn is_one_of(row: &Value, ids: &[Uuid]) -> bool {
    row["activityid"].as_str().and_then(|id| id.parse().ok()).is_some_and(|id| ids.contains(&id))
}

/// Returns the item of a user's open row: after the first synchronization it has the same name.
fn open_pair<'a>(row: &Value, owner: &str, items: &'a [Value]) -> Option<&'a Value> {
    let his = row["statecode"] == 0 && row["_ownerid_value"].as_str() == Some(owner);
    let same = |item: &&Value| item["title"] == row["subject"] && item["status"] != "completed";
    if his { items.iter().find(same) } else { None }
}
