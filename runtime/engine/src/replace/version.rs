//! What a running job is asked to run instead, and why that is refused.

use weir_core::limits::OperatorLimits;
use weir_host::Component;

use crate::error::OperatorError;

/// What an operator of a running job is to run from now on.
#[derive(Clone, Debug)]
pub struct NewVersion {
    /// The operator's name.
    pub operator: String,
    /// The component.
    pub component: Component,
    /// What `describe` gets.
    pub config: serde_json::Value,
    /// The bounds of its instances.
    pub limits: OperatorLimits,
    /// Whether it ran before: then columns that its state does not have are given up, if they can be null.
    pub goes_back: bool,
}

/// Why a swap is refused. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum SwapError {
    /// There is no such operator.
    #[error("the job has no operator {name:?}{hint}; it has {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// A name that is nearly the same.
        hint: String,
        /// Those that it has.
        known: String,
    },
    /// It runs that already.
    #[error("operator {0:?} runs that version already")]
    Same(String),
    /// The version does not fit into the job.
    #[error("operator {operator:?} cannot run that version: {reason}")]
    Unfit {
        /// Its name.
        operator: String,
        /// What does not fit, and what to do.
        reason: String,
    },
    /// It reads what does not come to it.
    #[error(
        "operator {operator:?} would need the column {column:?}, which does not reach it in the running job: deploy the \
         pipeline again, and the job resumes from a checkpoint with this column"
    )]
    Column {
        /// The operator's name.
        operator: String,
        /// The column.
        column: String,
    },
    /// The old version could not come back.
    #[error(
        "operator {operator:?} could not go back: the running version cannot read the state of the new one ({reason}); swap \
         without probation to accept that"
    )]
    Irreversible {
        /// The operator's name.
        operator: String,
        /// What the old version says.
        reason: String,
    },
    /// An instance could not be made.
    #[error("no instance of the new version of operator {operator:?}")]
    Instance {
        /// Its name.
        operator: String,
        /// Why.
        #[source]
        error: OperatorError,
    },
    /// There is one already.
    #[error("another swap of this job is not over yet: wait for it, or roll it back")]
    UnderWay,
    /// The job does not run.
    #[error("the job does not run now: it waits to be started again, or was stopped")]
    NotRunning,
    /// The job keeps no checkpoints, which a swap is recorded in.
    #[error("the job keeps no checkpoints, and a swap is recorded in one: add [checkpoint] to the pipeline")]
    NotDurable,
}
