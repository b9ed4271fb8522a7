//! `weir build`: an operator's crate into a component.

use std::path::{Path, PathBuf};

use anyhow::Context;
use wit_component::ComponentEncoder;

use crate::cargo::OperatorCrate;
use crate::{component, terminal};

/// Options of `weir build`.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  weir build                       the crate in this folder, into ./NAME.wasm
  weir build my-operator           into my-operator/my-operator.wasm
  weir build my-operator -o operators/mine.wasm")]
pub(crate) struct Args {
    /// The crate's folder
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// The file to write
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Builds it, checks it as the runtime will, and only then puts it where it belongs.
pub(crate) fn execute(args: &Args) -> anyhow::Result<()> {
    let operator = OperatorCrate::find(&args.folder)?;
    let module = operator.build()?;
    let output = args.output.clone().unwrap_or_else(|| args.folder.join(format!("{}.wasm", operator.name)));
    let bytes = encode(&module)?;
    let shown = output.display().to_string();
    // Compiled now, so that the first run takes it from the cache.
    let component = component::host()?.load_bytes(&bytes, &shown)?;
    write(&output, &bytes)?;
    terminal::print_result(&format!("{shown}\n{}", component::described(&component)))
}

/// The core module with the types of its world, which its SDK put into it, made into a component.
fn encode(module: &Path) -> anyhow::Result<Vec<u8>> {
    let bytes = std::fs::read(module).with_context(|| format!("cannot read {}", module.display()))?;
    let encoded = ComponentEncoder::default().validate(true).module(&bytes).and_then(|mut encoder| encoder.encode());
    encoded.with_context(|| {
        format!(
            "{} cannot be made into a component; an operator exports itself with the SDK's export! and uses no WASI",
            module.display()
        )
    })
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
