//! Which dead letters wait no longer, and the replays that they went into.

use rusqlite::{Row, Transaction, params};

use super::{Catalog, CatalogError, all};
use crate::dead_letters::{Letters, PartId};

/// Dead letters of a step that went into it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReplayRow {
    /// Its number in its job.
    pub(crate) number: u64,
    pub(crate) step: String,
    /// The length of its file.
    pub(crate) bytes: u64,
    /// The newest checkpoint when it was written; 0: there was none.
    pub(crate) checkpoint: u64,
    /// The checkpoint that has all of it, once one is known to.
    pub(crate) done: Option<u64>,
}

impl Catalog {
    /// The dead letters of a step that wait no longer.
    pub(crate) fn letters_taken(&self, job: &str, step: &str) -> Result<Letters, CatalogError> {
        self.letters_where(job, step, "")
    }

    fn letters_where(&self, job: &str, step: &str, condition: &str) -> Result<Letters, CatalogError> {
        let sql = &format!("SELECT part, first, last FROM letters_taken WHERE job = ?1 AND step = ?2{condition}");
        let read = |row: &Row<'_>| {
            Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?.unsigned_abs(), row.get::<_, i64>(2)?.unsigned_abs()))
        };
        let mut letters = Letters::new();
        for (part, first, last) in self.with(|t| all(t, sql, [job, step], read))? {
            if let Ok(part) = part.parse::<PartId>() {
                letters.entry(part).or_default().add(first, last);
            }
        }
        Ok(letters)
    }

    /// The dead letters of a step that were dropped, and not replayed.
    pub(crate) fn letters_dropped(&self, job: &str, step: &str) -> Result<Letters, CatalogError> {
        self.letters_where(job, step, " AND replay IS NULL")
    }

    /// The dead letters of a step that were dropped, or went into one of these replays.
    pub(crate) fn letters_over(&self, job: &str, step: &str, replays: &[u64]) -> Result<Letters, CatalogError> {
        let numbers = replays.iter().map(u64::to_string).collect::<Vec<_>>().join(",");
        self.letters_where(job, step, &format!(" AND (replay IS NULL OR replay IN ({numbers}))"))
    }

    /// Parts of a step are no more.
    pub(crate) fn forget_letters<'a>(
        &self,
        job: &str,
        step: &str,
        mut parts: impl Iterator<Item = &'a PartId>,
    ) -> Result<(), CatalogError> {
        let sql = "DELETE FROM letters_taken WHERE job = ?1 AND step = ?2 AND part = ?3";
        self.with(|t| parts.try_for_each(|part| t.execute(sql, params![job, step, part.to_string()]).map(drop)))
    }

    /// Of these replays those are no more whose letters are no more. The last one of a job stays, so that no number comes twice.
    pub(crate) fn forget_replays(&self, job: &str, replays: &[u64]) -> Result<(), CatalogError> {
        let sql = "DELETE FROM replay WHERE job = ?1 AND number = ?2
            AND number < (SELECT MAX(number) FROM replay WHERE job = ?1)
            AND NOT EXISTS (SELECT 1 FROM letters_taken WHERE job = ?1 AND replay = ?2)";
        self.with(|t| {
            replays.iter().try_for_each(|number| t.execute(sql, params![job, number.cast_signed()]).map(drop))
        })
    }

    /// Letters by step wait no longer.
    pub(crate) fn drop_letters(&self, job: &str, letters: &[(String, Letters)]) -> Result<(), CatalogError> {
        self.with(|t| letters.iter().try_for_each(|(step, letters)| take(t, job, step, letters, None)))
    }

    /// The replays of a job, in their order.
    pub(crate) fn replays(&self, job: &str) -> Result<Vec<ReplayRow>, CatalogError> {
        let sql = "SELECT number, step, bytes, checkpoint, done FROM replay WHERE job = ?1 ORDER BY number";
        self.with(|t| all(t, sql, [job], read))
    }

    /// Letters by replay wait no longer, and the replays are to be continued: all or nothing.
    pub(crate) fn add_replays(&self, job: &str, replays: &[(ReplayRow, Letters)]) -> Result<(), CatalogError> {
        let sql = "INSERT INTO replay (job, number, step, bytes, checkpoint) VALUES (?1, ?2, ?3, ?4, ?5)";
        self.with(|t| {
            for (ReplayRow { number, step, bytes, checkpoint, .. }, letters) in replays {
                let [number, bytes, checkpoint] = [number, bytes, checkpoint].map(|number| number.cast_signed());
                t.execute(sql, params![job, number, step, bytes, checkpoint])?;
                take(t, job, step, letters, Some(number))?;
            }
            Ok(())
        })
    }

    /// A job resumes from a checkpoint: some replays have not happened there, so that their letters wait again; of some it has all.
    pub(crate) fn settle_replays(
        &self,
        job: &str,
        undone: &[u64],
        done: &[u64],
        checkpoint: u64,
    ) -> Result<(), CatalogError> {
        self.with(|t| {
            for number in undone {
                t.execute("DELETE FROM replay WHERE job = ?1 AND number = ?2", params![job, number.cast_signed()])?;
            }
            for number in done {
                let sql = "UPDATE replay SET done = MIN(COALESCE(done, ?3), ?3) WHERE job = ?1 AND number = ?2";
                t.execute(sql, params![job, number.cast_signed(), checkpoint.cast_signed()])?;
            }
            Ok(())
        })
    }
}

