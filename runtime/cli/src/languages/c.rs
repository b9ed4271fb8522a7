//! C and C++: a project whose sources in `src` are compiled with those of the SDK. Its CMakeLists.txt is for its tests, and for other tools.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::languages::toolchain::Toolchain;
use crate::languages::{Language, module, plain_name, run, sdk, zig};

/// See the module.
pub(super) struct C;

/// For a system of WebAssembly's that has C's library, of which nothing may be used that calls it; with functions, files and lines for traps.
const FLAGS: [&str; 5] = ["-target", "wasm32-wasi", "-mexec-model=reactor", "-O2", "-g"];

impl Language for C {
    fn name(&self) -> &'static str {
        "c"
    }

    fn title(&self) -> &'static str {
        "C"
    }

    fn project_file(&self) -> &'static str {
        "CMakeLists.txt"
    }

    fn check_name(&self, name: &str) -> anyhow::Result<()> {
        plain_name(name, &["all", "clean", "help", "install", "test", "weir", sdk::PACKAGE])
    }

    fn test_command(&self) -> &'static str {
        "cmake -B build && cmake --build build && ctest --test-dir build"
    }

    fn toolchain(&self) -> Option<&'static dyn Toolchain> {
        Some(&zig::Zig)
    }

    fn build(&self, project: &Path) -> anyhow::Result<Vec<u8>> {
        let folder = tempfile::tempdir().context("cannot make a folder for temporary files")?;
        let core = folder.path().join("core.wasm");
        let sdk = sdk::of(self)?;
        let own = sources(&project.join("src"))?;
        if own.is_empty() {
            bail!("there is no .c, .cc or .cpp file in {}", project.join("src").display());
        }
        let mut command = zig::compiler(self)?;
        command.arg("cc").args(FLAGS).arg("-I").arg(sdk.join("include"));
        command.args(sources(&sdk.join("src"))?).args(own).arg("-o").arg(&core);
        run(&format!("building {}", project.display()), &mut command)?;
        module::component(&std::fs::read(&core).context("the compiler made no module")?, project, None)
    }
}

/// The files to compile in a folder, in the order of their names.
fn sources(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut found = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    found.retain(|path| path.extension().is_some_and(|of| of == "c" || of == "cc" || of == "cpp"));
    found.sort();
    Ok(found)
}
