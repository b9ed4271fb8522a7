//! Fills topics and reads them, as any other program does.

use std::time::Duration;

use anyhow::{Context, ensure};
use rdkafka::Message;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::BorrowedMessage;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use rdkafka::{Offset, TopicPartitionList};

use crate::kafka_broker::Broker;

/// How long the broker may be silent.
pub const SILENCE_MAX: Duration = Duration::from_secs(60);

/// Makes a topic and writes values to it, spread over its partitions in turn.
///
/// # Errors
/// If the broker does not take them.
pub fn load<'a>(
    broker: &Broker,
    topic: &str,
    partitions: i32,
    values: impl IntoIterator<Item = &'a str>,
) -> anyhow::Result<()> {
    broker.create_topic(topic, partitions, &[]);
    send(broker, topic, partitions, values)
}

/// Writes values to a topic, spread over its first partitions in turn.
///
/// # Errors
/// If the broker does not take them.
pub fn send<'a>(
    broker: &Broker,
    topic: &str,
    partitions: i32,
    values: impl IntoIterator<Item = &'a str>,
) -> anyhow::Result<()> {
    let producer: ThreadedProducer<DefaultProducerContext> =
        broker.client().set("queue.buffering.max.messages", "200000").create()?;
    for (partition, value) in (0..partitions).cycle().zip(values) {
        let record = BaseRecord::<(), str>::to(topic).payload(value).partition(partition);
        producer.send(record).map_err(|(error, _)| error)?;
    }
    Ok(producer.flush(SILENCE_MAX)?)
}

/// A key and a value; a message without a value deletes its key.
pub type Keyed = (String, Option<String>);

/// Writes messages to a topic, each to a partition by its key, in order.
///
/// # Errors
/// If the broker does not take them.
pub fn send_keyed(broker: &Broker, topic: &str, partitions: i32, messages: &[Keyed]) -> anyhow::Result<()> {
    let producer: ThreadedProducer<DefaultProducerContext> =
        broker.client().set("queue.buffering.max.messages", "200000").create()?;
    for (key, value) in messages {
        let partition = key.bytes().map(i32::from).sum::<i32>() % partitions;
        let mut record = BaseRecord::<str, str>::to(topic).key(key).partition(partition);
        record.payload = value.as_deref();
        producer.send(record).map_err(|(error, _)| error)?;
    }
    Ok(producer.flush(SILENCE_MAX)?)
}

/// All values of a topic, sorted, as they are for a reader of what is committed.
///
/// # Errors
/// If the broker does not answer, or a transaction stays open.
pub fn read_committed(broker: &Broker, topic: &str) -> anyhow::Result<Vec<String>> {
    let messages = read_keyed(broker, topic)?;
    let mut values: Vec<String> = messages.into_iter().map(|(_, value)| value.unwrap_or_default()).collect();
    values.sort();
    Ok(values)
}

/// All messages of a topic, in the order that they have in their partitions, as they are for a reader of what is committed.
///
/// # Errors
/// If the broker does not answer, or a transaction stays open.
pub fn read_keyed(broker: &Broker, topic: &str) -> anyhow::Result<Vec<Keyed>> {
    read(broker, topic, |message| (message.key().map(text).unwrap_or_default(), message.payload().map(text)))
}

/// All values of a topic, and when the broker had them in milliseconds since 1970 if the topic has `LogAppendTime`.
///
/// # Errors
/// If the broker does not answer, or a transaction stays open.
pub fn read_timed(broker: &Broker, topic: &str) -> anyhow::Result<Vec<(i64, String)>> {
    read(broker, topic, |message| {
        (message.timestamp().to_millis().unwrap_or_default(), message.payload().map(text).unwrap_or_default())
    })
}

/// How many messages of a topic a group has behind it.
///
/// # Errors
/// If the broker does not answer.
pub fn committed(broker: &Broker, group: &str, topic: &str, partitions: i32) -> anyhow::Result<i64> {
    let consumer: BaseConsumer = broker.client().set("group.id", group).create()?;
    let mut list = TopicPartitionList::new();
    list.add_partition_range(topic, 0, partitions - 1);
    let list = consumer.committed_offsets(list, SILENCE_MAX)?;
    Ok(list.elements().iter().filter_map(|element| element.offset().to_raw()).filter(|offset| *offset > 0).sum())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn read<T>(broker: &Broker, topic: &str, mut take: impl FnMut(&BorrowedMessage<'_>) -> T) -> anyhow::Result<Vec<T>> {
    ensure!(broker.settle(topic), "a transaction in {topic} stays open");
    let mut config = broker.client();
    config.set("group.id", "reader").set("isolation.level", "read_committed").set("enable.partition.eof", "true");
    let consumer: BaseConsumer = config.create()?;
    let known = consumer.fetch_metadata(Some(topic), SILENCE_MAX)?;
    let mut reading = known.topics().iter().map(|topic| topic.partitions().len() as i32).sum();
    let mut list = TopicPartitionList::new();
    (0..reading).try_for_each(|p| list.add_partition_offset(topic, p, Offset::Beginning))?;
    consumer.assign(&list)?;
    let mut messages = Vec::new();
    while reading > 0 {
        match consumer.poll(SILENCE_MAX).context("the broker does not answer")? {
            Ok(message) => messages.push(take(&message)),
            Err(KafkaError::PartitionEOF(_)) => reading -= 1,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(messages)
}
