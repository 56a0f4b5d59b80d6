//! What the commands for operators share: one tenant opened, the lease, progress, files.

use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, anyhow, bail};
use indicatif::{ProgressBar, ProgressStyle};

use super::ConfigArgs;
use crate::actors::runtime::TenantRuntime;
use crate::app::App;
use crate::config::Environment;
use crate::domain::ids::MailboxKey;
use crate::domain::policy::Mailbox;
use crate::telemetry;

/// What a command for operators is about.
#[derive(Debug, clap::Args)]
pub(super) struct Scope {
    #[command(flatten)]
    pub(super) config: ConfigArgs,
    /// The tenant.
    #[arg(long, value_name = "NAME")]
    pub(super) tenant: String,
    /// Only this mailbox: its address or its id.
    #[arg(long, value_name = "ADDRESS")]
    pub(super) mailbox: Option<String>,
}

/// One tenant, opened for one command.
pub(super) struct Desk {
    pub(super) app: Arc<App>,
    pub(super) tenant: Arc<TenantRuntime>,
    pub(super) io: tokio::runtime::Runtime,
    telemetry: telemetry::Guard,
}

impl Desk {
    /// Opens a tenant of the configuration.
    pub(super) fn open(
        config: &ConfigArgs,
        tenant: &str,
        command: &str,
        environment: &Environment,
        log_filter: Option<&str>,
    ) -> anyhow::Result<Self> {
        let loaded = super::load(config, environment)?;
        let names: Vec<String> =
            loaded.tenants.iter().map(|file| file.config.tenant.to_string()).collect();
        let mut files = loaded.tenants.into_iter().map(|file| file.config);
        let file = files.find(|one| one.tenant.as_str() == tenant).ok_or_else(|| {
            let folder = config.config.join(crate::config::TENANTS_FOLDER);
            let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            anyhow!(
                "there is no tenant {tenant} in {}; there is: {names}. Name another folder with \
                 --config; a node that runs elsewhere, as the demo does, answers `status` and \
                 `explain` with --url",
                folder.display()
            )
        })?;
        let telemetry = super::telemetry(&loaded.node, log_filter, "warn")?;
        let io = super::io_runtime()?;
        let app = super::open(&io, loaded.node, command)?;
        let tenant = app.tenant(&file);
        Ok(Self { app, tenant, io, telemetry })
    }

    /// Runs some work that reads only: it needs no lease.
    pub(super) fn read<T>(
        &self,
        work: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        self.io.block_on(work)
    }

    /// Runs some work that writes; it says which mailboxes with `own`.
    pub(super) fn write<T>(
        &self,
        work: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        self.io.block_on(async {
            own(&self.app, &[]).await?;
            let keeper = self.app.io.spawn(self.app.ownership.clone().keep());
            let done = work.await;
            keeper.abort();
            self.app.ownership.release().await;
            done
        })
    }

    /// Takes the mailboxes that are written, when no running node has them.
    pub(super) async fn own(&self, mailboxes: &[Arc<Mailbox>]) -> anyhow::Result<()> {
        own(&self.app, &mailboxes.iter().map(|one| &one.key).collect::<Vec<_>>()).await
    }

    /// Ends the traces.
    pub(super) fn close(self) {
        self.telemetry.shutdown();
    }
}

/// Takes some mailboxes for this command, or says who has them.
pub(super) async fn own(app: &App, mailboxes: &[&MailboxKey]) -> anyhow::Result<()> {
    match app.ownership.visit(mailboxes).await? {
        None => Ok(()),
        Some(occupied) => bail!(
            "{occupied}: stop the nodes of this state store, run this command, and start them \
             again; for one mailbox ask a node with `lockstep sync --mailbox`"
        ),
    }
}

/// Returns a progress bar on standard error, absent when nobody looks.
pub(super) fn bar(label: &str, count: usize) -> ProgressBar {
    let bar = ProgressBar::new(count as u64);
    if let Ok(style) = ProgressStyle::with_template("{prefix:16} {bar:32} {pos}/{len} {msg}") {
        bar.set_style(style);
    }
    bar.set_prefix(label.to_owned());
    bar
}

/// Writes a file that only its owner may read, also when it was there before.
pub(super) fn write_private(path: &Path, text: &[u8]) -> anyhow::Result<()> {
    let write = || -> std::io::Result<()> {
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path)?;
        file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
        file.write_all(text)?;
        file.sync_all()
    };
    write().with_context(|| format!("the file {} cannot be written", path.display()))
}
