//! Runs the example `kafka-orders` on a broker: loads its orders, runs the pipeline file with the real command, and compares every
//! topic that it writes with what should be there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use crate::kafka_broker::Broker;
use crate::kafka_topic::{load, read_committed};
use crate::rows::compare;

const PARTITIONS: i32 = 3;
/// The sinks that write to Kafka, and their topics. `expected/TOPIC.jsonl` says what each gets.
const SINKS: [(&str, &str); 3] =
    [("totals", "orders-per-minute"), ("malformed", "orders-malformed"), ("refused", "orders-refused")];

/// The example, and a broker for it.
pub struct KafkaOrders<'a> {
    /// The command.
    pub weir: PathBuf,
    /// The project's folder.
    pub root: PathBuf,
    /// Where the topics are.
    pub broker: &'a Broker,
}

impl KafkaOrders<'_> {
    /// Makes the topic of the orders. Returns how many messages are in it.
    ///
    /// # Errors
    /// If the file cannot be read, or the broker does not take them.
    pub fn load(&self) -> anyhow::Result<usize> {
        let orders = read(&self.folder().join("data/orders.jsonl"))?;
        load(self.broker, "orders", PARTITIONS, orders.lines())?;
        Ok(orders.lines().count())
    }

    /// Makes topics for one run, whose names end in `suffix`. Returns the command that reads all orders and ends, with its
    /// checkpoints in `state`.
    #[must_use]
    pub fn command(&self, suffix: &str, state: &Path) -> Command {
        let brokers = self.broker.address();
        let mut set = vec![format!("sources.orders.brokers={brokers}"), "sources.orders.stop=latest".to_owned()];
        for (sink, topic) in SINKS {
            self.broker.create_topic(&format!("{topic}{suffix}"), PARTITIONS, &[]);
            set.push(format!("sinks.{sink}.brokers={brokers}"));
            set.push(format!("sinks.{sink}.topic={topic}{suffix}"));
        }
        let mut command = Command::new(&self.weir);
        command.arg("run").arg("examples/kafka-orders/pipeline.toml").arg("--checkpoint-dir").arg(state);
        set.iter().for_each(|set| _ = command.args(["--set", set]));
        command.current_dir(&self.root);
        command
    }

    /// Compares what a run wrote, as it is for readers of what is committed. Returns each topic and how many messages it has.
    ///
    /// # Errors
    /// If a message is lost, doubled or wrong.
    pub fn check(&self, suffix: &str) -> anyhow::Result<Vec<(String, usize)>> {
        let check = |(_, topic): (&str, &str)| {
            let expected = read(&self.folder().join(format!("expected/{topic}.jsonl")))?;
            let mut expected: Vec<String> = expected.lines().map(str::to_owned).collect();
            expected.sort();
            let topic = format!("{topic}{suffix}");
            let values = read_committed(self.broker, &topic)?;
            compare(&expected, &values).with_context(|| topic.clone())?;
            Ok((topic, values.len()))
        };
        SINKS.into_iter().map(check).collect()
    }

    fn folder(&self) -> PathBuf {
        self.root.join("examples/kafka-orders")
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}
