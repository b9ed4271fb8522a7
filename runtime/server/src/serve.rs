//! The process of a server: what it needs before it listens, and how it ends. SIGTERM and ctrl-C let every job take a last checkpoint; a
//! kill costs what was done since the last one.

use std::ffi::OsString;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum_server::Handle;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use weir_core::allow_connect::{AllowConnect, Place};
use weir_core::connector::Connectors;
use weir_core::memory::MemoryBudget;
use weir_core::time::Clock;
use weir_engine::GuestResources;
use weir_host::{Host, HostConfig, HostError, INSTANCES_MAX_DEFAULT};

use crate::api;
use crate::catalog::{Catalog, CatalogError};
use crate::compiler::Compiler;
use crate::components::Components;
use crate::connections::{Connections, LimitedAcceptor};
use crate::crash_watch::AbortTrace;
use crate::disk_bounds::DiskBounds;
use crate::jobs::{Bounds, THREADS_MAX};
use crate::open_files;
use crate::pipelines::{Pipelines, STARTS_MAX};
use crate::private::private_folder;
use crate::problem::Problem;
use crate::semaphore::BlockingSemaphore;
use crate::service::Service;

/// How long requests may still take when the server ends.
const REQUESTS_END: Duration = Duration::from_secs(5);
/// How long a connection may stay without the head of a request, the first or another: longer than `weir top` waits between two.
const IDLE_TIME_MAX: Duration = Duration::from_secs(15);
/// How long both sides may take to agree on keys.
const HANDSHAKE_TIME_MAX: Duration = Duration::from_secs(10);
/// Threads that answer requests: they only pass work on.
const THREADS: usize = 2;
/// Instances beside those of jobs, at a time: each check of a pipeline or a swap has one for a moment, and so has each job that resumes
/// when the server is started.
const INSTANCES_ASKED_MAX: u32 = 100;

/// How a server is set up.
pub struct ServeConfig {
    /// The folder of everything that it keeps.
    pub data_dir: PathBuf,
    /// The folder of files that pipelines may name; `None`: `files` in the data folder.
    pub files: Option<PathBuf>,
    /// Where it listens; port 0 is any free one.
    pub listen: SocketAddr,
    /// Certificate and key.
    pub tls: Option<Tls>,
    /// Listen for others without TLS.
    pub allow_plain_http: bool,
    /// Connections at a time; `None`: a quarter of the descriptors that the process may have, and 1,024 at most.
    pub connections_max: Option<usize>,
    /// Jobs that run at a time.
    pub jobs_max: usize,
    /// Free bytes of the disk that jobs and uploads leave.
    pub disk_reserve_bytes: u64,
    /// Bytes that one job may have on disk; `None`: as many as there are.
    pub job_disk_bytes_max: Option<u64>,
    /// Bytes of dead letters that are kept for one job at most.
    pub dead_letter_bytes_max: u64,
    /// Where jobs may connect to; without a place: everywhere, or, if others reach the server, to other machines.
    pub allow_connect: Vec<Place>,
    /// Memory of the guests of all jobs together, bytes.
    pub guest_bytes_max: u64,
    /// What the state of the operators of all jobs may take.
    pub memory: Arc<MemoryBudget>,
    /// What that of one job may take of it, bytes.
    pub job_memory_bytes_max: u64,
    /// How long jobs may take to their last checkpoint when it ends.
    pub drain_time_max: Duration,
    /// The program, with its first arguments, that compiles a component: it gets a file and a folder for what it made.
    pub compiler: Vec<OsString>,
    /// What sources and sinks there are.
    pub connectors: Box<dyn Connectors + Send + Sync>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Called with the address when it listens.
    pub on_listening: Box<dyn FnOnce(SocketAddr)>,
}

