//! From Kafka over an operator with state to Kafka: records whose keys are counted, as a pipeline of another engine.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue has failed")]

use std::collections::HashMap;

use crate::kafka_broker::Broker;
use crate::kafka_topic::send;
use crate::pipelines::Pipeline;
use crate::running::root;

/// The partitions of all topics.
pub const PARTITIONS: i32 = 3;
/// How many records the topic `from` gets.
pub const RECORDS: i64 = 20_000;
/// How many keys a partition has.
const KEYS: i64 = 7;

/// Fills the topic `from`. Gives the pipeline that counts it into the topic of its sink `out`, and what that must hold.
#[must_use]
pub fn counting(broker: &Broker) -> (Pipeline, Vec<String>) {
    broker.create_topic("from", PARTITIONS, &[]);
    let expected = fill(broker, "from");
    let component = root().join("operators/running_count.wasm").canonicalize().unwrap();
    let pipeline = Pipeline::new(
        &format!(
            r#"
name = "count"
batch-rows = 20

[sources.in]
connector = "kafka"
brokers = "{address}"
topic = "from"
start = "earliest"
stop = "latest"
schema = {{ key = "int64", n = "int64" }}

[operators.count]
input = "in"
key-by = ["key"]
component = "{component}"
config = {{ column = "n" }}

[sinks.out]
input = "count"
connector = "kafka"
brokers = "{address}"
topic = "to"
delivery = "exactly-once"
"#,
            address = broker.address(),
            component = component.display()
        ),
        false,
    );
    (pipeline, expected)
}

/// Writes the records, all of a key to one partition, so that their order is known; what the job must make of them.
fn fill(broker: &Broker, topic: &str) -> Vec<String> {
    let mut counts = HashMap::<i64, (u64, i64)>::new();
    let (mut records, mut expected) = (Vec::new(), Vec::new());
    for n in 0..RECORDS {
        let key = n % i64::from(PARTITIONS) * KEYS + n / i64::from(PARTITIONS) % KEYS;
        let (count, sum) = counts.entry(key).or_default();
        (*count, *sum) = (*count + 1, *sum + n);
        expected.push(format!("{{\"key\":{key},\"n\":{n},\"running_count\":{count},\"running_sum\":{sum}.0}}"));
        records.push(format!("{{\"key\":{key},\"n\":{n}}}"));
    }
    send(broker, topic, PARTITIONS, records.iter().map(String::as_str)).unwrap();
    expected.sort();
    expected
}
