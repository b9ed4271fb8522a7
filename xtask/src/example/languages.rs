//! Builds the operators of `examples/languages`, each with the tools of its language, which are fetched if need be.

use std::path::Path;
use std::process::Command;

use crate::command::{announce, root, run};

/// What its operators' tools are fetched as: C and C++ are compiled by those of Zig.
const TOOLCHAINS: [&str; 4] = ["python", "javascript", "go", "zig"];
/// Folders in the example. The one in Rust is built with the other examples in Rust.
const PROJECTS: [&str; 6] = ["airline", "part-of-day", "delay-class", "board", "knock-on", "punctual"];

/// Makes a component of each.
///
/// # Errors
/// If tools cannot be fetched, or an operator cannot be built.
pub(super) fn build(weir: &Path) -> anyhow::Result<()> {
    for toolchain in TOOLCHAINS {
        run(Command::new(weir).args(["toolchain", "install", toolchain]))?;
    }
    for project in PROJECTS {
        announce(&format!("building {project} (the first time up to two minutes)"));
        let mut build = Command::new(weir);
        run(build
            .args(["build", project, "-o", &format!("{project}.wasm")])
            .current_dir(root().join("examples/languages")))?;
    }
    Ok(())
}
