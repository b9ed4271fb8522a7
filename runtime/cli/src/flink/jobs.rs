//! Weir's jobs on a cluster: which there are and how they stand; stopping one with a savepoint, and looking whether another runs. What
//! tells Weir's jobs from others is in their parameters, where the job's classes put it.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use super::cluster::{Cluster, Refusal};
use super::reasons::reasons;
use crate::engine_job::EngineJob;

/// The parameter that all of Weir's jobs have.
const VERSION: &str = "weir.version";

/// How far a checkpoint or a savepoint is.
pub(crate) enum Snapshot {
    UnderWay,
    /// Where a savepoint is; of a checkpoint nothing.
    Done(String),
    /// Why there is none.
    Failed(String),
}

/// Whether a job in this state will do nothing more.
pub(crate) fn is_over(state: &str) -> bool {
    ["finished", "failed", "canceled"].contains(&state)
}

impl Cluster {
    /// Weir's jobs, the newest first.
    pub(crate) fn jobs(&self) -> anyhow::Result<Vec<EngineJob>> {
        let overview = self.get("/v1/jobs/overview")?;
        let mut jobs = Vec::new();
        for job in overview["jobs"].as_array().into_iter().flatten() {
            let id = job["jid"].as_str().context("Flink did not name a job")?;
            match self.job(id, job) {
                Ok(job) => jobs.extend(job),
                // It has gone meanwhile.
                Err(error) if error.downcast_ref().is_some_and(Refusal::is_not_found) => {}
                Err(error) => return Err(error),
            }
        }
        jobs.sort_by_key(|job| std::cmp::Reverse(job.started_us));
        Ok(jobs)
    }

    /// A job that the overview has; `None`: it is not Weir's.
    fn job(&self, id: &str, job: &Value) -> anyhow::Result<Option<EngineJob>> {
        let config = self.get(&format!("/v1/jobs/{id}/config"))?;
        let parameters: BTreeMap<String, String> =
            serde_json::from_value(config["execution-config"]["user-config"].clone()).unwrap_or_default();
        let Some(weir) = parameters.get(VERSION).cloned() else { return Ok(None) };
        let details = self.get(&format!("/v1/jobs/{id}"))?;
        let parallelism = vertices(&details).filter_map(|vertex| vertex["parallelism"].as_u64()).max();
        Ok(Some(EngineJob {
            engine: "flink",
            name: job["name"].as_str().unwrap_or_default().to_owned(),
            id: id.to_owned(),
            // What comes with the rest is some seconds old.
            state: self.state(id)?.unwrap_or_else(|| lower(&details["state"])),
            started_us: job["start-time"].as_i64().unwrap_or_default().saturating_mul(1000),
            parallelism,
            weir,
            parameters,
        }))
    }

    /// The job of this name or id that is not over.
    pub(crate) fn running_job(&self, name: &str) -> anyhow::Result<EngineJob> {
        let jobs = self.jobs()?;
        let mut found = jobs.iter().filter(|job| !is_over(&job.state) && (job.name == name || job.id == name));
        match (found.next(), found.next()) {
            (Some(job), None) => Ok(job.clone()),
            (Some(job), Some(other)) => bail!("several jobs are called {name}: name {} or {}", job.id, other.id),
            (None, _) => {
                let all: Vec<_> = jobs.iter().filter(|job| !is_over(&job.state)).map(|job| job.name.as_str()).collect();
                let all = if all.is_empty() { "none".to_owned() } else { all.join(", ") };
                bail!("no job of Weir called {name} runs on this cluster; those that run: {all}")
            }
        }
    }

    /// The state of a job as it is now; `None`: there is none with this id.
    pub(crate) fn state(&self, id: &str) -> anyhow::Result<Option<String>> {
        match self.get(&format!("/v1/jobs/{id}/status")) {
            Ok(answer) => Ok(Some(lower(&answer["status"]))),
            Err(error) if error.downcast_ref().is_some_and(Refusal::is_not_found) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Why a job failed last, whether or not it was started again. Flink keeps what it answers for some seconds.
    pub(crate) fn failure(&self, id: &str) -> anyhow::Result<Option<String>> {
        let exceptions = self.get(&format!("/v1/jobs/{id}/exceptions"))?;
        let trace = exceptions["exceptionHistory"]["entries"][0]["stacktrace"].as_str();
        Ok(trace.map(|trace| reasons([trace].into_iter())))
    }

    /// How many checkpoints a job has completed that is over, as soon as that is known.
    pub(crate) fn checkpoints_at_end(&self, id: &str) -> anyhow::Result<Option<u64>> {
        if !is_over(&lower(&self.get(&format!("/v1/jobs/{id}"))?["state"])) {
            return Ok(None);
        }
        let checkpoints = self.get(&format!("/v1/jobs/{id}/checkpoints"))?;
        Ok(Some(checkpoints["counts"]["completed"].as_u64().unwrap_or_default()))
    }

    /// Begins a checkpoint; what [`Cluster::checkpoint`] is asked for.
    pub(crate) fn begin_checkpoint(&self, job: &str) -> anyhow::Result<String> {
        self.request(&format!("/v1/jobs/{job}/checkpoints"), &json!({}))
    }

    /// How far a checkpoint is.
    pub(crate) fn checkpoint(&self, job: &str, request: &str) -> anyhow::Result<Snapshot> {
        Ok(snapshot(&self.get(&format!("/v1/jobs/{job}/checkpoints/{request}"))?))
    }

    /// Begins to stop a job with a savepoint; what [`Cluster::savepoint`] is asked for. Without a folder Flink's configuration says where.
    pub(crate) fn begin_stop(&self, job: &str, folder: Option<&str>) -> anyhow::Result<String> {
        self.request(&format!("/v1/jobs/{job}/stop"), &json!({ "targetDirectory": folder, "drain": false }))
    }

    /// How far a savepoint is.
    pub(crate) fn savepoint(&self, job: &str, request: &str) -> anyhow::Result<Snapshot> {
        Ok(snapshot(&self.get(&format!("/v1/jobs/{job}/savepoints/{request}"))?))
    }

    /// Asks for something that takes time; its number.
    fn request(&self, path: &str, body: &Value) -> anyhow::Result<String> {
        let answer = self.post(path, body)?;
        Ok(answer["request-id"].as_str().context("Flink gave no number to the request")?.to_owned())
    }

    /// Ends a job.
    pub(crate) fn cancel(&self, job: &str) -> anyhow::Result<()> {
        self.patch(&format!("/v1/jobs/{job}?mode=cancel")).map(drop)
    }
}

fn snapshot(answer: &Value) -> Snapshot {
    if answer["status"]["id"] != "COMPLETED" {
        return Snapshot::UnderWay;
    }
    // A savepoint has a place, a checkpoint a number; the names differ for what went wrong, too.
    let operation = &answer["operation"];
    let failure =
        ["failure-cause", "failureCause"].into_iter().find_map(|name| operation[name]["stack-trace"].as_str());
    match (operation["location"].as_str(), operation["checkpointId"].as_u64(), failure) {
        (_, _, Some(trace)) => Snapshot::Failed(reasons([trace].into_iter())),
        (Some(place), _, None) => Snapshot::Done(place.to_owned()),
        (None, Some(_), None) => Snapshot::Done(String::new()),
        (None, None, None) => Snapshot::Failed("Flink does not say why".to_owned()),
    }
}

fn vertices(details: &Value) -> impl Iterator<Item = &Value> {
    details["vertices"].as_array().into_iter().flatten()
}

fn lower(text: &Value) -> String {
    text.as_str().unwrap_or_default().to_lowercase()
}
