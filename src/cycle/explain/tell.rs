//! From what was found to six steps in words.

use super::look::Looked;
use super::story::{Chapter, Stage, Story};
use super::verify::{awaited, summary, verified};
use super::{Target, ids};
use crate::cycle::context::CycleContext;
use crate::domain::code::Code;
use crate::domain::fact::{Fact, FactName, FactValue};
use crate::domain::field::Group;
use crate::domain::ids::MailboxKey;
use crate::domain::journal::{Done, Ending, OpName, Record};
use crate::domain::kind::Collection;
use crate::domain::link::Link;
use crate::domain::observation::{Facts, Presence};
use crate::domain::plan::{Decision, MailClass, Verb};
use crate::domain::rule::RuleId;
use crate::domain::side::Side;
use crate::engine::catalogue::{self, self as rule};
use crate::engine::decide::After;
use crate::engine::eligible::Reason;
use crate::engine::facts::{of_link, presence_word, state_word};
use crate::engine::plan::Entry;

pub(super) const UNKNOWN: &str = "Nothing is known of such an item: neither side has it, no pair is \
                       remembered, and the journal does not name it.";

/// Tells the story of an item of a mailbox that takes part.
pub(super) fn tell(
    context: &CycleContext,
    target: &Target,
    link: Option<&Link>,
    looked: Looked,
    history: Vec<Record>,
) -> Story {
    let entry = looked.entry.as_ref();
    let waits = awaited(link, &looked);
    // Files have a lane of their own: what was done about them says nothing of the item.
    let own: Vec<Record> = history.iter().filter(|one| !one.is_of_files()).cloned().collect();
    let steps = vec![
        detect(link, &looked),
        scope(&looked),
        matched(link, &looked),
        decided(entry, link, waits, &history),
        written(entry, waits, &own),
        verified(&looked, link, &own),
    ];
    let last = history.first();
    let mut native = ids(target, link, last);
    for side in Side::BOTH {
        if let Some(seen) = looked.seen.get(side) {
            native.set(side, Some(seen.id.clone()));
        }
    }
    let mine = entry.map(|(entry, _)| &entry.link);
    Story {
        mailbox: context.mailbox.key.clone(),
        kind: mine.map(|link| link.kind).or_else(|| last.map(|record| record.kind)),
        link: mine.or(link).map(|link| link.id).or_else(|| last.map(|record| record.link)),
        native,
        summary: summary(&looked, link, waits, &own),
        steps,
        filters: looked.filters.unwrap_or_default(),
        history,
    }
}

/// Tells the story of an item of a mailbox that takes no part.
pub(super) fn excluded(
    mailbox: &MailboxKey,
    target: &Target,
    link: Option<&Link>,
    reasons: &[Reason],
    history: Vec<Record>,
) -> Story {
    let rules: Vec<RuleId> = reasons.iter().map(|(rule, _)| *rule).collect();
    let codes: Vec<Code> = reasons.iter().map(|(_, code)| *code).collect();
    let step = |stage: Stage, result: &str| {
        Chapter::new(stage, &rules, result).with_codes(codes.iter().copied())
    };
    let known = link.map(of_link).unwrap_or_default();
    let pair = link.map_or("No pair is remembered.".to_owned(), |link| {
        format!("The pair is remembered: {}.", state_word(link.state))
    });
    let last = history.first();
    Story {
        mailbox: mailbox.clone(),
        kind: link.map(|link| link.kind).or_else(|| last.map(|record| record.kind)),
        link: link.map(|link| link.id).or_else(|| last.map(|record| record.link)),
        native: ids(target, link, last),
        summary: "Not synchronized: the mailbox takes no part.".to_owned(),
        steps: vec![
            step(Stage::Detect, "Neither side is read: the mailbox takes no part."),
            step(Stage::Scope, "The mailbox takes no part, for each of the reasons named."),
            step(Stage::Match, &pair).with_facts(known),
            step(Stage::Decide, "Nothing is decided for a mailbox that takes no part."),
            step(Stage::Write, &format!("Nothing is written. {}", last_write(&history))),
            step(Stage::Verify, "Nothing is compared while the mailbox takes no part."),
        ],
        filters: Vec::new(),
        history,
    }
}

