//! Keeps a job running: one that keeps checkpoints and fails is started again from its last one. Never starts a job again whose
//! failure would only repeat itself.

use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use crossbeam_channel::never;
use weir_core::error::chain;
use weir_core::graph::RestartSettings;
use weir_core::restart::RestartPolicy;
use weir_core::swap::{Phase, Probation};
use weir_core::time::Clock;
use weir_state::checkpoint::Tenure;

use crate::checkpoint::recovery::Durable;
use crate::plan::job::Job;
use crate::replace::shadow::SharedShadow;
use crate::replace::trial::SharedSwap;
use crate::replace::version::{NewVersion, SwapError};
use crate::runtime::build::StartError;
use crate::runtime::figures::JobFigures;
use crate::runtime::job_handle::{JobError, JobHandle, Progress, Summary};
use crate::runtime::news::News;
use crate::runtime::stalled::StalledWatch;

/// A job that is started again when it fails.
pub struct Supervisor {
    /// As it is to run: a swap that is kept changes it.
    job: Arc<Job>,
    swap: Option<OpenSwap>,
    clock: Arc<dyn Clock>,
    durable: Option<Durable>,
    /// What it has of the job's checkpoints, or had when it ran last.
    held: Option<Tenure>,
    policy: RestartPolicy,
    state: State,
    /// When it was started last.
    started_us: i64,
    /// What the job had done when it ran last.
    last: Summary,
    notices: Vec<String>,
    resumed: Vec<String>,
    news: News,
    stalled: StalledWatch,
    ending: Ending,
}

/// A swap that is not over yet, as far as the supervisor knows.
struct OpenSwap {
    swap: SharedSwap,
    /// What the job becomes if it is kept.
    new: Arc<Job>,
}

impl OpenSwap {
    /// Whether it is over, and its versions stay.
    fn is_kept(&self) -> bool {
        !self.swap.is_under_way() && self.swap.phase() == Phase::Done
    }
}

