//! The jobs of a server, as far as they run in it: one slot per job, with what is known of it and, while it runs, a thread. What is to
//! run is the catalog's; here is what does.

mod admission;
mod disk;
mod kept;
mod lines;
mod queue;
mod runner;

use std::collections::BTreeMap;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use weir_core::swap::Probation;
use weir_engine::{GuestResources, Job, JobDescription, JobFigures, NewVersion, Progress, SharedShadow, SwapError};

use crate::model::{JobState, SwapStatus};
use crate::problem::Problem;

pub(crate) use admission::{Admission, Bounds, THREADS_MAX};
pub(crate) use disk::DiskFigures;
pub(crate) use kept::KeptFigures;
pub(crate) use lines::Lines;
use queue::{Queue, Queued};
use runner::Over;
pub(crate) use runner::{Origin, Runner, Start, remove_folder};

/// How long an answer of a job's thread may take: it looks for questions many times a second, but may be starting.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);

/// A job of the server.
pub(crate) struct Slot {
    pub(crate) name: String,
    change: Mutex<()>,
    changing: Queue,
    saving: Queue,
    /// What the job and its operators have said.
    pub(crate) lines: Arc<Lines>,
    live: Mutex<Live>,
    runner: Mutex<Option<Runner>>,
    /// Threads that did not end when they had to, and their room.
    left: Mutex<Vec<(Arc<Over>, GuestResources)>>,
    /// Room that is kept for its guests, by each who is about to start it or to change it.
    reserved: Mutex<Vec<GuestResources>>,
}

/// Room for a job, until it has started or has not.
pub(crate) struct Reserved(Arc<Slot>, GuestResources);

impl Drop for Reserved {
    fn drop(&mut self) {
        let mut reserved = self.0.lock_reserved();
        if let Some(own) = reserved.iter().position(|room| *room == self.1) {
            reserved.swap_remove(own);
        }
    }
}

/// What is known of a job now.
#[derive(Clone, Debug, Default)]
pub(crate) struct Live {
    /// None: it was not started since the server was.
    pub(crate) state: Option<JobState>,
    pub(crate) reason: Option<String>,
    /// When it was started last: what is counted is counted from then on.
    pub(crate) since_us: Option<i64>,
    pub(crate) progress: Progress,
    /// What it had done before that, if it continues after a restart of the server or a failure.
    pub(crate) before: KeptFigures,
    pub(crate) figures: Arc<JobFigures>,
    pub(crate) rows_per_s: f64,
    /// Room for its guests, while a swap is open those of both versions; `None`: it waits to continue after a restart of the server.
    pub(crate) guest_resources: Option<GuestResources>,
    pub(crate) swap: Option<SwapStatus>,
    /// The last shadow run.
    pub(crate) shadow: Option<SharedShadow>,
    /// What it has on disk.
    pub(crate) disk: DiskFigures,
    /// Room for its guests while it is open.
    pub(crate) shadow_room: GuestResources,
    pub(crate) description: Option<Arc<JobDescription>>,
}

impl Live {
    /// It is over. What it has done stays to be seen; what its subtasks do, they do no longer, and no job is behind that does not run.
    fn end(&mut self, state: JobState, reason: Option<String>) {
        (self.state, self.reason, self.rows_per_s) = (Some(state), reason, 0.0);
        self.progress.watermark_us = None;
        self.figures = Arc::new(JobFigures { nodes: self.figures.nodes.clone(), ..JobFigures::default() });
    }

    /// Room for its guests now, those of a shadow run too.
    fn guest_resources(&self) -> Option<GuestResources> {
        let shadow = self.shadow.as_ref().filter(|shadow| shadow.is_open()).map(|_| self.shadow_room);
        Some(self.guest_resources?.plus(shadow.unwrap_or_default()))
    }
}