fn detect(link: Option<&Link>, looked: &Looked) -> Chapter {
    let seen = &looked.seen;
    let pairing = looked.entry.as_ref().map(|(entry, _)| &entry.verdict.pairing);
    let say = |side: Side| {
        let known = link.is_some_and(|link| link.native.get(side).is_some());
        let alone = pairing.is_some_and(|pairing| pairing.seen.get(side).is_none());
        match seen.get(side) {
            Some(one) if alone && one.presence == Presence::Present => "there, but not its half",
            Some(one) => presence_word(one.presence),
            None if known => "gone",
            None => "none",
        }
    };
    let result = format!(
        "Read just now. In Dynamics: {}. In Exchange: {}.",
        say(Side::Dynamics),
        say(Side::Exchange)
    );
    let gone = |side: Side| seen.get(side).as_ref().map(|one| one.presence);
    let unread = gone(Side::Dynamics) == Some(Presence::Unreadable);
    let is_new = |side: Side| {
        let known = link.and_then(|link| link.version.get(side).clone());
        seen.get(side).as_ref().is_some_and(|one| one.version != known)
    };
    let rules: &[RuleId] = match (&seen.dynamics, &seen.exchange) {
        (None, None) => &[rule::FILT_05],
        _ if unread => &[rule::ELIG_11],
        _ if gone(Side::Dynamics) == Some(Presence::Deleted)
            || gone(Side::Exchange) == Some(Presence::Deleted) =>
        {
            &[rule::FILT_17, rule::FILT_05]
        }
        _ if Side::BOTH.into_iter().any(is_new) => &[rule::CONF_02],
        _ => &[rule::CONF_05],
    };
    let unfit = Side::BOTH.into_iter().filter_map(|side| seen.get(side).as_ref()?.unfit);
    let mut facts = vec![
        Fact::word(FactName::Row, say(Side::Dynamics)),
        Fact::word(FactName::Item, say(Side::Exchange)),
    ];
    if let Some(item) = &seen.exchange
        && let Facts::Exchange(about) = &item.facts
        && item.kind.collection() == Collection::Calendar
    {
        facts.push(Fact::flag(FactName::Window, !about.off_feed));
    }
    Chapter::new(Stage::Detect, rules, result).with_facts(facts).with_codes(unfit)
}

fn scope(looked: &Looked) -> Chapter {
    let (mut rules, mut facts, mut words) = (Vec::new(), Vec::new(), Vec::new());
    words.push("The mailbox takes part.".to_owned());
    if let Some(filters) = &looked.filters {
        let matching = filters.iter().filter(|one| one.matches == Some(true)).count();
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        facts.push(Fact::count(FactName::Filters, count(filters.len())));
        facts.push(Fact::count(FactName::FiltersMatching, count(matching)));
        if filters.is_empty() {
            rules.push(rule::FILT_10);
            words
                .push("No filter of the row's table is active, so no row reaches Exchange.".into());
        } else if matching == 0 {
            rules.extend([rule::FILT_01, rule::FILT_09]);
            words.push(format!("None of {} filters returns the row.", filters.len()));
        } else {
            rules.extend([rule::FILT_09, rule::FILT_01]);
            words.push(format!("{matching} of {} filters return the row.", filters.len()));
        }
    }
    let item = looked.seen.exchange.as_ref().filter(|item| item.presence != Presence::Deleted);
    let mut codes = Vec::new();
    if let Some(item) = item {
        let away = item.presence == Presence::MovedAway;
        let tracked = item.exchange_facts().tracked;
        facts.push(Fact::flag(FactName::Folder, !away));
        facts.push(Fact::flag(FactName::Tracked, tracked));
        if away {
            rules.insert(0, rule::LINK_04);
            codes.push(Code::MovedAway);
            words.push("The item lies outside the synchronized folders.".to_owned());
        }
        // The category says nothing of a contact, and whoever untracked one in the app said so.
        let untracked = item.exchange_facts().untracked;
        let contact = item.kind.collection() == Collection::Contacts;
        rules.push(if untracked { rule::LINK_10 } else { rule::LINK_02 });
        rules.extend((contact && !tracked && !untracked).then_some(rule::LINK_05));
        let signal = if tracked { "The item is tracked." } else { "The item is not tracked." };
        words.push(signal.to_owned());
    }
    if rules.is_empty() {
        rules.push(rule::ELIG_03);
    }
    Chapter::new(Stage::Scope, &rules, words.join(" ")).with_facts(facts).with_codes(codes)
}

