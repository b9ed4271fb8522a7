//! Kafka, beside the client alone: reading and decoding, and a job that converts what it reads and writes it exactly once. The
//! broker is a process on the same machine, and shares its cores.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};
use weir_tests::kafka_broker::Broker;

use crate::args::Args;
use crate::durable::{checkpoint, job, run_to_end};
use crate::measure::{Process, Stopwatch};
use crate::query::examples;
use crate::row::KafkaRow;

/// Messages if the command line does not say.
const MESSAGES_DEFAULT: u64 = 3_000_000;
/// What the client waits for an answer.
const ANSWER_MAX: Duration = Duration::from_secs(60);
const FROM: &str = "bids";

/// Measures everything; `each` gets every row as soon as there is one.
///
/// # Errors
/// If a job cannot be run, or has not read or written every message.
///
/// # Panics
/// If the broker does not start.
pub(crate) fn measure(args: &Args, mut each: impl FnMut(KafkaRow)) -> anyhow::Result<()> {
    let broker = Broker::start_new().context("Kafka is not measured without a broker")?;
    let messages = args.events.unwrap_or(MESSAGES_DEFAULT);
    broker.create_topic(FROM, 1, &[]);
    let bytes = load(&broker.producer(None), FROM, messages)?;
    let mut topics = 0;
    let mut topic = || {
        topics += 1;
        let topic = format!("out-{topics}");
        broker.create_topic(&topic, 1, &[]);
        topic
    };
    let mut fastest = |name: &str, run: &mut dyn FnMut() -> anyhow::Result<()>| -> anyhow::Result<()> {
        let mut row = KafkaRow::slowest(name, bytes as f64 / messages as f64);
        for _ in 0..args.runs {
            let (stopwatch, cpu) = (Stopwatch::start(), Process::this().cpu_seconds()?);
            run().with_context(|| name.to_owned())?;
            let rows_per_s = messages as f64 / stopwatch.seconds();
            if rows_per_s > row.rows_per_s {
                (row.rows_per_s, row.cpu_s) = (rows_per_s, Process::this().cpu_seconds()? - cpu);
            }
        }
        each(row);
        Ok(())
    };
    fastest("client-reads", &mut || read(&broker, messages))?;
    fastest("source", &mut || run(&broker, messages, SOURCE, None))?;
    fastest("client-writes", &mut || {
        let producer = broker.producer(Some("bench-client"));
        producer.begin_transaction()?;
        load(&producer, &topic(), messages)?;
        Ok(producer.commit_transaction(ANSWER_MAX)?)
    })?;
    fastest("exactly-once", &mut || {
        let folder = tempfile::tempdir()?;
        let sink = format!("{CONVERT}\nbrokers = {:?}\ntopic = {:?}\n", broker.address(), topic());
        run(&broker, messages, &sink, Some(folder.path()))
    })
}

const SOURCE: &str = "[sinks.out]\ninput = \"bids\"\nconnector = \"blackhole\"\nchecksum = true\n";
const CONVERT: &str = "[operators.convert]\ninput = \"bids\"\ncomponent = \"convert.wasm\"\n\
                       [sinks.out]\ninput = \"convert\"\nconnector = \"kafka\"";

/// A bid as JSON of 150 bytes.
fn message(number: u64) -> String {
    format!(
        "{{\"auction\":{:>9},\"bidder\":{:>9},\"price\":{:>11},\"ts\":\"2026-01-01T00:{:02}:{:02}.{:03}Z\",\"extra\":\"{:064}\"}}",
        number % 1_000_000,
        number % 99_991,
        number * 7 % 10_000_019,
        number / 60_000 % 60,
        number / 1_000 % 60,
        number % 1_000,
        number
    )
}

/// Sends messages and waits until the broker has them; returns their bytes.
fn load(producer: &BaseProducer, topic: &str, messages: u64) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for number in 0..messages {
        let text = message(number);
        bytes += text.len() as u64;
        let mut record: BaseRecord<'_, (), str> = BaseRecord::to(topic).payload(&text);
        while let Err((error, refused)) = producer.send(record) {
            let full = error.rdkafka_error_code() == Some(rdkafka::types::RDKafkaErrorCode::QueueFull);
            ensure!(full, "a message was refused: {error}");
            record = refused;
            producer.poll(Duration::from_millis(10));
        }
    }
    producer.flush(ANSWER_MAX)?;
    Ok(bytes)
}

/// Reads all messages with the client alone.
fn read(broker: &Broker, messages: u64) -> anyhow::Result<()> {
    let mut config = broker.client();
    // As the source has them.
    config.set("queued.max.messages.kbytes", "16384").set("fetch.queue.backoff.ms", "5").set("group.id", "bench");
    let client: BaseConsumer = config.create()?;
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(FROM, 0, Offset::Beginning)?;
    client.assign(&list)?;
    let mut bytes = 0;
    for _ in 0..messages {
        bytes += client.poll(ANSWER_MAX).context("the broker does not answer")??.payload().map_or(0, <[u8]>::len);
    }
    ensure!(bytes > 0, "the messages are empty");
    Ok(())
}

/// Runs a job over all messages to its end.
fn run(broker: &Broker, messages: u64, rest: &str, folder: Option<&Path>) -> anyhow::Result<()> {
    let text = format!(
        "name = \"bench\"\nbatch-rows = 8192\n{}\
         [sources.bids]\nconnector = \"kafka\"\nbrokers = {:?}\ntopic = {FROM:?}\nstop = \"latest\"\n\
         schema = {{ auction = \"int64\", bidder = \"int64\", price = \"int64\", ts = \"timestamp\", extra = \"utf8\" }}\n{rest}",
        checkpoint(folder, "1s"),
        broker.address()
    );
    let (job, durable) = job(&text, &examples())?;
    let (_, summary) = run_to_end(&job, durable.as_ref())?;
    let written: u64 = summary.sinks.iter().map(|sink| sink.rows).sum();
    ensure!(written == messages, "{written} of {messages} rows were written");
    Ok(())
}
