//! The job from Kafka to Kafka: numbered records, each of which must be in the other topic once.

use std::time::Duration;

use anyhow::{Context, ensure};
use rdkafka::Message;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use rdkafka::{Offset, TopicPartitionList};

use super::{Chaos, Dice, Job, KILLS_A_JOB_MAX, compare};
use crate::kafka_broker::Broker;

const PARTITIONS: i32 = 3;
const RECORDS: u32 = 60_000;
/// A client needs seconds to find its broker; kills before that would be all there is.
const SLOWNESS: u32 = 8;

pub(super) fn run(
    chaos: &Chaos,
    broker: &Broker,
    round: u32,
    kills_max: u32,
    dice: &mut Dice,
    tell: &mut impl FnMut(&str),
) -> anyhow::Result<u32> {
    let (from, to) = (format!("from-{}-{round}", chaos.seed), format!("to-{}-{round}", chaos.seed));
    broker.create_topic(&from, PARTITIONS, &[]);
    broker.create_topic(&to, PARTITIONS, &[]);
    let expected = load(broker, &from)?;
    let folder = tempfile::tempdir()?;
    let pipeline = folder.path().join("pipeline.toml");
    std::fs::write(&pipeline, text(&broker.address(), &from, &to))?;
    let job = Job { pipeline: &pipeline, set: &["batch-rows=200"], slowness: SLOWNESS };
    let kills = chaos.until_it_ends(&job, kills_max.min(KILLS_A_JOB_MAX), dice)?;
    broker.settle(&to);
    let rows = read_committed(broker, &to)?;
    compare(&expected, &rows)
        .with_context(|| format!("kafka, round {round}, seed {}, after {kills} kills", chaos.seed))?;
    tell(&format!("kafka: {} rows, as they should be, after {kills} kills", rows.len()));
    Ok(kills)
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

/// Numbers, spread over the partitions.
fn load(broker: &Broker, topic: &str) -> anyhow::Result<Vec<String>> {
    let producer: ThreadedProducer<DefaultProducerContext> =
        broker.client().set("queue.buffering.max.messages", "200000").create()?;
    let mut expected: Vec<String> = (0..RECORDS).map(|n| format!("{{\"n\":{n}}}")).collect();
    for (n, value) in (0i32..).zip(&expected) {
        let record = BaseRecord::<(), str>::to(topic).payload(value).partition(n % PARTITIONS);
        producer.send(record).map_err(|(error, _)| error)?;
    }
    producer.flush(Duration::from_secs(60))?;
    expected.sort();
    Ok(expected)
}

/// All values of a topic, sorted, as they are for a reader of what is committed.
fn read_committed(broker: &Broker, topic: &str) -> anyhow::Result<Vec<String>> {
    let mut config = broker.client();
    config.set("group.id", "chaos").set("isolation.level", "read_committed").set("enable.partition.eof", "true");
    let consumer: BaseConsumer = config.create()?;
    let mut list = TopicPartitionList::new();
    (0..PARTITIONS).try_for_each(|p| list.add_partition_offset(topic, p, Offset::Beginning))?;
    consumer.assign(&list)?;
    let (mut rows, mut ended) = (Vec::new(), 0);
    while ended < PARTITIONS {
        match consumer.poll(Duration::from_secs(60)).context("the broker does not answer")? {
            Ok(message) => rows.push(String::from_utf8_lossy(message.payload().unwrap_or_default()).into_owned()),
            Err(rdkafka::error::KafkaError::PartitionEOF(_)) => ended += 1,
            Err(error) => return Err(error.into()),
        }
    }
    ensure!(!rows.is_empty(), "nothing was written");
    rows.sort();
    Ok(rows)
}
