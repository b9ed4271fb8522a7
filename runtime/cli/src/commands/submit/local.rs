//! A cluster in a JVM of its own: it ends with the job.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, anyhow, bail};
use serde::Deserialize;
use serde_json::{Value, json};

use super::working_folder::WorkingFolder;
use super::{Args, Submission, child, totals};
use crate::flink::reasons::reasons;
use crate::{figures, json, terminal};

/// The class that runs a job in its own process.
const CLASS: &str = "io.weir.flink.WeirLocal";

/// What Flink's own scripts open to it.
const OPENS: [&str; 2] = ["--add-opens=java.base/java.util=ALL-UNNAMED", "--add-opens=java.base/java.lang=ALL-UNNAMED"];
/// Without a configuration Flink's log has errors only, on the standard output.
const LOG: &str = "-Dweir.log=stderr";

/// What the class says of a job that has ended.
#[derive(Deserialize)]
struct Ended {
    id: String,
    flink: String,
    elapsed_ms: u64,
    /// By step and name.
    figures: BTreeMap<String, BTreeMap<String, u64>>,
}

/// Runs it to its end.
pub(super) fn run(args: &Args, jar: &Path, submission: &Submission) -> anyhow::Result<()> {
    let libs = flink_libs(args.flink_libs.as_deref())?;
    let folder = WorkingFolder::new()?;
    let [bundle, outcome, checkpoints] = ["bundle", "outcome", "checkpoints"].map(|name| folder.path().join(name));
    std::fs::write(&bundle, &submission.bundle).context("cannot write the pipeline")?;
    let home = std::env::var_os("JAVA_HOME").filter(|home| !home.is_empty());
    let java = home.map_or_else(|| PathBuf::from("java"), |home| PathBuf::from(home).join("bin/java"));
    let mut class_path = jar.as_os_str().to_owned();
    class_path.push(":");
    class_path.push(libs.join("*"));
    let mut command = Command::new(&java);
    command.args(OPENS).arg(LOG).arg("-cp").arg(class_path).arg(CLASS).arg(&outcome);
    command.arg("--bundle").arg(&bundle);
    let mut set = |key: &str, value: &str| {
        command.arg("-D").arg(format!("{key}={value}"));
    };
    // Nobody looks at its web pages, and nothing of it is for other machines.
    set("rest.bind-port", "0");
    for key in ["rest.bind-address", "jobmanager.bind-host", "taskmanager.bind-host"] {
        set(key, "127.0.0.1");
    }
    // Without a folder Flink keeps checkpoints of 5 MB at most; they are of use only until the job ends.
    set("execution.checkpointing.dir", &format!("file://{}", checkpoints.display()));
    if let Some(savepoint) = &args.savepoint {
        set("execution.state-recovery.path", savepoint);
        set("execution.state-recovery.ignore-unclaimed-state", &args.allow_dropped_state.to_string());
    }
    args.settings.iter().for_each(|(key, value)| set(key, value));
    let run = child::run(&mut command).with_context(|| {
        format!("cannot run {}: Flink needs Java 17 or newer, on the path or in $JAVA_HOME", java.display())
    })?;
    let Some(status) = run else { bail!("interrupted: the job has ended, and its checkpoints are gone") };
    let outcome = std::fs::read_to_string(&outcome).unwrap_or_default();
    if !status.success() {
        let failed = "the job has failed";
        return Err(match outcome.is_empty() {
            true => anyhow!("{failed} ({status}); what it printed says why"),
            false => anyhow!("{}", reasons([outcome.as_str()].into_iter())).context(failed),
        });
    }
    let ended = serde_json::from_str(&outcome).context("the job has ended, and does not say how")?;
    tell(args, submission, &ended)
}

/// Says what the job has done.
fn tell(args: &Args, submission: &Submission, ended: &Ended) -> anyhow::Result<()> {
    let Ended { id, flink, elapsed_ms, figures: counted } = ended;
    let plan = &submission.plan;
    let count = |step: &str, name: &str| counted.get(step).and_then(|of| of.get(name)).copied().unwrap_or_default();
    let names = ["rows-in", "rows-out", "rows-late", "rows-failed"];
    let steps = plan.steps.iter().map(|step| step.name.as_str());
    let elapsed_us = i64::try_from(*elapsed_ms).unwrap_or(i64::MAX).saturating_mul(1000);
    if args.json {
        let of_step = |step: &str| {
            let counts = names.iter().map(|name| ((*name).to_owned(), json!(count(step, name))));
            Value::Object([("name".to_owned(), json!(step))].into_iter().chain(counts).collect())
        };
        return json::print(&json!({
            "ok": true, "engine": "flink", "job": plan.name, "id": id, "flink": flink, "elapsed_us": elapsed_us,
            "steps": steps.map(of_step).collect::<Vec<_>>(), "notes": plan.notes,
        }));
    }
    let counts = |step: &str| (step.to_owned(), names.map(|name| count(step, name)));
    let table = totals::table(plan, steps.map(counts).collect());
    let (name, elapsed) = (terminal::bold(&plan.name), figures::duration(elapsed_us));
    terminal::print(&format!("{table}\n{name} done in {elapsed} on Flink {flink}\n"));
    Ok(())
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
