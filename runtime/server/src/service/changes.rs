//! Starting, stopping and removing jobs; savepoints.

use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use weir_host::LogLevel;
use weir_state::checkpoint::CheckpointStore;

use super::Service;
use super::deploy::SUSPEND_TIME_MAX;
use crate::catalog::{JobRow, Wanted};
use crate::jobs::{Command, Ending, Slot, not_running, remove_folder};
use crate::launch::newest;
use crate::model::{JobSummary, Savepoint, Stop};
use crate::problem::{Kind, Problem, chain};

/// How long a job may take to stop at once before it is left behind: who asks has an answer within five seconds.
const STOP_NOW_TIME_MAX: Duration = Duration::from_secs(4);

impl Service {
    /// Starts a job that does not run.
    pub(crate) fn start(&self, job: &str, request: &crate::model::Start) -> Result<JobSummary, Problem> {
        let (_, slot) = self.find(job)?;
        let _change = slot.lock_for_change()?;
        let (row, _) = self.find(job)?;
        if slot.is_running() {
            return Err(Problem::conflict(format!("the job {job:?} runs already: `weir stop {job}` stops it")));
        }
        let pipeline = self.pipelines.read(&self.revision(&row)?.pipeline, &[])?;
        if let Some(number) = request.from {
            check_there(job, number, &CheckpointStore::open(&pipeline.location())?)?;
        }
        // Of one that had ended another job may have the folder by now.
        self.check_outputs(&pipeline)?;
        let is_over = row.wanted == Wanted::Finished && request.from.is_none();
        if is_over && self.catalog.replays(job)?.iter().all(|replay| replay.done.is_some()) {
            // What a source would read after all, since it was drained, would come too late for every window.
            return Err(Problem::conflict(format!(
                "the job {job:?} has ended with its input: `weir start {job} --from CHECKPOINT` goes back; after `weir rm \
                 {job}` it can be deployed from the beginning"
            )));
        }
        let checked = self.pipelines.check(&pipeline)?;
        let _reserved = self.admit(&slot, checked.guest_resources())?;
        let newest = newest(&pipeline)?;
        // What was said of a start that has completed nothing holds on: what came after its checkpoint is gone.
        let before = row.clone().resuming_from(newest);
        let (goes_back, mut allow_dropped) = match request.from {
            None => (before.goes_back, before.allow_dropped),
            Some(_) => (Vec::new(), Vec::new()),
        };
        allow_dropped.extend(request.allow_dropped_state.iter().cloned());
        self.catalog.forget_unclean_ends(job)?;
        // Written down first: whatever the server is killed at, what came after the checkpoint is given up as a whole or not at all.
        self.catalog.put_job(&JobRow {
            wanted: Wanted::Running,
            reason: None,
            from_checkpoint: request.from.or(before.from_checkpoint),
            allow_dropped,
            newest,
            goes_back,
            ..row.clone()
        })?;
        // Of two that come at once each sees the other now.
        let started = self.check_outputs(&pipeline).and_then(|()| self.start_revision(&slot, checked, &pipeline));
        if let Err(problem) = started {
            let Err(second) = self.catalog.put_job(&row) else { return Err(problem) };
            let detail = format!("{}; the catalog still says that it should run: {}", problem.detail, chain(&second));
            return Err(Problem::new(Kind::Internal, detail));
        }
        let (row, slot) = self.find(job)?;
        Ok(self.summary(&row, &slot.live()))
    }

    /// Stops a job: after a last checkpoint, with the end of its input, or at once.
    pub(crate) fn stop(&self, job: &str, how: Stop) -> Result<JobSummary, Problem> {
        let (_, slot) = self.find(job)?;
        if how.now {
            return self.stop_now(job, &slot);
        }
        let _change = slot.lock_for_change()?;
        if !slot.is_running() {
            self.catalog.stop(job)?;
            return Err(not_running(&slot));
        }
        // It is not to run after a restart of the server, even if that comes before it has stopped.
        self.catalog.stop(job)?;
        slot.tell(Command::End(if how.drain { Ending::Drain } else { Ending::Suspend }));
        if !slot.wait(SUSPEND_TIME_MAX) {
            let time = SUSPEND_TIME_MAX.as_secs();
            return Err(Problem::conflict(format!(
                "the job {job:?} has not stopped within {time} s, and is still stopping: `weir stop {job} --now` waits for nothing"
            )));
        }
        let (row, slot) = self.find(job)?;
        Ok(self.summary(&row, &slot.live()))
    }

