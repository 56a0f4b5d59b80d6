//! Ctrl-C, SIGTERM and the end of its terminal during the demo: what it wrote to disk is removed, and what it
//! started is ended, before it ends.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Whether somebody asked the demo to end.
pub(super) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Listens from now on, instead of dying at once.
    ///
    /// # Errors
    /// Fails when the signals cannot be listened to.
    pub(super) fn listen(io: &tokio::runtime::Runtime) -> anyhow::Result<Self> {
        let _inside = io.enter();
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hangup = signal(SignalKind::hangup())?;
        let mut quit = signal(SignalKind::quit())?;
        let (tell, told) = watch::channel(false);
        io.spawn(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hangup.recv() => {}
                _ = quit.recv() => {}
            }
            let _ = tell.send(true);
        });
        Ok(Self(told))
    }

    /// Waits until somebody asks.
    pub(super) async fn asked(&self) {
        // An error means that nobody listens any more, which is the end, too.
        let _ = self.0.clone().wait_for(|asked| *asked).await;
    }
}
