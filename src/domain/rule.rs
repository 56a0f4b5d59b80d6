//! The rules by id. The catalogue with sentences and sources stands in `engine::catalogue`.

use std::fmt;

/// The id of a rule of the catalogue, such as `FILT-07`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleId(pub &'static str);

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
