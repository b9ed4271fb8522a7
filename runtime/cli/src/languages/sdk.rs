//! The SDKs that this command carries, laid out where a project can be built with them. They are as old as the command, and never changed
//! there.

use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::folders;
use crate::languages::Language;

/// Paths in the project, and contents: of every SDK, of its templates, of the contract, and of its test cases.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/sdk_files.rs"));
/// What every SDK is called by its language's package manager.
pub(crate) const PACKAGE: &str = "weir-sdk";

/// A file that the command carries, by its path in the project; empty if there is none.
pub(crate) fn file(path: &str) -> &'static str {
    FILES.iter().find(|(name, _)| *name == path).map_or("", |(_, content)| content)
}

/// The files below a folder of the project, `wit` or `tests/conformance`: their paths in it, and contents.
pub(crate) fn below(folder: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    FILES.iter().filter_map(move |(path, content)| Some((path.strip_prefix(folder)?.strip_prefix('/')?, *content)))
}

/// The files of a template, by their paths in the new project: those of all languages (its test cases), those of all templates of the
/// language, and its own.
pub(crate) fn template(language: &dyn Language, template: &str) -> Vec<(&'static str, &'static str)> {
    let (of_all, of_language) = (format!("sdk/template/{template}/"), format!("sdk/{}/template/", language.name()));
    let own = format!("{of_language}{template}/");
    let in_template = |(path, content): &(&'static str, &'static str)| {
        let shared = || path.strip_prefix(&of_language).filter(|path| !path.contains('/'));
        let path = path.strip_prefix(&of_all).or_else(|| path.strip_prefix(&own)).or_else(shared)?;
        Some((path, *content))
    };
    FILES.iter().filter_map(in_template).collect()
}

/// The SDK of a language: that of the checkout that this command was built in; else the command's own. Never one that merely lies above a
/// project: it is run.
///
/// # Errors
/// If it cannot be laid out.
pub(crate) fn of(language: &dyn Language) -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe().and_then(|path| path.canonicalize()).unwrap_or_default();
    let above = program.ancestors().map(|above| above.join("sdk").join(language.sdk()));
    above.into_iter().find(|path| is_sdk(language, path)).map_or_else(|| laid_out(language), Ok)
}

/// Whether a folder holds the SDK of a language.
pub(crate) fn is_sdk(language: &dyn Language, folder: &Path) -> bool {
    let manifest = std::fs::read_to_string(folder.join(language.project_file()));
    manifest.is_ok_and(|manifest| manifest.contains(&format!("\"{PACKAGE}\"")))
}

/// Lays the SDK out in a folder of this user's, unless it is there already; returns the SDK's own folder.
fn laid_out(language: &dyn Language) -> anyhow::Result<PathBuf> {
    let (language_name, more) = (language.sdk(), language.more_sdk_files());
    let own = format!("sdk/{language_name}/");
    let template = format!("{own}template/");
    let is_needed = |path: &str| path.starts_with("wit/") || (path.starts_with(&own) && !path.starts_with(&template));
    let files = FILES.iter().copied().filter(|(path, _)| is_needed(path));
    let files: Vec<(&str, &str)> = files.chain(more.iter().map(|(path, text)| (*path, text.as_str()))).collect();
    let mut hasher = blake3::Hasher::new();
    for text in files.iter().flat_map(|(path, content)| [*path, *content]) {
        hasher.update(&text.len().to_le_bytes()).update(text.as_bytes());
    }
    let digest = hasher.finalize().to_hex();
    let name = format!("{language_name}-{}-{}", env!("CARGO_PKG_VERSION"), &digest[..12]);
    let folder = folders::data_dir().context("this user has no home folder for the SDK: use --sdk PATH")?.join("sdk");
    let sdk = folder.join(&name);
    if !sdk.is_dir() {
        lay_out(&folder, &name, &files).with_context(|| format!("cannot lay the SDK out in {}", sdk.display()))?;
    }
    Ok(sdk.join(own))
}

/// Written beside its place and moved there, so that no build sees a part of it.
fn lay_out(folder: &Path, name: &str, files: &[(&str, &str)]) -> std::io::Result<()> {
    // It is in the data folder of `weir serve`, which refuses one that others can read.
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    let beside = folder.join(format!(".{name}.{}", std::process::id()));
    for (path, content) in files {
        let path = beside.join(path);
        std::fs::create_dir_all(path.parent().unwrap_or(&beside))?;
        std::fs::write(path, content)?;
    }
    let moved = std::fs::rename(&beside, folder.join(name));
    if moved.is_err() {
        std::fs::remove_dir_all(&beside)?;
        // Another process may have been faster.
        if folder.join(name).is_dir() {
            return Ok(());
        }
    }
    moved
}
