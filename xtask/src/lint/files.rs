//! Finds the project's own files.

use std::path::{Path, PathBuf};

use anyhow::Context;

/// What SDKs and their examples are written in, beside Rust.
pub(super) const SDK_SOURCES: &[&str] = &["c", "cpp", "go", "h", "hpp", "js", "mjs", "py", "ts", "zig"];

/// Every file below a folder with one of these extensions, sorted; not what is built, hidden or somebody's output.
///
/// # Errors
/// If a folder cannot be read.
pub(super) fn files(folder: &Path, extensions: &[&str]) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
        for entry in entries {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_symlink() || (name.starts_with('.') && name != ".ci") {
                continue;
            }
            if path.is_dir() {
                if !["target", "out", "node_modules", ".zig-cache", "__pycache__"].contains(&name.as_str()) {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|e| extensions.iter().any(|wanted| e == *wanted)) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
