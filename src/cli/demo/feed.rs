//! The live feed: people edit on either side, the node mirrors, each line names its rule.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::Local;
use tokio::sync::broadcast::error::RecvError;
use uuid::Uuid;

use super::stage::Stage;
use crate::actors::messages::{ToTenant, WakeMailbox};
use crate::actors::node::TenantEntry;
use crate::app::serve::{self, Node};
use crate::cycle::{CycleReport, Line};
use crate::domain::code::Code;
use crate::domain::kind::{Collection, Kind};
use crate::domain::plan::{MailClass, Verb};
use crate::domain::side::Side;
use crate::engine::catalogue;
use crate::sim::play::{Event, Play};
use crate::sim::world::{Organization, World};

/// The worked example of the base page (FILT-07) is played at these edits.
const EXAMPLE_AT: u64 = 3;

/// Runs the node and plays edits until Ctrl-C or the limit.
pub(super) fn live(
    stage: &Stage,
    every: Duration,
    seed: u64,
    limit: Option<Duration>,
) -> anyhow::Result<()> {
    actix_rt::System::new().block_on(async {
        let node = serve::start(stage.app.clone()).await?;
        let entries = stage.tenants.iter().map(|tenant| {
            let runtime = tenant.clone();
            TenantEntry {
                tenant: tenant.options.tenant.clone(),
                digest: 0,
                build: Arc::new(move || runtime.clone()),
            }
        });
        node.set_tenants(entries.collect(), Vec::new()).await;
        say!();
        say!("status page  http://{}/", node.address);
        say!("explain      lockstep explain --url http://{} {EXAMPLE}", node.address);
        say!("live feed    edits by people are marked ✎, what Lockstep did follows with its rule; Ctrl-C ends");
        say!();
        let show = show(stage);
        let play = play(stage, &node, every, seed);
        let over = async {
            match limit {
                Some(limit) => tokio::time::sleep(limit).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = show => {}
            () = play => {}
            () = over => {}
            () = stage.stop.asked() => {}
        }
        say!("\nlockstep demo: stopping");
        node.stop().await;
        anyhow::Ok(())
    })
}

/// Prints every finished cycle that did something.
async fn show(stage: &Stage) {
    let mut reports = stage.app.reports.subscribe();
    let mut names = Names::of(&stage.world);
    let mut told = HashSet::new();
    loop {
        match reports.recv().await {
            Ok(report) => {
                for line in report.lines.iter().filter(|line| worth(line)) {
                    // What fails, or is left alone, again and again is told once.
                    if again(line).is_none_or(|code| told.insert((line.link, code))) {
                        print_line(&stage.world, &mut names, &report, line);
                    }
                }
            }
            Err(RecvError::Lagged(missed)) => say!("… {missed} cycles went by unseen"),
            Err(RecvError::Closed) => return,
        }
    }
}

/// How to ask this node why: with a name and a subject of the feed.
const EXAMPLE: &str = "--tenant TENANT --mailbox ADDRESS --subject TEXT";

/// What does nothing is told when it has a reason that a reader may ask for: a code, or an edit of a
/// service appointment's copy (SVC-04).
fn worth(line: &Line) -> bool {
    let decision = &line.decision;
    !matches!(decision.verb, Verb::Acknowledge | Verb::LeaveAlone)
        || line.failed.is_some()
        || decision.code.is_some()
        || decision.rules.contains(&catalogue::SVC_04)
}

/// The code by which a line that may come in every cycle is told once.
fn again(line: &Line) -> Option<Code> {
    let idle = matches!(line.decision.verb, Verb::Acknowledge | Verb::LeaveAlone);
    line.failed.or(line.decision.code.filter(|_| idle))
}

/// Plays one edit after another and hints the mailboxes concerned, as change notifications do.
async fn play(stage: &Stage, node: &Node, every: Duration, seed: u64) {
    let mut play = Play::new(seed);
    let organizations = &stage.world.organizations;
    for number in 1_u64.. {
        tokio::time::sleep(every).await;
        if number == EXAMPLE_AT {
            example(&mut play, stage, node, every).await;
        }
        let at = usize::try_from(number).unwrap_or(0) % organizations.len();
        if let Some(event) = play.next(&organizations[at], stage.world.now()) {
            tell(node, &organizations[at], &event, &[]).await;
        }
    }
}

/// A contact is made, changes owner and is edited by the new one (FILT-07).
async fn example(play: &mut Play, stage: &Stage, node: &Node, every: Duration) {
    let organization = &stage.world.organizations[0];
    let Some(mut example) = play.worked_example(organization) else { return };
    say!("         the worked example: a contact follows its owner (FILT-07)");
    while let Some(step) = example.step(organization, stage.world.now()) {
        let both = [example.first.mailbox_id, example.second.mailbox_id];
        tell(node, organization, &step.event, &both).await;
        tokio::time::sleep(every).await;
    }
}

async fn tell(node: &Node, organization: &Organization, event: &Event, also: &[Uuid]) {
    say!("{} ✎ {:9} {}", clock(), event.organization, event.what);
    let mut mailboxes = concerned(organization, event);
    mailboxes.extend(also);
    mailboxes.sort_unstable();
    mailboxes.dedup();
    for mailbox in mailboxes {
        let command = WakeMailbox(Some(mailbox));
        let tenant = event.organization.clone();
        let _ = node.actor.send(ToTenant { tenant, command }).await;
    }
}

/// Returns the mailboxes of everybody whom an edit concerns: the editor, the row's owner, its
/// parties.
fn concerned(organization: &Organization, event: &Event) -> Vec<Uuid> {
    let people = &organization.people;
    let editor = people.iter().filter(|person| person.address == event.mailbox);
    let mut mailboxes: Vec<Uuid> = editor.map(|person| person.mailbox_id).collect();
    let id = Uuid::parse_str(&event.id).unwrap_or_default();
    let dataverse = organization.dataverse();
    let Some(row) = SETS.iter().find_map(|set| dataverse.row(set, id)) else { return mailboxes };
    let parties = row["parties"].as_array().into_iter().flatten();
    let users: Vec<&str> = parties
        .filter_map(|party| party["partyid"].as_str())
        .chain(row["_ownerid_value"].as_str())
        .collect();
    let concerned = people.iter().filter(|person| users.contains(&&*person.user_id.to_string()));
    mailboxes.extend(concerned.map(|person| person.mailbox_id));
    mailboxes
}

/// The demo's items are invented and the demo owns both worlds, so it may show their names; logs,
/// traces, metrics and pages never do.
fn print_line(world: &World, names: &mut Names, report: &CycleReport, line: &Line) {
    let tenant = report.mailbox.tenant.as_str();
    let organization = world.organization(tenant);
    let who = organization.map_or_else(String::new, |it| owner(it, report.mailbox.mailbox));
    let name = organization.map(|it| names.name(it, report.mailbox.mailbox, line));
    let name = name.unwrap_or_default();
    let rule = line.decision.rules.first();
    let sentence = rule
        .and_then(|id| catalogue::ALL.iter().find(|rule| rule.id == *id))
        .map_or("", |rule| rule.sentence);
    let ids: Vec<&str> = line.decision.rules.iter().map(|rule| rule.0).collect();
    let mails = match line.mail {
        MailClass::Silent => String::new(),
        MailClass::Mails(count) => format!(" ✉ {count}"),
    };
    let failed = codes(line);
    say!(
        "{} {} {tenant:9} {who:18} {} {} “{name}”{mails}{failed}\n{:22}[{}] {sentence}",
        clock(),
        arrow(line.decision.verb),
        verb(line.decision.verb),
        noun(line.kind),
        "",
        ids.join(" "),
    );
}

/// Returns what failed, gave way or was lost, in words for the end of a line.
fn codes(line: &Line) -> String {
    let refused = if line.failed.is_some() { "refused: " } else { "" };
    let all: Vec<&str> = line.codes().map(Code::as_str).collect();
    if all.is_empty() { String::new() } else { format!(" — {refused}{}", all.join(", ")) }
}

const fn arrow(verb: Verb) -> &'static str {
    match verb {
        Verb::Create(Side::Exchange)
        | Verb::Update(Side::Exchange)
        | Verb::Delete(Side::Exchange) => "→",
        Verb::Create(Side::Dynamics)
        | Verb::Update(Side::Dynamics)
        | Verb::Delete(Side::Dynamics) => "←",
        Verb::Merge | Verb::Link => "↔",
        Verb::Unlink | Verb::Forget => "⇎",
        Verb::Acknowledge | Verb::LeaveAlone => "·",
    }
}

