//! What the tests share: the broker, topics of their own, whole reads.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::util::display::array_value_to_string;
use rdkafka::message::OwnedHeaders;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use weir_connectors::StandardConnectors;
use weir_core::connector::{Connectors, Offset, Polled, Sink, Source, SourceReader, Split};
use weir_core::graph::Options;
use weir_core::time::{Clock, ManualClock};

use crate::kafka_broker::Broker;

/// A wait that ends with what is waited for; it is long because machines can be slow.
pub(crate) const LONG: Duration = Duration::from_millis(200);
/// How many waits of [`LONG`] are too many.
const WAITS_MAX: usize = 600;

/// The broker of the binary. Tests that stop it hold it alone; the others too, since they are few and short.
static BROKER: Mutex<Option<Option<Broker>>> = Mutex::new(None);

/// Who ends the broker: statics are not dropped, and it ends with the process by itself.
pub(crate) struct Held(MutexGuard<'static, Option<Option<Broker>>>);

/// The broker; `None`: it cannot be had here.
pub(crate) fn broker() -> Option<Held> {
    let mut held = BROKER.lock().unwrap_or_else(PoisonError::into_inner);
    held.get_or_insert_with(Broker::start_new).as_ref()?;
    Some(Held(held))
}

impl std::ops::Deref for Held {
    type Target = Broker;
    fn deref(&self) -> &Broker {
        self.0.as_ref().unwrap().as_ref().unwrap()
    }
}

impl std::ops::DerefMut for Held {
    fn deref_mut(&mut self) -> &mut Broker {
        self.0.as_mut().unwrap().as_mut().unwrap()
    }
}

pub(crate) fn options(broker: &Broker, topic: &str, text: &str) -> Options {
    let address = broker.address();
    Options::from_toml(&format!("brokers = \"{address}\"\ntopic = \"{topic}\"\n{text}"), PathBuf::new())
}

pub(crate) fn source(broker: &Broker, topic: &str, text: &str) -> Box<dyn Source> {
    StandardConnectors::new().source("kafka", &options(broker, topic, text)).unwrap()
}

pub(crate) fn sink(broker: &Broker, topic: &str, text: &str) -> Box<dyn Sink> {
    StandardConnectors::new().sink("kafka", &options(broker, topic, text)).unwrap()
}

pub(crate) fn clock() -> Arc<dyn Clock> {
    Arc::new(ManualClock::default())
}

pub(crate) fn split(topic: &str, partition: i32) -> Split {
    Split { id: format!("{topic}/{partition}") }
}

/// Opens a partition with all columns.
pub(crate) fn reader(source: &dyn Source, split: &Split, offset: Option<&Offset>) -> Box<dyn SourceReader> {
    let all: Vec<usize> = (0..source.schema().fields().len()).collect();
    source.reader(split, &all, offset, clock()).unwrap()
}

pub(crate) fn lines(rows: &RecordBatch) -> Vec<String> {
    let line = |row| {
        let fields = rows.columns().iter().map(|column| array_value_to_string(column, row).unwrap());
        fields.collect::<Vec<_>>().join("|")
    };
    (0..rows.num_rows()).map(line).collect()
}

/// Reads until the end, or until there are so many rows and malformed records: both as text.
pub(crate) fn read(reader: &mut dyn SourceReader, rows_max: usize) -> (Vec<String>, Vec<String>) {
    let (mut all, mut all_malformed) = (Vec::new(), Vec::new());
    let mut waits = 0;
    while all.len() + all_malformed.len() < rows_max {
        match reader.poll((rows_max - all.len() - all_malformed.len()).min(1000), LONG).unwrap() {
            Polled::Batch { rows, malformed } => {
                all.extend(lines(&rows));
                all_malformed
                    .extend(malformed.iter().map(|malformed| format!("{}: {}", malformed.at, malformed.reason)));
            }
            Polled::Pending => waits += 1,
            Polled::End => break,
        }
        assert!(waits < WAITS_MAX, "nothing comes after {} rows", all.len());
    }
    (all, all_malformed)
}

/// The values that a committed reader finds in a topic, partition by partition.
pub(crate) fn committed(broker: &Broker, topic: &str) -> Vec<Vec<String>> {
    broker.settle(topic);
    let source = source(broker, topic, "format = \"raw\"\nschema = { v = \"utf8\" }\nstop = \"latest\"");
    let splits = source.splits(1).unwrap();
    splits.iter().map(|split| read(reader(source.as_ref(), split, None).as_mut(), usize::MAX).0).collect()
}

/// One message to send.
pub(crate) struct Sent<'a> {
    pub(crate) partition: i32,
    pub(crate) key: Option<&'a str>,
    pub(crate) value: Option<&'a str>,
    pub(crate) timestamp: Option<i64>,
    pub(crate) headers: Option<OwnedHeaders>,
}

impl<'a> Sent<'a> {
    pub(crate) fn value(value: &'a str) -> Self {
        Self { partition: 0, key: None, value: Some(value), timestamp: None, headers: None }
    }
}

pub(crate) fn send_with(producer: &BaseProducer, topic: &str, messages: Vec<Sent<'_>>) {
    for message in messages {
        let mut record: BaseRecord<'_, str, str> = BaseRecord::to(topic).partition(message.partition);
        (record.key, record.payload) = (message.key, message.value);
        (record.timestamp, record.headers) = (message.timestamp, message.headers);
        producer.send(record).map_err(|(error, _)| error).unwrap();
    }
    producer.flush(Duration::from_secs(60)).unwrap();
}

pub(crate) fn send(broker: &Broker, topic: &str, messages: Vec<Sent<'_>>) {
    send_with(&broker.producer(None), topic, messages);
}

/// Sends numbers as text to partition 0.
pub(crate) fn send_numbers(broker: &Broker, topic: &str, numbers: std::ops::Range<i64>) {
    let texts: Vec<String> = numbers.map(|number| number.to_string()).collect();
    send(broker, topic, texts.iter().map(|text| Sent::value(text)).collect());
}

pub(crate) fn numbers(numbers: std::ops::Range<i64>) -> Vec<String> {
    numbers.map(|number| number.to_string()).collect()
}
