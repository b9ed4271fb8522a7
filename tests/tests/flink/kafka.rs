//! From Kafka over an operator with state to Kafka: a committed reader finds every row once, wherever the job fails.

use std::collections::HashMap;

use serde_json::json;
use weir_tests::kafka_broker::Broker;
use weir_tests::kafka_topic::{read_committed, send};
use weir_tests::rows::compare;
use weir_tests::running::root;

use crate::cluster::cluster;
use crate::pipelines::Pipeline;

const PARTITIONS: i32 = 3;
const RECORDS: i64 = 20_000;
/// How many keys a partition has.
const KEYS: i64 = 7;

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

#[test]
fn exactly_once_from_kafka_to_kafka() {
    let Some((cluster, broker)) = cluster().zip(Broker::start_new()) else { return };
    broker.create_topic("from", PARTITIONS, &[]);
    let expected = fill(&broker, "from");
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
    // With unaligned checkpoints barriers overtake rows, but not what sinks have prepared.
    let runs = [(json!([]), true), (json!([150, 700]), false), (json!([300, 301]), true)];
    for (number, (fail_at, unaligned)) in runs.into_iter().enumerate() {
        let to = format!("to-{number}");
        broker.create_topic(&to, PARTITIONS, &[]);
        let flink = json!({
            "execution.checkpointing.interval": "100 ms",
            "execution.checkpointing.unaligned.enabled": unaligned.to_string(),
            "restart-strategy.type": "fixed-delay",
            "restart-strategy.fixed-delay.attempts": "10",
            "restart-strategy.fixed-delay.delay": "20 ms",
        });
        let failures = fail_at.as_array().unwrap().len();
        let set = ["parallelism=2".to_owned(), format!("sinks.out.topic={to}")];
        let answer = cluster.run(&pipeline.file(), &set, json!({ "flink": flink, "fail_at": fail_at }));
        assert_eq!(answer["failures"], failures, "{answer}");
        assert!(broker.settle(&to), "a transaction is open");
        compare(&expected, &read_committed(&broker, &to).unwrap()).unwrap_or_else(|error| panic!("{answer}: {error}"));
    }
}
