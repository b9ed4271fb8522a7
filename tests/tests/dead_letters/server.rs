//! A server beside a test, the commands that ask it, and the pipelines of these tests.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// How long anything is waited for: machines can be slow.
const WAIT_MAX: Duration = Duration::from_secs(120);
/// How often it is looked whether it has happened.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A server that runs on folders of its own. Dropped, it is killed.
pub(crate) struct Server {
    home: TempDir,
    child: Child,
    address: String,
}

impl Server {
    /// Starts one, with a file `rows.csv` for its pipelines: a value, its key and its time each.
    pub(crate) fn start(rows: std::ops::Range<i64>) -> Self {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join("files")).unwrap();
        let lines = rows.map(|value| format!("{value},{},{}\n", value % 3, 1_700_000_000_000 + value));
        let text = "value,key,at\n".to_owned() + &lines.collect::<String>();
        std::fs::write(home.path().join("files/rows.csv"), text).unwrap();
        let (child, address) = serve(home.path());
        Self { home, child, address }
    }

    /// Kills it as a power failure does, and starts it again.
    pub(crate) fn kill_and_start(&mut self) {
        self.end_by("KILL");
    }

    /// Ends it by a signal, and starts it again.
    pub(crate) fn end_by(&mut self, signal: &str) {
        let sent = Command::new("kill").args([&format!("-{signal}"), &self.child.id().to_string()]).status();
        assert!(sent.unwrap().success());
        self.child.wait().unwrap();
        (self.child, self.address) = serve(self.home.path());
    }

    /// A file or folder that its pipelines write.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.home.path().join("files").join(name)
    }

    /// The folder of a job.
    pub(crate) fn job(&self, name: &str) -> PathBuf {
        self.home.path().join("data/jobs").join(name)
    }

    /// A command that asks it.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = weir();
        command.args(arguments).env("WEIR_SERVER", &self.address);
        command
    }

    /// What a command prints, if it succeeds.
    pub(crate) fn told(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Why a command fails.
    pub(crate) fn refused(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        assert!(!output.status.success(), "{arguments:?} succeeds");
        String::from_utf8(output.stderr).unwrap()
    }

    /// What a command prints with `--json`.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let arguments: Vec<_> = arguments.iter().copied().chain(["--json"]).collect();
        serde_json::from_str(&self.told(&arguments)).unwrap()
    }

    /// Pushes a guest of the tests under its own name.
    pub(crate) fn push(&self, guest: &str) {
        let component = root().join(format!("tests/guests/{guest}.wasm"));
        self.told(&["push", component.to_str().unwrap(), "--name", guest, "--version", "1"]);
    }

    /// Deploys a pipeline.
    pub(crate) fn deploy(&self, pipeline: &str) {
        self.told(&["deploy", self.write(pipeline).to_str().unwrap(), "--yes"]);
    }

    /// Why one cannot be deployed.
    pub(crate) fn refused_deployment(&self, pipeline: &str) -> String {
        self.refused(&["deploy", self.write(pipeline).to_str().unwrap(), "--yes"])
    }

    fn write(&self, pipeline: &str) -> PathBuf {
        let path = self.home.path().join("pipeline.toml");
        std::fs::write(&path, pipeline).unwrap();
        path
    }

    /// The dead letters of a job that wait.
    pub(crate) fn letters(&self, job: &str) -> Vec<Value> {
        let lines = self.told(&["dlq", job, "show", "--limit", "100000"]);
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Waits until there are so many.
    pub(crate) fn until_letters(&self, job: &str, count: usize) -> Vec<Value> {
        until(&format!("{job} has {count} dead letters"), || {
            Some(self.letters(job)).filter(|letters| letters.len() == count)
        })
    }

    /// Waits until a folder has so many rows; gives them, sorted.
    pub(crate) fn until_rows(&self, folder: &str, count: usize) -> Vec<String> {
        until(&format!("{folder} has {count} rows"), || Some(self.rows(folder)).filter(|rows| rows.len() >= count))
    }

    /// The rows of all parts of a folder, sorted, without headers.
    pub(crate) fn rows(&self, folder: &str) -> Vec<String> {
        let parts = std::fs::read_dir(self.file(folder)).into_iter().flatten().map(|entry| entry.unwrap().path());
        let parts = parts.filter(|path| path.extension().is_some_and(|extension| extension == "csv"));
        let texts = parts.map(|path| std::fs::read_to_string(path).unwrap());
        let mut rows: Vec<_> =
            texts.flat_map(|text| text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>()).collect();
        rows.sort();
        rows
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A pipeline over `rows.csv` and over a source without an end, so that the job does not finish. `[operators.step]` is up to the caller.
pub(crate) fn pipeline(step: &str, columns: &str) -> String {
    format!(
        r#"
name = "job"
parallelism = 2
batch-rows = 16
[checkpoint]
dir = "the server's own"
interval = "50ms"
[sources.rows]
connector = "file"
path = "rows.csv"
event-time = "at"
on-error = "dead-letter"
[operators.step]
input = "rows"
on-error = "dead-letter"
{step}
[sinks.out]
input = "step"
connector = "file"
path = "out/"
format = "csv"
columns = [{columns}]
[sources.endless]
connector = "nexmark"
table = "bid"
rate = 20
[sinks.nowhere]
input = "endless"
connector = "blackhole"
"#
    )
}

/// Numbers the rows of a key, and traps at hundreds: keyed state that a row which failed must not touch.
pub(crate) fn counting() -> String {
    let step = "component = \"count_v1@1\"\nkey-by = [\"key\"]\nconfig = { tag = \"old\", fails = \"hundredth\" }";
    pipeline(step, "\"key\", \"number\", \"value\", \"tag\"")
}

/// Waits until there is something.
#[expect(clippy::disallowed_methods, reason = "a test that waits for ever says nothing")]
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < WAIT_MAX, "no end of waiting until {what}");
        std::thread::park_timeout(LOOK_EVERY);
    }
}

fn serve(home: &Path) -> (Child, String) {
    let mut command = weir();
    command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(home.join("data"));
    command.arg("--files").arg(home.join("files"));
    let log = std::fs::File::options().create(true).append(true).open(home.join("log")).unwrap();
    let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
    let mut address = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut address).unwrap();
    assert!(address.ends_with('\n'), "{}", std::fs::read_to_string(home.join("log")).unwrap());
    (child, address.trim().to_owned())
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The command that was built with these tests.
fn weir() -> Command {
    let tests = std::env::current_exe().unwrap();
    let built = tests.ancestors().nth(2).unwrap().join("weir");
    assert!(built.exists(), "{} is missing: run the tests with `cargo xtask test`", built.display());
    let mut command = Command::new(built);
    command.current_dir(root()).env("NO_COLOR", "1");
    command
}
