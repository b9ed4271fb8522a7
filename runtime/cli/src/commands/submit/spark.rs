//! Spark, by its command `spark-submit`: its driver runs beside this command, until the job ends.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, anyhow, bail};
use serde::{Deserialize, Serialize};
use serde_json::json;
use weir_embed::Plan;
use weir_engine::NodeDescription;

use super::working_folder::WorkingFolder;
use super::{Args, Submission, child, jar, settings, totals};
use crate::spark::application_name;
use crate::{figures, json, terminal};

/// The class that is the driver.
const CLASS: &str = "io.weir.spark.WeirJob";
/// All processors of this machine.
const LOCAL: &str = "local[*]";

/// How a job has ended, as the driver writes it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Outcome {
    error: Option<String>,
    /// Those of the whole job; 0: it is a batch job.
    micro_batches: u64,
    steps: BTreeMap<String, Counts>,
}

/// What a step has counted.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Counts {
    rows_in: u64,
    rows_out: u64,
    rows_late: u64,
    rows_failed: u64,
}

/// Runs it to its end; `master` is Spark's, if it is not this machine.
pub(super) fn run(args: &Args, master: Option<&str>, submission: &Submission) -> anyhow::Result<()> {
    let is_local = master.is_none_or(|master| master.starts_with("local"));
    let (folder, plan) = (WorkingFolder::new()?, &submission.plan);
    let checkpoints = match plan.checkpoint {
        Some(_) => Some(checkpoints(submission, is_local, folder.path())?),
        None => None,
    };
    let mut command = Command::new(spark_submit()?);
    let jar = jar::with_bundle(&jar::find(args.engine, args.jar.as_deref())?, &submission.bundle, folder.path())?;
    let temporary = folder.path().join("driver");
    std::fs::create_dir(&temporary).context("cannot keep what comes of it")?;
    command.args(["--master", master.unwrap_or(LOCAL), "--name", &application_name(&plan.name), "--class", CLASS]);
    // Spark's own files of settings may say that the driver runs in the cluster, where it would not end with this command.
    command.args(["--deploy-mode", "client"]);
    for (key, value) in settings::all(&args.settings, is_local) {
        command.arg("--conf").arg(format!("{key}={value}"));
    }
    command.arg(jar.path()).arg("--temporary").arg(&temporary);
    if let Some(checkpoints) = &checkpoints {
        command.arg("--checkpoint-dir").arg(checkpoints.path());
    }
    if args.allow_dropped_state {
        command.arg("--allow-dropped-state");
    }
    let Some(status) = child::run(&mut command).context("cannot run spark-submit")? else {
        match checkpoints {
            Some(Checkpoints::Kept(folder)) => bail!("interrupted: the same command resumes from {folder}"),
            _ => bail!("interrupted: the job has ended, and nothing of it is kept"),
        }
    };
    let text = std::fs::read_to_string(temporary.join("outcome")).unwrap_or_default();
    if text.is_empty() {
        bail!("the job has failed ({status}); what it printed says why");
    }
    let Outcome { error, micro_batches, steps } =
        serde_json::from_str(&text).context("the job has ended, and does not say how")?;
    if let Some(reason) = error {
        return Err(anyhow!("{reason}").context("the job has failed"));
    }
    if args.json {
        return json::print(&json!({
            "ok": true, "engine": "spark", "job": plan.name, "micro-batches": micro_batches, "steps": steps, "notes": plan.notes,
        }));
    }
    terminal::print(&told(plan, micro_batches, &steps));
    Ok(())
}

/// Where checkpoints are.
enum Checkpoints {
    Kept(String),
    /// Until the job ends.
    Temporary(PathBuf),
}

impl Checkpoints {
    fn path(&self) -> String {
        match self {
            Self::Kept(folder) => folder.clone(),
            Self::Temporary(folder) => folder.display().to_string(),
        }
    }
}

/// `folder` goes with this command.
fn checkpoints(submission: &Submission, is_local: bool, folder: &Path) -> anyhow::Result<Checkpoints> {
    let settings = submission.file.graph.checkpoint.as_ref();
    match settings.map(|settings| settings.location.as_str()).unwrap_or_default() {
        "" if is_local => {
            terminal::print_notes(&[
                "checkpoints are of use only until the job ends: --checkpoint-dir keeps them".to_owned()
            ]);
            Ok(Checkpoints::Temporary(folder.join("checkpoints")))
        }
        "" => {
            bail!("a stream needs a folder for its checkpoints that all machines share: name it with --checkpoint-dir")
        }
        location if location.contains("://") => Ok(Checkpoints::Kept(location.to_owned())),
        location => Ok(Checkpoints::Kept(std::path::absolute(location)?.display().to_string())),
    }
}

/// Spark's command: that of `$SPARK_HOME`, or one on the path, as the package `pyspark` brings it.
fn spark_submit() -> anyhow::Result<PathBuf> {
    if let Some(home) = std::env::var_os("SPARK_HOME").filter(|home| !home.is_empty()) {
        let command = Path::new(&home).join("bin/spark-submit");
        anyhow::ensure!(command.is_file(), "$SPARK_HOME has no bin/spark-submit: {}", command.display());
        return Ok(command);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut commands = std::env::split_paths(&path).map(|folder| folder.join("spark-submit"));
    commands.find(|command| command.is_file()).ok_or_else(|| {
        anyhow!(
            "there is no spark-submit: unpack Apache Spark 4.0 or newer (https://spark.apache.org/downloads.html) and set SPARK_HOME to its \
             folder, or install the Python package pyspark"
        )
    })
}

fn told(plan: &Plan, micro_batches: u64, steps: &BTreeMap<String, Counts>) -> String {
    let counts = |step: &NodeDescription| {
        let of = steps.get(&step.name)?;
        Some((step.name.clone(), [of.rows_in, of.rows_out, of.rows_late, of.rows_failed]))
    };
    let table = totals::table(plan, plan.steps.iter().filter_map(counts).collect());
    let after = match micro_batches {
        0 => String::new(),
        _ => format!(" after {}", figures::counted(micro_batches, "micro-batch")),
    };
    format!("{table}\n{} is done{after}\n", terminal::bold(&plan.name))
}
