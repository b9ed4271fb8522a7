//! `cargo xtask test`: everything that must hold. The project's workflow runs this and nothing else.

use crate::command::{announce, cargo, root, run as run_command};
use crate::fuzz::Fuzzing;
use crate::guests::{self, WORKSPACES, guest_cargo, manifest, on};
use crate::{dist, example, lint, native, vectors, weir};

/// Runs every test and check; the last line counts the vectors.
///
/// # Errors
/// If something does not hold.
pub(crate) fn run() -> anyhow::Result<()> {
    // What is checked in a second is known first.
    lint::rules()?;
    // What a new user sees first; what it has compiled of other crates serves the rest.
    example::run("flights")?;
    guests::build(&weir::build(&[])?, &WORKSPACES)?;
    // The library that the tests with Flink and Spark load.
    native::build_unoptimised()?;
    announce("testing the workspace, documentation included (the first time 3 to 6 minutes on 2 cores)");
    run_command(cargo().args(["test", "--workspace", "--no-fail-fast"]).current_dir(root()))?;
    for workspace in WORKSPACES.into_iter().filter(|w| manifest(w).is_file()) {
        announce(&format!("testing the operators of {workspace}/ natively (the first time about a minute)"));
        run_command(guest_cargo("test").args(on(workspace)))?;
    }
    dist::check()?;
    Fuzzing::BRIEF.run()?;
    lint::tools()?;
    vectors::run(None)
}
