//! The answer of a command that does one thing: a sentence for people, the facts for programs.

use serde_json::Value;

use super::Format;

/// How such a command answers.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Told {
    /// How to write it.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

impl Told {
    /// Says what was done. Programs get one line: a command that stays, such as `sim`, ends none.
    pub(super) fn say(&self, sentence: &str, facts: &Value) {
        match self.format {
            Format::Table => say!("{sentence}"),
            Format::Json => say!("{facts}"),
        }
    }
}
