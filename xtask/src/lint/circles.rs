//! Circles between modules: of two modules beside each other, at most one may know the other, directly or through others. What
//! a module and a module inside it know of each other is theirs. Tests may know anything.

mod imports;

use std::collections::btree_map::{BTreeMap, Entry};
use std::collections::{BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

use anyhow::Context;
use toml::{Table, Value};

use super::Finding;
use imports::{Import, Module, imports};

/// Checks every crate of the workspace.
///
/// # Errors
/// If a file cannot be read or is no Rust.
pub(super) fn check(root: &Path) -> anyhow::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for krate in crates(root)? {
        findings.extend(circles(&imports(root, &root.join(&krate).join("src"))?));
    }
    Ok(findings)
}

/// The folders of the workspace's crates.
fn crates(root: &Path) -> anyhow::Result<Vec<String>> {
    let text = std::fs::read_to_string(root.join("Cargo.toml")).context("cannot read Cargo.toml")?;
    let manifest: Table = toml::from_str(&text).context("Cargo.toml is no TOML")?;
    let members = manifest.get("workspace").and_then(|workspace| workspace.get("members")).and_then(Value::as_array);
    Ok(members.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect())
}

/// From a module to those beside it that it knows, each with one import that shows it.
type Neighbours<'a> = BTreeMap<Module, BTreeMap<Module, Vec<&'a Import>>>;

/// The circles of a crate, at most one for each module that is in one.
fn circles(imports: &[Import]) -> Vec<Finding> {
    let mut neighbours = Neighbours::new();
    for import in imports {
        if let Some((from, to)) = beside_each_other(&import.from, &import.to) {
            neighbours.entry(from).or_default().entry(to).or_default().push(import);
        }
    }
    let mut told = BTreeSet::new();
    let mut findings = Vec::new();
    for start in neighbours.keys() {
        if told.contains(start) {
            continue;
        }
        if let Some(circle) = shortest_circle(&neighbours, start) {
            findings.extend(tell(&neighbours, &circle));
            told.extend(circle);
        }
    }
    findings
}

/// The modules that hold these two and have the same parent; `None`: one of the two is in the other.
fn beside_each_other(from: &[String], to: &[String]) -> Option<(Module, Module)> {
    let common = from.iter().zip(to).take_while(|(from, to)| from == to).count();
    Some((from.get(..=common)?.to_vec(), to.get(..=common)?.to_vec()))
}

/// The shortest way from a module back to itself.
fn shortest_circle(neighbours: &Neighbours<'_>, start: &Module) -> Option<Vec<Module>> {
    let mut reached_from: BTreeMap<&Module, &Module> = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(module) = queue.pop_front() {
        for next in neighbours.get(module).into_iter().flat_map(BTreeMap::keys) {
            if next == start {
                let mut circle = vec![module.clone()];
                while let Some(before) = circle.last().and_then(|last| reached_from.get(last)) {
                    circle.push((*before).clone());
                }
                circle.reverse();
                return Some(circle);
            }
            if let Entry::Vacant(unseen) = reached_from.entry(next) {
                unseen.insert(module);
                queue.push_back(next);
            }
        }
    }
    None
}

/// Names every arrow of a circle, at its first import.
fn tell(neighbours: &Neighbours<'_>, circle: &[Module]) -> Option<Finding> {
    let mut arrows = Vec::new();
    for (from, to) in circle.iter().zip(circle.iter().cycle().skip(1)) {
        let imports = neighbours.get(from)?.get(to)?;
        // All names between the first two files; other files of the two modules are in the same case.
        let first = imports.first()?;
        let names: BTreeSet<&str> = imports
            .iter()
            .filter(|i| (&i.file, &i.target) == (&first.file, &first.target))
            .map(|i| i.name.as_str())
            .collect();
        let names = names.into_iter().collect::<Vec<_>>().join(", ");
        arrows.push((first, format!("{}:{} -> {} ({names})", shown(&first.file), first.line, shown(&first.target))));
    }
    let (first, _) = arrows.first()?;
    let arrows = arrows.iter().map(|(_, arrow)| arrow.as_str()).collect::<Vec<_>>().join(", ");
    Some(Finding::error(
        &first.file,
        first.line,
        format!("a circle between modules: {arrows}; move what both need below them"),
    ))
}

fn shown(path: &Path) -> String {
    // Of a crate's file, what follows `src`.
    let parts: PathBuf = path.components().skip_while(|part| part.as_os_str() != "src").skip(1).collect();
    parts.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::root;

    #[test]
    fn this_project_has_no_circles() {
        let found = check(root()).unwrap();
        assert!(found.is_empty(), "{}", found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
    }

    fn import(from: &str, to: &str) -> Import {
        let module = |path: &str| path.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect();
        let file = |path: &str| PathBuf::from(format!("x/src/{}.rs", path.replace("::", "/")));
        Import { from: module(from), to: module(to), file: file(from), target: file(to), line: 3, name: "T".to_owned() }
    }

    #[test]
    fn circles_are_between_neighbours() {
        for (edges, expected) in [
            (vec![("a", "b"), ("b", "c"), ("a", "c")], vec![]),
            // A parent and its child, and the crate itself.
            (vec![("a", "a::x"), ("a::x", "a"), ("", "a"), ("a", "")], vec![]),
            (vec![("a", "b"), ("b", "a")], vec!["a.rs:3 -> b.rs (T), b.rs:3 -> a.rs (T)"]),
            (
                vec![("a", "b"), ("b", "c"), ("c", "a")],
                vec!["a.rs:3 -> b.rs (T), b.rs:3 -> c.rs (T), c.rs:3 -> a.rs (T)"],
            ),
            // Through what is inside of a module.
            (vec![("a", "b::x"), ("b::y", "a::z")], vec!["a.rs:3 -> b/x.rs (T), b/y.rs:3 -> a/z.rs (T)"]),
            (vec![("a::x", "a::y"), ("a::y", "a::x")], vec!["a/x.rs:3 -> a/y.rs (T), a/y.rs:3 -> a/x.rs (T)"]),
        ] {
            let imports: Vec<_> = edges.iter().map(|(from, to)| import(from, to)).collect();
            let found: Vec<_> = circles(&imports).into_iter().map(|finding| finding.what).collect();
            let expected: Vec<_> = expected
                .iter()
                .map(|arrows| format!("a circle between modules: {arrows}; move what both need below them"))
                .collect();
            assert_eq!(found, expected, "{edges:?}");
        }
    }
}
