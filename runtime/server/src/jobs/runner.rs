//! The thread of one job: keeps its supervisor going, does what it is asked, and writes into the catalog what became of the job and
//! of its swaps. A swap is told as done only when the catalog has it.

use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use weir_core::swap::{Phase, RollbackReason};
use weir_core::time::Clock;
use weir_engine::{JobError, RunError, SharedSwap, Summary, Supervisor, SwapError};
use weir_host::LogLevel;

use super::lines::printable;
use super::{Command, Ending, Slot, SwapCommand};
use crate::catalog::{Catalog, Wanted};
use crate::model::{JobState, SwapPhase, SwapStatus};
use crate::problem::{Problem, chain};

/// How often it looks whether it is asked something.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Commands that wait to be looked at; whoever brings more waits.
const COMMANDS_MAX: usize = 64;
/// How often figures are taken, microseconds.
const FIGURES_EVERY_US: i64 = 250_000;
/// Rates are of so long, microseconds.
const RATE_PERIOD_US: i64 = 1_000_000;
/// The first wait before a job that cannot be recovered is tried again, and the longest.
const RETRY: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(60)];

/// What a thread needs.
pub(crate) struct Start {
    pub(crate) origin: Origin,
    /// Memory that its guests may use together; not known of one that is to be recovered.
    pub(crate) guest_bytes: u64,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) clock: Arc<dyn Clock>,
    /// Whether the catalog says where it goes on from, or what it may give up; that holds until it has completed a checkpoint.
    pub(crate) has_conditions: bool,
}

/// How a job comes to run.
pub(crate) enum Origin {
    /// It does already.
    Running(Box<Supervisor>),
    /// It is to go on after the server was started, however long what it needs is away.
    Recover(Box<dyn Fn() -> Result<Supervisor, Problem> + Send>),
}

impl Origin {
    /// Memory that the job's guests may use together, as far as that is known.
    pub(crate) fn guest_bytes(&self) -> u64 {
        match self {
            Self::Running(supervisor) => supervisor.job().guest_memory_bytes(),
            Self::Recover(_) => 0,
        }
    }
}

/// A job's thread, from outside.
pub(crate) struct Runner {
    commands: SyncSender<Command>,
    over: Arc<Over>,
}

/// Whether a thread is over.
#[derive(Default)]
pub(crate) struct Over(Mutex<bool>, Condvar);

impl Over {
    /// Waits at most so long; `false`: it is not over.
    pub(crate) fn wait(&self, timeout: Duration) -> bool {
        let over = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.1.wait_timeout_while(over, timeout, |over| !*over);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn set(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.1.notify_all();
    }
}

/// Says that the thread is over, however it ends.
struct SetOver(Arc<Over>);

impl Drop for SetOver {
    fn drop(&mut self) {
        self.0.set();
    }
}

impl Runner {
    /// Starts the thread of a job.
    pub(super) fn spawn(slot: Arc<Slot>, start: Start) -> std::io::Result<Self> {
        let (commands, receiver) = sync_channel(COMMANDS_MAX);
        let over = Arc::new(Over::default());
        let set = SetOver(Arc::clone(&over));
        let (state, guest_bytes) = (Some(JobState::Starting), start.guest_bytes);
        slot.update(|live| *live = super::Live { state, guest_bytes, ..super::Live::default() });
        let name = format!("job {}", slot.name);
        let thread =
            Thread { slot, start, commands: receiver, swap: None, savepoints: Vec::new(), seen: (0, 0), figures_us: 0 };
        std::thread::Builder::new().name(name).spawn(move || {
            let _set = set;
            thread.run();
        })?;
        Ok(Self { commands, over })
    }

    /// Asks it something; one that is over does not answer.
    pub(super) fn tell(&self, command: Command) {
        let _ = self.commands.send(command);
    }

    pub(super) fn over(&self) -> Arc<Over> {
        Arc::clone(&self.over)
    }

