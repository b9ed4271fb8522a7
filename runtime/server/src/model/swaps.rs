//! Swaps, and runs in the shadow of a version.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Operators that run other versions from the same barrier on.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SwapRequest {
    /// By operator of the job.
    pub operators: BTreeMap<String, OperatorChange>,
    /// How long the new versions have to prove themselves.
    #[serde(default)]
    pub probation: ProbationSettings,
    /// Only check whether it would fit.
    #[serde(default)]
    pub dry_run: bool,
}

/// What an operator is to run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct OperatorChange {
    /// `NAME@VERSION`; by default the one that it runs.
    #[serde(default)]
    pub component: Option<String>,
    /// Values of its table in the pipeline that change: `config.KEY` or `limits.KEY`, and TOML.
    #[serde(default)]
    pub set: BTreeMap<String, String>,
    /// Values that are removed from it before others are set: `config.KEY` or `limits.KEY`.
    #[serde(default)]
    pub unset: BTreeSet<String>,
}

/// How long a new version has to prove itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ProbationSettings {
    /// Batches of every subtask; 0: it is kept at once.
    #[serde(default = "ProbationSettings::batches_default")]
    pub batches: u64,
    /// After this time it is kept, even if some subtasks had fewer batches.
    #[serde(default = "ProbationSettings::time_max_ms_default")]
    pub time_max_ms: u64,
    /// This percentage of the key groups gets it first, with its own probation: 1 to 99.
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
    /// Why it was rolled back, or kept before its time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Of a rollback, what it returns to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub returns_to: Option<ReturnsTo>,
}

/// What a rollback returns to, and what it takes for that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ReturnsTo {
    /// The operator.
    pub operator: String,
    /// The last revision in which it was so.
    pub revision: u64,
    /// What it runs now, or has on trial.
    pub from: VersionSettings,
    /// What it is to run.
    pub to: VersionSettings,
    /// How it goes back.
    pub by: RollbackWay,
}

/// A version of an operator, and how it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct VersionSettings {
    /// `NAME@VERSION`.
    pub component: String,
    /// Its configuration, TOML.
    pub config: String,
    /// Its limits, TOML.
    pub limits: String,
}

/// How a rollback goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RollbackWay {
    /// It ends the swap that is on trial.
    EndOfTrial,
    /// By a swap of the job that runs.
    Swap,
    /// By a start of the job, which does not run, from its last checkpoint.
    Start,
}

impl ReturnsTo {
    /// Whether more changes than the version: the configuration or the limits, or a job that does not run is started.
    #[must_use]
    pub fn changes_more_than_version(&self) -> bool {
        let same_settings = (&self.from.config, &self.from.limits) == (&self.to.config, &self.to.limits);
        self.by == RollbackWay::Start || (self.by == RollbackWay::Swap && !same_settings)
    }
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
    /// For how long; not 0.
    pub duration_ms: u64,
}

/// What a shadow run has found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ShadowStatus {
    /// Whether it continues.
    pub is_open: bool,
    /// Subtasks that are to run the new version too.
    pub subtasks: usize,
    /// Those that do, or did.
    pub landed: usize,
    /// Output rows that were compared.
    pub rows: u64,
    /// Those that differ, or that only one version made.
    pub rows_differing: u64,
    /// States of keys that were compared.
    pub states: u64,
    /// Those that differ.
    pub states_differing: u64,
    /// States of an operator were not compared: the two versions keep them in different layouts.
    pub layouts_differ: bool,
    /// Calls for which only the new version failed.
    pub failures: u64,
    /// Why it failed last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// It was abandoned because of its failures.
    pub given_up: bool,
    /// It ended early: because of a swap, another shadow run, or the end of the job.
    pub stopped: bool,
    /// How many rows, and states, differ in which way; a row with two columns that differ is in two of them.
    pub kinds: Vec<ShadowKind>,
    /// Some of what differs.
    pub differences: Vec<ShadowDifference>,
}

/// How many rows differ in one way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ShadowKind {
    /// The operator.
    pub operator: String,
    /// The output, or `state`.
    pub part: String,
    /// What differs.
    pub change: ShadowChange,
    /// The column, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// The value of the version that runs, if rows are counted by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old: Option<String>,
    /// The value of the other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<String>,
    /// How many.
    pub rows: u64,
}

/// What differs between the rows of two versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ShadowChange {
    /// A column has one value instead of another.
    Value,
    /// A column has other values, of too many kinds to count each.
    Values,
    /// Only the version that runs makes the row.
    OnlyOld,
    /// Only the other makes the row.
    OnlyNew,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ShadowDifference {
    /// The operator.
    pub operator: String,
    /// The output, or `state`.
    pub part: String,
    /// Of a keyed operator, the columns of the row's key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
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