const fn verb(verb: Verb) -> &'static str {
    match verb {
        Verb::Create(Side::Exchange) => "creates in Exchange the",
        Verb::Create(Side::Dynamics) => "creates in Dynamics the",
        Verb::Update(Side::Exchange) => "updates in Exchange the",
        Verb::Update(Side::Dynamics) => "updates in Dynamics the",
        Verb::Delete(Side::Exchange) => "deletes in Exchange the",
        Verb::Delete(Side::Dynamics) => "deletes in Dynamics the",
        Verb::Merge => "merges both sides of the",
        Verb::Link => "links the",
        Verb::Unlink => "unlinks, and keeps, the",
        Verb::Forget => "forgets the",
        Verb::Acknowledge => "acknowledges the",
        Verb::LeaveAlone => "leaves alone the",
    }
}

/// What people call a kind.
const fn noun(kind: Kind) -> &'static str {
    match kind {
        Kind::Appointment => "appointment",
        Kind::Contact => "contact",
        Kind::Task => "task",
        Kind::PhoneCall => "phone call",
        Kind::Letter => "letter",
        Kind::Fax => "fax",
        Kind::RecurringAppointment => "series",
        Kind::ServiceAppointment => "service activity",
    }
}

fn owner(organization: &Organization, mailbox: Uuid) -> String {
    let person = organization.people.iter().find(|person| person.mailbox_id == mailbox);
    person.map_or_else(String::new, crate::sim::directory::Person::full_name)
}

