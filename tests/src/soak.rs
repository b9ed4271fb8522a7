//! Runs the real server for a long time under a load that does everything again and again: swaps, restarts, dead letters, deployments,
//! stops, savepoints, removed jobs, files that come and go, and questions. After that it must need no more than before.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::running::root;

mod usage;

use usage::Usage;

/// What to do.
#[derive(Clone, Debug)]
pub struct Soak {
    /// The command.
    pub weir: PathBuf,
    /// How long, minutes.
    pub minutes: u32,
}

/// How long a round takes at least.
const ROUND_MIN: Duration = Duration::from_secs(5);
/// A round is waited for at most so long.
const WAIT_MAX: Duration = Duration::from_secs(60);
/// Files of the followed folder that are there at a time.
const FILES_MAX: u64 = 5;

/// Operators, and the guests of the tests that they are.
const OPERATORS: [(&str, &str); 3] = [("value", "value"), ("count", "count_v1"), ("count", "count_v2")];

/// Windows per auction; each round stops and starts it.
const WINDOWS: &str = r#"
name = "windows"
[checkpoint]
dir = "the server's own"
interval = "1s"
[sources.bids]
connector = "nexmark"
table = "bid"
rate = 5000
event-time = "ts"
[windows.per-auction]
input = "bids"
key-by = ["auction"]
window = { sliding = "10s", slide = "2s" }
aggregates = { bids = "count", highest = { max = "price" } }
[sinks.out]
input = "per-auction"
connector = "blackhole"
"#;

/// Reads files that come and go.
const FOLLOWS: &str = r#"
name = "follows"
[checkpoint]
dir = "the server's own"
interval = "1s"
[sources.lines]
connector = "file"
path = "in/*.csv"
follow = true
[sinks.out]
input = "lines"
connector = "blackhole"
"#;

/// Ends by itself; each round deploys and removes it.
const SHORT: &str = r#"
name = "short"
[sources.bids]
connector = "nexmark"
table = "bid"
events = 10000
event-time = "ts"
[sinks.out]
input = "bids"
connector = "file"
path = "short.csv"
"#;

/// The jobs that count bids by key. Each round swaps the operator of `counts`, and drops or replays the letters of `letters`; in `fails` a
/// call takes too long, so that it starts again all the time.
fn counting() -> [String; 3] {
    let of = |name: &str, tables: &str, rate: u32, operator: &str| {
        format!(
            r#"
name = "{name}"
{tables}
[checkpoint]
dir = "the server's own"
interval = "1s"
[sources.bids]
connector = "nexmark"
table = "bid"
rate = {rate}
event-time = "ts"
[operators.value]
input = "bids"
component = "value@1"
[operators.count]
input = "value"
component = "count@1"
key-by = ["extra"]
{operator}
[sinks.out]
input = "count"
connector = "blackhole"
"#
        )
    };
    let quota = "[dead-letters]\nmax-bytes = \"16MiB\"\nwhen-full = \"drop\"";
    let refuses = "config = { tag = \"0\", fails = \"hundredth\" }\non-error = \"dead-letter\"";
    let restart = "[restart]\ndelay = \"1s\"\ndelay-max = \"2s\"\nfailures-max = 1000000";
    let loops = "config = { tag = \"0\", fails = \"loops\" }\nlimits = { call-time = \"50ms\" }";
    [
        of("counts", "parallelism = 2", 5000, "config = { tag = \"0\" }"),
        of("letters", quota, 500, refuses),
        of("fails", restart, 100, loops),
    ]
}

impl Soak {
    /// Starts a server and the jobs, and does everything once per round. `tell` gets a line per round.
    ///
    /// # Errors
    /// If a command fails, a job does not come through, or memory, descriptors, threads or disk grow.
    #[expect(clippy::disallowed_methods, reason = "how long it runs is what a person asks for")]
    pub fn run(&self, mut tell: impl FnMut(&str)) -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let server = Server::start(&self.weir, folder.path())?;
        for (name, guest) in OPERATORS {
            server.push(name, guest)?;
        }
        std::fs::create_dir(server.files().join("in"))?;
        server.write_lines(0)?;
        for pipeline in counting().iter().map(String::as_str).chain([WINDOWS, FOLLOWS]) {
            server.deploy(pipeline)?;
        }
        let (begun, mut usages) = (Instant::now(), Vec::new());
        let lasts = Duration::from_secs(u64::from(self.minutes) * 60);
        for round in 1.. {
            let round_begun = Instant::now();
            server.round(round).with_context(|| format!("round {round}"))?;
            std::thread::sleep(ROUND_MIN.saturating_sub(round_begun.elapsed()));
            let usage = server.usage()?;
            let minute = begun.elapsed().as_secs_f64() / 60.0;
            tell(&format!("{minute:6.1} min, round {round}: {usage}"));
            usages.push(usage);
            if begun.elapsed() >= lasts {
                break;
            }
        }
        usage::hold(&usages)?;
        tell(&format!("{} rounds, and nothing grows", usages.len()));
        Ok(())
    }
}

struct Server<'a> {
    child: Child,
    weir: &'a Path,
    folder: &'a Path,
    address: String,
}

