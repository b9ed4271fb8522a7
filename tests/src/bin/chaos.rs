//! `chaos [--kills N] [--seed S]`: kills the command at seeded instants and compares its output with an undisturbed run's.

use std::path::PathBuf;

use anyhow::Context;
use weir_tests::chaos::Chaos;
use weir_tests::kafka_broker::Broker;

const USAGE: &str = "usage: chaos [--kills N] [--seed S]";

fn main() -> anyhow::Result<()> {
    let (mut kills, mut seed) = (100, 1);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let value = arguments.next().context(USAGE)?;
        match argument.as_str() {
            "--kills" => kills = value.parse().context(USAGE)?,
            "--seed" => seed = value.parse().context(USAGE)?,
            _ => anyhow::bail!(USAGE),
        }
    }
    let weir = std::env::current_exe()?.with_file_name("weir");
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let broker = Broker::start_new();
    Chaos { weir, root, kills, seed }.run(broker.as_ref(), |line| println!("{line}"))
}
