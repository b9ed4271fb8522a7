//! The few options of the bench, read by hand: the command-line library belongs to the `weir` command.

use std::path::PathBuf;

use anyhow::{Context, bail, ensure};

use crate::query::Query;

/// What `--help` says.
pub(crate) const HELP: &str = include_str!("../help.txt");

/// One of the parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The cost of a call into a component.
    Boundary,
    /// The queries.
    Nexmark,
    /// Filters and computed columns.
    Expressions,
    /// Reading files in several formats.
    Formats,
    /// Exchanges between more and more subtasks.
    Parallel,
    /// The pause for a checkpoint.
    Pause,
    /// Jobs with checkpoints and without.
    Cost,
    /// Resuming from a checkpoint.
    Restore,
    /// Records that are no rows.
    BadRecords,
    /// Rows out of order, and many results at once.
    Windows,
    /// Replacing an operator of a job that runs.
    Swap,
    /// A server and its jobs.
    Server,
    /// Reading and writing Kafka.
    Kafka,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Args {
    pub(crate) json: Option<PathBuf>,
    /// `None`: all.
    pub(crate) only: Option<Part>,
    pub(crate) queries: Vec<Query>,
    pub(crate) parallelism: Vec<usize>,
    /// `None`: each query's own.
    pub(crate) events: Option<u64>,
    /// `None`: each part's own.
    pub(crate) keys: Option<u64>,
    pub(crate) runs: usize,
    /// Not for people: measure the first query at the first parallelism in this process, and print its row as JSON.
    pub(crate) child: bool,
    pub(crate) help: bool,
}

impl Args {
    /// Reads the arguments, without the program's name.
    ///
    /// # Errors
    /// An option that there is not, or a value that does not fit.
    pub(crate) fn parse(args: impl IntoIterator<Item = String>) -> anyhow::Result<Self> {
        let mut parsed = Self {
            json: None,
            only: None,
            queries: Query::ALL.to_vec(),
            parallelism: vec![1, 2],
            events: None,
            keys: None,
            runs: 3,
            child: false,
            help: false,
        };
        let mut args = args.into_iter();
        while let Some(option) = args.next() {
            let mut value = || args.next().with_context(|| format!("{option} needs a value; see --help"));
            match option.as_str() {
                "--json" => parsed.json = Some(value()?.into()),
                "--only" => parsed.only = Some(part(&value()?)?),
                "--query" => parsed.queries = value()?.split(',').map(query).collect::<Result<_, _>>()?,
                "--parallelism" => {
                    parsed.parallelism = value()?.split(',').map(|n| number(&option, n)).collect::<Result<_, _>>()?;
                }
                "--events" => parsed.events = Some(number(&option, &value()?)?),
                "--keys" => parsed.keys = Some(number(&option, &value()?)?),
                "--runs" => parsed.runs = number(&option, &value()?)?,
                "--child" => parsed.child = true,
                "--help" | "-h" => parsed.help = true,
                other => bail!("there is no option {other:?}; see --help"),
            }
        }
        ensure!(!parsed.parallelism.contains(&0), "--parallelism 0: there must be a subtask");
        ensure!(parsed.keys != Some(0), "--keys 0: there must be a key");
        ensure!(parsed.runs > 0, "--runs 0 measures nothing");
        Ok(parsed)
    }
}

fn part(name: &str) -> anyhow::Result<Part> {
    match name {
        "boundary" => Ok(Part::Boundary),
        "nexmark" => Ok(Part::Nexmark),
        "expressions" => Ok(Part::Expressions),
        "parallel" => Ok(Part::Parallel),
        "pause" => Ok(Part::Pause),
        "cost" => Ok(Part::Cost),
        "restore" => Ok(Part::Restore),
        "formats" => Ok(Part::Formats),
        "bad-records" => Ok(Part::BadRecords),
        "windows" => Ok(Part::Windows),
        "swap" => Ok(Part::Swap),
        "server" => Ok(Part::Server),
        "kafka" => Ok(Part::Kafka),
        other => {
            bail!(
                "--only {other:?}: it is boundary, nexmark, expressions, formats, parallel, pause, cost, restore, bad-records, windows, swap, server or kafka"
            )
        }
    }
}

fn query(name: &str) -> anyhow::Result<Query> {
    let known = || Query::ALL.map(Query::name).join(", ");
    Query::of_name(name).with_context(|| format!("--query {name:?}: the queries are {}", known()))
}

/// `20_000_000` is a number, as in the pipeline file.
fn number<T: std::str::FromStr>(option: &str, text: &str) -> anyhow::Result<T> {
    text.replace('_', "").parse().ok().with_context(|| format!("{option} {text:?}: that is no number that fits"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> anyhow::Result<Args> {
        Args::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn options_are_read() {
        let args =
            parse("--json out.json --query q5,q11 --parallelism 3 --events 1_000 --runs 2 --only nexmark").unwrap();
        assert_eq!(args.json, Some("out.json".into()));
        assert_eq!(args.queries, [Query::Q5, Query::Q11]);
        assert_eq!((args.parallelism, args.events, args.runs), (vec![3], Some(1_000), 2));
        assert_eq!((args.only, args.child), (Some(Part::Nexmark), false));
    }

    #[test]
    fn wrong_options_are_refused() {
        for (line, says) in [
            ("--queri q5", "--queri"),
            ("--query q3", "q0, q1"),
            ("--events many", "many"),
            ("--events", "needs a value"),
            ("--parallelism 1,0", "subtask"),
            ("--runs 0", "nothing"),
            ("--only all", "boundary, nexmark, expressions, formats"),
            ("--keys 0", "key"),
        ] {
            let error = parse(line).unwrap_err().to_string();
            assert!(error.contains(says), "{line}: {error}");
        }
    }
}
