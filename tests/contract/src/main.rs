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

use std::path::{Path, PathBuf};

/// The folder of the contract.
fn wit() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit").canonicalize().unwrap()
}
