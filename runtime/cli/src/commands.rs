//! The commands.

pub(crate) mod build;
pub(crate) mod cache;
pub(crate) mod check;
pub(crate) mod checkpoint;
pub(crate) mod completions;
pub(crate) mod conformance;
pub(crate) mod dev;
pub(crate) mod inspect;
pub(crate) mod man_pages;
pub(crate) mod new;
pub(crate) mod plan;
pub(crate) mod run;
#[cfg(feature = "server")]
pub(crate) mod server;
#[cfg(feature = "server")]
pub(crate) mod submit;
pub(crate) mod test;
pub(crate) mod toolchain;

/// See `weir help COMMAND`.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Run a pipeline in the foreground
    Run(run::Args),
    /// Check a pipeline without running it
    Check(check::Args),
    /// Show what of a pipeline would run where
    Plan(plan::Args),
    /// Run a pipeline on Apache Flink or Apache Spark
    #[cfg(feature = "server")]
    Submit(submit::Args),
    /// List, show, verify and export the checkpoints of a job
    Checkpoint(checkpoint::Args),
    /// Show what a component reads, emits and keeps
    Inspect(inspect::Args),
    /// Create a project for an operator
    New(new::Args),
    /// Build a project into a component
    Build(build::Args),
    /// Run an operator's test cases
    Test(test::Args),
    /// Check that three operators of a language do what those of all languages do
    Conformance(conformance::Args),
    /// Build, test and replace an operator whenever its sources change
    Dev(dev::Args),
    /// Fetch the tools that a language's operators are built with
    Toolchain(toolchain::Args),
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
