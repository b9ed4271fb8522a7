//! Programs with all processes that they start: run to their end, with the time and CPU time that this took, or ended. One at a time: what this
//! process has started before is left alone.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read as _, Seek as _};
use std::process::{Child, Command, Stdio};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

use crate::running::look_for;

/// The unit of times in `/proc`, on every architecture.
const TICKS_PER_SECOND: f64 = 100.0;
/// Fields of `/proc/PID/stat` behind the name of the program.
const PARENT: usize = 1;
const WAITED_FOR_USER: usize = 13;
const WAITED_FOR_SYSTEM: usize = 14;

/// What a program took.
pub(super) struct Cost {
    pub(super) started_ms: i64,
    pub(super) seconds: f64,
    pub(super) cpu_seconds: f64,
}

/// Runs a program to its end.
///
/// # Errors
/// If it fails, with what it said.
#[expect(clippy::disallowed_methods, reason = "real time is measured")]
pub(super) fn run(command: &mut Command) -> anyhow::Result<Cost> {
    let (before, started_ms, begun) = (cpu_seconds()?, now_ms()?, Instant::now());
    let mut running = Running::start(command)?;
    let status = running.child.wait()?;
    let seconds = begun.elapsed().as_secs_f64();
    if !status.success() {
        bail!("{status}: {}", running.said()?);
    }
    drop(running);
    Ok(Cost { started_ms, seconds, cpu_seconds: cpu_seconds()? - before })
}

/// Milliseconds since 1970, as in a topic's messages.
#[expect(clippy::disallowed_methods, reason = "real time is measured")]
pub(super) fn now_ms() -> anyhow::Result<i64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis() as i64)
}

/// A program. Dropped, it is ended, and so are those that it has started and that are still there.
pub(super) struct Running {
    child: Child,
    said: fs::File,
    /// Children of this process that are not the program's.
    others: BTreeSet<i32>,
}

impl Running {
    pub(super) fn start(command: &mut Command) -> anyhow::Result<Self> {
        // Processes whose parent ends become this one's: Spark's workers outlive those who have started them.
        #[cfg(target_os = "linux")]
        rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
        let (others, said) = (children()?, tempfile::tempfile()?);
        let child = command.stderr(Stdio::from(said.try_clone()?)).spawn();
        let child = child.with_context(|| format!("cannot run {}", command.get_program().display()))?;
        Ok(Self { child, said, others })
    }

    /// What it has said, if it has ended.
    pub(super) fn ended(&mut self) -> anyhow::Result<Option<String>> {
        Ok(if self.child.try_wait()?.is_some() { Some(self.said()?) } else { None })
    }

    /// What it has said on its standard error.
    fn said(&mut self) -> anyhow::Result<String> {
        let mut said = String::new();
        self.said.rewind()?;
        self.said.read_to_string(&mut said)?;
        Ok(said)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Asked first: it removes its temporary files.
        if let (Ok(None), Some(id)) = (self.child.try_wait(), Pid::from_raw(self.child.id() as i32)) {
            let _ = kill_process(id, Signal::TERM);
            look_for(|| self.child.try_wait().ok().flatten());
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        // One more becomes this process's with the end of each.
        while let Some(orphan) = children().ok().and_then(|all| all.difference(&self.others).next().copied()) {
            let Some(orphan) = Pid::from_raw(orphan) else { return };
            let _ = kill_process(orphan, Signal::KILL);
            if waitpid(Some(orphan), WaitOptions::empty()).is_err() {
                return;
            }
        }
    }
}

/// The processes that this one is the parent of.
fn children() -> anyhow::Result<BTreeSet<i32>> {
    let own = std::process::id().to_string();
    let entries = fs::read_dir("/proc").context("processes are looked for in /proc, which Linux has")?;
    let processes = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    // Others may end meanwhile.
    let is_child = |process: &i32| fields(&process.to_string()).is_ok_and(|fields| fields.get(PARENT) == Some(&own));
    Ok(processes.filter(is_child).collect())
}

/// The CPU time of all children that have ended, with that of theirs.
fn cpu_seconds() -> anyhow::Result<f64> {
    let fields = fields("self")?;
    let ticks =
        |field: usize| Ok::<f64, anyhow::Error>(fields.get(field).context("a short line in /proc/self/stat")?.parse()?);
    Ok((ticks(WAITED_FOR_USER)? + ticks(WAITED_FOR_SYSTEM)?) / TICKS_PER_SECOND)
}

fn fields(process: &str) -> anyhow::Result<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    let (_name, fields) = stat.rsplit_once(')').context("no name in /proc")?;
    Ok(fields.split_whitespace().map(str::to_owned).collect())
}
