//! Which jobs run, and under which the server has ended without ending them.

use rusqlite::params;

use super::{Catalog, CatalogError, one};

/// Ends of the server under a job, since some time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct UncleanEnds {
    /// By an abort.
    pub(crate) aborts: u32,
    /// Of these: before the job had held, one after the other.
    pub(crate) aborts_at_once: u32,
    /// By anything else, before the job had held, one after the other.
    pub(crate) kills_at_once: u32,
}

impl Catalog {
    /// A job is about to run.
    pub(crate) fn begin_running(&self, job: &str) -> Result<(), CatalogError> {
        let sql = "INSERT INTO running (job) VALUES (?1) ON CONFLICT DO UPDATE SET held = FALSE";
        self.with(|t| t.execute(sql, [job])).map(drop)
    }

    /// A job has held, so that ends before it did are no sign of anything.
    pub(crate) fn held(&self, job: &str) -> Result<(), CatalogError> {
        self.with(|t| {
            t.execute("UPDATE running SET held = TRUE WHERE job = ?1", [job])?;
            t.execute("DELETE FROM unclean_end WHERE job = ?1 AND NOT held", [job])
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
            let add = "INSERT INTO unclean_end (job, at_us, aborted, held) SELECT job, ?1, ?2, held FROM running";
            t.execute(add, params![now_us, aborted])?;
            t.execute("DELETE FROM running", [])
        })
        .map(drop)
    }

    /// The ends that are written down of a job.
    pub(crate) fn unclean_ends(&self, job: &str) -> Result<UncleanEnds, CatalogError> {
        let sql = "SELECT COUNT(*) FILTER (WHERE aborted), COUNT(*) FILTER (WHERE aborted AND NOT held),
            COUNT(*) FILTER (WHERE NOT aborted AND NOT held) FROM unclean_end WHERE job = ?1";
        let read = |row: &rusqlite::Row<'_>| {
            Ok(UncleanEnds { aborts: row.get(0)?, aborts_at_once: row.get(1)?, kills_at_once: row.get(2)? })
        };
        Ok(self.read(|t| one(t, sql, [job], read))?.unwrap_or_default())
    }

    /// Somebody starts a job anew: what was before is no sign of anything.
    pub(crate) fn forget_unclean_ends(&self, job: &str) -> Result<(), CatalogError> {
        self.with(|t| t.execute("DELETE FROM unclean_end WHERE job = ?1", [job])).map(drop)
    }
}
