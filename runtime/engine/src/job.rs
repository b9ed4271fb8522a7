//! A job: a checked pipeline, how it is started, and the handle on what runs.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arrow::datatypes::{Schema, SchemaRef};
use crossbeam_channel::{Receiver, Sender, bounded};
use weir_core::checkpoint::Timing;
use weir_core::connector::{Connectors, Sink, SinkReport, Source};
use weir_core::graph::LogicalGraph;
use weir_core::limits::{CHANNEL_ELEMENTS_MAX, CHECKPOINT_FAILURES_MAX};
use weir_core::time::{Clock, WATERMARK_MAX, WATERMARK_MIN};
use weir_host::{GuestLog, Host, NoLog};
use weir_state::checkpoint::Lease;

use crate::build::{Built, BuiltSubtask, Origin, StartError};
use crate::checkpointer::{CheckpointFailure, CheckpointStatus, Checkpointer, Storage};
use crate::operator::Metrics;
use crate::operators::LatencyHistogram;
use crate::plan::{CheckError, PhysicalGraph, Pruned, Resolved, ResolvedKind, ResolvedNode};
use crate::recovery::{Durable, Recovered};
use crate::worker::{CheckpointWorker, Control, Status, Worker, WorkerError};

/// A pipeline that was checked and can be started, any number of times.
pub struct Job {
    pub(crate) name: String,
    pub(crate) resolved: Resolved,
    pub(crate) pruned: Pruned,
    pub(crate) physical: PhysicalGraph,
    pub(crate) groups: u32,
    pub(crate) batch_rows_max: usize,
    pub(crate) linger_ms: u64,
    pub(crate) guest_log: Arc<dyn GuestLog>,
    /// Whether the pipeline keeps checkpoints.
    pub(crate) is_durable: bool,
}

impl Job {
    /// Opens the connectors' descriptions and the components, checks every schema, and plans the subtasks.
    ///
    /// # Errors
    /// The first thing that does not fit, with its place in the pipeline file.
    pub fn check(graph: &LogicalGraph, connectors: &dyn Connectors, host: &Host) -> Result<Self, CheckError> {
        let resolved = Resolved::new(graph, connectors, host)?;
        let pruned = Pruned::new(&resolved);
        let physical = PhysicalGraph::new(&resolved, &pruned, graph.max_parallelism);
        let job = Self {
            name: graph.name.clone(),
            resolved,
            pruned,
            physical,
            groups: graph.max_parallelism,
            batch_rows_max: graph.batch_rows_max,
            linger_ms: graph.linger_ms,
            guest_log: Arc::new(NoLog),
            is_durable: graph.checkpoint.is_some(),
        };
        Ok(job)
    }

    /// Where operators' log lines go; nowhere, if this is not called.
    #[must_use]
    pub fn with_guest_log(mut self, guest_log: Arc<dyn GuestLog>) -> Self {
        self.guest_log = guest_log;
        self
    }

    /// Starts every subtask on a thread of its own; nothing is kept of what the job has done.
    ///
    /// # Errors
    /// If a split, a writer or an operator cannot be made; then nothing runs.
    pub fn start(&self, clock: Arc<dyn Clock>) -> Result<JobHandle, StartError> {
        self.launch(clock, Launch::UNKEPT, Origin::default())
    }

    /// Starts the job where its last checkpoint was, at any parallelism, and keeps checkpoints as it goes on. Older generations
    /// of the job are shut out.
    ///
    /// # Errors
    /// As [`Job::start`], or if there is no checkpoint that the job can go on from.
    pub fn resume(&self, clock: Arc<dyn Clock>, durable: &Durable) -> Result<JobHandle, StartError> {
        let Recovered { lease, checkpoint, notes } = durable.recover(self, clock.now_us())?;
        let origin = Origin::of(&lease, checkpoint.as_ref());
        let mut handle = self.launch(clock, Launch::kept(self, durable, lease), origin)?;
        handle.from = checkpoint.map(|c| c.manifest.number);
        handle.notes = notes;
        Ok(handle)
    }

