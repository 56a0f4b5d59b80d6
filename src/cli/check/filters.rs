//! The column "Filters" of `check --online`: who takes part and gets nothing from Dynamics (FILT-10).

use futures_util::StreamExt;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::actors::runtime::TenantRuntime;
use crate::cycle::Judged;
use crate::domain::code::Code;
use crate::domain::filter::FilterTally;
use crate::domain::policy::Mailbox;
use crate::domain::rule::RuleId;
use crate::engine::catalogue as rule;
use crate::engine::newcomer::{Standing, judge};

/// Mailboxes whose filters are asked for unless `--all` is given: a batch each, of which hundreds are
/// a matter of seconds, and a small part of the quota of five minutes.
const ASKED: usize = 500;
/// Questions under way at the same time.
const AT_ONCE: usize = 8;

/// What was learned of one user's filters.
pub(super) struct Filtered {
    mailbox: Uuid,
    address: String,
    /// How many there are, or why that is not known.
    tally: Result<FilterTally, String>,
    /// What follows.
    standing: Standing,
}

impl Filtered {
    /// Tells whether the question got no answer.
    pub(super) const fn is_unknown(&self) -> bool {
        self.tally.is_err()
    }
}

/// Asks for the filters of those who take part.
pub(super) async fn ask(tenant: &TenantRuntime, judged: &[Judged], all: bool) -> Vec<Filtered> {
    let allowed = tenant.view().is_some_and(|view| view.policy.instantiate_filters);
    let most = if all { usize::MAX } else { ASKED };
    let mailboxes = judged.iter().filter_map(|one| one.mailbox.as_ref()).take(most);
    let questions: Vec<_> = mailboxes.map(|mailbox| one(tenant, mailbox, allowed)).collect();
    futures_util::stream::iter(questions).buffered(AT_ONCE).collect().await
}

async fn one(tenant: &TenantRuntime, mailbox: &Mailbox, allowed: bool) -> Filtered {
    let answer = tenant.deps.dynamics.filter_tally(mailbox).await;
    let tally = answer.map(Option::unwrap_or_default).map_err(|error| error.to_string());
    let standing = tally.as_ref().map_or(Standing::Filtered, |tally| judge(tally, allowed));
    let address = mailbox.address.as_str().to_owned();
    Filtered { mailbox: mailbox.key.mailbox, address, tally, standing }
}

/// Returns the cell of a mailbox.
pub(super) fn word(filtered: &[Filtered], mailbox: Uuid) -> String {
    match filtered.iter().find(|one| one.mailbox == mailbox).map(|one| &one.tally) {
        None => "not asked".to_owned(),
        Some(Err(reason)) => reason.clone(),
        Some(Ok(tally)) if tally.total() == 0 => "none".to_owned(),
        Some(Ok(tally)) => tally.total().to_string(),
    }
}

/// Returns the number of active filters by table; nothing when it is not known.
pub(super) fn as_json(filtered: &[Filtered], mailbox: Uuid) -> Value {
    let one = filtered.iter().find(|one| one.mailbox == mailbox);
    let Some(Ok(tally)) = one.map(|one| &one.tally) else { return Value::Null };
    tally.active.iter().map(|(kind, count)| (kind.table().to_owned(), json!(count))).collect()
}

/// Returns what an operator should know of one user, with the rule and the code.
fn concern(one: &Filtered) -> Option<(RuleId, Code, &'static str)> {
    match (one.standing, &one.tally) {
        (Standing::Unfiltered(rule, code), _) => {
            Some((rule, code, "no active filter: nothing flows from Dynamics to this mailbox"))
        }
        (Standing::Newcomer(_), Ok(tally)) if tally.total() == 0 => {
            let text = "no filter yet: the first cycle makes those of the default templates";
            Some((rule::FILT_16, Code::NoFilters, text))
        }
        (Standing::Newcomer(_) | Standing::Filtered, _) => None,
    }
}

/// Returns the line of a warning.
pub(super) fn warning(one: &Filtered) -> Option<String> {
    let (rule, code, text) = concern(one)?;
    Some(format!("warning: {}: {text} ({code}, {rule})", one.address))
}

/// Returns a warning for programs.
pub(super) fn warning_json(one: &Filtered) -> Option<Value> {
    let (rule, code, text) = concern(one)?;
    Some(json!({ "mailbox": one.mailbox, "address": one.address, "code": code.as_str(),
        "rule": rule.0, "message": text }))
}
