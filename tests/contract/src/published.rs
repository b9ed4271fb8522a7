//! The text of a published version stays as it is, to the byte: components that speak it are out in the world, and bindings and
//! documentation are generated from it, comments included.

use std::collections::BTreeMap;
use std::path::Path;

/// The WIT files of a folder, by name.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let wit = entries.filter(|path| path.extension().is_some_and(|extension| extension == "wit"));
    wit.map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read_to_string(&path).unwrap()))
        .collect()
}

/// Where two texts differ first: the line, counted from 1.
fn first_difference(left: &str, right: &str) -> usize {
    let same = left.split_inclusive('\n').zip(right.split_inclusive('\n')).take_while(|(left, right)| left == right);
    same.count() + 1
}

#[test]
fn published_text_does_not_change() {
    check("weir:operator@0.1.0", "published/0.1.0", &crate::wit(), "types.wit");
    check("weir:updating@0.1.0", "published/updating-0.1.0", &crate::wit().join("updating"), "retract.wit");
}

fn check(package: &str, kept: &str, current: &Path, one: &str) {
    let (published, current) = (files(&Path::new(env!("CARGO_MANIFEST_DIR")).join(kept)), files(current));
    assert!(published.contains_key(one), "{kept} is not complete");
    let none = String::new();
    let mut changed = Vec::new();
    for name in published.keys().chain(current.keys().filter(|name| !published.contains_key(*name))) {
        let (before, now) = (published.get(name).unwrap_or(&none), current.get(name).unwrap_or(&none));
        if before != now {
            changed.push(format!("{name}, line {}", first_difference(before, now)));
        }
    }
    assert!(
        changed.is_empty(),
        "{package} is published and its text does not change, not even a comment, but it differs here: {}.\n\
         Take the change back (the published text is in tests/contract/{kept}). A new contract is a new version of the \
         package in a folder beside this one: docs/decisions/0032-the-contract-is-frozen.md says how.",
        changed.join("; ")
    );
}
