//! The sink: rows are staged in the checkpoint and written when it is complete, or sent at once.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use weir_core::changelog::{ChangelogMode, UpsertKey};
use weir_core::connector::{Committer, ConnectorError, Guarantee, Sink, SinkWriter, WriterContext};
use weir_core::graph::Options;

use super::columns::KeyFormat;
use super::committer::{Apart, KafkaCommitter};
use super::direct::DirectWriter;
use super::encode::Encoder;
use super::marker::Origin;
use super::newest::Newest;
use super::options::{Delivery, SinkOptions};
use super::shared::SinkShared;
use super::staging::StagingWriter;
use crate::tally;

/// The sink.
pub(crate) struct KafkaSink {
    file: Options,
    options: SinkOptions,
    shared: Arc<SinkShared>,
}

impl KafkaSink {
    /// Checks the options.
    pub(crate) fn open(options: &Options) -> Result<Self, ConnectorError> {
        Ok(Self { file: options.clone(), options: SinkOptions::parse(options)?, shared: Arc::default() })
    }
}

impl Sink for KafkaSink {
    fn identity(&self, job: &str) -> Option<String> {
        let is_known = self.options.delivery == Delivery::ExactlyOnce;
        is_known.then(|| format!("the `transactional-id` {:?} at {}", self.options.id(job), self.options.brokers))
    }

    fn takes(&self) -> &'static [ChangelogMode] {
        if self.options.upsert.is_some() { ChangelogMode::ALL } else { ChangelogMode::INSERTS }
    }

    fn key(&self) -> Option<&[String]> {
        self.options.key.as_deref()
    }

    fn upserting(&self, key: UpsertKey) -> Result<Box<dyn Sink>, ConnectorError> {
        if self.options.format.text().is_none() {
            let message =
                "a null of such a value would be a tombstone: `changelog = \"upsert\"` writes \"json\" or \"csv\"";
            return Err(self.file.error("format", message));
        }
        let columns = key.columns.len();
        let (file, options) = (self.file.clone(), self.options.upserting(key));
        if options.key_format == KeyFormat::Text && columns != 1 {
            let message = format!("a key of {columns} columns is no text: leave `key-format` out, or set \"json\"");
            return Err(self.file.error("key-format", message));
        }
        Ok(Box::new(Self { file, options, shared: Arc::clone(&self.shared) }))
    }

    fn check(&self, schema: &Schema) -> Result<(), ConnectorError> {
        Encoder::new(&self.options, schema).map(drop)
    }

    fn guarantee(&self) -> Guarantee {
        match self.options.delivery {
            Delivery::ExactlyOnce => Guarantee::ExactlyOnce,
            Delivery::AtLeastOnce => Guarantee::AtLeastOnce("`delivery` is \"at-least-once\"".to_owned()),
        }
    }

    fn writer(&self, schema: SchemaRef, context: &WriterContext<'_>) -> Result<Box<dyn SinkWriter>, ConnectorError> {
        let encoder = Encoder::new(&self.options, &schema)?;
        let newest = self.options.upsert.clone().map(|key| Newest::new(key, &schema)).transpose();
        let newest = newest.map_err(|error| ConnectorError::Data(error.to_string()))?;
        let report = tally::restored(context);
        // Without checkpoints nothing would ever be complete: what is staged would only grow.
        if self.options.delivery == Delivery::AtLeastOnce || !context.durable {
            let writer = DirectWriter::new(&self.options, (encoder, newest), report, self.shared.new_trouble())?;
            return Ok(Box::new(writer));
        }
        let topic = &self.options.topic;
        let origin = match (context.apart, self.shared.seen()) {
            (true, _) => Ok(Origin::apart()),
            (false, Some(seen)) => seen.origin(context.restored, self.options.lost_marker),
            (false, None) => {
                return Err(ConnectorError::Data(format!(
                    "the committer of the sink to {topic} was not made before its writers"
                )));
            }
        };
        let origin = origin.map_err(|mismatch| mismatch.into_error(topic))?;
        Ok(Box::new(StagingWriter::new(topic, (encoder, newest), origin, context.subtask, report)))
    }

    fn committer(&self, job: &str, generation: u64) -> Result<Option<Box<dyn Committer>>, ConnectorError> {
        self.new_committer(job, generation, None)
    }

    fn committer_apart(
        &self,
        job: &str,
        generation: u64,
        resumes: bool,
    ) -> Result<Option<Box<dyn Committer>>, ConnectorError> {
        self.new_committer(job, generation, Some(Apart { resumes }))
    }

    fn trouble(&self) -> Option<String> {
        self.shared.troubles().iter().find_map(|trouble| trouble.message())
    }

    fn give_up(&self) {
        self.shared.troubles().iter().for_each(|trouble| trouble.give_up());
    }
}

impl KafkaSink {
    fn new_committer(
        &self,
        job: &str,
        generation: u64,
        apart: Option<Apart>,
    ) -> Result<Option<Box<dyn Committer>>, ConnectorError> {
        match self.options.delivery {
            Delivery::AtLeastOnce => Ok(None),
            // A job that keeps no checkpoints sends its rows at once: there is nothing to commit.
            Delivery::ExactlyOnce if generation == 0 => Ok(None),
            Delivery::ExactlyOnce => {
                let run = (job, generation);
                let committer = KafkaCommitter::new(&self.options, &self.shared, run, apart, random_name())?;
                Ok(Some(Box::new(committer)))
            }
        }
    }
}

/// A name that no lineage ever had.
fn random_name() -> String {
    // The only source of randomness that the standard library has; its keys are different in every call.
    let draw = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", draw(), draw())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Duration;

    use rdkafka::client::ClientContext;
    use rdkafka::error::{KafkaError, RDKafkaErrorCode};

    use super::*;
    use crate::kafka::client::Context;

    fn sink() -> KafkaSink {
        let options = Options::from_toml("brokers = \"localhost:1\"\ntopic = \"t\"", PathBuf::new());
        KafkaSink::open(&options).unwrap()
    }

    #[test]
    fn who_waits_for_a_broker_fails_when_the_job_stops() {
        let sink = sink();
        let error = std::thread::scope(|scope| {
            let waiting = scope.spawn(|| sink.committer("job", 1).map(drop));
            while sink.shared.troubles().is_empty() && !waiting.is_finished() {
                std::thread::park_timeout(Duration::from_millis(10));
            }
            sink.give_up();
            waiting.join().unwrap().unwrap_err()
        });
        assert_eq!(error.to_string(), "cannot write to the topic t at localhost:1 as weir-job-t: the job was stopped");
    }

    #[test]
    fn what_an_earlier_run_complained_about_is_over() {
        let sink = sink();
        let earlier = Context::from(sink.shared.new_trouble());
        earlier.error(KafkaError::Global(RDKafkaErrorCode::AllBrokersDown), "brokers are down");
        earlier.error(KafkaError::Global(RDKafkaErrorCode::Authentication), "wrong password");
        assert_eq!(sink.trouble().as_deref(), Some("brokers are down"));
        assert!(earlier.0.check("x").is_err());
        drop(earlier);
        assert_eq!((sink.shared.new_trouble().check("x").is_ok(), sink.trouble()), (true, None));
    }
}
