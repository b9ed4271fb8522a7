//! Builds the fuzz targets so that libFuzzer sees which code of Weir an input reaches. What Weir depends on is left as it is, so it is
//! compiled once for this and for everything else: decision 43.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::Context;

use crate::command::{binary, cargo, root, run};

/// The binary with all targets.
const BINARY: &str = "weir-fuzz";
/// Set while this program stands in for rustc.
const AS_COMPILER: &str = "WEIR_XTASK_INSTRUMENTS";
/// What cargo-fuzz gives to rustc, too. One unit per crate: sections of counters are then kept or dropped with their code.
const FLAGS: [&str; 6] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
];

/// Builds the binary.
///
/// # Errors
/// If it does not compile.
pub(super) fn build() -> anyhow::Result<PathBuf> {
    let this = std::env::current_exe().context("this program does not know its own path")?;
    let mut build = cargo();
    // As everything is built, so that nothing is compiled a second time: decision 8. Nobody edits and builds again here.
    build.args(["build", "--workspace", "--bin", BINARY]).env("CARGO_INCREMENTAL", "0");
    run(build.env("RUSTC_WORKSPACE_WRAPPER", this).env(AS_COMPILER, "1").current_dir(root()))?;
    Ok(binary("debug", BINARY))
}

/// Where cargo builds.
pub(super) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Compiles a crate of the workspace, if cargo has asked this program for that and nothing else: its arguments are a rustc and what that
/// is given.
pub(crate) fn compile(arguments: &[String]) -> Option<ExitCode> {
    std::env::var_os(AS_COMPILER)?;
    let (rustc, rest) = arguments.split_first()?;
    let mut compiler = Command::new(rustc);
    compiler.args(rest);
    if is_instrumented(rest) {
        compiler.args(FLAGS);
    }
    let status = compiler.status().map_err(|error| eprintln!("error: cannot run {rustc}: {error}"));
    Some(if status.is_ok_and(|status| status.success()) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What runs while compiling is not, because libFuzzer is not in it.
fn is_instrumented(arguments: &[String]) -> bool {
    let value = |option: &str| arguments.iter().skip_while(|argument| *argument != option).nth(1).map(String::as_str);
    value("--crate-name").is_some_and(|name| name.starts_with("weir_")) && value("--crate-type") != Some("proc-macro")
}
