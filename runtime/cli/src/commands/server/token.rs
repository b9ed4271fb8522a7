//! `weir token`: who may use a server. Works on the data folder itself, so it needs no server and no token.

use anyhow::{Context, ensure};
use serde_json::json;
use weir_core::time::Clock;
use weir_server::{Catalog, Role, Token, new_token, private_folder};

use super::serve::DataDir;
use crate::clock::SystemClock;
use crate::{figures, json, terminal};

/// Options of `weir token`.
#[derive(clap::Args)]
#[command(
    after_help = "As soon as a server has a token, it answers only requests with a token. A token is shown once: only its digest is kept.
Roles: read looks at everything; deploy also pushes operators, deploys, swaps, starts and stops jobs; admin also removes.

Examples:
  weir token create ci --role deploy
  WEIR_TOKEN=$(weir token create me --role admin) weir ps
  weir token list
  weir token rm ci"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
    /// Print JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Make a token, and print it
    Create {
        /// Who has it
        name: String,
        /// What it allows: read, deploy or admin
        #[arg(long, value_parser = role)]
        role: Role,
        #[command(flatten)]
        data: DataDir,
    },
    /// List the tokens
    List {
        #[command(flatten)]
        data: DataDir,
    },
    /// Remove a token
    Rm {
        /// Whose
        name: String,
        #[command(flatten)]
        data: DataDir,
    },
}

/// Runs one of its commands.
pub(crate) fn execute(args: &Args) -> anyhow::Result<()> {
    match &args.command {
        Command::Create { name, role, data } => {
            let token = new_token().context("the system provides no random bits")?;
            let added = open(data)?.add_token(name, *role, &token, SystemClock::new().now_us())?;
            ensure!(added, "there is already a token with the name {name:?}: remove it, or choose another name");
            match args.json {
                true => json::print(&json!({ "name": name, "role": role.name(), "token": token })),
                false => terminal::print_result(&format!("{token}\n")),
            }
        }
        Command::List { data } => {
            let tokens = existing(data)?.tokens()?;
            if args.json {
                let token =
                    |of: &Token| json!({ "name": of.name, "role": of.role.name(), "created-us": of.created_us });
                return json::print(&tokens.iter().map(token).collect::<Vec<_>>());
            }
            let row = |token: &Token| {
                vec![token.name.clone(), token.role.name().to_owned(), figures::event_time(token.created_us)]
            };
            terminal::print_result(&figures::table(&["name", "role", "made"], tokens.iter().map(row).collect(), 3))
        }
        Command::Rm { name, data } => {
            ensure!(existing(data)?.remove_token(name)?, "there is no token with the name {name:?}");
            if args.json { json::print_done() } else { Ok(()) }
        }
    }
}

/// To open a folder makes it, which is no answer to somebody who mistyped its name.
fn existing(data: &DataDir) -> anyhow::Result<Catalog> {
    let path = data.path()?;
    ensure!(
        path.join("catalog.sqlite").is_file(),
        "{} is not the data folder of a server: use --data-dir DIR",
        path.display()
    );
    open(data)
}

fn open(data: &DataDir) -> anyhow::Result<Catalog> {
    let path = data.path()?;
    private_folder(&path).with_context(|| format!("cannot use {}", path.display()))?;
    Ok(Catalog::open(&path.join("catalog.sqlite"))?)
}

fn role(text: &str) -> Result<Role, String> {
    Role::named(text).ok_or_else(|| "a role is read, deploy or admin".to_owned())
}
