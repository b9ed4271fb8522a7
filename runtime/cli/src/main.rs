//! The `weir` command: runs and checks pipelines, and helps to write operators.
//!
//! The only place that knows every connector by name, reads the machine's clock and prints. What it prints for people goes to
//! standard error, results to standard output, so that a pipeline may write its rows there.
//!
//! | module | holds |
//! |---|---|
//! | `commands` | one file a command |
//! | `pipeline_file` | a file into a checked job, its problems rendered |
//! | `dead_letters` | sinks for dead letters that nobody reads |
//! | `follow`, `progress`, `summary` | what is shown of a job that runs, and of one that is done |
//! | `clock`, `signals`, `guest_log` | the outside, as the engine takes it |
//! | `component` | the host, and what is said of a component |
//! | `cargo` | asking cargo about a crate, and building it |
//! | `terminal`, `figures` | printing; numbers, times and tables for people |

mod cargo;
mod clock;
mod commands;
mod component;
mod dead_letters;
mod figures;
mod follow;
mod guest_log;
mod pipeline_file;
mod progress;
mod signals;
mod summary;
mod terminal;

use std::process::ExitCode;

use clap::Parser;
use clap::builder::styling::{AnsiColor, Styles};

use crate::commands::Command;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Blue.on_default().bold())
    .usage(AnsiColor::Blue.on_default().bold())
    .literal(AnsiColor::Green.on_default())
    .placeholder(AnsiColor::Cyan.on_default());

/// Streams through WebAssembly operators.
#[derive(Parser)]
#[command(name = "weir", version, styles = STYLES, arg_required_else_help = true)]
#[command(after_help = "Examples:
  weir new my-operator            an operator crate to start from
  weir build my-operator          the crate into a component
  weir inspect my-operator.wasm   what a component is
  weir check pipeline.toml        whether a pipeline can run, and where not
  weir run pipeline.toml          run it
  weir checkpoint list state      what it has kept")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            terminal::print_error(&error);
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Run(args) => commands::run::execute(&args),
        Command::Check(args) => commands::check::execute(&args),
        Command::Checkpoint(args) => commands::checkpoint::execute(&args),
        Command::Inspect(args) => commands::inspect::execute(&args),
        Command::New(args) => commands::new::execute(&args),
        Command::Build(args) => commands::build::execute(&args),
        Command::Completions(args) => commands::completions::execute::<Cli>(&args),
    }
}