fn matched(link: Option<&Link>, looked: &Looked) -> Chapter {
    let pairing = looked.entry.as_ref().map(|(entry, _)| &entry.verdict.pairing);
    let link = pairing.and_then(|pairing| pairing.link.as_ref()).or(link);
    let both = pairing.is_some_and(|it| it.seen.dynamics.is_some() && it.seen.exchange.is_some());
    let (rules, result): (&[RuleId], String) = match link {
        _ if pairing.is_some_and(|pairing| pairing.copy) => {
            (&[rule::COPY_01, rule::COPY_03], "It carries the marker of another item.".to_owned())
        }
        Some(link) => {
            (&[rule::LINK_01], format!("The pair is remembered: {}.", state_word(link.state)))
        }
        None if both => (
            &[rule::APPT_IN_11, rule::LINK_03],
            "No pair is remembered; row and item name each other and become one.".to_owned(),
        ),
        None => {
            (&[rule::LINK_03], "No pair is remembered, and no other half was found.".to_owned())
        }
    };
    let facts = link.map(of_link).unwrap_or_else(|| vec![Fact::word(FactName::Link, "none")]);
    Chapter::new(Stage::Match, rules, result).with_facts(facts)
}

fn decided(
    entry: Option<&(Entry, Vec<Fact>)>,
    link: Option<&Link>,
    waits: Option<Code>,
    history: &[Record],
) -> Chapter {
    let Some((entry, facts)) = entry else {
        let result = match (link, history.first()) {
            (None, None) => UNKNOWN.to_owned(),
            _ => "Both halves are gone: the next cycle that looks forgets the pair.".to_owned(),
        };
        return Chapter::new(Stage::Decide, &[rule::FILT_05], result);
    };
    let decision = &entry.verdict.decision;
    let parked = link.and_then(|link| link.trouble).filter(|trouble| trouble.parked);
    let parked = parked.map(|trouble| trouble.shown());
    let mut result = match waits {
        Some(_) => "It waits until its user decides or it changes; no cycle tries it.".to_owned(),
        None => sentence(decision, entry.after()),
    };
    let named = decision.rules.first().and_then(|id| catalogue::ALL.iter().find(|it| it.id == *id));
    if let Some(named) = named {
        result.push_str(" The rule: ");
        result.push_str(named.sentence);
    }
    if parked.is_some() {
        result.push_str(" But the item failed too often and is not looked at until it changes.");
    }
    Chapter::new(Stage::Decide, &decision.rules, result)
        .with_codes(parked.or(waits).into_iter().chain(decision.codes()))
        .with_facts(facts.iter().cloned())
}

