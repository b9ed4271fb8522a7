//! Who may depend on whom. Every `Cargo.toml` is held against the tables below; what is not in them is not allowed.

use std::path::Path;

use anyhow::Context;
use toml::{Table, Value};

use super::Finding;
use super::files::files;

/// A crate of the workspace and the crates of the workspace that it may see, in its tests too. Siblings on a level never see
/// each other; the engine never sees a connector, because the command hands it a registry.
const MAY_SEE: [(&str, &[&str]); 17] = [
    ("weir-core", &[]),
    ("weir-host", &["weir-core"]),
    ("weir-state", &["weir-core"]),
    ("weir-connectors", &["weir-core"]),
    ("weir-expressions", &["weir-core"]),
    ("weir-engine", &["weir-core", "weir-host", "weir-state", "weir-expressions"]),
    ("weir-server", &["weir-core", "weir-host", "weir-state", "weir-engine"]),
    ("weir-embed", &["weir-core", "weir-host", "weir-state", "weir-connectors", "weir-engine"]),
    ("weir-native", &["weir-embed"]),
    (
        "weir-cli",
        &["weir-core", "weir-host", "weir-state", "weir-connectors", "weir-engine", "weir-embed", "weir-server"],
    ),
    ("weir-sdk", &["weir-sdk-derive"]),
    ("weir-sdk-derive", &[]),
    ("weir-tests", &["weir-core", "weir-host", "weir-state", "weir-connectors", "weir-engine", "weir-cli", "weir-sdk"]),
    ("weir-contract-tests", &[]),
    (
        "weir-bench",
        &["weir-core", "weir-host", "weir-state", "weir-connectors", "weir-expressions", "weir-engine", "weir-tests"],
    ),
    (
        "weir-fuzz",
        &["weir-core", "weir-host", "weir-state", "weir-connectors", "weir-engine", "weir-embed", "weir-server"],
    ),
    ("xtask", &[]),
];

/// A heavy library and the crates that own it: it can be replaced by changing those.
const OWNERS: [(&str, &[&str]); 18] = [
    ("wasmtime", &["weir-host"]),
    ("axum", &["weir-server"]),
    // The tests put what they need into a catalog.
    ("rusqlite", &["weir-server", "weir-tests"]),
    ("ratatui", &["weir-cli"]),
    // Generators of bindings take the options of their command.
    ("clap", &["weir-cli", "weir-tests"]),
    ("clap_complete", &["weir-cli"]),
    ("clap_mangen", &["weir-cli"]),
    ("ctrlc", &["weir-cli"]),
    ("indicatif", &["weir-cli"]),
    // The console sink draws tables, and so do the command's own answers.
    ("comfy-table", &["weir-connectors", "weir-cli"]),
    ("crossbeam-channel", &["weir-engine"]),
    ("sqlparser", &["weir-expressions"]),
    ("wit-bindgen", &["weir-sdk"]),
    ("addr2line", &["weir-cli"]),
    ("wasmparser", &["weir-cli"]),
    // The command makes components; the host's tests and the fuzz targets do.
    ("wit-component", &["weir-cli", "weir-host", "weir-fuzz"]),
    ("libfuzzer-sys", &["weir-fuzz"]),
    ("jni", &["weir-native"]),
];

/// Folders whose crates are guests: of this project they see the SDK only.
const GUESTS: [&str; 4] = ["operators", "examples", "sdk/rust/samples", "tests/guests"];

/// Checks every manifest of the project.
///
/// # Errors
/// If a manifest cannot be read.
pub(super) fn check(root: &Path) -> anyhow::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for path in files(root, &["toml"])?.iter().filter(|p| p.file_name().is_some_and(|name| name == "Cargo.toml")) {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        findings.extend(check_manifest(path.strip_prefix(root).unwrap_or(path), &text)?);
    }
    Ok(findings)
}

