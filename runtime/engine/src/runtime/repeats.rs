//! Which failures of a job would only repeat themselves. It starts nothing again.

use weir_core::connector::ConnectorError;
use weir_state::checkpoint::CheckpointError;

use super::build::StartError;
use super::job_handle::JobError;
use super::supervisor::RunError;
use super::worker::WorkerError;
use crate::checkpoint::failure::CheckpointFailure;
use crate::checkpoint::recovery_error::RecoveryError;
use crate::dataflow::operator::OperatorError;
use crate::dataflow::subtask::SubtaskError;

impl RunError {
    /// Whether the same would happen again: the same row would fail, or somebody else has the job now.
    pub(super) fn repeats_itself(&self) -> bool {
        match self {
            Self::Job(JobError::Subtask { error, .. }) => match &**error {
                WorkerError::Subtask(error) => of_rows(error),
                WorkerError::Stopped => false,
            },
            Self::Job(JobError::Checkpoint(failure)) => match &**failure {
                CheckpointFailure::Part(error) => of_rows(error),
                CheckpointFailure::Lease(error) => error.is_fenced(),
                CheckpointFailure::Commit { error, .. } => !is_passing(error),
                CheckpointFailure::GaveUp { .. } => false,
            },
            Self::Job(JobError::Panic { .. } | JobError::Stopped) => true,
            Self::Start(StartError::Connector { error, .. }) => !is_passing(error),
            Self::Start(StartError::Recovery(RecoveryError::Checkpoint(error))) => {
                !matches!(error, CheckpointError::Store { .. } | CheckpointError::Unclear { .. })
            }
            Self::Start(StartError::Restore(error)) => of_rows(error),
            // Others may have it only now.
            Self::Start(StartError::Recovery(RecoveryError::Memory { .. }) | StartError::Thread { .. }) => false,
            Self::Start(_) => true,
        }
    }
}

impl StartError {
    /// Whether a version of an operator does not read the state that there is.
    #[must_use]
    pub fn is_of_state(&self) -> bool {
        let error = match self {
            Self::Recovery(RecoveryError::Layout { error, .. }) => error,
            Self::Restore(SubtaskError::Step(step)) => &step.error,
            _ => return false,
        };
        matches!(error, OperatorError::Migrate(_))
    }
}

fn of_rows(error: &SubtaskError) -> bool {
    let error = match error {
        SubtaskError::Step(step) => &step.error,
        SubtaskError::Source { error, .. } => error,
        SubtaskError::Gate(_) => return true,
    };
    match error {
        OperatorError::Connector(error) => !is_passing(error),
        // Others may need less when it starts again.
        OperatorError::Memory(error) => !error.is_shared(),
        // A call can be too slow because the machine was busy. What cannot go back is in no checkpoint.
        OperatorError::Call(_) | OperatorError::Host(_) | OperatorError::NoWayBack(_) => false,
        OperatorError::Row { .. }
        | OperatorError::Timer { .. }
        | OperatorError::Result(_)
        | OperatorError::Malformed { .. }
        | OperatorError::Overflow { .. }
        | OperatorError::Restore(_)
        | OperatorError::State(_)
        | OperatorError::Version
        | OperatorError::Migrate(_)
        | OperatorError::Arrow(_) => true,
    }
}

/// Whether a file or another system may say something else the next time.
fn is_passing(error: &ConnectorError) -> bool {
    matches!(error, ConnectorError::Io { .. })
}
