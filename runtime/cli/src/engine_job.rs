//! A job of Weir's in another engine, as that engine shows it.

use std::collections::BTreeMap;

use serde::Serialize;

/// A job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct EngineJob {
    /// `flink` or `spark`.
    pub(crate) engine: &'static str,
    /// The pipeline's name.
    pub(crate) name: String,
    /// The engine's name for it.
    pub(crate) id: String,
    /// As the engine says it, in lower case.
    pub(crate) state: String,
    /// When it was submitted, microseconds since the epoch.
    pub(crate) started_us: i64,
    /// Subtasks of its widest chain, if the engine knows that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) parallelism: Option<u64>,
    /// The version of Weir that made it.
    pub(crate) weir: String,
    /// What Flink keeps as the job's parameters.
    #[serde(skip)]
    pub(crate) parameters: BTreeMap<String, String>,
}
