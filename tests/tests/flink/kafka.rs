//! From Kafka over an operator with state to Kafka: a committed reader finds every row once, wherever the job fails.

use serde_json::json;
use weir_tests::kafka_broker::Broker;
use weir_tests::kafka_counts::{PARTITIONS, RECORDS, counting};
use weir_tests::kafka_topic::{committed, read_committed};
use weir_tests::rows::compare;

use crate::cluster::cluster;

#[test]
fn exactly_once_from_kafka_to_kafka() {
    let Some((cluster, broker)) = cluster().zip(Broker::start_new()) else { return };
    let (pipeline, expected) = counting(&broker);
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
        let set = ["parallelism=2".to_owned(), format!("sinks.out.topic={to}"), format!("sources.in.group={to}")];
        let answer = cluster.run(&pipeline.file(), &set, json!({ "flink": flink, "fail_at": fail_at }));
        assert_eq!(answer["failures"], failures, "{answer}");
        assert!(broker.settle(&to), "a transaction is open");
        compare(&expected, &read_committed(&broker, &to).unwrap()).unwrap_or_else(|error| panic!("{answer}: {error}"));
        // Offsets are committed with each checkpoint, including the last.
        assert_eq!(committed(&broker, &to, "from", PARTITIONS).unwrap(), RECORDS, "{answer}");
    }
}
