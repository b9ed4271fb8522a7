//! Sending staged rows: backpressure, and what happens to each message.

use std::marker::PhantomData;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use arrow::array::{Array, AsArray, BinaryArray, RecordBatch};
use rdkafka::client::{Client, ClientContext};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer as _, ProducerContext, ThreadedProducer};
use rdkafka::util::IntoOpaque;

use super::client::{Connected, Context};
use super::encode::{HEADER, KEY, VALUE};
use super::failure::{describe, is_refused};
use super::guard::Guarded;
use super::trouble::Trouble;

/// How long a full queue is given to get shorter, before it is tried again.
const FULL_WAIT: Duration = Duration::from_millis(10);
/// How long a wait for answers lasts, before failures are looked at.
const ANSWERS_WAIT: Duration = Duration::from_millis(100);

/// A producer whose messages are answered to `A`.
pub(super) type Producer<A> = ThreadedProducer<Events<A>>;

/// Who is told what happens to a message.
pub(super) trait Answered: IntoOpaque + Clone + 'static {
    /// One was sent.
    fn sent(&self);

    /// One is delivered, or was given up.
    fn answered(&self);
}

/// Nobody: a transaction answers for all its messages.
impl Answered for () {
    fn sent(&self) {}

    fn answered(&self) {}
}

/// Messages that were sent and not answered.
#[derive(Debug, Default)]
pub(super) struct Outstanding {
    messages: AtomicI64,
    changed: (Mutex<()>, Condvar),
}

impl Outstanding {
    pub(super) fn is_empty(&self) -> bool {
        self.messages.load(Ordering::Acquire) <= 0
    }

    /// Until every message is answered, by its delivery or its time-out, or waiting cannot help.
    pub(super) fn wait(&self, trouble: &Trouble) {
        let mut guard = self.changed.0.lock().unwrap_or_else(PoisonError::into_inner);
        while !self.is_empty() && trouble.check("").is_ok() {
            let waited = self.changed.1.wait_timeout(guard, ANSWERS_WAIT);
            guard = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Answered for Arc<Outstanding> {
    fn sent(&self) {
        self.messages.fetch_add(1, Ordering::AcqRel);
    }

    fn answered(&self) {
        if self.messages.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.changed.1.notify_all();
        }
    }
}

/// Takes what a producer says.
#[derive(Debug)]
pub(super) struct Events<A> {
    context: Context,
    /// The first message that was not delivered, and whether sending it again cannot help.
    failed: Mutex<Option<(String, bool)>>,
    answered: PhantomData<fn(A)>,
}

impl<A> Events<A> {
    pub(super) fn new(trouble: &Arc<Trouble>) -> Self {
        Self { context: Arc::clone(trouble).into(), failed: Mutex::default(), answered: PhantomData }
    }

    /// The first failure.
    pub(super) fn failed(&self) -> Option<(String, bool)> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Another attempt begins.
    pub(super) fn forget_failed(&self) {
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl<A> ClientContext for Events<A> {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.context.log(level, facility, message);
    }

    fn stats(&self, _: rdkafka::Statistics) {}

    fn error(&self, error: KafkaError, reason: &str) {
        self.context.error(error, reason);
    }
}

impl<A> Guarded for Events<A> {
    fn trouble(&self) -> &Trouble {
        &self.context.0
    }
}

impl<A: Answered> Connected<Events<A>> for Producer<A> {
    fn connected(&self) -> &Client<Events<A>> {
        self.client()
    }
}

impl<A: Answered> ProducerContext for Events<A> {
    type DeliveryOpaque = A;

    fn delivery(&self, result: &DeliveryResult<'_>, answered: A) {
        match result {
            Ok(_) => self.context.0.clear(),
            // An aborted transaction takes its messages back.
            Err((error, _)) if is_purged(error) => {}
            Err((error, _)) => {
                let is_refused = error.rdkafka_error_code().is_some_and(is_refused);
                let failure = (describe(error), is_refused);
                self.failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(failure);
            }
        }
        answered.answered();
    }
}

fn is_purged(error: &KafkaError) -> bool {
    matches!(error.rdkafka_error_code(), Some(RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::PurgeInflight))
}

/// Staged rows by column.
struct Messages<'a> {
    key: Option<&'a BinaryArray>,
    value: &'a BinaryArray,
    headers: Vec<(&'a str, &'a BinaryArray)>,
}

impl<'a> Messages<'a> {
    fn of(staged: &'a RecordBatch) -> Option<Self> {
        let column = |name: &str| staged.column_by_name(name).and_then(|column| column.as_binary_opt::<i32>());
        let fields = staged.schema_ref().fields().iter().zip(staged.columns());
        let headers = fields
            .filter_map(|(field, column)| Some((field.name().strip_prefix(HEADER)?, column.as_binary_opt::<i32>()?)));
        // A header may be called as it likes: its column has a prefix that key and value have not.
        Some(Self { key: column(KEY), value: column(VALUE)?, headers: headers.collect() })
    }

    fn record<A: Answered>(&self, topic: &'a str, row: usize, answered: &A) -> BaseRecord<'a, [u8], [u8], A> {
        let mut record = BaseRecord::with_opaque_to(topic, answered.clone());
        record.key = self.key.and_then(|keys| present(keys, row));
        record.payload = present(self.value, row);
        if !self.headers.is_empty() {
            let headers = OwnedHeaders::new_with_capacity(self.headers.len());
            let header =
                |(name, values): &(&'a str, &'a BinaryArray)| Header { key: name, value: present(values, row) };
            record.headers = Some(self.headers.iter().map(header).fold(headers, OwnedHeaders::insert));
        }
        record
    }
}

fn present(values: &BinaryArray, row: usize) -> Option<&[u8]> {
    values.is_valid(row).then(|| values.value(row))
}

/// Hands all rows to the producer, in order; waits while its queue is full.
///
/// # Errors
/// What the producer says to a message that it does not take.
pub(super) fn send<A: Answered>(
    producer: &Producer<A>,
    topic: &str,
    staged: &RecordBatch,
    answered: &A,
) -> Result<(), KafkaError> {
    let Some(messages) = Messages::of(staged) else {
        return Err(KafkaError::MessageProduction(RDKafkaErrorCode::InvalidRecord));
    };
    for row in 0..staged.num_rows() {
        let mut record = messages.record(topic, row, answered);
        answered.sent();
        // It ends: what is queued is delivered, or fails by its time-out.
        while let Err((error, refused)) = producer.send(record) {
            let is_full = error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull);
            if !is_full || producer.client().context().context.0.check("").is_err() {
                answered.answered();
                return Err(error);
            }
            record = refused;
            producer.poll(FULL_WAIT);
        }
    }
    Ok(())
}
