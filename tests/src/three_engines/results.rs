//! The results of the engines: read from their topics, compared, and printed side by side.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, bail, ensure};

use super::departures::END_ORIGIN;
use super::latency::Latency;
use super::processes::Cost;
use super::row::Row;
use crate::kafka_broker::Broker;
use crate::kafka_topic::read_timed;

/// How many windows are shown.
const SHOWN: usize = 8;

/// What an engine has given, and what it took.
pub(super) struct Results {
    engine: &'static str,
    cost: Cost,
    /// Departures by the start of the window, the airport, and the class of delay.
    counts: BTreeMap<[String; 3], u64>,
    /// When the first result was there, in seconds since the start.
    first_after: f64,
}

impl Results {
    /// Reads them from a topic.
    pub(super) fn read(broker: &Broker, topic: &str, engine: &'static str, cost: Cost) -> anyhow::Result<Self> {
        let values = read_timed(broker, topic)?;
        let first = values.iter().map(|(at_ms, _)| *at_ms).min();
        let first = first.with_context(|| format!("{engine} has given no results"))?;
        let mut counts = BTreeMap::new();
        for (_, value) in values {
            let Row { window_start, origin, delay_class, flights } = Row::parse(&value)?;
            if origin != END_ORIGIN {
                let before = counts.insert([window_start, origin, delay_class], flights);
                ensure!(before.is_none(), "{engine} has given two results of a window: {value}");
            }
        }
        let first_after = (first - cost.started_ms) as f64 / 1_000.0;
        Ok(Self { engine, cost, counts, first_after })
    }
}

/// Compares the results; prints some windows, or those that differ.
pub(super) fn compare(all: &[Results], departures: usize) -> anyhow::Result<()> {
    let windows: BTreeSet<&[String; 3]> = all.iter().flat_map(|results| results.counts.keys()).collect();
    let windows: Vec<_> = windows.into_iter().collect();
    let counts =
        |window: &[String; 3]| all.iter().map(|results| results.counts.get(window).copied()).collect::<Vec<_>>();
    let is_different = |window: &&[String; 3]| counts(window).windows(2).any(|two| two[0] != two[1]);
    let different: Vec<_> = windows.iter().copied().filter(is_different).collect();
    let shown = if different.is_empty() { &windows } else { &different };
    let engines: String = all.iter().map(|results| format!("{:>8}", results.engine)).collect();
    println!("{:<22}{:<8}{:<12}{engines}", "window_start", "origin", "delay_class");
    for window in shown.iter().take(SHOWN) {
        let [start, origin, class] = *window;
        let count = |count: Option<u64>| format!("{:>8}", count.map_or("-".to_owned(), |count| count.to_string()));
        let counts: String = counts(window).into_iter().map(count).collect();
        println!("{start:<22}{origin:<8}{class:<12}{counts}");
    }
    if !different.is_empty() {
        bail!("{} of {} results differ", different.len(), windows.len());
    }
    let counted: u64 = all.first().map_or(0, |results| results.counts.values().sum());
    ensure!(counted == departures as u64, "{counted} departures were counted, and there are {departures}");
    println!("{} results, equal in all; they count {counted} departures", windows.len());
    Ok(())
}

/// Prints what the engines took.
pub(super) fn print_costs(all: &[Results], departures: usize, latencies: &[Option<Latency>]) {
    println!("engine        rows   seconds    rows/s   CPU s   first result s   latency s: median      max");
    for (results, latency) in all.iter().zip(latencies) {
        let Results { engine, cost: Cost { seconds, cpu_seconds, .. }, first_after, .. } = results;
        let [median, max] = match latency {
            Some(Latency { median, max }) => [median, max].map(|seconds| format!("{seconds:.3}")),
            None => ["-", "-"].map(str::to_owned),
        };
        let rate = departures as f64 / seconds;
        println!(
            "{engine:<8}{departures:>10}{seconds:>10.1}{rate:>10.0}{cpu_seconds:>8.1}{first_after:>17.1}{median:>20}{max:>9}"
        );
    }
}
