//! `weir checkpoint`: what a job has kept. Never changes a checkpoint, and never claims a job: it may run meanwhile.

mod export;
mod list;
mod show;
mod verify;

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use weir_state::checkpoint::{CheckpointStore, Manifest};

use crate::pipeline_file::PipelineFile;
use crate::shared_args::PipelineArgs;

/// Options of `weir checkpoint`.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// List the checkpoints
    List(list::Args),
    /// Show what is in a checkpoint
    Show(show::Args),
    /// Read checkpoints completely, and report damage
    Verify(verify::Args),
    /// Write the keyed state of an operator to a file
    Export(export::Args),
}

impl Args {
    pub(crate) fn json(&self) -> bool {
        match &self.command {
            Command::List(args) => args.json,
            Command::Show(args) => args.json,
            Command::Verify(args) => args.json,
            Command::Export(_) => false,
        }
    }
}

/// Runs one of its commands.
pub(crate) fn execute(args: &Args) -> anyhow::Result<()> {
    match &args.command {
        Command::List(args) => list::execute(args),
        Command::Show(args) => show::execute(args),
        Command::Verify(args) => verify::execute(args),
        Command::Export(args) => export::execute(args),
    }
}

/// Where checkpoints are.
#[derive(clap::Args)]
struct Place {
    /// The folder of the checkpoints, s3://BUCKET/PREFIX, or a pipeline file that names it
    #[arg(value_name = "DIR")]
    place: String,
}

impl Place {
    fn open(&self) -> anyhow::Result<CheckpointStore> {
        let path = Path::new(&self.place);
        let location = match path.is_file() {
            true => location_in(path)?,
            false => self.place.clone(),
        };
        // To open a folder makes it, which is no answer to somebody who mistyped its name.
        ensure!(location.contains("://") || Path::new(&location).is_dir(), "there is no folder {location}");
        Ok(CheckpointStore::open(&location)?)
    }
}

fn location_in(pipeline: &Path) -> anyhow::Result<String> {
    let file = PipelineFile::read(&PipelineArgs { pipeline: PathBuf::from(pipeline), ..PipelineArgs::default() })?;
    let settings = file.graph.checkpoint.with_context(|| {
        format!("{} keeps no checkpoints: it has no [checkpoint] dir; name the folder instead", file.shown)
    })?;
    Ok(settings.location)
}

/// The manifest of a checkpoint; without a number, of the newest that has one.
fn manifest(store: &CheckpointStore, number: Option<u64>) -> anyhow::Result<Manifest> {
    if let Some(number) = number {
        return Ok(store.manifest(number)?);
    }
    let listed = store.list()?.into_iter().next();
    Ok(listed.with_context(|| format!("there is no checkpoint in {}", store.name()))?.manifest?)
}