fn check_manifest(path: &Path, text: &str) -> anyhow::Result<Vec<Finding>> {
    let manifest: Table = toml::from_str(text).with_context(|| format!("{} is no TOML", path.display()))?;
    let Some(name) = manifest.get("package").and_then(|p| p.get("name")).and_then(Value::as_str) else {
        return Ok(Vec::new());
    };
    let is_guest = GUESTS.iter().any(|folder| path.starts_with(folder));
    let may_see: &[&str] = match MAY_SEE.iter().find(|(krate, _)| *krate == name) {
        Some((_, may_see)) => may_see,
        None if is_guest => &["weir-sdk"],
        None => {
            let what =
                format!("the crate {name} is not in the table MAY_SEE of xtask/src/lint/arrows.rs: give it its place");
            return Ok(vec![Finding::error(path, line_of(text, name), what)]);
        }
    };
    let mut findings = Vec::new();
    for (key, dependency) in dependencies(&manifest) {
        let line = line_of(text, &key);
        let is_ours = dependency == "xtask" || dependency.starts_with("weir-");
        if is_ours && !may_see.contains(&dependency.as_str()) {
            let allowed = if may_see.is_empty() { "no crate of the project".to_owned() } else { may_see.join(", ") };
            findings.push(Finding::error(
                path,
                line,
                format!("{name} must not see {dependency}; it may see {allowed}"),
            ));
        }
        if let Some((_, owners)) = OWNERS.iter().find(|(library, _)| *library == dependency)
            && !owners.contains(&name)
        {
            let owners = owners.join(", ");
            findings.push(Finding::error(path, line, format!("{dependency} belongs to {owners}: {name} must ask it")));
        }
    }
    Ok(findings)
}

/// Every dependency: its key in the manifest and the package that it means.
fn dependencies(manifest: &Table) -> Vec<(String, String)> {
    const KINDS: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];
    let targets = manifest.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values);
    let places = targets.filter_map(Value::as_table).chain([manifest]);
    places
        .flat_map(|place| KINDS.iter().filter_map(|kind| place.get(*kind)).filter_map(Value::as_table))
        .flat_map(|table| {
            table.iter().map(|(key, value)| {
                let package = value.get("package").and_then(Value::as_str).unwrap_or(key);
                (key.clone(), package.to_owned())
            })
        })
        .collect()
}

/// The line where a dependency or a name is written.
fn line_of(text: &str, word: &str) -> usize {
    let says = |line: &str| {
        let line = line.trim_start();
        line.strip_prefix(word).is_some_and(|rest| rest.starts_with(['.', ' ', '=']))
            || line.starts_with("name") && line.contains(&format!("\"{word}\""))
    };
    text.lines().position(says).map_or(1, |index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrows() {
        for (path, text, expected) in [
            (
                "runtime/engine/Cargo.toml",
                "[package]\nname = \"weir-engine\"\n[dependencies]\nweir-core.workspace = true\n",
                "",
            ),
            (
                "runtime/engine/Cargo.toml",
                "[package]\nname = \"weir-engine\"\n[dev-dependencies]\nweir-connectors.workspace = true\n",
                "error: runtime/engine/Cargo.toml:4: weir-engine must not see weir-connectors; \
                 it may see weir-core, weir-host, weir-state, weir-expressions",
            ),
            (
                "runtime/state/Cargo.toml",
                "[package]\nname = \"weir-state\"\n[target.'cfg(unix)'.dependencies]\nw = { package = \"wasmtime\", version = \"48\" }\n",
                "error: runtime/state/Cargo.toml:4: wasmtime belongs to weir-host: weir-state must ask it",
            ),
            (
                "runtime/new/Cargo.toml",
                "[package]\nname = \"weir-new\"\n",
                "error: runtime/new/Cargo.toml:2: the crate weir-new is not in the table MAY_SEE of xtask/src/lint/arrows.rs: \
                 give it its place",
            ),
            (
                "examples/x/Cargo.toml",
                "[package]\nname = \"x\"\n[dependencies]\nweir-sdk.path = \"../../sdk/rust\"\nweir-core.path = \"../\"\n",
                "error: examples/x/Cargo.toml:5: x must not see weir-core; it may see weir-sdk",
            ),
            ("Cargo.toml", "[workspace]\nmembers = []\n", ""),
        ] {
            let findings = check_manifest(Path::new(path), text).unwrap();
            let said: Vec<String> = findings.iter().map(ToString::to_string).collect();
            assert_eq!(said.join("\n"), expected);
        }
    }
}
