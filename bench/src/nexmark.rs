//! The queries through the whole engine, each beside its hand-written loop.
//!
//! Every query at every parallelism is measured in a process of its own, because the most memory that a process has held can be
//! asked for but not taken back.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use weir_connectors::StandardConnectors;
use weir_core::pipeline;
use weir_core::time::Clock;
use weir_engine::{Job, Summary};
use weir_host::{Host, HostConfig};

use crate::args::Args;
use crate::loops::{self, Checksum};
use crate::measure::{Process, Stopwatch, UptimeClock};
use crate::query::{Query, cache, examples};
use crate::row::Row;

/// Measures the queries of `args` one after the other; `each` gets every row as soon as there is one.
///
/// # Errors
/// If a query cannot be run, or engine and loop do not agree.
pub(crate) fn measure(args: &Args, mut each: impl FnMut(Row)) -> anyhow::Result<()> {
    for query in &args.queries {
        for parallelism in &args.parallelism {
            // What is not in the cache is compiled here: a compiler's memory is not the query's.
            check(*query, *parallelism, 0)?;
            each(in_child(*query, *parallelism, args)?);
        }
    }
    Ok(())
}

/// [`in_this_process`] in a process of its own.
fn in_child(query: Query, parallelism: usize, args: &Args) -> anyhow::Result<Row> {
    let what = || format!("{} at parallelism {parallelism}", query.name());
    let mut command = Command::new(std::env::current_exe().context("cannot find this program")?);
    command.args(["--child", "--query", query.name()]);
    command.args(["--parallelism", &parallelism.to_string(), "--runs", &args.runs.to_string()]);
    if let Some(events) = args.events {
        command.args(["--events", &events.to_string()]);
    }
    let output = command.stderr(Stdio::inherit()).output().with_context(what)?;
    ensure!(output.status.success(), "{} failed: {}", what(), output.status);
    serde_json::from_slice(&output.stdout).with_context(what)
}

/// Measures one query in this process: engine and loop in turn, the fastest run of each counts.
///
/// # Errors
/// As [`measure`].
pub(crate) fn in_this_process(query: Query, parallelism: usize, args: &Args) -> anyhow::Result<Row> {
    let events = args.events.unwrap_or(query.events_default());
    let job = check(query, parallelism, events)?;
    let clock: Arc<dyn Clock> = Arc::new(UptimeClock::start());
    let (mut best, mut best_loop_s, mut peak) = (EngineRun::slowest(), f64::INFINITY, None);
    for _ in 0..args.runs {
        let run = run_engine(&job, &clock)?;
        // Later runs would count what the loop and the runs before have left.
        if peak.is_none() {
            peak = Some(Process::this().peak_rss_bytes()?);
        }
        let stopwatch = Stopwatch::start();
        let expected = loops::run(query, events);
        best_loop_s = best_loop_s.min(stopwatch.seconds());
        ensure_same(&run, expected)
            .with_context(|| format!("{} at parallelism {parallelism} over {events} events", query.name()))?;
        if run.elapsed_s < best.elapsed_s {
            best = run;
        }
    }
    Ok(Row {
        name: query.name().to_owned(),
        parallelism,
        events_per_s: events as f64 / best.elapsed_s,
        cpu_s: Some(best.cpu_s),
        peak_rss_bytes: peak,
        loop_ratio: best_loop_s / best.elapsed_s,
        rows: best.rows,
        checksum: best.checksum,
    })
}

/// The pipeline of the query's file, ready to run: compiling is not measured.
fn check(query: Query, parallelism: usize, events: u64) -> anyhow::Result<Job> {
    let file = query.pipeline();
    let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let overrides = [("sources.bids.events", events.to_string()), ("parallelism", parallelism.to_string())]
        .map(|(key, value)| (key.to_owned(), value));
    let graph = pipeline::parse(&text, &examples(), &overrides).with_context(|| file.display().to_string())?;
    let host = Host::new(HostConfig { cache_dir: Some(cache()), ..HostConfig::default() })?;
    Job::check(&graph, &StandardConnectors::new(), &host).with_context(|| file.display().to_string())
}

struct EngineRun {
    elapsed_s: f64,
    cpu_s: f64,
    rows: u64,
    checksum: String,
}

impl EngineRun {
    /// What any run is faster than.
    fn slowest() -> Self {
        Self { elapsed_s: f64::INFINITY, cpu_s: 0.0, rows: 0, checksum: String::new() }
    }
}

/// A fast wrong answer is none.
fn ensure_same(run: &EngineRun, expected: Checksum) -> anyhow::Result<()> {
    let (rows, checksum) = (expected.rows, format!("{:016x}", expected.sum));
    ensure!(
        run.rows == rows && run.checksum == checksum,
        "the engine gives {} rows, checksum {}; the loop gives {rows} rows, checksum {checksum}",
        run.rows,
        run.checksum
    );
    Ok(())
}

/// Runs the job to its end, making its subtasks and instances included.
fn run_engine(job: &Job, clock: &Arc<dyn Clock>) -> anyhow::Result<EngineRun> {
    let cpu_before = Process::this().cpu_seconds()?;
    let stopwatch = Stopwatch::start();
    let mut handle = job.start(Arc::clone(clock))?;
    let summary: Summary = loop {
        if let Some(ended) = handle.wait(Duration::from_secs(1)) {
            break ended?;
        }
    };
    let elapsed_s = stopwatch.seconds();
    let cpu_s = Process::this().cpu_seconds()? - cpu_before;
    let [sink] = summary.sinks.as_slice() else { bail!("the pipeline must have one sink") };
    let checksum = sink.checksum.clone().context("the sink must have checksum = true")?;
    Ok(EngineRun { elapsed_s, cpu_s, rows: sink.rows, checksum })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_row_or_another_value_is_an_error() {
        let run = |rows, checksum: &str| EngineRun { elapsed_s: 1.0, cpu_s: 1.0, rows, checksum: checksum.to_owned() };
        let expected = Checksum { rows: 7, sum: 0xab };
        assert!(ensure_same(&run(7, "00000000000000ab"), expected).is_ok());
        for (rows, checksum) in [(6, "00000000000000ab"), (7, "00000000000000ac"), (0, "")] {
            assert!(ensure_same(&run(rows, checksum), expected).is_err(), "{rows} {checksum}");
        }
    }
}
