//! A job's thread, from outside: where it is asked something, and whether it is over. One that does not end is left behind.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::{COMMANDS_MAX, Origin, Start, Thread};
use crate::jobs::disk::DiskWatch;
use crate::jobs::kept::KeptFigures;
use crate::jobs::{Command, Live, Slot};
use crate::model::JobState;

/// A job's thread, from outside.
pub(crate) struct Runner {
    commands: SyncSender<Command>,
    /// Whether it is over to all others.
    over: Arc<Over>,
    /// Whether it is.
    gone: Arc<Over>,
    is_left: Arc<AtomicBool>,
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
struct SetOver([Arc<Over>; 2]);

impl Drop for SetOver {
    fn drop(&mut self) {
        self.0.iter().for_each(|over| over.set());
    }
}

impl Runner {
    /// Starts the thread of a job.
    pub(in crate::jobs) fn spawn(slot: Arc<Slot>, origin: Origin, start: Start) -> std::io::Result<Self> {
        let (commands, receiver) = sync_channel(COMMANDS_MAX);
        let [over, gone] = [(); 2].map(|()| Arc::new(Over::default()));
        let set = SetOver([Arc::clone(&over), Arc::clone(&gone)]);
        let disk = DiskWatch::new(start.folder.clone(), &start.admission.bounds.disk);
        let (state, guest_resources) = (Some(JobState::Starting), origin.guest_resources());
        // What continues after a restart of the server continues to count; what somebody starts begins to.
        let before = match origin {
            Origin::Running(_) => {
                // Those of an earlier run are not to come back; where they cannot be replaced, only what people see is wrong.
                let _ = KeptFigures::default().write(&start.folder);
                KeptFigures::default()
            }
            Origin::Recover(_) => KeptFigures::read(&start.folder),
        };
        let at_checkpoint = before.clone();
        slot.update(|live| *live = Live { state, guest_resources, before, ..Live::default() });
        let name = format!("job {}", slot.name);
        let is_left = Arc::new(AtomicBool::new(false));
        let thread = Thread {
            slot,
            start,
            commands: receiver,
            is_left: Arc::clone(&is_left),
            swap: None,
            is_stable: false,
            began_us: None,
            started_us: None,
            at_checkpoint,
            seen: (0, 0),
            figures_us: 0,
            disk,
            exceeded: None,
        };
        std::thread::Builder::new().name(name).spawn(move || {
            let _set = set;
            thread.run(origin);
        })?;
        Ok(Self { commands, over, gone, is_left })
    }

    /// From now on nothing that it does is told of the job, and when this was, it is over to all others; where it is seen when it is, is
    /// given to `leave`. `false`: it is over already.
    pub(in crate::jobs) fn leave(&self, leave: impl FnOnce(Arc<Over>)) -> bool {
        if self.is_over() {
            return false;
        }
        self.is_left.store(true, Ordering::SeqCst);
        leave(Arc::clone(&self.gone));
        self.over.set();
        true
    }

    /// Where it is asked something.
    pub(in crate::jobs) fn commands(&self) -> SyncSender<Command> {
        self.commands.clone()
    }

    pub(in crate::jobs) fn over(&self) -> Arc<Over> {
        Arc::clone(&self.over)
    }

    pub(in crate::jobs) fn is_over(&self) -> bool {
        self.over.wait(Duration::ZERO)
    }
}
