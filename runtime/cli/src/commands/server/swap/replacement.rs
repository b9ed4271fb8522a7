//! One job in the place of another on a Flink cluster: the old one is stopped with a savepoint and the new one resumes from there. It is
//! kept when its first checkpoint is complete; if it fails before, the old one resumes from the savepoint. It prints only where the
//! savepoint is, for the case that this command is ended meanwhile.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use serde_json::{Value, json};
use weir_core::time::Clock as _;

use crate::clock::SystemClock;
use crate::flink::Cluster;
use crate::flink::cluster::{Refusal, RunOptions};
use crate::flink::jobs::{Snapshot, is_over};
use crate::{signals, terminal};

const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How many looks may find something still under way: an hour, without the time of the answers. Large state takes its time.
const LOOKS_MAX: u32 = 72_000;
/// For how long a cluster may be out of reach: a JobManager that starts again takes a minute.
const OUT_OF_REACH_US_MAX: i64 = 120_000_000;
/// How many looks may not find a job that a cluster was to start, and did not say of whether it has: as long as it may take to make it.
const LOOKS_FOR_JOB_MAX: u32 = 12_000;
/// How many looks a job that has failed gets at most: Flink shows reasons some seconds late.
const LOOKS_AFTER_FAILURE_MAX: u32 = 200;

/// A jar that is on a cluster as long as this is here.
pub(super) struct UploadedJar<'a> {
    cluster: &'a Cluster,
    id: String,
}

impl<'a> UploadedJar<'a> {
    pub(super) fn new(cluster: &'a Cluster, jar: &Path, name: &str) -> anyhow::Result<Self> {
        Ok(Self { cluster, id: cluster.upload(jar, name)? })
    }
}

impl Drop for UploadedJar<'_> {
    fn drop(&mut self) {
        // It takes a place on the cluster's disk; that is not worth an error.
        let _ = self.cluster.remove_jar(&self.id);
    }
}

/// What is replaced.
pub(super) struct Replacement<'a> {
    pub(super) cluster: &'a Cluster,
    /// The id of the job that runs.
    pub(super) job: &'a str,
    /// Keys of Flink's configuration for both.
    pub(super) settings: &'a [(String, String)],
    /// Where the savepoint is written.
    pub(super) folder: Option<&'a str>,
    /// The command that shows whether a job runs, and the one that starts the old version, which wants `--savepoint` behind it.
    pub(super) commands: (String, String),
}

/// What has come of it.
pub(super) enum Outcome {
    /// The new job runs, and its first checkpoint is complete.
    Swapped { id: String, savepoint: String, still_us: i64 },
    /// The old job runs again.
    WentBack { id: String, savepoint: String, reason: String },
}

impl Outcome {
    pub(super) fn as_json(&self, job: &str) -> Value {
        match self {
            Self::Swapped { id, savepoint, still_us } => json!({
                "ok": true, "engine": "flink", "job": job, "phase": "done", "id": id, "savepoint": savepoint, "still_us": still_us,
            }),
            Self::WentBack { id, savepoint, reason } => json!({
                "ok": false, "engine": "flink", "job": job, "phase": "rolled-back", "id": id, "savepoint": savepoint, "reason": reason,
            }),
        }
    }
}

