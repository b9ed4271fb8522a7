//! Cuts rows by key group, for snapshots. Never reads state: it says which rows go together, and somebody else makes columns of them.

use std::ops::Range;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use weir_core::key_group::group_of;

/// Rows of one table of a snapshot at most. More of a key group are more tables, so no column of text outgrows its 32 bit offsets.
const TABLE_ROWS_MAX: usize = 65_536;
/// Rows that are cut at once: their state is close together and stays in the processor's cache while it is read group by group.
const BLOCK_ROWS: usize = 65_536;
/// Rows of a group in a block at least, on average: fewer would cost more to handle than to read.
const PIECE_ROWS: usize = 256;

/// The tables of a snapshot in the making.
#[derive(Debug)]
pub struct GroupTables {
    schema: SchemaRef,
    /// Of every group what has been added.
    pieces: Vec<Vec<RecordBatch>>,
}

impl GroupTables {
    /// No rows. `key_groups` is the job's `max_parallelism`.
    #[must_use]
    pub fn new(schema: SchemaRef, key_groups: u32) -> Self {
        Self { schema, pieces: vec![Vec::new(); key_groups as usize] }
    }

    /// Adds so many rows: `hashes` are those of the keys of a range of them, `columns` makes a batch of some.
    ///
    /// # Errors
    /// Those of `hashes` and `columns`.
    pub fn add<E>(
        &mut self,
        rows: usize,
        hashes: impl Fn(Range<usize>) -> Result<Vec<u64>, E>,
        columns: impl Fn(&[u32]) -> Result<RecordBatch, E>,
    ) -> Result<(), E> {
        let block_rows = BLOCK_ROWS.max(PIECE_ROWS * self.pieces.len());
        for start in (0..rows).step_by(block_rows) {
            let block = start..rows.min(start + block_rows);
            let (rows, ends) = rows_by_group(&hashes(block.clone())?, block.start as u32, self.pieces.len());
            let mut start = 0;
            for (pieces, end) in self.pieces.iter_mut().zip(ends) {
                for rows in rows[start..end].chunks(TABLE_ROWS_MAX) {
                    pieces.push(columns(rows)?);
                }
                start = end;
            }
        }
        Ok(())
    }

    /// The tables, each with its key group.
    ///
    /// # Errors
    /// If Arrow cannot put pieces together.
    pub fn finish(self) -> Result<Vec<(u32, RecordBatch)>, ArrowError> {
        let mut tables = Vec::new();
        for (group, pieces) in (0u32..).zip(self.pieces) {
            let mut rest = pieces.as_slice();
            while !rest.is_empty() {
                let mut rows = 0;
                let fits = |piece: &&RecordBatch| {
                    rows += piece.num_rows();
                    rows <= TABLE_ROWS_MAX
                };
                let count = rest.iter().take_while(fits).count().max(1);
                let (table, after) = rest.split_at(count);
                rest = after;
                tables.push(match table {
                    [only] => (group, only.clone()),
                    several => (group, concat_batches(&self.schema, several)?),
                });
            }
        }
        Ok(tables)
    }
}

/// The rows from `first` on that have these hashes: group by group, ascending within one, and where each group ends.
fn rows_by_group(hashes: &[u64], first: u32, groups: usize) -> (Vec<u32>, Vec<usize>) {
    let group_of_row: Vec<u32> = hashes.iter().map(|hash| group_of(*hash, groups as u32)).collect();
    let mut ends = vec![0; groups];
    group_of_row.iter().for_each(|group| ends[*group as usize] += 1);
    let mut before = 0;
    for end in &mut ends {
        before += std::mem::replace(end, before);
    }
    // So far each says where its group begins; every row moves it on.
    let mut rows = vec![0; hashes.len()];
    for (row, group) in (first..).zip(group_of_row) {
        let end = &mut ends[group as usize];
        rows[*end] = row;
        *end += 1;
    }
    (rows, ends)
}
