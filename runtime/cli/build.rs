//! Lists the files of the Rust SDK and of the contract, which the command carries so that `weir new` needs no checkout.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// What the SDK is built from, relative to the project.
const PARTS: [&str; 5] =
    ["sdk/rust/Cargo.toml", "sdk/rust/src", "sdk/rust/derive/Cargo.toml", "sdk/rust/derive/src", "wit"];

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

/// The files in a folder of the project, or the file.
fn list(root: &Path, part: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if !root.join(part).is_dir() {
        files.push(part.to_path_buf());
        return Ok(());
    }
    for entry in fs::read_dir(root.join(part))? {
        list(root, &part.join(entry?.file_name()), files)?;
    }
    Ok(())
}
