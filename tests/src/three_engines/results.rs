//! The results of the engines: read from their topics, compared, and printed side by side.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, bail, ensure};

use super::cost::Cost;
use super::departures::END_ORIGIN;
use crate::kafka_broker::Broker;
use crate::kafka_topic::read_timed;

/// How many windows are shown.
const SHOWN: usize = 8;

/// A window: when it starts, the airport, the class of delay.
type Window = [String; 3];

/// What an engine has given, and what it took.
pub(super) struct Results {
    pub(super) engine: &'static str,
    pub(super) cost: Cost,
    counts: BTreeMap<Window, u64>,
    /// When they were in the topic, in seconds since the start.
    times: Vec<f64>,
}

impl Results {
    /// Reads them from a topic.
    pub(super) fn read(broker: &Broker, topic: &str, engine: &'static str, cost: Cost) -> anyhow::Result<Self> {
        let mut results = Self { engine, cost, counts: BTreeMap::new(), times: Vec::new() };
        for (at_ms, value) in read_timed(broker, topic)? {
            results.add(at_ms, &value).with_context(|| format!("{topic}: {value}"))?;
        }
        Ok(results)
    }

    fn add(&mut self, at_ms: i64, value: &str) -> anyhow::Result<()> {
        let row: serde_json::Value = serde_json::from_str(value)?;
        let text = |column: &str| {
            Ok::<_, anyhow::Error>(row[column].as_str().with_context(|| format!("no {column}"))?.to_owned())
        };
        let window = [text("window_start")?, text("origin")?, text("delay_class")?];
        if window[1] == END_ORIGIN {
            return Ok(());
        }
        let before = self.counts.insert(window, row["flights"].as_u64().context("no flights")?);
        ensure!(before.is_none(), "a second result of this window");
        self.times.push((at_ms - self.cost.started_ms) as f64 / 1_000.0);
        Ok(())
    }

    fn latency(&self) -> f64 {
        self.times.iter().sum::<f64>() / self.times.len() as f64
    }
}

/// Compares the results; prints some windows, or those that differ.
pub(super) fn compare(all: &[Results], departures: usize) -> anyhow::Result<()> {
    let windows: BTreeSet<&Window> = all.iter().flat_map(|results| results.counts.keys()).collect();
    let counts = |window: &Window| all.iter().map(|results| results.counts.get(window).copied()).collect::<Vec<_>>();
    let is_equal = |window: &&&Window| counts(window).windows(2).all(|two| two[0] == two[1]);
    let different: Vec<&Window> = windows.iter().filter(|window| !is_equal(window)).copied().collect();
    let shown = if different.is_empty() { windows.iter().copied().collect() } else { different.clone() };
    print!("{:<22}{:<8}{:<12}", "window_start", "origin", "delay_class");
    println!("{}", all.iter().map(|results| format!("{:>8}", results.engine)).collect::<String>());
    for window in shown.iter().take(SHOWN) {
        print!("{:<22}{:<8}{:<12}", window[0], window[1], window[2]);
        let count = |count: Option<u64>| format!("{:>8}", count.map_or("-".to_owned(), |count| count.to_string()));
        println!("{}", counts(window).into_iter().map(count).collect::<String>());
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
pub(super) fn print_costs(all: &[Results], departures: usize) {
    println!(
        "{:<8}{:>10}{:>10}{:>10}{:>8}{:>12}{:>14}",
        "engine", "rows", "seconds", "rows/s", "CPU s", "latency s", "first after s"
    );
    for results in all {
        let Cost { seconds, cpu_seconds, .. } = results.cost;
        let first = results.times.iter().copied().fold(f64::INFINITY, f64::min);
        println!(
            "{:<8}{departures:>10}{seconds:>10.1}{:>10.0}{cpu_seconds:>8.1}{:>12.1}{first:>14.1}",
            results.engine,
            departures as f64 / seconds,
            results.latency()
        );
    }
}
