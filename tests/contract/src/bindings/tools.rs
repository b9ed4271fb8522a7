//! Runs the programs that a test needs, and installs what the machine lacks in a pinned version, once.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs a program to its end.
///
/// # Panics
/// If it is not there or fails, with all that it printed.
pub(super) fn run(command: &mut Command) {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().unwrap_or_else(|error| {
        panic!("cannot run {program}: {error}. The contract's bindings are tested with it: install it and run the test again")
    });
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?} failed ({}):\n{out}{err}", output.status);
}

/// The folder of a tool, named with its version. It is installed once, with `install`, which is given an empty folder; an
/// installation that is cut short leaves nothing that a later run takes for whole.
pub(super) fn installed(tool: &str, install: impl FnOnce(&Path)) -> PathBuf {
    let tools = Path::new(env!("CARGO_TARGET_TMPDIR")).join("contract");
    let folder = tools.join(tool.replace("==", "-"));
    if !folder.exists() {
        std::fs::create_dir_all(&tools).unwrap();
        let draft = tempfile::tempdir_in(&tools).unwrap();
        install(draft.path());
        // Another process may have been faster: then its folder counts.
        if std::fs::rename(draft.path(), &folder).is_ok() {
            let _moved = draft.keep();
        }
    }
    assert!(folder.is_dir(), "{tool} is not in {}", folder.display());
    folder
}

/// The folder of a package of PyPI, given as `name==version`. It has no dependencies.
pub(super) fn python_package(requirement: &str) -> PathBuf {
    installed(requirement, |folder| {
        let quiet = ["--quiet", "--disable-pip-version-check", "--root-user-action", "ignore"];
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "install", "--no-deps", "--no-compile"]).args(quiet);
        run(pip.arg("--target").arg(folder).arg(requirement));
    })
}
