//! The process in which a server has an upload checked and compiled. It limits itself before it looks at the upload, so that the worst that
//! an upload does is to end it.

use std::io::Read as _;
use std::path::PathBuf;

use anyhow::Context;
use weir_core::limits::COMPONENT_BYTES_MAX;
use weir_host::{Host, HostConfig, World};
use weir_server::Compiled;

use crate::terminal;

/// Its name on the command line, which no person types.
pub(crate) const NAME: &str = "compile-component";

/// Memory that it may write: compiling the largest interpreters that come as components takes less than half of it.
#[cfg(unix)]
const DATA_BYTES_MAX: u64 = 3 << 30;
/// Seconds of processor time: of all cores together.
#[cfg(unix)]
const CPU_S_MAX: u64 = 240;

/// Where what is made of the component is kept that comes on standard input.
#[derive(clap::Args)]
pub(crate) struct Args {
    cache_dir: PathBuf,
}

/// Prints what the component is; an error if it is no operator or cannot be compiled.
pub(crate) fn execute(args: &Args) -> anyhow::Result<()> {
    limit().context("the process cannot limit itself")?;
    let host = Host::new(HostConfig {
        cache_dir: Some(args.cache_dir.clone()),
        instances_max: Some(1),
        ..HostConfig::default()
    })?;
    let mut bytes = Vec::new();
    // The host refuses what is larger.
    let mut upload = std::io::stdin().take(COMPONENT_BYTES_MAX + 1);
    upload.read_to_end(&mut bytes).context("the upload cannot be read")?;
    let component = host.load_bytes(&bytes, "the component")?;
    let world = match component.world() {
        World::Transform => "transform",
        World::Keyed => "keyed",
        World::Aggregate => "aggregate",
    };
    let compiled = Compiled { world: world.to_owned() };
    terminal::print_json(&serde_json::to_string(&compiled)?).map(drop)
}

#[cfg(unix)]
fn limit() -> std::io::Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = |resource, most: u64| {
        // The parent process may have set a lower limit, and a limit is not raised.
        let most = Some(getrlimit(resource).maximum.map_or(most, |there| there.min(most)));
        setrlimit(resource, Rlimit { current: most, maximum: most })
    };
    limit(Resource::Data, DATA_BYTES_MAX)?;
    limit(Resource::Cpu, CPU_S_MAX)?;
    // A dump of it would hold nothing that anybody needs.
    limit(Resource::Core, 0)?;
    Ok(())
}

#[cfg(not(unix))]
fn limit() -> std::io::Result<()> {
    Err(std::io::Error::other("this system cannot limit a process, so a server takes no operators here"))
}
