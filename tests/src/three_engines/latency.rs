//! How soon a result is there: departures come live, and the time of each result is compared with that of the departure that moved the watermark past
//! the end of its window. Event time passes 60 times as fast as the clock, so that a window ends every second.

use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, ThreadedProducer};
use rdkafka::{Message as _, Offset, TopicPartitionList};

use super::processes::{Running, now_ms};
use super::row::Row;
use super::{PARTITIONS, departures};
use crate::kafka_broker::Broker;

/// Departures per second.
const RATE: i64 = 2_000;
/// How far two departures are apart in event time.
const STEP_MS: i64 = 60_000 / RATE;
const WINDOW_MS: i64 = 60_000;
/// As in the pipeline.
const WATERMARK_BEHIND_MS: i64 = 10_000;
/// How often departures are sent.
const TICK: Duration = Duration::from_millis(5);
/// From the first result on: an engine compiles, and catches up with what has come while it started.
const WARM_UP_MS: i64 = 10_000;
/// For how long results are measured, and how long that may take with the start of the engine.
const MEASURED_MS: i64 = 10_000;
const WAIT_MAX_MS: i64 = 170_000;

/// Seconds.
pub(super) struct Latency {
    pub(super) median: f64,
    pub(super) max: f64,
}

/// Measures an engine that reads one topic and writes its results to another, and ends it.
pub(super) fn measure(broker: &Broker, input: &str, results: &str, command: &mut Command) -> anyhow::Result<Latency> {
    let producer: ThreadedProducer<DefaultProducerContext> = broker.client().set("linger.ms", "0").create()?;
    let consumer: BaseConsumer = broker.client().set("group.id", "latency").create()?;
    let mut partitions = TopicPartitionList::new();
    partitions.add_partition_offset(results, 0, Offset::Beginning)?;
    consumer.assign(&partitions)?;
    let mut running = Running::start(command.stdout(Stdio::null()))?;
    let started = now_ms()?;
    // When each departure was sent, and when the first result was there.
    let (mut sent, mut first) = (Vec::new(), None);
    let mut latencies = Vec::new();
    loop {
        let now = now_ms()?;
        ensure!(now - started < WAIT_MAX_MS, "no result for too long");
        if let Some(said) = running.ended()? {
            bail!("it has ended: {said}");
        }
        while (sent.len() as i64) < (now - started) * RATE / 1_000 {
            let value = departures::live(sent.len() as u64, STEP_MS as u64);
            let record = BaseRecord::<(), str>::to(input).payload(&value).partition((sent.len() % PARTITIONS) as i32);
            producer.send(record).map_err(|(error, _)| error)?;
            sent.push(now);
        }
        let Some(message) = consumer.poll(TICK).transpose()? else { continue };
        let there = message.timestamp().to_millis().context("a result without a time")?;
        let row = Row::parse(&String::from_utf8_lossy(message.payload().unwrap_or_default()))?;
        // The last of the departures that are needed: one for each partition.
        let end = row.minute()? * WINDOW_MS + WINDOW_MS;
        let last = ((end + WATERMARK_BEHIND_MS) as usize).div_ceil(STEP_MS as usize) + PARTITIONS - 1;
        let completed = *sent.get(last).context("a result before its window has ended")?;
        let from = *first.get_or_insert(there) + WARM_UP_MS;
        if completed >= from + MEASURED_MS {
            break;
        }
        if completed >= from {
            latencies.push((there - completed) as f64 / 1_000.0);
        }
    }
    latencies.sort_by(f64::total_cmp);
    let median = latencies.get(latencies.len() / 2).context("no result was measured")?;
    let max = latencies.last().unwrap_or(median);
    Ok(Latency { median: *median, max: *max })
}
