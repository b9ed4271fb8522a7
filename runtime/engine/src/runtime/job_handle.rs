//! The handle on a job that runs: what it has done so far, how it is ended, and what is told of it when it is done.

use std::sync::atomic::Ordering;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crossbeam_channel::Receiver;
use weir_core::connector::{Sink, SinkReport, Source};
use weir_core::swap::Probation;
use weir_core::time::{Clock, WATERMARK_MAX, WATERMARK_MIN};

use crate::checkpoint::failure::CheckpointFailure;
use crate::checkpoint::status::CheckpointStatus;
use crate::dataflow::latency::LatencyHistogram;
use crate::dataflow::metrics::Metrics;
use crate::plan::job::Job;
use crate::plan::node::Role;
use crate::plan::resolved::ResolvedNode;
use crate::replace::shadow::SharedShadow;
use crate::replace::trial::SharedSwap;
use crate::replace::version::SwapError;
use crate::runtime::control::{Control, Request};
use crate::runtime::figures::{JobFigures, NodeCounts, NodeFigures};
use crate::runtime::late::{LateRows, LateWatch};
use crate::runtime::untried::UntriedRows;
use crate::runtime::worker::{Status, WorkerError};

/// A running job. Dropping it stops the job.
pub struct JobHandle {
    pub(crate) started_us: i64,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) control: Arc<Control>,
    pub(crate) statuses: Vec<Arc<Status>>,
    pub(crate) running: usize,
    pub(crate) ended: Receiver<Result<(), JobError>>,
    pub(crate) error: Option<JobError>,
    /// Whether a subtask was stopped before its stream ended.
    pub(crate) stopped: bool,
    pub(crate) names: Vec<(String, NodeRole)>,
    pub(crate) metrics: Vec<Metrics>,
    pub(crate) late: LateWatch,
    pub(crate) reports: Vec<Arc<Mutex<SinkReport>>>,
    pub(crate) latency: Arc<LatencyHistogram>,
    pub(crate) checkpoints: Arc<Mutex<CheckpointStatus>>,
    pub(crate) outsides: Vec<(String, Outside)>,
    pub(crate) from: Option<u64>,
    pub(crate) notes: Vec<String>,
    pub(crate) is_durable: bool,
}

/// Another system that a job waits for.
pub(crate) enum Outside {
    Source(Arc<dyn Source>),
    Sink(Arc<dyn Sink>),
}

