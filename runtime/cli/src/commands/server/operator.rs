//! `weir operator`: the operators of a server.

use anyhow::Context;
use weir_server::model::OperatorVersion;

use crate::client::{ServerArgs, part};
use crate::{figures, json, terminal};

/// Options of `weir operator`.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  weir operator list
  weir operator show count
  weir operator rm count@2")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(clap::Subcommand)]
enum Command {
    /// List the versions of all operators
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show the versions of an operator
    Show {
        /// The operator
        name: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove a version that no job uses
    Rm {
        /// NAME@VERSION
        version: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

impl Args {
    pub(crate) fn json(&self) -> bool {
        match self.command {
            Command::List { json } | Command::Show { json, .. } | Command::Rm { json, .. } => json,
        }
    }
}

/// Runs one of its commands.
pub(crate) fn execute(args: &Args) -> anyhow::Result<()> {
    let client = args.server.client()?;
    match &args.command {
        Command::List { json } => print(&client.get::<Vec<_>>("/v1/operators")?, *json),
        Command::Show { name, json } => print(&client.get::<Vec<_>>(&format!("/v1/operators/{}", part(name)))?, *json),
        Command::Rm { version, json } => {
            let (name, number) = version.split_once('@').context("write NAME@VERSION, for example count@2")?;
            client.delete(&format!("/v1/operators/{}/{}", part(name), part(number)))?;
            if *json {
                return json::print_done();
            }
            terminal::print(&format!("{version} is removed\n"));
            Ok(())
        }
    }
}

fn print(versions: &[OperatorVersion], json: bool) -> anyhow::Result<()> {
    if json {
        return json::print(&versions);
    }
    let row = |version: &OperatorVersion| {
        vec![
            format!("{}@{}", version.name, version.version),
            version.world.clone(),
            version.used_by.join(", "),
            figures::event_time(version.created_us),
            version.digest[..12].to_owned(),
            figures::bytes(version.bytes),
        ]
    };
    let header = ["operator", "world", "used by", "pushed", "digest", "size"];
    terminal::print_result(&figures::table(&header, versions.iter().map(row).collect(), 5))
}
