//! What goes over the wire, as JSON: shared by the server and its clients. Times are microseconds since the epoch, names of fields
//! are kebab-case as in pipeline files.

mod dead_letters;
mod jobs;
mod operators;
mod swaps;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use dead_letters::{ErrorCount, Letter, LetterChoice, LettersTaken, StepLetters};
pub use jobs::{
    Deploy, Deployed, JobDetail, JobNode, JobState, JobSubtask, JobSummary, LogLine, Revision, Savepoint, Start, Stop,
};
pub use operators::{OperatorVersion, Pushed};
pub use swaps::{
    OperatorChange, ProbationSettings, ReturnsTo, RollbackWay, ShadowChange, ShadowDifference, ShadowKind,
    ShadowRequest, ShadowStatus, SwapPhase, SwapRequest, SwapStatus, VersionSettings,
};

/// What the server is.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Health {
    /// The version of weir.
    pub version: String,
    /// Jobs that run.
    pub jobs_running: usize,
}
