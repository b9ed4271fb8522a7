//! Building the command: with everything, or as little as an example needs.

use std::path::PathBuf;

use crate::command::{announce, binary, cargo, root, run};

/// What cargo is told to build the command with. The whole workspace decides on features and one binary is built, so that what
/// this has compiled serves the tests too.
pub(crate) const BUILD: [&str; 4] = ["build", "--workspace", "--bin", "weir"];

/// What is compiled for a small build alone, and so the fastest way: its own crates, as they lack what it leaves out, and a parser whose deep
/// recursion takes too much stack for the threads of the tests, unless it is optimised.
const UNOPTIMISED: [&str; 8] = [
    "sqlparser",
    "weir-cli",
    "weir-connectors",
    "weir-core",
    "weir-engine",
    "weir-expressions",
    "weir-host",
    "weir-state",
];

/// Builds the command with everything, and `more` binaries; returns where it is.
///
/// # Errors
/// If it cannot be built.
pub(crate) fn build(more: &[&str]) -> anyhow::Result<PathBuf> {
    announce("building weir with everything (the first time 8 to 12 minutes on 2 cores)");
    let more = more.iter().flat_map(|name| ["--bin", name]);
    run(cargo().args(BUILD).args(more).current_dir(root()))?;
    Ok(binary("debug", "weir"))
}

/// Builds the command without Kafka, Parquet, S3 and the server, which takes a third of the time, and neither make nor perl; returns where it is.
///
/// # Errors
/// If it cannot be built.
pub(crate) fn build_small() -> anyhow::Result<PathBuf> {
    announce(
        "building a small weir, without Kafka, Parquet, S3 and the server (the first time 3 to 5 minutes on 2 cores)",
    );
    let mut build = cargo();
    build.args(["build", "--package", "weir-cli", "--no-default-features"]).env("CARGO_INCREMENTAL", "0");
    build.arg("--config=profile.dev.debug=false");
    for name in UNOPTIMISED {
        build.arg(format!("--config=profile.dev.package.{name}.opt-level=0"));
    }
    run(build.current_dir(root()))?;
    Ok(binary("debug", "weir"))
}
