//! `weir build`: an operator's project into a component.

use std::path::{Path, PathBuf};

use anyhow::Context;
use weir_host::Component;

use crate::commands::inspect;
use crate::{component, languages, terminal};

/// Options of `weir build`.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  weir build                       the project in this folder, into ./NAME.wasm
  weir build my-operator           into my-operator/my-operator.wasm
  weir build my-operator -o operators/mine.wasm")]
pub(crate) struct Args {
    /// The project's folder
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// The file to write
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Builds it.
pub(crate) fn execute(args: &Args) -> anyhow::Result<()> {
    let (output, component) = build(&args.folder, args.output.as_deref())?;
    if let Some(why) = inspect::misdeclared(&component) {
        terminal::print_notes(&[format!("no pipeline can use this operator as it is: {why}")]);
    }
    terminal::print_result(&format!("{}\n{}", output.display(), component::described(&component)))
}

/// Builds a project, checks the component as the runtime will, and only then puts it where it belongs; says where that is.
pub(crate) fn build(folder: &Path, output: Option<&Path>) -> anyhow::Result<(PathBuf, Component)> {
    let language = languages::of_project(folder)?;
    let output = match output {
        Some(output) => output.to_path_buf(),
        None => folder.join(format!("{}.wasm", language.name_of(folder)?)),
    };
    let built = language.build(folder)?;
    // Compiled now, so that the first run takes it from the cache.
    let component = component::host()?.load_bytes(&built, &output.display().to_string())?;
    write(&output, &built)?;
    Ok((output, component))
}

/// Written beside its place and moved there: a pipeline that starts meanwhile sees the old component or the new one.
fn write(output: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let context = || format!("cannot write {}", output.display());
    if let Some(folder) = output.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).with_context(context)?;
    }
    let mut beside = output.as_os_str().to_owned();
    beside.push(format!(".{}.tmp", std::process::id()));
    std::fs::write(&beside, bytes).with_context(context)?;
    std::fs::rename(&beside, output).with_context(context)
}
