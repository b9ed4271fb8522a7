//! What happens to the folder of a job that is removed, also while a thread of it is still there that was left behind.

use std::io::{self, ErrorKind};
use std::path::Path;

use super::Thread;

impl Thread {
    /// A thread that was left behind has ended, and may have made files again after its job was removed. No other job of the name is there
    /// before it has.
    pub(super) fn remove_folder_of_removed(&self) {
        let (name, folder) = (&self.slot.name, &self.start.folder);
        if matches!(self.start.catalog.job(name), Ok(None)) {
            self.slot.forget();
            if let Err(error) = remove_folder(folder) {
                let folder = folder.display();
                tracing::warn!(job = name, "its files in {folder} stay until the server is started again: {error}");
            }
        }
    }
}

/// Removes a job's folder, if it is there.
pub(crate) fn remove_folder(folder: &Path) -> io::Result<()> {
    std::fs::remove_dir_all(folder).or_else(|error| match error.kind() {
        ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_removed_once_and_again() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("job");
        std::fs::create_dir_all(folder.join("checkpoints")).unwrap();
        std::fs::write(folder.join("checkpoints/part"), "1").unwrap();
        for _ in 0..2 {
            remove_folder(&folder).unwrap();
            assert!(!folder.exists());
        }
    }
}
