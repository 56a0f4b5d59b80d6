//! A real Redis for one test: its own port and directory, gone at the end of the test.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed helper fails its test")]

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// Another process may take a free port before Redis does.
const STARTS_MAX: usize = 10;

/// A running server; it ends when this is dropped.
pub(crate) struct RedisServer {
    port: u16,
    child: Option<Child>,
    directory: TempDir,
}

impl RedisServer {
    /// Starts a server on a free port.
    pub(crate) fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut server = Self { port: 0, child: None, directory };
        for _ in 0..STARTS_MAX {
            server.port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            if server.launch() {
                return server;
            }
        }
        panic!("redis-server did not start {STARTS_MAX} times in a row");
    }

    /// Returns the address for `RedisStore::connect`.
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// Starts a stopped server again on the same port, without its former data.
    pub(crate) fn start_again(&mut self) {
        assert!(self.child.is_none(), "the server runs");
        assert!(self.launch(), "the port {} was taken", self.port);
    }

    /// Kills the server.
    pub(crate) fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Lets the server stop answering without closing its connections.
    #[cfg(unix)]
    pub(crate) fn hang(&self) {
        let id = self.child.as_ref().map(Child::id).unwrap();
        let status = Command::new("kill").args(["-STOP", &id.to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Starts the process and waits for its own word that it is ready; false when it ended first.
    fn launch(&mut self) -> bool {
        let mut child = Command::new("redis-server")
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no", "--daemonize", "no", "--logfile", ""])
            .arg("--dir")
            .arg(self.directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("install redis-server (apt-get install redis-server): {error}")
            });
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let ready = lines.by_ref().map_while(Result::ok).any(|line| line.contains("Ready to"));
        // Its words are read on to the end, so that it never waits for a full pipe.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        self.child = Some(child);
        if !ready {
            self.stop();
        }
        ready
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.stop();
    }
}
