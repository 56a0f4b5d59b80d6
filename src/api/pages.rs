//! The status pages: plain HTML, readable without a script, wide tables scroll by themselves.

use std::sync::Arc;

use actix_web::http::StatusCode;
use chrono::{DateTime, Utc};
use maud::{DOCTYPE, Markup, html};

use super::cluster::{self, Cluster};
use super::json::{PHASES, count, holder, phase_name, verb_name};
use super::settings;
use crate::actors::board::{LastCycle, MailboxRow, Recent};
use crate::actors::runtime::TenantRuntime;
use crate::config::Problem;
use crate::domain::plan::MailClass;
use crate::engine::catalogue;

/// Mailboxes on one page; the API pages through all of them.
const ROWS: usize = 500;

const STYLE: &str = "
:root{color-scheme:light dark;--line:#d5d9e0;--soft:#f4f6f9;--dim:#5a6472;--ok:#1a7f4b;--warn:#a15c00;--bad:#b3261e}
@media(prefers-color-scheme:dark){:root{--line:#3a4049;--soft:#20242b;--dim:#a0a9b6;--ok:#5ac58e;--warn:#e5a54b;--bad:#ff8a80}}
body{font:15px/1.5 system-ui,sans-serif;margin:0 auto;max-width:72rem;padding:1.5rem}
h1{font-size:1.4rem;margin:.2rem 0 1rem} h2{font-size:1.1rem;margin:1.6rem 0 .5rem}
nav,.dim{color:var(--dim)} a{color:inherit} .wide{overflow-x:auto}
table{border-collapse:collapse;width:100%} th,td{text-align:left;padding:.35rem .6rem;border-bottom:1px solid var(--line);vertical-align:top}
th{background:var(--soft);font-weight:600;white-space:nowrap} td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
code{font:13px ui-monospace,monospace} .idle,.running{color:var(--ok)} .backoff,.excluded{color:var(--warn)} .elsewhere{color:var(--dim)} .parked,.halted{color:var(--bad);font-weight:600}
h3{font-size:1rem;margin:0;text-transform:capitalize} .step{border-left:3px solid var(--line);padding:.1rem 0 .1rem .9rem;margin:.9rem 0} .step p{margin:.3rem 0}
ul.rules{list-style:none;margin:.3rem 0;padding:0} dl.facts{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem;margin:.3rem 0;font-size:14px} dl.facts dt{color:var(--dim)} dl.facts dd{margin:0}
.change{background:var(--soft);padding:.3rem .6rem;border-radius:.3rem} code.code{color:var(--warn)} td.id{overflow-wrap:anywhere}
@media(max-width:40rem){dl.facts{grid-template-columns:1fr;gap:0}}
";

pub(super) fn index(
    tenants: &[Arc<TenantRuntime>],
    broken: &[Problem],
    cluster: &Cluster,
) -> String {
    let body = html! {
        h1 { "Tenants" }
        @for one in broken {
            p { span.parked { (one.file.display()) ":" (one.line) ":" (one.column) } " "
                @if !one.field.is_empty() { code { (one.field) } ": " }
                (one.message) " — " (one.remedy) }
        }
        @if tenants.is_empty() {
            p { "No tenant runs here. Drop a file into " code { "tenants/" } " of the configuration directory." }
        } @else {
            div.wide { table {
                thead { tr {
                    th { "Tenant" } th.n { "Mailboxes" }
                    @for phase in PHASES { th.n { (phase) } }
                    th { "Profile read" } th { "Trouble" }
                } }
                tbody { @for tenant in tenants { (tenant_row(tenant)) } }
            } }
        }
        (cluster::section(cluster))
    };
    page("Lockstep", &html! { "Lockstep" }, &body)
}

fn tenant_row(tenant: &TenantRuntime) -> Markup {
    let name = tenant.options.tenant.as_str();
    let rows = tenant.rows();
    let row = tenant.board.tenant_row();
    html! { tr {
        td { a href={ "/tenants/" (name) } { (name) } }
        td.n { (rows.len()) }
        @for phase in PHASES { td.n { (count(&rows, phase)) } }
        td { (row.profile_read.map_or_else(|| "never".to_owned(), time)) }
        td { @if let Some((code, reason)) = row.trouble { code { (code.as_str()) } " " (reason) } }
    } }
}

pub(super) fn tenant(tenant: &TenantRuntime) -> String {
    let name = tenant.options.tenant.as_str();
    let rows = tenant.rows();
    let body = html! {
        h1 { (name) }
        p.dim { (rows.len()) " mailboxes. Troubled ones first; JSON: "
            a href={ "/api/v1/tenants/" (name) "/mailboxes" } { "mailboxes" } "." }
        div.wide { table {
            thead { tr { th { "Mailbox" } th { "Phase" } th { "Why" } th { "Last cycle" } th.n { "To Exchange" } th.n { "To Dynamics" } th.n { "Waiting" } th.n { "Parked" } } }
            tbody { @for row in sorted(&rows).into_iter().take(ROWS) { (mailbox_row(tenant, row)) } }
        } }
        h2 { "Last decisions" }
        (decisions(name, &tenant.board.recent(None, 30)))
        h2 { "Settings" }
        p.dim { "The value that holds, and where it comes from; JSON: "
            a href={ "/api/v1/tenants/" (name) "/settings" } { "settings" } "." }
        (settings::table(&settings::of(tenant)))
    };
    page(name, &html! { a href="/" { "Lockstep" } " › " (name) }, &body)
}

/// Mailboxes that stand, then those with items that do, then those that wait for something.
fn sorted(rows: &[MailboxRow]) -> Vec<&MailboxRow> {
    let mut rows: Vec<&MailboxRow> = rows.iter().collect();
    let rank = |row: &MailboxRow| {
        PHASES.iter().rev().position(|name| *name == phase_name(row)).unwrap_or(0)
    };
    let last = |row: &MailboxRow| matches!(phase_name(row), "excluded" | "elsewhere");
    let works = |row: &MailboxRow| matches!(phase_name(row), "idle" | "running");
    let waits = |row: &MailboxRow, of: fn(&LastCycle) -> bool| row.last.as_ref().is_some_and(of);
    rows.sort_by_key(|row| {
        let parked = waits(row, |it| it.parked > 0);
        let unsettled = waits(row, |it| it.unsettled > 0 || it.code.is_some());
        (last(row), works(row), !parked, !unsettled, rank(row), row.mailbox)
    });
    rows
}

fn mailbox_row(tenant: &TenantRuntime, row: &MailboxRow) -> Markup {
    let name = tenant.options.tenant.as_str();
    let last = row.last.as_ref().filter(|_| !row.elsewhere);
    let number = |of: fn(&LastCycle) -> u32| match row.elsewhere {
        true => String::new(),
        false => last.map_or(0, of).to_string(),
    };
    html! { tr {
        td { a href={ "/tenants/" (name) "/mailboxes/" (row.mailbox) } { code { (row.mailbox) } } }
        td class=(phase_name(row)) { (phase_name(row)) }
        td { @if row.elsewhere { (owner(tenant, row)) } @else { (why(row)) } }
        td { @if !row.elsewhere { (last.map_or_else(|| "not yet".to_owned(), |it| time(it.finished))) } }
        td.n { (number(|it| it.done.exchange)) }
        td.n { (number(|it| it.done.dynamics)) }
        td.n { (number(|it| it.unsettled)) }
        td.n { (number(|it| it.parked)) }
    } }
}

/// Who knows how a mailbox of another node stands.
fn owner(tenant: &TenantRuntime, row: &MailboxRow) -> Markup {
    match holder(tenant, row.mailbox) {
        Some(node) => html! { "at " code { (node) } },
        None => html! { "at no node at present" },
    }
}

fn why(row: &MailboxRow) -> Markup {
    html! {
        @for (rule, code) in &row.reasons { code { (code.as_str()) } " (" (rule.0) ") " }
        @if let Some(code) = row.phase.code() { code { (code.as_str()) } }
    }
}

pub(super) fn mailbox(tenant: &TenantRuntime, row: &MailboxRow, recent: &[Recent]) -> String {
    let name = tenant.options.tenant.as_str();
    let id = row.mailbox.to_string();
    let body = html! {
        h1 { "Mailbox " code { (id) } }
        @if row.elsewhere {
            p { "Phase " span class="elsewhere" { "elsewhere" } ", " (owner(tenant, row)) ", which knows how it stands." }
        } @else {
            p { "Phase " span class=(phase_name(row)) { (phase_name(row)) } ", " (row.cycles) " cycles since the start. " (why(row)) }
        }
        @if let Some(last) = row.last.as_ref().filter(|_| !row.elsewhere) {
            p.dim { "Last cycle ended " (time(last.finished)) "; it wrote " (last.done.exchange) " items to Exchange and " (last.done.dynamics) " to Dynamics; " (last.unsettled) " wait, " (last.parked) " are parked."
                @if let Some(trace) = &last.trace { " Trace " code { (trace) } "." } }
        }
        (halted(name, row))
        h2 { "Last decisions" }
        (decisions(name, recent))
    };
    let way = html! { a href="/" { "Lockstep" } " › " a href={ "/tenants/" (name) } { (name) } " › " (id) };
    page(&id, &way, &body)
}

/// A page that needs no script can send no command: it shows the two that help.
fn halted(tenant: &str, row: &MailboxRow) -> Markup {
    let Some(halt) = &row.halt else { return html! {} };
    let command = format!("lockstep release --tenant {tenant} --mailbox {}", row.mailbox);
    html! {
        h2 { "Halted plan" }
        p { "A brake stopped plan " code { (halt.plan) } ": " (halt.wanted) " wanted, " (halt.allowed) " allowed." }
        p { "Plan again with brakes: " code { (command) " --with-brakes" } }
        p { "Let exactly this plan pass: " code { (command) " --plan " (halt.plan) } }
    }
}

fn decisions(tenant: &str, recent: &[Recent]) -> Markup {
    html! {
        @if recent.is_empty() { p.dim { "None yet." } }
        @else { div.wide { table {
            thead { tr { th { "When" } th { "Item" } th { "Decision" } th { "Rule" } th { "Why" } th { "Code" } th.n { "Mails" } } }
            tbody { @for one in recent { (decision(tenant, one)) } }
        } } }
    }
}

fn decision(tenant: &str, recent: &Recent) -> Markup {
    let line = &recent.line;
    let first = line.decision.rules.first();
    let rule = first.and_then(|id| catalogue::ALL.iter().find(|rule| rule.id == *id));
    let mails = match line.mail {
        MailClass::Silent => 0,
        MailClass::Mails(count) => count,
    };
    html! { tr {
        td { (time(recent.at)) }
        td { (line.kind.table()) br;
            a href={ "/tenants/" (tenant) "/mailboxes/" (recent.mailbox) "/items/" (line.link.0) } { code.dim { (line.link.0) } }
        }
        td { (verb_name(line.decision.verb)) }
        td { @for id in &line.decision.rules { code { (id.0) } " " } }
        td { (rule.map_or("", |rule| rule.sentence)) }
        td { @for code in line.codes() { code { (code.as_str()) } " " } }
        td.n { (mails) }
    } }
}

/// What was refused, and the way back.
pub(super) fn refused(status: StatusCode, sentence: &str) -> String {
    let title = status.canonical_reason().unwrap_or("Refused");
    let body = html! {
        h1 { (title) }
        p { (sentence) }
        p { a href="/" { "All tenants" } }
    };
    still_page(title, &html! { "Lockstep" }, &body)
}

/// A page that shows the present, again and again.
fn page(title: &str, way: &Markup, body: &Markup) -> String {
    whole(title, way, body, true)
}

/// A page that is made once: each costs requests to the far sides.
pub(super) fn still_page(title: &str, way: &Markup, body: &Markup) -> String {
    whole(title, way, body, false)
}

fn whole(title: &str, way: &Markup, body: &Markup, again: bool) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                @if again { meta http-equiv="refresh" content="10"; }
                title { (title) }
                style { (maud::PreEscaped(STYLE)) }
            }
            body { nav { (way) } (body) }
        }
    }
    .into_string()
}

pub(super) fn time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}
