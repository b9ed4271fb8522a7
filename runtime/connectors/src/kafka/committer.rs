//! Exactly-once: writes the rows of a complete checkpoint and its marker in one transaction. No transaction is open between two
//! checkpoints, so none can time out while the job is down, and whether one happened is always known from the marker.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::Producer as _;
use rdkafka::topic_partition_list::{Offset as KafkaOffset, TopicPartitionList};
use serde::Deserialize;
use weir_core::connector::{Committable, Committer, ConnectorError};

use super::client::{self, Context};
use super::failure::{Failure, describe, passing};
use super::marker::{Marker, Origin, Seen, Verdict};
use super::options::{LostMarker, SinkOptions};
use super::producer::{Events, Producer, send};
use super::shared::SinkShared;
use super::topic;
use super::trouble::Trouble;

/// How long one call waits for the broker, before it is made again.
const CALL_WAIT: Duration = Duration::from_secs(5);
/// How often a call is made again: together five minutes, in which a broker can start again or be replaced.
const CALLS_MAX: usize = 60;
/// How often a transaction is aborted and done again, for one checkpoint.
const ABORTS_MAX: usize = 5;
/// After so many checkpoints without a row the marker is written again, or it would expire under a job that has nothing to
/// write: offsets are kept for days, checkpoints are made every second to every hour.
const QUIET_CHECKPOINTS_MAX: u32 = 50;
/// How long the broker lets a transaction of ours be open, unless the pipeline file says: as long as one call tries to end it.
const TRANSACTION_TIMEOUT_MS: &str = "300000";

/// Commits the rows of one sink.
pub(super) struct KafkaCommitter {
    what: String,
    topic: String,
    lost_marker: LostMarker,
    producer: Producer<()>,
    /// Reads the marker, and names its group.
    group: BaseConsumer<Context>,
    shared: Arc<SinkShared>,
    trouble: Arc<Trouble>,
    /// For how long the broker lets a transaction be open.
    timeout: Duration,
    seen: Seen,
    /// Checkpoints without a row since the marker was written.
    quiet: u32,
}

/// That writers are in other processes, and may be made before the committer.
pub(super) struct Apart {
    /// Whether the job resumes from a checkpoint of its own.
    pub(super) resumes: bool,
}

impl KafkaCommitter {
    /// Fences other committers of the same sink, ends their open transactions, and reads how far they came.
    pub(super) fn new(
        options: &SinkOptions,
        shared: &Arc<SinkShared>,
        (job, generation): (&str, u64),
        apart: Option<Apart>,
        new_lineage: String,
    ) -> Result<Self, ConnectorError> {
        let id = options.id(job);
        let what = format!("cannot write to the topic {} at {} as {id}", options.topic, options.brokers);
        let mut config = options.config.clone();
        config.set("transactional.id", &id);
        // The transaction answers for those that are delivered.
        config.set("delivery.report.only.error", "true");
        let timeout = config.get("transaction.timeout.ms").unwrap_or(TRANSACTION_TIMEOUT_MS).to_owned();
        config.set("transaction.timeout.ms", &timeout);
        let trouble = shared.new_trouble();
        let producer: Producer<()> = client::create(&config, Events::new(&trouble), &what)?;
        topic::partitions_at_start(producer.client(), &options.topic, &trouble, || {}, &what)?;
        let mut config = options.marker_config.clone();
        config.set("group.id", &id);
        // Its troubles are its own: it says what they were whenever it is served, when they may be long over.
        let group: client::Client = client::create(&config, Context::default(), &what)?;
        // Replaced by what the broker knows.
        let marker = Marker { job: job.to_owned(), lineage: new_lineage.clone(), generation: 0, checkpoint: 0 };
        let mut committer = Self {
            what,
            topic: options.topic.clone(),
            lost_marker: options.lost_marker,
            producer,
            group,
            shared: Arc::clone(shared),
            trouble,
            timeout: Duration::from_millis(timeout.parse().unwrap_or(u64::MAX)),
            seen: Seen { marker, new_lineage, generation },
            quiet: 0,
        };
        let ready = committer.repeat(|producer| producer.init_transactions(CALL_WAIT));
        ready.map_err(|failure| failure.last(&committer.what))?;
        if let Some(marker) = committer.read_marker()? {
            if marker.job != job {
                return Err(ConnectorError::Data(format!(
                    "{}: the job {:?} writes as {id} already; give each sink a `transactional-id` of its own",
                    committer.what, marker.job
                )));
            }
            committer.seen.marker = marker;
        }
        // From now on a marker that is missing is one that was lost, and an older generation finds a newer one.
        let seen = &committer.seen;
        let begins = match apart {
            Some(Apart { resumes }) => seen.begins(resumes, committer.lost_marker),
            None => Ok(Marker { generation: generation.max(seen.marker.generation), ..seen.marker.clone() }),
        };
        let begins = begins.map_err(|mismatch| mismatch.into_error(&committer.topic))?;
        if committer.seen.marker != begins {
            committer.mark(&[], begins)?;
        }
        committer.shared.set_seen(committer.seen.clone());
        committer.trouble.clear();
        Ok(committer)
    }

