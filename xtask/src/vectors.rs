//! `cargo xtask vectors [DIR]`: replays cases of other engines' test suites through the real operators.

use std::path::{Path, absolute};

use anyhow::Context;

use crate::command::{announce, cargo, root, run as run_command};

/// Replays the cases of a folder. The last line that it prints is `N passed, M failed, K skipped`.
///
/// # Errors
/// If a case fails, or the folder cannot be read.
pub(crate) fn run(folder: Option<&Path>) -> anyhow::Result<()> {
    announce("replaying the vectors (if nothing is built yet, 5 to 10 minutes on 2 cores)");
    let mut vectors = cargo();
    // Without a package named, features are those of the whole workspace: what the tests have built is used.
    vectors.args(["run", "--quiet", "--bin", "vectors", "--"]).current_dir(root());
    if let Some(folder) = folder {
        vectors.arg(absolute(folder).with_context(|| format!("cannot find {}", folder.display()))?);
    }
    run_command(&mut vectors)
}
