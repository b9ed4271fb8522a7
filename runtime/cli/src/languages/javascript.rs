//! JavaScript and TypeScript: a project with a package.json, bundled and made into a component with an engine in it. What is done with which
//! tool is the SDK's own business (`build.mjs`).

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::folders;
use crate::languages::toolchain::{self, Toolchain};
use crate::languages::{Language, built_by, plain_name, run, sdk};

/// See the module.
pub(super) struct JavaScript;

/// Says which Node, if it is not the `node` that is found first.
const VARIABLE: &str = "WEIR_NODE";
/// The oldest that the tools run on.
const OLDEST: u32 = 20;
/// What npm fetches, and the lock file with the hashes of all of it.
const PINNED: [&str; 2] = ["sdk/javascript/toolchain/package.json", "sdk/javascript/toolchain/package-lock.json"];

impl Language for JavaScript {
    fn name(&self) -> &'static str {
        "javascript"
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["js"]
    }

    fn title(&self) -> &'static str {
        "JavaScript"
    }

    fn project_file(&self) -> &'static str {
        "package.json"
    }

    fn check_name(&self, name: &str) -> anyhow::Result<()> {
        plain_name(name, &["node_modules", "weir", sdk::PACKAGE])
    }

    fn test_command(&self) -> &'static str {
        "npm install && npm test"
    }

    fn toolchain(&self) -> Option<&'static dyn Toolchain> {
        Some(&Self)
    }

    fn name_of(&self, project: &Path) -> anyhow::Result<String> {
        let path = project.join(self.project_file());
        let named = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let named: Result<Named, _> = serde_json::from_slice(&named);
        let name = named.with_context(|| format!("{} is no JSON object with a \"name\"", path.display()))?.name;
        // `@scope/name`
        let name = name.rsplit_once('/').map_or(name.as_str(), |(_, name)| name);
        self.check_name(name).map(|()| name.to_owned())
    }

    fn build(&self, project: &Path) -> anyhow::Result<Vec<u8>> {
        let node = node()?;
        let tools = toolchain::installed(self, self)?;
        let sdk = sdk::of(self)?;
        built_by(project, |project, written| {
            let mut command = Command::new(node);
            command.arg(sdk.join("build.mjs")).arg("--project").arg(project).arg("--out").arg(written);
            command.arg("--toolchain").arg(tools);
            command
        })
    }
}

/// The same SDK and tools, with templates of its own.
pub(super) struct TypeScript;

impl Language for TypeScript {
    fn name(&self) -> &'static str {
        "typescript"
    }

    fn sdk(&self) -> &'static str {
        JavaScript.sdk()
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["ts"]
    }

    fn title(&self) -> &'static str {
        "TypeScript"
    }

    fn project_file(&self) -> &'static str {
        JavaScript.project_file()
    }

    fn check_name(&self, name: &str) -> anyhow::Result<()> {
        JavaScript.check_name(name)
    }

    fn test_command(&self) -> &'static str {
        JavaScript.test_command()
    }

    fn toolchain(&self) -> Option<&'static dyn Toolchain> {
        JavaScript.toolchain()
    }

    fn name_of(&self, project: &Path) -> anyhow::Result<String> {
        JavaScript.name_of(project)
    }

    fn build(&self, project: &Path) -> anyhow::Result<Vec<u8>> {
        JavaScript.build(project)
    }
}

impl Toolchain for JavaScript {
    fn name(&self) -> &'static str {
        Language::name(self)
    }

    fn holds(&self) -> String {
        #[derive(serde::Deserialize)]
        struct Package {
            dependencies: std::collections::BTreeMap<String, String>,
        }
        let package =
            serde_json::from_str(sdk::file(PINNED[0])).unwrap_or(Package { dependencies: Default::default() });
        package.dependencies.iter().map(|(name, version)| format!("{name} {version}")).collect::<Vec<_>>().join(", ")
    }

    fn needs(&self) -> &'static str {
        "node_modules/esbuild"
    }

    fn pinned_by(&self) -> &'static [&'static str] {
        &PINNED
    }

    fn install(&self, into: &Path) -> anyhow::Result<()> {
        let node = node()?;
        for file in PINNED {
            let path = into.join(Path::new(file).file_name().unwrap_or_default());
            std::fs::write(&path, sdk::file(file)).with_context(|| format!("cannot write {}", path.display()))?;
        }
        let mut command = Command::new("npm");
        // npm runs on the Node that is found first.
        if let (Some(folder), Some(path)) = (node.parent(), std::env::var_os("PATH")) {
            let all = std::iter::once(folder.to_path_buf()).chain(std::env::split_paths(&path));
            command.env("PATH", std::env::join_paths(all).context("a folder's name has a : in it")?);
        }
        command.current_dir(into).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
        run("fetching the JavaScript toolchain with npm", &mut command).map(drop)
    }
}

#[derive(serde::Deserialize)]
struct Named {
    name: String,
}

/// A Node that is new enough.
fn node() -> anyhow::Result<PathBuf> {
    let node = folders::variable(VARIABLE).unwrap_or_else(|| "node".into());
    let said = Command::new(&node)
        .arg("--version")
        .output()
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let said = said.unwrap_or_default();
    let major = said.trim().strip_prefix('v').and_then(|version| version.split('.').next()?.parse::<u32>().ok());
    let found = match major {
        Some(major) if major >= OLDEST => return Ok(node),
        Some(_) => format!("{} is {}", node.display(), said.trim()),
        None => format!("there is no {} that runs", node.display()),
    };
    bail!("operators in JavaScript need Node {OLDEST} or newer: {found}; install it, or name another with {VARIABLE}")
}