    fn launch(&self, clock: Arc<dyn Clock>, launch: Launch, origin: Origin<'_>) -> Result<JobHandle, StartError> {
        let Launch { timing, storage } = launch;
        let built = Built::new(self, &clock, origin)?;
        let subtasks = built.subtasks.len();
        let checkpointer = Checkpointer::new(timing, subtasks, storage, built.sinks, self.sources(), clock.now_us());
        let checkpoints = checkpointer.status();
        let (senders, mut receivers): (Vec<_>, Vec<_>) =
            (0..built.channels).map(|_| bounded(CHANNEL_ELEMENTS_MAX)).map(|(s, r)| (s, Some(r))).unzip();
        let control = Arc::new(Control::default());
        let threads = Threads::new(subtasks + 1, control.clone());
        let (parts, frozen) = bounded(PARTS_A_SUBTASK_MAX * subtasks);
        let mut statuses = Vec::with_capacity(subtasks);
        for (number, BuiltSubtask { subtask, inputs, outputs }) in built.subtasks.into_iter().enumerate() {
            let (name, status) = (subtask.name.clone(), Arc::new(Status::default()));
            statuses.push(status.clone());
            let worker = Worker {
                subtask,
                number,
                parts: parts.clone(),
                inputs: inputs.into_iter().filter_map(|c| receivers[c].take()).collect(),
                outputs: outputs
                    .into_iter()
                    .map(|targets| targets.into_iter().map(|c| c.map(|c| senders[c].clone())).collect())
                    .collect(),
                control: control.clone(),
                status,
                clock: clock.clone(),
                linger: Duration::from_millis(self.linger_ms.max(1)),
            };
            let subtask = name.clone();
            threads.spawn(name, move || {
                worker.run().map_err(|error| JobError::Subtask { subtask, error: Box::new(error) })
            })?;
        }
        let worker = CheckpointWorker {
            checkpointer,
            parts: frozen,
            _open: parts,
            control: control.clone(),
            clock: clock.clone(),
        };
        threads.spawn("checkpoints".to_owned(), move || {
            worker.run().map_err(|error| JobError::Checkpoint(Box::new(error)))
        })?;
        Ok(JobHandle {
            started_us: clock.now_us(),
            clock,
            control,
            running: statuses.len() + 1,
            statuses,
            ended: threads.ended,
            error: None,
            stopped: false,
            names: self.resolved.nodes.iter().map(|n| (n.name.clone(), NodeRole::of(&n.kind))).collect(),
            metrics: built.metrics,
            reports: built.reports,
            latency: built.latency,
            checkpoints,
            outsides: self.resolved.nodes.iter().filter_map(Outside::of).collect(),
            from: None,
            notes: Vec::new(),
        })
    }

    /// Its sources, by name.
    pub(crate) fn sources(&self) -> Vec<(String, Arc<dyn Source>)> {
        let sources = self.resolved.nodes.iter().filter_map(|node| match &node.kind {
            ResolvedKind::Source(source) => Some((node.name.clone(), source.source.clone())),
            _ => None,
        });
        sources.collect()
    }

    /// The columns that a node gets.
    pub(crate) fn input_schema(&self, node: usize) -> SchemaRef {
        let columns = &self.pruned.nodes[node].input;
        let full = self.resolved.nodes[node].input.clone().unwrap_or_else(|| Arc::new(Schema::empty()));
        Arc::new(Schema::new(columns.iter().map(|c| full.fields()[*c].clone()).collect::<Vec<_>>()))
    }

    /// How many channels each subtask at the end of an edge reads of it.
    pub(crate) fn channels_into(&self, edge: usize) -> usize {
        let edge = &self.physical.edges[edge];
        match edge.partitioning {
            crate::exchange::Partitioning::Forward => 1,
            _ => self.physical.chains[edge.from].parallelism,
        }
    }
}

