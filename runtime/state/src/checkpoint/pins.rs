//! Checkpoints that stay whatever retention says: what users call savepoints. A pin is an empty file under the checkpoint's number.

use std::collections::BTreeSet;

use object_store::path::Path;

use super::{CheckpointError, CheckpointStore};

/// The folder of pins.
const PINS: &str = "pins";

impl CheckpointStore {
    /// Keeps a checkpoint until it is unpinned. To pin one twice changes nothing.
    ///
    /// # Errors
    /// [`CheckpointError::Missing`] if it is not there, or was removed meanwhile; [`CheckpointError::Store`].
    pub fn pin(&self, number: u64) -> Result<(), CheckpointError> {
        self.manifest(number)?;
        self.pin_ahead(number)?;
        // Retention may have listed the pins before this one came.
        self.manifest(number).map(drop)
    }

    /// Keeps a checkpoint that is about to be completed.
    pub(super) fn pin_ahead(&self, number: u64) -> Result<(), CheckpointError> {
        self.objects.create(&path(number), Vec::new()).map(drop)
    }

    /// Leaves a checkpoint to retention. That it is not pinned is no failure.
    ///
    /// # Errors
    /// [`CheckpointError::Store`].
    pub fn unpin(&self, number: u64) -> Result<(), CheckpointError> {
        self.objects.remove(&path(number))
    }

    /// The numbers of the checkpoints that are pinned, whole or not.
    ///
    /// # Errors
    /// [`CheckpointError::Store`].
    pub fn pins(&self) -> Result<BTreeSet<u64>, CheckpointError> {
        let there = |number| match self.manifest(number) {
            Err(CheckpointError::Missing { .. }) => None,
            Err(error @ CheckpointError::Store { .. }) => Some(Err(error)),
            _ => Some(Ok(number)),
        };
        self.pinned()?.into_iter().filter_map(there).collect()
    }

    /// The numbers that are pinned. A run that was killed in between has pinned one under which it completed no checkpoint.
    pub(super) fn pinned(&self) -> Result<BTreeSet<u64>, CheckpointError> {
        let names = self.objects.objects(&Path::from(PINS))?;
        Ok(names.iter().filter_map(|name| name.filename()?.parse().ok()).collect())
    }
}

fn path(number: u64) -> Path {
    Path::from(format!("{PINS}/{number}"))
}
