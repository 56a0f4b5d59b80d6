//! The end of a story: whether the halves of a pair are in step, in a chapter and in one sentence.

use super::look::Looked;
use super::story::{Chapter, Stage};
use super::tell::{UNKNOWN, names};
use crate::domain::code::Code;
use crate::domain::fact::FactName;
use crate::domain::journal::Record;
use crate::domain::link::{Link, LinkState};
use crate::domain::plan::{Decision, Verb};
use crate::domain::side::{PerSide, Side};
use crate::engine::catalogue as rule;
use crate::engine::decide::halves::Apart;
use crate::engine::facts::of_link;

/// Returns why an item waits for its user, as long as it is as it was when it was refused (APPT-IN-07).
pub(super) fn awaited(link: Option<&Link>, looked: &Looked) -> Option<Code> {
    let link = link.filter(|link| !link.ignores_conflict)?;
    let code = link.trouble.filter(|trouble| !trouble.books_again())?.code;
    let same =
        looked.seen.exchange.as_ref().is_some_and(|item| item.version == link.version.exchange);
    (code.awaits_decision() && same).then_some(code)
}

/// Tells what the halves hold otherwise, although nothing is to be written.
fn difference(apart: &Apart) -> String {
    let mut parts = Vec::new();
    if !apart.groups.is_empty() {
        parts.push(format!("they differ in {}", names(&apart.groups)));
    }
    if apart.meetings {
        parts.push("the row names another meeting than the item is".to_owned());
    }
    parts.join("; ")
}

/// Returns the last code of an item that is told: why its halves differ.
fn last_code(history: &[Record]) -> Option<Code> {
    history.iter().find_map(|record| record.code)
}

pub(super) fn verified(looked: &Looked, link: Option<&Link>, history: &[Record]) -> Chapter {
    let entry = looked.entry.as_ref();
    let Some(link) = link else {
        let result = "There is no pair whose halves could be compared.";
        return Chapter::new(Stage::Verify, &[rule::LINK_03], result);
    };
    if let Some(trouble) = link.trouble {
        let since = trouble.since.format("%Y-%m-%d %H:%M:%S UTC");
        let waits =
            if link.is_unsettled() { "It is read again in each cycle." } else { "It waits." };
        let result = format!(
            "Not in step since {since}: {}, {} attempts. {waits}",
            trouble.code, trouble.attempts
        );
        return Chapter::new(Stage::Verify, &[rule::ERR_02], result)
            .with_codes([trouble.shown()])
            .with_facts(of_link(link));
    }
    let quiet = entry.is_none_or(|(entry, _)| {
        Side::BOTH.into_iter().all(|side| entry.steps.get(side).is_none())
    });
    if link.state == LinkState::Agreed && quiet && !looked.apart.is_nowhere() {
        let result = format!(
            "Each side holds what was agreed of it, but not the same: {}.",
            difference(&looked.apart)
        );
        return Chapter::new(Stage::Verify, &[rule::CONF_05], result)
            .with_codes(last_code(history));
    }
    let result = match (link.state, quiet) {
        (LinkState::Agreed, true) => "Both sides hold what was agreed.",
        (LinkState::Agreed, false) => "A side differs from the agreement; the next cycle writes.",
        (LinkState::Creating(_), _) => "A create is under way and not confirmed.",
        (LinkState::Unlinked(_), _) => "The pair is dissolved: nothing is compared.",
        (LinkState::DeletedInExchange, _) => "The item is gone: nothing is compared.",
        (LinkState::LeftAlone, _) => "Left alone: nothing is compared.",
    };
    let facts = entry.map(|(_, facts)| facts.as_slice()).unwrap_or_default();
    let changed = facts
        .iter()
        .filter(|fact| matches!(fact.name, FactName::RowChanged | FactName::ItemChanged));
    Chapter::new(Stage::Verify, &[rule::CONF_05], result).with_facts(changed.cloned())
}

pub(super) fn summary(
    looked: &Looked,
    link: Option<&Link>,
    awaited: Option<Code>,
    history: &[Record],
) -> String {
    let Some((entry, _)) = &looked.entry else {
        return if link.is_none() && history.is_empty() {
            UNKNOWN.to_owned()
        } else {
            "Both halves are gone.".to_owned()
        };
    };
    let decision = &entry.verdict.decision;
    let parked = link.and_then(|link| link.trouble).filter(|trouble| trouble.parked);
    let parked = parked.map(|trouble| trouble.shown());
    let why = match parked.or(decision.code) {
        Some(code) => format!("{code}, {}", first(decision)),
        None => first(decision).to_owned(),
    };
    let writes = PerSide::from_fn(|side| entry.steps.get(side).is_some());
    let waits = link.and_then(|link| link.trouble);
    match (decision.verb, waits) {
        _ if parked.is_some() => format!("Not in step: {why}."),
        _ if awaited.is_some() => {
            let code = awaited.map(|code| format!("{code}, ")).unwrap_or_default();
            format!("Waiting for its user: {code}{}.", first(decision))
        }
        (Verb::Acknowledge, None) if !looked.apart.is_nowhere() => {
            let code = last_code(history).map(|code| format!("{code}, ")).unwrap_or_default();
            let difference = difference(&looked.apart);
            format!(
                "Nothing is to be written, but both sides are not the same ({code}{difference})."
            )
        }
        (Verb::Acknowledge, None) => format!("In step ({why})."),
        (Verb::LeaveAlone | Verb::Unlink | Verb::Forget, _) => format!("Not synchronized: {why}."),
        _ if writes.dynamics || writes.exchange => format!("To be written next: {why}."),
        _ => format!("Waiting: {why}."),
    }
}

fn first(decision: &Decision) -> &'static str {
    decision.rules.first().map_or("no rule", |rule| rule.0)
}
