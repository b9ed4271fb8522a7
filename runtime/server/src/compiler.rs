//! Checks and compiles a component in a process of its own: whatever a hostile component does to a compiler, it does not do to the
//! jobs. The process limits itself before it reads the component, which comes through a pipe; this waits for it, and ends it if it takes
//! too long.

use std::ffi::OsString;
use std::process::Stdio;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

use crate::problem::{Kind, Problem};

/// Compiling takes so long at most: the largest interpreters that come as components take 24 to 44 s of one core.
const TIME_MAX: Duration = Duration::from_secs(240);
/// Bytes that are read of what it says.
const SAID_BYTES_MAX: u64 = 64 << 10;

/// What the compiler's process prints about a component.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Compiled {
    /// `transform`, `keyed` or `aggregate`.
    pub world: String,
}

/// How the process is started: a program and its first arguments, then comes the folder of what is compiled.
#[derive(Clone, Debug)]
pub(crate) struct Compiler {
    pub(crate) command: Vec<OsString>,
    pub(crate) cache_dir: std::path::PathBuf,
}

impl Compiler {
    /// Checks and compiles a component; what was compiled is in the cache then.
    pub(crate) async fn compile(&self, component: &[u8]) -> Result<Compiled, Problem> {
        let broken = |error: std::io::Error| Problem::internal("the compiler cannot be started", &error);
        let (program, arguments) = self.command.split_first().ok_or_else(|| {
            Problem::new(Kind::Internal, "this server was started without a compiler: it takes no operators")
        })?;
        let mut child = Command::new(program)
            .args(arguments)
            .arg(&self.cache_dir)
            // It needs nothing of what the server knows.
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(broken)?;
        let (input, out, err) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let send = async {
            if let Some(mut input) = input {
                // One that ends before it has read all says why.
                let _ = input.write_all(component).await;
            }
        };
        let work = async { tokio::join!(child.wait(), said(out), said(err), send) };
        let Ok((status, out, err, ())) = tokio::time::timeout(TIME_MAX, work).await else {
            let detail = format!("the component takes longer than {} s to compile", TIME_MAX.as_secs());
            return Err(Problem::new(Kind::Unfit, detail));
        };
        let status = status.map_err(broken)?;
        if status.success() {
            return serde_json::from_str(&out)
                .map_err(|error| Problem::internal("the compiler did not answer with JSON", &error));
        }
        // A process that is ended by a signal has met a limit.
        let err = err.trim();
        let reason = match (status.code(), err.is_empty()) {
            (Some(_), false) => err.strip_prefix("error: ").unwrap_or(err).to_owned(),
            _ => format!("compiling the component needs more time or memory than a component may ({status})"),
        };
        Err(Problem::new(Kind::Unfit, reason))
    }
}

async fn said(from: Option<impl tokio::io::AsyncRead + Unpin>) -> String {
    let mut bytes = Vec::new();
    if let Some(mut from) = from {
        let _ = (&mut from).take(SAID_BYTES_MAX).read_to_end(&mut bytes).await;
        // The rest is read too, so that the process does not wait for a reader.
        let _ = tokio::io::copy(&mut from, &mut tokio::io::sink()).await;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
