//! Finds the job that crashes the server. The catalog lists every job that runs, and whether it is stable: it has completed a checkpoint, or
//! has run for a while. If a job was not stable at an abort, it is under suspicion, and no stable one is; if all were stable, all are. Jobs
//! under suspicion start one at a time, each when the one before is stable, so that another abort is caused by the one that started last.
//! The more often all were stable, the longer each must run before it is: so a job that aborts the server some time after its start is
//! found too. A job that was not stable at several aborts in a row is quarantined: it waits for `weir start`. This module starts and stops
//! no job.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::catalog::{Catalog, CatalogError, UncleanEnds};
use crate::problem::chain;

/// How long unclean ends count, microseconds: one per hour is no crash loop, and within less a job that runs for minutes between two
/// aborts would not be found.
const PERIOD_US: i64 = 3_600_000_000;
/// Aborts in a row before a job was stable: two can be caused by another job that started at the same time.
const ABORTS_BEFORE_STABLE_MAX: u32 = 3;
/// Kills in a row before a job was stable: people and supervisors kill servers for reasons that have nothing to do with a job.
const KILLS_BEFORE_STABLE_MAX: u32 = 20;
/// A job that has run for this long is stable, even if it has completed no checkpoint, microseconds.
const STABLE_AFTER_US: i64 = 30_000_000;
/// Aborts at which all jobs were stable, from which on a checkpoint makes no job stable any more, but only time does.
const ABORTS_WHILE_STABLE_MAX: u32 = 1;
/// How often that time is doubled at most: a server with some jobs is to be up again within the period in which aborts count.
const DOUBLED_MAX: u32 = 4;

/// What is to become of a job that ran when the server ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It continues.
    Continues,
    /// It continues when all other jobs are stable.
    Alone,
    /// It waits for `weir start`, for this reason.
    Quarantined(String),
}

/// The jobs that run and are not stable yet.
pub(crate) struct CrashWatch {
    catalog: Arc<Catalog>,
    /// By name, when each is stable.
    unstable: Mutex<BTreeMap<String, StableAt>>,
}

/// When a job is stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct StableAt {
    /// Its first checkpoint suffices.
    first_checkpoint: bool,
    /// When it has run for so long, microseconds.
    has_run_us: i64,
}

impl CrashWatch {
    /// No job runs.
    pub(crate) fn new(catalog: Arc<Catalog>) -> Self {
        Self { catalog, unstable: Mutex::default() }
    }

    /// Writes down how the server before this one ended.
    pub(crate) fn note_end_before(&self, aborted: bool, now_us: i64) -> Result<(), CatalogError> {
        self.catalog.note_unclean_end(aborted, now_us, now_us.saturating_sub(PERIOD_US))
    }

    /// What is to become of a job that ran then.
    pub(crate) fn verdict(&self, job: &str) -> Result<Verdict, CatalogError> {
        Ok(verdict(self.catalog.unclean_ends(job)?))
    }

    /// A job is about to run; written down before anything of it happens.
    pub(crate) fn begins(&self, job: &str) -> Result<(), CatalogError> {
        let stable_at = stable_at(self.catalog.unclean_ends(job)?);
        self.lock().insert(job.to_owned(), stable_at);
        self.begin_running(job)
    }

    /// One of which that cannot be written down does not start, and holds up no other.
    fn begin_running(&self, job: &str) -> Result<(), CatalogError> {
        self.catalog.begin_running(job).inspect_err(|_| {
            self.lock().remove(job);
        })
    }

    /// As [`CrashWatch::begins`], if all other jobs are stable; `false`: not yet.
    pub(crate) fn begins_alone(&self, job: &str) -> Result<bool, CatalogError> {
        let stable_at = stable_at(self.catalog.unclean_ends(job)?);
        {
            let mut unstable = self.lock();
            if unstable.keys().any(|other| other != job) {
                return Ok(false);
            }
            unstable.insert(job.to_owned(), stable_at);
        }
        self.begin_running(job).map(|()| true)
    }

    /// Whether a job is stable that has run for so long, and has completed a checkpoint or has not.
    pub(crate) fn is_stable(&self, job: &str, has_checkpoint: bool, has_run_us: i64) -> bool {
        let stable_at = self.lock().get(job).copied();
        stable_at.is_none_or(|at| has_checkpoint && at.first_checkpoint || has_run_us >= at.has_run_us)
    }

