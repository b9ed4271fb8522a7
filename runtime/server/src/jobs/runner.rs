//! The thread of one job: keeps its supervisor going, does what it is asked, and writes into the catalog what happened to the job and
//! of its swaps. A swap is told as done only when the catalog has it.

mod handle;
mod left;
mod publish;
mod swap;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use weir_core::time::Clock;
use weir_core::visible::visible_line;
use weir_engine::{GuestResources, JobError, NewVersion, RunError, SharedShadow, Summary, Supervisor};
use weir_host::{LogLevel, printable};

use super::disk::DiskWatch;
use super::kept::KeptFigures;
use super::{Admission, Command, Ending, Reserved, Slot};
use crate::catalog::{Catalog, Wanted};
use crate::crash_watch::CrashWatch;
use crate::model::{JobState, SwapPhase};
use crate::problem::{Kind, Problem, chain};
pub(crate) use handle::{Over, Runner};
pub(crate) use left::remove_folder;
use swap::OpenSwap;

/// How often it looks how far the job is, which is as often as figures are taken; what it is asked it hears at once.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// The same while somebody waits for the job to end or for a swap.
const LOOK_EVERY_AWAITED: Duration = Duration::from_millis(5);
/// Commands that wait to be handled; the sender of more waits.
const COMMANDS_MAX: usize = 64;
/// The first wait before a job that cannot be recovered is tried again, and the longest.
const RETRY: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(60)];

/// What a thread needs.
pub(crate) struct Start {
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) admission: Arc<Admission>,
    pub(crate) crash_watch: Arc<CrashWatch>,
    /// Whether the catalog says where it resumes from, or what it may give up; that holds until it has completed a checkpoint.
    pub(crate) has_conditions: bool,
    /// The job's folder.
    pub(crate) folder: PathBuf,
}

/// How a job comes to run.
pub(crate) enum Origin {
    /// It does already.
    Running(Box<Supervisor>),
    /// It is to continue after the server was started, however long what it needs is away.
    Recover(Box<Recover>),
}

/// Starts a job in the room that is kept for it.
type Recover = dyn Fn() -> Result<(Supervisor, Reserved), Problem> + Send;

impl Origin {
    /// Room for the job's guests, if it runs.
    fn guest_resources(&self) -> Option<GuestResources> {
        match self {
            Self::Running(supervisor) => Some(supervisor.job().guest_resources()),
            Self::Recover(_) => None,
        }
    }
}

struct Thread {
    slot: Arc<Slot>,
    start: Start,
    commands: Receiver<Command>,
    /// Whether it was left behind: what it does is not told of the job any more.
    is_left: Arc<AtomicBool>,
    swap: Option<OpenSwap>,
    /// Whether it has completed a checkpoint, or has run for a while; see [`CrashWatch`].
    is_stable: bool,
    /// When it started first.
    began_us: Option<i64>,
    /// When it started last.
    started_us: Option<i64>,
    /// What it had done when it completed its last checkpoint: where a failure takes it back to.
    at_checkpoint: KeptFigures,
    /// When rows were counted last, and how many there were.
    seen: (i64, u64),
    /// When figures were taken last.
    figures_us: i64,
    disk: DiskWatch,
    /// Which limit the job has exceeded: it is about to fail.
    exceeded: Option<String>,
}

/// How a job is over.
enum Outcome {
    /// Where its last checkpoint is; why that is not a new one, if it failed before.
    Suspended(Option<String>),
    Finished,
    Failed(String),
}

impl Thread {
    fn run(mut self, origin: Origin) {
        let supervisor = match origin {
            Origin::Running(supervisor) => Some(*supervisor),
            Origin::Recover(recover) => self.recover(&*recover),
        };
        let outcome = supervisor.map_or(Outcome::Suspended(None), |supervisor| self.follow(supervisor));
        self.start.crash_watch.ended(&self.slot.name);
        if self.is_left() {
            self.tell(LogLevel::Warn, "the part of the job that was still running when it was stopped has ended");
            return self.remove_folder_of_removed();
        }
        self.follow_swap();
        if let Some(open) = self.swap.take().filter(|open| open.swap.is_under_way()) {
            let ended = "the job ended before the swap was decided".to_owned();
            // If it cannot be written now, the next start of the job does.
            let _ = self.decide(open, SwapPhase::RolledBack, Some(ended));
        }
        let (state, reason) = match outcome {
            Outcome::Suspended(reason) => (JobState::Stopped, reason),
            Outcome::Finished => {
                self.want(Wanted::Finished, None);
                (JobState::Finished, None)
            }
            Outcome::Failed(reason) => {
                self.want(Wanted::Failed, Some(&reason));
                (JobState::Failed, Some(reason))
            }
        };
        let level = if reason.is_some() { LogLevel::Error } else { LogLevel::Info };
        let told = reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
        self.tell(level, &format!("the job is {}{told}", state_name(state)));
        self.update(|live| live.end(state, reason));
        self.keep_figures();
    }

