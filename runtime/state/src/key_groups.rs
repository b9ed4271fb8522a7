//! Cuts rows by key group, for snapshots. Never reads state: it gets hashes of keys and says which rows go together.

use weir_core::key_group::group_of;

/// Rows of one table of a snapshot at most. More of a key group are more tables: each is put together by itself, so that what
/// is read and what is written of it stay in the processor's cache, and no column of text outgrows its 32 bit offsets.
pub const TABLE_ROWS_MAX: usize = 65_536;

/// The rows of each key group.
#[derive(Debug)]
pub struct RowsByGroup {
    /// Group by group; within one, ascending.
    rows: Vec<u32>,
    /// Where each group ends in them.
    ends: Vec<usize>,
}

impl RowsByGroup {
    /// Of rows whose keys have these hashes. `groups` is the job's `max_parallelism`.
    #[must_use]
    pub fn new(hashes: &[u64], groups: u32) -> Self {
        let group_of_row: Vec<u32> = hashes.iter().map(|hash| group_of(*hash, groups)).collect();
        let mut ends = vec![0; groups as usize];
        group_of_row.iter().for_each(|group| ends[*group as usize] += 1);
        let mut before = 0;
        for end in &mut ends {
            before += std::mem::replace(end, before);
        }
        // So far each says where its group begins; every row moves it on.
        let mut rows = vec![0; hashes.len()];
        for (row, group) in (0u32..).zip(group_of_row) {
            let end = &mut ends[group as usize];
            rows[*end] = row;
            *end += 1;
        }
        Self { rows, ends }
    }

    /// The rows of a group in pieces of [`TABLE_ROWS_MAX`] at most.
    pub fn of_group(&self, group: u32) -> impl Iterator<Item = &[u32]> {
        let group = group as usize;
        let start = group.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.rows[start..self.ends[group]].chunks(TABLE_ROWS_MAX)
    }

    /// The pieces of all groups.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &[u32])> {
        (0..self.ends.len() as u32).flat_map(|group| self.of_group(group).map(move |rows| (group, rows)))
    }
}
