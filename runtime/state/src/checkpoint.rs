//! Checkpoints in a folder or an object store: a [`JobSnapshot`] goes in as Arrow files and a manifest, and comes out whole or
//! not at all. Never decides when a checkpoint is made, and never reads a clock: time is passed in.
//!
//! | file | holds |
//! |---|---|
//! | `manifests/NUMBER` | a complete checkpoint, or the claim of a run of the job |
//! | `parts/GENERATION-ATTEMPT/*.arrow` | one kind of state of one operator in one subtask, or a piece of it, each |
//! | `pins/NUMBER` | says that a checkpoint stays until it is unpinned |
//!
//! A host that keeps checkpoints itself has the part of one subtask as one piece of bytes, in the same form: [`Packed`].
//!
//! Claims and checkpoints share one ascending sequence of numbers, and a number is taken by creating its file, which only one
//! process can do. So a run whose job was claimed by another finds its next number taken, and completes no checkpoint any more:
//! it is fenced. A run's generation is the number of its claim. Who starts a job claims it *first* and asks for the
//! [`CheckpointStore::latest`] checkpoint *then*: whatever the run before had under way is decided by that time. A run that starts
//! again by itself claims with [`CheckpointStore::claim_after`], so that it takes the job back from nobody.
//!
//! Parts are written before the manifest that names them, with length and checksum; so what a manifest names is either all there
//! or was damaged since, and [`CheckpointStore::read`] finds out which.

mod error;
mod files;
mod lease;
mod manifest;
mod objects;
mod packed;
mod part;
mod pins;
mod retain;
#[cfg(feature = "s3")]
mod s3;
#[cfg(not(feature = "s3"))]
#[path = "checkpoint/without_s3.rs"]
mod s3;
mod snapshots;
mod tenure;

use std::sync::Arc;

use object_store::ObjectStore;
use object_store::path::Path;

pub use error::CheckpointError;
pub use lease::{Completion, Lease, PartWriter};
pub use manifest::{Manifest, StoredCommit, StoredFile, StoredOperator, StoredPart, StoredSink, StoredSplit};
/// What a store is made of; for tests that bring their own.
pub use object_store;
pub use packed::{Packed, unpack};
#[cfg(feature = "s3")]
pub use s3::reached;
pub use tenure::Tenure;

use crate::JobSnapshot;
use manifest::{Claim, Entry, Unreadable};
use objects::Objects;

/// The version of the files that this Weir writes, and the newest that it reads.
pub const FORMAT_VERSION: u32 = 1;

/// The folder of the sequence.
const MANIFESTS: &str = "manifests";
/// How often a claim is tried: each failure is another process that has claimed, or completed a checkpoint, meanwhile.
const CLAIMS_MAX: usize = 100;

/// A complete checkpoint.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// What it consists of.
    pub manifest: Manifest,
    /// The state.
    pub snapshot: JobSnapshot,
}

/// A checkpoint that there is, whole or not.
#[derive(Debug)]
pub struct Listed {
    /// Its number.
    pub number: u64,
    /// What it consists of, or why that is not known.
    pub manifest: Result<Manifest, CheckpointError>,
}

/// How much of the state of a checkpoint is kept when it is read. All of it is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contents {
    /// All.
    All,
    /// Tables of key groups without their rows: for listings. No more than one part is in memory at a time.
    Layouts,
}

/// What a job can resume from.
#[derive(Debug)]
pub struct Latest {
    /// The newest checkpoint that is whole.
    pub checkpoint: Option<Checkpoint>,
    /// The newer ones, newest first, which are damaged.
    pub damaged: Vec<(u64, CheckpointError)>,
}

/// The checkpoints of one job. Cheap to clone. Its calls wait for the disk or the network; they are not for an asynchronous
/// runtime's threads.
#[derive(Clone, Debug)]
pub struct CheckpointStore {
    objects: Arc<Objects>,
}

