//! What a running job is asked, as one closed list, and how its threads learn of it. The caller never waits, and nothing is asked of
//! a job in another way.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::triggers::Triggers;
use crate::replace::delivery::{PendingShadow, PendingSwap, SwapBox};
use crate::replace::shadow::SharedShadow;
use crate::replace::trial::SharedSwap;

/// Everything that can be asked of a running job.
pub(crate) enum Request {
    /// Read no further, and end as if the input had ended.
    Drain,
    /// Take a last checkpoint, read no further than that, and stop.
    Suspend,
    /// Stop at once.
    Stop,
    /// Take a checkpoint that is pinned, and send its number.
    Savepoint(SyncSender<u64>),
    /// Run other versions from the barrier of a checkpoint on, which is taken now. A shadow run ends.
    Swap(PendingSwap),
    /// Roll the last swap back, if it is not decided yet.
    RollBack,
    /// Call other versions beside those that run, from the barrier of a checkpoint on, which is taken now. Another shadow run ends.
    Shadow(PendingShadow),
    /// End the shadow run.
    EndShadow,
}

/// Where the threads of a job find what was asked.
pub(crate) struct Control {
    drain: AtomicBool,
    suspend: AtomicBool,
    stop: AtomicBool,
    orders: Mutex<CheckpointOrders>,
    wakeup: (Sender<()>, Receiver<()>),
    /// By subtask: where it finds what it is to run.
    boxes: Vec<Arc<SwapBox>>,
    /// The last swap, and the last shadow run.
    swap: Mutex<Option<SharedSwap>>,
    shadow: Mutex<Option<SharedShadow>>,
    /// Attempts at checkpoints that sources are to begin.
    pub(crate) triggers: Triggers,
    /// The last checkpoint of a job that is suspended is complete.
    suspended: AtomicBool,
}

/// What the thread that makes checkpoints is to do.
#[derive(Default)]
pub(crate) struct CheckpointOrders {
    /// Begin a checkpoint as soon as one can begin.
    pub(crate) checkpoint: bool,
    /// Where the numbers of pinned checkpoints go.
    pub(crate) savepoints: Vec<SyncSender<u64>>,
    /// That checkpoint is the last.
    pub(crate) suspend: bool,
    /// Other versions that are to run from a barrier on.
    pub(crate) swap: Option<PendingSwap>,
}

impl Control {
    /// Of a job whose subtasks find other versions in these boxes.
    pub(crate) fn new(boxes: Vec<Arc<SwapBox>>) -> Self {
        Self {
            drain: AtomicBool::default(),
            suspend: AtomicBool::default(),
            stop: AtomicBool::default(),
            orders: Mutex::default(),
            wakeup: bounded(1),
            boxes,
            swap: Mutex::default(),
            shadow: Mutex::default(),
            triggers: Triggers::default(),
            suspended: AtomicBool::default(),
        }
    }

    /// Takes a request.
    pub(crate) fn request(&self, request: Request) {
        match request {
            Request::Drain => self.drain.store(true, Ordering::Relaxed),
            Request::Suspend => {
                self.suspend.store(true, Ordering::Relaxed);
                self.order(|orders| (orders.checkpoint, orders.suspend) = (true, true));
            }
            Request::Stop => {
                self.stop.store(true, Ordering::Relaxed);
                self.wake();
                self.triggers.wake();
            }
            Request::Savepoint(number) => self.order(|orders| {
                orders.checkpoint = true;
                orders.savepoints.push(number);
            }),
            Request::Swap(pending) => {
                self.request(Request::EndShadow);
                *lock(&self.swap) = Some(pending.swap.clone());
                self.order(|orders| orders.swap = Some(pending));
            }
            Request::RollBack => lock(&self.swap).iter().for_each(SharedSwap::roll_back),
            Request::Shadow(pending) => {
                self.request(Request::EndShadow);
                *lock(&self.shadow) = Some(pending.shadow.clone());
                pending.deliver(&self.boxes);
                self.order(|orders| orders.checkpoint = true);
            }
            Request::EndShadow => lock(&self.shadow).take().iter().for_each(SharedShadow::stop),
        }
    }

    /// Whether sources are to end as if their input had ended.
    pub(crate) fn is_draining(&self) -> bool {
        self.drain.load(Ordering::Relaxed)
    }

    /// Whether sources read nothing after a checkpoint that they have begun.
    pub(crate) fn is_suspending(&self) -> bool {
        self.suspend.load(Ordering::Relaxed)
    }

    /// Whether every thread is to end at once.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// What the thread that makes checkpoints was told since it asked last.
    pub(crate) fn take_orders(&self) -> CheckpointOrders {
        std::mem::take(&mut lock(&self.orders))
    }

    /// What wakes that thread.
    pub(crate) fn wakeup(&self) -> &Receiver<()> {
        &self.wakeup.1
    }

    /// Has sources wait for the checkpoint after an attempt, or until the job is stopped.
    pub(crate) fn park_until_next_checkpoint(&self, attempt: u64) {
        self.triggers.wait_after(attempt, || self.is_stopped());
    }

    /// The last checkpoint is complete: every thread may end.
    pub(crate) fn complete_suspension(&self) {
        self.suspended.store(true, Ordering::Release);
        self.request(Request::Stop);
    }

    /// Whether the job has ended by being suspended.
    pub(crate) fn is_suspended(&self) -> bool {
        self.suspended.load(Ordering::Acquire)
    }

    /// The last swap.
    pub(crate) fn swap(&self) -> Option<SharedSwap> {
        lock(&self.swap).clone()
    }

    fn order(&self, change: impl FnOnce(&mut CheckpointOrders)) {
        change(&mut lock(&self.orders));
        self.wake();
    }

    fn wake(&self) {
        // If there is no room, the thread is to wake up already.
        let _ = self.wakeup.0.try_send(());
    }
}

fn lock<T>(held: &Mutex<T>) -> MutexGuard<'_, T> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;
    use std::thread;

    use super::*;

    #[test]
    fn parked_sources_resume_at_the_next_checkpoint_and_when_the_job_stops() {
        let control = Arc::new(Control::new(Vec::new()));
        control.triggers.begin(1, 0);
        let park = |attempt| {
            let control = control.clone();
            thread::spawn(move || control.park_until_next_checkpoint(attempt))
        };
        let parked = park(1);
        control.triggers.begin(2, 0);
        parked.join().unwrap();
        park(1).join().unwrap();
        let parked = park(2);
        control.request(Request::Stop);
        parked.join().unwrap();
    }

    #[test]
    fn checkpoint_orders_are_gathered_until_they_are_taken() {
        let control = Control::new(Vec::new());
        let (number, _numbers) = sync_channel(1);
        control.request(Request::Savepoint(number.clone()));
        control.request(Request::Savepoint(number));
        assert!(control.wakeup().try_recv().is_ok());
        let CheckpointOrders { checkpoint, savepoints, suspend, swap } = control.take_orders();
        assert!(checkpoint && savepoints.len() == 2 && !suspend && swap.is_none());
        control.request(Request::Suspend);
        assert!(control.is_suspending() && !control.is_stopped() && !control.is_suspended());
        assert!(control.take_orders().suspend && !control.take_orders().checkpoint);
        control.complete_suspension();
        assert!(control.is_stopped() && control.is_suspended());
    }
}