/// What a job's thread is asked.
pub(crate) enum Command {
    /// End as it is said.
    End(Ending),
    /// Say what runs, whose sources and sinks are open already.
    Job(SyncSender<Arc<Job>>),
    /// Put other versions in place.
    Swap(Box<SwapCommand>),
    /// Run other versions beside those that run, until a time.
    Shadow(Vec<NewVersion>, i64, SyncSender<Result<SharedShadow, Problem>>),
    /// Put the old versions back, if a swap is open; says what has become of it, if one was.
    RollBack(SyncSender<Option<SwapStatus>>),
    /// Take a checkpoint that stays; says its number.
    Savepoint(SyncSender<u64>),
}

/// A swap that a thread is to begin.
pub(crate) struct SwapCommand {
    pub(crate) versions: Vec<NewVersion>,
    pub(crate) probation: Probation,
    pub(crate) status: SwapStatus,
    /// The revision that is to run if it is rolled back.
    pub(crate) back: u64,
    pub(crate) reply: SyncSender<Result<(), SwapError>>,
}

/// How a job ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Its input ends.
    Drain,
    /// After a last checkpoint.
    Suspend,
    /// At once.
    Stop,
}

impl Slot {
    /// A job that does not run.
    pub(crate) fn new(name: &str, lines: Arc<Lines>) -> Self {
        Self {
            name: name.to_owned(),
            change: Mutex::default(),
            changing: Queue::default(),
            saving: Queue::default(),
            lines,
            live: Mutex::default(),
            runner: Mutex::default(),
            left: Mutex::default(),
            reserved: Mutex::default(),
        }
    }

    /// Held while the job is changed: changes come one after the other.
    ///
    /// # Errors
    /// If too many wait already.
    pub(crate) fn lock_for_change(&self) -> Result<(MutexGuard<'_, ()>, Queued), Problem> {
        let queued = self.changing.enter(&self.name)?;
        Ok((self.change.lock().unwrap_or_else(PoisonError::into_inner), queued))
    }

    /// Held while a savepoint is awaited; no change waits for that.
    ///
    /// # Errors
    /// If too many wait already.
    pub(crate) fn saving(&self) -> Result<Queued, Problem> {
        self.saving.enter(&self.name)
    }

    /// What is known of it.
    pub(crate) fn live(&self) -> Live {
        self.lock_live().clone()
    }

    /// Keeps room for its guests.
    pub(crate) fn reserve(self: &Arc<Self>, room: GuestResources) -> Reserved {
        self.lock_reserved().push(room);
        Reserved(Arc::clone(self), room)
    }

    /// Room for its guests; `None`: it has none, since it neither runs nor is about to.
    pub(crate) fn guest_resources(&self) -> Option<GuestResources> {
        let reserved = self.lock_reserved().clone();
        let running = self.is_running().then(|| self.lock_live().guest_resources()).flatten();
        let left = self.lock_left().iter().map(|(_, room)| *room).reduce(GuestResources::plus);
        let own = reserved.into_iter().chain(running).reduce(GuestResources::or);
        own.into_iter().chain(left).reduce(GuestResources::plus)
    }

    /// Whether it has a thread that has not ended.
    pub(crate) fn is_running(&self) -> bool {
        self.lock_runner().as_ref().is_some_and(|runner| !runner.is_over())
    }

    /// Whether it has started since its thread has: after a restart of the server it may have to wait.
    pub(crate) fn has_started(&self) -> bool {
        self.is_running() && self.lock_live().guest_resources.is_some()
    }

    /// Starts its thread. The one before must be over.
    pub(crate) fn start(self: &Arc<Self>, origin: Origin, start: Start) -> std::io::Result<()> {
        let runner = Runner::spawn(Arc::clone(self), origin, start)?;
        *self.lock_runner() = Some(runner);
        Ok(())
    }

    /// Asks its thread something; nothing happens if there is none.
    pub(crate) fn tell(&self, command: Command) {
        // It may have to wait until the thread has heard others, which may ask how much room there is meanwhile: no lock is held.
        let commands = self.lock_runner().as_ref().map(Runner::commands);
        if let Some(commands) = commands {
            // One that is over does not answer.
            let _ = commands.send(command);
        }
    }

    /// Asks its thread something, and waits for the answer. `None`: it does not run.
    pub(crate) fn ask<T>(&self, command: impl FnOnce(SyncSender<T>) -> Command) -> Option<T> {
        let (reply, answer) = sync_channel(1);
        self.tell(command(reply));
        answer.recv_timeout(ANSWER_TIME_MAX).ok()
    }

