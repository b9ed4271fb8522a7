//! What is where a sink is to write, and whether it may be replaced: asked before a job runs, and again before a file gets its final
//! name. Nothing here writes rows, or removes anything.
//!
//! A run signs the file that it finishes with an extended attribute: the pipeline's name, the file's length and the time of its last
//! change. Only what has a signature that is still right counts as written by an earlier run of the same pipeline. A file that was
//! saved or extended since does not, nor does a copy without its attributes, or a file system that has none.

use std::fs::{File, FileType, Metadata};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};
use weir_core::connector::ConnectorError;
use weir_core::graph::Options;

use super::temporary::Place;

/// The attribute.
const SIGNATURE: &str = "user.weir.written";
/// Bytes of a signature at most: a pipeline's name and two numbers.
const SIGNATURE_BYTES_MAX: usize = 4096;

/// What becomes of a file that was not written by an earlier run of the pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Mode {
    /// It is replaced.
    Overwrite,
    /// The new file begins with its rows.
    Append,
}

/// The file that a sink makes or replaces.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// As the pipeline file names it.
    pub(super) shown: String,
    /// Where it is, links followed.
    pub(super) path: PathBuf,
    /// Its name there.
    pub(super) file: String,
    pub(super) mode: Option<Mode>,
}

/// What a run leaves at its file.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Signature {
    pipeline: String,
    bytes: u64,
    modified_ns: u64,
}

impl Target {
    /// Why the file cannot be made, if it cannot.
    pub(super) fn check(&self, job: &str) -> Result<(), String> {
        let found = match std::fs::symlink_metadata(&self.path) {
            Ok(found) => found,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(format!("cannot look at {}: {error}", self.shown)),
        };
        if !found.is_file() {
            return Err(no_file(&self.shown, found.file_type()));
        }
        if self.mode.is_some() {
            return Ok(());
        }
        let whose = match self.signature() {
            Some(signed) if signed == Signature::of(&found, job) => return Ok(()),
            Some(signed) if signed.pipeline != job => format!("the pipeline {:?} has written it", signed.pipeline),
            Some(_) => "it was changed since this pipeline has written it".to_owned(),
            None => format!("no run of the pipeline {job:?} has written it"),
        };
        Err(format!(
            "{} exists, and {whose}: give another `path`, or say `mode = \"overwrite\"` to replace it, or `mode = \"append\"` to add \
             rows to it",
            self.shown
        ))
    }

    /// The same at the end of the job. `appended_to`: how many bytes of it the new file begins with.
    pub(super) fn check_now(&self, job: &str, appended_to: Option<u64>) -> Result<(), String> {
        self.check(job)?;
        let bytes = std::fs::metadata(&self.path).map_or(0, |file| file.len());
        match (self.mode, appended_to) {
            (Some(Mode::Append), appended_to) if bytes != appended_to.unwrap_or(0) => {
                Err(format!("{} has other rows than when the job began", self.shown))
            }
            _ => Ok(()),
        }
    }

    /// Says of a file, which is finished, that this pipeline has written it. Where that cannot be said, the next run asks.
    pub(super) fn sign(&self, path: &Path, job: &str) {
        let signed = std::fs::metadata(path).ok().and_then(|file| serde_json::to_vec(&Signature::of(&file, job)).ok());
        if let Some(signature) = signed {
            attribute::set(path, &signature);
        }
    }

    fn signature(&self) -> Option<Signature> {
        serde_json::from_slice(&attribute::get(&self.path)?).ok()
    }
}

impl Signature {
    fn of(file: &Metadata, job: &str) -> Self {
        let modified = file.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        let modified_ns = modified.and_then(|at| u64::try_from(at.as_nanos()).ok()).unwrap_or_default();
        Self { pipeline: job.to_owned(), bytes: file.len(), modified_ns }
    }
}

