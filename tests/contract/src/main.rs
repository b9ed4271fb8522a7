//! The contract (`wit/`) as authors of operators see it: its published text does not change (`published.rs`), no name is a keyword of
//! a language (`keywords.rs`), and it binds in Rust, C, Go, Python and TypeScript with the generators that authors use (`bindings/`).
//! No component is built or run here.
//!
//! What a machine lacks of the generators is installed into `target/tmp/contract/` once, in pinned versions. A test whose generator
//! cannot be had fails; it is never skipped.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up has failed")]

mod bindings;
mod keywords;
mod names;
mod published;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The folder of the contract.
fn wit() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit").canonicalize().unwrap()
}

/// A folder of what aggregates of updating streams export besides, as generators read it: with the contract below `deps`.
fn updating() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("contract-updating");
        let copy = |from: &Path, to: &Path| {
            let _absent = fs::remove_dir_all(to);
            fs::create_dir_all(to).unwrap();
            let files = fs::read_dir(from).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
            for file in files {
                fs::copy(&file, to.join(file.file_name().unwrap())).unwrap();
            }
        };
        copy(&wit().join("updating"), &folder);
        copy(&wit(), &folder.join("deps/operator"));
        folder
    })
}
