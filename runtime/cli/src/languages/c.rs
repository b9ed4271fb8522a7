//! C and C++: a project whose sources in `src` are compiled and linked with the library of their SDK, by the compiler that Zig's toolchain
//! has. Its CMakeLists.txt is for its tests, and for other tools.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::languages::module::{self, Extras};
use crate::languages::toolchain::Toolchain;
use crate::languages::{Language, plain_name, run, sdk, zig};

/// C; see the module.
pub(super) struct C;
/// C++, with the SDK of C, and templates of its own.
pub(super) struct Cpp;

/// WebAssembly with C's library, of which nothing may be used that calls a system; with what the lines of traps are made of.
const FLAGS: [&str; 4] = ["-target", "wasm32-wasi", "-O2", "-g"];
/// For the author's own code: what would be wrapped, cut, or read where there is nothing traps, and so does `assert`.
const CHECKS: [&str; 8] = [
    "-Wall",
    "-Wextra",
    "-Wno-missing-designated-field-initializers",
    "-Wno-missing-field-initializers",
    "-fsanitize=signed-integer-overflow,integer-divide-by-zero,float-cast-overflow,shift,array-bounds,null,return,unreachable,\
     implicit-signed-integer-truncation,implicit-unsigned-integer-truncation",
    "-fsanitize-trap=all",
    "-UNDEBUG",
    "-D__assert_fail=weir_assert_fail",
];
/// A sandbox has no exceptions. The library checks indices and empty optionals; Zig sets both macros itself.
const CPP: [&str; 7] = [
    "-std=c++20",
    "-fno-exceptions",
    "-fno-rtti",
    "-U_LIBCPP_HARDENING_MODE",
    "-D_LIBCPP_HARDENING_MODE=_LIBCPP_HARDENING_MODE_FAST",
    "-U_LIBCPP_ASSERTION_SEMANTIC_DEFAULT",
    "-D_LIBCPP_ASSERTION_SEMANTIC_DEFAULT=_LIBCPP_ASSERTION_SEMANTIC_HARDENING_DEPENDENT",
];
const LINK: [&str; 3] = ["-fno-strict-aliasing", "-mexec-model=reactor", "-Wl,-z,stack-size=1048576"];
/// What an object refers to that has an operator of a world: the world's name follows.
const EXPORTS: &str = "weir_exports_";
/// Which functions of C's library bring an import of the system with them.
const SYSTEM: &str = "sdk/c/wasi-imports.txt";

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
        let (sdk, include) = (sdk::of(self)?, project.join("src"));
        let sources = sources(&include)?;
        if sources.is_empty() {
            bail!("there is no .c, .cc or .cpp file in {}", include.display());
        }
        let is_cpp_project = sources.iter().any(|source| is_cpp(source));
        let language: &dyn Language = if is_cpp_project { &Cpp } else { self };
        let folder = tempfile::tempdir().context("cannot make a folder for temporary files")?;
        let mut objects = Vec::new();
        for (number, source) in sources.iter().enumerate() {
            let object = folder.path().join(format!("{number}.o"));
            let mut command = compiler(language, source)?;
            command.args(CHECKS).arg("-I").arg(sdk.join("include")).arg("-c").arg(source).arg("-o").arg(&object);
            let told = run(&format!("compiling {}", source.display()), &mut command)?;
            // Warnings.
            eprint!("{}", String::from_utf8_lossy(&told.stderr));
            objects.push(object);
        }
        let core = folder.path().join("core.wasm");
        let mut command = zig::compiler(language)?;
        command.arg("cc").args(FLAGS).args(LINK).arg("-I").arg(sdk.join("include")).args(&objects);
        command.args(self::sources(&sdk.join("src"))?);
        command.arg(sdk.join("src/guest").join(format!("export_{}.c", world(&objects)?)));
        if is_cpp_project {
            command.arg("-lc++");
        }
        run(&format!("linking {}", project.display()), command.arg("-o").arg(&core))?;
        let core = std::fs::read(&core).context("the compiler made no module")?;
        module::component(&core, project, &Extras { system: sdk::file(SYSTEM), ..Extras::default() })
    }
}

/// The compiler for a source of a project in C or C++.
fn compiler(language: &dyn Language, source: &Path) -> anyhow::Result<Command> {
    let mut command = zig::compiler(language)?;
    match is_cpp(source) {
        true => command.arg("c++").args(CPP),
        false => command.arg("cc"),
    };
    command.args(FLAGS);
    Ok(command)
}

fn is_cpp(source: &Path) -> bool {
    source.extension().is_some_and(|of| of == "cc" || of == "cpp")
}

/// The files to compile in a folder, in the order of their names.
fn sources(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut found = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    found.retain(|path| is_cpp(path) || path.extension().is_some_and(|of| of == "c"));
    found.sort();
    Ok(found)
}

/// The world of the operator in one of the objects.
fn world(objects: &[PathBuf]) -> anyhow::Result<&'static str> {
    let mut found = Vec::new();
    for object in objects {
        let bytes = std::fs::read(object).with_context(|| format!("cannot read {}", object.display()))?;
        found.extend(module::WORLDS.into_iter().filter(|world| {
            let symbol = format!("{EXPORTS}{world}");
            bytes.windows(symbol.len()).any(|window| window == symbol.as_bytes())
        }));
    }
    match found[..] {
        [world] => Ok(world),
        [] => bail!("there is no operator: declare it with WEIR_TRANSFORM, WEIR_KEYED or WEIR_AGGREGATE"),
        _ => bail!("there are several operators ({}): a component has one; make a project of each", found.join(", ")),
    }
}

impl Language for Cpp {
    fn name(&self) -> &'static str {
        "cpp"
    }

    fn sdk(&self) -> &'static str {
        C.sdk()
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["c++", "cxx"]
    }

    fn title(&self) -> &'static str {
        "C++"
    }

    fn project_file(&self) -> &'static str {
        C.project_file()
    }

    fn check_name(&self, name: &str) -> anyhow::Result<()> {
        C.check_name(name)
    }

    fn test_command(&self) -> &'static str {
        C.test_command()
    }

    fn toolchain(&self) -> Option<&'static dyn Toolchain> {
        C.toolchain()
    }

    fn build(&self, project: &Path) -> anyhow::Result<Vec<u8>> {
        C.build(project)
    }
}
