//! The job that the tests disturb: it counts the records of every key.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer};
use tempfile::TempDir;
use weir_tests::kafka_broker::Broker;
use weir_tests::kafka_topic::{SILENCE_MAX, read_committed, send};
use weir_tests::rows::compare;

use crate::checkpoint_folder::checkpoints;
use crate::harness::{root, weir};
use crate::running::{Ended, Running};

/// How many keys a partition has.
const KEYS: i64 = 7;

/// How often an instant of the job is looked for before it gets more records: they may all be written by then.
const LOOKS_PER_RECORDS: usize = 50;

/// Two topics, a pipeline between them, and what must be in the second one.
pub(super) struct CountJob {
    /// The topic that is read.
    pub(super) from: String,
    /// The topic that is written.
    pub(super) to: String,
    folder: TempDir,
    /// Where its checkpoints are.
    state: PathBuf,
    /// Count and sum of every key.
    counts: HashMap<i64, (u64, i64)>,
    expected: Vec<String>,
}

impl CountJob {
    /// Makes the topics; `name` is part of theirs. `source` and `sink` are further options.
    pub(super) fn new(broker: &Broker, name: &str, partitions: i32, source: &str, sink: &str) -> Self {
        let (from, to) = (format!("{name}-from"), format!("{name}-to"));
        broker.create_topic(&from, partitions, &[]);
        broker.create_topic(&to, partitions, &[]);
        let folder = tempfile::tempdir().unwrap();
        let (address, component) = (broker.address(), root().join("operators/running_count.wasm"));
        let pipeline = format!(
            r#"
name = "count"
batch-rows = 200

[sources.in]
connector = "kafka"
brokers = "{address}"
topic = "{from}"
schema = {{ key = "int64", n = "int64" }}
{source}

[operators.count]
input = "in"
key-by = ["key"]
component = "{component}"
config = {{ column = "n" }}

[sinks.out]
input = "count"
connector = "kafka"
brokers = "{address}"
topic = "{to}"
{sink}
"#,
            component = component.display()
        );
        fs::write(folder.path().join("pipeline.toml"), pipeline).unwrap();
        let state = folder.path().join("state");
        Self { from, to, folder, state, counts: HashMap::new(), expected: Vec::new() }
    }

    /// Sends further records. All of a key are in one partition, so that it is known in which order they are counted.
    pub(super) fn send(&mut self, broker: &Broker, records: i64, partitions: i32) {
        let (first, partition_count) = (self.expected.len() as i64, i64::from(partitions));
        let mut values = Vec::new();
        for place in 0..records {
            let (n, partition) = (first + place, place % partition_count);
            let key = partition * KEYS + place / partition_count % KEYS;
            let (count, sum) = self.counts.entry(key).or_default();
            (*count, *sum) = (*count + 1, *sum + n);
            let record = format!("\"key\":{key},\"n\":{n}");
            self.expected.push(format!("{{{record},\"running_count\":{count},\"running_sum\":{sum}.0}}"));
            values.push(format!("{{{record}}}"));
        }
        send(broker, &self.from, partitions, values.iter().map(String::as_str)).unwrap();
    }

    /// Runs it.
    pub(super) fn start(&self, parallelism: usize) -> Running {
        let mut command = weir();
        command.arg("run").arg(self.folder.path().join("pipeline.toml")).arg("--json");
        command.args(["--parallelism", &parallelism.to_string()]);
        command.args(["--checkpoint-interval", "20ms", "--checkpoint-dir"]).arg(&self.state);
        Running::start(&mut command)
    }

    /// Waits until the sink has made visible a row for each record.
    pub(super) fn until_all_is_written(&self, broker: &Broker, running: &mut Running) {
        // A broker that has just been started may not answer so far.
        let is_written = || read_committed(broker, &self.to).is_ok_and(|rows| rows.len() >= self.expected.len());
        running.until("all is written", |_| is_written());
    }

    /// Checks that every row is there once.
    pub(super) fn check(&mut self, broker: &Broker) {
        self.expected.sort();
        compare(&self.expected, &read_committed(broker, &self.to).unwrap()).unwrap();
    }

    /// Runs it until the sink has made visible a row for each record, and ends it.
    pub(super) fn run_to_the_end(&self, broker: &Broker, parallelism: usize) -> Ended {
        let mut running = self.start(parallelism);
        self.until_all_is_written(broker, &mut running);
        running.signal("TERM");
        running.end().well()
    }

    /// Stops the process, without ending it, at an instant when a checkpoint is complete and its rows are not committed. Sends more
    /// records until there was such an instant.
    pub(super) fn stop_before_commit(&mut self, broker: &Broker, running: &mut Running, partitions: i32) {
        let mut config = broker.client();
        // Committed readers wait for the end of the transaction.
        config.set("group.id", format!("weir-count-{}", self.to)).set("isolation.level", "read_uncommitted");
        let group: BaseConsumer = config.create().unwrap();
        let mut looks = 0;
        running.until("a checkpoint has rows that are not committed", |running| {
            looks += 1;
            if looks % LOOKS_PER_RECORDS == 0 {
                self.send(broker, 20_000, partitions);
            }
            running.signal("STOP");
            let caught = self.prepared().zip(self.committed(&group)).is_some_and(|(prepared, done)| done < prepared);
            if !caught {
                running.signal("CONT");
            }
            caught
        });
    }

    /// The file with the rows that the newest checkpoint has to commit.
    pub(super) fn staged(&self) -> PathBuf {
        let newest = checkpoints(&self.state).remove(0);
        let mut sinks = newest.subtasks.iter().flat_map(|s| &s.operators).filter_map(|stored| stored.sink.as_ref());
        self.state.join(&sinks.find_map(|sink| sink.rows.first()).unwrap().path)
    }

    /// The newest checkpoint, if it has rows to commit and is neither the first nor the last of all.
    fn prepared(&self) -> Option<i64> {
        let mut listed = checkpoints(&self.state).into_iter();
        let newest = listed.next().filter(|newest| !newest.finished)?;
        listed.next()?;
        let mut sinks = newest.subtasks.iter().flat_map(|s| &s.operators).filter_map(|stored| stored.sink.as_ref());
        sinks.any(|sink| !sink.commit.is_empty()).then(|| newest.number.try_into().unwrap())
    }

    /// The last checkpoint whose rows are committed: the group of the sink has its number. `None`: the broker does not know so far.
    fn committed(&self, group: &BaseConsumer) -> Option<i64> {
        let mut list = TopicPartitionList::new();
        list.add_partition(&self.to, 0);
        let offsets = group.committed_offsets(list, SILENCE_MAX).ok()?;
        offsets.elements()[0].offset().to_raw()
    }
}
