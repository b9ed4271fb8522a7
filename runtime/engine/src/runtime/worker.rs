//! The thread around a subtask: takes elements from channels, hands them in, and sends what comes out. And the one that makes
//! checkpoints beside the stream.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, never, select};
use weir_core::batch::{Barrier, StreamElement};
use weir_core::time::{Clock, WATERMARK_MAX, WATERMARK_MIN};

use crate::checkpoint::checkpointer::Checkpointer;
use crate::checkpoint::failure::CheckpointFailure;
use crate::dataflow::chain::Action;
use crate::dataflow::source::SourceHead;
use crate::dataflow::subtask::{Event, FrozenSubtask, Outcome, Subtask, SubtaskError};
use crate::runtime::activity::{Activities, Activity, Spent};
use crate::runtime::control::{CheckpointOrders, Control};
use crate::runtime::figures::SubtaskFigures;
use crate::runtime::inbox::{Disconnected, Inbox, InboxSender, TrySendError};

/// A subtask with its channels.
pub(crate) struct Worker {
    pub(crate) subtask: Subtask,
    /// Its number in the job.
    pub(crate) number: usize,
    /// Where its parts of checkpoints go.
    pub(crate) parts: Sender<FrozenPart>,
    /// Its channels, in the order of its gate.
    pub(crate) inbox: Inbox<StreamElement>,
    /// By edge and target.
    pub(crate) outputs: Vec<Vec<Option<InboxSender<StreamElement>>>>,
    pub(crate) control: Arc<Control>,
    pub(crate) status: Arc<Status>,
    pub(crate) clock: Arc<dyn Clock>,
    /// How long nothing must have come before sinks show what they hold.
    pub(crate) linger: Duration,
}

/// What a subtask hands over at a barrier, or at its end.
pub(crate) struct FrozenPart {
    pub(crate) subtask: usize,
    /// The barrier's; `None`: the subtask has ended.
    pub(crate) attempt: Option<u64>,
    pub(crate) frozen: FrozenSubtask,
}

/// What a worker tells about itself.
#[derive(Debug)]
pub(crate) struct Status {
    /// Its subtask's name, and the names of the nodes in it.
    pub(crate) name: String,
    pub(crate) nodes: Vec<String>,
    /// The last watermark.
    pub(crate) watermark_us: AtomicI64,
    /// How far a source is: the bits of an f64, NaN if it does not know.
    progress: AtomicU64,
    /// Whether it is no source, or has read what was there when it began.
    pub(crate) is_caught_up: AtomicBool,
    activities: Mutex<Activities>,
}

impl Status {
    pub(crate) fn new(name: String, nodes: Vec<String>, now_us: i64) -> Self {
        Self {
            name,
            nodes,
            watermark_us: AtomicI64::new(WATERMARK_MIN),
            progress: AtomicU64::new(f64::NAN.to_bits()),
            is_caught_up: AtomicBool::new(false),
            activities: Mutex::new(Activities::new(now_us)),
        }
    }

    /// How far a source is, from 0 to 1.
    pub(crate) fn progress(&self) -> Option<f64> {
        Some(f64::from_bits(self.progress.load(Ordering::Relaxed))).filter(|p| !p.is_nan())
    }

    pub(crate) fn figures(&self, now_us: i64) -> SubtaskFigures {
        let Spent { busy_us, backpressured_us, idle_us } = self.activities().until(now_us);
        let watermark_us = self.watermark_us.load(Ordering::Relaxed);
        SubtaskFigures {
            name: self.name.clone(),
            nodes: self.nodes.clone(),
            busy_us,
            backpressured_us,
            idle_us,
            watermark_us: Some(watermark_us).filter(|w| ![WATERMARK_MIN, WATERMARK_MAX].contains(w)),
        }
    }

    fn activities(&self) -> MutexGuard<'_, Activities> {
        self.activities.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a worker ended before its stream did.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The subtask failed.
    #[error(transparent)]
    Subtask(#[from] SubtaskError),
    /// It was told to stop, or a neighbour is gone; that one has the reason.
    #[error("stopped")]
    Stopped,
}

/// How long a source that is ahead of others waits before it looks again.
const AHEAD_WAIT: Duration = Duration::from_millis(1);

impl Worker {
    /// Runs until the stream ends.
    pub(crate) fn run(mut self) -> Result<(), WorkerError> {
        // A subtask that is no source may never get anything to do.
        self.status.is_caught_up.store(!self.subtask.is_source(), Ordering::Relaxed);
        let result = if self.subtask.is_source() { self.run_source() } else { self.run_with_channels() };
        self.spend(Activity::Busy, None);
        result
    }

