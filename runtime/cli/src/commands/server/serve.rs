//! `weir serve`: a server that keeps operators and runs jobs.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use weir_connectors::ServerConnectors;
use weir_core::allow_connect::Place;
use weir_core::pipeline::size_bytes;
use weir_host::LogLevel;
use weir_server::{LogFormat, ServeConfig, Tls, log_to_stderr, serve};

use super::compile_component;
use crate::arenas;
use crate::client::LISTEN_DEFAULT;
use crate::clock::SystemClock;
use crate::shared_args::{Level, MemoryArgs, SecretsArgs, memory};
use crate::{folders, terminal};

/// Options of `weir serve`.
#[derive(clap::Args)]
#[command(
    after_help = "Everything that a server keeps is in its data folder: operators, jobs, checkpoints. After a crash, or when it is
started again, every job that ran resumes from its last checkpoint.
SIGTERM and ctrl-C let every job take a last checkpoint.
Without tokens it serves this machine only; `weir token create` makes one.

Examples:
  weir serve
  weir serve --files data
  weir serve --listen 0.0.0.0:7474 --tls-cert cert.pem --tls-key key.pem
  weir serve --log-format json"
)]
pub(crate) struct Args {
    #[command(flatten)]
    data: DataDir,
    /// The folder of files that sources read and sinks write [default: `files` in the data folder]
    #[arg(long, value_name = "DIR")]
    files: Option<PathBuf>,
    #[command(flatten)]
    secrets: SecretsArgs,
    /// The address to listen at; port 0 chooses a free port
    #[arg(long, value_name = "HOST:PORT", default_value = LISTEN_DEFAULT, value_parser = address)]
    listen: SocketAddr,
    /// The certificate for TLS, PEM
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Its key, PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Listen for other machines without TLS, because a proxy in front of the server speaks TLS
    #[arg(long)]
    allow_plain_http: bool,
    /// Where jobs may connect to; they can connect nowhere else. May be repeated. HOST is a name, an address, a block such as
    /// 10.0.0.0/8, or *; PORT may be * [default: everywhere; if the server listens for other machines, everywhere but this machine,
    /// link-local addresses and cloud metadata]
    #[arg(long, value_name = "HOST:PORT")]
    allow_connect: Vec<Place>,
    /// The greatest number of connections at a time [default: a quarter of the files that the process may open, at most 1024]
    #[arg(long, value_name = "N")]
    max_connections: Option<NonZeroUsize>,
    /// The greatest number of jobs that run at a time
    #[arg(long, value_name = "N", default_value_t = NonZeroUsize::new(100).unwrap_or(NonZeroUsize::MIN))]
    max_jobs: NonZeroUsize,
    /// Memory that the operators of all jobs may use together, for example 512MiB; a number alone is MiB
    #[arg(long, value_name = "SIZE", default_value = "16GiB", value_parser = memory)]
    max_guest_memory: u64,
    #[command(flatten)]
    memory: MemoryArgs,
    /// Memory that the state of one job may take [default: as much as all jobs may]
    #[arg(long, value_name = "SIZE", value_parser = memory)]
    max_job_memory: Option<u64>,
    /// Bytes that one job may have on disk: checkpoints, dead letters and what its sinks have not finished [default: no limit]
    #[arg(long, value_name = "SIZE", value_parser = size_bytes)]
    max_disk: Option<u64>,
    /// Bytes of dead letters that are kept for one job; a pipeline can say fewer
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = size_bytes)]
    max_dead_letters: u64,
    /// Disk space that rows, dead letters and uploads leave free, so that `stop`, `rm` and `dlq drop` always work; checkpoints leave
    /// half of it free
    #[arg(long, value_name = "SIZE", default_value = "64MiB", value_parser = size_bytes)]
    disk_reserve: u64,
    /// How long jobs may take for their last checkpoint when the server stops
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = weir_core::pipeline::duration)]
    drain_timeout: Duration,
    /// The format of log lines
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    log_format: Format,
    /// Log lines of this level and above; debug and trace also log every request
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    log_level: Level,
    /// The same as --log-level debug
    #[arg(long, conflicts_with = "log_level")]
    verbose: bool,
}

/// Where a server keeps everything.
#[derive(clap::Args)]
pub(crate) struct DataDir {
    /// The folder of everything that the server keeps [default: $XDG_DATA_HOME/weir, or ~/.local/share/weir]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON object per line
    Json,
}

impl DataDir {
    /// The folder, which need not be there yet.
    pub(crate) fn path(&self) -> anyhow::Result<PathBuf> {
        self.data_dir.clone().or_else(folders::data_dir).context("this user has no home folder: use --data-dir DIR")
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let found = text.to_socket_addrs().ok().and_then(|mut addresses| addresses.next());
    found.ok_or_else(|| format!("write HOST:PORT, for example {LISTEN_DEFAULT}"))
}

/// Serves until it is told to end; an error if it cannot start.
pub(crate) fn execute(args: &Args) -> anyhow::Result<()> {
    arenas::bound();
    let format = match args.log_format {
        Format::Text => LogFormat::Text,
        Format::Json => LogFormat::Json,
    };
    log_to_stderr(format, if args.verbose { LogLevel::Debug } else { args.log_level.into() });
    let data_dir = args.data.path()?;
    args.secrets.check_apart(&args.files.clone().unwrap_or_else(|| data_dir.join("files")))?;
    let tls = args.tls_cert.clone().zip(args.tls_key.clone());
    let scheme = if tls.is_some() { "https" } else { "http" };
    serve(ServeConfig {
        data_dir,
        files: args.files.clone(),
        listen: args.listen,
        tls: tls.map(|(certificate, key)| Tls { certificate, key }),
        allow_plain_http: args.allow_plain_http,
        allow_connect: args.allow_connect.clone(),
        disk_reserve_bytes: args.disk_reserve,
        job_disk_bytes_max: args.max_disk,
        dead_letter_bytes_max: args.max_dead_letters,
        connections_max: args.max_connections.map(NonZeroUsize::get),
        jobs_max: args.max_jobs.get(),
        guest_bytes_max: args.max_guest_memory,
        memory: args.memory.budget(),
        job_memory_bytes_max: args.max_job_memory.unwrap_or(u64::MAX),
        drain_time_max: args.drain_timeout,
        compiler: vec![std::env::current_exe()?.into(), compile_component::NAME.into()],
        connectors: Box::new(args.secrets.over(ServerConnectors::new())),
        clock: Arc::new(SystemClock::new()),
        on_listening: Box::new(move |address| {
            let _ = terminal::print_result(&format!("{scheme}://{address}\n"));
        }),
    })?;
    Ok(())
}
