//! What has changed among some files since it was looked last. Looks only when it is asked.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Folders that tools make, and no author writes.
const MADE: [&str; 7] = ["target", "node_modules", "vendor", "build", "dist", "zig-out", "__pycache__"];
/// Files of a project that are looked at, at most: the rest is no source of an operator.
const FILES_MAX: usize = 10_000;

/// When a file was written, and how long it is; `None`: it is not there.
pub(crate) type Stamp = Option<(SystemTime, u64)>;

/// Files by path.
pub(crate) type Sources = BTreeMap<PathBuf, Stamp>;

/// One file.
pub(crate) fn stamp(path: &Path) -> Stamp {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

/// The sources below a folder: all files but components, hidden ones and what tools make.
pub(crate) fn sources(folder: &Path) -> Sources {
    let (mut found, mut folders) = (Sources::new(), vec![folder.to_path_buf()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            let is_source = !name.starts_with('.') && path.extension().is_none_or(|extension| extension != "wasm");
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && !name.starts_with('.') && !MADE.contains(&&*name) => folders.push(path),
                Ok(kind) if kind.is_file() && is_source && found.len() < FILES_MAX => {
                    found.insert(path.clone(), stamp(&path));
                }
                _ => {}
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sources_count() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("src/lib.rs", "1");
        let before = sources(folder.path());
        for made in ["target/x.rs", "op.wasm", ".git/HEAD", "src/.lib.rs.swp"] {
            write(made, "x");
        }
        assert_eq!(sources(folder.path()), before);
        write("src/lib.rs", "22");
        assert_ne!(sources(folder.path()), before);
    }
}
