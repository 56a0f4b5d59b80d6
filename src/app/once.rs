//! All mailboxes of some tenants, once, without actors: `lockstep sync --once` and the first
//! synchronization of the demo.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use crate::actors::messages::Ended;
use crate::actors::runtime::TenantRuntime;
use crate::cycle::{CycleReport, Judged, Orders};
use crate::domain::code::Code;
use crate::domain::ids::LinkId;
use crate::domain::policy::Mailbox;
use crate::domain::side::{PerSide, Side};

/// What happened to one mailbox over all its cycles.
#[derive(Debug, Clone)]
pub struct MailboxResult {
    /// The mailbox.
    pub mailbox: Arc<Mailbox>,
    /// Its cycles.
    pub cycles: u32,
    /// Confirmed writes.
    pub done: PerSide<u64>,
    /// People who were mailed.
    pub mails: u64,
    /// Items that wait for the next cycle.
    pub unsettled: u32,
    /// Items that failed too often.
    pub parked: u32,
    /// Why the last cycle ended early.
    pub end: Option<(Code, String)>,
    /// The last cycle changed nothing.
    pub quiet: bool,
}

/// What a caller wants to be told while it goes on.
pub trait Progress: Send + Sync {
    /// A pass over some mailboxes begins.
    fn pass(&self, number: u32, mailboxes: usize);
    /// A cycle ended; `None` for one that ended early.
    fn cycle(&self, report: Option<&CycleReport>);
}

/// Reads the profile of a tenant and returns its mailboxes.
///
/// # Errors
/// Fails when the organization or the store cannot be read.
pub async fn enrol(tenant: &TenantRuntime) -> anyhow::Result<Vec<Judged>> {
    let profile = tenant.read_profile().await?;
    let judged = tenant.adopt(&profile).await?.judged;
    tenant.board.profile(tenant.deps.clock.now(), None);
    Ok(judged)
}

/// Runs passes over the mailboxes until one of them changes nothing, at most `passes`.
///
/// One pass is not enough by nature: an invitation sent in the organizer's cycle is found in the
/// attendee's next one. What failed in one pass is not tried in the next (ERR-02: the next cycle comes
/// minutes later, these come at once), but for what asks for a second look.
pub async fn run(
    tenant: &Arc<TenantRuntime>,
    mailboxes: Vec<Arc<Mailbox>>,
    passes: u32,
    progress: &dyn Progress,
) -> Vec<MailboxResult> {
    let mut results: Vec<MailboxResult> = mailboxes.into_iter().map(fresh).collect();
    let mut spared: Vec<Spared> = results.iter().map(|_| Spared::default()).collect();
    for number in 1..=passes {
        progress.pass(number, results.len());
        let mut running: FuturesUnordered<_> = results
            .iter()
            .zip(&spared)
            .enumerate()
            .map(|(at, (result, spared))| {
                let items = Some(spared.items.clone());
                let orders = Orders { spared: items, ..Orders::default() };
                let cycle = tenant.clone().cycle(result.mailbox.clone(), orders);
                let task = tenant.io.spawn(cycle);
                async move { (at, task.await.unwrap_or(Ended::Panicked)) }
            })
            .collect();
        let mut quiet = true;
        let mut failed = vec![Vec::new(); results.len()];
        while let Some((at, ended)) = running.next().await {
            if let Ended::Report(report) = &ended {
                failed[at] = report.waiting.clone();
            }
            quiet &= record(&mut results[at], ended, progress);
        }
        drop(running);
        for (spared, failed) in spared.iter_mut().zip(failed) {
            spared.take_in(failed);
        }
        if quiet {
            break;
        }
    }
    results
}

/// The items of a mailbox that failed in this run and are not tried in it again.
#[derive(Debug, Default)]
struct Spared {
    items: Arc<HashSet<LinkId>>,
    /// What got no answer once: the next pass looks whether it was done.
    unanswered: HashSet<LinkId>,
}

impl Spared {
    /// Takes in what waits after a pass.
    fn take_in(&mut self, waiting: Vec<(LinkId, Code)>) {
        for (link, code) in waiting {
            // Nothing was tried, or not on what is there now; a booking counts its own attempts.
            let untried = [
                Code::PutOff,
                Code::ChangedMeanwhile,
                Code::ReadUnfinished,
                Code::SchedulingConflict,
            ];
            let looks = code == Code::ResultUnknown && self.unanswered.insert(link);
            if !looks && !untried.contains(&code) {
                Arc::make_mut(&mut self.items).insert(link);
            }
        }
    }
}

fn fresh(mailbox: Arc<Mailbox>) -> MailboxResult {
    MailboxResult {
        mailbox,
        cycles: 0,
        done: PerSide::default(),
        mails: 0,
        unsettled: 0,
        parked: 0,
        end: None,
        quiet: false,
    }
}

/// Adds a cycle to a mailbox's result; tells whether it wrote nothing and nothing asks for another.
fn record(result: &mut MailboxResult, ended: Ended, progress: &dyn Progress) -> bool {
    result.cycles += 1;
    result.quiet = false;
    match ended {
        Ended::Report(report) => {
            progress.cycle(Some(&report));
            for side in Side::BOTH {
                *result.done.get_mut(side) += u64::from(*report.done.get(side));
            }
            result.mails += report.lines.iter().map(mails).sum::<u64>();
            result.unsettled = report.unsettled;
            result.parked = report.parked;
            result.end = None;
            result.quiet = report.is_quiet();
            let books = |(_, code): &(LinkId, Code)| *code == Code::SchedulingConflict;
            !report.is_followed() && !report.waiting.iter().any(books)
        }
        Ended::End(end) => {
            progress.cycle(None);
            result.end = Some((end.code(), end.to_string()));
            false
        }
        Ended::Panicked => {
            progress.cycle(None);
            let reason = "the cycle panicked; this is a defect of Lockstep".to_owned();
            result.end = Some((Code::CyclePanicked, reason));
            false
        }
    }
}

fn mails(line: &crate::cycle::Line) -> u64 {
    match line.mail {
        crate::domain::plan::MailClass::Silent => 0,
        crate::domain::plan::MailClass::Mails(count) => u64::from(count),
    }
}

#[cfg(test)]
mod tests;
