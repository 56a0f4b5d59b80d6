//! An item's page: its story, for people.

use maud::{Markup, html};

use super::json::verb_name;
use super::pages::{still_page, time};
use crate::cycle::{Chapter, Story};
use crate::domain::fact::Fact;
use crate::domain::journal::Record;
use crate::domain::side::Side;
use crate::engine::catalogue;
use crate::ports::inquiry::{ConditionAnswer, FilterAnswer};

/// Returns the page of one item.
pub(super) fn story(story: &Story) -> String {
    let (tenant, mailbox) = (story.mailbox.tenant.as_str(), story.mailbox.mailbox.to_string());
    let kind = story.kind.map_or("item", |kind| kind.table());
    let link = story.link.map(|link| link.to_string());
    let body = html! {
        h1 { "Why is this " (kind) " as it is?" }
        p { strong { (story.summary) } }
        (ids(story))
        h2 { "The story" }
        @for step in &story.steps { (chapter(step)) }
        @if !story.filters.is_empty() { h2 { "Filters" } (filters(&story.filters)) }
        h2 { "What was done" }
        (history(&story.history))
    };
    let home = format!("/tenants/{tenant}");
    let title = link.unwrap_or_else(|| "item".to_owned());
    let way = html! {
        a href="/" { "Lockstep" } " › " a href=(home) { (tenant) } " › "
        a href={ (home) "/mailboxes/" (mailbox) } { (mailbox) } " › " (title)
    };
    still_page(&title, &way, &body)
}

fn ids(story: &Story) -> Markup {
    html! {
        div.wide { table { tbody {
            @for side in Side::BOTH {
                tr {
                    th { @match side { Side::Dynamics => "Row in Dynamics", Side::Exchange => "Item in Exchange" } }
                    td.id { @match story.native.get(side) {
                        Some(id) => { code { (id.as_str()) } },
                        None => { span.dim { "none" } },
                    } }
                }
            }
        } } }
    }
}

fn chapter(step: &Chapter) -> Markup {
    html! {
        section.step {
            h3 { (step.stage.name()) }
            p { (step.result) }
            @if !step.codes.is_empty() {
                p { @for code in &step.codes { code.code { (code.as_str()) } " " } }
            }
            ul.rules { @for id in &step.rules {
                @let rule = catalogue::ALL.iter().find(|rule| rule.id == *id);
                li { code { (id.0) } " " (rule.map_or("", |rule| rule.sentence)) }
            } }
            (facts(&step.facts))
            @let change = step.change();
            @if !change.is_empty() {
                p.change { strong { "What would change it: " } (change.join(" ")) }
            }
        }
    }
}

fn facts(facts: &[Fact]) -> Markup {
    html! {
        @if !facts.is_empty() { dl.facts {
            @for fact in facts { dt { (fact.name.phrase()) } dd { (fact.value.to_string()) } }
        } }
    }
}

fn filters(filters: &[FilterAnswer]) -> Markup {
    html! { div.wide { table {
        thead { tr { th { "Filter" } th { "Of" } th { "Returns the row" } th { "Its conditions for this row" } } }
        tbody { @for one in filters { tr {
            td { (one.name) br; code.dim { (one.id) } }
            td { @if one.of_organization { "the organization" } @else { "the user" } }
            td { @match one.matches { Some(true) => "yes", Some(false) => "no", None => "cannot be used" } }
            td { ul.rules { @for condition in &one.conditions { (self::condition(condition)) } } }
        } } }
    } } }
}

fn condition(one: &ConditionAnswer) -> Markup {
    let (class, word) = match one.holds {
        Some(true) => ("idle", "holds"),
        Some(false) => ("parked", "does not hold"),
        None => ("dim", "only with others"),
    };
    html! { li { code { (one.text) } " " span class=(class) { (word) } } }
}

fn history(history: &[Record]) -> Markup {
    html! {
        @if history.is_empty() { p.dim { "The journal remembers nothing of it." } }
        @else { div.wide { table {
            thead { tr { th { "When" } th { "Decision" } th { "Rules" } th { "Writes" } th { "Code" } th { "Cycle" } } }
            tbody { @for one in history { (record(one)) } }
        } } }
    }
}

fn record(record: &Record) -> Markup {
    html! { tr {
        td { (time(record.at)) }
        td { (verb_name(record.verb)) }
        td { @for rule in &record.rules { code { (rule) } " " } }
        td { @for side in Side::BOTH { @if let Some(done) = record.done.get(side) {
            (done.op.as_str()) " in " (side.name()) ": " (done.ending.as_str()) br;
        } } }
        td { @for code in record.codes() { code { (code) } " " } }
        td { code.dim { (record.cycle) } }
    } }
}
