//! `three_engines [DEPARTURES [--no-latency]]`: the example `three-engines` with a broker of its own, for a person to watch.

use std::process::ExitCode;

use anyhow::{Context, bail};
use weir_tests::program::exit_code;
use weir_tests::three_engines::ThreeEngines;

/// Enough for the engines to run for longer than they take to start.
const DEPARTURES: usize = 1_000_000;

fn main() -> ExitCode {
    exit_code(run())
}

fn run() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let departures = match arguments.next() {
        Some(number) => number.parse().with_context(|| format!("{number:?} is no number of departures"))?,
        None => DEPARTURES,
    };
    let more: Vec<String> = arguments.collect();
    let with_latency = match more.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => true,
        ["--no-latency"] => false,
        _ => bail!("usage: three_engines [DEPARTURES [--no-latency]]"),
    };
    ThreeEngines::prepare(departures)?.run(with_latency)
}
