//! A cluster that runs already: the jar is uploaded and run there, and removed when the job runs.

use std::path::Path;

use serde_json::json;

use super::working_folder::WorkingFolder;
use super::{Args, Submission, jar};
use crate::flink::Cluster;
use crate::flink::cluster::RunOptions;
use crate::{json, terminal};

/// Submits it, and prints the job's id.
pub(super) fn run(args: &Args, url: &str, weir_jar: &Path, submission: &Submission) -> anyhow::Result<()> {
    let (cluster, plan) = (Cluster::new(url)?, &submission.plan);
    let version = cluster.version()?;
    let folder = WorkingFolder::new()?;
    let jar = jar::with_bundle(weir_jar, &submission.bundle, folder.path())?;
    let id = cluster.upload(jar.path(), &format!("weir-{}.jar", plan.name))?;
    let run = cluster.run_jar(
        &id,
        RunOptions {
            id: None,
            savepoint: args.savepoint.as_deref(),
            allow_dropped_state: args.allow_dropped_state,
            settings: &args.settings,
        },
    );
    // The job has a copy of its own.
    let removed = cluster.remove_jar(&id);
    let job = run?;
    if let Err(error) = removed {
        terminal::print_notes(&[format!("the jar stays on the cluster: {error:#}")]);
    }
    let page = cluster.page(&job);
    if args.json {
        return json::print(&json!({
            "ok": true, "engine": "flink", "job": plan.name, "id": job, "url": page, "flink": version, "notes": plan.notes,
        }));
    }
    terminal::print_result(&format!("{} runs as {job}\n", terminal::bold(&plan.name)))?;
    terminal::print(&format!("{page} shows it\n"));
    Ok(())
}
