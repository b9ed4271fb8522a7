//! Jobs: what they are to run, what they do, and what they say.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::SwapStatus;

/// A pipeline that is to run.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Deploy {
    /// The text of its file.
    pub pipeline: String,
    /// Only check it.
    #[serde(default)]
    pub dry_run: bool,
    /// Names whose state may be discarded.
    #[serde(default)]
    pub allow_dropped_state: Vec<String>,
    /// The revision that should be replaced; if the job has another one by now, nothing happens.
    #[serde(default)]
    pub expected_revision: Option<u64>,
}

/// What happened to a deployment.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Deployed {
    /// The job.
    pub job: String,
    /// The revision that is to run; of a dry run: that runs.
    pub revision: Option<u64>,
    /// Whether anything has changed, or would.
    pub changed: bool,
    /// The pipeline that ran before.
    pub before: Option<String>,
    /// Notes for a person.
    pub notes: Vec<String>,
}

/// What a job is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum JobState {
    /// It is about to run.
    Starting,
    /// It runs.
    Running,
    /// It has failed, and starts again by itself.
    Restarting,
    /// It is about to stop.
    Stopping,
    /// Somebody stopped it.
    Stopped,
    /// Its input has ended.
    Finished,
    /// It has failed for good.
    Failed,
    /// The server has ended under it again and again: it waits for somebody to start it.
    Quarantined,
}

/// A job in a line.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct JobSummary {
    /// Its name.
    pub name: String,
    /// What it is doing.
    pub state: JobState,
    /// Why, if it does not run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The revision that is to run.
    pub revision: u64,
    /// When it was first deployed.
    pub created_us: i64,
    /// When it was started last, by somebody, after a failure, or with the server. None: it was not since the server was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since_us: Option<i64>,
    /// Rows that its sources have read since somebody started it last. A restart takes them back to about where the last checkpoint was.
    pub rows_in: u64,
    /// Rows that have reached a sink, as far.
    pub rows_out: u64,
    /// Rows per second, over the last moments.
    pub rows_per_s: f64,
    /// Rows that could not be processed.
    pub rows_failed: u64,
    /// The least watermark; none of a job that has ended or was stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watermark_us: Option<i64>,
    /// How far the watermark is behind the clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lag_us: Option<i64>,
    /// The last complete checkpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<u64>,
    /// The last swap since the job was started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub swap: Option<SwapStatus>,
}

/// Everything that the server knows about a job.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct JobDetail {
    /// In a line.
    #[serde(flatten)]
    pub summary: JobSummary,
    /// The pipeline of its revision.
    pub pipeline: String,
    /// Its steps, inputs first.
    pub nodes: Vec<JobNode>,
    /// Its threads; none, if it does not run.
    pub subtasks: Vec<JobSubtask>,
    /// When these figures were taken.
    pub at_us: i64,
    /// What its sources and sinks wait for, and what is wrong with its checkpoints.
    pub troubles: Vec<String>,
    /// Its revisions, oldest first.
    pub revisions: Vec<Revision>,
    /// Its savepoints, oldest first.
    pub savepoints: Vec<Savepoint>,
}

/// A step of a job.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct JobNode {
    /// Its name.
    pub name: String,
    /// `source`, `transform`, `keyed operator`, `window` or `sink`.
    pub kind: String,
    /// What it reads.
    pub inputs: Vec<String>,
    /// Its subtasks.
    pub parallelism: usize,
    /// The version of an operator that it runs, `NAME@VERSION`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub component: Option<String>,
    /// Rows that came in.
    pub rows_in: u64,
    /// Rows that went out.
    pub rows_out: u64,
    /// Rows that came too late.
    pub rows_late: u64,
    /// How much longer its windows would have had to wait for all of them, microseconds.
    #[serde(default)]
    pub late_by_us: u64,
    /// Rows that could not be processed.
    pub rows_failed: u64,
    /// Bytes of its state in the last complete checkpoint.
    pub state_bytes: u64,
    /// Bytes of the columns that came in.
    pub bytes_in: u64,
    /// Bytes of the columns that went out.
    pub bytes_out: u64,
    /// Memory of its guests, bytes.
    pub guest_memory_bytes: u64,
    /// What they may have, bytes; 0: it has none.
    pub guest_memory_limit_bytes: u64,
}

/// A subtask of a job. The three times are all of its time since the job was started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct JobSubtask {
    /// The steps that it runs, and its number.
    pub name: String,
    /// The steps whose rows it processes.
    pub nodes: Vec<String>,
    /// Time in which it worked.
    pub busy_us: u64,
    /// Time in which it waited for the subtasks after it.
    pub backpressured_us: u64,
    /// Time in which it waited for rows.
    pub idle_us: u64,
    /// Its watermark.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watermark_us: Option<i64>,
}

/// A revision of a job: a pipeline with the versions of its operators.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Revision {
    /// Its number.
    pub number: u64,
    /// `deploy`, `swap` or `rollback`.
    pub cause: String,
    /// By operator that it changes, its other version, and whether it has other settings; of the first revision none.
    pub operators: BTreeMap<String, String>,
    /// `trying`, `kept` or `rolled-back`.
    pub state: String,
    /// Why it was rolled back, or kept before its time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it was made.
    pub created_us: i64,
}

/// How a job is to be started.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Start {
    /// The savepoint or checkpoint that it resumes from; by default the last one.
    #[serde(default)]
    pub from: Option<u64>,
    /// Names whose state may be discarded.
    #[serde(default)]
    pub allow_dropped_state: Vec<String>,
}

/// How a job is to be stopped.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Stop {
    /// End its input: what was read is processed, windows fire, and it is finished. Otherwise it takes a last checkpoint, from
    /// which it continues when it is started.
    #[serde(default)]
    pub drain: bool,
    /// At once, without a last checkpoint: it resumes from the newest one that exists.
    #[serde(default)]
    pub now: bool,
}

/// A checkpoint that is kept until it is removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Savepoint {
    /// Its number.
    pub checkpoint: u64,
    /// When it was made.
    pub created_us: i64,
}

/// A line of a job's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct LogLine {
    /// Its number: every line of a job has the next one.
    pub number: u64,
    /// When it came.
    pub at_us: i64,
    /// The operator that wrote it; none: it is about the job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    /// `trace`, `debug`, `info`, `warn` or `error`.
    pub level: String,
    /// What it says.
    pub message: String,
}