    pub(super) fn is_over(&self) -> bool {
        self.over.wait(Duration::ZERO)
    }
}

struct Thread {
    slot: Arc<Slot>,
    start: Start,
    commands: Receiver<Command>,
    swap: Option<OpenSwap>,
    savepoints: Vec<AskedSavepoint>,
    /// When rows were counted last, and how many there were.
    seen: (i64, u64),
    /// When figures were taken last.
    figures_us: i64,
}

/// Somebody waits for a checkpoint.
struct AskedSavepoint {
    /// The last one when it was asked for.
    before: Option<u64>,
    reply: SyncSender<Result<u64, String>>,
}

struct OpenSwap {
    swap: SharedSwap,
    status: SwapStatus,
    back: u64,
    /// What it has come to could not be written down so far.
    is_unwritten: bool,
}

/// How a job is over.
enum Outcome {
    Suspended,
    Finished,
    Failed(String),
}

impl Thread {
    fn run(mut self) {
        let origin = std::mem::replace(
            &mut self.start.origin,
            Origin::Recover(Box::new(|| Err(Problem::conflict("it was started already")))),
        );
        let supervisor = match origin {
            Origin::Running(supervisor) => Some(*supervisor),
            Origin::Recover(recover) => self.recover(&*recover),
        };
        let outcome = supervisor.map_or(Outcome::Suspended, |supervisor| self.follow(supervisor));
        self.follow_swap();
        if let Some(open) = self.swap.take() {
            let ended = "the job ended before the swap was decided".to_owned();
            // If it cannot be written now, the next start of the server does.
            let _ = self.decide(open, Some(ended));
        }
        let (state, reason) = match outcome {
            Outcome::Suspended => (JobState::Stopped, None),
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
        self.slot.update(|live| {
            (live.state, live.reason, live.rows_per_s) = (Some(state), reason, 0.0);
            live.figures = Arc::default();
        });
    }

    /// Tries to start the job until it runs; `None`: somebody has stopped it meanwhile.
    fn recover(&self, recover: &dyn Fn() -> Result<Supervisor, Problem>) -> Option<Supervisor> {
        let mut delay = RETRY[0];
        loop {
            match recover() {
                Ok(supervisor) => return Some(supervisor),
                Err(problem) => {
                    let diagnostics: Vec<_> = problem.diagnostics.iter().map(|d| d.message.as_str()).collect();
                    let why = if diagnostics.is_empty() { problem.detail.clone() } else { diagnostics.join("; ") };
                    self.tell(LogLevel::Error, &format!("it cannot go on, and is tried again in {delay:?}: {why}"));
                    self.slot.update(|live| {
                        (live.state, live.reason) = (Some(JobState::Restarting), Some(why));
                    });
                }
            }
            if let Ok(Command::End(_)) = self.commands.recv_timeout(delay) {
                return None;
            }
            delay = (delay * 2).min(RETRY[1]);
        }
    }

    fn follow(&mut self, mut job: Supervisor) -> Outcome {
        let (description, guest_bytes) = (Arc::new(job.job().describe()), job.job().guest_memory_bytes());
        self.slot.update(|live| (live.description, live.guest_bytes) = (Some(description), guest_bytes));
        let mut ending = None;
        loop {
            let ended = job.wait(LOOK_EVERY);
            for notice in job.take_notices() {
                self.tell(LogLevel::Warn, &notice);
            }
            self.follow_swap();
            self.publish(&job, ending);
            if let Some(ended) = ended {
                let ended_first = || Err("the job ended".to_owned());
                self.savepoints.drain(..).for_each(|asked| drop(asked.reply.send(ended_first())));
                return outcome(ended);
            }
            loop {
                match self.commands.try_recv() {
                    Ok(command) => self.command(command, &mut job, &mut ending),
                    Err(TryRecvError::Empty) => break,
                    // Nobody knows the job any more.
                    Err(TryRecvError::Disconnected) => {
                        job.stop();
                        break;
                    }
                }
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
            Command::Swap(swap) => self.begin_swap(*swap, job),
            Command::Shadow(versions, until_us, reply) => {
                let shadow = job.shadow(&versions, until_us);
                if let Ok(shadow) = &shadow {
                    self.slot.update(|live| live.shadow = Some(shadow.clone()));
                }
                let _ = reply.send(shadow);
            }
            Command::RollBack(reply) => {
                // One that is decided by now is written down first.
                self.follow_swap();
                let open = self.swap.as_ref().filter(|open| open.swap.is_open());
                let _ = reply.send(open.map(|open| open.swap.roll_back()).is_some());
            }
            Command::Savepoint(reply) => {
                job.checkpoint();
                self.savepoints.push(AskedSavepoint { before: job.progress().checkpoints.last, reply });
            }
        }
    }

    fn begin_swap(&mut self, command: SwapCommand, job: &mut Supervisor) {
        let SwapCommand { versions, probation, status, back, reply } = command;
        let begun = match &self.swap {
            Some(_) => Err(SwapError::UnderWay),
            None => job.swap(&versions, probation),
        };
        let answer = begun.map(|swap| {
            self.tell(LogLevel::Info, &format!("{} begins", told(&status)));
            self.slot.update(|live| live.swap = Some(status.clone()));
            self.swap = Some(OpenSwap { swap, status, back, is_unwritten: false });
        });
        if reply.send(answer).is_err()
            && let Some(open) = &self.swap
        {
            // Who asked has been told that it is not to be.
            open.swap.roll_back();
        }
    }

    /// Looks how far the swap is.
    fn follow_swap(&mut self) {
        let Some(mut open) = self.swap.take() else { return };
        let (phase, reason) = match open.swap.phase() {
            Phase::CuttingOver => (SwapPhase::CuttingOver, None),
            Phase::Canary { .. } | Phase::Proven | Phase::Following => (SwapPhase::Canary, None),
            Phase::Probation { .. } => (SwapPhase::Probation, None),
            Phase::Done => (SwapPhase::Done, None),
            Phase::RolledBack(reason) => (SwapPhase::RolledBack, Some(rollback_reason(&reason))),
        };
        if !phase.is_open() {
            self.swap = self.decide(open, reason);
            return;
        }
        if open.status.phase != phase {
            open.status.phase = phase;
            let of = if phase == SwapPhase::Canary { " for some of the keys" } else { "" };
            self.tell(LogLevel::Info, &format!("{} is on trial{of}", told(&open.status)));
            let status = open.status.clone();
            self.slot.update(|live| live.swap = Some(status));
        }
        self.swap = Some(open);
    }

    /// Writes down what a swap has come to, and tells it then. What cannot be written down is tried again: it comes back.
    fn decide(&self, mut open: OpenSwap, reason: Option<String>) -> Option<OpenSwap> {
        let revision = open.status.revision.unwrap_or_default();
        let written = match &reason {
            None => self.start.catalog.keep(&self.slot.name, revision),
            Some(reason) => self.start.catalog.roll_back(&self.slot.name, revision, open.back, reason),
        };
        if let Err(error) = written {
            if !std::mem::replace(&mut open.is_unwritten, true) {
                let why = chain(&error);
                self.tell(LogLevel::Error, &format!("what became of a swap cannot be written down yet: {why}"));
            }
            return Some(open);
        }
        let mut status = open.status;
        match &reason {
            None => self.tell(LogLevel::Info, &format!("{} is kept", told(&status))),
            Some(reason) => self.tell(LogLevel::Warn, &format!("{} was rolled back: {reason}", told(&status))),
        }
        status.phase = if reason.is_none() { SwapPhase::Done } else { SwapPhase::RolledBack };
        status.reason = reason;
        self.slot.update(|live| live.swap = Some(status));
        None
    }

    /// Shows how far the job is, and answers who waits for a checkpoint.
    fn publish(&mut self, job: &Supervisor, ending: Option<Ending>) {
        let progress = job.progress();
        let last = progress.checkpoints.last;
        if self.start.has_conditions && progress.checkpoints.completed > 0 {
            self.start.has_conditions = false;
            // If it cannot be written, the next start finds a newer checkpoint, and so does without.
            if let Err(error) = self.start.catalog.go_on_from(&self.slot.name, None, &[], None) {
                self.tell(LogLevel::Error, &chain(&error));
            }
        }
        for asked in self.savepoints.extract_if(.., |asked| last > asked.before) {
            let _ = asked.reply.send(last.ok_or_else(|| "there is no checkpoint".to_owned()));
        }
        let state = match (ending, job.is_waiting()) {
            (Some(_), _) => JobState::Stopping,
            (None, true) => JobState::Restarting,
            (None, false) => JobState::Running,
        };
        let now_us = self.start.clock.now_us();
        let (seen_us, rows) = self.seen;
        let passed_us = now_us.saturating_sub(seen_us);
        let rate = (passed_us >= RATE_PERIOD_US).then(|| {
            self.seen = (now_us, progress.rows_in);
            let rows = progress.rows_in.saturating_sub(rows);
            if seen_us == 0 { 0.0 } else { rows as f64 / (passed_us as f64 / 1e6) }
        });
        let figures = (now_us.saturating_sub(self.figures_us) >= FIGURES_EVERY_US).then(|| Arc::new(job.figures()));
        if figures.is_some() {
            self.figures_us = now_us;
        }
        self.slot.update(|live| {
            (live.state, live.progress, live.reason) = (Some(state), progress, None);
            live.guest_bytes = job.job().guest_memory_bytes();
            live.figures = figures.unwrap_or_else(|| Arc::clone(&live.figures));
            live.rows_per_s = rate.unwrap_or(live.rows_per_s);
        });
    }

    fn want(&self, wanted: Wanted, reason: Option<&str>) {
        if let Err(error) = self.start.catalog.want(&self.slot.name, wanted, reason) {
            self.tell(LogLevel::Error, &format!("what became of the job cannot be written down: {}", chain(&error)));
        }
    }

    fn tell(&self, level: LogLevel, message: &str) {
        let (job, message) = (self.slot.name.as_str(), printable(message));
        match level {
            LogLevel::Error => tracing::error!(job, "{message}"),
            LogLevel::Warn => tracing::warn!(job, "{message}"),
            _ => tracing::info!(job, "{message}"),
        }
        self.slot.lines.tell(level, &message);
    }
}

fn outcome(ended: Result<Summary, RunError>) -> Outcome {
    match ended {
        Ok(summary) if summary.suspended => Outcome::Suspended,
        Ok(_) => Outcome::Finished,
        Err(RunError::Job(JobError::Stopped)) => Outcome::Suspended,
        Err(error) => Outcome::Failed(printable(&chain(&error))),
    }
}

/// A swap in words.
fn told(status: &SwapStatus) -> String {
    let versions: Vec<_> =
        status.operators.iter().map(|(operator, version)| format!("{operator} -> {version}")).collect();
    format!("the swap {}", versions.join(", "))
}

fn rollback_reason(reason: &RollbackReason) -> String {
    printable(&match reason {
        RollbackReason::Refused(reason) => format!("it could not take over the state: {reason}"),
        RollbackReason::Regressed(reason) => format!("it failed where the old version does not: {reason}"),
        RollbackReason::Asked => "somebody asked for it".to_owned(),
    })
}

fn state_name(state: JobState) -> &'static str {
    match state {
        JobState::Stopped => "stopped",
        JobState::Finished => "finished",
        _ => "failed",
    }
}
