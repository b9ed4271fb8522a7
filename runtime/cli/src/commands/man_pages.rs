//! `weir man-pages`: a man page of each command, for those who package Weir.

use std::path::PathBuf;

use anyhow::Context;
use clap::CommandFactory;

/// Options of `weir man-pages`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The folder, which must be there
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// Writes `weir.1`, `weir-run.1` and so on.
pub(crate) fn execute<C: CommandFactory>(args: &Args) -> anyhow::Result<()> {
    clap_mangen::generate_to(C::command(), &args.folder)
        .with_context(|| format!("no man pages can be written to {}", args.folder.display()))
}
