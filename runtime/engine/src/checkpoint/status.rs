//! What is shown of a job's checkpoints. Nothing is decided by it.

use std::collections::BTreeMap;

/// What a person is told of a job's checkpoints.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CheckpointStatus {
    /// The number of the last complete one.
    pub last: Option<u64>,
    /// How many this attempt at running the job has completed.
    pub completed: u64,
    /// How many attempts came to nothing.
    pub failed: u64,
    /// From its trigger until the last one was complete, microseconds.
    pub took_us: i64,
    /// What went wrong last, if nothing was completed since.
    pub trouble: Option<String>,
    /// By operator that keeps state: its bytes in the last one, as they are stored.
    pub state_bytes: BTreeMap<String, u64>,
}