/// Returns a decision in a sentence.
fn sentence(decision: &Decision, after: After) -> String {
    let groups = names(&decision.groups);
    match decision.verb {
        Verb::Create(side) => format!("The next cycle creates it in {}.", title(side)),
        Verb::Update(side) => format!("The next cycle changes it in {}: {groups}.", title(side)),
        Verb::Merge => format!("Both sides changed; the next cycle merges them: {groups}."),
        Verb::Delete(side) => format!("The next cycle deletes it in {}.", title(side)),
        Verb::Link => "Both items become a pair; nothing has to be written.".to_owned(),
        Verb::Unlink => "The pair is dissolved; what exists stays.".to_owned(),
        Verb::Acknowledge => "Both sides hold what was agreed; nothing is to be done.".to_owned(),
        Verb::Forget => "Nothing is left to keep in step; a pair would be forgotten.".to_owned(),
        Verb::LeaveAlone => match after {
            After::Nothing => "It is none of Lockstep's business and is left alone.".to_owned(),
            After::Unsettled(_) => "It waits, and the next cycle looks again.".to_owned(),
            After::Agreed
            | After::Unlinked(_)
            | After::DeletedInExchange
            | After::LeftAlone(_)
            | After::Forgotten => "It is left alone on both sides.".to_owned(),
        },
    }
}

pub(super) fn names(groups: &[Group]) -> String {
    if groups.is_empty() {
        return "marks only".to_owned();
    }
    FactValue::Groups(groups.to_vec()).to_string()
}

const fn title(side: Side) -> &'static str {
    match side {
        Side::Dynamics => "Dynamics",
        Side::Exchange => "Exchange",
    }
}

fn written(entry: Option<&(Entry, Vec<Fact>)>, waits: Option<Code>, history: &[Record]) -> Chapter {
    let people = entry.map(|(entry, _)| entry.people.as_slice()).unwrap_or_default();
    let people = people.iter().map(|one| format!("one new {} of an attendee", one.table()));
    let steps: Vec<String> = people
        .chain(Side::BOTH.into_iter().filter_map(|side| {
            let step = entry?.0.steps.get(side).as_ref()?;
            let mail = match step.mail {
                MailClass::Silent => "which mails nobody".to_owned(),
                MailClass::Mails(count) => format!("for which Exchange mails {count} people"),
            };
            Some(format!("one {} in {}, {mail}", OpName::of(&step.op).as_str(), title(side)))
        }))
        .collect();
    let next = if steps.is_empty() || waits.is_some() {
        "The next cycle writes nothing.".to_owned()
    } else {
        format!("The next cycle writes: {}.", steps.join("; "))
    };
    let rules: Vec<RuleId> =
        entry.map_or(vec![rule::FILT_05], |(entry, _)| entry.verdict.decision.rules.clone());
    let facts = entry.map(|(_, facts)| facts.as_slice()).unwrap_or_default();
    let facts = facts.iter().filter(|it| matches!(it.name, FactName::Writes | FactName::Mails));
    let facts = facts.filter(|_| waits.is_none());
    Chapter::new(Stage::Write, &rules, format!("{next} {}", last_write(history)))
        .with_facts(facts.cloned())
        .with_codes(history.first().and_then(|record| record.failed))
}

/// Returns the last write that the journal remembers.
fn last_write(history: &[Record]) -> String {
    let sent = |record: &&Record| record.done.dynamics.is_some() || record.done.exchange.is_some();
    let Some(record) = history.iter().find(sent) else {
        return "The journal remembers no write.".to_owned();
    };
    let one = |side: Side, done: Done| {
        format!("{} in {}: {}", done.op.as_str(), title(side), ending(done.ending))
    };
    let people = record.facts.iter().filter(|fact| fact.name == FactName::NewPerson);
    let all: Vec<String> = Side::BOTH
        .into_iter()
        .filter_map(|side| record.done.get(side).map(|done| one(side, done)))
        .chain(people.map(|fact| format!("new row of an attendee: {}", fact.value)))
        .collect();
    format!("Last write, {}: {}.", record.at.format("%Y-%m-%d %H:%M:%S UTC"), all.join("; "))
}

fn ending(ending: Ending) -> String {
    match ending {
        Ending::Done => "confirmed".to_owned(),
        Ending::Stale => "not done, the item had changed".to_owned(),
        Ending::Missing => "not done, the item was gone".to_owned(),
        Ending::Refused(code) => format!("refused ({code})"),
        Ending::Unknown => "no answer came".to_owned(),
        Ending::NotSent => "not sent".to_owned(),
    }
}
