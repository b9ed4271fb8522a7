//! From Kafka over an operator with state to Kafka: a committed reader finds every row once, wherever the stream fails.

use serde_json::json;
use weir_tests::kafka_broker::Broker;
use weir_tests::kafka_counts::{PARTITIONS, RECORDS, counting};
use weir_tests::kafka_topic::{committed, read_committed};
use weir_tests::rows::compare;

use crate::spark::spark;

#[test]
fn exactly_once_from_kafka_to_kafka() {
    let Some((spark, broker)) = spark().zip(Broker::start_new()) else { return };
    let (pipeline, expected) = counting(&broker);
    // A batch job, a stream, and streams that fail.
    let runs = [(json!([]), None), (json!([]), Some(60)), (json!([9, 31]), Some(60))];
    for (number, (fail_at, reads)) in runs.into_iter().enumerate() {
        let to = format!("to-{number}");
        broker.create_topic(&to, PARTITIONS, &[]);
        let mut set =
            vec!["parallelism=2".to_owned(), format!("sinks.out.topic={to}"), "restart.delay=10ms".to_owned()];
        set.push(format!("sources.in.group={to}"));
        if reads.is_some() {
            set.push("checkpoint.interval=200ms".to_owned());
        }
        let fails = fail_at.as_array().is_some_and(|at| !at.is_empty());
        let checkpoints = pipeline.folder().join(&to);
        let more = json!({ "checkpoint_dir": checkpoints, "fail_at": fail_at, "reads_max": reads });
        let answer = spark.run(&pipeline.file(), &set, more);
        assert!(!fails || answer["runs"].as_u64().unwrap() >= 2, "{answer}");
        assert!(broker.settle(&to), "a transaction is open");
        compare(&expected, &read_committed(&broker, &to).unwrap()).unwrap_or_else(|error| panic!("{answer}: {error}"));
        // The offsets of a micro-batch are committed when the next one begins; a batch job commits none.
        let told = committed(&broker, &to, "from", PARTITIONS).unwrap();
        assert_eq!(told > 0, reads.is_some(), "{told} {answer}");
        assert!(told <= RECORDS, "{told} {answer}");
    }
}