    /// Stops a job at once, whatever it or somebody else waits for: what does not end is left behind.
    fn stop_now(&self, job: &str, slot: &Slot) -> Result<JobSummary, Problem> {
        self.catalog.stop(job)?;
        if !slot.is_running() {
            return Err(not_running(slot));
        }
        if !slot.end_now(STOP_NOW_TIME_MAX) {
            self.crash_watch.left(job);
            tracing::warn!(job, "it did not stop, and is left behind");
            slot.lines.tell(LogLevel::Warn, "it did not stop, and is left behind");
        }
        let (row, slot) = self.find(job)?;
        Ok(self.summary(&row, &slot.live()))
    }

    /// Forgets a job that does not run, with its checkpoints, savepoints and dead letters.
    pub(crate) fn remove(&self, job: &str) -> Result<(), Problem> {
        let (_, slot) = self.find(job)?;
        let runs = || {
            let told = format!("the job {job:?} runs: `weir stop {job}` stops it, and with --now waits for nothing");
            slot.is_running().then(|| Problem::conflict(told))
        };
        // While it stops somebody waits for that, and nobody else is to.
        runs().map_or(Ok(()), Err)?;
        let _change = slot.lock_for_change()?;
        runs().map_or(Ok(()), Err)?;
        // Looked for while no other job can have its outputs, and removed when nothing can resume from it.
        let sinks = self.sinks_of_its_own(&self.find(job)?.0);
        let unfinished: Vec<_> = sinks.iter().filter_map(|sink| sink.unfinished()).collect();
        self.catalog.remove_job(job)?;
        unfinished.into_iter().for_each(|remove| remove());
        slot.forget();
        match remove_folder(&self.pipelines.folder(job)) {
            // What was left behind of it may have made a file meanwhile, and removes the rest when it ends.
            Err(_) if slot.has_left() => Ok(()),
            Err(error) => Err(Problem::internal("the job is removed, but not all of its folder", &error)),
            Ok(()) => Ok(()),
        }
    }

    /// Takes a checkpoint that stays. Of a job that does not run it is the last one.
    pub(crate) fn savepoint(&self, job: &str) -> Result<Savepoint, Problem> {
        let (_, slot) = self.find(job)?;
        let store = self.store(job)?;
        let saved = |checkpoint| Ok(Savepoint { checkpoint, created_us: store.manifest(checkpoint)?.created_us });
        let change = slot.lock_for_change()?;
        if !slot.is_running() {
            let last = store.list()?.first().map(|listed| listed.number);
            let last = last.ok_or_else(|| Problem::conflict(format!("the job {job:?} has no checkpoint yet")))?;
            store.pin(last)?;
            return saved(last);
        }
        drop(change);
        let _queued = slot.saving()?;
        let (reply, answer) = sync_channel(1);
        slot.tell(Command::Savepoint(reply));
        let number = answer.recv_timeout(SUSPEND_TIME_MAX).map_err(|error| match error {
            RecvTimeoutError::Disconnected => Problem::conflict(format!(
                "cannot make a savepoint of {job:?}: it has ended, or waits to be started again; `weir show {job}` says why"
            )),
            RecvTimeoutError::Timeout => Problem::conflict(format!(
                "the job {job:?} takes longer than {} s to complete a checkpoint; if it completes one, `weir show {job}` lists the savepoint",
                SUSPEND_TIME_MAX.as_secs()
            )),
        })?;
        saved(number)
    }

    /// Leaves a savepoint to retention.
    pub(crate) fn remove_savepoint(&self, job: &str, checkpoint: u64) -> Result<(), Problem> {
        let store = self.store(job)?;
        if !store.pins()?.contains(&checkpoint) {
            return Err(Problem::not_found(format!("the job {job:?} has no savepoint {checkpoint}")));
        }
        Ok(store.unpin(checkpoint)?)
    }
}

/// Refuses a checkpoint that a job does not have, and says which it has.
fn check_there(job: &str, checkpoint: u64, store: &CheckpointStore) -> Result<(), Problem> {
    let there: Vec<u64> = store.list()?.iter().map(|listed| listed.number).collect();
    if there.contains(&checkpoint) {
        return Ok(());
    }
    let told = |numbers: &mut dyn Iterator<Item = u64>| {
        let numbers: Vec<_> = numbers.map(|number| number.to_string()).collect();
        if numbers.is_empty() { "none".to_owned() } else { numbers.join(", ") }
    };
    let pins = store.pins()?;
    let others = told(&mut there.into_iter().filter(|number| !pins.contains(number)));
    let savepoints = told(&mut pins.into_iter());
    Err(Problem::not_found(format!(
        "the job {job:?} has no checkpoint {checkpoint}; its savepoints: {savepoints}; its other checkpoints: {others}"
    )))
}
