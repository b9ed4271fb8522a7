//! Jobs, and the revisions of each. The revision that is to run changes only here, in one transaction with what happened to it.

use rusqlite::{Row, Transaction, params};

use super::{Catalog, CatalogError, all, one};

/// A job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JobRow {
    pub(crate) name: String,
    pub(crate) revision: u64,
    pub(crate) wanted: Wanted,
    pub(crate) reason: Option<String>,
    pub(crate) from_checkpoint: Option<u64>,
    pub(crate) allow_dropped: Vec<String>,
    /// Operators that take over states of newer versions.
    pub(crate) goes_back: Vec<String>,
    pub(crate) created_us: i64,
    /// The newest checkpoint when it was said what the next start resumes from, gives up, and takes over: with a newer one that is over.
    pub(crate) newest: Option<u64>,
}

/// What is to be of a job, after a restart of the server too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// It is to run.
    Running,
    /// Somebody stopped it.
    Stopped,
    /// Its input has ended.
    Finished,
    /// It has failed, and would again.
    Failed,
    /// The server has ended under it again and again.
    Quarantined,
}

/// A revision of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RevisionRow {
    pub(crate) number: u64,
    pub(crate) cause: String,
    pub(crate) pipeline: String,
    pub(crate) state: RevisionState,
    pub(crate) reason: Option<String>,
    pub(crate) created_us: i64,
}

/// What happened to a revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RevisionState {
    /// It is on trial beside the one that is to run.
    Trying,
    /// It was to run from some time on.
    Kept,
    /// The one before is to run again.
    RolledBack,
}

/// A revision that is to be added.
pub(crate) struct NewRevision<'a> {
    pub(crate) cause: &'a str,
    pub(crate) pipeline: &'a str,
    /// Names and versions of the operators that it runs.
    pub(crate) operators: Vec<&'a (String, String)>,
    /// Older ones that go with this one's coming.
    pub(crate) needless: Vec<u64>,
    pub(crate) now_us: i64,
}

/// Why a revision that was on trial is not kept, once another has started.
const UNDECIDED: &str = "the server ended before it was decided";

const JOB: &str =
    "name, revision, wanted, reason, from_checkpoint, allow_dropped, created_us, newest, goes_back, quarantined";
const REVISION: &str = "number, cause, pipeline, state, reason, created_us";

impl Catalog {
    /// All jobs, by name.
    pub(crate) fn jobs(&self) -> Result<Vec<JobRow>, CatalogError> {
        self.read(|t| all(t, &format!("SELECT {JOB} FROM job ORDER BY name"), [], read_job))
    }

    /// A job.
    pub(crate) fn job(&self, name: &str) -> Result<Option<JobRow>, CatalogError> {
        self.read(|t| one(t, &format!("SELECT {JOB} FROM job WHERE name = ?1"), [name], read_job))
    }

    /// The revisions of a job, oldest first.
    pub(crate) fn revisions(&self, job: &str) -> Result<Vec<RevisionRow>, CatalogError> {
        let sql = format!("SELECT {REVISION} FROM revision WHERE job = ?1 ORDER BY number");
        self.read(|t| all(t, &sql, [job], read_revision))
    }

    /// A revision of a job.
    pub(crate) fn revision(&self, job: &str, number: u64) -> Result<Option<RevisionRow>, CatalogError> {
        let sql = format!("SELECT {REVISION} FROM revision WHERE job = ?1 AND number = ?2");
        self.read(|t| one(t, &sql, params![job, number.cast_signed()], read_revision))
    }

    /// A revision that is on trial, of a job that is made if there is none of that name.
    pub(crate) fn try_revision(&self, job: &str, revision: &NewRevision<'_>) -> Result<u64, CatalogError> {
        let make =
            "INSERT INTO job (name, revision, wanted, created_us) VALUES (?1, 0, 'stopped', ?2) ON CONFLICT DO NOTHING";
        let added = self.with(|t| {
            t.execute(make, params![job, revision.now_us])?;
            add_revision(t, job, revision)
        });
        added?.map_err(CatalogError::Gone)
    }

