//! Why a job cannot resume from a checkpoint, and what to do about it.

use weir_core::connector::ConnectorError;
use weir_core::memory::MemoryExceeded;
use weir_state::checkpoint::CheckpointError;

use crate::dataflow::operator::OperatorError;

/// Why a job cannot resume from a checkpoint.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    /// It cannot be read, or another process has it.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// There is no checkpoint, and a sink refuses to begin in its folder, such as one with parts of another run.
    #[error(transparent)]
    Sink(#[from] ConnectorError),
    /// The pipeline has no place for some of its state.
    #[error(
        "checkpoint {checkpoint} has state of {name:?}, and the pipeline has no {kind} of that name: give it its old name, or \
         discard the state with --allow-dropped-state {name}"
    )]
    Dropped {
        /// The checkpoint.
        checkpoint: u64,
        /// Whose state it is.
        name: String,
        /// What that was: `source`, `sink` or `operator`.
        kind: &'static str,
    },
    /// As [`RecoveryError::Dropped`], in another engine, which can leave out the state of all steps that are gone, and of no other.
    #[error(
        "checkpoint {checkpoint} has state of the {kind} {name:?}, and the pipeline has no {kind} of that name: give it its old name, or \
         leave that name to nothing else, and discard the state with --allow-dropped-state"
    )]
    DroppedThere {
        /// The checkpoint.
        checkpoint: u64,
        /// Whose state it is.
        name: String,
        /// What that was: `source`, `sink` or `operator`.
        kind: &'static str,
    },
    /// Nobody's state may be given up.
    #[error(
        "--allow-dropped-state {name}: neither the checkpoint nor the pipeline has a source, a sink, an operator or a column of \
         state (OPERATOR.COLUMN) with that name{near}"
    )]
    NothingToDrop {
        /// The name that was given.
        name: String,
        /// Which name was meant, perhaps.
        near: String,
    },
    /// What came by one time and what comes by another do not fit together: most of it would be late.
    #[error(
        "checkpoint {checkpoint} has watermarks of {before} of the source {name:?}, and the pipeline uses {now}: restore \
         event-time, or begin anew, with another folder for checkpoints"
    )]
    EventTime {
        /// The checkpoint.
        checkpoint: u64,
        /// The source.
        name: String,
        /// What its event time was.
        before: String,
        /// What it is.
        now: String,
    },
    /// Its keys would be looked for in the wrong subtasks.
    #[error(
        "checkpoint {checkpoint} has {found} key groups, and the pipeline {pipeline}: set max-parallelism = {found}"
    )]
    KeyGroups {
        /// The checkpoint.
        checkpoint: u64,
        /// How many it has.
        found: u32,
        /// How many the pipeline has.
        pipeline: u32,
    },
    /// Its state does not fit into memory.
    #[error("checkpoint {checkpoint} cannot be read, because it needs more memory than there is")]
    Memory {
        /// The checkpoint.
        checkpoint: u64,
        /// Which limit it would exceed.
        #[source]
        error: MemoryExceeded,
    },
    /// An operator keeps its state in another form now.
    #[error("checkpoint {checkpoint} does not fit the operator {operator:?}")]
    Layout {
        /// The checkpoint.
        checkpoint: u64,
        /// The operator.
        operator: String,
        /// Why.
        #[source]
        error: OperatorError,
    },
    /// The last checkpoint is damaged, and what it committed cannot be taken back.
    #[error(
        "checkpoint {damaged} is damaged, and rows of it may be in sink {sink:?} already: resuming from checkpoint {whole} would \
         write them again. Use --from {whole} to accept that"
    )]
    Damaged {
        /// The damaged one.
        damaged: u64,
        /// The newest whole one.
        whole: u64,
        /// A sink that holds rows of it.
        sink: String,
        /// What is wrong.
        #[source]
        error: Box<CheckpointError>,
    },
    /// No checkpoint is whole.
    #[error(
        "every checkpoint in {location} is damaged: remove the folder to begin from nothing; its output is then written again"
    )]
    NoneWhole {
        /// Where they are.
        location: String,
        /// What is wrong with the newest.
        #[source]
        error: Box<CheckpointError>,
    },
}
