//! `three_engines [DEPARTURES]`: the example `three-engines` with a broker of its own, for a person to watch.

use std::process::ExitCode;

use anyhow::Context;
use weir_tests::three_engines::ThreeEngines;

/// Enough for the engines to run for longer than they take to start.
const DEPARTURES: usize = 1_000_000;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    let departures = match std::env::args().nth(1) {
        Some(number) => number.parse().with_context(|| format!("{number:?} is no number of departures"))?,
        None => DEPARTURES,
    };
    ThreeEngines::prepare(departures)?.run()
}