    /// Those of a job that are on trial, newest first.
    pub(crate) fn trials(&self, job: &str) -> Result<Vec<RevisionRow>, CatalogError> {
        let sql = format!("SELECT {REVISION} FROM revision WHERE job = ?1 AND state = 'trying' ORDER BY number DESC");
        self.read(|t| all(t, &sql, [job], read_revision))
    }

    /// What is to be of a job: which revision is to run, and what its next start resumes from and may give up.
    pub(crate) fn put_job(&self, row: &JobRow) -> Result<(), CatalogError> {
        let sql = "UPDATE job SET revision = ?2, wanted = ?3, reason = ?4, from_checkpoint = ?5, allow_dropped = ?6, newest = ?7,
            goes_back = ?8, quarantined = ?9 WHERE name = ?1";
        let [allow_dropped, goes_back] =
            [&row.allow_dropped, &row.goes_back].map(|names| serde_json::json!(names).to_string());
        let [from, newest] = [row.from_checkpoint, row.newest].map(|number| number.map(u64::cast_signed));
        let (revision, wanted, held) =
            (row.revision.cast_signed(), row.wanted.name(), row.wanted == Wanted::Quarantined);
        self.with(|t| {
            t.execute(
                sql,
                params![row.name, revision, wanted, row.reason, from, allow_dropped, newest, goes_back, held],
            )
        })
        .map(drop)
    }

    /// A revision is to run, and no other of its job is on trial any more; `reason`: why before its time.
    pub(crate) fn keep(&self, job: &str, number: u64, reason: Option<&str>) -> Result<(), CatalogError> {
        let keep = "UPDATE revision SET state = 'kept', reason = COALESCE(?3, reason) WHERE job = ?1 AND number = ?2";
        let others = "UPDATE revision SET state = 'rolled-back', reason = ?2 WHERE job = ?1 AND state = 'trying'";
        self.with(|t| {
            t.execute(keep, params![job, number.cast_signed(), reason])?;
            t.execute(others, params![job, UNDECIDED])?;
            t.execute("UPDATE job SET revision = ?2 WHERE name = ?1", params![job, number.cast_signed()])?;
            Ok(())
        })
    }

    /// A revision is not to run, but `back`.
    pub(crate) fn roll_back(&self, job: &str, number: u64, back: u64, reason: &str) -> Result<(), CatalogError> {
        let sql = "UPDATE revision SET state = 'rolled-back', reason = ?3 WHERE job = ?1 AND number = ?2";
        self.with(|t| {
            t.execute(sql, params![job, number.cast_signed(), reason])?;
            t.execute("UPDATE job SET revision = ?2 WHERE name = ?1", params![job, back.cast_signed()])?;
            Ok(())
        })
    }

    /// A revision was refused before it was tried: there is none, and `back` is to run.
    pub(crate) fn withdraw(&self, job: &str, number: u64, back: u64) -> Result<(), CatalogError> {
        self.with(|t| {
            t.execute("UPDATE job SET revision = ?2 WHERE name = ?1", params![job, back.cast_signed()])?;
            t.execute("DELETE FROM revision WHERE job = ?1 AND number = ?2", params![job, number.cast_signed()])?;
            Ok(())
        })
    }

    /// Forgets the jobs whose first revision was never about to start: nobody was told that they are there.
    pub(crate) fn remove_unacknowledged_jobs(&self) -> Result<(), CatalogError> {
        self.with(|t| t.execute("DELETE FROM job WHERE revision = 0", [])).map(drop)
    }

    /// What is to be of a job from now on.
    pub(crate) fn want(&self, job: &str, wanted: Wanted, reason: Option<&str>) -> Result<(), CatalogError> {
        let sql = "UPDATE job SET wanted = ?2, reason = ?3, quarantined = ?4 WHERE name = ?1";
        let quarantined = wanted == Wanted::Quarantined;
        self.with(|t| t.execute(sql, params![job, wanted.name(), reason, quarantined])).map(drop)
    }

