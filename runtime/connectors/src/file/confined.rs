//! Opens files and folders, those of a pipeline that is confined to one folder only in it: a link there may lead to another place in that
//! folder, and nowhere else, whenever it was made. Reads and writes nothing itself.
//!
//! A path is resolved first. What is found is opened folder by folder from the folder of files on, and no link is followed on that way: one
//! that has come since the path was resolved is an error, and no way out.

use std::ffi::OsString;
use std::fs::{File, Metadata};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{Dir, Mode, OFlags, mkdirat, open, openat};
use weir_core::graph::Options;

/// How a folder is opened that is only passed through.
#[cfg(target_os = "linux")]
const PASSED: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
#[cfg(not(target_os = "linux"))]
const PASSED: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
/// How a file is opened that is only looked at.
#[cfg(target_os = "linux")]
const LOOKED_AT: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
#[cfg(not(target_os = "linux"))]
const LOOKED_AT: OFlags = READ;
/// How a folder is opened.
const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
/// How a file is opened that is to be read. It never waits: a FIFO may have come into its place.
pub(super) const READ: OFlags = OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);

/// The folder that a pipeline is confined to, if it is.
#[derive(Clone, Debug, Default)]
pub(super) struct Root(Option<Arc<Path>>);

impl Root {
    pub(super) fn of(options: &Options) -> Self {
        Self(options.confined.then(|| Arc::from(options.base.as_path())))
    }

    /// Refuses a path, of which the end may not be there yet, that leads out.
    pub(super) fn check(&self, path: &Path) -> io::Result<()> {
        let Some(root) = &self.0 else { return Ok(()) };
        let root = root.canonicalize()?;
        // A link to nothing is there: it must not be passed by.
        let there = path.ancestors().find(|there| there.symlink_metadata().is_ok()).unwrap_or(path);
        if there.canonicalize()?.starts_with(root) { Ok(()) } else { Err(leads_out()) }
    }

    /// Opens a file to read it.
    pub(super) fn open(&self, path: &Path) -> io::Result<File> {
        let Some(root) = &self.0 else { return File::open(path) };
        let (folder, name) = Inside::of(root, path)?.parent()?;
        open_in(&folder.pass()?, &name)
    }

    /// What the system knows of a file.
    pub(super) fn metadata(&self, path: &Path) -> io::Result<Metadata> {
        let Some(root) = &self.0 else { return std::fs::metadata(path) };
        let (folder, name) = Inside::of(root, path)?.parent()?;
        File::from(openat(folder.pass()?, name, LOOKED_AT, Mode::empty())?).metadata()
    }

    /// Opens a folder.
    pub(super) fn folder(&self, path: &Path) -> io::Result<OwnedFd> {
        match &self.0 {
            None => {
                let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
                Ok(open(path, FOLDER, Mode::empty())?)
            }
            Some(root) => Ok(openat(Inside::of(root, path)?.pass()?, ".", FOLDER, Mode::empty())?),
        }
    }

    /// Makes a folder, and those above it, on disk.
    pub(super) fn make_folder(&self, path: &Path) -> io::Result<()> {
        if path.as_os_str().is_empty() || path.is_dir() {
            return Ok(());
        }
        let (above, name) = (path.parent().unwrap_or(Path::new("")), path.file_name().unwrap_or_default());
        self.make_folder(above)?;
        let above = self.folder(above)?;
        match mkdirat(&above, name, Mode::from_raw_mode(0o777)) {
            // Another writer of the same sink was faster.
            Err(rustix::io::Errno::EXIST) if path.is_dir() => Ok(()),
            Err(error) => Err(error.into()),
            Ok(()) => Ok(rustix::fs::fsync(above)?),
        }
    }

    /// The names in a folder, in no order.
    pub(super) fn names(&self, folder: &Path) -> io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(self.folder(folder)?)? {
            let name = entry?.file_name().to_bytes().to_vec();
            names.push(OsString::from_vec(name));
        }
        names.retain(|name| name != "." && name != "..");
        Ok(names)
    }
}

/// Opens a file of a folder to read it; a link is none.
pub(super) fn open_in(folder: &OwnedFd, name: &std::ffi::OsStr) -> io::Result<File> {
    let file = File::from(openat(folder, name, READ, Mode::empty())?);
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no file")),
    }
}

/// A real path in a real folder.
struct Inside {
    root: PathBuf,
    path: PathBuf,
}

impl Inside {
    fn of(root: &Path, path: &Path) -> io::Result<Self> {
        let (root, real) = (root.canonicalize()?, path.canonicalize()?);
        let path = real.strip_prefix(&root).map_err(|_| leads_out())?.to_path_buf();
        Ok(Self { root, path })
    }

    /// The folder that it is in, and its name there.
    fn parent(self) -> io::Result<(Self, OsString)> {
        let name = self.path.file_name().map(ToOwned::to_owned);
        let name = name.ok_or_else(|| io::Error::new(io::ErrorKind::IsADirectory, "it is a folder"))?;
        let path = self.path.parent().unwrap_or(Path::new("")).to_path_buf();
        Ok((Self { root: self.root, path }, name))
    }

    /// Goes there, through folders only.
    fn pass(&self) -> io::Result<OwnedFd> {
        let mut folder = open(&self.root, PASSED, Mode::empty())?;
        for part in &self.path {
            folder = openat(&folder, part, PASSED.union(OFlags::NOFOLLOW), Mode::empty())?;
        }
        Ok(folder)
    }
}

fn leads_out() -> io::Error {
    let message = "a link in it leads out of the folder of files that this server gives to pipelines";
    io::Error::new(io::ErrorKind::PermissionDenied, message)
}
