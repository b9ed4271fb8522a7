//! The files of one cache: each written as a whole or not at all, and bounded together in bytes and number. What has not been used
//! for the longest time is removed first; the time of a file's last change is that of its last use. What is in a file it does not
//! know, and it takes no lock: several processes may use a folder at once.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// How much a cache keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// Bytes of all files together.
    pub bytes: u64,
    /// Files.
    pub files: usize,
}

/// How much a cache has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Where.
    pub dir: PathBuf,
    /// Files.
    pub files: usize,
    /// Bytes of all files together.
    pub bytes: u64,
    /// Where the least recently used files are removed.
    pub bound: Bound,
}

/// The files with one extension in a folder, and what is left of writing them.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    dir: PathBuf,
    extension: &'static str,
    bound: Bound,
}

struct Entry {
    path: PathBuf,
    bytes: u64,
    used: SystemTime,
}

impl Folder {
    /// The folder need not exist: it is made when it is first written to.
    pub(crate) fn new(dir: PathBuf, extension: &'static str, bound: Bound) -> Self {
        Self { dir, extension, bound }
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Names of all files, in no order.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        names.filter(|name| Path::new(name).extension() == Some(OsStr::new(self.extension))).collect()
    }

    /// Opens a file, which is no use of it.
    pub(crate) fn open(&self, name: &str) -> io::Result<File> {
        File::open(self.dir.join(name))
    }

    /// All of a file, which is a use of it.
    pub(crate) fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        let mut file = self.open(name)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        #[expect(clippy::disallowed_methods, reason = "which file is removed first depends on it; no stream does")]
        let now = SystemTime::now();
        // Where it cannot be said that the file is used, it may be removed too early, and is made again.
        let _ = file.set_modified(now);
        Ok(bytes)
    }

    /// Writes a file, then removes the least recently used ones beyond the bound. Of two programs that write the same file at once
    /// one wins, with all of it.
    pub(crate) fn write(&self, name: &str, parts: &[&[u8]]) -> io::Result<()> {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        // What is in it will be run: nobody else may write there.
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&self.dir)?;
        let mut file = tempfile::NamedTempFile::new_in(&self.dir)?;
        for part in parts {
            file.write_all(part)?;
        }
        let path = self.dir.join(name);
        file.persist(&path)?;
        self.keep_bound(&path)
    }

    pub(crate) fn remove(&self, name: &str) {
        let _ = std::fs::remove_file(self.dir.join(name));
    }

    pub(crate) fn usage(&self) -> io::Result<Usage> {
        Ok(self.sum(&self.entries()?))
    }

    /// Removes all files, and gives what they were.
    pub(crate) fn clear(&self) -> io::Result<Usage> {
        let entries = self.entries()?;
        for Entry { path, .. } in &entries {
            removed(path)?;
        }
        Ok(self.sum(&entries))
    }

    fn keep_bound(&self, just_written: &Path) -> io::Result<()> {
        let mut entries = self.entries()?;
        let Usage { mut files, mut bytes, bound, .. } = self.sum(&entries);
        let is_beyond = |files, bytes| files > bound.files || bytes > bound.bytes;
        if !is_beyond(files, bytes) {
            return Ok(());
        }
        entries.sort_by_key(|entry| entry.used);
        for entry in entries.iter().filter(|entry| entry.path != just_written) {
            if !is_beyond(files, bytes) {
                break;
            }
            removed(&entry.path)?;
            (files, bytes) = (files - 1, bytes - entry.bytes);
        }
        Ok(())
    }

    fn sum(&self, entries: &[Entry]) -> Usage {
        let bytes = entries.iter().map(|entry| entry.bytes).sum();
        Usage { dir: self.dir.clone(), files: entries.len(), bytes, bound: self.bound }
    }

    /// The files, and temporary ones that a process which was killed has left.
    fn entries(&self) -> io::Result<Vec<Entry>> {
        let entries = match std::fs::read_dir(&self.dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let is_ours = |path: &Path| {
            let is_temporary = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(".tmp"));
            is_temporary || path.extension() == Some(OsStr::new(self.extension))
        };
        let entry = |path: PathBuf| {
            // Another process may just have removed it.
            let metadata = std::fs::symlink_metadata(&path).ok().filter(std::fs::Metadata::is_file)?;
            Some(Entry { path, bytes: metadata.len(), used: metadata.modified().ok()? })
        };
        let paths = entries.flatten().map(|entry| entry.path()).filter(|path| is_ours(path));
        Ok(paths.filter_map(entry).collect())
    }
}

fn removed(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn used(folder: &Folder, name: &str, second: u64) {
        folder.open(name).unwrap().set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(second)).unwrap();
    }

    fn names(folder: &Folder) -> Vec<String> {
        let mut names = folder.names();
        names.sort();
        names
    }

    #[test]
    fn the_least_recently_used_files_beyond_either_bound_are_removed() {
        for (bound, kept) in [
            (Bound { bytes: 40, files: 9 }, vec!["a.x", "b.x", "c.x", "d.x"]),
            (Bound { bytes: 39, files: 9 }, vec!["a.x", "c.x", "d.x"]),
            (Bound { bytes: 999, files: 2 }, vec!["a.x", "d.x"]),
            (Bound { bytes: 1, files: 1 }, vec!["d.x"]),
        ] {
            let dir = tempfile::tempdir().unwrap();
            let filled = Folder::new(dir.path().join("made"), "x", Bound { bytes: 999, files: 9 });
            for (second, name) in ["a.x", "b.x", "c.x"].into_iter().enumerate() {
                filled.write(name, &[&[0; 4], &[0; 6]]).unwrap();
                used(&filled, name, second as u64);
            }
            assert_eq!(filled.read("a.x").unwrap(), [0; 10]);
            let bounded = Folder { bound, ..filled };
            bounded.write("d.x", &[&[0; 10]]).unwrap();
            assert_eq!(names(&bounded), kept);
            assert_eq!(bounded.usage().unwrap().files, kept.len());
        }
    }

    #[test]
    fn what_killed_writers_left_counts_and_goes_and_other_files_stay() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::new(dir.path().to_owned(), "x", Bound { bytes: 20, files: 9 });
        std::fs::write(dir.path().join(".tmpAbc"), [0; 15]).unwrap();
        used(&folder, ".tmpAbc", 1);
        std::fs::write(dir.path().join("notes.txt"), [0; 99]).unwrap();
        folder.write("a.x", &[&[0; 10]]).unwrap();
        assert!(!dir.path().join(".tmpAbc").exists());
        let removed = folder.clear().unwrap();
        assert_eq!((removed.files, removed.bytes), (1, 10));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
