//! `weir new`: an operator's crate that builds and passes its test, to be changed into another one.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::{sdk, terminal};

/// Options of `weir new`.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  weir new classify                        rows in, rows out
  weir new sessions --template keyed       state and timers per key
  weir new median --template aggregate     an aggregate for windows")]
pub(crate) struct Args {
    /// The folder to make; its last part is the crate's name
    folder: PathBuf,
    /// What kind of operator
    #[arg(long, value_enum, default_value_t = Template::Transform)]
    template: Template,
    /// The folder of weir-sdk [default: that of the checkout of Weir that holds the new folder or this command; without one, this
    /// command's own copy, which it puts into $XDG_DATA_HOME/weir/sdk or ~/.local/share/weir/sdk]
    #[arg(long, value_name = "PATH")]
    sdk: Option<PathBuf>,
}

/// The worlds of `weir:operator`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Template {
    /// Stateless: map, filter, flat-map, split
    Transform,
    /// State and timers per key
    Keyed,
    /// An aggregate function for windows
    Aggregate,
}

impl Template {
    /// Paths and contents; `{{name}}` and `{{sdk}}` stand for what `new` fills in.
    fn files(self) -> [(&'static str, &'static str); 3] {
        let operator = match self {
            Self::Transform => include_str!("../../../../sdk/rust/template/transform/src/lib.rs"),
            Self::Keyed => include_str!("../../../../sdk/rust/template/keyed/src/lib.rs"),
            Self::Aggregate => include_str!("../../../../sdk/rust/template/aggregate/src/lib.rs"),
        };
        [
            ("Cargo.toml", include_str!("../../../../sdk/rust/template/Cargo.toml.tmpl")),
            ("src/lib.rs", operator),
            (".gitignore", "target/\n*.wasm\n"),
        ]
    }
}

/// Makes the folder; nothing that exists is touched.
pub(crate) fn execute(args: &Args) -> anyhow::Result<()> {
    let shown = args.folder.display();
    let name = args.folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    check_name(&name)?;
    if args.folder.exists() {
        bail!("{shown} exists already; nothing was changed");
    }
    std::fs::create_dir_all(&args.folder).with_context(|| format!("cannot make {shown}"))?;
    let folder = args.folder.canonicalize().with_context(|| format!("cannot read {shown}"))?;
    let sdk = sdk_dependency(args.sdk.as_deref(), &folder)?;
    for (path, content) in args.template.files() {
        let path = folder.join(path);
        let context = || format!("cannot write {}", path.display());
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).with_context(context)?;
        }
        std::fs::write(&path, content.replace("{{name}}", &name).replace("{{sdk}}", &sdk)).with_context(context)?;
    }
    terminal::print(&format!(
        "made {shown}; next:\n  cd {shown} && cargo test    its test, without WebAssembly\n  weir build {shown}{}the component\n",
        " ".repeat("cd  && cargo test    ".len() - "weir build ".len())
    ));
    Ok(())
}

/// A name that cargo takes for a crate with a library.
fn check_name(name: &str) -> anyhow::Result<()> {
    let fits = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if !fits {
        bail!(
            "{name:?} cannot be a crate's name: it must begin with a letter, and consist of letters, digits, - and _"
        );
    }
    if ["test", "core", "std", "alloc"].contains(&name) || name == "weir-sdk" {
        bail!("{name:?} is the name of a crate that every operator uses; choose another");
    }
    Ok(())
}

/// What stands behind `weir-sdk =` in the manifest.
fn sdk_dependency(given: Option<&Path>, folder: &Path) -> anyhow::Result<String> {
    let path = match given {
        Some(path) => {
            let path = path.canonicalize().with_context(|| format!("there is no {}", path.display()))?;
            if !is_sdk(&path) {
                bail!("{} is not weir-sdk: it has no Cargo.toml of that name", path.display());
            }
            path
        }
        None => match sdk_in_checkout(folder) {
            Some(path) => path,
            None => sdk::laid_out()?,
        },
    };
    Ok(format!("{{ path = {:?} }}", relative(folder, &path).display().to_string()))
}

/// The SDK of the checkout that the new folder, or this program, is in.
fn sdk_in_checkout(folder: &Path) -> Option<PathBuf> {
    let program = std::env::current_exe().and_then(|path| path.canonicalize()).unwrap_or_default();
    let found = [folder, &program].into_iter().flat_map(Path::ancestors).map(|above| above.join(sdk::IN_PROJECT));
    found.into_iter().find(|path| is_sdk(path))
}

fn is_sdk(path: &Path) -> bool {
    std::fs::read_to_string(path.join("Cargo.toml")).is_ok_and(|manifest| manifest.contains("name = \"weir-sdk\""))
}

/// From a folder to another, both absolute: through the folder that holds both, if one of the user's does; else absolute, so
/// that moving one does not break the other.
fn relative(from: &Path, to: &Path) -> PathBuf {
    let shared = from.components().zip(to.components()).take_while(|(a, b)| a == b).count();
    // The root and one folder below it hold everything of everyone.
    if shared <= 2 {
        return to.to_path_buf();
    }
    let up = from.components().skip(shared).map(|_| std::path::Component::ParentDir);
    up.chain(to.components().skip(shared)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_between_folders() {
        let between = |from: &str, to: &str| relative(Path::new(from), Path::new(to)).display().to_string();
        assert_eq!(between("/srv/weir/operators/mine", "/srv/weir/sdk/rust"), "../../sdk/rust");
        assert_eq!(between("/tmp/mine", "/srv/weir/sdk/rust"), "/srv/weir/sdk/rust");
        assert_eq!(between("/srv/me/mine", "/srv/you/weir/sdk/rust"), "/srv/you/weir/sdk/rust");
    }

    #[test]
    fn names_that_cargo_takes() {
        assert!(["a", "my-operator", "Per_hour2"].into_iter().all(|name| check_name(name).is_ok()));
        assert!(["", "2x", "a.b", "é", "a b", "core", "weir-sdk"].into_iter().all(|name| check_name(name).is_err()));
    }
}
