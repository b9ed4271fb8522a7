//! The packages that are in the command and in the library of other engines: what cargo compiles for it and links, or builds it with.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::command::{cargo, output, root};

/// A package.
pub(crate) struct Package {
    /// Cargo's name for this version of it, unique.
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) version: String,
    /// As in SPDX; empty if it does not say.
    pub(crate) licence: String,
    pub(crate) repository: Option<String>,
    /// Where its sources are.
    pub(crate) folder: PathBuf,
    /// Whether it is of this project.
    pub(crate) is_ours: bool,
    /// The ids of the packages that it needs.
    pub(crate) needs: BTreeSet<String>,
}

/// All of them, by name and version.
///
/// # Errors
/// If cargo does not say.
pub(crate) fn of_weir() -> anyhow::Result<Vec<Package>> {
    let asked = ["metadata", "--format-version", "1", "--locked", "--filter-platform"];
    let metadata = output(cargo().args(asked).arg(target()?).current_dir(root()))?;
    let metadata: Value = serde_json::from_str(&metadata).context("`cargo metadata` printed no JSON")?;
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let nodes = list(&metadata["resolve"]["nodes"]);
    let needs: BTreeMap<String, BTreeSet<String>> = nodes
        .iter()
        .map(|node| {
            let needed =
                list(&node["deps"]).into_iter().filter(|d| list(&d["dep_kinds"]).iter().any(|k| k["kind"] != "dev"));
            (text(&node["id"]), needed.map(|d| text(&d["pkg"])).collect())
        })
        .collect();
    let all = list(&metadata["packages"]);
    let shipped = all.iter().filter(|p| ["weir-cli", "weir-native"].iter().any(|shipped| p["name"] == *shipped));
    let (mut found, mut ahead) = (BTreeSet::new(), shipped.map(|p| text(&p["id"])).collect::<Vec<_>>());
    ensure!(ahead.len() == 2, "the workspace has not both weir-cli and weir-native");
    while let Some(id) = ahead.pop() {
        ahead.extend(needs.get(&id).into_iter().flatten().filter(|id| !found.contains(*id)).cloned());
        found.insert(id);
    }
    let mut packages: Vec<Package> = all
        .iter()
        .filter(|p| found.contains(p["id"].as_str().unwrap_or_default()))
        .map(|p| Package {
            id: text(&p["id"]),
            name: text(&p["name"]),
            version: text(&p["version"]),
            licence: text(&p["license"]),
            repository: p["repository"].as_str().map(str::to_owned),
            folder: PathBuf::from(text(&p["manifest_path"])).parent().map(PathBuf::from).unwrap_or_default(),
            is_ours: p["source"].is_null(),
            needs: needs.get(p["id"].as_str().unwrap_or_default()).cloned().unwrap_or_default(),
        })
        .collect();
    packages.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
    Ok(packages)
}

/// What this machine's compiler makes programs for.
///
/// # Errors
/// If the compiler does not say.
pub(crate) fn target() -> anyhow::Result<String> {
    let said = output(Command::new("rustc").arg("-vV").current_dir(root()))?;
    let target = said.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(target.context("`rustc -vV` does not name the host")?.to_owned())
}
