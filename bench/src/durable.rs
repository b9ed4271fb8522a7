//! What checkpoints cost a whole job with a million live keys, and how long a job with a gibibyte of state takes to come back from
//! them: jobs in one process, their checkpoints in a folder of this machine.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use weir_connectors::StandardConnectors;
use weir_core::graph::LogicalGraph;
use weir_core::pipeline;
use weir_core::time::Clock;
use weir_engine::{Durable, Job, JobHandle, ResumeFrom, Summary};
use weir_host::{Host, HostConfig};
use weir_state::checkpoint::CheckpointStore;

use crate::args::Args;
use crate::measure::{Stopwatch, UptimeClock};
use crate::query::cache;
use crate::row::{CostRow, RestoreRow};

/// A job that is measured with and without checkpoints.
struct Case {
    name: &'static str,
    key: &'static str,
    window: &'static str,
    /// Enough for some seconds, most of them with all the keys.
    events: u64,
    /// From one checkpoint to the next.
    interval: &'static str,
}

/// One event in 16.7 begins an auction and one in 50 a person, ten thousand events are a second of event time: each window holds a
/// million keys.
const CASES: [Case; 2] = [
    Case {
        name: "q5",
        key: "auction",
        window: "{ sliding = \"1668s\", slide = \"417s\" }",
        events: 150_000_000,
        interval: "1s",
    },
    Case { name: "q11", key: "bidder", window: "{ session = \"5000s\" }", events: 200_000_000, interval: "1s" },
];
/// Never fires before the input ends, so its state only grows.
const GROWING: Case = Case {
    name: "restore",
    key: "auction",
    window: "{ session = \"10000h\" }",
    events: 2_000_000_000,
    // Only when it is suspended.
    interval: "1h",
};
/// Of five aggregates a key: about a gibibyte.
const GROWING_KEYS: u64 = 10_500_000;
const EVENTS_A_KEY: f64 = 50.0 / 3.0;
/// How often a job is looked at, while it runs.
const LOOK: Duration = Duration::from_millis(20);

/// Runs every case without and with checkpoints in turn; `each` gets every row as soon as there is one.
///
/// # Errors
/// If a job cannot be run, or checkpoints change its results.
pub(crate) fn measure_cost(args: &Args, mut each: impl FnMut(CostRow)) -> anyhow::Result<()> {
    for case in CASES {
        let mut row = CostRow::slowest(case.name);
        for _ in 0..args.runs {
            let folder = tempfile::tempdir()?;
            let events = args.events.unwrap_or(case.events);
            let (without_s, without) = run(&case, events, None)?;
            let (with_s, with) = run(&case, events, Some(folder.path()))?;
            let results = |of: &Summary| of.sinks.iter().map(|s| (s.rows, s.checksum.clone())).collect::<Vec<_>>();
            ensure!(results(&without) == results(&with), "{}: checkpoints change the results", case.name);
            row.events_per_s = row.events_per_s.max(events as f64 / with_s);
            row.unkept_events_per_s = row.unkept_events_per_s.max(events as f64 / without_s);
            row.checkpoints = with.progress.checkpoints.completed;
        }
        each(row);
    }
    Ok(())
}

/// Fills a job with state, suspends it, and starts it again; at every parallelism.
///
/// # Errors
/// As [`measure_cost`].
pub(crate) fn measure_restore(args: &Args, mut each: impl FnMut(RestoreRow)) -> anyhow::Result<()> {
    for parallelism in &args.parallelism {
        each(measure_one_restore(args, *parallelism)?);
    }
    Ok(())
}

