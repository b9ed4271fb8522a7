//! [`Lease`]: the right to complete checkpoints, until another run of the job takes it. Never completes one after that, and
//! never one of which it is not known whether the one before is complete.

use super::manifest::{Entry, Manifest, StoredPart};
use super::{CheckpointError, CheckpointStore, Tenure, entry_path, retain, snapshots};
use crate::SubtaskSnapshot;

/// A generation of a job.
#[derive(Debug)]
pub struct Lease {
    writer: PartWriter,
    tenure: Tenure,
    /// The last attempt that was completed.
    attempt: Option<u64>,
    /// Why it is over.
    end: Option<End>,
}

#[derive(Clone, Copy, Debug)]
enum End {
    Fenced,
    Unclear,
}

/// Writes parts of checkpoints of one generation, from any thread.
#[derive(Clone, Debug)]
pub struct PartWriter {
    store: CheckpointStore,
    job: String,
    generation: u64,
}

/// A checkpoint all of whose parts are written.
#[derive(Clone, Copy, Debug)]
pub struct Completion<'a> {
    /// Which attempt it is; ascending in a generation.
    pub attempt: u64,
    /// What [`Lease::write_part`] returned, for every subtask.
    pub parts: &'a [StoredPart],
    /// The job's key groups (`max-parallelism`).
    pub key_groups: u32,
    /// Whether nothing follows.
    pub finished: bool,
    /// Whether it stays until it is unpinned; it is pinned before it is complete, so that retention never finds it without.
    pub pinned: bool,
    /// The time, in microseconds since the epoch.
    pub now_us: i64,
}

impl Lease {
    pub(super) fn new(store: CheckpointStore, job: &str, generation: u64, ended: Option<&Tenure>) -> Self {
        let writer = PartWriter { store, job: job.to_owned(), generation };
        Self { writer, tenure: Tenure::new(generation, ended), attempt: None, end: None }
    }

    /// Its number: greater than that of every run of the job before.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.writer.generation
    }

    /// What is known of it when it is over, for [`CheckpointStore::claim_after`].
    #[must_use]
    pub fn tenure(&self) -> Tenure {
        self.tenure.clone()
    }

    /// What writes parts on other threads.
    #[must_use]
    pub fn part_writer(&self) -> PartWriter {
        self.writer.clone()
    }

    /// As [`PartWriter::write_part`].
    ///
    /// # Errors
    /// As [`PartWriter::write_part`].
    pub fn write_part(&self, attempt: u64, part: &SubtaskSnapshot) -> Result<StoredPart, CheckpointError> {
        self.writer.write_part(attempt, part)
    }

    /// Makes a checkpoint of parts, and returns its number. It is durable when this returns.
    ///
    /// # Errors
    /// [`CheckpointError::Fenced`] if another run has taken over; [`CheckpointError::Unclear`] if the store failed at a moment
    /// when the checkpoint may be complete or not. The lease is over then, and the job must be claimed anew to find out.
    /// [`CheckpointError::Encode`] leaves everything as it was.
    pub fn complete(&mut self, request: Completion<'_>) -> Result<u64, CheckpointError> {
        let number = self.tenure.newest() + 1;
        if let Some(end) = self.end {
            return Err(self.over(end));
        }
        let store = self.writer.store.clone();
        let bytes = store.encode(&Entry::Checkpoint(self.manifest(number, request)))?;
        if request.pinned {
            store.pin_ahead(number)?;
        }
        self.tenure.tries(&bytes);
        let created = create(&store, number, bytes);
        if request.pinned && !matches!(created, Ok(true)) {
            // Nobody is told of it. A pin that cannot be removed either is one of a number that has no checkpoint.
            let _ = store.unpin(number);
        }
        match created {
            Ok(true) => {}
            Ok(false) => return Err(self.over(End::Fenced)),
            Err(error) => {
                self.end = Some(End::Unclear);
                let (location, error) = (store.objects.name.clone(), Box::new(error));
                return Err(CheckpointError::Unclear { location, checkpoint: number, error });
            }
        }
        self.tenure.has_taken(number);
        self.attempt = Some(request.attempt);
        Ok(number)
    }

    /// Removes all checkpoints but the newest `keep` (at least one), and parts that belong to none: those of older generations,
    /// and of attempts before the last complete one of this. `usize::MAX` removes no checkpoint. Returns how many checkpoints and
    /// attempts it removed.
    ///
    /// # Errors
    /// [`CheckpointError::Store`]; what is left is removed the next time. [`CheckpointError::DamagedPin`], which keeps all parts.
    pub fn retain(&self, keep: usize) -> Result<usize, CheckpointError> {
        retain::retain(&self.writer.store, self.writer.generation, self.attempt, keep)
    }

    /// Removes the parts of an attempt that was given up: on a disk that is full, the next one needs their room.
    ///
    /// # Errors
    /// [`CheckpointError::Store`]; what is left is removed with the next complete checkpoint, or by the next run.
    pub fn discard(&self, attempt: u64) -> Result<(), CheckpointError> {
        self.writer.store.objects.remove_folder(&snapshots::folder(self.writer.generation, attempt))
    }

    fn manifest(&self, number: u64, request: Completion<'_>) -> Manifest {
        Manifest {
            number,
            job: self.writer.job.clone(),
            generation: self.writer.generation,
            attempt: request.attempt,
            created_us: request.now_us,
            weir: env!("CARGO_PKG_VERSION").to_owned(),
            key_groups: request.key_groups,
            finished: request.finished,
            subtasks: request.parts.to_vec(),
        }
    }

    fn over(&mut self, end: End) -> CheckpointError {
        self.end = Some(end);
        let (location, generation) = (self.writer.store.objects.name.clone(), self.writer.generation);
        match end {
            End::Fenced => CheckpointError::Fenced { location, generation },
            End::Unclear => {
                let reason = "it is not known whether the checkpoint before is complete: claim the job anew".to_owned();
                CheckpointError::Location { location, reason }
            }
        }
    }
}

/// Takes a number for a checkpoint; `false`: another run has taken over.
fn create(store: &CheckpointStore, number: u64, bytes: Vec<u8>) -> Result<bool, CheckpointError> {
    let path = entry_path(number);
    if !store.objects.create(&path, bytes.clone())? {
        // A store that tried twice finds its own first try. Nobody else writes these bytes: they hold the generation.
        let found = store.objects.get(&path)?;
        if found.is_none_or(|found| *found != *bytes) {
            return Ok(false);
        }
    }
    // If this process slept for long, others may have used the number and removed it since. Then theirs continue after it.
    Ok(store.numbers()?.first() == Some(&number))
}

impl PartWriter {
    /// Writes what a subtask keeps. It is durable when this returns; it belongs to no checkpoint before [`Lease::complete`].
    ///
    /// # Errors
    /// [`CheckpointError::Store`]: it may be tried again. [`CheckpointError::Encode`], if Arrow has no file format for a column.
    pub fn write_part(&self, attempt: u64, part: &SubtaskSnapshot) -> Result<StoredPart, CheckpointError> {
        snapshots::write(&*self.store.objects, (&self.job, self.generation, attempt), part)
    }
}
