//! What a server costs: the real command, started and told what to do by the real command. Timed from outside.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::measure::{Process, Stopwatch};
use crate::query::root;
use crate::row::ServerRow;

/// Jobs at once.
const JOBS: usize = 100;
/// Events a second of a job that has work, and of one that has none.
const BUSY: f64 = 1000.0;
const IDLE: f64 = 0.001;
/// How long all of them run before their processor time is taken.
const RUN: Duration = Duration::from_secs(5);

/// Starts a server, brings an operator, and deploys jobs of it.
///
/// # Errors
/// If the command is not beside this program, or refuses something.
pub(crate) fn measure(mut each: impl FnMut(ServerRow)) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let watch = Stopwatch::start();
    let server = Server::start(folder.path())?;
    each(ServerRow::new("start until it listens", watch.seconds() * 1e3, "ms"));
    each(ServerRow::new("memory, idle", server.rss_mib()?, "MiB"));

    let watch = Stopwatch::start();
    server.push()?;
    each(ServerRow::new("push, compiled anew", watch.seconds() * 1e3, "ms"));
    server.weir(&["deploy", &pipeline(folder.path(), 0, BUSY)?])?;
    server.until_rows_flow(1)?;
    each(ServerRow::new("push until rows flow", watch.seconds() * 1e3, "ms"));

    let watch = Stopwatch::start();
    for number in 1..JOBS {
        server.weir(&["deploy", &pipeline(folder.path(), number, BUSY)?])?;
    }
    server.until_rows_flow(JOBS)?;
    each(ServerRow::new("99 more jobs until rows flow in all", watch.seconds() * 1e3, "ms"));
    each(ServerRow::new("processor for 100 jobs of 1000 rows/s", server.core_percent()?, "% of a core"));
    each(ServerRow::new("memory, 100 jobs", server.rss_mib()?, "MiB"));
    let watch = Stopwatch::start();
    server.weir(&["swap", "bids-7/value", "--set", "config.add=1", "--no-probation"])?;
    each(ServerRow::new("a swap beside 99 other jobs", watch.seconds() * 1e3, "ms"));
    let watch = Stopwatch::start();
    server.weir(&["stop", "bids-7"])?;
    each(ServerRow::new("stop after a last checkpoint", watch.seconds() * 1e3, "ms"));
    drop(server);

    let folder = tempfile::tempdir()?;
    let server = Server::start(folder.path())?;
    server.push()?;
    for number in 0..JOBS {
        server.weir(&["deploy", &pipeline(folder.path(), number, IDLE)?])?;
    }
    each(ServerRow::new("processor for 100 idle jobs", server.core_percent()?, "% of a core"));
    Ok(())
}

fn pipeline(folder: &Path, number: usize, rate: f64) -> anyhow::Result<String> {
    let path = folder.join(format!("{number}.toml"));
    let text = format!(
        r#"
name = "bids-{number}"
[sources.bids]
connector = "nexmark"
table = "bid"
rate = {rate}
event-time = "ts"
[operators.value]
input = "bids"
component = "value@1"
[sinks.out]
input = "value"
connector = "blackhole"
"#
    );
    std::fs::write(&path, text)?;
    path.to_str().map(str::to_owned).context("the path of the folder is not UTF-8")
}

struct Server {
    child: Child,
    process: Process,
    weir: PathBuf,
    address: String,
}

impl Server {
    fn start(folder: &Path) -> anyhow::Result<Self> {
        let weir = std::env::current_exe()?.with_file_name("weir");
        ensure!(weir.is_file(), "{} is missing: `cargo xtask bench` builds it", weir.display());
        let mut command = Command::new(&weir);
        command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(folder.join("data"));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let mut address = String::new();
        let said = child.stdout.take().context("the server has no output")?;
        BufReader::new(said).read_line(&mut address)?;
        let process = Process::of(child.id());
        Ok(Self { child, process, weir, address: address.trim().to_owned() })
    }

    fn weir(&self, arguments: &[&str]) -> anyhow::Result<Vec<u8>> {
        let output = Command::new(&self.weir).args(arguments).env("WEIR_SERVER", &self.address).output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "weir {}: {said}", arguments.join(" "));
        Ok(output.stdout)
    }

    /// Waits until so many jobs have written rows.
    #[expect(clippy::disallowed_methods, reason = "another process tells nobody when it is so far")]
    fn until_rows_flow(&self, jobs: usize) -> anyhow::Result<()> {
        loop {
            let listed: Vec<Value> = serde_json::from_slice(&self.weir(&["ps", "--json"])?)?;
            if listed.iter().filter(|job| job["rows-out"].as_u64() > Some(0)).count() >= jobs {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Brings the operator of all jobs.
    fn push(&self) -> anyhow::Result<()> {
        let component = root().join("tests/guests/value.wasm");
        let component = component.to_str().context("the path of the project is not UTF-8")?;
        self.weir(&["push", component, "--name", "value"]).map(drop)
    }

    /// Processor time that it takes for a while, in hundredths of a core.
    #[expect(clippy::disallowed_methods, reason = "a measurement takes its time")]
    fn core_percent(&self) -> anyhow::Result<f64> {
        let before_s = self.process.cpu_seconds()?;
        std::thread::sleep(RUN);
        Ok((self.process.cpu_seconds()? - before_s) / RUN.as_secs_f64() * 100.0)
    }

    fn rss_mib(&self) -> anyhow::Result<f64> {
        Ok(self.process.rss_bytes()? as f64 / f64::from(1 << 20))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Its folder goes with it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
