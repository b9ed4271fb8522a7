//! Does what the coordinator commands: keeps the parts of a checkpoint, completes it, and has sinks commit. It is driven by calls
//! and never waits for the stream; `worker` has the thread around it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use weir_core::checkpoint::{AbortReason, Command, Coordinator, Event, Timing};
use weir_core::connector::{Committer, SinkReport, Source};
use weir_core::time::Clock;
use weir_state::SplitSnapshot;
use weir_state::checkpoint::{CheckpointError, Completion, StoredPart};

use super::failure::CheckpointFailure;
use super::part::{Part, Storage, store};
use super::rollout::SwapRollout;
use super::savepoints::Savepoints;
use super::status::CheckpointStatus;
use crate::dataflow::subtask::FrozenSubtask;
use crate::replace::delivery::{PendingSwap, SwapBox};

/// The checkpoints of one running job.
pub(crate) struct Checkpointer {
    coordinator: Coordinator,
    storage: Option<Storage>,
    sinks: Vec<CheckpointedSink>,
    sources: Vec<(String, Arc<dyn Source>)>,
    subtasks: Vec<Part>,
    status: Arc<Mutex<CheckpointStatus>>,
    /// Read after whatever takes time.
    clock: Arc<dyn Clock>,
    savepoints: Savepoints,
    /// The newest attempt that was completed.
    completed: u64,
    /// When the attempt under way began.
    since_us: i64,
    /// By subtask: where it finds what it is to run from a barrier on.
    boxes: Vec<Arc<SwapBox>>,
    /// A swap that waits for the next attempt.
    pending: Option<PendingSwap>,
    swap: Option<SwapRollout>,
}

/// A sink as its checkpoints see it.
pub(crate) struct CheckpointedSink {
    /// Its name.
    pub(crate) name: String,
    /// Makes visible what its writers prepared; `None`: there is nothing to do.
    pub(crate) committer: Option<Box<dyn Committer>>,
    /// What its writers have done, as far as it is committed.
    pub(crate) report: Arc<Mutex<SinkReport>>,
}

/// How often it looks whether a swap wants another barrier, or has had time enough.
const LOOK_AT_SWAP_EVERY: Duration = Duration::from_millis(5);

impl Checkpointer {
    /// Checkpoints of a job that starts now. Without `storage` there is one at the end, which is not kept.
    pub(crate) fn new(
        timing: Timing,
        storage: Option<Storage>,
        sinks: Vec<CheckpointedSink>,
        sources: Vec<(String, Arc<dyn Source>)>,
        boxes: Vec<Arc<SwapBox>>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let (now_us, subtasks) = (clock.now_us(), boxes.len());
        Self {
            coordinator: Coordinator::new(timing, subtasks, now_us),
            storage,
            sinks,
            sources,
            subtasks: (0..subtasks).map(|_| Part::default()).collect(),
            status: Arc::default(),
            clock,
            savepoints: Savepoints::default(),
            completed: 0,
            since_us: now_us,
            boxes,
            pending: None,
            swap: None,
        }
    }

    /// What a person is told; shared.
    pub(crate) fn status(&self) -> Arc<Mutex<CheckpointStatus>> {
        self.status.clone()
    }

    /// Whether the last checkpoint of a job that ended is complete.
    pub(crate) fn is_over(&self) -> bool {
        self.coordinator.is_over()
    }

    /// Begins a checkpoint that holds all that has happened by now, as soon as one can begin. Savepoints get its number.
    pub(crate) fn ask(&mut self, savepoints: Vec<SyncSender<u64>>) -> Result<Option<u64>, CheckpointFailure> {
        self.savepoints.ask(self.next_attempt(), savepoints);
        self.step(Event::Ask)
    }

    /// The first attempt that holds all that has happened by now.
    pub(crate) fn next_attempt(&self) -> u64 {
        self.coordinator.attempt() + 1
    }

    /// Whether a checkpoint is complete that holds what an attempt was to hold.
    pub(crate) fn has_completed(&self, attempt: u64) -> bool {
        self.completed >= attempt
    }

    /// Other versions are to run from the barrier of a checkpoint on, which begins as soon as one can.
    pub(crate) fn swap(&mut self, pending: PendingSwap) -> Result<Option<u64>, CheckpointFailure> {
        self.pending = Some(pending);
        self.step(Event::Ask)
    }

    /// The attempt of the last swap: no source leaves its barrier out, even if that attempt has been given up.
    pub(crate) fn swap_attempt(&self) -> u64 {
        self.swap.as_ref().map_or(0, SwapRollout::attempt)
    }

