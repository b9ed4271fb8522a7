//! Python: a project with a pyproject.toml, made into a component by componentize-py, which puts an interpreter around it. What is done with
//! it there is the SDK's own business (`weir.build`).

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::folders;
use crate::languages::toolchain::{self, Toolchain};
use crate::languages::{Language, built_by, plain_name, run, sdk};

/// See the module.
pub(super) struct Python;

/// Says which interpreter, if it is not the `python3` or `python` that is found first.
const VARIABLE: &str = "WEIR_PYTHON";
/// The oldest that the SDK runs on.
const OLDEST: (u32, u32) = (3, 10);
/// One requirement a line, with the hashes of its files.
const PINNED: &str = "sdk/python/toolchain.txt";

impl Language for Python {
    fn name(&self) -> &'static str {
        "python"
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["py"]
    }

    fn title(&self) -> &'static str {
        "Python"
    }

    fn project_file(&self) -> &'static str {
        "pyproject.toml"
    }

    fn check_name(&self, name: &str) -> anyhow::Result<()> {
        plain_name(name, &["test", "tests", "weir", sdk::PACKAGE])
    }

    fn test_command(&self) -> &'static str {
        "python3 -m pytest"
    }

    fn toolchain(&self) -> Option<&'static dyn Toolchain> {
        Some(&Self)
    }

    fn build(&self, project: &Path) -> anyhow::Result<Vec<u8>> {
        let python = interpreter()?;
        let tools = toolchain::installed(self, self)?;
        let sdk = sdk::of(self)?;
        let path = std::env::join_paths([sdk.join("src"), tools]).context("a folder's name has a : in it")?;
        built_by(project, |project, written| {
            let mut command = Command::new(python);
            command.env("PYTHONPATH", path).env("PYTHONDONTWRITEBYTECODE", "1");
            command.args(["-m", "weir.build", "--project"]).arg(project).arg("--out").arg(written);
            command
        })
    }
}

impl Toolchain for Python {
    fn holds(&self) -> String {
        let first = sdk::file(PINNED).lines().find(|line| line.contains("==")).unwrap_or_default();
        first.trim_end_matches(['\\', ' ']).replace("==", " ")
    }

    fn pinned_by(&self) -> &'static [&'static str] {
        &[PINNED]
    }

    fn install(&self, into: &Path) -> anyhow::Result<()> {
        let python = interpreter()?;
        let list = into.join("toolchain.txt");
        std::fs::write(&list, sdk::file(PINNED)).with_context(|| format!("cannot write {}", list.display()))?;
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
        run("fetching the Python toolchain with pip", command.arg(into).arg("-r").arg(list)).map(drop)
    }
}

/// A Python that is new enough.
fn interpreter() -> anyhow::Result<PathBuf> {
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
    bail!(
        "operators in Python need Python {}.{} or newer: {found}; install it, or name another with {VARIABLE}",
        OLDEST.0,
        OLDEST.1
    )
}
