//! The command, and what it does beside a test: signals, what it says, how it ends. Never builds it, and never waits for a time, only for
//! what happens.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot continue has failed")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::NamedTempFile;

/// How long anything is waited for: machines can be slow.
const WAIT_MAX: Duration = Duration::from_secs(120);
/// How often it is looked whether it has happened.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// The project's folder.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The command that was built with these tests.
#[must_use]
pub fn weir() -> Command {
    let tests = std::env::current_exe().unwrap();
    let built = tests.ancestors().nth(2).unwrap().join("weir");
    assert!(built.exists(), "{} is missing: run the tests with `cargo xtask test`", built.display());
    let mut command = Command::new(built);
    command.current_dir(root()).env("NO_COLOR", "1");
    command
}

/// A process. Dropped, it is killed.
pub struct Running {
    child: Child,
    stdout: NamedTempFile,
    stderr: NamedTempFile,
}

/// How it ended.
pub struct Ended {
    /// `None`: a signal ended it.
    pub code: Option<i32>,
    /// Its standard output.
    pub told: String,
    /// Its standard error.
    pub said: String,
}

impl Running {
    /// Starts it; what it says goes into files.
    pub fn start(command: &mut Command) -> Self {
        let (stdout, stderr) = (NamedTempFile::new().unwrap(), NamedTempFile::new().unwrap());
        let command = command.stdin(Stdio::null()).stdout(stdout.reopen().unwrap()).stderr(stderr.reopen().unwrap());
        Self { child: command.spawn().unwrap(), stdout, stderr }
    }

    /// What it has printed on its standard output so far.
    pub fn told(&self) -> String {
        std::fs::read_to_string(self.stdout.path()).unwrap()
    }

    /// What it has said on its standard error so far.
    pub fn said(&self) -> String {
        std::fs::read_to_string(self.stderr.path()).unwrap()
    }

    /// The process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal, such as `INT`.
    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([&format!("-{signal}"), &self.child.id().to_string()]).status();
        assert!(sent.unwrap().success(), "no signal {signal}: {}", self.said());
    }

    /// Does something while it stands still.
    pub fn while_stopped(&self, act: impl FnOnce()) {
        self.signal("STOP");
        act();
        self.signal("CONT");
    }

    /// Waits until something has happened, which must be before it ends.
    pub fn until(&mut self, what: &str, mut happened: impl FnMut(&Self) -> bool) {
        let look = || {
            let is_there = happened(self);
            assert!(is_there || self.child.try_wait().unwrap().is_none(), "it ended before {what}: {}", self.said());
            is_there.then_some(())
        };
        look_for(look).unwrap_or_else(|| panic!("no end of waiting until {what}: {}", self.said()));
    }

    /// Waits until it has said something.
    pub fn until_it_says(&mut self, text: &str) {
        self.until(&format!("it says {text:?}"), |running| running.said().contains(text));
    }

    /// Waits until an interrupt would not just end it.
    pub fn until_it_hears_interrupts(&mut self) {
        const INTERRUPT: u64 = 1 << 1;
        let status = format!("/proc/{}/status", self.child.id());
        self.until("it hears interrupts", |_| {
            let status = std::fs::read_to_string(&status).unwrap();
            let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
            u64::from_str_radix(caught.trim(), 16).unwrap() & INTERRUPT != 0
        });
    }

    /// Ends it, and it can do nothing about that.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits until it ends by itself.
    pub fn end(mut self) -> Ended {
        let status = look_for(|| self.child.try_wait().unwrap());
        let status = status.unwrap_or_else(|| panic!("it does not end: {}", self.said()));
        let read = |file: &NamedTempFile| std::fs::read(file.path()).unwrap();
        Ended::from(Output { status, stdout: read(&self.stdout), stderr: read(&self.stderr) })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl From<Output> for Ended {
    /// Whatever happened, it was no panic: a thread's, since what is told of one in a guest names none.
    fn from(Output { status, stdout, stderr }: Output) -> Self {
        let [told, said] = [stdout, stderr].map(|text| String::from_utf8(text).unwrap());
        assert!(status.code() != Some(101) && !said.contains("thread '"), "{said}");
        Self { code: status.code(), told, said }
    }
}

impl Ended {
    /// Checks that it succeeded.
    pub fn well(self) -> Self {
        assert_eq!(self.code, Some(0), "{}", self.said);
        self
    }

    /// Checks that it failed, and said all of this.
    pub fn failed(self, texts: &[&str]) -> Self {
        assert_eq!(self.code, Some(1), "{}", self.said);
        self.saying(texts)
    }

    /// Checks that it said all of this.
    pub fn saying(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(self.said.contains(text), "it did not say {text:?}: {}", self.said);
        }
        self
    }

    /// The summary of a run with `--json`.
    pub fn summary(&self) -> Value {
        serde_json::from_str(&self.told).unwrap_or_else(|e| panic!("{e}: {}", self.said))
    }
}

/// Looks until there is something; `None`: it took too long.
#[expect(clippy::disallowed_methods, reason = "a test that waits for ever says nothing")]
pub fn look_for<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let begun = Instant::now();
    while begun.elapsed() < WAIT_MAX {
        if let Some(found) = look() {
            return Some(found);
        }
        std::thread::park_timeout(LOOK_EVERY);
    }
    None
}