    /// A job is stable.
    pub(crate) fn mark_stable(&self, job: &str) {
        self.lock().remove(job);
        self.told(job, self.catalog.mark_stable(job));
    }

    /// Something of a job was left behind that may never end: no other job waits for it.
    pub(crate) fn left(&self, job: &str) {
        self.lock().remove(job);
    }

    /// A job does not run any more.
    pub(crate) fn ended(&self, job: &str) {
        self.lock().remove(job);
        self.told(job, self.catalog.end_running(job));
    }

    /// What cannot be written down costs no more than a wrong guess at a later start.
    fn told(&self, job: &str, written: Result<(), CatalogError>) {
        if let Err(error) = written {
            tracing::warn!(job, "cannot record how the job runs: {}", chain(&error));
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, StableAt>> {
        self.unstable.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn verdict(ends: UncleanEnds) -> Verdict {
    let UncleanEnds { aborts_before_stable, aborts_while_stable, kills_before_stable } = ends;
    let minutes = PERIOD_US / 60_000_000;
    let why = if aborts_before_stable >= ABORTS_BEFORE_STABLE_MAX {
        let StableAt { first_checkpoint, has_run_us } = stable_at(ends);
        let before = match first_checkpoint {
            true => "had completed a checkpoint".to_owned(),
            false => format!("had run for {} s", has_run_us / 1_000_000),
        };
        format!("the server aborted {aborts_before_stable} times within {minutes} minutes before this job {before}")
    } else if kills_before_stable >= KILLS_BEFORE_STABLE_MAX {
        format!(
            "the server was killed {kills_before_stable} times within {minutes} minutes before this job had completed a checkpoint"
        )
    } else if aborts_before_stable > 0 || aborts_while_stable > 0 {
        return Verdict::Alone;
    } else {
        return Verdict::Continues;
    };
    Verdict::Quarantined(format!("{why}: `weir start` starts it again"))
}

/// When a job is stable after these ends.
fn stable_at(ends: UncleanEnds) -> StableAt {
    let more = ends.aborts_while_stable.saturating_sub(ABORTS_WHILE_STABLE_MAX);
    StableAt { first_checkpoint: more == 0, has_run_us: STABLE_AFTER_US << more.min(DOUBLED_MAX) }
}

/// The file that tells the next server that this one has aborted: it is empty if it has not.
pub(crate) struct AbortTrace(PathBuf);

impl AbortTrace {
    /// That of a data folder.
    pub(crate) fn in_folder(data_dir: &Path) -> Self {
        Self(data_dir.join("aborted"))
    }

    /// Whether the server before this one has aborted.
    pub(crate) fn has_aborted(&self) -> bool {
        std::fs::metadata(&self.0).is_ok_and(|file| file.len() > 0)
    }

    /// From now on an abort leaves a trace: whatever aborts a process, from a failed allocation to a check of a library in C, comes as
    /// this signal.
    #[cfg(unix)]
    pub(crate) fn begin(&self) -> std::io::Result<()> {
        use std::os::unix::fs::OpenOptionsExt as _;
        use std::sync::atomic::AtomicBool;

        use signal_hook::consts::SIGABRT;
        let file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&self.0)?;
        signal_hook::low_level::pipe::register(SIGABRT, file)?;
        // What was to happen happens then.
        signal_hook::flag::register_conditional_default(SIGABRT, Arc::new(AtomicBool::new(true)))?;
        Ok(())
    }

    /// Aborts leave no trace on this system, and count as kills.
    #[cfg(not(unix))]
    pub(crate) fn begin(&self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_quarantined_after_repeated_aborts_only() {
        let of = |aborts_before_stable, aborts_while_stable, kills_before_stable| {
            verdict(UncleanEnds { aborts_before_stable, aborts_while_stable, kills_before_stable })
        };
        assert_eq!([of(0, 0, 0), of(0, 0, 19)], [(); 2].map(|()| Verdict::Continues));
        assert_eq!([of(1, 0, 0), of(2, 0, 19), of(0, 1, 0), of(0, 99, 0)], [(); 4].map(|()| Verdict::Alone));
        for (ends, says) in [
            (of(3, 1, 0), "aborted 3 times within 60 minutes before this job had completed a checkpoint"),
            (of(3, 2, 0), "aborted 3 times within 60 minutes before this job had run for 60 s"),
            (of(0, 0, 20), "was killed 20 times"),
        ] {
            assert!(matches!(&ends, Verdict::Quarantined(why) if why.contains(says)), "{ends:?}");
        }
    }

    /// A catalog with these jobs.
    fn catalog(dir: &Path, jobs: &[&str]) -> Arc<Catalog> {
        let catalog = Arc::new(Catalog::open(&dir.join("catalog.sqlite")).unwrap());
        for job in jobs {
            let revision = crate::catalog::NewRevision {
                cause: "deploy",
                pipeline: "",
                operators: Vec::new(),
                needless: Vec::new(),
                now_us: 1,
            };
            catalog.try_revision(job, &revision).unwrap();
        }
        catalog
    }

    #[test]
    fn only_the_job_that_aborts_the_server_is_quarantined_however_late_it_does() {
        /// The server aborts when `bad` has run for so long, which has completed a checkpoint by then.
        const ABORTS_AFTER_US: i64 = 100_000_000;
        const JOBS: [&str; 3] = ["bad", "first", "second"];
        let dir = tempfile::tempdir().unwrap();
        let catalog = catalog(dir.path(), &JOBS);
        let mut now_us = 0;
        for aborts in 1.. {
            let crash_watch = CrashWatch::new(Arc::clone(&catalog));
            let verdicts = JOBS.map(|job| (job, crash_watch.verdict(job).unwrap()));
            let is_quarantined = |(_, verdict): &(_, Verdict)| matches!(verdict, Verdict::Quarantined(_));
            assert!(!verdicts[1..].iter().any(is_quarantined), "{aborts}: {verdicts:?}");
            if is_quarantined(&verdicts[0]) {
                break;
            }
            assert!(aborts < 8, "{verdicts:?}");
            // When each has started.
            let mut started = BTreeMap::new();
            for (job, _) in verdicts.iter().filter(|(_, verdict)| *verdict == Verdict::Continues) {
                crash_watch.begins(job).unwrap();
                started.insert(*job, now_us);
            }
            let start_us = now_us;
            while started.get("bad").is_none_or(|since| now_us - since < ABORTS_AFTER_US) {
                // The others come first, which is the worst for them.
                for job in JOBS.into_iter().rev() {
                    match started.get(job) {
                        Some(since) if crash_watch.is_stable(job, now_us > *since, now_us - since) => {
                            crash_watch.mark_stable(job);
                        }
                        None if crash_watch.begins_alone(job).unwrap() => {
                            started.insert(job, now_us);
                        }
                        _ => {}
                    }
                }
                now_us += 1_000_000;
                assert!(now_us - start_us < PERIOD_US, "{started:?}");
            }
            crash_watch.note_end_before(true, now_us).unwrap();
        }
    }

    #[test]
    fn jobs_hold_up_no_other_when_their_start_cannot_be_written_down() {
        let dir = tempfile::tempdir().unwrap();
        let crash_watch = CrashWatch::new(catalog(dir.path(), &["good"]));
        crash_watch.begins("not in the catalog").unwrap_err();
        crash_watch.begins_alone("not in the catalog").unwrap_err();
        assert!(crash_watch.begins_alone("good").unwrap());
    }

    #[test]
    fn aborts_after_a_job_is_stable_do_not_count_against_it() {
        let dir = tempfile::tempdir().unwrap();
        let catalog = catalog(dir.path(), &["good", "bad"]);
        for number in 1..=3 {
            // As it is after each start.
            let crash_watch = CrashWatch::new(Arc::clone(&catalog));
            crash_watch.begins("good").unwrap();
            assert!(!crash_watch.begins_alone("bad").unwrap(), "the other is not stable yet");
            crash_watch.mark_stable("good");
            assert!(crash_watch.begins_alone("bad").unwrap());
            crash_watch.note_end_before(true, number).unwrap();
        }
        let crash_watch = CrashWatch::new(Arc::clone(&catalog));
        assert_eq!(crash_watch.verdict("good").unwrap(), Verdict::Continues);
        assert!(matches!(crash_watch.verdict("bad").unwrap(), Verdict::Quarantined(_)));
        crash_watch.note_end_before(true, PERIOD_US + 4).unwrap();
        assert_eq!(crash_watch.verdict("bad").unwrap(), Verdict::Continues, "it was long ago");
    }
}
