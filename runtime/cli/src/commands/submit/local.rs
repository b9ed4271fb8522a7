//! A cluster in a JVM of its own: it ends with the job.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, anyhow, bail};

use super::Args;
use crate::json;

/// The class that runs a job in its own process.
const CLASS: &str = "io.weir.flink.WeirLocal";

/// What Flink's own scripts open to it.
const OPENS: [&str; 2] = ["--add-opens=java.base/java.util=ALL-UNNAMED", "--add-opens=java.base/java.lang=ALL-UNNAMED"];
/// Without a configuration Flink's log has errors only, on the standard output.
const LOG: &str = "-Dweir.log=stderr";

/// Runs it to its end.
pub(super) fn run(args: &Args, jar: &Path, bundle: &[u8]) -> anyhow::Result<()> {
    let libs = flink_libs(args.flink_libs.as_deref())?;
    let mut file = tempfile::Builder::new().prefix("weir-bundle-").tempfile().context("cannot write the pipeline")?;
    file.write_all(bundle).context("cannot write the pipeline")?;
    let home = std::env::var_os("JAVA_HOME").filter(|home| !home.is_empty());
    let java = home.map_or_else(|| PathBuf::from("java"), |home| PathBuf::from(home).join("bin/java"));
    let mut class_path = jar.as_os_str().to_owned();
    class_path.push(":");
    class_path.push(libs.join("*"));
    let failure = tempfile::Builder::new().prefix("weir-failure-").tempfile().context("cannot keep a reason")?;
    let mut command = Command::new(&java);
    command.args(OPENS).arg(LOG).arg("-cp").arg(class_path).arg(CLASS).arg(failure.path());
    command.arg("--bundle").arg(file.path());
    let mut set = |key: &str, value: &str| {
        command.arg("-D").arg(format!("{key}={value}"));
    };
    // Nobody looks at its web pages.
    set("rest.bind-port", "0");
    // Without a folder Flink keeps checkpoints of 5 MB at most; they are of use only until the job ends.
    let checkpoints =
        tempfile::Builder::new().prefix("weir-checkpoints-").tempdir().context("cannot keep checkpoints")?;
    set("execution.checkpointing.dir", &format!("file://{}", checkpoints.path().display()));
    if let Some(savepoint) = &args.savepoint {
        set("execution.state-recovery.path", savepoint);
        set("execution.state-recovery.ignore-unclaimed-state", &args.allow_dropped_state.to_string());
    }
    args.settings.iter().for_each(|(key, value)| set(key, value));
    let mut child = command.stdin(Stdio::piped()).spawn().with_context(|| {
        format!("cannot run {}: Flink needs Java 17 or newer, on the path or in $JAVA_HOME", java.display())
    })?;
    // The JVM ends when this end of its standard input is closed: by a signal, or because this process is gone.
    let alive = Arc::new(Mutex::new(child.stdin.take()));
    let held = alive.clone();
    ctrlc::set_handler(move || drop(held.lock().unwrap_or_else(PoisonError::into_inner).take()))?;
    let status = child.wait()?;
    if alive.lock().unwrap_or_else(PoisonError::into_inner).is_none() {
        bail!("interrupted: the job has ended, and its checkpoints are gone");
    }
    if !status.success() {
        let reason = std::fs::read_to_string(failure.path()).unwrap_or_default();
        let failed = "the job has failed";
        return Err(match reason.is_empty() {
            true => anyhow!("{failed} ({status}); what it printed says why"),
            false => anyhow!("{reason}").context(failed),
        });
    }
    if args.json { json::print_done() } else { Ok(()) }
}

fn flink_libs(named: Option<&Path>) -> anyhow::Result<PathBuf> {
    let home = std::env::var_os("FLINK_HOME").filter(|home| !home.is_empty());
    let libs = named.map(Path::to_path_buf).or_else(|| home.map(|home| PathBuf::from(home).join("lib")));
    let libs = libs.ok_or_else(|| {
        anyhow!(
            "a local run needs Flink's jars: unpack Apache Flink 2.0 or newer (https://flink.apache.org/downloads) and set FLINK_HOME to its \
             folder, or name the folder of the jars with --flink-libs"
        )
    })?;
    let has_jar = |libs: &Path| {
        let entries = std::fs::read_dir(libs).ok()?;
        entries
            .filter_map(Result::ok)
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .any(|name| {
                ["flink-dist", "flink-runtime"].iter().any(|jar| name.starts_with(jar)) && name.ends_with(".jar")
            })
            .then_some(())
    };
    has_jar(&libs).ok_or_else(|| anyhow!("{} has no jar of Flink", libs.display()))?;
    Ok(libs)
}
