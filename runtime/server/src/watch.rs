//! Which job has brought the server down. Each job that runs is written down, and whether it has held: it has completed a checkpoint, or
//! run for a while. When the server has aborted, jobs that had not held start one after the other, so that the next abort is the last
//! one's; a job under which it aborts again and again waits until somebody starts it. It starts and stops no job.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::catalog::{Catalog, CatalogError, UncleanEnds};
use crate::problem::chain;

/// Ends of the server are looked at for so long, microseconds: one an hour is no loop.
const PERIOD_US: i64 = 600_000_000;
/// Aborts that a job may have been part of before it had held, one after the other: two can be another's.
const ABORTS_AT_ONCE_MAX: u32 = 3;
/// Aborts that a job may have been part of at all: what aborts the server later than at once comes to it at every start all the same.
const ABORTS_MAX: u32 = 6;
/// Kills before a job had held, one after the other: an operator, a supervisor and a machine kill servers too, and mean no job by it.
const KILLS_AT_ONCE_MAX: u32 = 20;
/// A job that has run for so long has held, also if it has completed no checkpoint, microseconds.
pub(crate) const HELD_US: i64 = 30_000_000;

/// What is to become of a job that ran when the server ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It continues.
    Continues,
    /// It continues when all others have held.
    Alone,
    /// It waits for somebody to start it, and this is why.
    Quarantined(String),
}

/// The jobs that run, as far as they may end the server.
pub(crate) struct Watch {
    catalog: Arc<Catalog>,
    /// Those that have not held yet.
    unproven: Mutex<BTreeSet<String>>,
}

impl Watch {
    /// No job runs.
    pub(crate) fn new(catalog: Arc<Catalog>) -> Self {
        Self { catalog, unproven: Mutex::default() }
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

    /// As [`Watch::begins`], if all others have held; `false`: not yet.
    pub(crate) fn begins_alone(&self, job: &str) -> Result<bool, CatalogError> {
        {
            let mut unproven = self.lock();
            if unproven.iter().any(|other| other != job) {
                return Ok(false);
            }
            unproven.insert(job.to_owned());
        }
        self.catalog.begin_running(job).map(|()| true)
    }

    /// A job has held.
    pub(crate) fn held(&self, job: &str) {
        self.lock().remove(job);
        self.told(job, self.catalog.held(job));
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
        self.unproven.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn verdict(ends: UncleanEnds) -> Verdict {
    let UncleanEnds { aborts, aborts_at_once, kills_at_once } = ends;
    let minutes = PERIOD_US / 60_000_000;
    let why = if aborts_at_once >= ABORTS_AT_ONCE_MAX {
        format!(
            "the server aborted {aborts_at_once} times within {minutes} minutes before this job had completed a checkpoint"
        )
    } else if aborts >= ABORTS_MAX {
        format!("the server aborted {aborts} times within {minutes} minutes while this job ran")
    } else if kills_at_once >= KILLS_AT_ONCE_MAX {
        format!(
            "the server was killed {kills_at_once} times within {minutes} minutes before this job had completed a checkpoint"
        )
    } else if aborts_at_once > 0 {
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
    fn only_what_aborts_the_server_again_and_again_is_quarantined() {
        let of = |aborts, aborts_at_once, kills_at_once| verdict(UncleanEnds { aborts, aborts_at_once, kills_at_once });
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
    fn what_a_job_has_held_is_no_sign_against_it() {
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
            let watch = Watch::new(Arc::clone(&catalog));
            watch.begins("good").unwrap();
            assert!(!watch.begins_alone("bad").unwrap(), "the other has not held yet");
            watch.held("good");
            assert!(watch.begins_alone("bad").unwrap());
            watch.note_end_before(true, number).unwrap();
        }
        let watch = Watch::new(Arc::clone(&catalog));
        assert_eq!(watch.verdict("good").unwrap(), Verdict::Continues);
        assert!(matches!(watch.verdict("bad").unwrap(), Verdict::Quarantined(_)));
        watch.note_end_before(true, PERIOD_US + 4).unwrap();
        assert_eq!(watch.verdict("bad").unwrap(), Verdict::Continues, "it was long ago");
    }
}
