//! The bill of materials of the command, in CycloneDX 1.5: each package with version, licence and address, and what it needs.

use anyhow::Context;
use serde_json::{Value, json};

use super::packages::Package;

/// The document, as JSON.
///
/// # Errors
/// If the command itself is not among the packages.
pub(crate) fn document(packages: &[Package]) -> anyhow::Result<String> {
    let weir = packages.iter().find(|p| p.name == "weir-cli").context("weir-cli is not among its packages")?;
    let others = packages.iter().filter(|package| package.id != weir.id).map(|p| component(p, "library"));
    let reference = |id: &String| packages.iter().find(|p| p.id == *id).map(address);
    let document = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "component": component(weir, "application") },
        "components": others.collect::<Vec<_>>(),
        "dependencies": packages
            .iter()
            .map(|p| json!({ "ref": address(p), "dependsOn": p.needs.iter().filter_map(reference).collect::<Vec<_>>() }))
            .collect::<Vec<_>>(),
    });
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

fn component(package: &Package, kind: &str) -> Value {
    let mut component = json!({
        "type": kind,
        "bom-ref": address(package),
        "name": package.name,
        "version": package.version,
        "purl": address(package),
    });
    if !package.licence.is_empty() {
        // Older packages separate alternatives by a slash.
        component["licenses"] = json!([{ "expression": package.licence.replace('/', " OR ") }]);
    }
    if let Some(repository) = &package.repository {
        component["externalReferences"] = json!([{ "type": "vcs", "url": repository }]);
    }
    component
}

/// A package URL: unique here too.
fn address(package: &Package) -> String {
    format!("pkg:cargo/{}@{}", package.name, package.version.replace('+', "%2B"))
}