fn take(t: &Transaction<'_>, job: &str, step: &str, letters: &Letters, replay: Option<i64>) -> rusqlite::Result<()> {
    let sql = "INSERT INTO letters_taken (job, step, part, first, last, replay) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let mut insert = t.prepare(sql)?;
    for (part, lines) in letters {
        for (first, last) in lines.ranges() {
            insert.execute(params![job, step, part.to_string(), first.cast_signed(), last.cast_signed(), replay])?;
        }
    }
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<ReplayRow> {
    Ok(ReplayRow {
        number: row.get::<_, i64>(0)?.unsigned_abs(),
        step: row.get(1)?,
        bytes: row.get::<_, i64>(2)?.unsigned_abs(),
        checkpoint: row.get::<_, i64>(3)?.unsigned_abs(),
        done: row.get::<_, Option<i64>>(4)?.map(i64::unsigned_abs),
    })
}

#[cfg(test)]
mod tests {
    use super::super::NewRevision;
    use super::*;
    use crate::dead_letters::END;

    /// A catalog with a job.
    fn catalog() -> (tempfile::TempDir, Catalog) {
        let folder = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(&folder.path().join("catalog.sqlite")).unwrap();
        let revision =
            NewRevision { cause: "deploy", pipeline: "", operators: Vec::new(), needless: Vec::new(), now_us: 0 };
        catalog.try_revision("job", &revision).unwrap();
        (folder, catalog)
    }

    fn letters(part: &str, first: u64, last: u64) -> Letters {
        let mut letters = Letters::new();
        letters.entry(part.parse().unwrap()).or_default().add(first, last);
        letters
    }

    fn replay(number: u64, checkpoint: u64) -> ReplayRow {
        ReplayRow { number, step: "a".to_owned(), bytes: 9, checkpoint, done: None }
    }

    #[test]
    fn letters_are_taken_once_and_wait_again_if_their_replay_has_not_happened() {
        let (_folder, catalog) = catalog();
        catalog.drop_letters("job", &[("a".to_owned(), letters("1-1-0", 2, 2))]).unwrap();
        let replays = [(replay(1, 4), letters("1-1-0", 3, END)), (replay(2, 4), letters("1-2-0", 1, END))];
        catalog.add_replays("job", &replays).unwrap();
        let taken = catalog.letters_taken("job", "a").unwrap();
        assert_eq!(taken.get(&"1-1-0".parse().unwrap()).unwrap().ranges().collect::<Vec<_>>(), [(2, END)]);
        assert!(taken.get(&"1-2-0".parse().unwrap()).unwrap().is_all());

        let again = [(replay(3, 5), letters("1-3-0", 1, 1)), (replay(4, 5), letters("1-1-0", 3, 3))];
        assert!(catalog.add_replays("job", &again).is_err(), "one of them is taken");
        assert_eq!(catalog.replays("job").unwrap(), [replay(1, 4), replay(2, 4)], "so neither is");
        assert!(!catalog.letters_taken("job", "a").unwrap().contains_key(&"1-3-0".parse().unwrap()));

        catalog.settle_replays("job", &[1], &[2], 7).unwrap();
        catalog.settle_replays("job", &[], &[2], 9).unwrap();
        assert_eq!(catalog.replays("job").unwrap(), [ReplayRow { done: Some(7), ..replay(2, 4) }]);
        let taken = catalog.letters_taken("job", "a").unwrap();
        assert_eq!(taken.get(&"1-1-0".parse().unwrap()).unwrap().ranges().collect::<Vec<_>>(), [(2, 2)]);

        catalog.remove_job("job").unwrap();
        assert!(catalog.letters_taken("job", "a").unwrap().is_empty());
    }

    #[test]
    fn a_catalog_of_the_first_schema_is_brought_to_this_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("catalog.sqlite");
        crate::private::private_file(&path).unwrap();
        let old = rusqlite::Connection::open(&path).unwrap();
        old.execute_batch(super::super::MIGRATIONS[0]).unwrap();
        old.pragma_update(None, "user_version", 1).unwrap();
        old.execute("INSERT INTO job (name, revision, wanted, created_us) VALUES ('old', 1, 'running', 5)", [])
            .unwrap();
        drop(old);
        let catalog = Catalog::open(&path).unwrap();
        catalog.add_replays("old", &[(replay(1, 0), letters("1-1-0", 1, 1))]).unwrap();
        assert_eq!(catalog.replays("old").unwrap(), [replay(1, 0)]);
    }
}