    /// Whether a thread is still there that did not end when it had to.
    pub(crate) fn has_left(&self) -> bool {
        !self.lock_left().is_empty()
    }

    /// Asks its thread to end at once, and leaves it behind if it has not within this time: from then on nothing that it does is told
    /// of the job. `false`: it was left behind.
    pub(crate) fn end_now(&self, timeout: Duration) -> bool {
        let Some(commands) = self.lock_runner().as_ref().map(Runner::commands) else { return true };
        // Where others wait already, the thread does not listen, or hears an end soon.
        let _ = commands.try_send(Command::End(Ending::Stop));
        if self.wait(timeout) {
            return true;
        }
        let room = self.lock_live().guest_resources().unwrap_or_default();
        let leave = |gone| {
            // Before it is over to others, who could start another one.
            self.lock_left().push((gone, room));
            let time = timeout.as_secs();
            let reason = format!(
                "it did not stop within {time} s: what it waits for is left behind, and it can be started when that has ended, or the \
                 server has been started again"
            );
            self.update(|live| live.end(JobState::Stopped, Some(reason)));
        };
        !self.lock_runner().as_ref().is_some_and(|runner| runner.leave(leave))
    }

    /// It does not run, and had done this when the server ended.
    pub(crate) fn had_done(&self, before: KeptFigures) {
        self.update(|live| live.before = before);
    }

    /// It waits until somebody starts it.
    pub(crate) fn quarantine(&self, reason: Option<String>) {
        self.update(|live| live.end(JobState::Quarantined, reason));
    }

    /// Waits until its thread is over; `false`: it still runs after so long.
    pub(crate) fn wait(&self, timeout: Duration) -> bool {
        let over = match &*self.lock_runner() {
            Some(runner) => runner.over(),
            None => return true,
        };
        over.wait(timeout)
    }

    /// As if it had never been there: the next job of the name begins anew.
    pub(crate) fn forget(&self) {
        *self.lock_live() = Live::default();
        self.lines.clear();
    }

    /// Changes what is known of it.
    fn update(&self, change: impl FnOnce(&mut Live)) {
        change(&mut self.lock_live());
    }

    fn lock_live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_reserved(&self) -> MutexGuard<'_, Vec<GuestResources>> {
        self.reserved.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Those that are still there.
    fn lock_left(&self) -> MutexGuard<'_, Vec<(Arc<Over>, GuestResources)>> {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        left.retain(|(gone, _)| !gone.wait(Duration::ZERO));
        left
    }

    fn lock_runner(&self) -> MutexGuard<'_, Option<Runner>> {
        self.runner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All jobs, by name.
#[derive(Default)]
pub(crate) struct Jobs(Mutex<BTreeMap<String, Arc<Slot>>>);

impl Jobs {
    /// A job, which is made if there is none of that name.
    pub(crate) fn slot(&self, name: &str, make: impl FnOnce() -> Slot) -> Arc<Slot> {
        Arc::clone(self.lock().entry(name.to_owned()).or_insert_with(|| Arc::new(make())))
    }

    /// All of them, by name.
    pub(crate) fn all(&self) -> Vec<Arc<Slot>> {
        self.lock().values().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Slot>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A job that does not run where it would have to.
pub(crate) fn not_running(slot: &Slot) -> Problem {
    let job = &slot.name;
    Problem::conflict(if slot.is_running() {
        format!("the job {job:?} does not run yet: `weir show {job}` says what it waits for")
    } else {
        match slot.live().state {
            Some(JobState::Finished) => format!("the job {job:?} has ended, and reads no more rows"),
            Some(JobState::Failed) => format!(
                "the job {job:?} has failed: `weir deploy` or `weir rollback` changes what it runs, `weir start {job}` starts it as it is"
            ),
            Some(JobState::Quarantined) => {
                format!("the job {job:?} is in quarantine: `weir show {job}` says why, `weir start {job}` starts it")
            }
            _ => format!("the job {job:?} does not run: `weir start {job}` starts it"),
        }
    })
}
