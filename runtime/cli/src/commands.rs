//! The commands.

pub(crate) mod build;
pub(crate) mod cache;
pub(crate) mod check;
pub(crate) mod checkpoint;
pub(crate) mod compile_component;
pub(crate) mod completions;
pub(crate) mod deploy;
pub(crate) mod dlq;
pub(crate) mod inspect;
pub(crate) mod jobs;
pub(crate) mod logs;
pub(crate) mod new;
pub(crate) mod operator;
pub(crate) mod push;
pub(crate) mod run;
pub(crate) mod serve;
pub(crate) mod show;
pub(crate) mod swap;
pub(crate) mod token;
pub(crate) mod top;

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
    /// Start a server, which keeps operators and runs jobs
    Serve(serve::Args),
    /// Manage API tokens
    Token(token::Args),
    /// Upload a component to a server
    Push(push::Args),
    /// List, show and remove the operators of a server
    Operator(operator::Args),
    /// Run a pipeline on a server
    Deploy(deploy::Args),
    /// List the jobs of a server
    Ps(jobs::PsArgs),
    /// Show a job
    Show(show::Args),
    /// Watch the jobs of a server
    Top(top::Args),
    /// Replace operators of a running job
    Swap(swap::Args),
    /// Go back to the version of an operator before its last swap
    Rollback(swap::RollbackArgs),
    /// Print the log of a job and its operators
    Logs(logs::Args),
    /// List, show, replay and drop rows that a job could not process
    Dlq(dlq::Args),
    /// Stop a job
    Stop(jobs::StopArgs),
    /// Start a job that was stopped
    Start(jobs::StartArgs),
    /// Make a checkpoint of a job that is kept until you remove it
    Savepoint(jobs::SavepointArgs),
    /// Remove a job that is not running
    Rm(jobs::RmArgs),
    /// Print completions for a shell
    Completions(completions::Args),
    #[command(name = compile_component::NAME, hide = true)]
    CompileComponent(compile_component::Args),
}
