//! At least once: rows are sent as they come, by an idempotent producer; a barrier waits until all before it are answered.

use std::sync::Arc;

use arrow::array::RecordBatch;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::Producer as _;
use weir_core::batch::StreamBatch;
use weir_core::connector::{ConnectorError, Cut, Prepare, SinkReport, SinkWriter};
use weir_core::limits::STAGED_BYTES_MAX;

use super::client;
use super::encode::Encoder;
use super::failure::{cannot, passing};
use super::newest::Newest;
use super::options::SinkOptions;
use super::producer::{Events, Outstanding, Producer, send};
use super::staging::check_bytes;
use super::topic;
use super::trouble::Trouble;
use crate::tally;

/// Sends rows.
pub(super) struct DirectWriter {
    what: String,
    topic: String,
    encoder: Encoder,
    /// Where only the newest row of each key is sent.
    newest: Option<Newest>,
    producer: Producer<Arc<Outstanding>>,
    trouble: Arc<Trouble>,
    /// The messages since the last barrier, and those before it that may not be answered.
    outstanding: Arc<Outstanding>,
    before: Vec<Arc<Outstanding>>,
    report: SinkReport,
}

impl DirectWriter {
    pub(super) fn new(
        options: &SinkOptions,
        (encoder, newest): (Encoder, Option<Newest>),
        report: SinkReport,
        trouble: Arc<Trouble>,
    ) -> Result<Self, ConnectorError> {
        let what = format!("cannot write to the topic {} at {}", options.topic, options.brokers);
        let producer: Producer<Arc<Outstanding>> = client::create(&options.config, Events::new(&trouble), &what)?;
        topic::partitions_at_start(producer.client(), &options.topic, &trouble, || {}, &what)?;
        Ok(Self {
            what,
            topic: options.topic.clone(),
            encoder,
            newest,
            producer,
            trouble,
            outstanding: Arc::default(),
            before: Vec::new(),
            report,
        })
    }
}

impl DirectWriter {
    fn send(&mut self, messages: RecordBatch) -> Result<(), ConnectorError> {
        send(&self.producer, &self.topic, &messages, &self.outstanding).map_err(|error| {
            match error.rdkafka_error_code() {
                Some(RDKafkaErrorCode::MessageSizeTooLarge) => {
                    ConnectorError::Data(format!("{}: a row is larger than a message may be", self.what))
                }
                _ => cannot(&self.what, &error),
            }
        })?;
        self.report.rows += messages.num_rows() as u64;
        Ok(())
    }
}

/// Fails if a message was not delivered: the job resumes from its checkpoint, and sends it again.
fn check(producer: &Producer<Arc<Outstanding>>, what: &str) -> Result<(), ConnectorError> {
    if let Some((_, reason)) = producer.client().fatal_error() {
        return Err(passing(what, reason));
    }
    match producer.client().context().failed() {
        None => Ok(()),
        Some((reason, true)) => Err(ConnectorError::Data(format!("{what}: {reason}"))),
        Some((reason, false)) => Err(passing(what, reason)),
    }
}

impl SinkWriter for DirectWriter {
    fn write(&mut self, batch: &StreamBatch) -> Result<(), ConnectorError> {
        self.trouble.check(&self.what)?;
        check(&self.producer, &self.what)?;
        let Some(newest) = &mut self.newest else {
            return self.send(self.encoder.encode(&batch.rows)?);
        };
        newest.take(batch).map_err(|error| ConnectorError::Data(format!("{}: {error}", self.what)))?;
        check_bytes(newest.bytes(), STAGED_BYTES_MAX, &self.topic)?;
        let rows = newest.rows().map_err(|error| ConnectorError::Data(format!("{}: {error}", self.what)))?;
        for rows in rows {
            self.send(self.encoder.encode_present(&rows.rows, rows.present.as_ref())?)?;
        }
        Ok(())
    }

    fn prepare(&mut self, _cut: Cut) -> Result<Prepare, ConnectorError> {
        // What is in the topic is what came.
        self.newest.iter_mut().for_each(Newest::forget);
        self.before.retain(|outstanding| !outstanding.is_empty());
        self.before.push(std::mem::take(&mut self.outstanding));
        let (before, producer) = (self.before.clone(), self.producer.clone());
        let (what, report, trouble) = (self.what.clone(), self.report.clone(), Arc::clone(&self.trouble));
        Ok(Box::new(move || {
            before.iter().for_each(|outstanding| outstanding.wait(&trouble));
            trouble.check(&what)?;
            check(&producer, &what)?;
            // A writer without rows has no answer that would say it.
            trouble.clear();
            Ok(tally::prepared(report))
        }))
    }
}
