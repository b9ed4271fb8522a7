//! What ends a job because of its checkpoints. Whatever passes is no failure: it is tried again, and told.

use weir_core::connector::ConnectorError;
use weir_state::checkpoint::CheckpointError;

use crate::dataflow::subtask::SubtaskError;

/// Why checkpoints cannot continue, and the job with them.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointFailure {
    /// A part could not be made.
    #[error(transparent)]
    Part(#[from] SubtaskError),
    /// The lease is over: a newer generation of the job has taken over, or it is not known whether a checkpoint is complete.
    #[error(transparent)]
    Lease(CheckpointError),
    /// Nothing can be kept.
    #[error("{failures} attempts at a checkpoint failed in a row; the last one: {trouble}")]
    GaveUp {
        /// How many.
        failures: u32,
        /// Why.
        trouble: String,
    },
    /// A sink could not make visible what was written.
    #[error("sink {sink:?} could not commit checkpoint {checkpoint}")]
    Commit {
        /// Its name.
        sink: String,
        /// The checkpoint.
        checkpoint: u64,
        /// Why.
        #[source]
        error: ConnectorError,
    },
}
