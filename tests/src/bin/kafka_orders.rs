//! `kafka_orders`: the example `kafka-orders` with a broker of its own, for a person to watch.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, ensure};
use weir_tests::kafka_broker::Broker;
use weir_tests::kafka_orders::KafkaOrders;
use weir_tests::program::exit_code;

fn main() -> ExitCode {
    exit_code(run())
}

fn run() -> anyhow::Result<()> {
    announce("starting a Kafka broker (the first time Maven fetches it, 43 MB)");
    let broker = Broker::try_new().context("no Kafka broker")?;
    let weir = std::env::current_exe()?.with_file_name("weir");
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let example = KafkaOrders { weir, root, broker: &broker };
    let messages = example.load()?;
    announce(&format!("running examples/kafka-orders/pipeline.toml: {messages} messages at {}", broker.address()));
    let state = tempfile::tempdir()?;
    let status = example.command("", state.path()).status().context("cannot run weir")?;
    ensure!(status.success(), "weir failed ({status})");
    announce("comparing the topics with examples/kafka-orders/expected");
    for (topic, messages) in example.check("")? {
        eprintln!("{topic}: {messages} messages, as they should be");
    }
    Ok(())
}

fn announce(what: &str) {
    eprintln!("==> {what}");
}
