//! The story of one item: six steps from what was detected to what was verified.

use crate::domain::code::Code;
use crate::domain::fact::Fact;
use crate::domain::ids::{LinkId, MailboxKey, NativeId};
use crate::domain::journal::Record;
use crate::domain::kind::Kind;
use crate::domain::rule::RuleId;
use crate::domain::side::PerSide;
use crate::engine::advice;
use crate::ports::inquiry::FilterAnswer;

/// Why an item is as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Story {
    /// The mailbox.
    pub mailbox: MailboxKey,
    /// The kind, when something is known of the item.
    pub kind: Option<Kind>,
    /// The link, or the one that the item would get.
    pub link: Option<LinkId>,
    /// The items.
    pub native: PerSide<Option<NativeId>>,
    /// In one sentence.
    pub summary: String,
    /// The steps in the order of `Stage::ALL`, each once.
    pub steps: Vec<Chapter>,
    /// The user's filters and what they say of the row; empty where they were not asked.
    pub filters: Vec<FilterAnswer>,
    /// What the journal remembers, newest first.
    pub history: Vec<Record>,
}

/// A step of a story.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// Is it seen at all, on each side?
    Detect,
    /// Does it concern this mailbox: eligible, in a filter, in a synchronized folder, tracked?
    Scope,
    /// Which pair does it belong to?
    Match,
    /// What do the rules say now?
    Decide,
    /// What would be written, and what was written last?
    Write,
    /// Do both sides hold what was agreed?
    Verify,
}

impl Stage {
    /// All steps in order.
    pub const ALL: [Self; 6] =
        [Self::Detect, Self::Scope, Self::Match, Self::Decide, Self::Write, Self::Verify];

    /// Returns the name of the step.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Detect => "detect",
            Self::Scope => "scope",
            Self::Match => "match",
            Self::Decide => "decide",
            Self::Write => "write",
            Self::Verify => "verify",
        }
    }
}

/// One step: the rules, the facts they looked at, the result.
#[derive(Debug, Clone, PartialEq)]
pub struct Chapter {
    /// Which step.
    pub stage: Stage,
    /// The rules, the deciding one first.
    pub rules: Vec<RuleId>,
    /// The code, when something is left alone or in trouble.
    pub codes: Vec<Code>,
    /// The facts.
    pub facts: Vec<Fact>,
    /// The result in a sentence.
    pub result: String,
}

impl Chapter {
    /// Builds a step.
    pub(super) fn new(stage: Stage, rules: &[RuleId], result: impl Into<String>) -> Self {
        let (codes, facts) = (Vec::new(), Vec::new());
        Self { stage, rules: rules.to_vec(), codes, facts, result: result.into() }
    }

    pub(super) fn with_codes(mut self, codes: impl IntoIterator<Item = Code>) -> Self {
        self.codes.extend(codes);
        self
    }

    pub(super) fn with_facts(mut self, facts: impl IntoIterator<Item = Fact>) -> Self {
        self.facts.extend(facts);
        self
    }

    /// Returns what would change the outcome of the step: the advice of its codes, which know more
    /// than the rule; without a code that of the deciding rule.
    #[must_use]
    pub fn change(&self) -> Vec<&'static str> {
        let mut all: Vec<&'static str> =
            self.codes.iter().map(|code| advice::of_code(*code)).collect();
        all.dedup();
        let rule = self.rules.first().and_then(|rule| advice::of_rule(*rule));
        if all.is_empty() {
            all.extend(rule.map(|advice| advice.change));
        }
        all
    }
}

impl Story {
    /// Returns a step.
    #[must_use]
    pub fn step(&self, stage: Stage) -> Option<&Chapter> {
        self.steps.iter().find(|step| step.stage == stage)
    }
}
