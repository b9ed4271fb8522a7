//! The command alone is compiled from what a build with everything has compiled: `cargo install` then takes a minute instead of four. For this
//! no package may have other features there.

use std::collections::BTreeSet;

use anyhow::ensure;

use crate::command::{cargo, output, root};

/// Compares the features.
///
/// # Errors
/// Names the packages that have other features.
pub(super) fn check() -> anyhow::Result<()> {
    let everything = packages(&["--workspace"])?;
    let alone = packages(&["--package", "weir-cli"])?;
    let others: Vec<_> = alone.difference(&everything).map(String::as_str).collect();
    ensure!(
        others.is_empty(),
        "these have more features in a build with everything than in one of the command alone, so that they and all above them are compiled twice; \
         give the features to the command, in runtime/cli/Cargo.toml: {}",
        others.join("; ")
    );
    Ok(())
}

/// The packages of a build, each with its features.
fn packages(which: &[&str]) -> anyhow::Result<BTreeSet<String>> {
    let mut tree = cargo();
    tree.args(["tree", "--locked", "--edges", "normal,build", "--prefix", "none", "--format", "{p} {f}"]).args(which);
    let told = output(tree.current_dir(root()))?;
    // What was told before is marked.
    Ok(told.lines().map(|line| line.trim_end_matches(" (*)").to_owned()).collect())
}
