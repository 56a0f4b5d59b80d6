//! Explain for an operator: both items read over HTTP, their links among a million in the store.

use anyhow::{Context as _, ensure};
use lockstep::app::explain::{Question, answer};
use lockstep::cycle::{Judged, Target};
use lockstep::domain::ids::{LinkId, MailboxKey, NativeId};
use lockstep::domain::link::Link;
use lockstep::domain::side::Side;
use lockstep::ports::links::{Claim, StateChange};
use tokio::time::Instant;
use uuid::Uuid;

use crate::node::Node;
use crate::process::size;
use crate::stand_ins::StandIns;
use crate::table::{Goal, Row};

/// Mailboxes that are really there and asked about, in turn: by the time that one is asked again,
/// the others' links have passed through the store's cache.
const MAILBOXES: usize = 100;
/// Links of each mailbox. All of them are read for one answer.
pub(crate) const LINKS_EACH: usize = 1_000;
/// Questions about each mailbox.
const ROUNDS: usize = 5;
/// What an operator is asked to wait.
const LIMIT_MILLIS: f64 = 200.0;

/// Measures the slowest answers, one in a hundred left out.
pub(crate) fn run() -> anyhow::Result<Vec<Row>> {
    let links = size("LOCKSTEP_BENCH_LINKS", 1_000_000)?;
    ensure!(links >= MAILBOXES * LINKS_EACH, "LOCKSTEP_BENCH_LINKS is too small");
    let stand_ins = StandIns::start(MAILBOXES, false)?;
    let node = Node::start(&stand_ins, "embedded")?;
    ensure!(node.passes(8).1, "the mailboxes did not come to rest");
    // Chosen before the store is filled, so that nothing that is asked about is warm.
    let questions = node.io.block_on(questions(&node))?;
    let started = Instant::now();
    node.io.block_on(fill(&node, links / LINKS_EACH))?;
    eprintln!("  {links} links are stored after {:.0} s", started.elapsed().as_secs_f64());
    let mut times = node.io.block_on(ask(&node, questions))?;
    times.sort_by(f64::total_cmp);
    let slow = times.len() * 99 / 100;
    eprintln!("  {} answers, half of them within {:.1} ms", times.len(), times[times.len() / 2]);
    Ok(vec![Row {
        name: format!("explain, {links} links stored, 99th percentile"),
        unit: "ms wall",
        ours: times[slow],
        rival: ("the limit", LIMIT_MILLIS),
        goal: Goal::AtMost(1.0),
    }])
}

/// Fills up the mailboxes that are there, then others that are only in the store.
pub(crate) async fn fill(node: &Node, mailboxes: usize) -> anyhow::Result<()> {
    let store = &node.tenant.deps.links;
    let first = node.mailboxes.first().context("no mailbox")?;
    let patterns = store.load(&first.key).await?.links;
    ensure!(!patterns.is_empty(), "the first mailbox has no links");
    let other = |number: usize| MailboxKey {
        tenant: first.key.tenant.clone(),
        mailbox: Uuid::from_u128(number as u128),
    };
    let own = node.mailboxes.iter().map(|mailbox| mailbox.key.clone());
    let mut number = 0;
    for key in own.chain((1..).map(other)).take(mailboxes) {
        let there = store.load(&key).await?.links.len();
        let mut put = Vec::with_capacity(LINKS_EACH);
        for pattern in patterns.iter().cycle().take(LINKS_EACH.saturating_sub(there)) {
            number += 1;
            put.push(like(pattern, number)?);
        }
        let fence = node.tenant.ownership.fence_of(&key).context("the lease is lost")?;
        let claim = Claim { fence, seq: store.claim(&key, fence).await?.seq };
        store.commit(&key, claim, &StateChange { put, ..StateChange::default() }).await?;
    }
    Ok(())
}

/// Returns a link of items that are nowhere, as large as a real one.
fn like(pattern: &Link, number: u128) -> anyhow::Result<Link> {
    let id = Uuid::from_u128(number << 64 | 0xFEED);
    let mut link = Link { id: LinkId(id), uid: None, ..pattern.clone() };
    link.native.dynamics = Some(NativeId::new(id.to_string()));
    if let Some(item) = &pattern.native.exchange {
        let text = item.as_str();
        let (head, tail) = text.split_at_checked(8).context("a short id")?;
        let tail = tail.get(32..).context("a short id")?;
        link.native.exchange = Some(NativeId::new(format!("{head}{}{tail}", id.simple())));
    }
    Ok(link)
}

/// Returns what is asked, mailbox after mailbox in each round: real items by either id, with the pair
/// that each story must be about.
async fn questions(node: &Node) -> anyhow::Result<Vec<(Judged, Question, LinkId)>> {
    let mut rounds = vec![Vec::new(); ROUNDS];
    for mailbox in &node.mailboxes {
        let judged = node.tenant.judged(|one| one.id == mailbox.key.mailbox);
        let judged = judged.context("the mailbox was not judged")?;
        let links = node.tenant.deps.links.load(&mailbox.key).await?.links;
        for (number, round) in rounds.iter_mut().enumerate() {
            let whole = |link: &&Link| Side::BOTH.iter().all(|it| link.native.get(*it).is_some());
            let link = links.iter().filter(whole).nth(number * 7);
            let link = link.context("too few pairs to ask about")?;
            let side = Side::BOTH[number % 2];
            let id = link.native.get(side).clone().context("a link without an item")?;
            round.push((judged.clone(), Question::Item(Target::Item(side, id)), link.id));
        }
    }
    Ok(rounds.concat())
}

/// Asks, and returns the milliseconds of each answer.
async fn ask(node: &Node, questions: Vec<(Judged, Question, LinkId)>) -> anyhow::Result<Vec<f64>> {
    let mut times = Vec::with_capacity(questions.len());
    for (judged, question, link) in questions {
        let started = Instant::now();
        let stories = answer(&node.tenant, &judged, &question).await?;
        times.push(started.elapsed().as_secs_f64() * 1_000.0);
        let known = stories.first().is_some_and(|story| story.link == Some(link));
        ensure!(known, "the story is about something else");
    }
    ensure!(!times.is_empty(), "nothing was asked");
    Ok(times)
}
