//! What goes over the wire, as JSON: shared by the server and its clients. Times are microseconds since the epoch, names of fields
//! are kebab-case as in pipeline files.

mod dead_letters;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use dead_letters::{ErrorCount, Letter, LetterChoice, LettersTaken, StepLetters};

/// A version of an operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct OperatorVersion {
    /// The operator's name.
    pub name: String,
    /// The version's.
    pub version: String,
    /// The blake3 digest of its component, hexadecimal.
    pub digest: String,
    /// The component's size.
    pub bytes: u64,
    /// `transform`, `keyed` or `aggregate`.
    pub world: String,
    /// When it was pushed.
    pub created_us: i64,
    /// The jobs that run it.
    pub used_by: Vec<String>,
}

/// What became of an upload.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Pushed {
    /// The version.
    pub operator: OperatorVersion,
    /// Whether it was not there before.
    pub is_new: bool,
}

/// A pipeline that is to run.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Deploy {
    /// The text of its file.
    pub pipeline: String,
    /// Only check it.
    #[serde(default)]
    pub dry_run: bool,
    /// Whose state may be given up.
    #[serde(default)]
    pub allow_dropped_state: Vec<String>,
    /// The revision that is to be replaced: if it is another by now, nothing is.
    #[serde(default)]
    pub expected_revision: Option<u64>,
}

/// What became of a deployment.
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
    /// What a person should know.
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
    /// Rows that its sources have read since it was started.
    pub rows_in: u64,
    /// Rows that have reached a sink.
    pub rows_out: u64,
    /// Rows a second, over the last moments.
    pub rows_per_s: f64,
    /// Rows that could not be processed.
    pub rows_failed: u64,
    /// The least watermark.
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

/// All that is known of a job.
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
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
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
    /// In which it worked.
    pub busy_us: u64,
    /// In which it waited for who comes after it.
    pub backpressured_us: u64,
    /// In which it waited for rows.
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
    /// `trying`, `kept` or `rolled-back`.
    pub state: String,
    /// Why it was rolled back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it was made.
    pub created_us: i64,
}

/// How a job is to be started.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Start {
    /// The savepoint or checkpoint that it goes on from; the last one, if nothing is said.
    #[serde(default)]
    pub from: Option<u64>,
    /// Whose state may be given up.
    #[serde(default)]
    pub allow_dropped_state: Vec<String>,
}

/// How a job is to be stopped.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Stop {
    /// End its input: what was read is processed, windows fire, and it is finished. Otherwise it takes a last checkpoint, from
    /// which it goes on when it is started.
    #[serde(default)]
    pub drain: bool,
    /// At once: it goes on from the checkpoint that there is.
    #[serde(default)]
    pub now: bool,
}

/// A checkpoint that is kept until somebody removes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Savepoint {
    /// Its number.
    pub checkpoint: u64,
    /// When it was made.
    pub created_us: i64,
}

/// Operators that are to run other versions, all from the same barrier on.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SwapRequest {
    /// By operator of the job.
    pub operators: BTreeMap<String, OperatorChange>,
    /// How long the new versions have to prove themselves.
    #[serde(default)]
    pub probation: ProbationSettings,
    /// Only say whether it would fit.
    #[serde(default)]
    pub dry_run: bool,
}

/// What an operator is to run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct OperatorChange {
    /// `NAME@VERSION`; the one that it runs, if nothing is said.
    #[serde(default)]
    pub component: Option<String>,
    /// Values of its table in the pipeline that change: `config.KEY` or `limits.KEY`, and TOML.
    #[serde(default)]
    pub set: BTreeMap<String, String>,
}

/// How long a new version has to prove itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ProbationSettings {
    /// Batches of every subtask; 0: it is kept at once.
    #[serde(default = "ProbationSettings::batches_default")]
    pub batches: u64,
    /// After this long it is kept even if not all subtasks have had so many batches.
    #[serde(default = "ProbationSettings::time_max_ms_default")]
    pub time_max_ms: u64,
    /// So many percent of the key groups get it first, for a probation of their own: 1 to 99.
    #[serde(default)]
    pub canary_percent: Option<u32>,
}

impl ProbationSettings {
    fn batches_default() -> u64 {
        1000
    }

    fn time_max_ms_default() -> u64 {
        30_000
    }
}

impl Default for ProbationSettings {
    fn default() -> Self {
        let (batches, time_max_ms) = (Self::batches_default(), Self::time_max_ms_default());
        Self { batches, time_max_ms, canary_percent: None }
    }
}

/// A swap, as far as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct SwapStatus {
    /// The revision that it tries; none in a dry run.
    pub revision: Option<u64>,
    /// The operators, and what each is to run.
    pub operators: BTreeMap<String, String>,
    /// How far it is.
    pub phase: SwapPhase,
    /// Why it was rolled back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// How far a swap is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SwapPhase {
    /// It would fit; nothing has changed.
    Fits,
    /// Its barrier is under way.
    CuttingOver,
    /// The new versions run for the first of the key groups, or are about to follow for the rest.
    Canary,
    /// The new versions run everywhere, with the old ones beside them.
    Probation,
    /// The new versions are kept.
    Done,
    /// The old versions run again.
    RolledBack,
}

impl SwapPhase {
    /// Whether it is not decided yet.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::CuttingOver | Self::Canary | Self::Probation)
    }
}

/// A version that is to run beside the one that runs, to see what would differ.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ShadowRequest {
    /// By operator of the job.
    pub operators: BTreeMap<String, OperatorChange>,
    /// For how long.
    pub duration_ms: u64,
}

/// What a shadow run has found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ShadowStatus {
    /// Whether it goes on.
    pub is_open: bool,
    /// Subtasks that are to run the new version too.
    pub subtasks: usize,
    /// Those that do, or did.
    pub landed: usize,
    /// Output rows that were compared.
    pub rows: u64,
    /// Those that differ, or that only one version made.
    pub rows_differing: u64,
    /// States of keys that were compared; none, if their layouts differ.
    pub states: u64,
    /// Those that differ.
    pub states_differing: u64,
    /// Calls that only the new version failed at.
    pub failures: u64,
    /// Why it failed last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// It was given up for its failures.
    pub given_up: bool,
    /// It was ended before its time: by a swap, by another one, or with the job.
    pub stopped: bool,
    /// Some of what differs.
    pub differences: Vec<ShadowDifference>,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ShadowDifference {
    /// The operator.
    pub operator: String,
    /// The output, or `state`.
    pub part: String,
    /// The column; none: only one version made the row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// What the version that runs made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old: Option<String>,
    /// What the other made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<String>,
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

/// What the server is.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Health {
    /// The version of weir.
    pub version: String,
    /// Jobs that run.
    pub jobs_running: usize,
}
