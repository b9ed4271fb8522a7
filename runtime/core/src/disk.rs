//! [`Disk`]: how much of a disk the sinks of a server's job may take, and how what is there is measured. Decides nothing: who writes does.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// What a sink leaves free, and what it may fill.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Disk {
    /// Free bytes of the file system below which no more rows are written.
    pub reserve_bytes: u64,
    /// Of a sink that keeps what nobody reads.
    pub quota: Option<Quota>,
}

/// What a folder may hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quota {
    /// The folder: of all such sinks of a job.
    pub folder: PathBuf,
    /// Bytes of all files in it, and in the folders in it.
    pub bytes_max: u64,
    /// What happens to more rows.
    pub when_full: WhenFull,
}

/// What happens to dead letters for which there is no room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenFull {
    /// The job fails: none of them is lost.
    #[default]
    Fail,
    /// They are dropped, and counted.
    Drop,
}

/// `[dead-letters]`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeadLetterSettings {
    /// Bytes of the dead letters that a server keeps for the job; `None`: as many as the server lets a job have.
    pub bytes_max: Option<u64>,
    /// What happens to more.
    pub when_full: WhenFull,
}

/// The bytes that are free on the disk of a folder, for a process without special rights. Where the folder does not exist yet, the next
/// one above it is looked at.
///
/// # Errors
/// If the disk cannot be asked.
pub fn free_bytes(folder: &Path) -> io::Result<u64> {
    let there = folder.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("."));
    let disk = rustix::fs::statvfs(there)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// The bytes of all files in a folder and in those in it; of one that does not exist, none. What is only a hole has none: such a file
/// keeps the length of what was dropped.
///
/// # Errors
/// If a folder cannot be listed.
pub fn bytes_in(folder: &Path) -> io::Result<u64> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        entries => entries?,
    };
    let mut bytes = 0;
    for entry in entries {
        let entry = entry?;
        bytes += match entry.metadata() {
            Ok(found) if found.is_dir() => bytes_in(&entry.path())?,
            Ok(found) if found.blocks() > 0 => found.len(),
            // A hole; or it has got its final name meanwhile, or was removed.
            _ => 0,
        };
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_in_a_folder_are_those_of_all_files_below_it_but_holes() {
        let dir = tempfile::tempdir().unwrap();
        let below = dir.path().join("a/b");
        std::fs::create_dir_all(&below).unwrap();
        std::fs::write(dir.path().join("one"), [1; 10]).unwrap();
        std::fs::write(below.join("two"), [1; 7]).unwrap();
        std::fs::File::create(below.join("hole")).unwrap().set_len(1 << 20).unwrap();
        assert_eq!(bytes_in(dir.path()).unwrap(), 17);
        assert_eq!(bytes_in(&dir.path().join("none")).unwrap(), 0);
        assert!(free_bytes(&below.join("none/none")).unwrap() > 0);
    }
}
