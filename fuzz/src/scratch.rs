//! A folder for the files of a run. `cargo xtask fuzz` removes it: libFuzzer ends the process without a word.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

static FOLDER: LazyLock<PathBuf> =
    LazyLock::new(|| tempfile::tempdir().expect("a temporary folder can be made").keep());

/// The folder of this process.
pub(crate) fn folder() -> &'static Path {
    &FOLDER
}

/// Puts a file with these bytes there.
pub(crate) fn write(name: &str, bytes: &[u8]) -> PathBuf {
    let path = FOLDER.join(name);
    std::fs::write(&path, bytes).expect("a scratch file can be written");
    path
}