    /// How long nothing is to be done, if nobody says anything.
    pub(crate) fn due(&self) -> Duration {
        if self.swap.as_ref().is_some_and(SwapRollout::is_open) {
            return LOOK_AT_SWAP_EVERY;
        }
        let left_us = self.coordinator.due_us().saturating_sub(self.clock.now_us());
        Duration::from_micros(left_us.max(0).unsigned_abs())
    }

    /// Time has passed. Returns the attempt that sources are to begin, if there is a new one.
    pub(crate) fn tick(&mut self) -> Result<Option<u64>, CheckpointFailure> {
        let wants_barrier = self.swap.as_ref().is_some_and(SwapRollout::tick);
        match self.step(Event::Tick)? {
            None if wants_barrier => self.step(Event::Ask),
            triggered => Ok(triggered),
        }
    }

    /// A subtask has frozen its state at a barrier; `None`: at its end.
    pub(crate) fn frozen(
        &mut self,
        subtask: usize,
        attempt: Option<u64>,
        frozen: FrozenSubtask,
    ) -> Result<Option<u64>, CheckpointFailure> {
        let snapshot = frozen.make(self.storage.is_some())?;
        let Some(part) = self.subtasks.get_mut(subtask) else { return Ok(None) };
        let Some(attempt) = attempt else {
            part.last = Some(snapshot);
            part.has_ended = true;
            if let Some(rollout) = &self.swap {
                rollout.ended(subtask);
            }
            return self.step(Event::Ended { subtask });
        };
        part.take(snapshot);
        // Of an attempt that was given up only what sinks have prepared counts.
        let stored = match attempt == self.coordinator.attempt() {
            true => store(self.storage.as_ref(), attempt, part),
            false => Ok(()),
        };
        part.drop_tables();
        match stored {
            Ok(()) => self.step(Event::Part { attempt, subtask }),
            Err(error) => {
                self.trouble(error.to_string());
                self.step(Event::PartFailed { attempt })
            }
        }
    }

    fn step(&mut self, event: Event) -> Result<Option<u64>, CheckpointFailure> {
        let mut triggered = None;
        let mut commands = self.handle(event);
        while let Some(command) = commands.pop_front() {
            match command {
                Command::Trigger { attempt } => {
                    self.land(attempt);
                    triggered = Some(attempt);
                }
                Command::Complete { attempt, last } => {
                    let event = self.complete(attempt, last)?;
                    commands.extend(self.handle(event));
                }
                Command::Abort { attempt, reason } => self.aborted(attempt, &reason),
                Command::GiveUp { failures } => {
                    let trouble = self.lock().trouble.clone().unwrap_or_default();
                    return Err(CheckpointFailure::GaveUp { failures, trouble });
                }
            }
        }
        Ok(triggered)
    }

    fn handle(&mut self, event: Event) -> VecDeque<Command> {
        let (now_us, before) = (self.clock.now_us(), self.coordinator.attempt());
        let commands = self.coordinator.handle(now_us, event);
        if self.coordinator.attempt() != before {
            self.since_us = now_us;
        }
        commands.into()
    }

    /// Has every subtask put in place what waits, at the barrier of this attempt.
    fn land(&mut self, attempt: u64) {
        let Some(pending) = self.pending.take() else {
            self.swap.iter_mut().for_each(|rollout| rollout.follow(attempt, &self.boxes));
            return;
        };
        let rollout = SwapRollout::new(pending, attempt, &self.boxes);
        let ended = self.subtasks.iter().enumerate().filter(|(_, part)| part.has_ended);
        ended.for_each(|(subtask, _)| rollout.ended(subtask));
        self.swap = Some(rollout);
    }

    /// Whether some subtasks ran one version of an operator at the barrier, and some another: a rollback was under way. No
    /// checkpoint is made of that.
    fn is_mixed(&self, attempt: u64) -> bool {
        let mut versions = BTreeMap::new();
        let parts =
            self.subtasks.iter().filter(|part| part.attempt == attempt).flat_map(|part| &part.snapshot.operators);
        let mut stated = parts.filter_map(|(name, snapshot)| Some((name, snapshot.version.as_ref()?)));
        stated.any(|(name, version)| *versions.entry(name).or_insert(version) != version)
    }

