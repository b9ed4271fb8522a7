//! What a program takes: time, and CPU time with that of all processes that it starts.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, ExitStatus};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use rustix::process::{Pid, WaitOptions, waitpid};

/// The unit of times in `/proc`, on every architecture.
const TICKS_PER_SECOND: f64 = 100.0;
/// Fields of `/proc/PID/stat` behind the name of the program.
const PARENT: usize = 1;
const WAITED_FOR_USER: usize = 13;
const WAITED_FOR_SYSTEM: usize = 14;

/// What it took.
pub(super) struct Cost {
    /// Milliseconds since 1970, as in a topic's messages.
    pub(super) started_ms: i64,
    pub(super) seconds: f64,
    pub(super) cpu_seconds: f64,
}

/// Runs a program until it and all that it has started has ended. One at a time: what this process has started before is left alone.
#[expect(clippy::disallowed_methods, reason = "real time is measured")]
pub(super) fn measure(command: &mut Command) -> anyhow::Result<(ExitStatus, Cost)> {
    // Processes whose parent ends become this one's: Spark's workers outlive those who have started them.
    #[cfg(target_os = "linux")]
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    let others = children()?;
    let before = waited_for()?;
    let started_ms = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis() as i64;
    let begun = Instant::now();
    let status = command.status().with_context(|| format!("cannot run {}", command.get_program().display()))?;
    let seconds = begun.elapsed().as_secs_f64();
    while let Some(&orphan) = children()?.difference(&others).next() {
        waitpid(Pid::from_raw(orphan), WaitOptions::empty())?;
    }
    let cpu_seconds = (waited_for()? - before) / TICKS_PER_SECOND;
    Ok((status, Cost { started_ms, seconds, cpu_seconds }))
}

/// The processes that this one is the parent of.
fn children() -> anyhow::Result<BTreeSet<i32>> {
    let own = std::process::id().to_string();
    let entries = fs::read_dir("/proc").context("the costs of a program are read from /proc, which Linux has")?;
    let processes = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    // Others may end meanwhile.
    let is_child = |process: &i32| fields(&process.to_string()).is_ok_and(|fields| fields.get(PARENT) == Some(&own));
    Ok(processes.filter(is_child).collect())
}

/// The CPU time of all children that have ended and of their children.
fn waited_for() -> anyhow::Result<f64> {
    let fields = fields("self")?;
    let ticks = |field: usize| {
        fields.get(field).context("a field of /proc/self/stat is missing")?.parse::<f64>().map_err(anyhow::Error::from)
    };
    Ok(ticks(WAITED_FOR_USER)? + ticks(WAITED_FOR_SYSTEM)?)
}

fn fields(process: &str) -> anyhow::Result<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    let (_name, fields) = stat.rsplit_once(')').context("no name in /proc")?;
    Ok(fields.split_whitespace().map(str::to_owned).collect())
}
