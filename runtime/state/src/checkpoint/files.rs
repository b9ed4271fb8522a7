//! Where the files of parts are written and read: a store, or memory. Never knows what they hold.

use arrow::buffer::Buffer;
use object_store::path::Path;

use super::CheckpointError;
use super::objects::Objects;

/// Files by path. Several threads read at once.
pub(super) trait Files: Sync {
    /// For messages.
    fn name(&self) -> &str;

    /// Writes a file, over an older one if need be.
    fn put(&self, path: &Path, bytes: Vec<u8>) -> Result<(), CheckpointError>;

    /// All of a file; `None`: there is none.
    fn get(&self, path: &Path) -> Result<Option<Buffer>, CheckpointError>;
}

impl Files for Objects {
    fn name(&self) -> &str {
        &self.name
    }

    fn put(&self, path: &Path, bytes: Vec<u8>) -> Result<(), CheckpointError> {
        self.put(path, bytes)
    }

    fn get(&self, path: &Path) -> Result<Option<Buffer>, CheckpointError> {
        self.get(path)
    }
}
