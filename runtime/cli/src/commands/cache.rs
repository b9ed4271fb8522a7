//! `weir cache`: what was compiled on this machine, and how to be rid of it. Never touches a component.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::{Value, json};
use weir_host::{CacheUsage, Usage, cache_usage, clear_cache};

use crate::{figures, folders, json, terminal};

/// Options of `weir cache`.
#[derive(clap::Args)]
#[command(
    after_help = "Each component is compiled once, and so is each of its functions: of a component that has changed, only the functions that
changed are compiled again. When the cache exceeds its limit, what was not used for the longest time is removed. Clearing it
loses nothing but time.

Examples:
  weir cache show
  weir cache clear
  weir cache show --dir server-data/cache --json"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
    /// The cache's folder [default: $WEIR_CACHE_DIR, $XDG_CACHE_HOME/weir or ~/.cache/weir]; a server's is cache in its data folder
    #[arg(long, global = true, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Print JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, clap::Subcommand)]
enum Command {
    /// Show how much there is, and where
    Show,
    /// Remove all of it
    Clear,
}

/// Runs one of its commands.
pub(crate) fn execute(args: &Args) -> anyhow::Result<()> {
    let dir = args.dir.clone().or_else(folders::cache_dir);
    let dir = dir
        .context("this user has no home folder, so nothing that was compiled is kept: name a folder with --dir DIR")?;
    let usage = of(args.command, &dir)?;
    if args.json {
        return json::print(&document(&dir, &usage));
    }
    let CacheUsage { components, functions } = &usage;
    match args.command {
        Command::Show => {
            let rows = vec![row("components", components), row("functions", functions)];
            terminal::print_result(&figures::table(&["of", "files", "size", "at most", "", "in"], rows, 6))
        }
        Command::Clear => {
            let (files, bytes) = (components.files + functions.files, components.bytes + functions.bytes);
            terminal::print(&format!("{} files removed, {}\n", figures::count(files as u64), figures::bytes(bytes)));
            Ok(())
        }
    }
}

fn of(command: Command, dir: &Path) -> anyhow::Result<CacheUsage> {
    match command {
        Command::Show => cache_usage(dir).with_context(|| format!("cannot read {}", dir.display())),
        Command::Clear => clear_cache(dir).with_context(|| format!("cannot clear {}", dir.display())),
    }
}

fn row(of: &str, usage: &Usage) -> Vec<String> {
    let count = |n: usize| figures::count(n as u64);
    vec![
        of.to_owned(),
        count(usage.files),
        figures::bytes(usage.bytes),
        figures::bytes(usage.bound.bytes),
        format!("{} files", count(usage.bound.files)),
        usage.dir.display().to_string(),
    ]
}

/// What there is, or what was removed.
fn document(dir: &Path, usage: &CacheUsage) -> Value {
    let part = |usage: &Usage| {
        json!({
            "dir": usage.dir,
            "files": usage.files,
            "bytes": usage.bytes,
            "files-max": usage.bound.files,
            "bytes-max": usage.bound.bytes,
        })
    };
    json!({ "dir": dir, "components": part(&usage.components), "functions": part(&usage.functions) })
}