/// Files of PEM.
#[derive(Clone, Debug)]
pub struct Tls {
    /// The certificate, and those above it.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// Why a server does not start, or has ended.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A folder or a file of its own.
    #[error("{what} {path} cannot be used")]
    Path {
        /// What it is.
        what: &'static str,
        /// Which one.
        path: PathBuf,
        /// Why.
        #[source]
        error: std::io::Error,
    },
    /// Another server has the data folder.
    #[error("another server uses {0}: give each its own --data-dir")]
    Locked(PathBuf),
    /// Pipelines could write what the server keeps.
    #[error(
        "the folder of pipelines' files ({files}) and the data folder ({data_dir}) must not contain one another: pipelines could write what \
         the server keeps; name another with --files or --data-dir"
    )]
    NotApart {
        /// The folder of files.
        files: PathBuf,
        /// The data folder.
        data_dir: PathBuf,
    },
    /// It would be open to others.
    #[error("other machines can reach {listen}: {advice}")]
    Open {
        /// The address.
        listen: SocketAddr,
        /// What is missing.
        advice: &'static str,
    },
    /// The port.
    #[error("cannot listen at {listen}: choose another address with --listen")]
    Listen {
        /// The address.
        listen: SocketAddr,
        /// Why.
        #[source]
        error: std::io::Error,
    },
    /// The catalog.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The host of components.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The jobs.
    #[error("the jobs cannot be recovered")]
    Recover(#[source] Problem),
    /// The threads, or the connections.
    #[error("the server cannot continue")]
    Io(#[from] std::io::Error),
}

/// Serves until it is told to end.
///
/// # Errors
/// If it cannot start, or its port is lost.
pub fn serve(config: ServeConfig) -> Result<(), ServeError> {
    let files_limit = open_files::raise_limit();
    let connections_max = config.connections_max.unwrap_or_else(|| open_files::connections_max(files_limit));
    let connections = Arc::new(Connections::new(connections_max));
    let data_dir =
        private_folder(&config.data_dir).map_err(|error| in_path("the data folder", &config.data_dir, error))?;
    let _lock = lock(&data_dir)?;
    let catalog = Catalog::open(&data_dir.join("catalog.sqlite"))?;
    check_open(&config, &catalog)?;
    if let Some(files) = config.files.as_ref().filter(|files| !files.exists()) {
        tracing::warn!("the folder of files {} does not exist, and is created: --files names it", files.display());
    }
    let files = folder("the folder of files", &config.files.clone().unwrap_or_else(|| data_dir.join("files")))?;
    check_apart(&files, &data_dir)?;
    let named = catalog.digests()?;
    let components =
        Components::open(&data_dir, &named).map_err(|error| in_path("the data folder", &data_dir, error))?;
    let cache_dir = data_dir.join("cache");
    let host = Host::new(HostConfig {
        cache_dir: Some(cache_dir.clone()),
        instances_max: Some(INSTANCES_MAX_DEFAULT + INSTANCES_ASKED_MAX),
        ..HostConfig::default()
    })?;
    host.retain_compiled(&named);
    let is_local = config.listen.ip().is_loopback();
    let disk = DiskBounds {
        reserve_bytes: config.disk_reserve_bytes,
        job_bytes_max: config.job_disk_bytes_max,
        dead_letter_bytes_max: config.dead_letter_bytes_max,
    };
    let pipelines = Pipelines {
        disk,
        catalog: Arc::new(catalog),
        components: Arc::new(components),
        connectors: config.connectors,
        host,
        start_checks: BlockingSemaphore::new(STARTS_MAX),
        files,
        jobs: data_dir.join("jobs"),
        memory: config.memory,
        job_memory_bytes_max: config.job_memory_bytes_max,
        allow_connect: match (config.allow_connect.as_slice(), is_local) {
            ([], true) => AllowConnect::Everywhere,
            ([], false) => AllowConnect::OtherMachines,
            (places, _) => AllowConnect::Only(places.into()),
        },
    };
    let compiler = Compiler { command: config.compiler, cache_dir };
    let guest_resources_max = GuestResources {
        instances: u64::from(INSTANCES_MAX_DEFAULT),
        memory_bytes: config.guest_bytes_max,
        threads: THREADS_MAX,
    };
    let bounds = Bounds { jobs_max: config.jobs_max, guest_resources_max, disk };
    let service = Arc::new(Service::new(
        pipelines,
        compiler,
        config.clock,
        bounds,
        is_local,
        (Arc::clone(&connections), files_limit),
    ));
    let listen = |error| ServeError::Listen { listen: config.listen, error };
    let listener = TcpListener::bind(config.listen).map_err(listen)?;
    listener.set_nonblocking(true).map_err(listen)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(THREADS).enable_all().build()?;
    let tls = config.tls.as_ref().map(|tls| runtime.block_on(tls_config(tls))).transpose()?;
    let told_to_end = runtime.block_on(async { told_to_end() })?;
    let trace = AbortTrace::in_folder(&data_dir);
    service.note_end_before(trace.has_aborted()).map_err(ServeError::Recover)?;
    trace.begin().map_err(|error| in_path("the trace of aborts", &data_dir, error))?;
    // The last thing that can be wrong is behind us: jobs that start now are not ended at once.
    service.recover().map_err(ServeError::Recover)?;
    let address = listener.local_addr().map_err(listen)?;
    let result = runtime.block_on(async {
        tracing::info!(%address, tls = config.tls.is_some(), data_dir = %data_dir.display(), "listening");
        (config.on_listening)(address);
        serve_until(told_to_end, listener, tls, connections, Arc::clone(&service)).await
    });
    tracing::info!("ending: every job takes a last checkpoint");
    service.end(config.drain_time_max);
    runtime.shutdown_timeout(REQUESTS_END);
    tracing::info!("ended");
    result
}

/// The OpenAPI description of the API, JSON.
#[must_use]
pub fn api_description() -> String {
    api::router().1.to_pretty_json().unwrap_or_default()
}

async fn serve_until(
    told_to_end: impl Future<Output = ()>,
    listener: TcpListener,
    tls: Option<RustlsConfig>,
    connections: Arc<Connections>,
    service: Arc<Service>,
) -> Result<(), ServeError> {
    let handle = Handle::new();
    let application = api::application(Arc::clone(&service), Arc::clone(&connections));
    let application = application.into_make_service_with_connect_info::<SocketAddr>();
    let end = async {
        told_to_end.await;
        service.begin_to_end();
        handle.graceful_shutdown(Some(REQUESTS_END));
        std::future::pending::<()>().await;
    };
    let acceptor = LimitedAcceptor { connections, is_plain: tls.is_none() };
    let serving = async {
        // One request at a time on a connection: who has so many connections has no more requests.
        let mut server = axum_server::from_tcp(listener)?.http1_only().handle(handle.clone());
        server.http_builder().http1().header_read_timeout(IDLE_TIME_MAX);
        match tls {
            None => server.acceptor(acceptor).serve(application).await,
            Some(tls) => {
                let acceptor = RustlsAcceptor::new(tls).handshake_timeout(HANDSHAKE_TIME_MAX).acceptor(acceptor);
                server.acceptor(acceptor).serve(application).await
            }
        }
    };
    tokio::select! {
        served = serving => Ok(served?),
        () = end => Ok(()),
    }
}

async fn tls_config(tls: &Tls) -> std::io::Result<RustlsConfig> {
    // Another part of the program may have said so before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = RustlsConfig::from_pem_file(&tls.certificate, &tls.key).await.map_err(|error| {
        let (certificate, key) = (tls.certificate.display(), tls.key.display());
        std::io::Error::other(format!("{certificate} and {key} are not a certificate and its key: {error}"))
    })?;
    let mut of_http1 = rustls::ServerConfig::clone(&config.get_inner());
    of_http1.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(RustlsConfig::from_config(Arc::new(of_http1)))
}

