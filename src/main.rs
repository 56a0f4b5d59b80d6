//! The `lockstep` binary: reads the process's environment and hands over to the command line.

use std::process::ExitCode;

use clap::Parser;
use lockstep::cli::{self, Cli};
use lockstep::config::Environment;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let variables: Vec<(String, String)> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let filter = variables.iter().find(|(name, _)| name == "LOCKSTEP_LOG");
    let filter = filter.map(|(_, value)| value.clone());
    let environment = Environment::new(variables);
    match Cli::try_parse() {
        Ok(cli) => cli::run(cli, &environment, filter.as_deref()),
        // clap ends such a process with 2, which here means "ran, and something is left".
        Err(error) => {
            let shown = error.print();
            let fine = !error.use_stderr() && shown.is_ok();
            if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
    }
}
