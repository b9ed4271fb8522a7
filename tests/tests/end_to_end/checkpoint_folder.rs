//! A folder of checkpoints, as a test looks into it and spoils it.

use std::fs;
use std::path::Path;

use weir_state::checkpoint::{CheckpointStore, Manifest};

/// The checkpoints, newest first.
pub(crate) fn checkpoints(state: &Path) -> Vec<Manifest> {
    let store = CheckpointStore::open(state.to_str().unwrap()).unwrap();
    store.list().unwrap().into_iter().map(|listed| listed.manifest.unwrap()).collect()
}

/// From now on no part can be written, not even by root: where their folder was there is a file.
pub(crate) fn block_parts(state: &Path) {
    fs::rename(state.join("parts"), state.join("away")).unwrap();
    fs::write(state.join("parts"), "").unwrap();
}

/// Undoes [`block_parts`].
pub(crate) fn unblock_parts(state: &Path) {
    fs::remove_file(state.join("parts")).unwrap();
    fs::rename(state.join("away"), state.join("parts")).unwrap();
}