/// The sets whose rows the feed names.
const SETS: [&str; 8] = [
    "contacts",
    "appointments",
    "recurringappointmentmasters",
    "serviceappointments",
    "tasks",
    "phonecalls",
    "letters",
    "faxes",
];

/// The last known names of rows, so that a deleted one still has a name. A link's id is the guid
/// of its row.
struct Names(HashMap<Uuid, String>);

impl Names {
    fn of(world: &World) -> Self {
        let mut names = HashMap::new();
        for organization in &world.organizations {
            let dataverse = organization.dataverse();
            for row in SETS.iter().flat_map(|set| dataverse.rows(set)) {
                let id = row["activityid"].as_str().or_else(|| row["contactid"].as_str());
                let id = id.and_then(|id| Uuid::parse_str(id).ok());
                if let (Some(id), Some(name)) = (id, text_of(&row)) {
                    names.insert(id, name);
                }
            }
        }
        Self(names)
    }

    /// A row that was refused, or that nobody has made yet, has its name in Exchange only.
    fn name(&mut self, organization: &Organization, mailbox: Uuid, line: &Line) -> String {
        let row = |id: Uuid| {
            let dataverse = organization.dataverse();
            text_of(&SETS.iter().find_map(|set| dataverse.row(set, id))?)
        };
        let name = row(line.link.0).or_else(|| item_name(organization, mailbox, line));
        if let Some(name) = name {
            self.0.insert(line.link.0, name);
        }
        self.0.get(&line.link.0).cloned().unwrap_or_default()
    }
}

/// Returns the name of a line's item as its owner sees it in Exchange.
fn item_name(organization: &Organization, mailbox: Uuid, line: &Line) -> Option<String> {
    let id = line.native.exchange.as_ref()?;
    let person = organization.people.iter().find(|person| person.mailbox_id == mailbox)?;
    let graph = organization.graph();
    let items = match line.kind.collection() {
        Collection::Calendar => graph.events(&person.address),
        Collection::Contacts => graph.contacts(&person.address),
        Collection::Tasks => graph.tasks(&person.address),
    };
    text_of(items.iter().find(|item| item["id"] == id.as_str())?)
}

/// The fields that name a row or an item, each kind's own.
const NAMES: [&str; 4] = ["subject", "fullname", "displayName", "title"];

fn text_of(item: &serde_json::Value) -> Option<String> {
    NAMES.iter().find_map(|field| item[*field].as_str()).map(str::to_owned)
}

fn clock() -> String {
    Local::now().format("%H:%M:%S").to_string()
}

#[cfg(test)]
mod tests;