impl<'a> Server<'a> {
    fn start(weir: &'a Path, folder: &'a Path) -> anyhow::Result<Self> {
        let mut command = Command::new(weir);
        command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(folder.join("data"));
        command.arg("--files").arg(folder.join("files"));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let mut address = String::new();
        BufReader::new(child.stdout.take().context("the server has no output")?).read_line(&mut address)?;
        Ok(Self { child, weir, folder, address: address.trim().to_owned() })
    }

    fn files(&self) -> PathBuf {
        self.folder.join("files")
    }

    fn usage(&self) -> anyhow::Result<Usage> {
        Usage::of(self.child.id(), &self.folder.join("data"))
    }

    /// Runs a command; what it prints.
    fn weir(&self, arguments: &[&str]) -> anyhow::Result<Vec<u8>> {
        let output = Command::new(self.weir).args(arguments).env("WEIR_SERVER", &self.address).output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "weir {}: {said}", arguments.join(" "));
        Ok(output.stdout)
    }

    fn push(&self, name: &str, guest: &str) -> anyhow::Result<()> {
        let component = root().join(format!("tests/guests/{guest}.wasm"));
        self.weir(&["push", component.to_str().context("a path that is not UTF-8")?, "--name", name]).map(drop)
    }

    /// A component that the server has never seen, because a custom section says which one it is.
    fn push_and_remove(&self, number: u64) -> anyhow::Result<()> {
        let mut component = std::fs::read(root().join("tests/guests/echo.wasm"))?;
        let (name, number) = (b"round", number.to_le_bytes());
        component.extend([0, (1 + name.len() + number.len()) as u8, name.len() as u8]);
        component.extend(name.iter().chain(&number));
        let path = self.folder.join("passing.wasm");
        std::fs::write(&path, component)?;
        let pushed =
            self.weir(&["push", path.to_str().context("a path that is not UTF-8")?, "--name", "passing", "--json"])?;
        let pushed: Value = serde_json::from_slice(&pushed)?;
        let version = pushed["operator"]["version"].as_str().with_context(|| format!("no version: {pushed}"))?;
        self.weir(&["operator", "rm", &format!("passing@{version}")]).map(drop)
    }

    fn deploy(&self, pipeline: &str) -> anyhow::Result<()> {
        let path = self.folder.join("pipeline.toml");
        std::fs::write(&path, pipeline)?;
        self.weir(&["deploy", path.to_str().context("a path that is not UTF-8")?, "--yes"]).map(drop)
    }

    /// A new file of the followed folder, a line more in the one before, and the oldest one is removed.
    fn write_lines(&self, number: u64) -> anyhow::Result<()> {
        let path = |number| self.files().join(format!("in/part-{number:08}-of-many.csv"));
        let lines = |number: u64| (0..100).map(|line| format!("{number},{line}\n")).collect::<String>();
        std::fs::write(path(number), format!("file,line\n{}", lines(number)))?;
        if let Some(before) = number.checked_sub(1) {
            let text = std::fs::read_to_string(path(before))?;
            std::fs::write(path(before), text + &lines(before))?;
        }
        if let Some(oldest) = number.checked_sub(FILES_MAX) {
            std::fs::remove_file(path(oldest))?;
        }
        Ok(())
    }

    fn round(&self, round: u64) -> anyhow::Result<()> {
        let version = ["count@1", "count@2"][round as usize % 2];
        let tag = format!("config.tag=\"{round}\"");
        self.weir(&["swap", "counts/count", version, "--set", &tag, "--probation-batches", "1"])?;
        self.write_lines(round)?;

        // Nothing may wait on its way when a replay begins, so the letters of one round are replayed and those of the next dropped.
        self.until("letters", |job| job["state"] == "running")?;
        let letters = if round.is_multiple_of(2) { "drop" } else { "replay" };
        self.weir(&["dlq", "letters", letters, "--all"])?;

        self.weir(&["stop", "windows"])?;
        self.weir(&["start", "windows"])?;
        self.until("windows", |job| job["rows-in"].as_u64() > Some(0))?;
        let kept: Value = serde_json::from_slice(&self.weir(&["savepoint", "windows", "--json"])?)?;
        self.weir(&["savepoint", "windows", "--rm", &kept["checkpoint"].to_string()])?;

        self.deploy(SHORT)?;
        self.until("short", |job| job["state"] == "finished")?;
        self.weir(&["rm", "short"])?;
        std::fs::remove_file(self.files().join("short.csv"))?;

        self.push_and_remove(round)?;
        for question in [&["ps"][..], &["show", "fails"], &["logs", "fails"], &["dlq", "letters", "list"]] {
            self.weir(question)?;
        }
        Ok(())
    }

    /// Waits until a job is as it should be.
    #[expect(clippy::disallowed_methods, reason = "another process tells nobody when it is so far")]
    fn until(&self, job: &str, is_so: impl Fn(&Value) -> bool) -> anyhow::Result<()> {
        let begun = Instant::now();
        loop {
            let shown: Value = serde_json::from_slice(&self.weir(&["show", job, "--json"])?)?;
            if is_so(&shown) {
                return Ok(());
            }
            ensure!(begun.elapsed() < WAIT_MAX, "no end of waiting for {job}: {shown:#}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Server<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