    /// What the broker keeps. No transaction of ours is open: it is settled.
    fn read_marker(&self) -> Result<Option<Marker>, ConnectorError> {
        let mut last = None;
        for _ in 0..CALLS_MAX {
            let mut list = TopicPartitionList::new();
            list.add_partition(&self.topic, 0);
            let answer = self.group.committed_offsets(list, CALL_WAIT);
            while self.group.poll(Duration::ZERO).is_some() {}
            self.group.context().0.check(&self.what)?;
            self.trouble.check(&self.what)?;
            let read = answer.and_then(|list| {
                let element = list.find_partition(&self.topic, 0);
                let element = element.ok_or(KafkaError::OffsetFetch(RDKafkaErrorCode::UnknownPartition))?;
                element.error()?;
                Ok(element.metadata().to_owned())
            });
            match read {
                Ok(text) if text.is_empty() => return Ok(None),
                Ok(text) => {
                    return serde_json::from_str(&text).map(Some).map_err(|_| {
                        ConnectorError::Data(format!("{}: its offset is not a marker of Weir: {text:?}", self.what))
                    });
                }
                Err(error) => {
                    self.trouble.set(format!("{}: {}", self.what, describe(&error)));
                    last = Some(error);
                }
            }
        }
        Err(self.unanswered(last.as_ref()))
    }

    /// All rows and the marker, or nothing; again, if it had to be aborted.
    fn transact(&self, rows: &[&RecordBatch], marker: &Marker) -> Result<(), ConnectorError> {
        let mut reason = String::new();
        for _ in 0..ABORTS_MAX {
            let begun = now();
            self.producer.client().context().forget_failed();
            reason = match self.try_transact(rows, marker) {
                Ok(()) => {
                    // No message is answered that went well, so nobody else says that brokers answer again.
                    self.trouble.clear();
                    return Ok(());
                }
                Err(Failure::Final(error)) => {
                    // Readers stand still before a transaction that is open. It may be beyond this: then the broker undoes it.
                    let _ = self.producer.abort_transaction(CALL_WAIT);
                    return Err(self.fenced_or_late(error, begun.elapsed()));
                }
                Err(Failure::Abort(reason)) => reason,
            };
            self.trouble.set(format!("{}: a transaction is repeated: {reason}", self.what));
            let aborted = self.repeat(|producer| producer.abort_transaction(CALL_WAIT));
            aborted.map_err(|failure| self.fenced_or_late(failure.last(&self.what), begun.elapsed()))?;
            match self.producer.client().context().failed() {
                Some((reason, true)) => return Err(ConnectorError::Data(format!("{}: {reason}", self.what))),
                Some((failure, false)) => reason = failure,
                None => {}
            }
        }
        Err(passing(&self.what, reason))
    }

    fn try_transact(&self, rows: &[&RecordBatch], marker: &Marker) -> Result<(), Failure> {
        self.producer.begin_transaction().map_err(|error| self.failure(&error))?;
        for rows in rows {
            send(&self.producer, &self.topic, rows, &()).map_err(|error| self.failure(&error))?;
        }
        let text = serde_json::to_string(marker)
            .map_err(|error| Failure::Final(ConnectorError::Data(format!("{}: {error}", self.what))))?;
        let mut list = TopicPartitionList::new();
        let mut element = list.add_partition(&self.topic, 0);
        element.set_metadata(text);
        // A number that lag tools can show; the marker is in the metadata.
        let offset = KafkaOffset::Offset(i64::try_from(marker.checkpoint).unwrap_or(i64::MAX));
        element.set_offset(offset).map_err(|error| self.failure(&error))?;
        let Some(group) = self.group.group_metadata() else {
            return Err(Failure::Final(ConnectorError::Data(format!("{}: the client has no group", self.what))));
        };
        self.repeat(|producer| producer.send_offsets_to_transaction(&list, &group, CALL_WAIT))?;
        self.repeat(|producer| producer.commit_transaction(CALL_WAIT))
    }

