//! What a swap costs the stream: a keyed count over a source of a fixed rate, whose component is swapped again and again. Timed are the
//! longest time between two outputs of a subtask around each swap, and the time between outputs when there is none.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, ensure};
use arrow::datatypes::SchemaRef;
use weir_connectors::StandardConnectors;
use weir_core::batch::StreamBatch;
use weir_core::connector::{
    ConnectorError, Connectors, Cut, Guarantee, Prepare, Prepared, Sink, SinkReport, SinkWriter, Source, WriterContext,
};
use weir_core::graph::Options;
use weir_core::limits::OperatorLimits;
use weir_core::pipeline;
use weir_core::swap::{Phase, Probation};
use weir_core::time::Clock;
use weir_engine::{Durable, Job, NewVersion, ResumeFrom, Supervisor};
use weir_host::{Component, Host, HostConfig};
use weir_state::checkpoint::CheckpointStore;

use crate::args::Args;
use crate::measure::UptimeClock;
use crate::query::{cache, root};
use crate::row::SwapRow;

/// Rows a second.
const RATE: u64 = 200_000;
/// Swaps of each kind.
const SWAPS: usize = 20;
/// Batches of probation.
const PROBATION: Probation = Probation { batches: 100, time_max_us: 5_000_000, regressions_max: 0, canary: None };
/// How long rows flow before the first swap, and between two.
const BETWEEN: Duration = Duration::from_millis(500);
/// A swap takes longer only if something is wrong.
const SWAP_US_MAX: i64 = 30_000_000;

/// When a subtask of the sink got a batch, microseconds: subtask and time.
type Outputs = Arc<Mutex<Vec<(usize, i64)>>>;

/// Swaps between versions of one layout of state, and of two, at every parallelism.
///
/// # Errors
/// If the job cannot be run, or a swap is not kept.
pub(crate) fn measure(args: &Args, mut each: impl FnMut(SwapRow)) -> anyhow::Result<()> {
    let host = Host::new(HostConfig { cache_dir: Some(cache()), ..HostConfig::default() })?;
    let load = |name: &str| {
        let path = root().join("tests/guests").join(name).with_extension("wasm");
        host.load(&path).with_context(|| format!("{}: `cargo xtask guests` builds it", path.display()))
    };
    let (first, second) = (load("count_v1")?, load("count_v2")?);
    for parallelism in &args.parallelism {
        each(run(&host, "configuration", [&first, &first], *parallelism)?);
        each(run(&host, "migrated state", [&first, &second], *parallelism)?);
    }
    Ok(())
}

fn run(host: &Host, what: &str, versions: [&Component; 2], parallelism: usize) -> anyhow::Result<SwapRow> {
    let folder = tempfile::tempdir()?;
    let guests = root().join("tests/guests");
    let text = format!(
        r#"
name = "swap"
parallelism = {parallelism}
[sources.bids]
connector = "nexmark"
table = "bid"
rate = {RATE}
event-time = "ts"
[operators.value]
input = "bids"
component = "value.wasm"
[operators.count]
input = "value"
component = "count_v1.wasm"
key-by = ["auction"]
config = {{ tag = "0" }}
[sinks.out]
input = "count"
connector = "timed"
[checkpoint]
dir = "{}"
interval = "1h"
"#,
        folder.path().display()
    );
    let graph = pipeline::parse(&text, &guests, &[])?;
    let settings = graph.checkpoint.clone().context("the pipeline keeps checkpoints")?;
    let clock: Arc<dyn Clock> = Arc::new(UptimeClock::start());
    let outputs = Outputs::default();
    let timed = Timed { outputs: Arc::clone(&outputs), clock: Arc::clone(&clock) };
    let job = Arc::new(Job::check(&graph, &timed, host)?);
    let store = CheckpointStore::open(&settings.location)?;
    let durable = Durable { store, settings, from: ResumeFrom::Last, allow_dropped: Default::default() };
    let mut job = Supervisor::start(job, Arc::clone(&clock), Some(durable), graph.restart)?;
    let flow = |job: &mut Supervisor| {
        ensure!(job.wait(BETWEEN).is_none(), "the job has ended");
        Ok(())
    };
    flow(&mut job)?;
    let (mut gaps, mut pauses) = (Vec::new(), Vec::new());
    for number in 1..=SWAPS {
        flow(&mut job)?;
        let asked_us = clock.now_us();
        let version = NewVersion {
            operator: "count".to_owned(),
            component: versions[number % 2].clone(),
            config: serde_json::json!({ "tag": number.to_string() }),
            limits: OperatorLimits::default(),
            goes_back: false,
        };
        let swap = job.swap(&[version], PROBATION)?;
        while swap.is_open() {
            ensure!(job.wait(Duration::from_millis(1)).is_none(), "the job has ended");
            ensure!(clock.now_us() - asked_us < SWAP_US_MAX, "swap {number} is not decided: {swap:?}");
        }
        ensure!(swap.phase() == Phase::Done, "swap {number}: {:?}", swap.phase());
        pauses.push(swap.cut_over().pause_max_us as f64 / 1e3);
        gaps.push((asked_us, clock.now_us()));
    }
    flow(&mut job)?;
    let rows = job.progress().rows_in;
    job.stop();
    while job.wait(Duration::from_secs(1)).is_none() {}
    let outputs = std::mem::take(&mut *outputs.lock().unwrap_or_else(PoisonError::into_inner));
    let between = gaps_ms(&outputs, |_, _| true);
    let usual = quantile(&between, 0.5);
    let around = gaps.iter().map(|(from, to)| {
        let gaps = gaps_ms(&outputs, |before, after| after >= *from && before <= *to);
        gaps.last().map_or(0.0, |longest| (longest - usual).max(0.0))
    });
    let mut around: Vec<f64> = around.collect();
    around.sort_by(f64::total_cmp);
    pauses.sort_by(f64::total_cmp);
    Ok(SwapRow {
        name: format!("swap/{what}"),
        parallelism,
        swaps: SWAPS,
        rows,
        gap_ms_median: quantile(&around, 0.5),
        gap_ms_max: quantile(&around, 1.0),
        pause_ms_max: quantile(&pauses, 1.0),
        usual_ms_median: usual,
        usual_ms_max: quantile(&between, 1.0),
    })
}

