//! Reads one partition. It waits for no broker: until its partition is begun, and while the broker is away, it has nothing.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, sync_channel};
use std::time::Duration;

use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Headers, Message};
use serde::{Deserialize, Serialize};
use weir_core::batch::RowKinds;
use weir_core::connector::{ConnectorError, Offset, Polled, SourceReader};
use weir_core::time::Clock;

use super::client::{self, Context};
use super::columns::{Beside, Header};
use super::consumer::{Assigned, Request, Shared};
use super::failure::{cannot, describe, passing};
use super::messages::Messages;
use super::options::Start;
use super::start::{Began, Begin};
use super::topic::is_unknown;

/// Bytes of values in one batch, after which it is closed.
const BATCH_BYTES_MAX: usize = 4 << 20;

/// How far a partition was read, in checkpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Place {
    /// The next offset; `None`: it was not begun.
    pub(super) next: Option<i64>,
    /// The first offset that is not read, if the job is bounded.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) end: Option<i64>,
}

/// The reader.
pub(super) struct PartitionReader {
    shared: Arc<Shared>,
    partition: i32,
    queue: PartitionQueue<Context>,
    messages: Messages,
    state: State,
    assigned: Arc<Assigned>,
    clock: Arc<dyn Clock>,
    /// How long the last poll waited for its first message.
    waited_us: u64,
    /// Where it began in this process, for progress.
    first: i64,
}

enum State {
    /// The thread was not asked so far: when it is, all readers of a job are there, and whether it was restored is known.
    New(Begin),
    Asked(Begin, Receiver<Result<Began, ConnectorError>>),
    Reading(Began),
}

/// What one look into the queue found.
enum Next {
    Message,
    Nothing,
    EndOfPartition,
}

impl PartitionReader {
    pub(super) fn new(
        shared: Arc<Shared>,
        partition: i32,
        queue: PartitionQueue<Context>,
        messages: Messages,
        begin: Begin,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let state = State::New(begin);
        Self { shared, partition, queue, messages, state, assigned: Arc::default(), clock, waited_us: 0, first: 0 }
    }

    fn name(&self) -> String {
        format!("{}/{}", self.shared.topic, self.partition)
    }

    /// Whether messages come; waits for it, at most so long.
    fn is_begun(&mut self, wait: Duration) -> Result<bool, ConnectorError> {
        if let State::New(begin) = self.state {
            let begin = match begin {
                // Not there when the checkpoint was made: all of it is new.
                Begin::Unknown(_) if self.shared.is_restored() => Begin::First(Start::Earliest),
                Begin::Unknown(start) => Begin::First(start),
                begin => begin,
            };
            let (reply, answer) = sync_channel(1);
            let (assigned, clock) = (Arc::clone(&self.assigned), Arc::clone(&self.clock));
            let request = Request { partition: self.partition, begin, clock, assigned, reply };
            if self.shared.request(request) {
                self.state = State::Asked(begin, answer);
            }
        }
        if let State::Asked(_, answer) = &self.state {
            let answered = if wait.is_zero() {
                answer.try_recv().map_err(|error| error == TryRecvError::Disconnected)
            } else {
                answer.recv_timeout(wait).map_err(|error| error == RecvTimeoutError::Disconnected)
            };
            match answered {
                Ok(began) => {
                    let began = began?;
                    self.first = began.next;
                    self.state = State::Reading(began);
                }
                Err(true) => {
                    return Err(passing(&format!("cannot read {}", self.name()), "its consumer is gone".to_owned()));
                }
                Err(false) => {}
            }
        }
        Ok(matches!(self.state, State::Reading(_)))
    }

    /// Gathers messages.
    fn gather(&mut self, rows_max: usize, wait: Duration) -> Result<Next, ConnectorError> {
        let State::Reading(began) = &mut self.state else { return Ok(Next::Nothing) };
        let (mut wait, begun_us) = (wait, self.clock.now_us());
        loop {
            let (rows, bytes) = self.messages.gathered();
            let is_ended = began.end.is_some_and(|end| began.next >= end);
            if is_ended && rows == 0 && !self.shared.is_bounded && !wait.is_zero() {
                // Nobody unparks this thread for us: it is a wait with a time-out.
                std::thread::park_timeout(wait);
            }
            if rows >= rows_max || bytes >= BATCH_BYTES_MAX || is_ended {
                return Ok(Next::Message);
            }
            let polled = self.queue.poll(wait);
            if !wait.is_zero() {
                self.waited_us = self.clock.now_us().saturating_sub(begun_us).max(0).unsigned_abs();
            }
            match polled {
                None => return Ok(Next::Nothing),
                Some(Err(KafkaError::PartitionEOF(_))) => return Ok(Next::EndOfPartition),
                Some(Err(error)) => {
                    let next = began.next;
                    return self.complain(&error, next).map(|()| Next::Nothing);
                }
                // Fetched for a reader that was here before.
                Some(Ok(message)) if message.offset() < began.next => {}
                // Behind the end of a bounded job.
                Some(Ok(message)) if began.end.is_some_and(|end| message.offset() >= end) => {
                    began.next = began.end.unwrap_or(began.next);
                }
                Some(Ok(message)) => {
                    push(&mut self.messages, &message);
                    began.next = message.offset() + 1;
                }
            }
            wait = Duration::ZERO;
        }
    }