    /// Somebody stops a job; one that has ended meanwhile stays what it is.
    pub(crate) fn stop(&self, job: &str) -> Result<(), CatalogError> {
        let sql = "UPDATE job SET wanted = 'stopped', reason = NULL WHERE name = ?1 AND wanted = 'running'";
        self.with(|t| t.execute(sql, [job])).map(drop)
    }

    /// The next start of a job resumes from its last checkpoint, and gives nothing up.
    pub(crate) fn end_conditions(&self, job: &str) -> Result<(), CatalogError> {
        let sql = "UPDATE job SET from_checkpoint = NULL, allow_dropped = '[]', newest = NULL, goes_back = '[]' WHERE name = ?1";
        self.with(|t| t.execute(sql, [job])).map(drop)
    }

    /// Forgets a job.
    pub(crate) fn remove_job(&self, job: &str) -> Result<(), CatalogError> {
        self.with(|t| t.execute("DELETE FROM job WHERE name = ?1", [job])).map(drop)
    }
}

/// Adds one on trial; or says which version of an operator was removed meanwhile.
fn add_revision(t: &Transaction<'_>, job: &str, revision: &NewRevision<'_>) -> rusqlite::Result<Result<u64, String>> {
    let NewRevision { cause, pipeline, operators, needless, now_us } = revision;
    let there = "SELECT 1 FROM operator_version WHERE name = ?1 AND version = ?2 AND NOT removed";
    for (name, version) in operators {
        if one(t, there, params![name, version], |_| Ok(()))?.is_none() {
            return Ok(Err(format!("{name}@{version}")));
        }
    }
    let sql = "SELECT COALESCE(MAX(number), 0) + 1 FROM revision WHERE job = ?1";
    let number: i64 = t.query_row(sql, [job], |row| row.get(0))?;
    t.execute(
        "INSERT INTO revision (job, number, cause, pipeline, state, created_us) VALUES (?1, ?2, ?3, ?4, 'trying', ?5)",
        params![job, number, cause, pipeline, now_us],
    )?;
    for (name, version) in operators {
        t.execute(
            "INSERT INTO revision_operator (job, number, name, version) VALUES (?1, ?2, ?3, ?4)",
            params![job, number, name, version],
        )?;
    }
    let remove = "DELETE FROM revision WHERE job = ?1 AND number = ?2 AND state <> 'trying'
        AND number <> (SELECT revision FROM job WHERE name = ?1)";
    for number in needless {
        t.execute(remove, params![job, number.cast_signed()])?;
    }
    Ok(Ok(number.unsigned_abs()))
}

fn read_job(row: &Row<'_>) -> rusqlite::Result<JobRow> {
    let names = |text: String| serde_json::from_str(&text).unwrap_or_default();
    Ok(JobRow {
        name: row.get(0)?,
        revision: row.get::<_, i64>(1)?.unsigned_abs(),
        wanted: if row.get(9)? { Wanted::Quarantined } else { Wanted::named(&row.get::<_, String>(2)?) },
        reason: row.get(3)?,
        from_checkpoint: row.get::<_, Option<i64>>(4)?.map(i64::unsigned_abs),
        allow_dropped: names(row.get(5)?),
        goes_back: names(row.get(8)?),
        created_us: row.get(6)?,
        newest: row.get::<_, Option<i64>>(7)?.map(i64::unsigned_abs),
    })
}

fn read_revision(row: &Row<'_>) -> rusqlite::Result<RevisionRow> {
    let state: String = row.get(3)?;
    Ok(RevisionRow {
        number: row.get::<_, i64>(0)?.unsigned_abs(),
        cause: row.get(1)?,
        pipeline: row.get(2)?,
        state: match state.as_str() {
            "trying" => RevisionState::Trying,
            "kept" => RevisionState::Kept,
            _ => RevisionState::RolledBack,
        },
        reason: row.get(4)?,
        created_us: row.get(5)?,
    })
}

impl Wanted {
    fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Finished => "finished",
            Self::Failed | Self::Quarantined => "failed",
        }
    }

    fn named(name: &str) -> Self {
        match name {
            "running" => Self::Running,
            "stopped" => Self::Stopped,
            "finished" => Self::Finished,
            _ => Self::Failed,
        }
    }
}

#[cfg(test)]
mod tests;
