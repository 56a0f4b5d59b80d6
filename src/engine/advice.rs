//! Advice: for each rule the facts that it looks at and what would change its outcome; for each
//! code what would make it go away. Both are total: a test compares them with the catalogue, the
//! compiler with the codes.

mod codes;
mod microsoft;
mod rules;

pub use codes::of_code;
pub use microsoft::reported_as;

use crate::domain::fact::FactName;
use crate::domain::rule::RuleId;

/// What belongs to a rule when it is explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advice {
    /// The facts that the rule looks at, beside those of every decision.
    pub facts: &'static [FactName],
    /// What would change the outcome: one sentence for an operator.
    pub change: &'static str,
}

/// Returns what belongs to a rule; `None` for an id that is not in the catalogue.
#[must_use]
pub fn of_rule(rule: RuleId) -> Option<Advice> {
    rules::ALL.iter().find(|(id, _)| *id == rule).map(|(_, advice)| *advice)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::domain::code::Code;
    use crate::engine::catalogue;

    #[test]
    fn every_rule_says_what_would_change_its_outcome() {
        // Each rule of the catalogue has a sentence in engine/advice/rules.rs, once, and no other.
        let catalogue: BTreeSet<_> = catalogue::ALL.iter().map(|rule| rule.id).collect();
        let advised: BTreeSet<_> = rules::ALL.iter().map(|(id, _)| *id).collect();
        let without: Vec<_> = catalogue.difference(&advised).collect();
        assert!(without.is_empty(), "rules without a line in engine/advice/rules.rs: {without:?}");
        assert_eq!(rules::ALL.len(), advised.len(), "a rule has two lines");
        assert_eq!(catalogue, advised);
    }

    #[test]
    fn every_sentence_is_one() {
        // Advice begins with a capital and ends with a full stop; no two codes share theirs.
        let rules = rules::ALL.iter().map(|(id, advice)| (id.0, advice.change));
        let codes = Code::ALL.iter().map(|code| (code.as_str(), of_code(*code)));
        for (name, sentence) in rules.chain(codes) {
            let fine = sentence.len() > 15
                && sentence.starts_with(|first: char| first.is_ascii_uppercase())
                && sentence.ends_with('.');
            assert!(fine, "{name}: {sentence}");
        }
        let all: BTreeSet<_> = Code::ALL.iter().map(|code| of_code(*code)).collect();
        assert_eq!(all.len(), Code::ALL.len());
    }
}
