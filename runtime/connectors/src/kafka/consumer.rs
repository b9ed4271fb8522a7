//! The one consumer of a source: a thread serves its events, begins partitions where they begin, looks for new ones. Whatever has
//! to wait for a broker happens on that thread, never in a reader's poll.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::topic_partition_list::{Offset as KafkaOffset, TopicPartitionList};
use weir_core::connector::ConnectorError;
use weir_core::time::Clock;

use super::client::{self, Client, Context};
use super::failure::{cannot, describe};
use super::options::SourceOptions;
use super::start::{self, Began, Begin};
use super::topic::{self, ASK_WAIT};
use super::trouble::Trouble;

/// Requests that may wait for the thread: a reader whose request does not fit asks again.
const REQUESTS_MAX: usize = 1024;
/// How long the thread waits for a request before it looks after the client's events.
const EVENTS_WAIT: Duration = Duration::from_millis(20);
/// How often the end of a source looks whether the group knows the last offsets, so long apart: five seconds at most.
const COMMIT_LOOKS_MAX: usize = 250;

/// The consumer, shared by a source and its readers. Its thread ends with the last of them.
pub(super) struct Shared {
    pub(super) topic: String,
    client: Arc<Client>,
    pub(super) trouble: Arc<Trouble>,
    requests: SyncSender<Request>,
    /// How many partitions are known.
    partitions: Arc<AtomicUsize>,
    /// Whether a reader resumed from an offset: then a partition without one is new.
    is_restored: AtomicBool,
    /// Whether partitions end where they ended when they were begun.
    pub(super) is_bounded: bool,
}

/// What a reader asks the thread for.
pub(super) struct Request {
    pub(super) partition: i32,
    pub(super) begin: Begin,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) assigned: Arc<Assigned>,
    pub(super) reply: SyncSender<Result<Began, ConnectorError>>,
}

/// Whether the consumer fetches a partition for a reader.
#[derive(Debug, Default)]
pub(super) struct Assigned(Mutex<State>);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Waiting,
    Fetching,
    Dropped,
}

impl Shared {
    /// Connects, and asks for the partitions.
    ///
    /// # Errors
    /// If the brokers refuse us, do not answer for ten seconds, or have no such topic.
    pub(super) fn connect(options: &SourceOptions, stops: &Arc<AtomicBool>) -> Result<Arc<Self>, ConnectorError> {
        let context = Context::default();
        let trouble = Arc::clone(&context.0);
        let what = format!("cannot read the topic {} at {}", options.topic, options.brokers);
        let client: Client = client::create(&options.config, context, &what)?;
        let client = Arc::new(client);
        let partitions =
            topic::partitions_at_start(client.client(), &options.topic, &trouble, || serve_events(&client), &what)?;
        let partitions = Arc::new(AtomicUsize::new(partitions));
        let (requests, receiver) = sync_channel(REQUESTS_MAX);
        let keeper = Keeper {
            client: Arc::clone(&client),
            topic: options.topic.clone(),
            discover: (!options.is_bounded && options.partitions.is_none()).then_some(options.discover),
            partitions: Arc::clone(&partitions),
            is_bounded: options.is_bounded,
            stops: Arc::clone(stops),
            waiting: Vec::new(),
            clock: None,
            looked_at: 0,
        };
        let thread = std::thread::Builder::new().name("weir-kafka".to_owned());
        thread
            .spawn(move || keeper.run(&receiver))
            .map_err(|source| ConnectorError::Io { what: "cannot start a thread".to_owned(), source })?;
        let topic = options.topic.clone();
        let (is_restored, is_bounded) = (AtomicBool::new(false), options.is_bounded);
        Ok(Arc::new(Self { topic, client, trouble, requests, partitions, is_restored, is_bounded }))
    }

    /// How many partitions are known by now.
    pub(super) fn partitions(&self) -> usize {
        self.partitions.load(Ordering::Relaxed)
    }