/// When and where a job that starts keeps checkpoints.
pub(crate) struct Launch {
    pub(crate) timing: Timing,
    pub(crate) storage: Option<Storage>,
}

impl Launch {
    /// Nothing is kept; sinks commit once, at the end.
    pub(crate) const UNKEPT: Self = Self {
        timing: Timing { interval_us: None, min_pause_us: 0, timeout_us: i64::MAX, failures_max: 0 },
        storage: None,
    };

    pub(crate) fn kept(job: &Job, durable: &Durable, lease: Lease) -> Self {
        let settings = &durable.settings;
        let us = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX).saturating_mul(1000);
        let timing = Timing {
            interval_us: Some(us(settings.interval_ms)),
            min_pause_us: us(settings.min_pause_ms),
            timeout_us: us(settings.timeout_ms),
            failures_max: CHECKPOINT_FAILURES_MAX,
        };
        Self { timing, storage: Some(Storage { lease, key_groups: job.groups, keep: settings.keep }) }
    }
}

/// The threads of a job; each says how it ended.
struct Threads {
    control: Arc<Control>,
    done: Sender<Result<(), JobError>>,
    ended: Receiver<Result<(), JobError>>,
}

impl Threads {
    fn new(threads: usize, control: Arc<Control>) -> Self {
        let (done, ended) = bounded(threads);
        Self { control, done, ended }
    }

    fn spawn(
        &self,
        name: String,
        run: impl FnOnce() -> Result<(), JobError> + Send + 'static,
    ) -> Result<(), StartError> {
        let (done, thread) = (self.done.clone(), name.clone());
        let run = move || {
            let result = catch_unwind(AssertUnwindSafe(run));
            let panicked = |panic: Box<dyn std::any::Any + Send>| {
                Err(JobError::Panic { subtask: thread, message: panic_text(panic.as_ref()) })
            };
            // Nobody listens any more if the handle is gone.
            let _ = done.send(result.unwrap_or_else(panicked));
        };
        let spawned = std::thread::Builder::new().name(name.clone()).spawn(run);
        spawned.map(drop).map_err(|error| {
            self.control.stop.store(true, Ordering::Relaxed);
            StartError::Thread { subtask: name, error }
        })
    }
}

/// Parts of checkpoints that wait to be put together, a subtask: one of the attempt under way, one of an attempt given up, its
/// last.
const PARTS_A_SUBTASK_MAX: usize = 3;

/// A running job. Dropping it stops the job.
pub struct JobHandle {
    started_us: i64,
    clock: Arc<dyn Clock>,
    control: Arc<Control>,
    statuses: Vec<Arc<Status>>,
    running: usize,
    ended: Receiver<Result<(), JobError>>,
    error: Option<JobError>,
    /// Whether a subtask was stopped before its stream ended.
    stopped: bool,
    names: Vec<(String, NodeRole)>,
    metrics: Vec<Metrics>,
    reports: Vec<Arc<Mutex<SinkReport>>>,
    latency: Arc<LatencyHistogram>,
    checkpoints: Arc<Mutex<CheckpointStatus>>,
    outsides: Vec<(String, Outside)>,
    from: Option<u64>,
    notes: Vec<String>,
}

/// Another system that a job waits for.
enum Outside {
    Source(Arc<dyn Source>),
    Sink(Arc<dyn Sink>),
}

impl Outside {
    fn of(node: &ResolvedNode) -> Option<(String, Self)> {
        let outside = match &node.kind {
            ResolvedKind::Source(source) => Self::Source(source.source.clone()),
            ResolvedKind::Sink { sink, .. } => Self::Sink(sink.clone()),
            _ => return None,
        };
        Some((node.name.clone(), outside))
    }

