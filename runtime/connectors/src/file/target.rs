//! What is where a sink is to write, and whether it may be replaced: asked before a job runs, and again before a file gets its final
//! name. Nothing here writes rows, or removes anything.
//!
//! A run signs the file that it finishes with an extended attribute: the pipeline's name, the file's length and the time of its last
//! change. Only what has a signature that is still right counts as written by an earlier run of the same pipeline. A file that was
//! saved or extended since does not, nor does a copy without its attributes, or a file system that has none.

use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::time::UNIX_EPOCH;

use rustix::fs::FileType;
use serde::{Deserialize, Serialize};
use weir_core::connector::ConnectorError;
use weir_core::graph::Options;

use super::temporary::Place;

/// The attribute.
const SIGNATURE: &str = "user.weir.written";
/// Bytes of a signature at most: a pipeline's name and two numbers.
const SIGNATURE_BYTES_MAX: usize = 4096;

/// What happens to a file that was not written by an earlier run of the pipeline.
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
    pub(super) place: Place,
    /// Its name there.
    pub(super) file: String,
    pub(super) mode: Option<Mode>,
    /// No sink of the pipeline file names it.
    pub(super) is_implicit: bool,
}

/// What a run leaves at its file.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Signature {
    pipeline: String,
    bytes: u64,
    modified_ns: u64,
}

impl Target {
    /// Why the file cannot be made, if it cannot. Where nothing can be signed, that is asked when it is known what the job resumes from: the
    /// file may be what it has finished itself.
    pub(super) fn check(&self, job: &str) -> Result<(), String> {
        self.check_with(|signed| if matches!(signed, Signed::Cannot) { Ok(()) } else { signed.verdict(job) })
    }

    /// The same, of a job that has not finished the file.
    pub(super) fn check_unfinished(&self, job: &str) -> Result<(), String> {
        self.check_with(|signed| signed.verdict(job))
    }

    /// The same of a job that resumes from where it had not finished the file, or begins, where nothing can be signed.
    pub(super) fn check_unsigned(&self) -> Result<(), String> {
        self.check_with(|signed| if matches!(signed, Signed::Cannot) { signed.verdict("") } else { Ok(()) })
    }

    fn check_with(&self, verdict: impl FnOnce(Signed) -> Result<(), String>) -> Result<(), String> {
        let found = self.place.found(&self.file).map_err(|error| format!("cannot look at {}: {error}", self.shown))?;
        let Some(found) = found else { return Ok(()) };
        if !found.kind.is_file() {
            return Err(no_file(&self.shown, found.kind));
        }
        if self.mode.is_some() {
            return Ok(());
        }
        let advice = match self.is_implicit {
            true => {
                "move it away, or give the rows that cannot be processed a sink with a `path` of its own: `input = \"STEP.dead-letter\"`"
            }
            false => {
                "give another `path`, or set `mode = \"overwrite\"` to replace it, or `mode = \"append\"` to add rows to it"
            }
        };
        verdict(self.signed()).map_err(|whose| format!("{} exists, and {whose}: {advice}", self.shown))
    }

    /// The same at the end of the job. `appended_to`: how many bytes of it the new file begins with.
    pub(super) fn check_now(&self, job: &str, appended_to: Option<u64>) -> Result<(), String> {
        self.check_unfinished(job)?;
        let bytes = self.place.found(&self.file).ok().flatten().map_or(0, |found| found.bytes);
        match (self.mode, appended_to) {
            (Some(Mode::Append), appended_to) if bytes != appended_to.unwrap_or(0) => {
                Err(format!("{} has other rows than when the job began", self.shown))
            }
            _ => Ok(()),
        }
    }

    /// Says of a file, which is finished, that this pipeline has written it. Where that cannot be said, the next run asks.
    pub(super) fn sign(&self, name: &str, job: &str) {
        let Ok(file) = self.place.open(name) else { return };
        let signed = file.metadata().ok().and_then(|now| serde_json::to_vec(&Signature::of(&now, job)).ok());
        if let Some(signature) = signed {
            attribute::set(&file, &signature);
        }
    }

    fn signed(&self) -> Signed {
        let Ok(file) = self.place.open(&self.file) else { return Signed::Not };
        match (attribute::get(&file), file.metadata()) {
            (Err(_), _) => Signed::Cannot,
            (Ok(Some(value)), Ok(now)) => match serde_json::from_slice(&value) {
                Ok(signature) => Signed::By(signature, Box::new(now)),
                Err(_) => Signed::Not,
            },
            _ => Signed::Not,
        }
    }
}

