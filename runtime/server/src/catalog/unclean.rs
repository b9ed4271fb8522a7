//! Which jobs run, and during which unclean ends of the server each ran.

use rusqlite::params;

use super::{Catalog, CatalogError, one};

/// Unclean ends of the server while a job ran, within the period that is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct UncleanEnds {
    /// By an abort, before the job was stable, in a row.
    pub(crate) aborts_before_stable: u32,
    /// By an abort at which all jobs that ran were stable.
    pub(crate) aborts_while_stable: u32,
    /// By anything else, before the job was stable, in a row.
    pub(crate) kills_before_stable: u32,
}

impl Catalog {
    /// A job is about to run.
    pub(crate) fn begin_running(&self, job: &str) -> Result<(), CatalogError> {
        let sql = "INSERT INTO running (job) VALUES (?1) ON CONFLICT DO UPDATE SET stable = FALSE";
        self.with(|t| t.execute(sql, [job])).map(drop)
    }

    /// A job is stable; unclean ends before it was no longer count.
    pub(crate) fn mark_stable(&self, job: &str) -> Result<(), CatalogError> {
        self.with(|t| {
            t.execute("UPDATE running SET stable = TRUE WHERE job = ?1", [job])?;
            t.execute("DELETE FROM unclean_end WHERE job = ?1 AND NOT stable", [job])
        })
        .map(drop)
    }

    /// A job does not run any more.
    pub(crate) fn end_running(&self, job: &str) -> Result<(), CatalogError> {
        self.with(|t| t.execute("DELETE FROM running WHERE job = ?1", [job])).map(drop)
    }

    /// No job runs any more.
    pub(crate) fn end_all_running(&self) -> Result<(), CatalogError> {
        self.with(|t| t.execute("DELETE FROM running", [])).map(drop)
    }

    /// Writes down that the server before this one ended without ending its jobs, if it did; forgets what was before `since_us`.
    pub(crate) fn note_unclean_end(&self, aborted: bool, now_us: i64, since_us: i64) -> Result<(), CatalogError> {
        self.with(|t| {
            t.execute("DELETE FROM unclean_end WHERE at_us < ?1", [since_us])?;
            // If one was not stable, it is not the fault of those that were.
            let add = "INSERT INTO unclean_end (job, at_us, aborted, stable) SELECT job, ?1, ?2, stable FROM running
                WHERE NOT stable OR NOT EXISTS (SELECT 1 FROM running WHERE NOT stable)";
            t.execute(add, params![now_us, aborted])?;
            t.execute("DELETE FROM running", [])
        })
        .map(drop)
    }

    /// The ends that are written down of a job.
    pub(crate) fn unclean_ends(&self, job: &str) -> Result<UncleanEnds, CatalogError> {
        let sql = "SELECT COUNT(*) FILTER (WHERE aborted AND NOT stable), COUNT(*) FILTER (WHERE aborted AND stable),
            COUNT(*) FILTER (WHERE NOT aborted AND NOT stable) FROM unclean_end WHERE job = ?1";
        let read = |row: &rusqlite::Row<'_>| {
            let [aborts_before_stable, aborts_while_stable, kills_before_stable] =
                [row.get(0)?, row.get(1)?, row.get(2)?];
            Ok(UncleanEnds { aborts_before_stable, aborts_while_stable, kills_before_stable })
        };
        Ok(self.read(|t| one(t, sql, [job], read))?.unwrap_or_default())
    }

    /// A user starts the job: earlier unclean ends no longer count.
    pub(crate) fn forget_unclean_ends(&self, job: &str) -> Result<(), CatalogError> {
        self.with(|t| t.execute("DELETE FROM unclean_end WHERE job = ?1", [job])).map(drop)
    }
}
