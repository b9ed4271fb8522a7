//! At least once: rows are sent as they come, by an idempotent producer; a barrier waits until all before it are answered.

use std::sync::Arc;

use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::Producer as _;
use weir_core::batch::StreamBatch;
use weir_core::connector::{ConnectorError, Cut, Prepare, SinkReport, SinkWriter};

use super::client;
use super::encode::Encoder;
use super::failure::{cannot, passing};
use super::options::SinkOptions;
use super::producer::{Events, Outstanding, Producer, send};
use super::topic;
use super::trouble::Trouble;
use crate::tally;

/// Sends rows.
pub(super) struct DirectWriter {
    what: String,
    topic: String,
    encoder: Encoder,
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
        encoder: Encoder,
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
            producer,
            trouble,
            outstanding: Arc::default(),
            before: Vec::new(),
            report,
        })
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
        let staged = self.encoder.encode(&batch.rows)?;
        send(&self.producer, &self.topic, &staged, &self.outstanding).map_err(|error| {
            match error.rdkafka_error_code() {
                Some(RDKafkaErrorCode::MessageSizeTooLarge) => {
                    ConnectorError::Data(format!("{}: a row is larger than a message may be", self.what))
                }
                _ => cannot(&self.what, &error),
            }
        })?;
        self.report.rows += batch.rows.num_rows() as u64;
        Ok(())
    }

    fn prepare(&mut self, _cut: Cut) -> Result<Prepare, ConnectorError> {
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
