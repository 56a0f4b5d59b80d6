//! What the kernel says of this process, and how it starts itself again. Linux only.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use serde_json::Value;

/// Long enough for a thread that has nothing more to do to fall asleep: only then are its times
/// complete.
const SETTLE: Duration = Duration::from_millis(3);

/// Returns the CPU time of all threads that live, in nanoseconds, without the main thread: that
/// one only gives orders.
pub(crate) fn workers_cpu() -> anyhow::Result<u64> {
    std::thread::sleep(SETTLE);
    let main = std::process::id().to_string();
    let mut sum = 0;
    for task in fs::read_dir("/proc/self/task")? {
        let task = task?;
        if task.file_name().to_str() == Some(main.as_str()) {
            continue;
        }
        // A thread may end while it is listed.
        if let Ok(text) = fs::read_to_string(task.path().join("schedstat")) {
            sum += first_number(&text)?;
        }
    }
    Ok(sum)
}

/// Returns the CPU time of the calling thread in nanoseconds.
pub(crate) fn thread_cpu() -> anyhow::Result<u64> {
    std::thread::sleep(SETTLE);
    first_number(&fs::read_to_string("/proc/thread-self/schedstat")?)
}

/// Returns user and system time of the whole process in seconds, threads that ended included. The
/// kernel counts it in hundredths of a second.
pub(crate) fn process_cpu() -> anyhow::Result<f64> {
    let text = fs::read_to_string("/proc/self/stat")?;
    // The name in parentheses may hold anything, spaces too.
    let rest = text.rsplit_once(") ").context("an unknown form of /proc/self/stat")?.1;
    let ticks = rest.split(' ').skip(11).take(2).map(str::parse::<u32>);
    let ticks = ticks.collect::<Result<Vec<_>, _>>()?;
    Ok(ticks.into_iter().map(f64::from).sum::<f64>() / 100.0)
}

/// Returns the resident memory in bytes.
pub(crate) fn resident() -> anyhow::Result<f64> {
    let text = fs::read_to_string("/proc/self/status")?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")).context("no VmRSS")?;
    Ok(kib.parse::<f64>()? * 1024.0)
}

fn first_number(text: &str) -> anyhow::Result<u64> {
    let first = text.split_whitespace().next().context("an empty schedstat")?;
    Ok(first.parse()?)
}

/// Returns this program as a command that plays a role.
pub(crate) fn myself(role: &str, arguments: &[String]) -> anyhow::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(format!("role:{role}")).args(arguments).stdout(Stdio::piped());
    Ok(command)
}

/// Runs this program in a role and returns the JSON that it prints.
pub(crate) fn ask(role: &str, arguments: &[String]) -> anyhow::Result<Value> {
    let output = myself(role, arguments)?.stderr(Stdio::inherit()).output()?;
    anyhow::ensure!(output.status.success(), "the role {role} failed");
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Returns a size from the environment, or the default.
pub(crate) fn size(name: &str, default: usize) -> anyhow::Result<usize> {
    let Some(value) = std::env::var_os(name) else { return Ok(default) };
    let text = value.to_str().with_context(|| format!("{name} is no text"))?;
    text.parse().with_context(|| format!("{name} is no number"))
}