    /// Makes a call until it is answered, with the waits and the backoff of the client.
    fn repeat(&self, call: impl Fn(&Producer<()>) -> Result<(), KafkaError>) -> Result<(), Failure> {
        let mut last = None;
        for _ in 0..CALLS_MAX {
            let Err(error) = call(&self.producer) else { return Ok(()) };
            let is_retriable = match &error {
                KafkaError::Transaction(error) => error.is_retriable(),
                // The rows are not all delivered so far; what cannot be delivered fails by itself.
                KafkaError::Flush(RDKafkaErrorCode::OperationTimedOut) => true,
                _ => false,
            };
            if !is_retriable {
                return Err(self.failure(&error));
            }
            self.trouble.check(&self.what).map_err(Failure::Final)?;
            self.trouble.set(format!("{}: {}", self.what, describe(&error)));
            last = Some(error);
        }
        Err(Failure::Final(self.unanswered(last.as_ref())))
    }

    /// The broker has answered no call, for so long.
    fn unanswered(&self, last: Option<&KafkaError>) -> ConnectorError {
        passing(&self.what, last.map_or_else(|| "no answer".to_owned(), describe))
    }

    fn failure(&self, error: &KafkaError) -> Failure {
        Failure::of(error, self.producer.client().fatal_error(), &self.what)
    }

    /// The broker undoes a transaction that is open for too long, and says then what it says to a process that was replaced. It
    /// was the time, if the time was over and no newer generation has left its marker, which it does first of all.
    fn fenced_or_late(&self, error: ConnectorError, open: Duration) -> ConnectorError {
        if !matches!(error, ConnectorError::Fenced(_)) || open < self.timeout {
            return error;
        }
        match self.read_marker() {
            Ok(Some(marker)) if marker.generation <= self.seen.generation => {
                let reason = format!(
                    "the broker has aborted a transaction that was open for longer than `transaction.timeout.ms`, {} ms: \
                     make checkpoints more often, or set it higher in `properties`",
                    self.timeout.as_millis()
                );
                passing(&self.what, reason)
            }
            _ => error,
        }
    }

    /// Writes the marker, and remembers it.
    fn mark(&mut self, rows: &[&RecordBatch], marker: Marker) -> Result<(), ConnectorError> {
        self.transact(rows, &marker)?;
        self.seen.marker = marker;
        self.shared.set_seen(self.seen.clone());
        self.quiet = 0;
        Ok(())
    }
}

#[expect(clippy::disallowed_methods, reason = "the broker's limit of a transaction is one of time")]
fn now() -> Instant {
    Instant::now()
}

impl Committer for KafkaCommitter {
    fn commit(&mut self, checkpoint: u64, parts: Vec<Committable>) -> Result<(), ConnectorError> {
        let parts = Part::all(parts).map_err(|reason| {
            ConnectorError::Data(format!("{}: in the checkpoint {checkpoint}: {reason}", self.what))
        })?;
        let Some(first) = parts.first() else {
            self.quiet += 1;
            return match self.quiet > QUIET_CHECKPOINTS_MAX {
                true => self.mark(&[], self.seen.marker.clone()),
                false => Ok(()),
            };
        };
        let verdict = self.seen.marker.verdict(&first.value.origin, checkpoint, self.lost_marker);
        let rows: Vec<&RecordBatch> = match verdict.map_err(|mismatch| mismatch.into_error(&self.topic))? {
            Verdict::Done => return Ok(()),
            Verdict::Write => parts.iter().map(|part| &part.rows).collect(),
            Verdict::MarkOnly => Vec::new(),
        };
        let marker = self.seen.marker.after(&first.value.origin, self.seen.generation, checkpoint);
        self.mark(&rows, marker)
    }
}

/// Some of the rows of a checkpoint.
struct Part {
    value: PartValue,
    rows: RecordBatch,
}

#[derive(Deserialize)]
struct PartValue {
    origin: Origin,
    subtask: u64,
    part: u64,
    rows: usize,
}

impl Part {
    /// The parts that have rows, in an order that is always the same.
    fn all(parts: Vec<Committable>) -> Result<Vec<Self>, String> {
        let mut all = Vec::with_capacity(parts.len());
        for Committable { value, rows } in parts {
            let value = PartValue::deserialize(&value).map_err(|error| format!("a part cannot be read: {error}"))?;
            let rows = rows.filter(|rows| rows.num_rows() == value.rows);
            let rows = rows.ok_or_else(|| format!("a part of {} rows came without them", value.rows))?;
            all.push(Self { value, rows });
        }
        all.retain(|part| part.value.rows > 0);
        all.sort_by_key(|part| (part.value.subtask, part.value.part));
        match all.windows(2).all(|pair| pair[0].value.origin == pair[1].value.origin) {
            true => Ok(all),
            false => Err("its parts belong to two jobs".to_owned()),
        }
    }
}