/// Waits until the process is told to end, which from this call on does not end it by itself.
fn told_to_end() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Who may deploy writes files, and no catalog, checkpoint or machine code. Both paths are real ones.
fn check_apart(files: &Path, data_dir: &Path) -> Result<(), ServeError> {
    let is_apart = !files.starts_with(data_dir) && !data_dir.starts_with(files);
    if is_apart || files == data_dir.join("files") {
        return Ok(());
    }
    Err(ServeError::NotApart { files: files.to_path_buf(), data_dir: data_dir.to_path_buf() })
}

/// A server that others reach must know them, and be known to them.
fn check_open(config: &ServeConfig, catalog: &Catalog) -> Result<(), ServeError> {
    let listen = config.listen;
    if listen.ip().is_loopback() {
        return Ok(());
    }
    if config.tls.is_none() && !config.allow_plain_http {
        let advice =
            "give --tls-cert and --tls-key, or --allow-plain-http if a proxy in front of the server speaks TLS";
        return Err(ServeError::Open { listen, advice });
    }
    if catalog.tokens()?.is_empty() {
        let advice = "create a token first, with `weir token create NAME --role admin`";
        return Err(ServeError::Open { listen, advice });
    }
    Ok(())
}

fn folder(what: &'static str, path: &Path) -> Result<PathBuf, ServeError> {
    let make = || {
        std::fs::create_dir_all(path)?;
        path.canonicalize()
    };
    make().map_err(|error| in_path(what, path, error))
}

/// Held as long as the server runs.
fn lock(data_dir: &Path) -> Result<std::fs::File, ServeError> {
    let path = data_dir.join("lock");
    let file = std::fs::File::create(&path).map_err(|error| in_path("the lock", &path, error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(ServeError::Locked(data_dir.to_path_buf())),
        Err(std::fs::TryLockError::Error(error)) => Err(in_path("the lock", &path, error)),
    }
}

fn in_path(what: &'static str, path: &Path, error: std::io::Error) -> ServeError {
    ServeError::Path { what, path: path.to_path_buf(), error }
}
