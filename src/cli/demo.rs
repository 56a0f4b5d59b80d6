//! `lockstep demo`.

use std::process::ExitCode;

/// Arguments.
#[derive(Debug, clap::Args)]
pub(super) struct DemoArgs {}

pub(super) fn run(_: &DemoArgs, _: Option<&str>) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not here")
}