    /// Makes a checkpoint durable as a whole; only then do sinks commit.
    fn complete(&mut self, attempt: u64, last: bool) -> Result<Event, CheckpointFailure> {
        if self.is_mixed(attempt) || self.swap.as_ref().is_some_and(SwapRollout::has_lost_state) {
            self.trouble("a version was being rolled back at the barrier of a checkpoint".to_owned());
            return Ok(Event::NotCompleted { attempt });
        }
        // Nothing comes after the last one, whatever was asked for since it began.
        let holds = if last { u64::MAX } else { attempt };
        let number = match self.keep(attempt, last, self.savepoints.wants(holds)) {
            Ok(number) => number,
            Err(error @ (CheckpointError::Fenced { .. } | CheckpointError::Unclear { .. })) => {
                return Err(CheckpointFailure::Lease(error));
            }
            Err(error) => {
                self.trouble(error.to_string());
                return Ok(Event::NotCompleted { attempt });
            }
        };
        self.swap.iter().for_each(|rollout| rollout.durable(attempt));
        // It is there, whatever becomes of the sinks.
        self.savepoints.answer(holds, number);
        self.commit(number)?;
        self.completed = attempt;
        if self.storage.is_some() {
            let state_bytes = self.state_bytes();
            let mut status = self.lock();
            status.state_bytes = state_bytes;
            status.last = Some(number);
            status.completed += 1;
            status.took_us = self.clock.now_us().saturating_sub(self.since_us);
            status.trouble = None;
        }
        self.tell_sources();
        let retained = self.storage.as_ref().map(|storage| storage.lease.retain(storage.keep));
        if let Some(Err(error)) = retained {
            self.lock().trouble = Some(format!("older checkpoints could not be removed: {error}"));
        }
        Ok(Event::Completed { attempt })
    }

    fn state_bytes(&self) -> BTreeMap<String, u64> {
        let mut bytes = BTreeMap::new();
        let parts = self.subtasks.iter().filter_map(|part| part.stored.as_ref());
        for operator in parts.flat_map(|part| &part.operators).filter(|operator| !operator.state.is_empty()) {
            *bytes.entry(operator.operator.clone()).or_default() += operator.state.iter().map(|f| f.bytes).sum::<u64>();
        }
        bytes
    }

    /// Writes the manifest; returns the checkpoint's number.
    fn keep(&mut self, attempt: u64, last: bool, pinned: bool) -> Result<u64, CheckpointError> {
        for part in self.subtasks.iter_mut().filter(|part| part.attempt != attempt) {
            if let Some(last) = part.last.take() {
                part.take(last);
            }
            store(self.storage.as_ref(), attempt, part)?;
        }
        let Some(storage) = &mut self.storage else { return Ok(attempt) };
        let parts: Vec<StoredPart> = self.subtasks.iter().filter_map(|part| part.stored.clone()).collect();
        let (key_groups, now_us) = (storage.key_groups, self.clock.now_us());
        storage.lease.complete(Completion { attempt, parts: &parts, key_groups, finished: last, pinned, now_us })
    }

    /// Has every sink make visible what its writers prepared.
    fn commit(&mut self, checkpoint: u64) -> Result<(), CheckpointFailure> {
        for sink in &mut self.sinks {
            let (mut parts, mut report) = (Vec::new(), SinkReport::default());
            for part in &mut self.subtasks {
                part.drain(&sink.name, &mut parts, &mut report);
            }
            if let Some(committer) = &mut sink.committer {
                committer.commit(checkpoint, parts).map_err(|error| CheckpointFailure::Commit {
                    sink: sink.name.clone(),
                    checkpoint,
                    error,
                })?;
            }
            *sink.report.lock().unwrap_or_else(PoisonError::into_inner) = report;
        }
        Ok(())
    }

    fn tell_sources(&self) {
        for (name, source) in &self.sources {
            let splits = self.subtasks.iter().filter_map(|part| part.snapshot.splits.as_ref());
            let of_source = splits.filter(|(source, _)| source == name).flat_map(|(_, splits)| splits);
            source.completed(&of_source.map(SplitSnapshot::position).collect::<Vec<_>>());
        }
    }

    fn aborted(&mut self, attempt: u64, reason: &AbortReason) {
        if let AbortReason::TimedOut { missing } = reason {
            self.trouble(format!(
                "a checkpoint timed out and was abandoned; {} subtasks had not delivered their part",
                missing.len()
            ));
        }
        self.lock().failed += 1;
        if let Some(storage) = &self.storage {
            // What is left is removed with the next complete checkpoint, which says so if it cannot be.
            let _ = storage.lease.discard(attempt);
        }
    }

    fn trouble(&self, trouble: String) {
        self.lock().trouble = Some(trouble);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, CheckpointStatus> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
