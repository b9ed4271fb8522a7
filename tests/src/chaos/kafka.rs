//! The job from Kafka to Kafka: numbered records, each of which must be in the other topic once.

use anyhow::Context;

use super::{Chaos, Dice, Job, KAFKA_SLOWNESS};
use crate::kafka_broker::Broker;
use crate::kafka_topic::{load, read_committed};
use crate::rows::compare;

const PARTITIONS: i32 = 3;
const RECORDS: u32 = 60_000;

/// Returns how many rows it had, and how often it was killed.
pub(super) fn run(
    chaos: &Chaos,
    broker: &Broker,
    round: u32,
    kills_max: u32,
    dice: &mut Dice,
) -> anyhow::Result<(usize, u32)> {
    let (from, to) = (format!("from-{}-{round}", chaos.seed), format!("to-{}-{round}", chaos.seed));
    let mut expected: Vec<String> = (0..RECORDS).map(|n| format!("{{\"n\":{n}}}")).collect();
    load(broker, &from, PARTITIONS, expected.iter().map(String::as_str))?;
    expected.sort();
    broker.create_topic(&to, PARTITIONS, &[]);
    let folder = tempfile::tempdir()?;
    let pipeline = folder.path().join("pipeline.toml");
    std::fs::write(&pipeline, text(&broker.address(), &from, &to))?;
    let job = Job { pipeline: &pipeline, set: &["batch-rows=100"], slowness: KAFKA_SLOWNESS };
    let (_, kills) = chaos.until_it_ends(&job, kills_max, dice)?;
    let rows = read_committed(broker, &to)?;
    compare(&expected, &rows).with_context(|| format!("after {kills} kills"))?;
    Ok((rows.len(), kills))
}

fn text(address: &str, from: &str, to: &str) -> String {
    format!(
        r#"name = "copy"

[sources.in]
connector = "kafka"
brokers = "{address}"
topic = "{from}"
format = "json"
schema = {{ n = "int64" }}
stop = "latest"

[sinks.out]
input = "in"
connector = "kafka"
brokers = "{address}"
topic = "{to}"
format = "json"
"#
    )
}