enum State {
    Running(Box<JobHandle>),
    /// It has failed, and starts again at this time.
    Waiting {
        until_us: i64,
        why: String,
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

impl Supervisor {
    /// Starts the job; `durable` says where it keeps its checkpoints. Without that its first failure is its last.
    ///
    /// # Errors
    /// If the first start fails: that is more likely a mistake than bad luck.
    pub fn start(
        job: Arc<Job>,
        clock: Arc<dyn Clock>,
        durable: Option<Durable>,
        restart: RestartSettings,
    ) -> Result<Self, StartError> {
        let mut supervisor = Self {
            stalled: StalledWatch::new(&job),
            job,
            swap: None,
            clock,
            durable,
            held: None,
            policy: RestartPolicy::new(restart),
            state: State::Waiting { until_us: i64::MIN, why: String::new() },
            started_us: 0,
            last: Summary::default(),
            notices: Vec::new(),
            resumed: Vec::new(),
            news: News::default(),
            ending: Ending::None,
        };
        supervisor.launch()?;
        Ok(supervisor)
    }

    /// As [`JobHandle::savepoint`]; a job that waits to start again makes none.
    pub fn savepoint(&self, tell: SyncSender<u64>) {
        if let State::Running(handle) = &self.state {
            handle.savepoint(tell);
        }
    }

    /// Why it has failed, while it waits to start again.
    #[must_use]
    pub fn why_waiting(&self) -> Option<&str> {
        match &self.state {
            State::Running(_) => None,
            State::Waiting { why, .. } => Some(why),
        }
    }

    /// When the job was started last, microseconds since the epoch.
    #[must_use]
    pub fn started_us(&self) -> i64 {
        self.started_us
    }

    /// The checkpoint that its last start resumed from; `None`: it began at the beginning, or waits to be started again.
    #[must_use]
    pub fn resumed_from(&self) -> Option<u64> {
        match &self.state {
            State::Running(handle) => handle.from(),
            State::Waiting { .. } => None,
        }
    }

    /// What the job has done since it was started last.
    #[must_use]
    pub fn progress(&self) -> Progress {
        match &self.state {
            State::Running(handle) => handle.progress(),
            State::Waiting { .. } => self.last.progress.clone(),
        }
    }

    /// As [`JobHandle::is_caught_up`]; a job that waits to start again is not.
    #[must_use]
    pub fn is_caught_up(&self) -> bool {
        matches!(&self.state, State::Running(handle) if handle.is_caught_up())
    }

    /// What its subtasks and nodes do, as numbers; nothing while it waits to be started again.
    #[must_use]
    pub fn figures(&self) -> JobFigures {
        match &self.state {
            State::Running(handle) => handle.figures(),
            State::Waiting { .. } => JobFigures::default(),
        }
    }

    /// From which checkpoints it has resumed since it was asked last, one line each.
    pub fn take_resumed(&mut self) -> Vec<String> {
        std::mem::take(&mut self.resumed)
    }

    /// What has happened to it, one line each; each is told once. Of rows that come late more is told as there are more.
    pub fn take_notices(&mut self) -> Vec<String> {
        if let State::Running(handle) = &self.state {
            self.notices.extend(handle.take_notices());
            // What came late until the end is in its summary.
            if handle.running > 0 {
                let progress = handle.progress();
                self.notices.extend(self.news.of(&progress));
                self.notices.extend(self.stalled.look(self.clock.now_us(), &progress.nodes));
            }
        }
        std::mem::take(&mut self.notices)
    }

    /// As [`JobHandle::drain`]; a job that waits to start again starts at once.
    pub fn drain(&mut self) {
        self.end(Ending::Drain);
    }

    /// As [`JobHandle::suspend`]; a job that waits to start again is suspended where its last checkpoint is, and one that keeps no
    /// checkpoints is drained.
    pub fn suspend(&mut self) {
        self.end(if self.durable.is_some() { Ending::Suspend } else { Ending::Drain });
    }

    /// As [`JobHandle::stop`].
    pub fn stop(&mut self) {
        self.end(Ending::Stop);
    }

    /// Runs other versions of some operators from the next barrier on; they are rolled back if they fail where the old ones did
    /// not, or if the job fails meanwhile.
    ///
    /// # Errors
    /// If a version does not fit, or the job cannot be swapped now; then nothing has changed.
    pub fn swap(&mut self, versions: &[NewVersion], probation: Probation) -> Result<SharedSwap, SwapError> {
        // The last one may be over since it was looked at; only then it is known what runs.
        self.settle();
        let State::Running(handle) = &mut self.state else { return Err(SwapError::NotRunning) };
        if self.swap.is_some() {
            return Err(SwapError::UnderWay);
        }
        let new = Arc::new(self.job.swapped(versions, probation)?);
        let swap = handle.swap(&self.job, &new, probation)?;
        self.swap = Some(OpenSwap { swap: swap.clone(), new });
        Ok(swap)
    }

    /// As [`JobHandle::roll_back`].
    pub fn roll_back(&self) {
        if let State::Running(handle) = &self.state {
            handle.roll_back();
        }
    }

    /// Calls other versions of some operators beside those that run, until a time of the job's clock, and compares what they make.
    ///
    /// # Errors
    /// If a version does not fit, or the job cannot be swapped now.
    pub fn shadow(&mut self, versions: &[NewVersion], until_us: i64) -> Result<SharedShadow, SwapError> {
        self.settle();
        let State::Running(handle) = &mut self.state else { return Err(SwapError::NotRunning) };
        handle.shadow(&self.job, &self.job.swapped(versions, Probation::NONE)?, until_us)
    }

    /// The job as it is to run, with a swap that was kept this moment.
    #[must_use]
    pub fn job(&self) -> &Arc<Job> {
        self.swap.as_ref().filter(|open| open.is_kept()).map_or(&self.job, |open| &open.new)
    }

    /// Learns what the last swap has decided.
    fn settle(&mut self) {
        if let Some(open) = self.swap.take_if(|open| !open.swap.is_under_way())
            && open.is_kept()
        {
            self.job = open.new;
        }
    }

    /// Waits at most so long for the end, and starts the job again if it is time. `None`: it continues.
    pub fn wait(&mut self, timeout: Duration) -> Option<Result<Summary, RunError>> {
        self.settle();
        let failure = match &mut self.state {
            State::Running(handle) => match handle.wait(timeout)? {
                Ok(summary) => return Some(Ok(summary)),
                Err(error) => {
                    self.last = handle.summary();
                    RunError::Job(error)
                }
            },
            State::Waiting { until_us, .. } => {
                let left_us = until_us.saturating_sub(self.clock.now_us());
                match self.ending {
                    Ending::Stop => return Some(Err(JobError::Stopped.into())),
                    Ending::Suspend => return Some(Ok(Summary { suspended: true, ..self.last.clone() })),
                    Ending::None | Ending::Drain => {}
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
        // Whatever it was, the job did not fail before: it continues as it was. Either version reads the state of a checkpoint.
        let on_trial = self.swap.as_ref().is_some_and(|open| open.swap.is_under_way());
        if let Some(OpenSwap { swap, .. }) = &self.swap {
            swap.give_up(format!("the job failed: {}", chain(&failure)));
        }
        self.settle();
        if self.ending == Ending::Stop {
            // Whatever a sink that is made to give up says of it, that is what was asked for.
            if !matches!(failure, RunError::Job(JobError::Stopped)) {
                self.notices.push(format!("while the job was stopped: {}", chain(&failure)));
            }
            return Some(JobError::Stopped.into());
        }
        let repeats = failure.repeats_itself() && !on_trial;
        if self.durable.is_none() || repeats {
            return Some(failure);
        }
        let now_us = self.clock.now_us();
        let Some(until_us) = self.policy.on_failure(now_us) else { return Some(failure) };
        let what = match self.ending {
            Ending::Suspend => "is suspended where its last checkpoint is".to_owned(),
            Ending::None | Ending::Drain | Ending::Stop => {
                format!("starts again in {} ms", until_us.saturating_sub(now_us) / 1000)
            }
        };
        let why = chain(&failure);
        self.notices.push(format!("the job failed and {what}: {why}"));
        self.state = State::Waiting { until_us, why };
        None
    }

    fn launch(&mut self) -> Result<(), StartError> {
        let handle = match &self.durable {
            None => self.job.start(self.clock.clone())?,
            Some(durable) => self.job.resume_after(self.clock.clone(), durable, &mut self.held)?,
        };
        self.resumed.extend(handle.from().map(|number| format!("resuming from checkpoint {number}")));
        self.notices.extend(handle.notes().iter().cloned());
        self.started_us = handle.started_us;
        self.state = State::Running(Box::new(handle));
        self.end(self.ending);
        Ok(())
    }

    fn end(&mut self, ending: Ending) {
        self.ending = ending;
        match (&mut self.state, ending) {
            (_, Ending::None) | (State::Waiting { .. }, Ending::Suspend | Ending::Stop) => {}
            (State::Waiting { until_us, .. }, Ending::Drain) => *until_us = i64::MIN,
            (State::Running(handle), Ending::Drain) => handle.drain(),
            (State::Running(handle), Ending::Suspend) => handle.suspend(),
            (State::Running(handle), Ending::Stop) => handle.stop(),
        }
    }
}
