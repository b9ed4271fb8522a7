//! What can go wrong with state. Never a panic: columns come from users and from snapshots.

use arrow::datatypes::DataType;
use arrow::error::ArrowError;

/// Why state could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// A column cannot be a key.
    #[error(
        "column {column:?} of type {data_type} cannot be a key; key by a number, text, time, or a list or struct of them"
    )]
    KeyType {
        /// The column.
        column: String,
        /// Its type.
        data_type: DataType,
    },
    /// Columns are not those that the state was made for.
    #[error("{what} {index} has type {found}, the state was made for {expected}")]
    ColumnType {
        /// `key column` or `state column`.
        what: &'static str,
        /// Its position.
        index: usize,
        /// Its type.
        found: DataType,
        /// What it should be.
        expected: DataType,
    },
    /// A column of a snapshot is not the one that stands there now.
    #[error("the snapshot has {found:?} where the state keeps {expected:?}")]
    Name {
        /// What the state keeps.
        expected: String,
        /// What the snapshot has.
        found: String,
    },
    /// Another number of columns, or of rows, than the state was made for.
    #[error("{what}: {found} given, {expected} expected")]
    Count {
        /// What was counted.
        what: &'static str,
        /// How many came.
        found: usize,
        /// How many there should be.
        expected: usize,
    },
    /// A column that cannot be null is, in a snapshot.
    #[error("the column {column:?} cannot be null, and is in the snapshot")]
    Null {
        /// The column.
        column: String,
    },
    /// More was asked for at once than may be read.
    #[error("they have more than {bytes_max} bytes")]
    TooLarge {
        /// What may be read at once.
        bytes_max: usize,
    },
    /// A column kernel refused.
    #[error(transparent)]
    Arrow(#[from] ArrowError),
}
