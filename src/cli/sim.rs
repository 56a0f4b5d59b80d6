//! `lockstep sim`.

use std::process::ExitCode;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(super) struct SimArgs {}

pub(super) fn run(_: &SimArgs, _: Option<&str>) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not here")
}