impl CheckpointStore {
    /// Checkpoints in a folder, which is made if it is missing, or in `s3://BUCKET/PREFIX`, with credentials, region and endpoint
    /// from the `AWS_*` variables.
    ///
    /// # Errors
    /// [`CheckpointError::Location`]. A remote store is not asked yet.
    pub fn open(location: &str) -> Result<Self, CheckpointError> {
        Ok(Self { objects: Arc::new(Objects::open(location)?) })
    }

    /// As [`Self::open`]; in a folder nothing is written while the disk has fewer bytes free.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_with_reserve(location: &str, reserve_bytes: u64) -> Result<Self, CheckpointError> {
        let mut objects = Objects::open(location)?;
        objects.reserve_bytes = reserve_bytes;
        Ok(Self { objects: Arc::new(objects) })
    }

    /// Checkpoints in any store; `name` is for messages.
    ///
    /// # Errors
    /// [`CheckpointError::Location`], if the system has no resources left.
    pub fn new(store: Arc<dyn ObjectStore>, name: impl Into<String>) -> Result<Self, CheckpointError> {
        Ok(Self { objects: Arc::new(Objects::new(store, name.into())?) })
    }

    /// The folder or address.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.objects.name
    }

    /// All checkpoints, newest first. One whose manifest cannot be read is there with the reason.
    ///
    /// # Errors
    /// [`CheckpointError::Store`].
    pub fn list(&self) -> Result<Vec<Listed>, CheckpointError> {
        let mut listed = Vec::new();
        for number in self.numbers()? {
            match self.entry(number) {
                Ok(Some(Entry::Checkpoint(manifest))) => listed.push(Listed { number, manifest: Ok(manifest) }),
                Ok(Some(Entry::Claim(_)) | None) => {}
                Err(e @ CheckpointError::Store { .. }) => return Err(e),
                Err(e) => listed.push(Listed { number, manifest: Err(e) }),
            }
        }
        Ok(listed)
    }

    /// What a checkpoint consists of.
    ///
    /// # Errors
    /// [`CheckpointError::Missing`], [`CheckpointError::Damaged`], [`CheckpointError::Newer`] or [`CheckpointError::Store`].
    pub fn manifest(&self, number: u64) -> Result<Manifest, CheckpointError> {
        match self.entry(number)? {
            Some(Entry::Checkpoint(manifest)) => Ok(manifest),
            _ => Err(CheckpointError::Missing { location: self.objects.name.clone(), checkpoint: number }),
        }
    }

    /// A checkpoint, every part of which was read and is what was written.
    ///
    /// # Errors
    /// As [`CheckpointStore::manifest`].
    pub fn read(&self, number: u64) -> Result<Checkpoint, CheckpointError> {
        self.read_as(number, Contents::All)
    }

    /// As [`CheckpointStore::read`], of so much of the state.
    ///
    /// # Errors
    /// As [`CheckpointStore::manifest`].
    pub fn read_as(&self, number: u64, contents: Contents) -> Result<Checkpoint, CheckpointError> {
        let manifest = self.manifest(number)?;
        match snapshots::read(&*self.objects, &manifest, contents) {
            Ok(snapshot) => Ok(Checkpoint { manifest, snapshot }),
            // A job that runs may remove it meanwhile, the manifest first: then it is missing, not damaged.
            Err(e) if e.is_damage() => Err(self.manifest(number).err().unwrap_or(e)),
            Err(e) => Err(e),
        }
    }

    /// The newest checkpoint that is whole, and what is the matter with newer ones. A job must be claimed before: only then
    /// nothing newer can come to be.
    ///
    /// # Errors
    /// [`CheckpointError::Newer`] and [`CheckpointError::Store`]: what could not be read may be whole, so no older one is used
    /// in its place.
    pub fn latest(&self) -> Result<Latest, CheckpointError> {
        self.latest_as(Contents::All)
    }

    /// As [`CheckpointStore::latest`], of so much of the state.
    ///
    /// # Errors
    /// As [`CheckpointStore::latest`].
    pub fn latest_as(&self, contents: Contents) -> Result<Latest, CheckpointError> {
        let mut damaged = Vec::new();
        for number in self.numbers()? {
            match self.read_as(number, contents) {
                Ok(checkpoint) => return Ok(Latest { checkpoint: Some(checkpoint), damaged }),
                // A claim, or what somebody removed while the names were listed.
                Err(CheckpointError::Missing { .. }) => {}
                Err(e) if e.is_damage() => damaged.push((number, e)),
                Err(e) => return Err(e),
            }
        }
        Ok(Latest { checkpoint: None, damaged })
    }

    /// Begins a new generation of a job: older ones complete no checkpoint from here on. `now_us` is the time, in microseconds
    /// since the epoch.
    ///
    /// # Errors
    /// [`CheckpointError::OtherJob`], [`CheckpointError::Newer`] or [`CheckpointError::Store`]; [`CheckpointError::Location`] if
    /// others claim the job all the time.
    pub fn claim(&self, job: &str, now_us: i64) -> Result<Lease, CheckpointError> {
        self.claim_next(job, None, false, now_us)
    }

    /// As [`CheckpointStore::claim`], for a run that begins at the beginning of its input whatever checkpoints there are. Until it
    /// completes one of its own, [`CheckpointStore::is_begun_anew`].
    ///
    /// # Errors
    /// As [`CheckpointStore::claim`].
    pub fn claim_anew(&self, job: &str, now_us: i64) -> Result<Lease, CheckpointError> {
        self.claim_next(job, None, true, now_us)
    }

    /// Whether the last run began at the beginning of its input, and has completed no checkpoint.
    ///
    /// # Errors
    /// [`CheckpointError::Store`].
    pub fn is_begun_anew(&self) -> Result<bool, CheckpointError> {
        let Some(newest) = self.numbers()?.first().copied() else { return Ok(false) };
        // One that cannot be read is none: it is an error where it is needed.
        Ok(matches!(self.entry(newest), Ok(Some(Entry::Claim(Claim { begins: true, .. })))))
    }

    /// As [`CheckpointStore::claim`], for a run whose lease is over: only if nobody else has claimed the job since.
    ///
    /// # Errors
    /// [`CheckpointError::Fenced`] if somebody has; otherwise as [`CheckpointStore::claim`], and it may be tried again.
    pub fn claim_after(&self, job: &str, ended: &Tenure, now_us: i64) -> Result<Lease, CheckpointError> {
        // It began anew as long as nothing has been completed since.
        self.claim_next(job, Some(ended), self.is_begun_anew()?, now_us)
    }

    fn claim_next(
        &self,
        job: &str,
        ended: Option<&Tenure>,
        begins: bool,
        now_us: i64,
    ) -> Result<Lease, CheckpointError> {
        for _ in 0..CLAIMS_MAX {
            let numbers = self.numbers()?;
            if let (Some(ended), Some(newest)) = (ended, numbers.first()) {
                self.check_own(*newest, ended)?;
            }
            self.check_owner(&numbers, job)?;
            let number = numbers.first().map_or(1, |newest| newest + 1);
            let weir = env!("CARGO_PKG_VERSION").to_owned();
            let claim = Entry::Claim(Claim { number, job: job.to_owned(), created_us: now_us, weir, begins });
            // A number that is taken may be this claim after all, if the store tried twice; one that nobody holds does no harm.
            let claim = self.encode(&claim)?;
            if let Some(ended) = ended {
                ended.tries(&claim);
            }
            let created = self.objects.create(&entry_path(number), claim)?;
            // If this process slept meanwhile, another may have had the same number, and removed it: then its own continue after
            // it. Two generations of one number would write over each other's parts.
            if created && self.numbers()?.first() == Some(&number) {
                return Ok(Lease::new(self.clone(), job, number, ended));
            }
        }
        let reason = format!("the job {job:?} is claimed again and again by others: run it once only");
        Err(CheckpointError::Location { location: self.objects.name.clone(), reason })
    }

    /// Refuses a sequence that somebody else has continued.
    fn check_own(&self, newest: u64, ended: &Tenure) -> Result<(), CheckpointError> {
        if newest == ended.newest() + 1
            && self.objects.get(&entry_path(newest))?.is_some_and(|entry| ended.has_tried(&entry))
        {
            ended.has_taken(newest);
        }
        match newest > ended.newest() {
            true => Err(CheckpointError::Fenced { location: self.name().to_owned(), generation: ended.generation() }),
            false => Ok(()),
        }
    }

    /// Refuses a folder that is another job's.
    ///
    /// # Errors
    /// [`CheckpointError::OtherJob`], [`CheckpointError::Newer`] or [`CheckpointError::Store`].
    pub fn check_job(&self, job: &str) -> Result<(), CheckpointError> {
        self.check_owner(&self.numbers()?, job)
    }

    /// The newest entry that can be read says whose sequence it is.
    fn check_owner(&self, numbers: &[u64], job: &str) -> Result<(), CheckpointError> {
        for number in numbers {
            match self.entry(*number) {
                Ok(Some(entry)) if entry.job() == job => return Ok(()),
                Ok(Some(entry)) => {
                    let (location, found) = (self.objects.name.clone(), entry.job().to_owned());
                    return Err(CheckpointError::OtherJob { location, found, job: job.to_owned() });
                }
                Ok(None) => {}
                Err(e) if e.is_damage() => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// The numbers that are taken, newest first.
    fn numbers(&self) -> Result<Vec<u64>, CheckpointError> {
        let names = self.objects.objects(&Path::from(MANIFESTS))?;
        let mut numbers: Vec<u64> =
            names.iter().filter_map(|p| p.filename()?.parse().ok().filter(|n| entry_path(*n) == *p)).collect();
        numbers.sort_unstable_by(|a, b| b.cmp(a));
        Ok(numbers)
    }

    /// What has a number; `None`: nothing.
    fn entry(&self, number: u64) -> Result<Option<Entry>, CheckpointError> {
        let path = entry_path(number);
        let Some(bytes) = self.objects.get(&path)? else { return Ok(None) };
        let (location, file) = (self.objects.name.clone(), path.to_string());
        let damaged = |reason| CheckpointError::Damaged {
            location: location.clone(),
            checkpoint: number,
            file: file.clone(),
            reason,
        };
        match Entry::decode(&bytes) {
            Ok(entry) if entry.number() == number => Ok(Some(entry)),
            Ok(entry) => Err(damaged(format!("is the manifest of {}", entry.number()))),
            Err(Unreadable::Damaged(reason)) => Err(damaged(reason)),
            Err(Unreadable::Newer(version)) => Err(CheckpointError::Newer { location, file, version }),
        }
    }

    /// The bytes of an entry, which can be read again: a checkpoint that cannot is none.
    fn encode(&self, entry: &Entry) -> Result<Vec<u8>, CheckpointError> {
        let bytes = entry.encode().map_err(|e| e.to_string()).and_then(|bytes| match Entry::decode(&bytes) {
            Ok(read) if read == *entry => Ok(bytes),
            Ok(_) => Err("an offset does not survive being written as JSON".to_owned()),
            Err(e) => Err(format!("{e:?}")),
        });
        bytes.map_err(|reason| CheckpointError::Encode {
            what: format!("the manifest of {}", self.objects.name),
            error: Box::new(arrow::error::ArrowError::JsonError(reason)),
        })
    }
}

fn entry_path(number: u64) -> Path {
    Path::from_iter([MANIFESTS, &format!("{number:020}")])
}