    fn is_left(&self) -> bool {
        self.is_left.load(Ordering::SeqCst)
    }

    /// Changes what is known of the job.
    fn update(&self, change: impl FnOnce(&mut super::Live)) {
        self.slot.update(|live| {
            // Looked at while nobody else changes it: what was said of one that is left behind stays.
            if !self.is_left() {
                change(live);
            }
        });
    }

    /// Tries to start the job until it runs; `None`: somebody has stopped it meanwhile.
    fn recover(&self, recover: &Recover) -> Option<Supervisor> {
        let (mut delay, mut is_told) = (RETRY[0], false);
        loop {
            if self.is_left() {
                return None;
            }
            match recover() {
                Ok((supervisor, _room)) => {
                    let guest_resources = Some(supervisor.job().guest_resources());
                    self.update(|live| live.guest_resources = guest_resources);
                    return Some(supervisor);
                }
                Err(problem) => {
                    let diagnostics: Vec<_> = problem.diagnostics.iter().map(|d| d.message.as_str()).collect();
                    let why = if diagnostics.is_empty() { problem.detail.clone() } else { diagnostics.join("; ") };
                    match problem.kind {
                        // Said once: it only waits for its turn, which may come at any time.
                        Kind::Busy => {
                            if !is_told {
                                self.tell(LogLevel::Warn, &why);
                            }
                            (is_told, delay) = (true, RETRY[0] / 2);
                        }
                        _ => {
                            let told = format!("it cannot continue; the next try is in {delay:?}: {why}");
                            self.tell(LogLevel::Error, &told);
                        }
                    }
                    self.update(|live| {
                        (live.state, live.reason) = (Some(JobState::Restarting), Some(why));
                    });
                }
            }
            if !self.pause(delay) {
                return None;
            }
            delay = (delay * 2).min(RETRY[1]);
        }
    }

    /// Waits so long; `false`: the job is stopped. Any other request is answered at once: the job does not run.
    fn pause(&self, delay: Duration) -> bool {
        let now_us = || self.start.clock.now_us();
        let until_us = now_us().saturating_add(i64::try_from(delay.as_micros()).unwrap_or(i64::MAX));
        loop {
            let left_us = until_us.saturating_sub(now_us()).max(0).unsigned_abs();
            match self.commands.recv_timeout(Duration::from_micros(left_us).min(delay)) {
                Ok(Command::End(_)) | Err(RecvTimeoutError::Disconnected) => return false,
                Ok(refused) => drop(refused),
                Err(RecvTimeoutError::Timeout) => return true,
            }
        }
    }

    fn follow(&mut self, mut job: Supervisor) -> Outcome {
        let description = Arc::new(job.job().describe());
        self.tell_start(&job, &description);
        self.update(|live| live.description = Some(description));
        let mut ending = None;
        loop {
            let ended = job.wait(Duration::ZERO);
            for resumed in job.take_resumed() {
                self.tell(LogLevel::Info, &resumed);
            }
            for notice in job.take_notices() {
                self.tell(LogLevel::Warn, &notice);
            }
            if self.is_left() {
                job.stop();
                while ended.is_none() && job.wait(LOOK_EVERY).is_none() {}
                return Outcome::Suspended(None);
            }
            self.follow_swap();
            self.publish(&job, ending);
            if let Some(ended) = ended {
                let progress = job.progress();
                let late = progress.late.iter().map(ToString::to_string);
                let untried = progress.untried.iter().map(ToString::to_string);
                for note in job.job().notes_after().into_iter().chain(late).chain(untried) {
                    self.tell(LogLevel::Warn, &note);
                }
                let figures = self.disk.measure(job.job());
                self.slot.update(|live| live.disk = figures);
                let outcome = outcome(ended, job.why_waiting());
                let has_stopped = !matches!(outcome, Outcome::Finished);
                return self.exceeded.take().filter(|_| has_stopped).map_or(outcome, Outcome::Failed);
            }
            self.watch_disk(&mut job);
            let is_awaited = ending.is_some() || self.swap.as_ref().is_some_and(OpenSwap::is_moving);
            let mut heard = self.commands.recv_timeout(if is_awaited { LOOK_EVERY_AWAITED } else { LOOK_EVERY });
            while let Ok(command) = heard {
                self.command(command, &mut job, &mut ending);
                heard = self.commands.try_recv().map_err(|_| RecvTimeoutError::Timeout);
            }
            if matches!(heard, Err(RecvTimeoutError::Disconnected)) {
                // Nobody knows the job any more.
                job.stop();
                while job.wait(LOOK_EVERY).is_none() {}
                return Outcome::Suspended(None);
            }
        }
    }