    fn trouble(&self) -> Option<String> {
        match self {
            Self::Source(source) => source.trouble(),
            Self::Sink(sink) => sink.trouble(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NodeRole {
    Source,
    Operator,
    Sink,
}

impl NodeRole {
    fn of(kind: &ResolvedKind) -> Self {
        match kind {
            ResolvedKind::Source(_) => Self::Source,
            ResolvedKind::Sink { .. } => Self::Sink,
            _ => Self::Operator,
        }
    }
}

/// Why a job failed.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// A subtask could not go on.
    #[error("subtask {subtask:?} failed")]
    Subtask {
        /// Its name.
        subtask: String,
        /// Why.
        #[source]
        error: Box<WorkerError>,
    },
    /// Checkpoints could not go on.
    #[error("the job cannot keep what it has done")]
    Checkpoint(#[source] Box<CheckpointFailure>),
    /// A subtask panicked: a bug in Weir.
    #[error("subtask {subtask:?} panicked: {message}; this is a bug in weir")]
    Panic {
        /// Its name.
        subtask: String,
        /// The panic's message.
        message: String,
    },
    /// [`JobHandle::stop`] was called.
    #[error("the job was stopped before its input ended")]
    Stopped,
}

/// Counts of one node.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct NodeCounts {
    /// The node's name.
    pub name: String,
    /// Rows that came in; of a source: that it read.
    pub rows_in: u64,
    /// Rows that went out, over all outputs.
    pub rows_out: u64,
    /// Rows that came after all their windows had closed.
    pub rows_late: u64,
    /// Rows that could not be processed.
    pub rows_failed: u64,
}

/// What a job has done so far.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Progress {
    /// Rows that the sources read.
    pub rows_in: u64,
    /// Rows that reached a sink, those of side outputs among them.
    pub rows_out: u64,
    /// Rows that came too late.
    pub rows_late: u64,
    /// Rows that could not be processed.
    pub rows_failed: u64,
    /// The least watermark of all subtasks; `None` before the first, and when all have ended.
    pub watermark_us: Option<i64>,
    /// How much of the input was read, from 0 to 1, if that is known.
    pub fraction: Option<f64>,
    /// By node.
    pub nodes: Vec<NodeCounts>,
    /// What is kept of it.
    pub checkpoints: CheckpointStatus,
    /// What sources and sinks wait for, by name, if they are not as they should be.
    pub troubles: Vec<(String, String)>,
}

/// What a job has done when it is done.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Summary {
    /// From start to end, microseconds.
    pub elapsed_us: i64,
    /// Counts.
    #[serde(flatten)]
    pub progress: Progress,
    /// From a row's arrival to its sink, the median, microseconds; `None`: no row reached a sink.
    pub latency_p50_us: Option<u64>,
    /// The same, the 99th percentile.
    pub latency_p99_us: Option<u64>,
    /// What every sink did, as far as it is committed; since the job began, checkpoints that it went on from included.
    pub sinks: Vec<SinkSummary>,
    /// Its input has not ended: it has taken a last checkpoint and stopped.
    pub suspended: bool,
}

/// What a sink did.
#[derive(Clone, Debug, serde::Serialize)]
pub struct SinkSummary {
    /// Its name.
    pub name: String,
    /// Rows written.
    pub rows: u64,
    /// Order-insensitive checksum of the rows, if it was asked for: 16 hex digits.
    pub checksum: Option<String>,
}

impl JobHandle {
    /// What it has done so far.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let load = |n: &std::sync::atomic::AtomicU64| n.load(Ordering::Relaxed);
        let nodes: Vec<NodeCounts> = (self.names.iter().zip(&self.metrics))
            .map(|((name, _), m)| NodeCounts {
                name: name.clone(),
                rows_in: load(&m.rows_in),
                rows_out: load(&m.rows_out),
                rows_late: load(&m.rows_late),
                rows_failed: load(&m.rows_failed),
            })
            .collect();
        let of = |role: NodeRole| {
            let nodes = nodes.iter().zip(&self.names).filter(move |(_, (_, r))| *r == role);
            nodes.map(|(counts, _)| counts.rows_in).sum::<u64>()
        };
        let watermarks = self.statuses.iter().map(|s| s.watermark_us.load(Ordering::Relaxed));
        let watermark = watermarks.min().filter(|w| *w != WATERMARK_MIN && *w != WATERMARK_MAX);
        let fractions: Vec<f64> = self.statuses.iter().filter_map(|s| s.progress()).collect();
        Progress {
            rows_in: of(NodeRole::Source),
            rows_out: of(NodeRole::Sink),
            rows_late: nodes.iter().map(|n| n.rows_late).sum(),
            rows_failed: nodes.iter().map(|n| n.rows_failed).sum(),
            watermark_us: watermark,
            fraction: (!fractions.is_empty()).then(|| fractions.iter().sum::<f64>() / fractions.len() as f64),
            nodes,
            checkpoints: self.checkpoints.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            troubles: self
                .outsides
                .iter()
                .filter_map(|(name, outside)| Some((name.clone(), outside.trouble()?)))
                .collect(),
        }
    }

