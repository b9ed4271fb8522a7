//! Cuts rows by key group, for snapshots. Never reads state: it gets keys and says which rows go together.

use std::collections::BTreeMap;

use arrow::array::ArrayRef;
use weir_core::key_group::{group_of, hash_keys};

use crate::StateError;

/// The rows of each key group that has any, ascending. `columns` are the key columns, `rows` long; `groups` is the job's
/// `max_parallelism`.
///
/// # Errors
/// If a column cannot be a key.
pub fn rows_by_group(columns: &[ArrayRef], rows: usize, groups: u32) -> Result<BTreeMap<u32, Vec<u32>>, StateError> {
    let mut hashes = Vec::new();
    hash_keys(columns, rows, &mut hashes)?;
    let mut by_group: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for (row, hash) in (0u32..).zip(&hashes) {
        by_group.entry(group_of(*hash, groups)).or_default().push(row);
    }
    Ok(by_group)
}
