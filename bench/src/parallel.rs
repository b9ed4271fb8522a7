//! What exchanges cost: the same job at more and more subtasks than there are cores. Processor time counts, not elapsed time.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use weir_connectors::StandardConnectors;
use weir_core::pipeline;
use weir_core::time::Clock;
use weir_engine::Job;
use weir_host::{Host, HostConfig};

use crate::args::Args;
use crate::measure::{Process, UptimeClock};
use crate::query::{cache, root};
use crate::row::ParallelRow;

/// Subtasks per step.
const PARALLELISM: [usize; 4] = [1, 2, 8, 128];
/// Events if the command line does not say: enough that starting 128 subtasks does not count.
const EVENTS_DEFAULT: u64 = 4_000_000;

/// What comes after the exchange.
const STEPS: [(&str, &str); 2] = [
    (
        "component",
        r#"
[operators.keyed]
input = "bids"
component = "running_count.wasm"
config = { column = "price" }
key-by = ["auction"]
"#,
    ),
    (
        "sessions",
        r#"
[windows.keyed]
input = "bids"
key-by = ["bidder"]
window = { session = "10s" }
aggregates.num = "count"
"#,
    ),
];

/// Each step at every parallelism; `each` gets every row as soon as there is one.
///
/// # Errors
/// If a job cannot be run.
pub(crate) fn measure(args: &Args, mut each: impl FnMut(ParallelRow)) -> anyhow::Result<()> {
    let host = Host::new(HostConfig { cache_dir: Some(cache()), ..HostConfig::default() })?;
    let events = args.events.unwrap_or(EVENTS_DEFAULT);
    for (name, step) in STEPS {
        let mut alone_s = None;
        for parallelism in PARALLELISM {
            let mut cpu_s = f64::INFINITY;
            for _ in 0..args.runs {
                let run_s = run(&host, step, parallelism, events)
                    .with_context(|| format!("{name} at parallelism {parallelism}"))?;
                cpu_s = cpu_s.min(run_s);
            }
            let ratio = cpu_s / *alone_s.get_or_insert(cpu_s);
            each(ParallelRow { name: format!("parallel/{name}"), parallelism, events, cpu_s, ratio });
        }
    }
    Ok(())
}

/// Processor time of one run, seconds.
fn run(host: &Host, step: &str, parallelism: usize, events: u64) -> anyhow::Result<f64> {
    let text = format!(
        r#"
name = "parallel"
parallelism = {parallelism}
[sources.bids]
connector = "nexmark"
table = "bid"
events = {events}
event-time = "ts"
watermark = "monotonic"
{step}
[sinks.out]
input = "keyed"
connector = "blackhole"
"#
    );
    let graph = pipeline::parse(&text, &root().join("operators"), &[])?;
    let job = Job::check(&graph, &StandardConnectors::new(), host)?;
    let clock: Arc<dyn Clock> = Arc::new(UptimeClock::start());
    let before_s = Process::this().cpu_seconds()?;
    let mut handle = job.start(clock)?;
    while handle.wait(Duration::from_secs(1)).transpose()?.is_none() {}
    Ok(Process::this().cpu_seconds()? - before_s)
}