fn measure_one_restore(args: &Args, parallelism: usize) -> anyhow::Result<RestoreRow> {
    let folder = tempfile::tempdir()?;
    let aggregates = ["count", "sum", "avg", "min", "max"].map(|function| match function {
        "count" => "aggregates.count = \"count\"\n".to_owned(),
        _ => format!("aggregates.{function} = {{ {function} = \"price\" }}\n"),
    });
    let text = text(&GROWING, &aggregates.concat(), GROWING.events, Some(folder.path()));
    let (job, durable) = job(&format!("parallelism = {parallelism}\n{text}"), Path::new("."))?;
    let durable = durable.context("the job must keep checkpoints")?;
    let clock: Arc<dyn Clock> = Arc::new(UptimeClock::start());
    let keys = args.keys.unwrap_or(GROWING_KEYS);
    let mut handle = job.resume(Arc::clone(&clock), &durable)?;
    while (handle.progress().rows_in as f64) < keys as f64 * EVENTS_A_KEY * 0.92 {
        ensure!(handle.wait(LOOK).is_none(), "the job ended before it held {keys} keys");
    }
    handle.suspend();
    ensure!(wait(&mut handle)?.suspended, "the job has not been suspended");
    drop(handle);
    let bytes = bytes_of(folder.path())?;
    let mut row = RestoreRow { name: "restore".to_owned(), parallelism, keys, bytes, seconds: f64::INFINITY };
    for _ in 0..args.runs {
        let stopwatch = Stopwatch::start();
        let mut handle = job.resume(Arc::clone(&clock), &durable)?;
        row.seconds = row.seconds.min(stopwatch.seconds());
        handle.stop();
        while handle.wait(LOOK).is_none() {}
    }
    Ok(row)
}

fn run(case: &Case, events: u64, folder: Option<&Path>) -> anyhow::Result<(f64, Summary)> {
    let (job, durable) = job(&text(case, "aggregates.num = \"count\"", events, folder), Path::new("."))?;
    run_to_end(&job, durable.as_ref())
}

/// Runs a job to its end; returns how many seconds that took too.
///
/// # Errors
/// If it cannot be started, or fails.
pub(crate) fn run_to_end(job: &Job, durable: Option<&Durable>) -> anyhow::Result<(f64, Summary)> {
    let clock: Arc<dyn Clock> = Arc::new(UptimeClock::start());
    let stopwatch = Stopwatch::start();
    let mut handle = match durable {
        Some(durable) => job.resume(clock, durable)?,
        None => job.start(clock)?,
    };
    let summary = wait(&mut handle)?;
    Ok((stopwatch.seconds(), summary))
}

fn wait(handle: &mut JobHandle) -> anyhow::Result<Summary> {
    loop {
        if let Some(ended) = handle.wait(Duration::from_secs(1)) {
            return Ok(ended?);
        }
    }
}

fn text(case: &Case, aggregates: &str, events: u64, folder: Option<&Path>) -> String {
    let Case { name, key, window, interval, .. } = case;
    format!(
        "name = \"durable-{name}\"\nbatch-rows = 8192\n{}\
         [sources.bids]\nconnector = \"nexmark\"\ntable = \"bid\"\nevents = {events}\nevent-time = \"ts\"\nwatermark = \"monotonic\"\n\
         [windows.w]\ninput = \"bids\"\nkey-by = [{key:?}]\nwindow = {window}\n{aggregates}\n\
         [sinks.out]\ninput = \"w\"\nconnector = \"blackhole\"\nchecksum = true\n",
        checkpoint(folder, interval)
    )
}

/// The lines of a pipeline that keeps one checkpoint in a folder.
pub(crate) fn checkpoint(folder: Option<&Path>, interval: &str) -> String {
    let lines = |folder: &Path| format!("[checkpoint]\ndir = {folder:?}\ninterval = {interval:?}\nkeep = 1\n");
    folder.map_or_else(String::new, lines)
}

/// A checked job of a pipeline, and where it keeps checkpoints, if it does.
///
/// # Errors
/// If the pipeline is wrong.
pub(crate) fn job(text: &str, folder: &Path) -> anyhow::Result<(Job, Option<Durable>)> {
    let graph: LogicalGraph = pipeline::parse(text, folder, &[]).with_context(|| text.to_owned())?;
    let host = Host::new(HostConfig { cache_dir: Some(cache()), ..HostConfig::default() })?;
    let job = Job::check(&graph, &StandardConnectors::new(), &host)?;
    let Some(settings) = graph.checkpoint else { return Ok((job, None)) };
    let store = CheckpointStore::open(&settings.location)?;
    Ok((job, Some(Durable { store, settings, from: ResumeFrom::Last, allow_dropped: BTreeSet::new() })))
}

/// Bytes of all files in a folder.
fn bytes_of(folder: &Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for entry in folder.read_dir()? {
        let entry = entry?;
        bytes += if entry.file_type()?.is_dir() { bytes_of(&entry.path())? } else { entry.metadata()?.len() };
    }
    Ok(bytes)
}