/// The times between two outputs of the same subtask, ascending, milliseconds; of those that are asked for.
fn gaps_ms(outputs: &[(usize, i64)], wanted: impl Fn(i64, i64) -> bool) -> Vec<f64> {
    let subtasks = outputs.iter().map(|(subtask, _)| subtask + 1).max().unwrap_or_default();
    let mut gaps = Vec::with_capacity(outputs.len());
    for subtask in 0..subtasks {
        let times: Vec<i64> = outputs.iter().filter(|(of, _)| *of == subtask).map(|(_, at)| *at).collect();
        let pairs = times.windows(2).filter(|pair| wanted(pair[0], pair[1]));
        gaps.extend(pairs.map(|pair| (pair[1] - pair[0]) as f64 / 1e3));
    }
    gaps.sort_by(f64::total_cmp);
    gaps
}

fn quantile(ascending: &[f64], share: f64) -> f64 {
    let last = ascending.len().saturating_sub(1);
    ascending.get((last as f64 * share).round() as usize).copied().unwrap_or_default()
}

/// The usual connectors, and a sink that notes when rows come.
struct Timed {
    outputs: Outputs,
    clock: Arc<dyn Clock>,
}

impl Connectors for Timed {
    fn source(&self, connector: &str, options: &Options) -> Result<Box<dyn Source>, ConnectorError> {
        StandardConnectors::new().source(connector, options)
    }

    fn sink(&self, _connector: &str, _options: &Options) -> Result<Box<dyn Sink>, ConnectorError> {
        Ok(Box::new(TimedSink { outputs: Arc::clone(&self.outputs), clock: Arc::clone(&self.clock) }))
    }

    fn source_names(&self) -> Vec<&'static str> {
        StandardConnectors::new().source_names()
    }

    fn sink_names(&self) -> Vec<&'static str> {
        vec!["timed"]
    }
}

struct TimedSink {
    outputs: Outputs,
    clock: Arc<dyn Clock>,
}

impl Sink for TimedSink {
    fn guarantee(&self) -> Guarantee {
        Guarantee::ExactlyOnce
    }

    fn writer(&self, _: SchemaRef, context: &WriterContext<'_>) -> Result<Box<dyn SinkWriter>, ConnectorError> {
        let (outputs, clock) = (Arc::clone(&self.outputs), Arc::clone(&self.clock));
        Ok(Box::new(TimedWriter { outputs, clock, subtask: context.subtask }))
    }
}

struct TimedWriter {
    outputs: Outputs,
    clock: Arc<dyn Clock>,
    subtask: usize,
}

impl SinkWriter for TimedWriter {
    fn write(&mut self, _: &StreamBatch) -> Result<(), ConnectorError> {
        let at_us = self.clock.now_us();
        self.outputs.lock().unwrap_or_else(PoisonError::into_inner).push((self.subtask, at_us));
        Ok(())
    }

    fn prepare(&mut self, _: Cut) -> Result<Prepare, ConnectorError> {
        let (state, report) = (serde_json::Value::Null, SinkReport::default());
        Ok(Box::new(move || Ok(Prepared { commit: Vec::new(), state, report })))
    }
}
