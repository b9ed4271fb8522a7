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
pub(crate) mod rollback;
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
    /// Keep operators and run jobs, as a server
    Serve(serve::Args),
    /// Manage API tokens
    Token(token::Args),
    /// Bring a component to a server
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
    /// Put other versions of operators into a job that runs
    Swap(swap::Args),
    /// Put an operator back to the version before
    Rollback(rollback::Args),
    /// Print what a job and its operators say
    Logs(logs::Args),
    /// List, show, replay and drop what a job's steps could not process
    Dlq(dlq::Args),
    /// Stop a job
    Stop(jobs::StopArgs),
    /// Start a job that was stopped
    Start(jobs::StartArgs),
    /// Keep a checkpoint of a job
    Savepoint(jobs::SavepointArgs),
    /// Remove a job that does not run
    Rm(jobs::RmArgs),
    /// Print completions for a shell
    Completions(completions::Args),
    #[command(name = compile_component::NAME, hide = true)]
    CompileComponent(compile_component::Args),
}
