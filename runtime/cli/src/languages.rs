//! The languages that operators are written in. Each is one file in `languages/` and one folder in `sdk/`: the SDK, and in `template/` what
//! `weir new` starts a project with. Adding one is these two and a line in [`ALL`]. No command knows what a language's tools are called.

mod c;
mod go;
mod javascript;
mod module;
mod pip;
mod python;
mod rust;
pub(crate) mod sdk;
pub(crate) mod toolchain;
mod zig;

use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context, bail};

use crate::languages::toolchain::Toolchain;
use crate::waiting;

/// Every language.
pub(crate) const ALL: [&dyn Language; 8] = [
    &rust::Rust,
    &python::Python,
    &javascript::JavaScript,
    &javascript::TypeScript,
    &go::Go,
    &c::C,
    &c::Cpp,
    &zig::Zig,
];

/// How projects of a language begin, and become components.
pub(crate) trait Language: Sync {
    /// What `--lang` takes; its templates are in `sdk/NAME/template`.
    fn name(&self) -> &'static str;

    /// The folder in `sdk` with its SDK, which it may share with another language.
    fn sdk(&self) -> &'static str {
        self.name()
    }

    /// Other names that people try.
    fn aliases(&self) -> &'static [&'static str] {
        &[]
    }

    /// Its name for people.
    fn title(&self) -> &'static str;

    /// The file that a folder with an operator in this language has; its SDK has one too.
    fn project_file(&self) -> &'static str;

    /// Whether a project may be called so.
    ///
    /// # Errors
    /// What is wrong with the name.
    fn check_name(&self, name: &str) -> anyhow::Result<()>;

    /// Runs a project's own tests, without WebAssembly; typed in its folder.
    fn test_command(&self) -> &'static str;

    /// The tools that Weir can fetch; `None`: the language's own are all that is needed.
    fn toolchain(&self) -> Option<&'static dyn Toolchain> {
        None
    }

    /// Files that its SDK needs where there is no checkout, beside those in `sdk/NAME` and `wit`.
    fn more_sdk_files(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// What a project is called: its component is NAME.wasm. By default it is the name of its folder.
    ///
    /// # Errors
    /// If that cannot be read, or is no name.
    fn name_of(&self, project: &Path) -> anyhow::Result<String> {
        let folder = project.canonicalize().with_context(|| format!("cannot read {}", project.display()))?;
        let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        self.check_name(&name).map(|()| name)
    }

    /// Makes a component of a project, and returns its bytes.
    ///
    /// # Errors
    /// Tools that are missing, with what to do; mistakes of the author, as the language's own tools tell them.
    fn build(&self, project: &Path) -> anyhow::Result<Vec<u8>>;
}

/// The language of the operator in a folder.
///
/// # Errors
/// If there is none.
pub(crate) fn of_project(folder: &Path) -> anyhow::Result<&'static dyn Language> {
    let found = ALL.into_iter().find(|language| folder.join(language.project_file()).is_file());
    found.with_context(|| {
        let own = ALL.iter().filter(|language| language.sdk() == language.name());
        let files: Vec<&str> = own.map(|language| language.project_file()).collect();
        let folder = folder.display();
        format!("there is no operator in {folder}: no {}; `weir new NAME` makes one to start from", files.join(", no "))
    })
}

/// For the names of `--lang`: the command's own list, so that `--help` shows them.
pub(crate) fn parser() -> impl clap::builder::TypedValueParser<Value = &'static dyn Language> {
    use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser as _};
    let value =
        |language: &&dyn Language| PossibleValue::new(language.name()).aliases(language.aliases().iter().copied());
    PossibleValuesParser::new(ALL.iter().map(value)).try_map(|given| {
        let of_name =
            |language: &&dyn Language| language.name() == given || language.aliases().contains(&given.as_str());
        ALL.into_iter().find(of_name).context("there is no such language")
    })
}

/// Runs a tool that is silent while it works: what it says is shown if it fails.
///
/// # Errors
/// If it cannot be started, or fails.
fn run(what: &str, command: &mut Command) -> anyhow::Result<Output> {
    let shown = waiting::working(what);
    let output = command.output().with_context(|| format!("cannot run {}", command.get_program().display()))?;
    drop(shown);
    if !output.status.success() {
        let said = [&output.stdout[..], &output.stderr[..]].concat();
        let said = String::from_utf8_lossy(&said);
        bail!("{what} failed\n\n{}\n", said.trim());
    }
    Ok(output)
}

/// A project of an SDK that has a program of its own for building: runs it, and takes the component that it writes.
/// It runs in an empty folder: interpreters look for modules where they are started.
fn built_by(project: &Path, command: impl FnOnce(&Path, &Path) -> Command) -> anyhow::Result<Vec<u8>> {
    let shown = project.display().to_string();
    let project = project.canonicalize().with_context(|| format!("cannot read {shown}"))?;
    let folder = tempfile::tempdir().context("cannot make a folder for temporary files")?;
    let empty = folder.path().join("empty");
    std::fs::create_dir(&empty).context("cannot make a folder for temporary files")?;
    let written = folder.path().join("operator.wasm");
    run(&format!("building {shown}"), command(&project, &written).current_dir(empty))?;
    std::fs::read(&written).with_context(|| format!("building {shown} made no component"))
}

/// A name of letters, digits, - and _ that begins with a letter, and is none of those that would stand in the way of something else.
fn plain_name(name: &str, taken: &[&str]) -> anyhow::Result<()> {
    let fits = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if !fits {
        bail!(
            "{name:?} cannot be a project's name: it must begin with a letter, and consist of letters, digits, - and _"
        );
    }
    if taken.contains(&name) {
        bail!("{name:?} is the name of something that every operator uses; choose another");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_taken_everywhere() {
        for language in ALL {
            assert!(["a", "my-operator", "per_hour2"].into_iter().all(|name| language.check_name(name).is_ok()));
            assert!(["", "2x", "a.b", "é", "a b"].into_iter().all(|name| language.check_name(name).is_err()));
            assert!(language.check_name(sdk::PACKAGE).is_err());
        }
    }
}
