//! The commands.

pub(crate) mod build;
pub(crate) mod cache;
pub(crate) mod check;
pub(crate) mod checkpoint;
pub(crate) mod completions;
pub(crate) mod inspect;
pub(crate) mod man_pages;
pub(crate) mod new;
pub(crate) mod run;
#[cfg(feature = "server")]
pub(crate) mod server;

/// See `weir help COMMAND`.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Run a pipeline in the foreground
    Run(run::Args),
    /// Check a pipeline without running it
    Check(check::Args),
    /// List, show, verify and export the checkpoints of a job
    Checkpoint(checkpoint::Args),
    /// Show what a component reads, emits and keeps
    Inspect(inspect::Args),
    /// Create an operator crate
    New(new::Args),
    /// Build an operator crate into a component
    Build(build::Args),
    /// Show or clear the cache of compiled components
    Cache(cache::Args),
    /// Print completions for a shell
    Completions(completions::Args),
    /// Write man pages
    #[command(hide = true)]
    ManPages(man_pages::Args),
    #[cfg(feature = "server")]
    #[command(flatten)]
    Server(server::Command),
}
