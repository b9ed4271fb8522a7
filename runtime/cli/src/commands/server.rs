//! A server, and the commands that talk to one.

mod compile_component;
mod deploy;
mod dlq;
mod jobs;
mod logs;
mod operator;
mod ps;
mod push;
mod rollback;
mod serve;
mod show;
mod swap;
mod token;
mod top;

use crate::json::told;

/// See `weir help COMMAND`.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
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
    /// List the jobs of a server, of a Flink cluster or on Spark
    Ps(ps::Args),
    /// Show a job
    Show(show::Args),
    /// Watch the jobs of a server
    Top(top::Args),
    /// Replace operators of a running job
    Swap(swap::Args),
    /// Go back to the version of an operator before its last swap
    Rollback(rollback::Args),
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
    #[command(name = compile_component::NAME, hide = true)]
    CompileComponent(compile_component::Args),
}

impl Command {
    pub(crate) fn execute(self) -> anyhow::Result<()> {
        match self {
            Self::Serve(args) => serve::execute(&args),
            Self::Token(args) => told(args.json, token::execute(&args)),
            Self::Push(args) => told(args.json, push::execute(&args)),
            Self::Operator(args) => told(args.json(), operator::execute(&args)),
            Self::Deploy(args) => told(args.json, deploy::execute(&args)),
            Self::Ps(args) => told(args.json, ps::execute(&args)),
            Self::Show(args) => told(args.json, show::execute(&args)),
            Self::Top(args) => top::execute(&args),
            Self::Swap(args) => told(args.json, swap::execute(&args)),
            Self::Rollback(args) => told(args.json, rollback::execute(&args)),
            Self::Logs(args) => told(args.json, logs::execute(&args)),
            Self::Dlq(args) => told(args.json(), dlq::execute(&args)),
            Self::Stop(args) => told(args.json, jobs::stop(&args)),
            Self::Start(args) => told(args.json, jobs::start(&args)),
            Self::Savepoint(args) => told(args.json, jobs::savepoint(&args)),
            Self::Rm(args) => told(args.json, jobs::rm(&args)),
            Self::CompileComponent(args) => compile_component::execute(&args),
        }
    }
}
