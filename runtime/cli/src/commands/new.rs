//! `weir new`: an operator's project that builds and passes its test, to be changed into another one.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::languages::{self, Language, sdk};
use crate::terminal;

/// Options of `weir new`.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  weir new classify                        rows in, rows out, in Rust
  weir new classify --lang python          the same in Python
  weir new sessions --template keyed       state and timers per key
  weir new median --template aggregate     an aggregate for windows")]
pub(crate) struct Args {
    /// The folder to make; its last part is the project's name
    folder: PathBuf,
    /// What kind of operator
    #[arg(long, value_enum, default_value_t = Template::Transform)]
    template: Template,
    /// The language that it is written in
    #[arg(long, value_name = "LANGUAGE", default_value = "rust", value_parser = languages::parser())]
    lang: &'static dyn Language,
    /// The folder of the language's SDK [default: that of the checkout of Weir that this command was built in; without one, this command's own
    /// copy, which it puts into $XDG_DATA_HOME/weir/sdk or ~/.local/share/weir/sdk]
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
    fn folder(self) -> &'static str {
        match self {
            Self::Transform => "transform",
            Self::Keyed => "keyed",
            Self::Aggregate => "aggregate",
        }
    }
}

/// Makes the folder; nothing that exists is touched.
pub(crate) fn execute(args: &Args) -> anyhow::Result<()> {
    let (language, shown) = (args.lang, args.folder.display().to_string());
    let name = args.folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    language.check_name(&name)?;
    if args.folder.exists() {
        bail!("{shown} exists already; nothing was changed");
    }
    let sdk = sdk_folder(language, args.sdk.as_deref())?;
    std::fs::create_dir_all(&args.folder).with_context(|| format!("cannot make {shown}"))?;
    let folder = args.folder.canonicalize().with_context(|| format!("cannot read {shown}"))?;
    let (sdk, always_relative) = (quotable(&relative(&folder, &sdk, 2)), quotable(&relative(&folder, &sdk, 0)));
    let identifier = name.replace('-', "_");
    let filled = [
        ("{{name}}", &name),
        ("{{identifier}}", &identifier),
        ("{{sdk}}", &sdk),
        ("{{relative-sdk}}", &always_relative),
    ];
    let fill = |text: &str| filled.iter().fold(text.to_owned(), |text, (mark, value)| text.replace(mark, value));
    for (path, content) in sdk::template(language, args.template.folder()) {
        let path = folder.join(fill(path.strip_suffix(".tmpl").unwrap_or(path)));
        let context = || format!("cannot write {}", path.display());
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).with_context(context)?;
        }
        std::fs::write(&path, fill(content)).with_context(context)?;
    }
    let pipeline = for_shell(&args.folder.join("pipeline.toml").display().to_string());
    let folder = for_shell(&shown);
    let steps = [
        (format!("cd {folder} && {}", language.test_command()), "its test, without WebAssembly"),
        (format!("weir test {folder}"), "the component, and its test cases"),
        (format!("weir run {pipeline}"), "a few rows through it"),
    ];
    let width = steps.iter().map(|(step, _)| step.len()).max().unwrap_or_default();
    let steps: String = steps.iter().map(|(step, what)| format!("  {step:width$}    {what}\n")).collect();
    terminal::print(&format!("made {shown}; next:\n{steps}"));
    Ok(())
}

/// The SDK's folder.
fn sdk_folder(language: &dyn Language, given: Option<&Path>) -> anyhow::Result<PathBuf> {
    Ok(match given {
        Some(path) => {
            let path = path.canonicalize().with_context(|| format!("there is no {}", path.display()))?;
            if !sdk::is_sdk(language, &path) {
                let (shown, file) = (path.display(), language.project_file());
                let (title, folder) = (language.title(), language.sdk());
                bail!(
                    "{shown} is not the SDK for {title}, which is the folder sdk/{folder} of Weir: it has no {file} that says so"
                );
            }
            path
        }
        None => sdk::of(language)?,
    })
}

/// A path as it is typed in a shell: between quotation marks, if it has more than a shell takes as it is.
fn for_shell(path: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+,:@".contains(c);
    if path.chars().all(is_plain) { path.to_owned() } else { format!("'{}'", path.replace('\'', r"'\''")) }
}

/// A path as it is written between quotation marks in a project's files.
fn quotable(path: &Path) -> String {
    path.display().to_string().replace('\\', "\\\\").replace('"', "\\\"")
}

/// From a folder to another, both absolute: through the folder that holds both, if that is more than `too_few` parts deep; else
/// absolute, so that moving one does not break the other: the root and one folder below it hold everything of everyone.
fn relative(from: &Path, to: &Path, too_few: usize) -> PathBuf {
    let shared = from.components().zip(to.components()).take_while(|(a, b)| a == b).count();
    if shared <= too_few {
        return to.to_path_buf();
    }
    let up = from.components().skip(shared).map(|_| std::path::Component::ParentDir);
    up.chain(to.components().skip(shared)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_for_a_shell() {
        assert_eq!(for_shell("../my-operators/mine"), "../my-operators/mine");
        assert_eq!(for_shell("my operators/it's mine"), r"'my operators/it'\''s mine'");
    }

    #[test]
    fn paths_between_folders() {
        let between = |from: &str, to: &str| relative(Path::new(from), Path::new(to), 2).display().to_string();
        assert_eq!(between("/srv/weir/operators/mine", "/srv/weir/sdk/rust"), "../../sdk/rust");
        assert_eq!(between("/tmp/mine", "/srv/weir/sdk/rust"), "/srv/weir/sdk/rust");
        assert_eq!(between("/srv/me/mine", "/srv/you/weir/sdk/rust"), "/srv/you/weir/sdk/rust");
        let always = relative(Path::new("/tmp/mine"), Path::new("/srv/weir/sdk/zig"), 0);
        assert_eq!(always.display().to_string(), "../../srv/weir/sdk/zig");
    }
}