    fn run_source(&mut self) -> Result<(), WorkerError> {
        let (mut now_us, mut attempt, mut timed) = (self.clock.now_us(), 0, false);
        let mut flushed_us = now_us;
        loop {
            if self.control.is_stopped() {
                return Err(WorkerError::Stopped);
            }
            if let Some(next) = self.control.triggers.after(attempt) {
                attempt = next;
                if let Outcome::Ended(_) = self.begin_snapshot(attempt)? {
                    return Ok(());
                }
                now_us = self.spend(Activity::Busy, None);
                if self.control.is_suspending() {
                    // No row is read that the last checkpoint does not hold.
                    self.control.park_until_next_checkpoint(attempt);
                    now_us = self.spend(Activity::Idle, None);
                }
                continue;
            }
            let event = match self.control.is_draining() {
                _ if self.subtask.has_more() => Event::More,
                // Not twice in a row: what always has another deadline lets rows through.
                _ if !timed && self.is_due(now_us) => Event::Time { now_us },
                true => Event::Drain,
                false => Event::Poll { now_us },
            };
            timed = matches!(event, Event::Time { .. }) || (timed && matches!(event, Event::More));
            let outcome = self.handle(event)?;
            if let Outcome::Ended(_) = outcome {
                return Ok(());
            }
            let has_waited = matches!(outcome, Outcome::Running(false));
            if has_waited && self.subtask.read().is_some_and(SourceHead::is_ahead) {
                let _ = never::<()>().recv_timeout(AHEAD_WAIT);
            }
            // Only now it is known whether it read, or waited for something to read.
            now_us = self.spend(if has_waited { Activity::Idle } else { Activity::Busy }, None);
            if has_waited {
                self.handle(Event::Flush)?;
                flushed_us = now_us;
            } else if self.lingered(flushed_us, now_us) {
                // A source that always has a row or two must not keep a person waiting either.
                self.handle(Event::Linger)?;
                flushed_us = now_us;
            }
        }
    }

    fn run_with_channels(&mut self) -> Result<(), WorkerError> {
        let (mut flushed, mut flushed_us) = (true, self.spend(Activity::Busy, Some(Activity::Idle)));
        let mut timed = false;
        loop {
            if self.control.is_stopped() {
                return Err(WorkerError::Stopped);
            }
            if self.subtask.begins_snapshots()
                && let Some(attempt) = self.control.triggers.after(self.subtask.last_attempt())
            {
                if let Outcome::Ended(_) = self.begin_snapshot(attempt)? {
                    return Ok(());
                }
                if self.control.is_suspending() {
                    // As a source: nothing is given out that the last checkpoint does not hold.
                    self.spend(Activity::Busy, Some(Activity::Idle));
                    self.control.park_until_next_checkpoint(attempt);
                    self.spend(Activity::Idle, Some(Activity::Busy));
                }
                continue;
            }
            let has_more = self.subtask.has_more();
            // A deadline does not wait for a pause in the input; but of two things that are due always, each has its turn.
            let is_due = !has_more && !timed && self.is_due(self.clock.now_us());
            let received = if is_due { None } else { self.receive(self.patience(has_more, flushed))? };
            let now_us = self.spend(Activity::Idle, Some(Activity::Busy));
            let event = match received {
                Some((channel, element)) => Event::Element { channel, element },
                None if has_more => Event::More,
                None if self.is_due(now_us) => Event::Time { now_us },
                None => Event::Flush,
            };
            flushed = matches!(event, Event::Flush);
            timed = matches!(event, Event::Time { .. }) || (timed && matches!(event, Event::More));
            if let Outcome::Ended(_) = self.handle(event)? {
                return Ok(());
            }
            let now_us = self.clock.now_us();
            if flushed {
                flushed_us = now_us;
            } else if !self.subtask.has_more() && self.lingered(flushed_us, now_us) {
                self.handle(Event::Linger)?;
                // What waits for full batches yet leaves when nothing more comes.
                (flushed, flushed_us) = (!self.subtask.is_holding(), now_us);
            }
            self.spend(Activity::Busy, Some(Activity::Idle));
        }
    }

    /// Begins a snapshot, and works until its barrier has passed.
    fn begin_snapshot(&mut self, attempt: u64) -> Result<Outcome, WorkerError> {
        let mut outcome = self.handle(Event::Trigger(Barrier { attempt }))?;
        while self.subtask.last_attempt() < attempt
            && !matches!(outcome, Outcome::Ended(_))
            && !self.control.is_stopped()
        {
            outcome = self.handle(Event::More)?;
        }
        Ok(outcome)
    }

    /// Whether a step waits for a processing time that has come.
    fn is_due(&self, now_us: i64) -> bool {
        self.subtask.deadline().is_some_and(|deadline| deadline <= now_us)
    }

    /// How long the next element is waited for; `None`: for ever.
    fn patience(&self, has_more: bool, flushed: bool) -> Option<Duration> {
        if has_more {
            return Some(Duration::ZERO);
        }
        let left = self
            .subtask
            .deadline()
            .map(|deadline| Duration::from_micros(deadline.saturating_sub(self.clock.now_us()).max(0).unsigned_abs()));
        match flushed {
            true => left,
            false => Some(left.map_or(self.linger, |left| left.min(self.linger))),
        }
    }

    /// Whether rows may have been held back for the linger time.
    fn lingered(&self, flushed_us: i64, now_us: i64) -> bool {
        let linger_us = i64::try_from(self.linger.as_micros()).unwrap_or(i64::MAX);
        now_us.saturating_sub(flushed_us) >= linger_us
    }

