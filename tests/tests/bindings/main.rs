//! The bindings that SDKs keep are those of the contract: made again, they are the same. Python and JavaScript look at their own, in
//! their own tests.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, and so do its helpers")]

use std::path::{Path, PathBuf};
use std::process::Command;

use weir_tests::maven::runs;
use weir_tests::needed::can_run;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// Runs a command in the project; it must succeed.
fn run_ok(program: &str, arguments: &[&str]) {
    let mut command = Command::new(program);
    let output = command.args(arguments).env("WIT_BINDGEN", generator()).current_dir(root()).output().unwrap();
    let told = [&output.stdout[..], &output.stderr[..]].concat();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&told));
}

fn generator() -> &'static str {
    env!("CARGO_BIN_EXE_wit_bindgen")
}

#[test]
fn c() {
    let folder = tempfile::tempdir().unwrap();
    let made = folder.path().to_str().unwrap();
    run_ok("sh", &["sdk/c/bindings.sh", "wit", made]);
    for file in ["wire.h", "transform.c", "keyed.c", "aggregate.c"] {
        run_ok("diff", &[&format!("{made}/{file}"), &format!("sdk/c/bindings/{file}")]);
    }
}

#[test]
fn go() {
    let folder = tempfile::tempdir().unwrap();
    let made = folder.path().join("bindings").display().to_string();
    run_ok("sh", &["sdk/go/generate.sh", generator(), &made]);
    run_ok("diff", &["-r", &made, "sdk/go/internal/bindings"]);
}

#[test]
fn rust() {
    let folder = tempfile::tempdir().unwrap();
    let made = folder.path().to_str().unwrap();
    run_ok("sh", &["sdk/rust/bindings.sh", "wit", made]);
    run_ok("diff", &["-r", made, "sdk/rust/src/bindings"]);
}

#[test]
fn zig() {
    if !can_run((!runs("python3", "--version")).then_some("python3")) {
        return;
    }
    run_ok("python3", &["sdk/zig/bindings.py", "--check"]);
}
