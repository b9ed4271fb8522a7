//! Lists the files of the SDKs, of the contract and of its test cases, which the command carries so that it needs no checkout.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// What is read, relative to the project.
const PARTS: [&str; 3] = ["sdk", "tests/conformance", "wit"];
/// Folders of an SDK that are not needed to build an operator, or that its tools make.
const LEFT_OUT: [&str; 11] = [
    "tests",
    "samples",
    "examples",
    "target",
    ".zig-cache",
    "zig-out",
    "node_modules",
    ".venv",
    "__pycache__",
    ".pytest_cache",
    ".mypy_cache",
];

fn main() -> io::Result<()> {
    let variable = |name: &str| env::var_os(name).map(PathBuf::from).ok_or_else(|| io::Error::other(name.to_owned()));
    let root = variable("CARGO_MANIFEST_DIR")?.join("../..").canonicalize()?;
    let mut files = Vec::new();
    for part in PARTS {
        println!("cargo::rerun-if-changed={}", root.join(part).display());
        list(&root, Path::new(part), &mut files)?;
    }
    files.sort();
    let mut list = String::from("&[\n");
    for file in files {
        let (name, path) = (file.display().to_string(), root.join(&file).display().to_string());
        writeln!(list, "    ({name:?}, include_str!({path:?})),").map_err(io::Error::other)?;
    }
    list.push(']');
    fs::write(variable("OUT_DIR")?.join("sdk_files.rs"), list)
}

/// The text files in a folder of the project. Of a template's folders all are needed.
fn list(root: &Path, folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    let in_template = folder.components().any(|part| part.as_os_str() == "template");
    for entry in fs::read_dir(root.join(folder))? {
        let name = entry?.file_name();
        let path = folder.join(&name);
        let is_made = name.to_str().is_none_or(|name| LEFT_OUT.contains(&name)) && !(in_template && name == "tests");
        if root.join(&path).is_dir() {
            if !is_made {
                list(root, &path, files)?;
            }
        } else if path.extension().is_none_or(|extension| extension != "wasm" && extension != "pyc") {
            files.push(path);
        }
    }
    Ok(())
}
