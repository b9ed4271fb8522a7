//! The contract binds in five languages: the language's generator runs over every world, what it makes has all functions and types
//! under names that it did not have to change, and the language's compiler or parser takes it.

mod c;
mod go;
mod python;
mod rust;
mod tools;
mod typescript;

use std::path::{Path, PathBuf};

use wit_bindgen_core::wit_parser::Resolve;
use wit_bindgen_core::{Files, WorldGenerator};

use crate::names::World;

/// Comments of C and of languages that look like it.
const SLASHES: [(&str, &str); 2] = [("/*", "*/"), ("//", "\n")];

/// Runs one of wit-bindgen's generators over a world; returns the files that it made.
fn generate(generator: &mut dyn WorldGenerator, world: &World, into: &Path) -> Vec<PathBuf> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(&world.wit).unwrap();
    let world = resolve.select_world(&[package], Some(&world.name)).unwrap();
    let mut files = Files::default();
    generator.generate(&mut resolve, world, &mut files).unwrap();
    let write = |(name, contents): (&str, &[u8])| {
        let path = into.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, contents).unwrap();
        path
    };
    files.iter().map(write).collect()
}

/// The text of the files with an extension, one after the other.
fn source(files: &[PathBuf], extension: &str) -> String {
    let wanted = files.iter().filter(|file| file.to_string_lossy().ends_with(extension));
    let texts: Vec<_> = wanted.map(|file| std::fs::read_to_string(file).unwrap()).collect();
    assert!(!texts.is_empty(), "no *{extension} among {files:?}");
    texts.concat()
}

/// Every file below a folder.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}
