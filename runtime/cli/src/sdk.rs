//! The Rust SDK that this command carries, laid out where cargo can build it. It is as old as the command, and never changed there.

use std::path::{Path, PathBuf};

use anyhow::Context;

/// Paths in the project, and contents.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/sdk_files.rs"));
/// The project's manifest, of which the SDK's inherit.
const PROJECT: &str = include_str!("../../../Cargo.toml");
/// Where the SDK is in the project.
pub(crate) const IN_PROJECT: &str = "sdk/rust";
/// Dependencies that the SDK's manifests inherit; those for its own tests are named there, and never built.
const INHERITED: [&str; 5] = ["arrow", "proptest", "serde", "serde_json", "wit-bindgen"];

/// Lays the SDK out in a folder of this user's, unless it is there already; returns the SDK's own folder.
///
/// # Errors
/// If it cannot be written, or the user has no home.
pub(crate) fn laid_out() -> anyhow::Result<PathBuf> {
    let manifest = workspace_manifest();
    let mut hasher = blake3::Hasher::new();
    for text in FILES.iter().flat_map(|(path, content)| [*path, *content]).chain([manifest.as_str()]) {
        hasher.update(&text.len().to_le_bytes()).update(text.as_bytes());
    }
    let digest = hasher.finalize().to_hex();
    let name = format!("rust-{}-{}", env!("CARGO_PKG_VERSION"), &digest[..12]);
    let folder = data_dir().context("this user has no home folder for the SDK: use --sdk PATH")?.join("sdk");
    let sdk = folder.join(&name);
    if !sdk.is_dir() {
        lay_out(&folder, &name, &manifest).with_context(|| format!("cannot lay the SDK out in {}", sdk.display()))?;
    }
    Ok(sdk.join(IN_PROJECT))
}

/// Written beside its place and moved there, so that no build sees a part of it.
fn lay_out(folder: &Path, name: &str, manifest: &str) -> std::io::Result<()> {
    // It is in the data folder of `weir serve`, which refuses one that others can read.
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    let beside = folder.join(format!(".{name}.{}", std::process::id()));
    for (path, content) in FILES.iter().copied().chain([("Cargo.toml", manifest)]) {
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

/// A workspace of the SDK's two crates, with what they inherit of the project's.
fn workspace_manifest() -> String {
    let mut manifest = String::from("[workspace]\nresolver = \"3\"\nmembers = [\"sdk/rust\", \"sdk/rust/derive\"]\n");
    let mut section = "";
    for line in PROJECT.lines() {
        if line.starts_with('[') {
            section = line;
        }
        let kept = match section {
            "[workspace.dependencies]" => {
                line == section
                    || INHERITED.iter().any(|name| line.split_once(" = ").is_some_and(|(key, _)| key == *name))
            }
            _ => section == "[workspace.package]" || section.starts_with("[workspace.lints"),
        };
        if kept {
            manifest.push_str(line);
            manifest.push('\n');
        }
    }
    manifest
}

/// `$XDG_DATA_HOME/weir` or `~/.local/share/weir`.
pub(crate) fn data_dir() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("XDG_DATA_HOME").map(|dir| dir.join("weir")).or_else(|| set("HOME").map(|dir| dir.join(".local/share/weir")))
}
