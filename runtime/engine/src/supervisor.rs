//! Keeps a job running: one that keeps checkpoints and fails is started again from its last one. Never starts a job again whose
//! failure would only repeat itself.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::never;
use weir_core::connector::ConnectorError;
use weir_core::graph::RestartSettings;
use weir_core::restart::RestartPolicy;
use weir_core::time::Clock;
use weir_state::checkpoint::CheckpointError;

use crate::build::StartError;
use crate::checkpointer::CheckpointFailure;
use crate::job::Job;
use crate::job_handle::{JobError, JobHandle, Progress, Summary};
use crate::operator::OperatorError;
use crate::recovery::{Durable, RecoveryError};
use crate::subtask::SubtaskError;
use crate::worker::WorkerError;

/// A job that is started again when it fails.
pub struct Supervisor<'a> {
    job: &'a Job,
    clock: Arc<dyn Clock>,
    durable: Option<Durable>,
    policy: RestartPolicy,
    state: State,
    /// What the job had done when it ran last.
    progress: Progress,
    notices: Vec<String>,
    ending: Ending,
}

enum State {
    Running(Box<JobHandle>),
    /// It has failed, and starts again at this time.
    Waiting {
        until_us: i64,
    },
}

/// What was asked of the job; holds for every later start too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    None,
    Drain,
    Suspend,
    Stop,
}

/// Why a job is over without having ended.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It failed.
    #[error(transparent)]
    Job(#[from] JobError),
    /// It could not be started again.
    #[error(transparent)]
    Start(#[from] StartError),
}

impl<'a> Supervisor<'a> {
    /// Starts the job; `durable` says where it keeps its checkpoints. Without that its first failure is its last.
    ///
    /// # Errors
    /// If the first start fails: that is more likely a mistake than bad luck.
    pub fn start(
        job: &'a Job,
        clock: Arc<dyn Clock>,
        durable: Option<Durable>,
        restart: RestartSettings,
    ) -> Result<Self, StartError> {
        let mut supervisor = Self {
            job,
            clock,
            durable,
            policy: RestartPolicy::new(restart),
            state: State::Waiting { until_us: i64::MIN },
            progress: Progress::default(),
            notices: Vec::new(),
            ending: Ending::None,
        };
        supervisor.launch()?;
        Ok(supervisor)
    }

    /// What the job has done since it was started last.
    #[must_use]
    pub fn progress(&self) -> Progress {
        match &self.state {
            State::Running(handle) => handle.progress(),
            State::Waiting { .. } => self.progress.clone(),
        }
    }

    /// What has happened to it, one line each; each is told once.
    pub fn take_notices(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notices)
    }

    /// As [`JobHandle::drain`].
    pub fn drain(&mut self) {
        self.end(Ending::Drain);
    }

    /// As [`JobHandle::suspend`]; a job that keeps no checkpoints is drained.
    pub fn suspend(&mut self) {
        self.end(if self.durable.is_some() { Ending::Suspend } else { Ending::Drain });
    }

    /// As [`JobHandle::stop`].
    pub fn stop(&mut self) {
        self.end(Ending::Stop);
    }

    /// Waits at most so long for the end, and starts the job again if it is time. `None`: it goes on.
    pub fn wait(&mut self, timeout: Duration) -> Option<Result<Summary, RunError>> {
        let failure = match &mut self.state {
            State::Running(handle) => match handle.wait(timeout)? {
                Ok(summary) => return Some(Ok(summary)),
                Err(error) => {
                    self.progress = handle.progress();
                    RunError::Job(error)
                }
            },
            State::Waiting { until_us } => {
                let left_us = until_us.saturating_sub(self.clock.now_us());
                if self.ending == Ending::Stop {
                    return Some(Err(JobError::Stopped.into()));
                }
                if left_us > 0 {
                    let left = Duration::from_micros(left_us.unsigned_abs());
                    let _ = never::<()>().recv_timeout(left.min(timeout));
                    return None;
                }
                match self.launch() {
                    Ok(()) => return None,
                    Err(error) => RunError::Start(error),
                }
            }
        };
        self.failed(failure).map(Err)
    }

    /// When the job is to start again, or why it is not.
    fn failed(&mut self, failure: RunError) -> Option<RunError> {
        if self.durable.is_none() || self.ending == Ending::Stop || failure.repeats_itself() {
            return Some(failure);
        }
        let now_us = self.clock.now_us();
        let Some(until_us) = self.policy.on_failure(now_us) else { return Some(failure) };
        let delay_ms = until_us.saturating_sub(now_us) / 1000;
        self.notices.push(format!("the job failed and starts again in {delay_ms} ms: {}", chain(&failure)));
        self.state = State::Waiting { until_us };
        None
    }

    fn launch(&mut self) -> Result<(), StartError> {
        let handle = match &mut self.durable {
            None => self.job.start(self.clock.clone())?,
            Some(durable) => {
                let handle = self.job.resume(self.clock.clone(), durable)?;
                // Where the first start began is not where the next ones do.
                durable.from = None;
                handle
            }
        };
        self.notices.extend(handle.from().map(|number| format!("going on from checkpoint {number}")));
        self.notices.extend(handle.notes().iter().cloned());
        self.state = State::Running(Box::new(handle));
        self.end(self.ending);
        Ok(())
    }

    fn end(&mut self, ending: Ending) {
        self.ending = ending;
        if let State::Running(handle) = &self.state {
            match ending {
                Ending::None => {}
                Ending::Drain => handle.drain(),
                Ending::Suspend => handle.suspend(),
                Ending::Stop => handle.stop(),
            }
        }
    }
}

impl RunError {
    /// Whether the same would happen again: the same row would fail, or somebody else has the job now.
    fn repeats_itself(&self) -> bool {
        match self {
            Self::Job(JobError::Subtask { error, .. }) => match &**error {
                WorkerError::Subtask(error) => of_rows(error),
                WorkerError::Stopped => false,
            },
            Self::Job(JobError::Checkpoint(failure)) => match &**failure {
                CheckpointFailure::Part(error) => of_rows(error),
                CheckpointFailure::Lease(error) => error.is_fenced(),
                CheckpointFailure::Commit { error, .. } => is_fenced(error),
                CheckpointFailure::GaveUp { .. } => false,
            },
            Self::Job(JobError::Panic { .. } | JobError::Stopped) => true,
            Self::Start(StartError::Connector { error, .. }) => !matches!(error, ConnectorError::Io { .. }),
            Self::Start(StartError::Recovery(RecoveryError::Checkpoint(error))) => {
                !matches!(error, CheckpointError::Store { .. } | CheckpointError::Unclear { .. })
            }
            Self::Start(StartError::Thread { .. }) => false,
            Self::Start(_) => true,
        }
    }
}

fn of_rows(error: &SubtaskError) -> bool {
    let error = match error {
        SubtaskError::Step(step) => &step.error,
        SubtaskError::Source { error, .. } => error,
        SubtaskError::Gate(_) => return true,
    };
    match error {
        OperatorError::Connector(error) => is_fenced(error),
        // A call can be too slow because the machine was busy.
        OperatorError::Call(_) | OperatorError::Host(_) => false,
        _ => true,
    }
}

fn is_fenced(error: &ConnectorError) -> bool {
    matches!(error, ConnectorError::Fenced(_))
}

/// An error and its causes in one line.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
