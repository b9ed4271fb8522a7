//! `weir logs`: what a job and its operators say.

use std::io::{BufRead as _, BufReader};

use anyhow::Context;
use weir_core::visible::visible_line;
use weir_server::model::LogLine;

use crate::client::{ServerArgs, part};
use crate::{figures, terminal};

/// Options of `weir logs`.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  weir logs orders
  weir logs orders/count -f
  weir logs orders --json")]
pub(crate) struct Args {
    /// JOB, or JOB/OPERATOR; an aggregate is WINDOW.AGGREGATE
    target: String,
    /// Follow the log: print new lines as they come
    #[arg(long, short)]
    follow: bool,
    /// Print JSON, an object per line
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// Prints them.
pub(crate) fn execute(args: &Args) -> anyhow::Result<()> {
    let (job, operator) = match args.target.split_once('/') {
        Some((job, operator)) => (job, Some(operator)),
        None => (args.target.as_str(), None),
    };
    let mut path = format!("/v1/jobs/{}/logs?follow={}", part(job), args.follow);
    if let Some(operator) = operator {
        path += &format!("&operator={}", part(operator));
    }
    let lines = BufReader::new(args.server.client()?.stream(&path)?).lines();
    for line in lines {
        let line = line.context("the server is gone")?;
        let is_read = match args.json {
            true => terminal::print_json(&line)?,
            false => terminal::print_line(&told(&serde_json::from_str(&line)?))?,
        };
        if !is_read {
            break;
        }
    }
    Ok(())
}

fn told(line: &LogLine) -> String {
    let from = line.operator.as_ref().map_or_else(String::new, |operator| format!("[{operator}] "));
    let at = figures::event_time(line.at_us);
    visible_line(&format!("{at}  {:5}  {from}{}", line.level, line.message)).into_owned() + "\n"
}
