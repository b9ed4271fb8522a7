//! Rust: a crate that cargo builds into a core module, of which `module` makes a component.

mod cargo;

use std::path::Path;

use anyhow::Context;

use crate::languages::module::{self, Extras};
use crate::languages::{Language, plain_name, sdk};
use cargo::OperatorCrate;

/// See the module.
pub(super) struct Rust;

/// The project's manifest, of which the SDK's inherit.
const PROJECT: &str = include_str!("../../../../Cargo.toml");
/// Dependencies that the SDK's manifests inherit; those for its own tests are named there, and never built.
const INHERITED: [&str; 5] = ["arrow", "proptest", "serde", "serde_json", "wit-bindgen"];

impl Language for Rust {
    fn name(&self) -> &'static str {
        "rust"
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["rs"]
    }

    fn title(&self) -> &'static str {
        "Rust"
    }

    fn project_file(&self) -> &'static str {
        "Cargo.toml"
    }

    fn check_name(&self, name: &str) -> anyhow::Result<()> {
        plain_name(name, &["test", "core", "std", "alloc", sdk::PACKAGE])
    }

    fn test_command(&self) -> &'static str {
        "cargo test"
    }

    fn more_sdk_files(&self) -> Vec<(&'static str, String)> {
        vec![("Cargo.toml", workspace_manifest())]
    }

    fn name_of(&self, project: &Path) -> anyhow::Result<String> {
        Ok(OperatorCrate::find(project)?.name)
    }

    fn build(&self, project: &Path) -> anyhow::Result<Vec<u8>> {
        let core = OperatorCrate::find(project)?.build()?;
        let bytes = std::fs::read(&core).with_context(|| format!("cannot read {}", core.display()))?;
        module::component(&bytes, project, &Extras::default())
    }
}

/// A workspace of the SDK's two crates, with what they inherit of the project's.
fn workspace_manifest() -> String {
    let mut manifest = String::from("[workspace]\nresolver = \"3\"\nmembers = [\"sdk/rust\", \"sdk/rust/derive\"]\n");
    let mut section = "";
    for line in PROJECT.lines() {
        if line.starts_with('[') {
            section = line;
        }
        let kept = match section {
            "[workspace.dependencies]" => {
                line == section
                    || INHERITED.iter().any(|name| line.split_once(" = ").is_some_and(|(key, _)| key == *name))
            }
            _ => section == "[workspace.package]" || section.starts_with("[workspace.lints"),
        };
        if kept {
            manifest.push_str(line);
            manifest.push('\n');
        }
    }
    manifest
}
