//! Versions of operators: names for the digests of components.

use std::collections::BTreeSet;

use rusqlite::{Row, Transaction, params};

use super::{Catalog, CatalogError, all, one};

/// A version of an operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OperatorRow {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) digest: String,
    pub(crate) bytes: u64,
    pub(crate) world: String,
    pub(crate) created_us: i64,
}

const COLUMNS: &str = "name, version, digest, bytes, world, created_us";

impl Catalog {
    /// Adds a version, which must be new, or be back: one that was removed is there again with the same component. Without a version it is
    /// the next number.
    pub(crate) fn add_operator(
        &self,
        row: OperatorRow,
        version: Option<&str>,
    ) -> Result<Result<OperatorRow, OperatorRow>, CatalogError> {
        self.with(|t| {
            let sql = format!("SELECT {COLUMNS} FROM operator_version WHERE name = ?1 ORDER BY removed, created_us DESC");
            let there = all(t, &sql, [&row.name], read)?;
            let found = match version {
                Some(version) => there.iter().find(|found| found.version == version),
                None => there.iter().find(|found| found.digest == row.digest),
            };
            if let Some(found) = found {
                let back = "UPDATE operator_version SET removed = FALSE WHERE name = ?1 AND version = ?2 AND digest = ?3 AND removed";
                let is_back = t.execute(back, params![found.name, found.version, row.digest])? > 0;
                return Ok(if is_back { Ok(found.clone()) } else { Err(found.clone()) });
            }
            let next = || there.iter().filter_map(|found| found.version.parse::<u64>().ok()).max().unwrap_or(0).saturating_add(1);
            let version = version.map_or_else(|| next().to_string(), str::to_owned);
            let row = OperatorRow { version, ..row };
            t.execute(
                "INSERT INTO operator_version (name, version, digest, bytes, world, created_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![row.name, row.version, row.digest, row.bytes.cast_signed(), row.world, row.created_us],
            )?;
            Ok(Ok(row))
        })
    }

    /// All versions of all operators, or of one, in the order in which they came.
    pub(crate) fn operators(&self, name: Option<&str>) -> Result<Vec<OperatorRow>, CatalogError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM operator_version WHERE (?1 IS NULL OR name = ?1) AND NOT removed ORDER BY name, created_us, version"
        );
        self.read(|t| all(t, &sql, [name], read))
    }

    /// A version.
    pub(crate) fn operator(&self, name: &str, version: &str) -> Result<Option<OperatorRow>, CatalogError> {
        let sql = format!("SELECT {COLUMNS} FROM operator_version WHERE name = ?1 AND version = ?2 AND NOT removed");
        self.read(|t| one(t, &sql, [name, version], read))
    }

    /// The digests of all components that versions name.
    pub(crate) fn digests(&self) -> Result<BTreeSet<String>, CatalogError> {
        let sql = "SELECT DISTINCT digest FROM operator_version WHERE NOT removed";
        Ok(self.read(|t| all(t, sql, [], |row| row.get(0)))?.into_iter().collect())
    }

    /// The jobs that have a version of an operator: in the revision that runs or is tried, or in that to which they go back if one that is
    /// about to start cannot.
    pub(crate) fn users(&self, name: &str, version: &str) -> Result<Vec<String>, CatalogError> {
        self.read(|t| users(t, name, version))
    }

    /// Removes a version, if no job has it; else says which have. Its name stays taken, so that it never becomes another component, and
    /// comes back with the same one.
    pub(crate) fn remove_operator(&self, row: &OperatorRow) -> Result<Vec<String>, CatalogError> {
        let remove = "UPDATE operator_version SET removed = TRUE WHERE name = ?1 AND version = ?2";
        self.with(|t| {
            let users = users(t, &row.name, &row.version)?;
            if users.is_empty() {
                t.execute(remove, [&row.name, &row.version])?;
            }
            Ok(users)
        })
    }
}

fn users(t: &Transaction<'_>, name: &str, version: &str) -> rusqlite::Result<Vec<String>> {
    let sql = "SELECT DISTINCT o.job FROM revision_operator o
         JOIN revision r ON r.job = o.job AND r.number = o.number JOIN job j ON j.name = o.job
         WHERE o.name = ?1 AND o.version = ?2 AND (r.number = j.revision OR r.state = 'trying'
             OR r.number = (SELECT MAX(number) FROM revision WHERE job = o.job AND state = 'kept')) ORDER BY o.job";
    all(t, sql, [name, version], |row| row.get(0))
}

fn read(row: &Row<'_>) -> rusqlite::Result<OperatorRow> {
    Ok(OperatorRow {
        name: row.get(0)?,
        version: row.get(1)?,
        digest: row.get(2)?,
        bytes: row.get::<_, i64>(3)?.unsigned_abs(),
        world: row.get(4)?,
        created_us: row.get(5)?,
    })
}
