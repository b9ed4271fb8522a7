//! The part of one subtask in a checkpoint as one piece of bytes, for hosts that keep checkpoints themselves. Never touches a disk.
//!
//! ```text
//! u64 LE: bytes of the manifest | the manifest, of one subtask | its files in the manifest's order, each from a multiple of 64 on
//! ```
//!
//! Manifest and files are those of a checkpoint in a folder: what is checked there is checked here.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use arrow::buffer::Buffer;
use object_store::path::Path;

use super::files::Files;
use super::manifest::{Entry, Unreadable};
use super::{CheckpointError, Contents, Manifest, snapshots};
use crate::SubtaskSnapshot;

/// Where the manifest begins.
const HEAD_BYTES: usize = 8;
/// What files begin at a multiple of: that of Arrow's buffers, so that columns are read where they are.
const ALIGN: usize = 64;

/// A packed part, read.
#[derive(Clone, Debug)]
pub struct Packed {
    /// Of which checkpoint it is. `number` is its attempt, `created_us` is 0, and `subtasks` has one.
    pub manifest: Manifest,
    /// The state.
    pub snapshot: SubtaskSnapshot,
}

impl Packed {
    /// The bytes of what a subtask keeps, of a job with so many key groups; `generation` and `attempt` say for which checkpoint.
    ///
    /// # Errors
    /// If a state cannot be written.
    pub fn pack(
        job: &str,
        key_groups: u32,
        (generation, attempt): (u64, u64),
        part: &SubtaskSnapshot,
    ) -> Result<Vec<u8>, CheckpointError> {
        let files = InMemory::new(&part.subtask);
        let stored = snapshots::write(&files, (job, generation, attempt), part)?;
        let manifest = Manifest {
            number: attempt,
            job: job.to_owned(),
            generation,
            attempt,
            created_us: 0,
            weir: env!("CARGO_PKG_VERSION").to_owned(),
            key_groups,
            finished: false,
            subtasks: vec![stored],
        };
        let encoded = Entry::Checkpoint(manifest.clone()).encode().map_err(|error| CheckpointError::Encode {
            what: format!("what {:?} keeps", part.subtask),
            error: Box::new(arrow::error::ArrowError::JsonError(error.to_string())),
        })?;
        let files = files.files();
        let size = files.values().map(|file| file.len() + ALIGN).sum::<usize>();
        let mut bytes = Vec::with_capacity(HEAD_BYTES + encoded.len() + size);
        bytes.extend_from_slice(&(encoded.len() as u64).to_le_bytes());
        bytes.extend_from_slice(&encoded);
        for file in manifest.files().filter_map(|file| files.get(file.path.as_str())) {
            bytes.resize(bytes.len().next_multiple_of(ALIGN), 0);
            bytes.extend_from_slice(file);
        }
        Ok(bytes)
    }
}

/// Reads [`Packed::pack`]; the columns share the memory of `bytes`. `what` names them in messages.
///
/// # Errors
/// [`CheckpointError::Damaged`] if they are not what was written, [`CheckpointError::Newer`].
pub fn unpack(bytes: &Buffer, what: &str) -> Result<Packed, CheckpointError> {
    let damaged = |checkpoint: u64, reason: &str| CheckpointError::Damaged {
        location: what.to_owned(),
        checkpoint,
        file: "the packed state".to_owned(),
        reason: reason.to_owned(),
    };
    let head = bytes.get(..HEAD_BYTES).and_then(|head| Some(u64::from_le_bytes(head.try_into().ok()?)));
    let head = head.ok_or_else(|| damaged(0, "has no beginning"))?;
    let end = usize::try_from(head).ok().and_then(|head| head.checked_add(HEAD_BYTES));
    let encoded = end.and_then(|end| bytes.get(HEAD_BYTES..end)).ok_or_else(|| damaged(0, "ends in its manifest"))?;
    let manifest = match Entry::decode(encoded) {
        Ok(Entry::Checkpoint(manifest)) => manifest,
        Ok(Entry::Claim(_)) => return Err(damaged(0, "has no manifest of a checkpoint")),
        Err(Unreadable::Damaged(reason)) => return Err(damaged(0, &reason)),
        Err(Unreadable::Newer(version)) => {
            let (location, file) = (what.to_owned(), "the packed state".to_owned());
            return Err(CheckpointError::Newer { location, file, version });
        }
    };
    let files = InMemory::new(what);
    let mut at = HEAD_BYTES + encoded.len();
    for file in manifest.files() {
        let start = at.next_multiple_of(ALIGN);
        let end = usize::try_from(file.bytes).ok().and_then(|length| start.checked_add(length));
        let end = end.filter(|end| *end <= bytes.len());
        at = end.ok_or_else(|| damaged(manifest.number, &format!("ends in {}", file.path)))?;
        files.files().insert(file.path.clone(), bytes.slice_with_length(start, at - start));
    }
    if at != bytes.len() {
        return Err(damaged(manifest.number, "has more bytes than its files"));
    }
    let mut snapshot = snapshots::read(&files, &manifest, Contents::All)?;
    match (snapshot.subtasks.pop(), snapshot.subtasks.is_empty()) {
        (Some(snapshot), true) => Ok(Packed { manifest, snapshot }),
        _ => Err(damaged(manifest.number, "is not of one subtask")),
    }
}

/// Files in memory.
struct InMemory {
    name: String,
    files: Mutex<BTreeMap<String, Buffer>>,
}

impl InMemory {
    fn new(name: &str) -> Self {
        Self { name: name.to_owned(), files: Mutex::default() }
    }

    fn files(&self) -> MutexGuard<'_, BTreeMap<String, Buffer>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Files for InMemory {
    fn name(&self) -> &str {
        &self.name
    }

    fn put(&self, path: &Path, bytes: Vec<u8>) -> Result<(), CheckpointError> {
        self.files().insert(path.to_string(), Buffer::from_vec(bytes));
        Ok(())
    }

    fn get(&self, path: &Path) -> Result<Option<Buffer>, CheckpointError> {
        Ok(self.files().get(path.as_ref()).cloned())
    }
}
