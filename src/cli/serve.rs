//! `lockstep serve`: a node until it is stopped.

use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};

use super::ConfigArgs;
use crate::app::serve;
use crate::config::Environment;

pub(super) fn run(
    args: &ConfigArgs,
    environment: &Environment,
    log_filter: Option<&str>,
) -> anyhow::Result<ExitCode> {
    let config = super::load_node(args, environment)?;
    let telemetry = super::telemetry(&config, log_filter, "info")?;
    let io = super::io_runtime()?;
    let app = super::open(&io, config, crate::app::SERVE)?;
    let directory = args.config.clone();
    let environment = environment.clone();
    let outcome = actix_rt::System::new().block_on(async move {
        let node = serve::start(app).await?;
        eprintln!("lockstep: serving on http://{}", node.address);
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            () = node.watch(directory, environment) => {}
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
        eprintln!("lockstep: stopping");
        node.stop().await;
        anyhow::Ok(())
    });
    io.shutdown_timeout(std::time::Duration::from_secs(2));
    telemetry.shutdown();
    outcome.map(|()| ExitCode::SUCCESS)
}
