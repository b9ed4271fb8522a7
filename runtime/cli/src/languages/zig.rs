//! Zig: a project with a build.zig, whose step `operator` makes a core module. Its toolchain holds a compiler for C and C++ too.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::folders;
use crate::languages::module::{self, Extras};
use crate::languages::toolchain::{self, Toolchain};
use crate::languages::{Language, pip, plain_name, run, sdk};

/// See the module.
pub(super) struct Zig;

/// Below Weir's cache folder.
const CACHE: &str = "zig";
const PINNED: &str = "sdk/zig/toolchain.txt";

impl Language for Zig {
    fn name(&self) -> &'static str {
        "zig"
    }

    fn title(&self) -> &'static str {
        "Zig"
    }

    fn project_file(&self) -> &'static str {
        "build.zig.zon"
    }

    fn check_name(&self, name: &str) -> anyhow::Result<()> {
        plain_name(name, &["std", "builtin", "root", "test", "weir", sdk::PACKAGE])
    }

    fn test_command(&self) -> &'static str {
        "zig build test"
    }

    fn toolchain(&self) -> Option<&'static dyn Toolchain> {
        Some(&Self)
    }

    fn build(&self, project: &Path) -> anyhow::Result<Vec<u8>> {
        let folder = tempfile::tempdir().context("cannot make a folder for temporary files")?;
        let mut command = compiler(self)?;
        command.current_dir(project).args(["build", "operator", "--error-style", "minimal", "--summary", "none"]);
        command.arg("--prefix").arg(folder.path());
        let is_first = folders::cache_dir().is_some_and(|cache| !cache.join(CACHE).is_dir());
        let first =
            if is_first { " (the first time Zig compiles its own tools, which takes a minute or two)" } else { "" };
        run(&format!("building {}{first}", project.display()), &mut command)?;
        let made =
            std::fs::read_dir(folder.path().join("bin")).into_iter().flatten().flatten().map(|entry| entry.path());
        let made: Vec<PathBuf> = made.filter(|path| path.extension().is_some_and(|of| of == "wasm")).collect();
        let [core] = &made[..] else {
            bail!("the step `operator` of build.zig must make one .wasm file, and made {}", made.len());
        };
        let core = std::fs::read(core).with_context(|| format!("cannot read {}", core.display()))?;
        module::component(&core, project, &Extras::default())
    }
}

impl Toolchain for Zig {
    fn name(&self) -> &'static str {
        Language::name(self)
    }

    fn holds(&self) -> String {
        pip::holds(PINNED).replace("ziglang", "zig")
    }

    fn needs(&self) -> &'static str {
        "ziglang/zig"
    }

    fn pinned_by(&self) -> &'static [&'static str] {
        &[PINNED]
    }

    fn install(&self, into: &Path) -> anyhow::Result<()> {
        pip::install("Zig", PINNED, into)
    }
}

/// The compiler of a toolchain of Zig's, which keeps what it has compiled in Weir's cache folder.
///
/// # Errors
/// If the toolchain is not there.
pub(super) fn compiler(language: &dyn Language) -> anyhow::Result<Command> {
    let mut command = Command::new(toolchain::installed(language, &Zig)?.join("ziglang/zig"));
    if let Some(cache) = folders::cache_dir() {
        command.env("ZIG_GLOBAL_CACHE_DIR", cache.join(CACHE)).env("ZIG_LOCAL_CACHE_DIR", cache.join(CACHE));
    }
    Ok(command)
}