    /// The time since the last call was spent on one thing, and another begins; returns the time.
    fn spend(&self, on: Activity, then: Option<Activity>) -> i64 {
        let now_us = self.clock.now_us();
        self.status.activities().pass(on, then, now_us);
        now_us
    }

    /// Puts an element into a channel, and knows whether there was no room.
    fn send(&self, channel: &InboxSender<StreamElement>, element: StreamElement) -> Result<(), WorkerError> {
        match channel.try_send(element) {
            Ok(()) => Ok(()),
            Err(TrySendError::Disconnected) => Err(WorkerError::Stopped),
            Err(TrySendError::Full(element)) => {
                self.spend(Activity::Busy, Some(Activity::Backpressured));
                let sent = channel.send(element);
                self.spend(Activity::Backpressured, Some(Activity::Busy));
                sent.map_err(|Disconnected| WorkerError::Stopped)
            }
        }
    }

    /// The next element of any open channel; `None` if there was none in time.
    fn receive(&self, within: Option<Duration>) -> Result<Option<(usize, StreamElement)>, WorkerError> {
        let received = self.inbox.receive(|channel| self.subtask.is_open(channel), within);
        received.map_err(|Disconnected| WorkerError::Stopped)
    }

    fn handle(&mut self, event: Event) -> Result<Outcome, WorkerError> {
        let mut actions = Vec::new();
        let is_poll = matches!(event, Event::Poll { .. });
        let outcome = self.subtask.handle(event, &mut actions)?;
        if is_poll {
            // What it found may have been waited for: a source that keeps to a rate has time.
            self.status.activities().waited(self.subtask.waited_us());
        }
        for Action::Send { edge, target, element } in actions {
            if let Some(Some(channel)) = self.outputs.get(edge).and_then(|targets| targets.get(target)) {
                self.send(channel, element)?;
            }
        }
        let outcome = self.hand_over(outcome)?;
        self.status.watermark_us.store(self.subtask.watermark(), Ordering::Relaxed);
        let progress = self.subtask.progress().unwrap_or(f64::NAN);
        self.status.progress.store(progress.to_bits(), Ordering::Relaxed);
        self.status.is_caught_up.store(self.subtask.read().is_none_or(SourceHead::is_caught_up), Ordering::Relaxed);
        Ok(outcome)
    }

    /// Parts of checkpoints go to the thread that puts them together.
    fn hand_over(&self, outcome: Outcome) -> Result<Outcome, WorkerError> {
        let (attempt, frozen, outcome) = match outcome {
            Outcome::Frozen(barrier, frozen) => (Some(barrier.attempt), frozen, Outcome::Running(true)),
            Outcome::Ended(Some(frozen)) => (None, frozen, Outcome::Ended(None)),
            other => return Ok(other),
        };
        let part = FrozenPart { subtask: self.number, attempt, frozen };
        self.parts.send(part).map_err(|_| WorkerError::Stopped)?;
        Ok(outcome)
    }
}

/// The thread that makes a job's checkpoints.
pub(crate) struct CheckpointWorker {
    pub(crate) checkpointer: Checkpointer,
    pub(crate) parts: Receiver<FrozenPart>,
    /// Kept so that the channel stays open when every subtask has ended.
    pub(crate) _open: Sender<FrozenPart>,
    pub(crate) control: Arc<Control>,
}

/// It looks at the clock at least so often: that may be set while it waits.
const LOOK_EVERY: Duration = Duration::from_secs(1);

impl CheckpointWorker {
    /// Runs until the job's last checkpoint is complete, or the job is stopped.
    pub(crate) fn run(mut self) -> Result<(), CheckpointFailure> {
        // The attempt that is the last: one before it may leave out what was read until then.
        let mut suspends = None;
        while !self.checkpointer.is_over() {
            if self.control.is_stopped() {
                return Ok(());
            }
            let CheckpointOrders { checkpoint, savepoints, suspend, swap } = self.control.take_orders();
            if suspend && suspends.is_none() {
                suspends = Some(self.checkpointer.next_attempt());
            }
            if checkpoint {
                let triggered = self.checkpointer.ask(savepoints)?;
                self.trigger(triggered);
            }
            if let Some(pending) = swap {
                let triggered = self.checkpointer.swap(pending)?;
                self.trigger(triggered);
            }
            let part = select! {
                recv(self.parts) -> part => part.ok(),
                recv(self.control.wakeup()) -> _ => None,
                default(self.checkpointer.due().min(LOOK_EVERY)) => None,
            };
            let triggered = match part {
                Some(FrozenPart { subtask, attempt, frozen }) => self.checkpointer.frozen(subtask, attempt, frozen)?,
                None => self.checkpointer.tick()?,
            };
            self.trigger(triggered);
            if suspends.is_some_and(|attempt| self.checkpointer.has_completed(attempt)) {
                self.control.complete_suspension();
            }
        }
        Ok(())
    }

    fn trigger(&self, attempt: Option<u64>) {
        if let Some(attempt) = attempt {
            self.control.triggers.begin(attempt, self.checkpointer.swap_attempt());
        }
    }
}
