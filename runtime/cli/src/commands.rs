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
    /// Look into what a job has kept
    Checkpoint(checkpoint::Args),
    /// Show what a component is
    Inspect(inspect::Args),
    /// Make an operator crate
    New(new::Args),
    /// Build an operator crate into a component
    Build(build::Args),
    /// Show or clear what was compiled
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
