//! The commands, and the options that several of them share.

pub(crate) mod build;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod inspect;
pub(crate) mod new;
pub(crate) mod run;

use std::path::PathBuf;

/// See `weir help COMMAND`.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Run a pipeline in the foreground
    Run(run::Args),
    /// Check a pipeline without running it
    Check(check::Args),
    /// Show what a component is
    Inspect(inspect::Args),
    /// Make an operator crate
    New(new::Args),
    /// Build an operator crate into a component
    Build(build::Args),
    /// Print completions for a shell
    Completions(completions::Args),
}

/// Which pipeline, and what is changed in it.
#[derive(clap::Args)]
pub(crate) struct PipelineArgs {
    /// The pipeline file
    pub(crate) pipeline: PathBuf,
    /// Change one value of the file, for example sources.flights.path=other.csv
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) overrides: Vec<(String, String)>,
    /// Subtasks an operator, whatever the file says
    #[arg(long, value_name = "N")]
    pub(crate) parallelism: Option<usize>,
}

fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) => Ok((key.trim().to_owned(), value.to_owned())),
        None => Err("write KEY=VALUE, for example sources.flights.path=other.csv".to_owned()),
    }
}