    /// Behind the last message there may be markers of transactions, which nobody is given.
    fn pass_markers(&mut self) {
        let position = self.shared.position(self.partition);
        if let (State::Reading(began), Some(position)) = (&mut self.state, position) {
            began.next = began.next.max(position.min(began.end.unwrap_or(i64::MAX)));
        }
    }

    /// Keeps what the client complains about, or fails if waiting cannot help.
    fn complain(&self, error: &KafkaError, next: i64) -> Result<(), ConnectorError> {
        use RDKafkaErrorCode as C;
        let name = self.name();
        match error.rdkafka_error_code() {
            Some(C::AutoOffsetReset | C::OffsetOutOfRange | C::NoOffset) => {
                let there_is = match self.shared.bounds(self.partition) {
                    Some((low, high)) => format!("the earliest is {low}, the next to be written {high}"),
                    None => "the broker did not say which there are".to_owned(),
                };
                Err(ConnectorError::Data(format!(
                    "{name} no longer has the offset {next}: {there_is}. Messages that were not read were deleted (see the \
                     topic's retention), or the topic was created again. Resume from a checkpoint that still fits, or begin again \
                     without one"
                )))
            }
            Some(code) if is_unknown(code) || client::is_fatal(code) || is_damage(code) => {
                Err(cannot(&format!("cannot read {name} at offset {next}"), error))
            }
            _ => {
                self.shared.trouble.set(format!("{name}: {}", describe(error)));
                Ok(())
            }
        }
    }
}

/// Bytes that cannot be read: to continue would be to lose them.
fn is_damage(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as C;
    matches!(
        code,
        C::BadMessage
            | C::BadCompression
            | C::InvalidMessage
            | C::InvalidMessageSize
            | C::MessageSizeTooLarge
            | C::LogTruncation
            | C::UnsupportedFeature
            | C::NotImplemented
    )
}

impl SourceReader for PartitionReader {
    fn explain_malformed(&mut self, explain: bool) {
        self.messages.explain_malformed(explain);
    }

    fn poll(&mut self, rows_max: usize, wait: Duration) -> Result<Polled, ConnectorError> {
        self.shared.trouble.check(&format!("cannot read {}", self.shared.topic))?;
        self.waited_us = 0;
        if !self.is_begun(wait)? {
            return Ok(Polled::Pending);
        }
        if let Next::EndOfPartition = self.gather(rows_max, wait)? {
            self.pass_markers();
        }
        if self.messages.gathered().0 > 0 {
            self.shared.trouble.clear();
            return self.messages.finish();
        }
        match self.state {
            State::Reading(Began { next, end: Some(end) }) if next >= end && self.shared.is_bounded => {
                self.shared.forget(self.partition, &self.assigned);
                Ok(Polled::End)
            }
            _ => Ok(Polled::Pending),
        }
    }

    fn locate(&self, row: usize) -> Option<(String, String)> {
        self.messages.locate(row)
    }

    fn row_kinds(&self) -> Option<RowKinds> {
        self.messages.kinds()
    }

    fn waited_us(&self) -> u64 {
        self.waited_us
    }

    fn offset(&self) -> Offset {
        let place = match self.state {
            State::Reading(Began { next, end })
            | State::New(Begin::At(Began { next, end }))
            | State::Asked(Begin::At(Began { next, end }), _) => {
                Place { next: Some(next), end: end.filter(|_| self.shared.is_bounded) }
            }
            _ => Place { next: None, end: None },
        };
        serde_json::to_value(place).unwrap_or_default()
    }

    fn has_begun(&self) -> bool {
        matches!(self.state, State::Reading(_))
    }

    fn is_caught_up(&self) -> bool {
        matches!(self.state, State::Reading(Began { next, end: Some(end) }) if next >= end)
    }

    fn progress(&self) -> Option<f64> {
        match self.state {
            State::Reading(Began { next, end: Some(end) }) => {
                let (done, all) = ((next - self.first) as f64, (end - self.first).max(1) as f64);
                Some(if next >= end { 1.0 } else { (done / all).clamp(0.0, 1.0) })
            }
            _ => None,
        }
    }
}

impl Drop for PartitionReader {
    fn drop(&mut self) {
        self.shared.forget(self.partition, &self.assigned);
    }
}

fn push(messages: &mut Messages, message: &BorrowedMessage<'_>) {
    let headers = if messages.has_headers() { headers(message) } else { Some(Vec::new()) };
    let beside = Beside {
        offset: message.offset(),
        timestamp_ms: message.timestamp().to_millis(),
        key: message.key(),
        headers: headers.as_deref(),
    };
    messages.push(message.payload(), &beside);
}

/// All headers; `None`: one has a name that is not UTF-8, at which the client panics.
fn headers<'a>(message: &'a BorrowedMessage<'_>) -> Option<Vec<Header<'a>>> {
    let read = || message.headers().map(|headers| headers.iter().map(|header| (header.key, header.value)).collect());
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(read)).ok().map(Option::unwrap_or_default)
}
