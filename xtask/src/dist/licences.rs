//! The licences of what the command is made of, each text once, and above it the packages that it is of. Sources in C or another language
//! that a package carries along have their own.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::packages::Package;

/// How far below a package's folder texts are looked for: where `openssl-src` and `rdkafka-sys` have those of what they build.
const DEPTH_MAX: usize = 2;

/// The file of all texts.
///
/// # Errors
/// If a text cannot be read.
pub(crate) fn text(packages: &[Package]) -> anyhow::Result<String> {
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut told = String::from(
        "Weir contains the work of others. First what each package says of its licence, then the texts.\n\n",
    );
    for package in packages.iter().filter(|package| !package.is_ours) {
        let (name, version) = (&package.name, &package.version);
        let licence = if package.licence.is_empty() { "see its text" } else { &package.licence };
        told += &format!("{name} {version}: {licence}");
        if let Some(repository) = &package.repository {
            told += &format!(" ({repository})");
        }
        told.push('\n');
        for file in files(&package.folder, DEPTH_MAX)? {
            let bytes = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
            let inner = file.strip_prefix(&package.folder).unwrap_or(&file).display().to_string();
            let of = texts.entry(String::from_utf8_lossy(&bytes).trim().replace('\r', "")).or_default();
            of.push(format!("{name} {version}: {inner}"));
        }
    }
    let rule = "-".repeat(100);
    for (text, of) in texts {
        told += &format!("\n{rule}\n{}\n{rule}\n\n{text}\n", of.join("\n"));
    }
    Ok(told)
}

/// The files that say what may be done with what is around them, by their names or by that of their folder, such as `LICENSES/MIT.txt`.
fn files(folder: &Path, depth: usize) -> anyhow::Result<Vec<PathBuf>> {
    let all_are = folder.file_name().is_some_and(is_named_so);
    let mut found = Vec::new();
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let entry = entry.with_context(|| format!("cannot read {}", folder.display()))?;
        let kind = entry.file_type()?;
        if kind.is_file() && (all_are || is_named_so(&entry.file_name())) {
            found.push(entry.path());
        } else if kind.is_dir() && depth > 0 {
            found.extend(files(&entry.path(), depth - 1)?);
        }
    }
    found.sort();
    Ok(found)
}

fn is_named_so(name: &OsStr) -> bool {
    let name = name.to_string_lossy().to_ascii_uppercase();
    ["LICENSE", "LICENCE", "COPYING", "NOTICE", "UNLICENSE"].iter().any(|begin| name.starts_with(begin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found_by_their_names_and_in_folders_for_them() {
        let folder = std::env::temp_dir().join(format!("weir-licences-{}", std::process::id()));
        let texts = ["LICENSES/Apache-2.0.txt", "LICENSES/MIT.txt", "bundled/COPYING.md", "licence-mit"];
        for file in texts.iter().chain(&["README.md", "src/main.rs"]) {
            let file = folder.join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, "text").unwrap();
        }
        let found = files(&folder, DEPTH_MAX);
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(found.unwrap(), texts.map(|file| folder.join(file)));
    }
}
