//! Which failures of a job would only repeat themselves, in Weir's own engine and in another one. It starts nothing again.

use weir_core::connector::ConnectorError;
use weir_state::checkpoint::CheckpointError;

use super::build::StartError;
use super::embedded::EmbeddedError;
use super::job_handle::JobError;
use super::supervisor::RunError;
use super::worker::WorkerError;
use crate::checkpoint::failure::CheckpointFailure;
use crate::checkpoint::recovery_error::RecoveryError;
use crate::dataflow::operator::OperatorError;
use crate::dataflow::subtask::SubtaskError;
use crate::error::StepError;

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
            Self::Start(error) => of_start(error),
        }
    }
}

impl EmbeddedError {
    /// Whether the same would happen if the other engine started the job again.
    #[must_use]
    pub fn repeats_itself(&self) -> bool {
        match self {
            Self::Subtask(error) => of_rows(error) && !is_fenced(connector_error(error)),
            // Nothing that the other engine does differently the next time would explain it.
            Self::NoChannel { .. } | Self::Busy { .. } => true,
        }
    }
}

impl StartError {
    /// Whether the same would happen if another engine started the job again.
    #[must_use]
    pub fn repeats_in_other_engine(&self) -> bool {
        let connector = match self {
            // It could be started when the job was submitted.
            Self::Operator { error, .. } => return error.repeats_itself(),
            Self::Connector { error, .. } => Some(error),
            Self::Restore(error) => connector_error(error),
            _ => None,
        };
        of_start(self) && !is_fenced(connector)
    }

    /// Whether a version of an operator does not read the state that there is.
    #[must_use]
    pub fn is_of_state(&self) -> bool {
        let error = match self {
            Self::Recovery(RecoveryError::Layout { error, .. }) => error,
            Self::Restore(SubtaskError::Step(step)) => &step.error,
            _ => return false,
        };
        matches!(error, OperatorError::Migrate { .. })
    }
}

fn of_start(error: &StartError) -> bool {
    match error {
        StartError::Connector { error, .. } => !is_passing(error),
        StartError::Recovery(RecoveryError::Checkpoint(error)) => {
            !matches!(error, CheckpointError::Store { .. } | CheckpointError::Unclear { .. })
        }
        StartError::Restore(error) => of_rows(error),
        // Others may have it only now.
        StartError::Recovery(RecoveryError::Memory { .. }) | StartError::Thread { .. } => false,
        _ => true,
    }
}

fn of_rows(error: &SubtaskError) -> bool {
    match error {
        SubtaskError::Step(step) => step.error.repeats_itself(),
        SubtaskError::Source { error, .. } => error.repeats_itself(),
        SubtaskError::Gate(_) => true,
    }
}

impl OperatorError {
    /// Whether the same rows would fail again.
    #[must_use]
    pub fn repeats_itself(&self) -> bool {
        match self {
            Self::Connector(error) => !is_passing(error),
            // Others may need less when it starts again.
            Self::Memory(error) => !error.is_shared(),
            // A call can be too slow because the machine was busy. What cannot go back is in no checkpoint.
            Self::Call(_) | Self::Host(_) | Self::NoWayBack(_) => false,
            Self::Row { .. }
            | Self::Timer { .. }
            | Self::Result(_)
            | Self::Malformed { .. }
            | Self::Overflow { .. }
            | Self::Restore(_)
            | Self::State(_)
            | Self::Version
            | Self::Migrate { .. }
            | Self::Arrow(_) => true,
        }
    }
}

/// Whether a file or another system may say something else the next time.
fn is_passing(error: &ConnectorError) -> bool {
    matches!(error, ConnectorError::Io { .. })
}

/// What a source or a sink said.
fn connector_error(error: &SubtaskError) -> Option<&ConnectorError> {
    let (SubtaskError::Step(StepError { error, .. }) | SubtaskError::Source { error, .. }) = error else { return None };
    match error {
        OperatorError::Connector(error) => Some(error),
        _ => None,
    }
}

/// Whether a newer run of the job took over. In Weir's own engine another process has it then. Another engine runs a job once: that was an
/// older attempt of it, and the next one is the newest.
fn is_fenced(error: Option<&ConnectorError>) -> bool {
    matches!(error, Some(ConnectorError::Fenced(_)))
}
