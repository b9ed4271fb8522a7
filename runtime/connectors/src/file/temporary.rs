//! Temporary files of the sink: their names, how they are made and cleared away. Nothing here gives a file its final
//! name.
//!
//! A name is `PREFIX GENERATION - RANDOM .tmp`. The generation says of which attempt at the job it is, so that what a
//! dead one left behind is known; the random letters keep apart what has the same generation for another reason:
//! another writer, a job without checkpoints, a job that was begun anew.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use tempfile::TempPath;
use weir_core::connector::ConnectorError;

use super::confined::{Root, open_in};

/// What new files may be, as far as the umask lets them.
const MODE: Mode = Mode::from_raw_mode(0o666);

/// Where a sink writes.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// The path as the pipeline file has it, for messages.
    pub(super) name: String,
    /// The folder of everything that the sink writes.
    pub(super) folder: PathBuf,
    /// How the names of its temporary files begin. No name with the prefix of one sink is a temporary file of another.
    pub(super) prefix: String,
    pub(super) root: Root,
}

impl Place {
    /// A new temporary file in the folder, so that renaming it is atomic. `like`: the file that it is to replace, whose mode it gets: what
    /// is private stays so.
    pub(super) fn create(&self, generation: u64, like: Option<&str>) -> Result<(File, TempPath), ConnectorError> {
        let make = || {
            self.root.make_folder(&self.folder)?;
            let folder = self.open_folder()?;
            let mode = like.and_then(|name| found_in(&folder, name).ok()??.mode);
            let prefix = format!("{}{generation:06}-", self.prefix);
            let mut builder = tempfile::Builder::new();
            let made = builder.prefix(&prefix).suffix(".tmp").make_in(&self.folder, |path| {
                let flags = OFlags::RDWR.union(OFlags::CREATE).union(OFlags::EXCL).union(OFlags::CLOEXEC);
                let name = path.file_name().unwrap_or_default();
                Ok(File::from(rustix::fs::openat(&folder, name, flags, mode.unwrap_or(MODE))?))
            })?;
            if let Some(mode) = mode {
                rustix::fs::fchmod(made.as_file(), mode)?;
            }
            Ok(made.into_parts())
        };
        make().map_err(|source| self.cannot("make", source))
    }

    /// Removes the temporary files of generations before this one. Nothing depends on it: what cannot be removed stays.
    pub(super) fn remove_before(&self, generation: u64) {
        let mut names = self.unfinished();
        names.retain(|name| self.generation_of(name) < Some(generation));
        self.remove(&names);
    }

    /// Removes those of these files that are temporary files of the sink.
    pub(super) fn remove_unfinished(&self, names: &[String]) {
        let names: Vec<_> = names.iter().filter(|name| self.generation_of(name).is_some()).cloned().collect();
        if !names.is_empty() {
            self.remove(&names);
        }
    }

    /// The temporary files of all generations.
    pub(super) fn unfinished(&self) -> Vec<String> {
        let mut names = self.names();
        names.retain(|name| self.generation_of(name).is_some());
        names
    }

    /// Removes files of the folder; what cannot be removed stays.
    pub(super) fn remove(&self, names: &[String]) {
        let Ok(folder) = self.open_folder() else { return };
        for name in names {
            let _ = rustix::fs::unlinkat(&folder, name, AtFlags::empty());
        }
    }

    /// The names of what is in the folder; none, if it cannot be read.
    pub(super) fn names(&self) -> Vec<String> {
        let names = self.root.names(&self.folder).unwrap_or_default().into_iter();
        names.filter_map(|name| name.into_string().ok()).collect()
    }

    /// Opens a file of the folder to read it.
    pub(super) fn open(&self, name: &str) -> io::Result<File> {
        open_in(&self.open_folder()?, OsStr::new(name))
    }

