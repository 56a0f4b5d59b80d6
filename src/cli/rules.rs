//! `lockstep rules`: the catalogue as implemented.

use std::process::ExitCode;

use serde_json::json;

use super::Format;
use super::table::table;
use crate::engine::catalogue;

/// Arguments of `lockstep rules`.
#[derive(Debug, clap::Args)]
pub(super) struct RulesArgs {
    /// Only rules whose id begins so, such as FILT.
    #[arg(value_name = "PREFIX")]
    prefix: Option<String>,
    /// How to write it.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

pub(super) fn run(args: &RulesArgs) -> anyhow::Result<ExitCode> {
    let prefix = args.prefix.as_deref().unwrap_or("").to_uppercase();
    let rules = catalogue::ALL.iter().filter(|rule| rule.id.0.starts_with(&prefix));
    match args.format {
        Format::Table => {
            let mut table = table(&["Rule", "Sentence", "Source"]);
            for rule in rules {
                table.add_row([rule.id.0, rule.sentence, rule.source]);
            }
            say!("{table}");
        }
        Format::Json => {
            let list: Vec<_> = rules
                .map(|it| json!({ "id": it.id.0, "sentence": it.sentence, "source": it.source }))
                .collect();
            say!("{:#}", json!({ "rules": list }));
        }
    }
    Ok(ExitCode::SUCCESS)
}