/// The path that is written when a sink is told to write to `path`: a link is followed, so that it stays one.
///
/// # Errors
/// [`ConnectorError::Option`] if it is a link to nothing, or leads out of the folder that a pipeline is confined to.
pub(super) fn followed(options: &Options, shown: &str, path: PathBuf) -> Result<PathBuf, ConnectorError> {
    // Without a separator at its end, behind which the system follows links by itself.
    let link: PathBuf = path.components().collect();
    if !link.symlink_metadata().is_ok_and(|found| found.is_symlink()) {
        return Ok(path);
    }
    if let Some(found) = path.metadata().ok().filter(|found| !found.is_file() && !found.is_dir()) {
        return Err(options.error("path", no_file(shown, found.file_type())));
    }
    let followed = std::fs::canonicalize(&link).map_err(|error| {
        let to = std::fs::read_link(&link).unwrap_or_default();
        options.error("path", format!("{shown} is a link to {}, which cannot be followed: {error}", to.display()))
    })?;
    let stays = || std::fs::canonicalize(&options.base).is_ok_and(|base| followed.starts_with(base));
    if options.confined && !stays() {
        let message =
            format!("{shown} is a link that leads out of the folder of files that this server gives to pipelines");
        return Err(options.error("path", message));
    }
    Ok(followed)
}

/// Why a sink cannot write into its folder, if it cannot: one folder is made, and no more, as a longer path is rather a mistake.
pub(super) fn check_folder(place: &Place) -> Result<(), String> {
    let (shown, folder) = (&place.name, &place.folder);
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    if let Ok(found) = folder.metadata() {
        let what = if found.is_file() { "a file" } else { kind(found.file_type()) };
        return Err(format!("{shown} cannot be written: {} is {what}, and no folder", folder.display()));
    }
    match folder.parent() {
        Some(above) if !above.as_os_str().is_empty() && !above.is_dir() => Err(format!(
            "{shown} cannot be written: the folder {} does not exist, nor does the one above it, and a sink makes only one; make \
             them first (`mkdir -p`), or give another `path`",
            folder.display()
        )),
        _ => Ok(()),
    }
}

fn no_file(shown: &str, found: FileType) -> String {
    let what = kind(found);
    let instead = match found.is_dir() {
        true => "",
        false => "; to print rows, use `connector = \"stdout\"`",
    };
    format!("{shown} is {what}, and a file sink writes files only{instead}")
}

#[cfg(unix)]
fn kind(found: FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt as _;
    match found {
        _ if found.is_dir() => "a folder",
        _ if found.is_symlink() => "a link",
        _ if found.is_fifo() => "a FIFO",
        _ if found.is_socket() => "a socket",
        _ => "a device",
    }
}

#[cfg(not(unix))]
fn kind(found: FileType) -> &'static str {
    if found.is_dir() { "a folder" } else { "no file" }
}

/// Extended attributes, where there are any.
mod attribute {
    use std::path::Path;

    use super::{File, SIGNATURE, SIGNATURE_BYTES_MAX};

    #[cfg(any(target_os = "linux", target_os = "macos"))]
    pub(super) fn get(path: &Path) -> Option<Vec<u8>> {
        let mut value = vec![0; SIGNATURE_BYTES_MAX];
        let bytes = rustix::fs::getxattr(path, SIGNATURE, value.as_mut_slice()).ok()?;
        value.truncate(bytes);
        Some(value)
    }

    #[cfg(any(target_os = "linux", target_os = "macos"))]
    pub(super) fn set(path: &Path, value: &[u8]) {
        if let Ok(file) = File::open(path) {
            let _ = rustix::fs::fsetxattr(&file, SIGNATURE, value, rustix::fs::XattrFlags::empty());
        }
    }

    #[cfg(not(any(target_os = "linux", target_os = "macos")))]
    pub(super) fn get(_: &Path) -> Option<Vec<u8>> {
        None
    }

    #[cfg(not(any(target_os = "linux", target_os = "macos")))]
    pub(super) fn set(_: &Path, _: &[u8]) {}
}
