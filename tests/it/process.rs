//! The built binary as a child process for one test: started, watched, ended by its id.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed helper fails its test")]

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use lockstep::http::{Call, HttpClient, HttpOptions, Method};
use serde_json::Value;

/// How often a process is asked whether it has ended.
const LOOK: Duration = Duration::from_millis(5);
/// Longer than any healthy process takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a process that ended said.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ended {
    /// Returns standard output as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Runs the binary to its end.
pub(crate) fn run(arguments: &[&str]) -> Ended {
    Running::start(arguments).wait()
}

/// A running binary; it is killed when this is dropped.
pub(crate) struct Running {
    child: Child,
    out: Receiver<String>,
    read: String,
    err: Option<JoinHandle<String>>,
}

impl Running {
    /// Starts the binary with these arguments and none of this process's environment.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_lockstep"))
            .args(arguments)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = child.stdout.take().unwrap();
        let mut stderr = child.stderr.take().unwrap();
        // Both are read all the while, so that the process never waits for a full pipe.
        let (lines, out) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = lines.send(line + "\n");
            }
        });
        let err = std::thread::spawn(move || {
            let mut text = Vec::new();
            let _ = stderr.read_to_end(&mut text);
            String::from_utf8_lossy(&text).into_owned()
        });
        Self { child, out, read: String::new(), err: Some(err) }
    }

    /// Waits for a line of standard output that holds a text, and returns that line.
    pub(crate) fn line_with(&mut self, text: &str) -> String {
        loop {
            let Ok(line) = self.out.recv_timeout(PATIENCE) else {
                self.kill();
                panic!("no line with “{text}”: {} {}", self.errors(), self.read);
            };
            self.read.push_str(&line);
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Tells whether it still runs.
    pub(crate) fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Kills it: no signal handler, no clean-up.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Returns its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to end.
    pub(crate) fn terminate(&self) {
        self.signal("TERM");
    }

    /// Sends it a signal, named without `SIG`.
    pub(crate) fn signal(&self, name: &str) {
        let (id, name) = (self.child.id().to_string(), format!("-{name}"));
        assert!(Command::new("kill").args([&name, &id]).status().unwrap().success());
    }

    /// Waits for its end, bounded, and returns what it said.
    pub(crate) fn wait(mut self) -> Ended {
        let status = until(PATIENCE, "the process ends", || self.child.try_wait().unwrap());
        let mut out = std::mem::take(&mut self.read);
        out.extend(self.out.iter());
        Ended { code: status.code(), out, err: self.errors() }
    }

    fn errors(&mut self) -> String {
        self.err.take().map(|reader| reader.join().unwrap()).unwrap_or_default()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks again and again until there is an answer; fails the test after `most`.
pub(crate) fn until<T>(most: Duration, what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let started = std::time::SystemTime::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        let waited = started.elapsed().unwrap_or_default();
        assert!(waited < most, "waited {most:?} in vain until {what}");
        std::thread::park_timeout(LOOK);
    }
}

/// Gets JSON; absent when nobody answers or the answer is none.
pub(crate) fn get(url: &str) -> Option<Value> {
    serde_json::from_str(&get_text(url)?).ok()
}

/// Gets text; absent when nobody answers with 200.
pub(crate) fn get_text(url: &str) -> Option<String> {
    let io = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    io.block_on(async {
        let http = HttpClient::new(HttpOptions {
            connect_timeout: PATIENCE,
            total_timeout: PATIENCE,
            user_agent: "test".to_owned(),
        });
        let call = Call {
            method: Method::Get,
            url: url.to_owned(),
            route: "/",
            headers: Vec::new(),
            body: None,
            content_type: None,
            max_body: 64 * 1024 * 1024,
        };
        let reply = http.unwrap().send(call).await.ok()?;
        (reply.status == 200).then(|| String::from_utf8(reply.body.to_vec()).ok())?
    })
}

/// Writes a file below a directory that the test owns.
pub(crate) fn put(directory: &Path, name: &str, text: &str) {
    let path = directory.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// Returns a port that nobody uses at this moment.
pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
