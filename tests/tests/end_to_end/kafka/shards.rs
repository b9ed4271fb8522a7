//! Two processes share the partitions of a topic, and one of them is moved by stopping and starting both.

use std::fs;
use std::path::Path;

use weir_tests::kafka_broker::Broker;
use weir_tests::kafka_topic::{read_committed, send};
use weir_tests::rows::compare;

use crate::harness::{broker, weir};
use crate::running::Running;

const PARTITIONS: i32 = 4;
const RECORDS: usize = 20_000;

/// A topic, and what must be in the one that is written.
struct Shards {
    from: String,
    to: String,
    sent: Vec<String>,
}

impl Shards {
    fn new(broker: &Broker, name: &str) -> Self {
        let (from, to) = (format!("{name}-from"), format!("{name}-to"));
        broker.create_topic(&from, PARTITIONS, &[]);
        broker.create_topic(&to, PARTITIONS, &[]);
        Self { from, to, sent: Vec::new() }
    }

    fn write_pipeline(&self, broker: &Broker, folder: &Path) {
        let (address, from, to) = (broker.address(), &self.from, &self.to);
        let pipeline = format!(
            r#"
batch-rows = 200

[sources.in]
connector = "kafka"
brokers = "{address}"
topic = "{from}"
schema = {{ n = "int64" }}
group = "{from}"
start = "group"

[sinks.out]
input = "in"
connector = "kafka"
brokers = "{address}"
topic = "{to}"
"#
        );
        fs::write(folder.join("pipeline.toml"), pipeline).unwrap();
    }

    fn send(&mut self, broker: &Broker) {
        let first = self.sent.len();
        let values: Vec<String> = (first..first + RECORDS).map(|n| format!("{{\"n\":{n}}}")).collect();
        send(broker, &self.from, PARTITIONS, values.iter().map(String::as_str)).unwrap();
        self.sent.extend(values);
    }

    fn until_all_is_written(&self, broker: &Broker, running: &mut Running) {
        let is_written = || read_committed(broker, &self.to).is_ok_and(|rows| rows.len() >= self.sent.len());
        running.until("all is written", |_| is_written());
    }

    fn check(&mut self, broker: &Broker) {
        self.sent.sort();
        compare(&self.sent, &read_committed(broker, &self.to).unwrap()).unwrap();
    }
}

fn start(folder: &Path, shard: usize, partitions: &str) -> Running {
    let mut command = weir();
    command.arg("run").arg(folder.join("pipeline.toml")).arg("--json");
    command.args(["--set", &format!("name=shard-{shard}"), "--set", &format!("sources.in.partitions={partitions}")]);
    command.args(["--checkpoint-interval", "20ms", "--checkpoint-dir"]).arg(folder.join(shard.to_string()));
    Running::start(&mut command)
}

#[test]
fn a_partition_moves_between_two_processes_and_its_rows_are_written_once() {
    let Some(broker) = broker() else { return };
    let mut shards = Shards::new(broker, "shards");
    let folder = tempfile::tempdir().unwrap();
    shards.write_pipeline(broker, folder.path());
    shards.send(broker);
    let (first, mut second) = (start(folder.path(), 0, "0-1"), start(folder.path(), 1, "2-3"));
    shards.until_all_is_written(broker, &mut second);
    // Killed and started again beside the other one: each has checkpoints and a transactional id of its own.
    drop(second);
    shards.send(broker);
    let mut second = start(folder.path(), 1, "2-3");
    shards.until_all_is_written(broker, &mut second);

    shards.send(broker);
    for running in [first, second] {
        running.signal("TERM");
        assert_eq!(running.end().well().summary()["suspended"], true);
    }
    let (first, mut second) = (start(folder.path(), 0, "0"), start(folder.path(), 1, "1-3"));
    shards.send(broker);
    shards.until_all_is_written(broker, &mut second);
    first.signal("TERM");
    first.end().well().saying(&["`partitions` has 1 no more; how far this job had read there is dropped"]);
    second.signal("TERM");
    second.end().well();

    // One process reads all of them again.
    shards.send(broker);
    let mut all = start(folder.path(), 0, "0-3");
    shards.until_all_is_written(broker, &mut all);
    all.signal("TERM");
    all.end().well();
    shards.check(broker);
}

#[test]
fn partitions_that_the_topic_does_not_have_are_refused() {
    let Some(broker) = broker() else { return };
    let shards = Shards::new(broker, "shards-beyond");
    let folder = tempfile::tempdir().unwrap();
    shards.write_pipeline(broker, folder.path());
    let running = start(folder.path(), 0, "2-5");
    running.end().failed(&[
        "sources.in.partitions",
        "the topic shards-beyond-from has the partitions 0 to 3, and `partitions` names 4 .. 5: leave them out",
    ]);
}
