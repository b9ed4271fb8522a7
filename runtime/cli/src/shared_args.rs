//! The options that several commands share.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use weir_connectors::WithSecrets;
use weir_core::memory::MemoryBudget;
use weir_core::pipeline::size_bytes;
use weir_host::LogLevel;

use crate::machine_memory;
use crate::written::Argument;

/// Where secrets are.
#[derive(Clone, clap::Args)]
pub(crate) struct SecretsArgs {
    /// The folder of secrets: "${secret:NAME}" in an option of a source or sink stands for the text of the file NAME in it
    #[arg(long, value_name = "DIR", value_parser = folder)]
    secrets_dir: Option<PathBuf>,
}

impl SecretsArgs {
    /// The connectors, with these secrets.
    pub(crate) fn over<C>(&self, connectors: C) -> WithSecrets<C> {
        WithSecrets::new(connectors, self.secrets_dir.clone())
    }

    /// The folder, if there is one.
    pub(crate) fn dir(&self) -> Option<PathBuf> {
        self.secrets_dir.clone()
    }

    /// Refuses a folder of secrets that pipelines could read or write as files.
    pub(crate) fn check_apart(&self, files: &Path) -> anyhow::Result<()> {
        let real = |path: &Path| path.canonicalize().or_else(|_| std::path::absolute(path));
        let Some(secrets) = &self.secrets_dir else { return Ok(()) };
        let (real_secrets, real_files) = (real(secrets)?, real(files)?);
        anyhow::ensure!(
            !real_secrets.starts_with(&real_files) && !real_files.starts_with(&real_secrets),
            "the folder of secrets ({}) and that of pipelines' files ({}) must not contain one another: pipelines could write secrets; \
             name another with --secrets-dir or --files",
            secrets.display(),
            files.display()
        );
        Ok(())
    }
}

fn folder(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    if path.is_dir() { Ok(path) } else { Err("there is no such folder".to_owned()) }
}

/// How much memory state may take.
#[derive(clap::Args)]
pub(crate) struct MemoryArgs {
    /// Memory that the state of all operators may take, for example 512MiB; a number alone is MiB [default: half of the machine's]
    #[arg(long, value_name = "SIZE", value_parser = memory)]
    max_memory: Option<u64>,
}

/// What state may take where the machine does not tell how much memory it has.
const STATE_BYTES_DEFAULT: u64 = 4 << 30;

impl MemoryArgs {
    /// The memory that jobs take theirs of. Half of the machine's is left for batches, guests, and what checkpoints copy.
    pub(crate) fn budget(&self) -> Arc<MemoryBudget> {
        let default = || machine_memory::bytes().map_or(STATE_BYTES_DEFAULT, |bytes| bytes / 2);
        MemoryBudget::new("the state of all operators", "--max-memory", self.max_memory.unwrap_or_else(default))
    }
}

/// A size; a number alone is MiB.
pub(crate) fn memory(text: &str) -> Result<u64, String> {
    match text.parse::<u64>() {
        Ok(mib) => size_bytes(&format!("{mib}MiB")),
        Err(_) => size_bytes(text),
    }
}

/// How much a log line matters.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum Level {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl From<Level> for LogLevel {
    fn from(level: Level) -> Self {
        match level {
            Level::Error => Self::Error,
            Level::Warn => Self::Warn,
            Level::Info => Self::Info,
            Level::Debug => Self::Debug,
            Level::Trace => Self::Trace,
        }
    }
}

/// Which pipeline, and what is changed in it.
#[derive(Default, clap::Args)]
pub(crate) struct PipelineArgs {
    /// The pipeline file; - reads it from standard input, and its paths are relative to the current folder
    pub(crate) pipeline: PathBuf,
    /// Change one value of the file, for example sources.flights.path=other.csv
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) overrides: Vec<(String, String)>,
    /// Subtasks per operator, whatever the file says
    #[arg(long, value_name = "N")]
    pub(crate) parallelism: Option<usize>,
    /// Keep checkpoints in this folder, or in s3://BUCKET/PREFIX, whatever the file says
    #[arg(long, value_name = "DIR")]
    pub(crate) checkpoint_dir: Option<String>,
    /// The time from one checkpoint to the next, for example 30s
    #[arg(long, value_name = "DURATION")]
    pub(crate) checkpoint_interval: Option<String>,
    /// Abandon a checkpoint that takes longer
    #[arg(long, value_name = "DURATION")]
    pub(crate) checkpoint_timeout: Option<String>,
    /// Keep this many checkpoints
    #[arg(long, value_name = "N")]
    pub(crate) checkpoint_keep: Option<u64>,
}

impl PipelineArgs {
    /// Everything that is changed in the file: `--set`, then the options that have names of their own.
    pub(crate) fn all_overrides(&self) -> anyhow::Result<Vec<Argument>> {
        // A folder on the command line is relative to where the command runs, one in the file to the file.
        let dir = match &self.checkpoint_dir {
            Some(dir) if !dir.contains("://") => Some(std::path::absolute(dir)?.display().to_string()),
            dir => dir.clone(),
        };
        let text = |value: Option<String>| value.map(|value| toml_string(&value));
        let options = [
            ("parallelism", self.parallelism.map(|n| n.to_string())),
            ("checkpoint.dir", text(dir)),
            ("checkpoint.interval", text(self.checkpoint_interval.clone())),
            ("checkpoint.timeout", text(self.checkpoint_timeout.clone())),
            ("checkpoint.keep", self.checkpoint_keep.map(|n| n.to_string())),
        ];
        let of_option = |(path, value): (&str, Option<String>)| {
            let value = value?;
            let shown = format!("--{} {}", path.replace('.', "-"), value.trim_matches('"'));
            Some(Argument { shown, path: path.to_owned(), value })
        };
        let options = options.into_iter().filter_map(of_option);
        Ok(self.overrides.iter().map(Argument::set).chain(options).collect())
    }
}

/// A value that TOML takes for text, whatever it looks like.
fn toml_string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The two halves of an option.
pub(crate) fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=').filter(|(key, _)| !key.trim().is_empty()) {
        Some((key, value)) => Ok((key.trim().to_owned(), value.to_owned())),
        None => Err("write KEY=VALUE, for example sources.flights.path=other.csv".to_owned()),
    }
}