/// What was left at a file.
enum Signed {
    /// A signature, and what the file is now.
    By(Signature, Box<Metadata>),
    Not,
    /// The file system has no attributes.
    Cannot,
}

impl Signed {
    /// Whose it is, in words, if not this pipeline's.
    fn verdict(self, job: &str) -> Result<(), String> {
        match self {
            Self::By(signed, now) if signed == Signature::of(&now, job) => Ok(()),
            Self::By(signed, _) if signed.pipeline != job => {
                Err(format!("the pipeline {:?} has written it", signed.pipeline))
            }
            Self::By(..) => Err("it was changed since this pipeline has written it".to_owned()),
            Self::Not => Err(format!("no run of the pipeline {job:?} has written it")),
            Self::Cannot => Err("its file system keeps no attributes that would say who has written it".to_owned()),
        }
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
/// [`ConnectorError::Option`] if it is a link to nothing.
pub(super) fn followed(options: &Options, shown: &str, path: PathBuf) -> Result<PathBuf, ConnectorError> {
    // Without a separator at its end, behind which the system follows links by itself.
    let link: PathBuf = path.components().collect();
    if !link.symlink_metadata().is_ok_and(|found| found.is_symlink()) {
        return Ok(path);
    }
    if let Some(found) = path.metadata().ok().filter(|found| !found.is_file() && !found.is_dir()) {
        return Err(options.error("path", no_file(shown, FileType::from_raw_mode(found.mode()))));
    }
    std::fs::canonicalize(&link).map_err(|error| {
        let to = std::fs::read_link(&link).unwrap_or_default();
        options.error("path", format!("{shown} is a link to {}, which cannot be followed: {error}", to.display()))
    })
}

/// Why a sink cannot write into its folder, if it cannot: one folder is made, and no more, as a longer path is rather a mistake.
pub(super) fn check_folder(place: &Place) -> Result<(), String> {
    let (shown, folder) = (&place.name, &place.folder);
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    if let Ok(found) = folder.metadata() {
        let what = if found.is_file() { "a file" } else { kind(FileType::from_raw_mode(found.mode())) };
        return Err(format!("{shown} cannot be written: {} is {what}, and no folder", folder.display()));
    }
    match folder.parent() {
        Some(above) if !above.as_os_str().is_empty() && !above.is_dir() => Err(format!(
            "{shown} cannot be written: the folder {} does not exist, nor does the one above it, and a sink creates only one; \
             create them first (`mkdir -p`), or give another `path`",
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

fn kind(found: FileType) -> &'static str {
    match found {
        FileType::Directory => "a folder",
        FileType::Symlink => "a link",
        FileType::Fifo => "a FIFO",
        FileType::Socket => "a socket",
        _ => "a device",
    }
}

/// Extended attributes, where there are any.
mod attribute {
    use super::{File, SIGNATURE, SIGNATURE_BYTES_MAX};

    /// There can be none.
    pub(super) struct Unsupported;

    #[cfg(any(target_os = "linux", target_os = "macos"))]
    pub(super) fn get(file: &File) -> Result<Option<Vec<u8>>, Unsupported> {
        use rustix::io::Errno;
        let mut value = vec![0; SIGNATURE_BYTES_MAX];
        match rustix::fs::fgetxattr(file, SIGNATURE, value.as_mut_slice()) {
            Ok(bytes) => {
                value.truncate(bytes);
                Ok(Some(value))
            }
            Err(Errno::NOTSUP | Errno::NOSYS) => Err(Unsupported),
            Err(_) => Ok(None),
        }
    }

    #[cfg(any(target_os = "linux", target_os = "macos"))]
    pub(super) fn set(file: &File, value: &[u8]) {
        let _ = rustix::fs::fsetxattr(file, SIGNATURE, value, rustix::fs::XattrFlags::empty());
    }

    #[cfg(not(any(target_os = "linux", target_os = "macos")))]
    pub(super) fn get(_: &File) -> Result<Option<Vec<u8>>, Unsupported> {
        Err(Unsupported)
    }

    #[cfg(not(any(target_os = "linux", target_os = "macos")))]
    pub(super) fn set(_: &File, _: &[u8]) {}
}
