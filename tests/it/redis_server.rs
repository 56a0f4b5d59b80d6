//! A real Redis for one test: its own port and directory, gone at the end of the test. With other
//! arguments it is a Sentinel, a server of a cluster, or one that wants TLS or a password.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed helper fails its test")]

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use lockstep::redis::Address;
use tempfile::TempDir;

/// Where the server writes its dump.
const DUMP: &str = "dump.rdb";
/// Another process may take a free port before Redis does.
const STARTS_MAX: usize = 10;

/// A running server; it ends when this is dropped.
pub(crate) struct RedisServer {
    port: u16,
    child: Option<Child>,
    directory: TempDir,
    arguments: Vec<String>,
}

/// Returns a port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl RedisServer {
    /// Starts a server on a free port.
    pub(crate) fn start() -> Self {
        Self::start_with(&[], "")
    }

    /// Starts a server with further arguments, in which `PORT` stands for its port and `DIR` for its
    /// directory, where this text is the file `redis.conf`.
    pub(crate) fn start_with(arguments: &[&str], file: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("redis.conf"), file).unwrap();
        let arguments = arguments.iter().map(|one| (*one).to_owned()).collect();
        let mut server = Self { port: 0, child: None, directory, arguments };
        for _ in 0..STARTS_MAX {
            server.port = free_port();
            if server.launch() {
                return server;
            }
        }
        panic!("redis-server did not start {STARTS_MAX} times in a row");
    }

    /// Returns its port.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Returns the address for `RedisStore::connect`.
    pub(crate) fn address(&self) -> Address {
        Address::server("127.0.0.1", self.port)
    }

    /// Returns the address for the configuration of a node, and for other clients.
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// Runs a command.
    pub(crate) fn command(&self, words: &[&str]) {
        self.ask(words)
    }

    /// Returns the names of all keys that match a pattern.
    pub(crate) fn keys(&self, pattern: &str) -> Vec<String> {
        self.ask(&["KEYS", pattern])
    }

    fn ask<T: redis::FromRedisValue>(&self, words: &[&str]) -> T {
        let io = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        io.block_on(async {
            let client = redis::Client::open(self.url()).unwrap();
            let mut wire = client.get_multiplexed_async_connection().await.unwrap();
            let (name, rest) = words.split_first().unwrap();
            redis::cmd(name).arg(rest).query_async(&mut wire).await.unwrap()
        })
    }

    /// Returns a dump of all there is; the server starts with it as long as nothing replaces it.
    pub(crate) fn dump(&self) -> Vec<u8> {
        self.command(&["SAVE"]);
        std::fs::read(self.directory.path().join(DUMP)).unwrap()
    }

    /// Lets the server, which is stopped, start with a dump.
    pub(crate) fn restore(&self, dump: &[u8]) {
        assert!(self.child.is_none(), "the server runs");
        std::fs::write(self.directory.path().join(DUMP), dump).unwrap();
    }

    /// Ends the server as an operator does: all there is is in the dump with which it starts again.
    pub(crate) fn shut_down(&mut self) {
        let mut child = self.child.take().unwrap();
        let id = child.id().to_string();
        self.command(&["CONFIG", "SET", "save", "3600 1"]);
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        assert!(child.wait().unwrap().success());
    }

    /// Starts a stopped server again on the same port, with its last dump; without one it is empty.
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
        let (port, directory) = (self.port.to_string(), self.directory.path().to_str().unwrap());
        let placed = |one: &String| one.replace("PORT", &port).replace("DIR", directory);
        let mut child = Command::new("redis-server")
            .arg(self.directory.path().join("redis.conf"))
            .args(["--port", &port, "--bind", "127.0.0.1", "--dir", directory])
            .args(["--save", "", "--appendonly", "no", "--daemonize", "no", "--logfile", ""])
            .args(self.arguments.iter().map(placed))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("install redis-server (apt-get install redis-server): {error}")
            });
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let is_ready = |line: &String| line.contains("Ready to") || line.contains("Sentinel ID is");
        let ready = lines.by_ref().map_while(Result::ok).any(|line| is_ready(&line));
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
