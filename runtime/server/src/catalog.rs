//! The catalog: operators, jobs, their revisions, what happened to dead letters, and tokens, in SQLite. What it says is so, after a power failure too. It never
//! touches a component or a checkpoint.

mod jobs;
mod letters;
mod operators;
mod tokens;
mod unclean;

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, Transaction};

use crate::private::private_file;
pub(crate) use jobs::{JobRow, NewRevision, RevisionRow, RevisionState, Wanted};
pub(crate) use letters::ReplayRow;
pub(crate) use operators::OperatorRow;
pub use tokens::Token;
pub(crate) use unclean::UncleanEnds;

/// Each brings the schema from the number before to its own; none is ever edited.
const MIGRATIONS: [&str; 5] = [
    include_str!("catalog/1.sql"),
    include_str!("catalog/2.sql"),
    include_str!("catalog/3.sql"),
    include_str!("catalog/4.sql"),
    include_str!("catalog/5.sql"),
];

/// How long one process waits for another that writes: `weir token` beside the server.
const BUSY: Duration = Duration::from_secs(10);

/// What is kept of a server.
#[derive(Debug)]
pub struct Catalog {
    /// One connection: what is written is little, and SQLite has one writer anyway.
    connection: Mutex<Connection>,
}

/// The catalog cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// A newer version has written it.
    #[error("{path} was written by a newer weir (schema {found}, this one knows {known}): use that one")]
    Newer {
        /// The file.
        path: String,
        /// The version of its schema.
        found: usize,
        /// What is known here.
        known: usize,
    },
    /// A version of an operator was removed meanwhile.
    #[error("{0} no longer exists: it was removed meanwhile")]
    Gone(String),
    /// Its file.
    #[error("the catalog cannot be used")]
    File(#[source] std::io::Error),
    /// SQLite says no.
    #[error("the catalog cannot be read or written")]
    Sqlite(#[from] rusqlite::Error),
}

impl Catalog {
    /// Opens the catalog of a file, which is made if there is none.
    ///
    /// # Errors
    /// If it is no catalog, one of a newer version, cannot be written, or others can read or write it.
    pub fn open(path: &Path) -> Result<Self, CatalogError> {
        private_file(path).map_err(CatalogError::File)?;
        let mut connection = Connection::open(path)?;
        connection.busy_timeout(BUSY)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let found: u32 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        let (found, known) = (found as usize, MIGRATIONS.len());
        if found > known {
            return Err(CatalogError::Newer { path: path.display().to_string(), found, known });
        }
        for migration in &MIGRATIONS[found..] {
            transaction.execute_batch(migration)?;
        }
        transaction.pragma_update(None, "user_version", known as u32)?;
        transaction.commit()?;
        Ok(Self { connection: Mutex::new(connection) })
    }

    /// Reads, as of one moment.
    fn read<T>(&self, work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>) -> Result<T, CatalogError> {
        self.within(rusqlite::TransactionBehavior::Deferred, work)
    }

    /// Writes, all or nothing.
    fn with<T>(&self, work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>) -> Result<T, CatalogError> {
        self.within(rusqlite::TransactionBehavior::Immediate, work)
    }

    fn within<T>(
        &self,
        behavior: rusqlite::TransactionBehavior,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, CatalogError> {
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = connection.transaction_with_behavior(behavior)?;
        let result = work(&transaction)?;
        transaction.commit()?;
        Ok(result)
    }
}

/// All rows of a query.
fn all<T>(
    transaction: &Transaction<'_>,
    sql: &str,
    parameters: impl rusqlite::Params,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    transaction.prepare(sql)?.query_map(parameters, read)?.collect()
}

/// The only row of a query, if there is one.
fn one<T>(
    transaction: &Transaction<'_>,
    sql: &str,
    parameters: impl rusqlite::Params,
    read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Option<T>> {
    transaction.prepare(sql)?.query_row(parameters, read).optional()
}
