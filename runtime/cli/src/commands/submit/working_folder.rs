//! The folder of a command for as long as it runs, in the system's folder for temporary files: a jar takes 60 MB. That of a command that
//! was killed is removed by the next one.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use anyhow::Context as _;
use tempfile::TempDir;

const PREFIX: &str = "weir-submit-";
/// Locked by the process that uses the folder.
const LOCK: &str = "lock";

/// A folder that no other user can read. Dropped, it is removed.
pub(crate) struct WorkingFolder {
    folder: TempDir,
    _lock: File,
}

impl WorkingFolder {
    pub(crate) fn new() -> anyhow::Result<Self> {
        Self::new_in(&std::env::temp_dir()).context("cannot have a temporary folder")
    }

    fn new_in(parent: &Path) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(parent)?;
        // Under its name it is locked already, so that no other command takes the folder for one that was left.
        let new = folder.path().join("new-lock");
        let lock = File::create(&new)?;
        lock.lock()?;
        fs::rename(new, folder.path().join(LOCK))?;
        remove_left(parent, folder.path().metadata()?.uid());
        Ok(Self { folder, _lock: lock })
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Removes folders of this user whose process is gone. What cannot be removed stays: it is of no use, and does no harm.
fn remove_left(parent: &Path, user: u32) {
    let is_left = |folder: &Path| {
        // Not through a link, which another user may have put there.
        let is_own = folder.symlink_metadata().is_ok_and(|of| of.is_dir() && of.uid() == user);
        is_own && File::open(folder.join(LOCK)).is_ok_and(|lock| lock.try_lock().is_ok())
    };
    for entry in fs::read_dir(parent).into_iter().flatten().filter_map(Result::ok) {
        if entry.file_name().to_string_lossy().starts_with(PREFIX) && is_left(&entry.path()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_process_has_left_is_removed() {
        let parent = tempfile::tempdir().unwrap();
        let left = parent.path().join("weir-submit-killed");
        let (other, begins) = (parent.path().join("other"), parent.path().join("weir-submit-begins"));
        for folder in [&left, &other, &begins] {
            fs::create_dir(folder).unwrap();
        }
        for folder in [&left, &other] {
            fs::write(folder.join(LOCK), "").unwrap();
            fs::write(folder.join("weir.jar"), "jar").unwrap();
        }
        std::os::unix::fs::symlink(&other, parent.path().join("weir-submit-link")).unwrap();
        let first = WorkingFolder::new_in(parent.path()).unwrap();
        assert!(!left.exists() && other.join("weir.jar").exists() && begins.exists());
        let second = WorkingFolder::new_in(parent.path()).unwrap();
        assert!(first.path().exists() && second.path().exists());
        let path = second.path().to_owned();
        drop(second);
        assert!(!path.exists() && first.path().exists());
    }
}