impl Outside {
    pub(crate) fn of(node: &ResolvedNode) -> Option<(String, Self)> {
        let outside = match node.step.role() {
            Role::Source(source) => Self::Source(source.source.clone()),
            Role::Sink(sink, _) => Self::Sink(sink.clone()),
            Role::Operator => return None,
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
pub(crate) enum NodeRole {
    Source,
    Operator,
    Sink,
}

impl NodeRole {
    pub(crate) fn of(node: &ResolvedNode) -> Self {
        match node.step.role() {
            Role::Source(_) => Self::Source,
            Role::Sink(..) => Self::Sink,
            Role::Operator => Self::Operator,
        }
    }
}

/// Why a job failed.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// A subtask could not continue.
    #[error("subtask {subtask:?} failed")]
    Subtask {
        /// Its name.
        subtask: String,
        /// Why.
        #[source]
        error: Box<WorkerError>,
    },
    /// Checkpoints could not continue.
    #[error("the job cannot keep its progress")]
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

/// What a job has done so far.
#[derive(Clone, Debug, Default, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
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
    /// Rows that came late and were dropped, by step.
    pub late: Vec<LateRows>,
    /// Rows that were not tried, by step.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub untried: Vec<UntriedRows>,
    /// What is kept of it.
    pub checkpoints: CheckpointStatus,
    /// What sources and sinks wait for, by name, if they are not as they should be.
    pub troubles: Vec<(String, String)>,
}

/// What a job has done when it is done.
#[derive(Clone, Debug, Default, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
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
    /// What every sink did, as far as it is committed; since the job began, checkpoints that it resumed from included.
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
        let counts = |((name, role), metrics): (&(String, NodeRole), &Metrics)| NodeCounts {
            is_source: *role == NodeRole::Source,
            ..NodeCounts::of(name, metrics)
        };
        let nodes: Vec<NodeCounts> = self.names.iter().zip(&self.metrics).map(counts).collect();
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
            late: self.late.late(&nodes),
            untried: UntriedRows::of(&nodes),
            nodes,
            checkpoints: self.checkpoints.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            troubles: self
                .outsides
                .iter()
                .filter_map(|(name, outside)| Some((name.clone(), outside.trouble()?)))
                .collect(),
        }
    }

    /// Whether its sources have read what was there when they began: see [`Job::stop_at_present`](crate::Job::stop_at_present).
    #[must_use]
    pub fn is_caught_up(&self) -> bool {
        self.statuses.iter().all(|status| status.is_caught_up.load(Ordering::Relaxed))
    }

    /// What has happened to its sources' inputs since it was asked last, one line each.
    pub(crate) fn take_notices(&self) -> Vec<String> {
        let of_source = |(name, outside): &(String, Outside)| match outside {
            Outside::Source(source) => {
                source.take_notices().into_iter().map(|notice| format!("{name}: {notice}")).collect::<Vec<_>>()
            }
            Outside::Sink(_) => Vec::new(),
        };
        let of_steps = self.names.iter().zip(&self.metrics).flat_map(|((name, _), metrics)| {
            metrics.take_notices().into_iter().map(move |notice| format!("{name}: {notice}"))
        });
        self.outsides.iter().flat_map(of_source).chain(of_steps).collect()
    }

    /// What its subtasks and nodes do, as numbers.
    #[must_use]
    pub fn figures(&self) -> JobFigures {
        let now_us = self.clock.now_us();
        let state = self.checkpoints.lock().unwrap_or_else(PoisonError::into_inner).state_bytes.clone();
        let nodes = self.names.iter().zip(&self.metrics);
        JobFigures {
            subtasks: self.statuses.iter().map(|status| status.figures(now_us)).collect(),
            nodes: nodes.map(|((name, _), metrics)| NodeFigures::of(name, metrics, state.get(name).copied())).collect(),
            swap: self.control.swap().map(|swap| swap.cut_over()),
        }
    }

    /// The checkpoint that the job has resumed from.
    #[must_use]
    pub fn from(&self) -> Option<u64> {
        self.from
    }

    /// What a person should know about that, one line each.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Begins a checkpoint as soon as one can begin, and tells its number when it is complete: it is pinned from its beginning. For
    /// a job that was started with [`Job::resume`](crate::Job::resume). If that ends before, nothing is told, and the sender is gone.
    pub fn savepoint(&self, tell: SyncSender<u64>) {
        self.control.request(Request::Savepoint(tell));
    }

    /// Takes a last checkpoint and stops: the job can resume from there later. For a job that was started with
    /// [`Job::resume`](crate::Job::resume).
    pub fn suspend(&self) {
        self.control.request(Request::Suspend);
    }

    /// Runs other versions of its operators from the barrier of its next checkpoint on, which begins at once: `new` is what
    /// [`Job::swapped`](crate::Job::swapped) made of `old`, which runs now.
    ///
    /// # Errors
    /// If the job keeps no checkpoints, another swap is not over yet, or an instance cannot be made; then nothing has changed.
    pub fn swap(&mut self, old: &Job, new: &Job, probation: Probation) -> Result<SharedSwap, SwapError> {
        self.check_swappable()?;
        let pending = new.pending_swap(old, probation, &self.metrics, &self.clock)?;
        let swap = pending.swap.clone();
        self.control.request(Request::Swap(pending));
        Ok(swap)
    }

    /// Rolls the last swap back, if it is not decided yet.
    pub fn roll_back(&self) {
        self.control.request(Request::RollBack);
    }

    /// Calls other versions of its operators beside those that run, from the next barrier on until a time of the clock that it was
    /// started with, and compares what they make; nothing of it comes into the stream. A swap ends it, and so does another one.
    ///
    /// # Errors
    /// As [`JobHandle::swap`].
    pub fn shadow(&mut self, old: &Job, new: &Job, until_us: i64) -> Result<SharedShadow, SwapError> {
        self.check_swappable()?;
        let pending = new.pending_shadow(old, until_us, &self.clock)?;
        let shadow = pending.shadow.clone();
        self.control.request(Request::Shadow(pending));
        Ok(shadow)
    }

    /// Whether other versions can be put in place now.
    fn check_swappable(&self) -> Result<(), SwapError> {
        if !self.is_durable {
            return Err(SwapError::NotDurable);
        }
        match self.control.swap().is_some_and(|swap| swap.is_under_way()) {
            true => Err(SwapError::UnderWay),
            false => Ok(()),
        }
    }

    /// Ends the sources as if their input had ended: what was read is processed, windows fire, sinks finish.
    pub fn drain(&self) {
        self.control.request(Request::Drain);
    }

    /// Stops at once: sinks leave nothing half-written behind, and do not finish.
    pub fn stop(&self) {
        self.control.request(Request::Stop);
        for (_, outside) in &self.outsides {
            if let Outside::Sink(sink) = outside {
                sink.give_up();
            }
        }
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
            if self.control.is_stopped() {
                // The others follow soon, now that a neighbour is gone.
                timeout = timeout.max(Duration::from_millis(100));
            }
        }
        if let Some(error) = self.error.take() {
            return Some(Err(error));
        }
        let suspended = self.control.is_suspended();
        if self.stopped && !suspended {
            return Some(Err(JobError::Stopped));
        }
        Some(Ok(Summary { suspended, ..self.summary() }))
    }

    /// What it has done, as if it were done.
    pub(crate) fn summary(&self) -> Summary {
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
        self.control.request(Request::EndShadow);
        self.stop();
    }
}
