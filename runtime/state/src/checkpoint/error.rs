//! What can go wrong with stored checkpoints. Never a panic: files come from disks, from networks and from other versions.

use arrow::error::ArrowError;
use object_store::Error as StoreError;

/// Why checkpoints cannot be read or written. What lies behind an error is in its message, and not told again as its source.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// There is no such place.
    #[error("checkpoints cannot be kept in {location}: {reason}")]
    Location {
        /// The folder or address.
        location: String,
        /// What is wrong with it, and what to do.
        reason: String,
    },
    /// The disk or the object store said no. What is stored may be whole.
    #[error("checkpoints in {location}: cannot {what} {file}: {error}")]
    Store {
        /// The folder or address.
        location: String,
        /// What was tried: `read`, `write`, ...
        what: &'static str,
        /// On which file or folder.
        file: String,
        /// What the store said.
        error: Box<StoreError>,
    },
    /// A file of a checkpoint is missing or is not what was written. Another checkpoint may be whole.
    #[error("checkpoint {checkpoint} in {location} is damaged: {file} {reason}")]
    Damaged {
        /// The folder or address.
        location: String,
        /// Its number.
        checkpoint: u64,
        /// The file that is damaged.
        file: String,
        /// What is wrong, as the second half of a sentence that begins with the file.
        reason: String,
    },
    /// One that is pinned is damaged. It may name any part, so none is removed.
    #[error(
        "{error}; it is a savepoint, and as long as it stays all parts of older checkpoints do: `weir savepoint JOB --rm \
         {checkpoint}` removes it"
    )]
    DamagedPin {
        /// Its number.
        checkpoint: u64,
        /// What is wrong with it.
        error: Box<CheckpointError>,
    },
    /// A newer Weir wrote it. The checkpoints before it are not used instead: they are older than what was made visible.
    #[error(
        "{file} in {location} has format version {version}, this Weir knows versions up to {}: use the Weir that wrote it, \
         or a newer one",
        super::FORMAT_VERSION
    )]
    Newer {
        /// The folder or address.
        location: String,
        /// The manifest.
        file: String,
        /// Its version.
        version: u32,
    },
    /// No checkpoint has this number.
    #[error("there is no checkpoint {checkpoint} in {location}; `weir checkpoint list` shows those that there are")]
    Missing {
        /// The folder or address.
        location: String,
        /// The number that was asked for.
        checkpoint: u64,
    },
    /// The checkpoints are another job's.
    #[error(
        "{location} holds checkpoints of the job {found:?}, not of {job:?}: give every pipeline a folder of its own"
    )]
    OtherJob {
        /// The folder or address.
        location: String,
        /// The job that wrote them.
        found: String,
        /// The job that asks.
        job: String,
    },
    /// Somebody else runs the same job since.
    #[error(
        "a newer run of the job has taken over the checkpoints in {location}: this one (generation {generation}) has ended, \
         its rows since its last checkpoint are the newer run's to produce"
    )]
    Fenced {
        /// The folder or address.
        location: String,
        /// The generation that is over.
        generation: u64,
    },
    /// The store did not say whether the checkpoint is complete. The lease is over; who claims next finds out.
    #[error("it is not known whether checkpoint {checkpoint} in {location} is complete: {error}")]
    Unclear {
        /// The folder or address.
        location: String,
        /// Its number.
        checkpoint: u64,
        /// What the store said.
        error: Box<CheckpointError>,
    },
    /// State cannot be written in the format, or not so that it could be read again.
    #[error("{what} cannot be written to a checkpoint: {error}")]
    Encode {
        /// Which state.
        what: String,
        /// What Arrow said.
        error: Box<ArrowError>,
    },
}

impl CheckpointError {
    /// Whether what is stored is at fault, so that the checkpoint before it is the one to use. Otherwise asking again, or another
    /// Weir, may find it whole.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Damaged { .. })
    }

    /// Whether another run of the job has taken over: to try again would take the job from it.
    #[must_use]
    pub fn is_fenced(&self) -> bool {
        matches!(self, Self::Fenced { .. })
    }
}
