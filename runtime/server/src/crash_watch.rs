//! Finds the job that crashes the server. The catalog lists every job that runs, and whether it is stable: it has completed a checkpoint, or
//! has run for a while. After an abort, jobs that were not stable start one at a time, so that another abort is caused by the one that
//! started last. A job that was not stable at several aborts in a row is quarantined: it waits for `weir start`. This module starts and
//! stops no job.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::catalog::{Catalog, CatalogError, UncleanEnds};
use crate::problem::chain;

/// How long unclean ends count, microseconds: one per hour is no crash loop.
const PERIOD_US: i64 = 600_000_000;
/// Aborts in a row before a job was stable: two can be caused by another job that started at the same time.
const ABORTS_BEFORE_STABLE_MAX: u32 = 3;
/// Aborts while a job ran, stable or not: the bound for a job that crashes the server some time after each checkpoint.
const ABORTS_MAX: u32 = 6;
/// Kills in a row before a job was stable: people and supervisors kill servers for reasons that have nothing to do with a job.
const KILLS_BEFORE_STABLE_MAX: u32 = 20;
/// A job that has run for this long is stable, even if it has completed no checkpoint, microseconds.
pub(crate) const STABLE_AFTER_US: i64 = 30_000_000;

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
    /// Their names.
    unstable: Mutex<BTreeSet<String>>,
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
        self.lock().insert(job.to_owned());
        self.catalog.begin_running(job)
    }

    /// As [`CrashWatch::begins`], if all other jobs are stable; `false`: not yet.
    pub(crate) fn begins_alone(&self, job: &str) -> Result<bool, CatalogError> {
        {
            let mut unstable = self.lock();
            if unstable.iter().any(|other| other != job) {
                return Ok(false);
            }
            unstable.insert(job.to_owned());
        }
        self.catalog.begin_running(job).map(|()| true)
    }

    /// A job is stable.
    pub(crate) fn mark_stable(&self, job: &str) {
        self.lock().remove(job);
        self.told(job, self.catalog.mark_stable(job));
    }

    /// A job does not run any more.
    pub(crate) fn ended(&self, job: &str) {
        self.lock().remove(job);
        self.told(job, self.catalog.end_running(job));
    }

    /// What cannot be written down costs no more than a wrong guess at a later start.
    fn told(&self, job: &str, written: Result<(), CatalogError>) {
        if let Err(error) = written {
            tracing::warn!(job, "how the job runs cannot be written down: {}", chain(&error));
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.unstable.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn verdict(ends: UncleanEnds) -> Verdict {
    let UncleanEnds { aborts, aborts_before_stable, kills_before_stable } = ends;
    let minutes = PERIOD_US / 60_000_000;
    let why = if aborts_before_stable >= ABORTS_BEFORE_STABLE_MAX {
        format!(
            "the server aborted {aborts_before_stable} times within {minutes} minutes before this job had completed a checkpoint"
        )
    } else if aborts >= ABORTS_MAX {
        format!("the server aborted {aborts} times within {minutes} minutes while this job ran")
    } else if kills_before_stable >= KILLS_BEFORE_STABLE_MAX {
        format!(
            "the server was killed {kills_before_stable} times within {minutes} minutes before this job had completed a checkpoint"
        )
    } else if aborts_before_stable > 0 {
        return Verdict::Alone;
    } else {
        return Verdict::Continues;
    };
    Verdict::Quarantined(format!("{why}: `weir start` starts it again"))
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
        let of = |aborts, aborts_before_stable, kills_before_stable| {
            verdict(UncleanEnds { aborts, aborts_before_stable, kills_before_stable })
        };
        assert_eq!([of(0, 0, 0), of(0, 0, 19), of(5, 0, 0)], [(); 3].map(|()| Verdict::Continues));
        assert_eq!([of(1, 1, 0), of(2, 2, 19)], [(); 2].map(|()| Verdict::Alone));
        for (ends, says) in [
            (of(3, 3, 0), "aborted 3 times within 10 minutes before this job had completed a checkpoint"),
            (of(6, 0, 0), "aborted 6 times within 10 minutes while this job ran"),
            (of(0, 0, 20), "was killed 20 times"),
        ] {
            assert!(matches!(&ends, Verdict::Quarantined(why) if why.contains(says)), "{ends:?}");
        }
    }

    #[test]
    fn aborts_after_a_job_is_stable_do_not_count_against_it() {
        let dir = tempfile::tempdir().unwrap();
        let catalog = Arc::new(Catalog::open(&dir.path().join("catalog.sqlite")).unwrap());
        for job in ["good", "bad"] {
            let revision = crate::catalog::NewRevision {
                cause: "deploy",
                pipeline: "",
                operators: Vec::new(),
                needless: Vec::new(),
                now_us: 1,
            };
            catalog.try_revision(job, &revision).unwrap();
        }
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