impl Replacement<'_> {
    /// Has the cluster make a job of a jar, and not run it.
    pub(super) fn check(&self, jar: &UploadedJar<'_>) -> anyhow::Result<()> {
        self.cluster.try_jar(&jar.id, self.options(None, None))
    }

    /// Replaces it. An error leaves the job as it was, or says what is left of it.
    pub(super) fn run(&self, old: &UploadedJar<'_>, new: &UploadedJar<'_>) -> anyhow::Result<Outcome> {
        let shows = &self.commands.0;
        let asked = match self.folder {
            Some(folder) => format!("its savepoint is in {folder}, if it has stopped"),
            None => "its savepoint is where Flink's configuration says, if it has stopped".to_owned(),
        };
        let last_words =
            format!("the job was asked to stop with a savepoint: `{shows}` shows whether it runs; {asked}\n");
        let last_words = Arc::new(Mutex::new(last_words));
        let said = Arc::clone(&last_words);
        signals::end_with(move || terminal::print(&said.lock().unwrap_or_else(PoisonError::into_inner)))?;
        self.replace(old, new, &last_words)
    }

    /// `last_words` are what is said if this command is interrupted.
    fn replace(
        &self,
        old: &UploadedJar<'_>,
        new: &UploadedJar<'_>,
        last_words: &Mutex<String>,
    ) -> anyhow::Result<Outcome> {
        let clock = SystemClock::new();
        let before_us = clock.now_us();
        let (shows, starts) = &self.commands;
        let savepoint = self.stop()?;
        terminal::print(&format!("stopped with a savepoint: {savepoint}\n"));
        let again =
            format!("the old version starts again with\n  {starts} --savepoint {}", terminal::shell_word(&savepoint));
        *last_words.lock().unwrap_or_else(PoisonError::into_inner) =
            format!("perhaps no job runs: `{shows}` shows it. If none does, {again}\n");
        let id = new_id(&savepoint, "new");
        let failed = match self.start(&id, new, &savepoint, &clock) {
            Ok(ran_us) => {
                let still_us = ran_us.saturating_sub(before_us);
                return Ok(Outcome::Swapped { id, savepoint, still_us });
            }
            Err(error) => error,
        };
        let reason = format!("{failed:#}");
        if self.has_committed(&id)? {
            bail!(
                "the new version failed after a checkpoint, and no job runs: {reason}. What it wrote until then is visible, so the old version \
                 would write it again: submit either from that checkpoint, if Flink keeps it, or, with these rows twice, {again}"
            );
        }
        let id = new_id(&savepoint, "old");
        self.start(&id, old, &savepoint, &clock).with_context(|| {
            format!("the new version failed ({reason}), and the old one has not started from {savepoint}. When that is mended, {again}")
        })?;
        Ok(Outcome::WentBack { id, savepoint, reason })
    }

    fn options<'a>(&'a self, id: Option<&'a str>, savepoint: Option<&'a str>) -> RunOptions<'a> {
        RunOptions { id, savepoint, allow_dropped_state: false, settings: self.settings }
    }

    /// Stops the job; where its savepoint is.
    fn stop(&self) -> anyhow::Result<String> {
        let request = self.cluster.begin_stop(self.job, self.folder).map_err(|error| match error.is::<Refusal>() {
            true => error
                .context("the job runs as before: it cannot be stopped with a savepoint (--savepoint-dir says where)"),
            false => error.context("it is not known whether the job stops"),
        })?;
        let savepoint = look(|| {
            Ok(match self.cluster.savepoint(self.job, &request)? {
                Snapshot::UnderWay => None,
                Snapshot::Done(place) => Some(Ok(place)),
                Snapshot::Failed(reason) => Some(Err(anyhow!("{reason}"))),
            })
        });
        let savepoint = savepoint.context("it is not known whether the job was stopped")?.with_context(|| {
            let state = self.cluster.state(self.job).ok().flatten().unwrap_or_else(|| "gone".to_owned());
            format!("nothing was replaced: the savepoint failed, and the job is {state}")
        })?;
        self.until_over(self.job)?;
        Ok(savepoint)
    }

    /// Starts a job and waits for its first checkpoint; one that fails before that is ended. When that checkpoint began: all tasks ran.
    fn start(&self, id: &str, jar: &UploadedJar<'_>, savepoint: &str, clock: &SystemClock) -> anyhow::Result<i64> {
        let started = match self.cluster.run_jar(&jar.id, self.options(Some(id), Some(savepoint))) {
            // It may be at it although no answer came.
            Err(error) if !error.is::<Refusal>() => {
                look_at_most(LOOKS_FOR_JOB_MAX, || self.cluster.state(id)).map(drop).map_err(|_| error)
            }
            started => started.map(drop),
        };
        let failure = match started.and_then(|()| self.watch(id, clock)) {
            Ok(ran_us) => return Ok(ran_us),
            Err(failure) => failure,
        };
        let left = look(|| self.cluster.state(id).map(Some));
        let left = left.with_context(|| format!("it is not known whether job {id} runs ({failure:#})"))?;
        if left.is_some_and(|state| !is_over(&state)) {
            let cancelled = look(|| self.cluster.cancel(id).map(Some));
            cancelled.with_context(|| format!("job {id} failed ({failure:#}), and cannot be ended"))?;
            self.until_over(id)?;
        }
        Err(failure)
    }

    /// Waits for the first checkpoint of a job: what it wrote is visible from then on.
    fn watch(&self, id: &str, clock: &SystemClock) -> anyhow::Result<i64> {
        let mut asked: Option<(String, i64)> = None;
        let watched = look(|| {
            let state = self.cluster.state(id)?.unwrap_or_default();
            match state.as_str() {
                "finished" => return Ok(Some(Ok(clock.now_us()))),
                "failed" | "failing" | "restarting" | "canceled" => return Ok(Some(Err(self.reason(id, &state)))),
                "running" => {}
                _ => return Ok(None),
            }
            let Some((request, began_us)) = &asked else {
                let now_us = clock.now_us();
                asked = Some((self.cluster.begin_checkpoint(id)?, now_us));
                return Ok(None);
            };
            match self.cluster.checkpoint(id, request)? {
                Snapshot::Done(_) => return Ok(Some(Ok(*began_us))),
                Snapshot::UnderWay => {}
                // Not all tasks ran yet, for example.
                Snapshot::Failed(_) => asked = None,
            }
            Ok(None)
        });
        if let (Ok(Err(_)), Some((request, _))) = (&watched, &asked) {
            // Flink waits until its answer is taken before it ends.
            let is_answered =
                || Ok((!matches!(self.cluster.checkpoint(id, request)?, Snapshot::UnderWay)).then_some(()));
            let _ = look_at_most(LOOKS_AFTER_FAILURE_MAX, is_answered);
        }
        watched?
    }

    /// Whether a job that is over has completed a checkpoint of its own.
    fn has_committed(&self, id: &str) -> anyhow::Result<bool> {
        let completed = look(|| match self.cluster.state(id)? {
            Some(state) if !is_over(&state) => bail!("it is {state}"),
            Some(_) => self.cluster.checkpoints_at_end(id),
            // It was never there.
            None => Ok(Some(0)),
        });
        completed.map(|completed| completed > 0).with_context(|| format!("it is not known what job {id} has written"))
    }

    /// Why a job in this state failed.
    fn reason(&self, id: &str, state: &str) -> anyhow::Error {
        let reason = look_at_most(LOOKS_AFTER_FAILURE_MAX, || self.cluster.failure(id));
        reason.map_or_else(|_| anyhow!("it is {state}"), |reason| anyhow!("{reason}"))
    }

    fn until_over(&self, id: &str) -> anyhow::Result<()> {
        look(|| Ok(self.cluster.state(id)?.is_none_or(|state| is_over(&state)).then_some(())))
            .with_context(|| format!("it is not known whether job {id} has ended"))
    }
}