    /// Measures what the job has on disk, and stops one that has too much.
    fn watch_disk(&mut self, job: &mut Supervisor) {
        let Some(figures) = self.disk.look(job.job(), || self.start.clock.now_us()) else { return };
        self.slot.update(|live| live.disk = figures);
        if self.exceeded.is_none() {
            self.exceeded = self.disk.exceeded(figures);
            if self.exceeded.is_some() {
                job.stop();
            }
        }
    }

    fn command(&mut self, command: Command, job: &mut Supervisor, ending: &mut Option<Ending>) {
        match command {
            Command::End(asked) => {
                *ending = Some(asked);
                match asked {
                    Ending::Drain => job.drain(),
                    Ending::Suspend => job.suspend(),
                    Ending::Stop => job.stop(),
                }
            }
            Command::Job(reply) => {
                let _ = reply.send(Arc::clone(job.job()));
            }
            Command::Swap(swap) => self.begin_swap(*swap, job),
            Command::Shadow(versions, until_us, reply) => {
                let _ = reply.send(self.begin_shadow(&versions, until_us, job));
            }
            Command::RollBack(reply) => {
                // One that is decided by now is written down first.
                self.follow_swap();
                let open = self.swap.as_ref().filter(|open| open.swap.is_open());
                let asked = open.map(|_| job.roll_back());
                self.follow_swap();
                let _ = reply.send(asked.and_then(|()| self.slot.live().swap));
            }
            Command::Savepoint(reply) => job.savepoint(reply),
        }
    }

    /// Its guests are there beside those that run, so there must be room for both.
    fn begin_shadow(
        &self,
        versions: &[NewVersion],
        until_us: i64,
        job: &mut Supervisor,
    ) -> Result<SharedShadow, Problem> {
        let second = job.job().second_guest_resources(versions);
        let _room = self.start.admission.admit(&self.slot, job.job().guest_resources().plus(second))?;
        let shadow = job.shadow(versions, until_us)?;
        self.update(|live| (live.shadow, live.shadow_room) = (Some(shadow.clone()), second));
        Ok(shadow)
    }

    /// Room for its guests, those of both versions while a swap is open.
    fn guest_resources(&self, job: &Supervisor) -> GuestResources {
        let second = self.swap.as_ref().map(|open| open.second_room).unwrap_or_default();
        job.job().guest_resources().plus(second)
    }

    fn want(&self, wanted: Wanted, reason: Option<&str>) {
        if let Err(error) = self.start.catalog.want(&self.slot.name, wanted, reason) {
            self.tell(LogLevel::Error, &format!("cannot record what happened to the job: {}", chain(&error)));
        }
    }

    fn tell(&self, level: LogLevel, message: &str) {
        let (job, message) = (self.slot.name.as_str(), printable(message));
        let shown = visible_line(&message);
        match level {
            LogLevel::Error => tracing::error!(job, "{shown}"),
            LogLevel::Warn => tracing::warn!(job, "{shown}"),
            _ => tracing::info!(job, "{shown}"),
        }
        self.slot.lines.tell(level, &message);
    }
}

fn outcome(ended: Result<Summary, RunError>, why_waiting: Option<&str>) -> Outcome {
    match ended {
        Ok(summary) if summary.suspended => Outcome::Suspended(
            why_waiting.map(|why| format!("without another checkpoint, because it failed: {}", printable(why))),
        ),
        Ok(_) => Outcome::Finished,
        Err(RunError::Job(JobError::Stopped)) => Outcome::Suspended(None),
        Err(error) => Outcome::Failed(printable(&chain(&error))),
    }
}

fn state_name(state: JobState) -> &'static str {
    match state {
        JobState::Stopped => "stopped",
        JobState::Finished => "finished",
        _ => "failed",
    }
}