    /// The checkpoint that the job has gone on from.
    #[must_use]
    pub fn from(&self) -> Option<u64> {
        self.from
    }

    /// What a person should know about that, one line each.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Takes a last checkpoint and stops: the job can go on from there later. For a job that was started with [`Job::resume`].
    pub fn suspend(&self) {
        self.control.suspend.store(true, Ordering::Relaxed);
        self.control.ask.store(true, Ordering::Relaxed);
    }

    /// Ends the sources as if their input had ended: what was read is processed, windows fire, sinks finish.
    pub fn drain(&self) {
        self.control.drain.store(true, Ordering::Relaxed);
    }

    /// Stops at once: sinks leave nothing half-written behind, and do not finish.
    pub fn stop(&self) {
        self.control.stop.store(true, Ordering::Relaxed);
    }

    /// Waits at most so long for the end. `None`: it still runs.
    pub fn wait(&mut self, timeout: Duration) -> Option<Result<Summary, JobError>> {
        let mut timeout = timeout;
        while self.running > 0 {
            let result = self.ended.recv_timeout(timeout).ok()?;
            self.running -= 1;
            if let Err(error) = result {
                // The first that is not a consequence of another is the reason.
                let consequence =
                    matches!(&error, JobError::Subtask { error, .. } if matches!(**error, WorkerError::Stopped));
                self.stopped |= consequence;
                if self.error.is_none() && !consequence {
                    self.error = Some(error);
                }
                self.stop();
            }
            if self.control.stop.load(Ordering::Relaxed) {
                // The others follow soon, now that a neighbour is gone.
                timeout = timeout.max(Duration::from_millis(100));
            }
        }
        if let Some(error) = self.error.take() {
            return Some(Err(error));
        }
        let suspended = self.control.suspended.load(Ordering::Acquire);
        if self.stopped && !suspended {
            return Some(Err(JobError::Stopped));
        }
        Some(Ok(Summary { suspended, ..self.summary() }))
    }

    fn summary(&self) -> Summary {
        let sinks = self.names.iter().zip(&self.reports).filter(|((_, role), _)| *role == NodeRole::Sink);
        Summary {
            elapsed_us: self.clock.now_us().saturating_sub(self.started_us),
            progress: self.progress(),
            latency_p50_us: self.latency.quantile(0.5),
            latency_p99_us: self.latency.quantile(0.99),
            suspended: false,
            sinks: sinks
                .map(|((name, _), report)| {
                    let report = report.lock().unwrap_or_else(PoisonError::into_inner);
                    let checksum = report.checksum.map(|c| format!("{c:016x}"));
                    SinkSummary { name: name.clone(), rows: report.rows, checksum }
                })
                .collect(),
        }
    }
}

impl Drop for JobHandle {
    fn drop(&mut self) {
        self.stop();
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}