    pub(super) fn set_restored(&self) {
        self.is_restored.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_restored(&self) -> bool {
        self.is_restored.load(Ordering::Relaxed)
    }

    /// The messages of one partition, from when it is begun.
    pub(super) fn queue(&self, partition: i32) -> Option<PartitionQueue<Context>> {
        // Before it is assigned: from then on none of its messages goes to the queue of the whole consumer.
        self.client.split_partition_queue(&self.topic, partition)
    }

    /// Asks the thread; `false`: it is busy, ask again.
    pub(super) fn request(&self, request: Request) -> bool {
        self.requests.try_send(request).is_ok()
    }

    /// Stops fetching a partition.
    pub(super) fn forget(&self, partition: i32, assigned: &Assigned) {
        let mut state = assigned.0.lock().unwrap_or_else(PoisonError::into_inner);
        if *state == State::Fetching {
            let mut list = TopicPartitionList::new();
            list.add_partition(&self.topic, partition);
            if let Err(error) = self.client.incremental_unassign(&list) {
                self.trouble.set(format!("{}/{partition} could not be released: {error}", self.topic));
            }
        }
        *state = State::Dropped;
    }

    /// Where the reader of a partition is by what it was given: behind the markers of transactions too.
    pub(super) fn position(&self, partition: i32) -> Option<i64> {
        let positions = self.client.position().ok()?;
        match positions.find_partition(&self.topic, partition)?.offset() {
            KafkaOffset::Offset(offset) => Some(offset),
            _ => None,
        }
    }

    /// What messages a partition has: from the first, to before the second.
    pub(super) fn bounds(&self, partition: i32) -> Option<(i64, i64)> {
        self.client.fetch_watermarks(&self.topic, partition, ASK_WAIT).ok()
    }

    /// Tells the group; the answer comes as an event.
    pub(super) fn commit(&self, offsets: &[(i32, i64)]) {
        let mut list = TopicPartitionList::with_capacity(offsets.len());
        for (partition, next) in offsets {
            if list.add_partition_offset(&self.topic, *partition, KafkaOffset::Offset(*next)).is_err() {
                return;
            }
        }
        let pending = &self.client.context().1;
        pending.fetch_add(1, Ordering::Relaxed);
        if let Err(error) = self.client.commit(&list, CommitMode::Async) {
            pending.fetch_sub(1, Ordering::Relaxed);
            self.trouble.set(format!("offsets were not committed to the group: {}", describe(&error)));
        }
    }
}

/// A process that ends waits for the broker's answer: others may begin where the group is.
impl Drop for Shared {
    fn drop(&mut self) {
        let pending = Arc::clone(&self.client.context().1);
        let mut looks = 0;
        while pending.load(Ordering::Relaxed) > 0 && looks < COMMIT_LOOKS_MAX {
            std::thread::park_timeout(EVENTS_WAIT);
            looks += 1;
        }
    }
}

/// Serves logs, errors and answers to commits; no message comes this way.
fn serve_events(client: &Client) {
    while client.poll(Duration::ZERO).is_some() {}
}

/// What the thread keeps.
struct Keeper {
    client: Arc<Client>,
    topic: String,
    /// How often new partitions are looked for, if at all.
    discover: Option<Duration>,
    partitions: Arc<AtomicUsize>,
    is_bounded: bool,
    /// Whether the others do so for this run, without ending.
    stops: Arc<AtomicBool>,
    /// Partitions that could not be begun so far: the broker was away.
    waiting: Vec<Request>,
    clock: Option<Arc<dyn Clock>>,
    /// When partitions were last looked for, microseconds.
    looked_at: i64,
}

impl Keeper {
    fn run(mut self, requests: &Receiver<Request>) {
        loop {
            match requests.recv_timeout(EVENTS_WAIT) {
                Ok(request) => {
                    if self.clock.is_none() {
                        self.looked_at = request.clock.now_us();
                    }
                    self.clock = Some(Arc::clone(&request.clock));
                    self.waiting.push(request);
                    self.waiting.extend(requests.try_iter());
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            serve_events(&self.client);
            for request in std::mem::take(&mut self.waiting) {
                self.begin(request);
            }
            self.look_for_partitions();
        }
    }

    /// Finds out where a partition begins, and has it fetched from there.
    fn begin(&mut self, request: Request) {
        let stops = self.stops.load(Ordering::Relaxed) && !self.is_bounded;
        let begin = match request.begin {
            // Each run has an end of its own.
            Begin::At(Began { next, .. }) if stops => Begin::At(Began { next, end: None }),
            begin => begin,
        };
        let began = start::resolve(&self.client, &self.topic, request.partition, begin, self.is_bounded || stops);
        let result = match began {
            Ok(began) => self.assign(request.partition, began, &request.assigned).map(|()| began),
            Err(error)
                if error.rdkafka_error_code().is_some_and(|code| topic::is_unknown(code) || client::is_fatal(code)) =>
            {
                Err(cannot(&format!("cannot read {}/{}", self.topic, request.partition), &error))
            }
            Err(error) => {
                let partition = request.partition;
                let trouble = format!("{}/{partition} cannot be begun: {}", self.topic, describe(&error));
                self.client.context().0.set(trouble);
                self.waiting.push(request);
                return;
            }
        };
        // A reader that is gone waits for no answer.
        let _ = request.reply.try_send(result);
    }

    fn assign(&self, partition: i32, began: Began, assigned: &Assigned) -> Result<(), ConnectorError> {
        let mut state = assigned.0.lock().unwrap_or_else(PoisonError::into_inner);
        if *state == State::Dropped {
            return Ok(());
        }
        let mut list = TopicPartitionList::new();
        let added = list.add_partition_offset(&self.topic, partition, KafkaOffset::Offset(began.next));
        let added = added.and_then(|()| self.client.incremental_assign(&list));
        let what = || format!("cannot read {}/{partition}, which may be read already", self.topic);
        added.map_err(|error| cannot(&what(), &error))?;
        *state = State::Fetching;
        Ok(())
    }

    fn look_for_partitions(&mut self) {
        let (Some(discover), Some(clock)) = (self.discover, &self.clock) else { return };
        let now = clock.now_us();
        if u128::try_from(now - self.looked_at).is_ok_and(|passed| passed < discover.as_micros()) {
            return;
        }
        self.looked_at = now;
        match topic::partitions(self.client.client(), &self.topic) {
            Ok(partitions) => {
                // Partitions are never taken away; fewer are an answer from an old leader.
                self.partitions.fetch_max(partitions, Ordering::Relaxed);
                // Brokers answer again; without a message nobody else would say so.
                self.client.context().0.clear();
            }
            Err(error) => {
                self.client.context().0.set(format!("no new partitions can be found: {}", describe(&error)));
            }
        }
    }
}
