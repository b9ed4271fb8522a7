//! Python: a project with a pyproject.toml, made into a component by componentize-py, which puts an interpreter around it. What is done with
//! it there is the SDK's own business (`weir.build`).

use std::path::Path;
use std::process::Command;

use anyhow::Context;

use crate::languages::toolchain::{self, Toolchain};
use crate::languages::{Language, built_by, pip, plain_name, sdk};

/// See the module.
pub(super) struct Python;

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
        let python = pip::interpreter("operators in Python need")?;
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
    fn name(&self) -> &'static str {
        Language::name(self)
    }

    fn holds(&self) -> String {
        pip::holds(PINNED)
    }

    fn needs(&self) -> &'static str {
        "componentize_py"
    }

    fn pinned_by(&self) -> &'static [&'static str] {
        &[PINNED]
    }

    fn install(&self, into: &Path) -> anyhow::Result<()> {
        pip::install("Python", PINNED, into)
    }
}
