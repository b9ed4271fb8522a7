//! Where the entries of a keyed operator's maps are read from during a call. This crate keeps none: the caller lends a reader.

use arrow::array::ArrayRef;
use arrow::buffer::BooleanBuffer;

/// Reads entries of maps, as they were before the call that it is lent for.
///
/// Maps are meant by their index in [`Plan::maps`](crate::Plan::maps), keys by their index among the states of the call. All indices
/// are in range, and all columns have the types of the map.
pub trait MapReader: Send + Sync {
    /// Entries of several keys: `entry_keys` has a row for each of `keys`. Gives at most `bytes_max` bytes, as they are kept.
    ///
    /// # Errors
    /// [`MapReadError`]; it is for the operator to read.
    fn get(
        &self,
        map: usize,
        keys: &[u32],
        entry_keys: &[ArrayRef],
        bytes_max: usize,
    ) -> Result<FoundEntries, MapReadError>;

    /// The first entries of a key between two bounds, at most `limit`, and no more once they have `bytes_max` bytes.
    ///
    /// # Errors
    /// As [`MapReader::get`].
    fn scan(
        &self,
        map: usize,
        key: u32,
        range: &EntryRange,
        limit: usize,
        bytes_max: usize,
    ) -> Result<EntryPage, MapReadError>;
}

/// Where a scan begins and ends.
#[derive(Clone, Debug)]
pub struct EntryRange {
    /// Where it begins.
    pub lower: EntryBound,
    /// Where it ends.
    pub upper: EntryBound,
}

/// Where a scan begins or ends; an entry's key is one row of its columns.
#[derive(Clone, Debug)]
pub enum EntryBound {
    /// At the first entry of the key, or the last.
    Unbounded,
    /// At this entry's key, with it.
    Included(Vec<ArrayRef>),
    /// At this entry's key, without it.
    Excluded(Vec<ArrayRef>),
}

/// Entries that were asked for by their keys.
#[derive(Clone, Debug)]
pub struct FoundEntries {
    /// Whether each is there.
    pub present: BooleanBuffer,
    /// The value columns, one row per entry asked for; null where it is not there.
    pub values: Vec<ArrayRef>,
}

/// Some entries in a row.
#[derive(Clone, Debug)]
pub struct EntryPage {
    /// How many.
    pub entries: usize,
    /// Their key columns, ascending.
    pub entry_keys: Vec<ArrayRef>,
    /// Their value columns.
    pub values: Vec<ArrayRef>,
    /// Whether more follow up to the upper bound.
    pub more: bool,
}

/// Why entries cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum MapReadError {
    /// They are too large to be passed at once.
    #[error("the entries have more than {limit_bytes} bytes: ask for fewer at once")]
    TooLarge {
        /// What may be read at once.
        limit_bytes: usize,
    },
    /// The columns cannot be encoded or decoded.
    #[error("the entries cannot be read: {0}")]
    Failed(String),
}
