//! The `weir` command: runs and checks pipelines, helps to write operators, serves, and talks to servers.
//!
//! The only place that knows every connector by name, reads the machine's clock and prints. What it prints for people goes to
//! standard error, results to standard output, so that a pipeline may write its rows there.
//!
//! | module | holds |
//! |---|---|
//! | `commands` | one file per command |
//! | `shared_args` | the options that several commands share |
//! | `pipeline_file` | a file into a checked job, its problems rendered |
//! | `follow`, `progress`, `summary` | what is shown of a job that runs, and of one that is done |
//! | `waiting` | what is shown while something takes time |
//! | `arenas` | what the allocator keeps |
//! | `cases` | test cases of operators, run |
//! | `changes`, `watch` | files that change; components that are replaced when theirs does |
//! | `folders` | where this user's files are |
//! | `clock`, `signals`, `guest_log` | the outside, as the engine takes it |
//! | `client` | talking to a server |
//! | `flink`, `spark` | talking to a Flink cluster, and to Spark |
//! | `engine_job` | a job in one of them |
//! | `fake_server` | tests of these |
//! | `component` | the host, and what is said of a component |
//! | `help` | the commands, by what they are for |
//! | `languages` | what operators are written in, how they are built, and the SDKs that the command carries |
//! | `terminal`, `json`, `figures` | printing, for people and for programs; numbers, times and tables for people |

#![cfg_attr(not(feature = "server"), allow(dead_code, reason = "what only the commands of a server use is small"))]

mod arenas;
mod cases;
mod changes;
#[cfg(feature = "server")]
mod client;
mod clock;
mod commands;
mod component;
#[cfg(feature = "server")]
mod engine_job;
#[cfg(all(test, feature = "server"))]
mod fake_server;
mod figures;
#[cfg(feature = "server")]
mod flink;
mod folders;
mod follow;
mod guest_log;
mod help;
mod json;
mod languages;
mod machine_memory;
mod pipeline_file;
mod progress;
mod shared_args;
mod signals;
#[cfg(feature = "server")]
mod spark;
mod summary;
mod terminal;
mod waiting;
mod watch;
mod written;

use std::process::ExitCode;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{CommandFactory as _, FromArgMatches as _, Parser};

use weir_core::connector::ReaderGone;

use crate::commands::Command;
use crate::json::{Told, told};

/// The exit code that a shell reports for a process that SIGPIPE has ended.
const READER_GONE: u8 = 141;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Blue.on_default().bold())
    .usage(AnsiColor::Blue.on_default().bold())
    .literal(AnsiColor::Green.on_default())
    .placeholder(AnsiColor::Cyan.on_default());

/// A stream engine that runs WebAssembly operators.
#[derive(Parser)]
#[command(name = "weir", version, styles = STYLES, arg_required_else_help = true)]
#[command(after_help = "Examples:
  weir new my-operator            create a project for an operator
  weir build my-operator          build it into a component
  weir inspect my-operator.wasm   show what the component reads and emits
  weir check pipeline.toml        find mistakes in a pipeline, with their places
  weir run pipeline.toml          run it
  weir checkpoint list state      list its checkpoints

On a server ($WEIR_SERVER, $WEIR_TOKEN):
  weir serve                      start a server
  weir push my-operator.wasm      upload an operator
  weir deploy pipeline.toml       run a pipeline on the server
  weir ps                         list the jobs; see also weir show, top, logs
  weir swap JOB/OPERATOR op@2     replace an operator while it runs; weir rollback undoes it
  weir dlq JOB list               list rows that could not be processed
  weir stop JOB                   stop a job; see also weir start, savepoint, rm")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    let matches = help::grouped(Cli::command()).try_get_matches();
    let matches = matches.unwrap_or_else(|error| help::explained(error).exit());
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let outcome = signals::survive_file_size_limit().and_then(|()| run(cli.command));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        // `weir run ... | head` has done its work.
        Err(error) if error.chain().any(|cause| cause.is::<ReaderGone>()) => ExitCode::from(READER_GONE),
        Err(error) => {
            terminal::print_error(&error);
            ExitCode::from(error.downcast_ref::<Told>().map_or(1, |told| told.exit_code))
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Run(args) => told(args.json, commands::run::execute(&args)),
        Command::Check(args) => told(args.json, commands::check::execute(&args)),
        Command::Plan(args) => told(args.json, commands::plan::execute(&args)),
        #[cfg(feature = "server")]
        Command::Submit(args) => told(args.json, commands::submit::execute(&args)),
        Command::Checkpoint(args) => told(args.json(), commands::checkpoint::execute(&args)),
        Command::Inspect(args) => told(args.json, commands::inspect::execute(&args)),
        Command::New(args) => commands::new::execute(&args),
        Command::Build(args) => commands::build::execute(&args),
        Command::Test(args) => commands::test::execute(&args),
        Command::Conformance(args) => commands::conformance::execute(&args),
        Command::Dev(args) => commands::dev::execute(&args),
        Command::Toolchain(args) => commands::toolchain::execute(&args),
        Command::Cache(args) => told(args.json, commands::cache::execute(&args)),
        Command::Completions(args) => commands::completions::execute::<Cli>(&args),
        Command::ManPages(args) => commands::man_pages::execute::<Cli>(&args),
        #[cfg(feature = "server")]
        Command::Server(command) => command.execute(),
    }
}