    /// What has a name in the folder, if anything has. A link is not followed.
    pub(super) fn found(&self, name: &str) -> io::Result<Option<Found>> {
        match self.open_folder() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            folder => found_in(&folder?, name),
        }
    }

    /// Gives a file of the folder another name there. `replaces`: something may have that name.
    pub(super) fn rename(&self, from: &str, to: &str, replaces: bool) -> io::Result<()> {
        let folder = self.open_folder()?;
        #[cfg(target_os = "linux")]
        if !replaces {
            use rustix::fs::{RenameFlags, renameat_with};
            use rustix::io::Errno;
            match renameat_with(&folder, from, &folder, to, RenameFlags::NOREPLACE) {
                // Not every file system can.
                Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
                done => return Ok(done?),
            }
        }
        let _ = replaces;
        Ok(rustix::fs::renameat(&folder, from, &folder, to)?)
    }

    /// Bytes of its temporary files.
    pub(super) fn staged_bytes(&self) -> u64 {
        let Ok(folder) = self.open_folder() else { return 0 };
        self.unfinished().into_iter().filter_map(|name| Some(found_in(&folder, &name).ok()??.bytes)).sum()
    }

    /// Whether a run of the job has begun to write that is later than the one that this temporary file is of.
    pub(super) fn has_later_than(&self, name: &str) -> bool {
        let newest = self.names().iter().filter_map(|name| self.generation_of(name)).max();
        newest > self.generation_of(name)
    }

    /// The generation of a temporary file of this sink, if it is one.
    fn generation_of(&self, name: &str) -> Option<u64> {
        let (generation, random) = name.strip_prefix(&self.prefix)?.strip_suffix(".tmp")?.split_once('-')?;
        let plain = random.bytes().chain(generation.bytes()).all(|byte| byte.is_ascii_alphanumeric());
        if plain { generation.parse().ok() } else { None }
    }

    /// Makes what happened to names in the folder outlive a loss of power.
    pub(super) fn sync(&self) -> Result<(), ConnectorError> {
        let synced = self.open_folder().and_then(|folder| Ok(rustix::fs::fsync(folder)?));
        synced.map_err(|source| self.cannot("sync the folder of", source))
    }

    fn open_folder(&self) -> io::Result<OwnedFd> {
        self.root.folder(&self.folder)
    }

    /// The system said no.
    pub(super) fn cannot(&self, verb: &str, source: io::Error) -> ConnectorError {
        ConnectorError::Io { what: format!("cannot {verb} {}", self.name), source }
    }
}

/// What has a name.
pub(super) struct Found {
    pub(super) kind: FileType,
    pub(super) bytes: u64,
    /// Of a file: who may do what with it.
    mode: Option<Mode>,
}

fn found_in(folder: &OwnedFd, name: &str) -> io::Result<Option<Found>> {
    match rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Err(rustix::io::Errno::NOENT) => Ok(None),
        found => {
            let found = found?;
            let kind = FileType::from_raw_mode(found.st_mode);
            let mode = kind.is_file().then(|| Mode::from_raw_mode(found.st_mode & 0o777));
            Ok(Some(Found { kind, bytes: u64::try_from(found.st_size).unwrap_or_default(), mode }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sink_knows_its_own_temporary_files() {
        let place = |prefix: &str| Place {
            name: String::new(),
            folder: PathBuf::new(),
            prefix: prefix.to_owned(),
            root: Root::default(),
        };
        for (prefix, name, generation) in [
            (".out.csv.", ".out.csv.000012-aB3.tmp", Some(12)),
            (".out.csv.", ".out.csv.1234567-aB3.tmp", Some(1_234_567)),
            (".out.csv.", ".out.csv", None),
            (".out.csv.", ".out.csv.000012-aB3.tmp.000001-aB3.tmp", None),
            (".out.csv.", ".out.csv.aB3-000012.tmp", None),
            (".out.", ".out.csv.000012-aB3.tmp", None),
            (".part-", ".part-000002-aB3.tmp", Some(2)),
            (".part-", ".part-000002.000003-aB3.tmp", None),
            (".part-", "part-000002-aB3.tmp", None),
        ] {
            assert_eq!(place(prefix).generation_of(name), generation, "{prefix} {name}");
        }
    }
}
