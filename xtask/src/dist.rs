//! `cargo xtask dist`: the archive that is published of a version: the command, its jar for Flink, completions, man pages, licences, a bill of
//! materials; and the wheel for Spark beside it. It never publishes anything.

mod engines;
mod licences;
mod packages;
mod sbom;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

use crate::command::{announce, binary, cargo, output, root, run as run_command};
use crate::weir;
use engines::Engines;

const SHELLS: [(&str, &str); 5] = [
    ("bash", "weir.bash"),
    ("elvish", "weir.elv"),
    ("fish", "weir.fish"),
    ("powershell", "_weir.ps1"),
    ("zsh", "_weir"),
];
/// What is told of other people's work.
const LICENCES: &str = "THIRD-PARTY-LICENSES.txt";
const SBOM: &str = "weir.cdx.json";

/// Builds the command and the library of other engines optimised, then the archive `target/dist/weir-VERSION-TARGET.tar.gz`, and a wheel beside it.
///
/// # Errors
/// If a step fails.
pub(crate) fn run() -> anyhow::Result<()> {
    announce("building weir, optimised (the first time 10 to 20 minutes on 2 cores)");
    run_command(cargo().args(["build", "--release", "--locked", "--package", "weir-cli"]).current_dir(root()))?;
    let engines = Engines::build()?;
    let archive = pack(&binary("release", "weir"), Some(&engines))?;
    println!("{}\n{}", archive.display(), engines.wheel.display());
    Ok(())
}

/// Makes the archive with the command that the tests have built, unpacks it elsewhere, and looks at what is there. Then installs the
/// command as a user does who has the sources.
///
/// # Errors
/// If something is missing or does not run.
pub(crate) fn check() -> anyhow::Result<()> {
    announce("making the archive of a version, and installing the command");
    let weir = weir::build(&[])?;
    let engines = Engines::of_tests()?;
    let archive = pack(&weir, engines.as_ref())?;
    let elsewhere = root().join("target/dist/unpacked");
    empty(&elsewhere)?;
    run_command(Command::new("tar").arg("-xzf").arg(&archive).arg("-C").arg(&elsewhere))?;
    let unpacked = elsewhere.join(name()?);
    let version = version_of(&unpacked.join("bin").join(binary_name(&weir)))?;
    ensure!(version == version_of(&weir)?, "the archive's weir is {version}");
    for (file, holds) in [
        ("share/man/man1/weir.1", "weir"),
        ("share/man/man1/weir-run.1", "checkpoint"),
        ("share/completions/weir.bash", "rollback"),
        ("README.md", "Weir"),
        ("LICENSE", "Apache"),
        // Written in C, and carried along.
        (LICENCES, "librdkafka"),
        (LICENCES, "openssl/LICENSE.txt"),
        (LICENCES, "wasmtime"),
        // Only in the library of other engines.
        (LICENCES, "jni "),
        (SBOM, "pkg:cargo/arrow-array@"),
    ] {
        let text = fs::read_to_string(unpacked.join(file)).with_context(|| format!("the archive lacks {file}"))?;
        ensure!(text.contains(holds), "{file} says nothing of {holds}");
    }
    if let Some(engines) = engines {
        engines.check(&unpacked.join("bin").join(binary_name(&weir)))?;
    }
    let installed = root().join("target/dist/installed");
    empty(&installed)?;
    let mut install = cargo();
    install.args(["install", "--path", "runtime/cli", "--locked", "--debug", "--no-track", "--root"]).arg(&installed);
    run_command(install.current_dir(root()))?;
    ensure!(version_of(&installed.join("bin").join(binary_name(&weir)))? == version, "another version was installed");
    Ok(())
}

/// Packs a command that is built, and the jar; returns the archive.
fn pack(weir: &Path, engines: Option<&Engines>) -> anyhow::Result<PathBuf> {
    let dist = root().join("target/dist");
    let name = name()?;
    let folder = dist.join(&name);
    empty(&folder)?;
    for inner in ["bin", "share/completions", "share/man/man1"] {
        let inner = folder.join(inner);
        fs::create_dir_all(&inner).with_context(|| format!("cannot make {}", inner.display()))?;
    }
    copy(weir, &folder.join("bin").join(binary_name(weir)))?;
    if let Some(engines) = engines {
        fs::create_dir_all(folder.join("lib")).context("cannot make the folder lib")?;
        for jar in &engines.jars {
            copy(jar, &folder.join("lib").join(jar.file_name().context("a jar has a name")?))?;
        }
    }
    for file in ["README.md", "CHANGELOG.md", "LICENSE"] {
        copy(&root().join(file), &folder.join(file))?;
    }
    for (shell, file) in SHELLS {
        write(&folder.join("share/completions").join(file), &output(Command::new(weir).args(["completions", shell]))?)?;
    }
    run_command(Command::new(weir).arg("man-pages").arg(folder.join("share/man/man1")))?;
    let packages = packages::of_weir()?;
    write(&folder.join(LICENCES), &licences::text(&packages)?)?;
    write(&folder.join(SBOM), &sbom::document(&packages)?)?;
    let archive = dist.join(format!("{name}.tar.gz"));
    run_command(Command::new("tar").arg("-czf").arg(&archive).arg("-C").arg(&dist).arg(&name))?;
    Ok(archive)
}

/// Of the archive and of its folder.
fn name() -> anyhow::Result<String> {
    Ok(format!("weir-{}-{}", env!("CARGO_PKG_VERSION"), packages::target()?))
}

fn binary_name(weir: &Path) -> &std::ffi::OsStr {
    weir.file_name().unwrap_or("weir".as_ref())
}

fn version_of(weir: &Path) -> anyhow::Result<String> {
    output(Command::new(weir).arg("--version"))
}

/// A folder with nothing in it.
fn empty(folder: &Path) -> anyhow::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::copy(from, to).with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    Ok(())
}

fn write(file: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}
