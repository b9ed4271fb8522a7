//! [`JobFigures`]: what a running job's subtasks and operators do, as numbers for people and for monitoring. Counts begin with the
//! start of the job, a restart included, and never go back while it runs.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;
use weir_core::swap::CutOver;

use crate::dataflow::metrics::{CallTimes, GuestMetrics, OperatorMetrics};

/// The figures of a running job. Of one that waits to be started again there are none.
#[derive(Clone, Debug, Default)]
pub struct JobFigures {
    /// By subtask.
    pub subtasks: Vec<SubtaskFigures>,
    /// By node, in the order of the pipeline file.
    pub nodes: Vec<NodeFigures>,
    /// The last swap since the job was started: what it took.
    pub swap: Option<CutOver>,
}

/// What one subtask spends its time on. The three times are all of it.
#[derive(Clone, Debug, Default)]
pub struct SubtaskFigures {
    /// Its chain's name and its number: `NAME -> NAME/NUMBER`.
    pub name: String,
    /// The nodes whose rows it processes.
    pub nodes: Vec<String>,
    /// In which it worked, or waited for another system in a sink, microseconds.
    pub busy_us: u64,
    /// In which it waited for room in a channel, since who comes after it is slower, microseconds.
    pub backpressured_us: u64,
    /// In which it waited for rows, microseconds.
    pub idle_us: u64,
    /// The last watermark, microseconds since the epoch; `None` before the first, and at the end of the stream.
    pub watermark_us: Option<i64>,
}

/// Counts of one node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct NodeCounts {
    /// The node's name.
    pub name: String,
    /// Whether it is a source.
    #[serde(skip)]
    pub is_source: bool,
    /// Rows that came in; of a source: that it read, without those that failed.
    pub rows_in: u64,
    /// As [`OperatorMetrics::rows_before`].
    #[serde(skip)]
    pub(crate) rows_before: u64,
    /// Rows that went out, over all outputs.
    pub rows_out: u64,
    /// Rows that came after all their windows had closed.
    pub rows_late: u64,
    /// How much longer its windows would have had to wait for all of them, microseconds; 0 if none came late.
    pub late_by_us: u64,
    /// Rows that could not be processed.
    pub rows_failed: u64,
    /// Batches of which rows were not tried, since `limits.batch-time` was used up; these are among those that failed.
    #[serde(skip_serializing_if = "is_zero")]
    pub batches_untried: u64,
    /// That limit, milliseconds.
    #[serde(skip)]
    pub(crate) batch_time_limit_ms: u64,
    /// Of a source: the split that is furthest behind in event time, and holds up its watermark.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slowest_split: Option<String>,
    /// It, and its watermark.
    #[serde(skip)]
    pub(crate) slowest: Option<(i64, String)>,
}

/// What one node does, over all its subtasks.
#[derive(Clone, Debug, Default)]
pub struct NodeFigures {
    /// Counts of rows.
    pub counts: NodeCounts,
    /// Bytes of the columns that came in.
    pub bytes_in: u64,
    /// Bytes of the columns that went out, over all outputs.
    pub bytes_out: u64,
    /// Its components; `None`: it has none.
    pub guests: Option<GuestFigures>,
    /// Bytes that its state takes in memory, and what it may take.
    pub memory_bytes: u64,
    /// See `memory_bytes`; `None`: it keeps no state.
    pub memory_limit_bytes: Option<u64>,
    /// Bytes of its state in the last complete checkpoint; `None`: there is none of this run.
    pub state_bytes: Option<u64>,
}

/// The instances of a node's components, those of a swap that is not decided included, those of a shadow not.
#[derive(Clone, Debug, Default)]
pub struct GuestFigures {
    /// How many there are.
    pub instances: u64,
    /// Their memory, bytes.
    pub memory_bytes: u64,
    /// What they may have together, bytes.
    pub memory_limit_bytes: u64,
    /// How long a call may take, microseconds; of several components the newest instance's limit.
    pub call_time_limit_us: u64,
    /// How long calls took, by time; those that failed included.
    pub calls: Vec<CallTimeBucket>,
    /// How long they took together, microseconds.
    pub call_time_us: u64,
}

/// Calls that took about as long as each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallTimeBucket {
    /// The longest that is counted here and not in the bucket before, microseconds; `None`: any.
    pub up_to_us: Option<u64>,
    /// How many calls.
    pub calls: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

fn load(n: &AtomicU64) -> u64 {
    n.load(Ordering::Relaxed)
}

impl NodeCounts {
    pub(crate) fn of(name: &str, metrics: &OperatorMetrics) -> Self {
        let slowest = metrics.slowest_split();
        Self {
            name: name.to_owned(),
            is_source: false,
            rows_in: load(&metrics.rows_in),
            rows_before: load(&metrics.rows_before),
            rows_out: load(&metrics.rows_out),
            rows_late: load(&metrics.rows_late),
            late_by_us: load(&metrics.late_by_us),
            rows_failed: load(&metrics.rows_failed),
            batches_untried: load(&metrics.guests.batches_untried),
            batch_time_limit_ms: load(&metrics.guests.batch_time_limit_ms),
            slowest_split: slowest.as_ref().map(|(_, split)| split.clone()),
            slowest,
        }
    }
}

impl NodeFigures {
    pub(crate) fn of(name: &str, metrics: &OperatorMetrics, state_bytes: Option<u64>) -> Self {
        Self {
            counts: NodeCounts::of(name, metrics),
            bytes_in: load(&metrics.bytes_in),
            bytes_out: load(&metrics.bytes_out),
            guests: GuestFigures::of(&metrics.guests),
            memory_bytes: metrics.memory.used(),
            memory_limit_bytes: Some(metrics.memory.limit()).filter(|limit| *limit < u64::MAX),
            state_bytes,
        }
    }
}

impl GuestFigures {
    fn of(guests: &GuestMetrics) -> Option<Self> {
        let GuestMetrics { instances, memory_bytes, memory_limit_bytes, call_time_limit_ms, calls, .. } = guests;
        let bucket = |(up_to_us, calls)| CallTimeBucket { up_to_us, calls };
        (load(call_time_limit_ms) > 0).then(|| Self {
            instances: load(instances),
            memory_bytes: load(memory_bytes),
            memory_limit_bytes: load(memory_limit_bytes),
            call_time_limit_us: load(call_time_limit_ms).saturating_mul(1_000),
            calls: CallTimes::buckets(calls).map(bucket).collect(),
            call_time_us: calls.sum_us(),
        })
    }
}
