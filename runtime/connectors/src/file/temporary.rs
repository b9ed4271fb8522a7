//! Temporary files of the sink: their names, how they are made and cleared away. Nothing here gives a file its final
//! name.
//!
//! A name is `PREFIX GENERATION - RANDOM .tmp`. The generation says of which attempt at the job it is, so that what a
//! dead one left behind is known; the random letters keep apart what has the same generation for another reason:
//! another writer, a job without checkpoints, a job that was begun anew.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempPath;
use weir_core::connector::ConnectorError;

/// Where a sink writes.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// The path as the pipeline file has it, for messages.
    pub(super) name: String,
    /// The folder of everything that the sink writes.
    pub(super) folder: PathBuf,
    /// How the names of its temporary files begin. No name with the prefix of one sink is a temporary file of another.
    pub(super) prefix: String,
}

impl Place {
    /// A new temporary file in the folder, so that renaming it is atomic.
    pub(super) fn create(&self, generation: u64) -> Result<(File, TempPath), ConnectorError> {
        let made = make_folder(&self.folder).and_then(|()| {
            let prefix = format!("{}{generation:06}-", self.prefix);
            let mut builder = tempfile::Builder::new();
            builder.prefix(&prefix).suffix(".tmp");
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt;
                // Temporary files are private by default; this one becomes a file like any other.
                builder.permissions(std::fs::Permissions::from_mode(0o666));
            }
            builder.tempfile_in(&self.folder)
        });
        Ok(made.map_err(|source| self.cannot("make", source))?.into_parts())
    }

    /// Removes the temporary files of generations before this one. Nothing depends on it: what cannot be removed stays.
    pub(super) fn remove_before(&self, generation: u64) {
        for entry in std::fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            if name.to_str().and_then(|name| self.generation_of(name)).is_some_and(|older| older < generation) {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }

    /// Whether a run of the job has begun to write that is later than the one that this temporary file is of.
    pub(super) fn has_later_than(&self, name: &str) -> bool {
        let names = std::fs::read_dir(&self.folder).into_iter().flatten().flatten().map(|entry| entry.file_name());
        let newest = names.filter_map(|name| self.generation_of(name.to_str()?)).max();
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
        sync_folder(&self.folder).map_err(|source| self.cannot("sync the folder of", source))
    }

    /// The system said no.
    pub(super) fn cannot(&self, verb: &str, source: io::Error) -> ConnectorError {
        ConnectorError::Io { what: format!("cannot {verb} {}", self.name), source }
    }
}

/// The folder, and those above it, on disk.
pub(super) fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    let above = folder.parent().unwrap_or(Path::new(""));
    make_folder(above)?;
    match std::fs::create_dir(folder) {
        // Another writer of the same sink was faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        Err(error) => Err(error),
        Ok(()) => sync_folder(above),
    }
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sink_knows_its_own_temporary_files() {
        let place = |prefix: &str| Place { name: String::new(), folder: PathBuf::new(), prefix: prefix.to_owned() };
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
