//! Stories as JSON.

use serde_json::{Value, json};

use super::json::verb_name;
use crate::cycle::{Chapter, Story};
use crate::domain::code::Code;
use crate::domain::fact::{Fact, FactValue};
use crate::domain::journal::{Done, Ending, Record};
use crate::domain::plan::MailClass;
use crate::domain::side::{PerSide, Side};
use crate::engine::catalogue;
use crate::engine::facts::state_word;
use crate::ports::inquiry::FilterAnswer;

/// Returns a story as the API and `lockstep explain --format json` give it.
#[must_use]
pub fn story(story: &Story) -> Value {
    json!({
        "tenant": story.mailbox.tenant.as_str(),
        "mailbox": story.mailbox.mailbox,
        "kind": story.kind.map(|kind| kind.table()),
        "link": story.link.map(|link| link.0),
        "dynamics": story.native.dynamics.as_ref().map(|id| id.as_str()),
        "exchange": story.native.exchange.as_ref().map(|id| id.as_str()),
        "summary": story.summary,
        "steps": story.steps.iter().map(step).collect::<Vec<_>>(),
        "filters": story.filters.iter().map(filter).collect::<Vec<_>>(),
        "history": story.history.iter().map(record).collect::<Vec<_>>(),
    })
}

fn step(step: &Chapter) -> Value {
    let rules = step.rules.iter().map(|id| {
        let rule = catalogue::ALL.iter().find(|rule| rule.id == *id);
        json!({ "id": id.0, "sentence": rule.map(|rule| rule.sentence) })
    });
    json!({
        "step": step.stage.name(),
        "rules": rules.collect::<Vec<_>>(),
        "codes": step.codes.iter().map(|code| code.as_str()).collect::<Vec<_>>(),
        "facts": step.facts.iter().map(fact).collect::<Vec<_>>(),
        "result": step.result,
        "change": step.change(),
    })
}

fn fact(fact: &Fact) -> Value {
    let value = match &fact.value {
        FactValue::Flag(flag) => json!(flag),
        FactValue::Count(count) => json!(count),
        FactValue::Time(time) => json!(time.to_rfc3339()),
        FactValue::Word(word) => json!(word),
        FactValue::Id(id) => json!(id),
        FactValue::Groups(groups) => {
            json!(groups.iter().map(|it| format!("{it:?}").to_lowercase()).collect::<Vec<_>>())
        }
    };
    json!({ "name": fact.name.as_str(), "about": fact.name.phrase(), "value": value })
}

fn filter(filter: &FilterAnswer) -> Value {
    let conditions = filter.conditions.iter();
    json!({
        "filter": filter.id,
        "name": filter.name,
        "of": if filter.of_organization { "organization" } else { "user" },
        "matches": filter.matches,
        "conditions": conditions
            .map(|one| json!({ "condition": one.text, "holds": one.holds }))
            .collect::<Vec<_>>(),
    })
}

fn record(record: &Record) -> Value {
    json!({
        "at": record.at.to_rfc3339(),
        "cycle": record.cycle.0,
        "trace": record.trace,
        "verb": verb_name(record.verb),
        "rules": record.rules,
        "groups": record.groups.iter().map(|it| format!("{it:?}").to_lowercase()).collect::<Vec<_>>(),
        "code": record.code.map(Code::as_str),
        "codes": record.codes(),
        "facts": record.facts.iter().map(fact).collect::<Vec<_>>(),
        "writes": writes(&record.done),
        "mails": match record.mail { MailClass::Silent => 0, MailClass::Mails(count) => count },
        "failed": record.failed.map(Code::as_str),
        "state": record.state.map(state_word),
    })
}

fn writes(done: &PerSide<Option<Done>>) -> Value {
    let one = |side: Side| {
        let done = (*done.get(side))?;
        let code = match done.ending {
            Ending::Refused(code) => Some(code.as_str()),
            Ending::Done | Ending::Stale | Ending::Missing | Ending::Unknown | Ending::NotSent => {
                None
            }
        };
        let (op, ending) = (done.op.as_str(), done.ending.as_str());
        Some(json!({ "side": side.name(), "op": op, "ending": ending, "code": code }))
    };
    Side::BOTH.into_iter().filter_map(one).collect()
}