/// An id for a job, chosen here: so the job is known even if no answer comes when it is started.
fn new_id(savepoint: &str, which: &str) -> String {
    let seed = format!("{savepoint} {which} {} {}", std::process::id(), SystemClock::new().now_us());
    blake3::hash(seed.as_bytes()).to_hex().as_str()[..32].to_owned()
}

/// Asks until there is an answer; a cluster may be out of reach for a while.
fn look<T>(ask: impl FnMut() -> anyhow::Result<Option<T>>) -> anyhow::Result<T> {
    look_at_most(LOOKS_MAX, ask)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a person waits for another process, which does not tell when it is done"
)]
fn look_at_most<T>(looks_max: u32, mut ask: impl FnMut() -> anyhow::Result<Option<T>>) -> anyhow::Result<T> {
    let (clock, mut fails_since) = (SystemClock::new(), None);
    for _ in 0..looks_max {
        match ask() {
            Ok(Some(found)) => return Ok(found),
            Ok(None) => fails_since = None,
            Err(error) => {
                let now_us = clock.now_us();
                if now_us - *fails_since.get_or_insert(now_us) > OUT_OF_REACH_US_MAX {
                    return Err(error);
                }
            }
        }
        std::thread::sleep(LOOK_EVERY);
    }
    bail!("nothing came of it in {looks_max} looks")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake_server::serve;

    /// A cluster whose new job fails while the checkpoint is under way that was asked for; so many others are complete by then.
    fn cluster_with_failing_job(checkpoints: u32, runs: Arc<Mutex<Vec<String>>>) -> String {
        let mut has_asked = false;
        serve(move |request| {
            let mut runs = runs.lock().unwrap();
            let new_fails = has_asked && runs.len() == 1;
            let (method, path) = request.split_once(" /v1/").unwrap();
            let parts: Vec<_> = path.split('/').collect();
            let answer = match (method, parts.as_slice()) {
                (_, ["jobs", "old", "stop"]) => json!({ "request-id": "1" }),
                (_, ["jobs", "old", "savepoints", "1"]) => {
                    json!({ "status": { "id": "COMPLETED" }, "operation": { "location": "file:///savepoint" } })
                }
                (_, ["jobs", "old", "status"]) => json!({ "status": "FINISHED" }),
                ("POST", ["jars", jar, "run"]) => {
                    runs.push((*jar).to_owned());
                    has_asked = false;
                    json!({ "jobid": "x" })
                }
                (_, ["jobs", _, "status"]) => json!({ "status": if new_fails { "FAILED" } else { "RUNNING" } }),
                ("POST", ["jobs", _, "checkpoints"]) => {
                    has_asked = true;
                    json!({ "request-id": "2" })
                }
                (_, ["jobs", _, "checkpoints", "2"]) if new_fails => {
                    json!({ "status": { "id": "COMPLETED" }, "operation": { "failureCause": { "stack-trace": "no" } } })
                }
                (_, ["jobs", _, "checkpoints", "2"]) => {
                    json!({ "status": { "id": "COMPLETED" }, "operation": { "checkpointId": 7 } })
                }
                (_, ["jobs", _, "checkpoints"]) => json!({ "counts": { "completed": checkpoints } }),
                (_, ["jobs", _, "exceptions"]) => {
                    json!({ "exceptionHistory": { "entries": [{ "stacktrace": "a.b.Failed: seven is refused" }] } })
                }
                (_, ["jobs", _]) => json!({ "state": "FAILED" }),
                ("DELETE", ["jars", _]) => json!({}),
                _ => return None,
            };
            Some(answer.to_string())
        })
    }

    fn replace(checkpoints: u32) -> (anyhow::Result<Outcome>, Vec<String>) {
        let runs = Arc::new(Mutex::new(Vec::new()));
        let cluster = Cluster::new(&cluster_with_failing_job(checkpoints, Arc::clone(&runs))).unwrap();
        let [old, new] = ["old.jar", "new.jar"].map(|id| UploadedJar { cluster: &cluster, id: id.to_owned() });
        let replacement = Replacement {
            cluster: &cluster,
            job: "old",
            settings: &[],
            folder: None,
            commands: ("weir ps".to_owned(), "weir submit p.toml".to_owned()),
        };
        let outcome = replacement.replace(&old, &new, &Mutex::default());
        let runs = runs.lock().unwrap().clone();
        (outcome, runs)
    }

    #[test]
    fn the_old_version_starts_again_if_nothing_of_the_new_one_is_visible() {
        let (outcome, runs) = replace(0);
        let Ok(Outcome::WentBack { reason, .. }) = outcome else { panic!("{runs:?}") };
        assert_eq!((reason.as_str(), runs), ("seven is refused", vec!["new.jar".to_owned(), "old.jar".to_owned()]));
    }

    /// A periodic checkpoint was complete before the one that was asked for.
    #[test]
    fn the_old_version_does_not_write_again_what_the_new_one_has_made_visible() {
        let (outcome, runs) = replace(1);
        let error = format!("{:#}", outcome.err().unwrap());
        for text in [
            "failed after a checkpoint, and no job runs: seven is refused",
            "weir submit p.toml --savepoint file:///savepoint",
        ] {
            assert!(error.contains(text), "{error}");
        }
        assert_eq!(runs, ["new.jar"]);
    }
}
