//! The sink: rows are staged in the checkpoint and written when it is complete, or sent at once.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use arrow::datatypes::{Schema, SchemaRef};
use weir_core::connector::{Committer, ConnectorError, Guarantee, Sink, SinkWriter, WriterContext};
use weir_core::graph::Options;

use super::client::Trouble;
use super::committer::KafkaCommitter;
use super::direct::DirectWriter;
use super::encode::Encoder;
use super::marker::{Mismatch, Seen};
use super::options::{Delivery, SinkOptions};
use super::staging::StagingWriter;
use crate::tally;

/// The sink.
pub(crate) struct KafkaSink {
    options: SinkOptions,
    shared: Arc<SinkShared>,
}

/// What the writers and the committer of a sink share.
#[derive(Debug, Default)]
pub(super) struct SinkShared {
    /// Of those that are there: what an earlier run complained about is over.
    troubles: Mutex<Vec<Weak<Trouble>>>,
    seen: Mutex<Option<Seen>>,
}

impl SinkShared {
    /// For a new producer.
    pub(super) fn new_trouble(&self) -> Arc<Trouble> {
        let trouble = Arc::default();
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        troubles.retain(|trouble| trouble.strong_count() > 0);
        troubles.push(Arc::downgrade(&trouble));
        trouble
    }

    fn troubles(&self) -> Vec<Arc<Trouble>> {
        let troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        troubles.iter().filter_map(Weak::upgrade).collect()
    }

    /// What the last committer knew.
    fn seen(&self) -> Option<Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_seen(&self, seen: Seen) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
    }
}

impl KafkaSink {
    /// Checks the options.
    pub(crate) fn open(options: &Options) -> Result<Self, ConnectorError> {
        Ok(Self { options: SinkOptions::parse(options)?, shared: Arc::default() })
    }
}

impl Sink for KafkaSink {
    fn identity(&self, job: &str) -> Option<String> {
        let is_known = self.options.delivery == Delivery::ExactlyOnce;
        is_known.then(|| format!("the `transactional-id` {:?} at {}", self.options.id(job), self.options.brokers))
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
        let report = tally::restored(context);
        // Without checkpoints nothing would ever be complete: what is staged would only grow.
        if self.options.delivery == Delivery::AtLeastOnce || !context.durable {
            let writer = DirectWriter::new(&self.options, encoder, report, self.shared.new_trouble())?;
            return Ok(Box::new(writer));
        }
        let topic = &self.options.topic;
        let Some(seen) = self.shared.seen() else {
            return Err(ConnectorError::Data(format!(
                "the committer of the sink to {topic} was not made before its writers"
            )));
        };
        let origin = seen.origin(context.restored, self.options.lost_marker);
        let origin = origin.map_err(|mismatch| mismatched(topic, mismatch))?;
        Ok(Box::new(StagingWriter::new(topic, encoder, origin, context.subtask, report)))
    }

    fn committer(&self, job: &str, generation: u64) -> Result<Option<Box<dyn Committer>>, ConnectorError> {
        match self.options.delivery {
            Delivery::AtLeastOnce => Ok(None),
            // A job that keeps no checkpoints sends its rows at once: there is nothing to commit.
            Delivery::ExactlyOnce if generation == 0 => Ok(None),
            Delivery::ExactlyOnce => {
                let committer = KafkaCommitter::new(&self.options, &self.shared, job, generation, random_name())?;
                Ok(Some(Box::new(committer)))
            }
        }
    }

    fn trouble(&self) -> Option<String> {
        self.shared.troubles().iter().find_map(|trouble| trouble.message())
    }

    fn give_up(&self) {
        self.shared.troubles().iter().for_each(|trouble| trouble.give_up());
    }
}

/// What to do with checkpoints from a copy: the next ones would have the numbers of those that are in the topic.
const BEGIN_ANOTHER: &str = "To go on from it, give the sink another `transactional-id` and write `lost-marker = \"skip\"`, \
                             which can be taken out again once the job runs; what was written since the copy comes twice";

/// What a person should know and do.
pub(super) fn mismatched(topic: &str, mismatch: Mismatch) -> ConnectorError {
    match mismatch {
        Mismatch::Newer => ConnectorError::Fenced(format!(
            "a newer generation of this job writes to the topic {topic}; this one must not go on. If there is none, the \
             checkpoints are an older copy. {BEGIN_ANOTHER}"
        )),
        Mismatch::Behind => ConnectorError::Data(format!(
            "the topic {topic} has rows of later checkpoints than this job has: its checkpoints are an older copy. \
             {BEGIN_ANOTHER}"
        )),
        Mismatch::Lost => ConnectorError::Data(format!(
            "the broker does not know any more which checkpoint of this job the topic {topic} holds: the marker expired \
             (offsets.retention.minutes, 7 days by default, in which the job did not run), it was deleted, or \
             `transactional-id` was changed. Look at the end of the topic: if the rows of the restored checkpoint are there, \
             write `lost-marker = \"skip\"` in the sink, otherwise `lost-marker = \"write\"`, and take it out again once \
             the job runs"
        )),
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
        let earlier = Context(sink.shared.new_trouble());
        earlier.error(KafkaError::Global(RDKafkaErrorCode::AllBrokersDown), "brokers are down");
        earlier.error(KafkaError::Global(RDKafkaErrorCode::Authentication), "wrong password");
        assert_eq!(sink.trouble().as_deref(), Some("brokers are down"));
        assert!(earlier.0.check("x").is_err());
        drop(earlier);
        assert_eq!((sink.shared.new_trouble().check("x").is_ok(), sink.trouble()), (true, None));
    }
}
