//! What an operator's question brings to light beside observations. Shown to the operator who
//! asked, never stored.

use uuid::Uuid;

/// One filter of a user, and what it says of one row (FILT-01, FILT-09).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterAnswer {
    /// Its row.
    pub id: Uuid,
    /// Its name, as its owner gave it.
    pub name: String,
    /// The organization's own filter, or one of the user (FILT-11).
    pub of_organization: bool,
    /// Whether it returns the row; `None` when it cannot be used.
    pub matches: Option<bool>,
    /// Its conditions one by one, when it does not return the row.
    pub conditions: Vec<ConditionAnswer>,
}

/// One condition of a filter, asked by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConditionAnswer {
    /// The condition, as the filter words it.
    pub text: String,
    /// Whether it holds for the row; `None` when it makes sense only with others.
    pub holds: Option<bool>,
}
