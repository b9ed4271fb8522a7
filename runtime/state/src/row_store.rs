//! [`RowStore`]: rows of slots, kept in columns, found by slot and time and removed by time. Never knows which key a slot stands for,
//! what a row means, or when one is removed: its owner does.
//!
//! Columns stay as they came, in chunks that are shared with snapshots and never changed in place. Of a row there are 32 bytes
//! beside them: its time, its slot, a mark of its owner's, where its columns are, and its neighbours among the rows of its slot.
//!
//! | module | holds |
//! |---|---|
//! | `row_chunks` | the columns |
//! | `due_rows` | which rows are the earliest |
//! | `frozen_rows` | all rows at one moment, as tables by key group, and back |

mod due_rows;
mod frozen_rows;
mod row_chunks;

use std::collections::{BTreeSet, HashMap};
use std::ops::RangeInclusive;

use arrow::array::ArrayRef;
use arrow::datatypes::FieldRef;

use crate::{ChunkedVec, StateError};
use due_rows::DueRows;
pub use frozen_rows::{FrozenRows, KeptRows, rows_schema};
use row_chunks::{RowChunks, RowPlace};

/// A row of a [`RowStore`], until it is removed; then the number may be given to another row.
pub type RowId = u32;

/// How rows can be found and removed, beside by slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowOrder {
    /// By slot alone: for rows that go all together, or that their owner removes one by one.
    Arrival,
    /// By time within a slot: [`RowStore::between`] finds those in a range of times, however many the slot has.
    TimeOfSlot,
    /// By time of all slots: [`RowStore::take_due`] finds the earliest. Costs 16 bytes per row until it is taken.
    Due,
    /// Both.
    Time,
}

impl RowOrder {
    fn sorts_slots(self) -> bool {
        matches!(self, Self::TimeOfSlot | Self::Time)
    }

    fn has_due(self) -> bool {
        matches!(self, Self::Due | Self::Time)
    }
}

/// Rows that are added together.
#[derive(Debug)]
pub struct NewRows<'a> {
    /// The slot of each row.
    pub slots: &'a [u32],
    /// The time of each row, microseconds since the epoch.
    pub times: &'a [i64],
    /// What its owner notes of each row; `None`: 0.
    pub marks: Option<&'a [u32]>,
    /// The columns.
    pub columns: Vec<ArrayRef>,
}

/// The rows of all slots.
#[derive(Debug)]
pub struct RowStore {
    order: RowOrder,
    /// By id.
    rows: ChunkedVec<StoredRow>,
    /// Ids to be given out again.
    free: Vec<RowId>,
    /// By slot.
    chains: ChunkedVec<Chain>,
    /// By slot, the rows of those that have many, by time.
    sorted: HashMap<u32, BTreeSet<(i64, RowId)>>,
    sorted_rows: usize,
    due: DueRows,
    columns: RowChunks,
}

#[derive(Clone, Copy, Debug)]
struct StoredRow {
    time: i64,
    slot: u32,
    mark: u32,
    /// Its chunk is [`NONE`]: the id is free.
    place: RowPlace,
    /// The rows of its slot that came before and after it.
    before: RowId,
    after: RowId,
}

/// The rows of a slot, in the order in which they came.
#[derive(Clone, Copy, Debug)]
struct Chain {
    first: RowId,
    last: RowId,
    len: u32,
}

const NONE: u32 = u32::MAX;
const NO_ROWS: Chain = Chain { first: NONE, last: NONE, len: 0 };
/// A slot with more rows has them sorted by time: until then, to look at all is as fast.
const UNSORTED_ROWS_MAX: u32 = 32;
/// About what a row takes in a sorted set of them.
const SORTED_ROW_BYTES: u64 = 32;

impl RowStore {
    /// No rows, of these columns.
    #[must_use]
    pub fn new(fields: &[FieldRef], order: RowOrder) -> Self {
        Self {
            order,
            rows: ChunkedVec::new(),
            free: Vec::new(),
            chains: ChunkedVec::new(),
            sorted: HashMap::new(),
            sorted_rows: 0,
            due: DueRows::default(),
            columns: RowChunks::new(fields),
        }
    }

    /// The columns of a row.
    #[must_use]
    pub fn fields(&self) -> &[FieldRef] {
        self.columns.fields()
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len() - self.free.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that the rows take, those of rows that were removed and are still in chunks included. Looks at no single row.
    #[must_use]
    pub fn memory_bytes(&self) -> u64 {
        self.rows.memory_bytes()
            + self.chains.memory_bytes()
            + self.due.memory_bytes()
            + self.columns.memory_bytes()
            + self.sorted_rows as u64 * SORTED_ROW_BYTES
            + size_of_val(self.free.as_slice()) as u64
    }

    /// How many rows a slot has.
    #[must_use]
    pub fn rows_of_slot(&self, slot: u32) -> usize {
        self.chain(slot).len as usize
    }

    /// Adds rows, and says which they are.
    ///
    /// # Errors
    /// If the columns are not those of the store, or not as many as there are slots, times and marks.
    pub fn append(&mut self, new: NewRows<'_>) -> Result<Vec<RowId>, StateError> {
        let NewRows { slots, times, marks, columns } = new;
        let count = |what, found| {
            let expected = slots.len();
            if found == expected { Ok(()) } else { Err(StateError::Count { what, found, expected }) }
        };
        count("times of rows", times.len())?;
        count("marks of rows", marks.map_or(slots.len(), <[u32]>::len))?;
        self.columns.check(&columns, slots.len())?;
        if slots.is_empty() {
            return Ok(Vec::new());
        }
        let used_again = self.free.split_off(self.free.len().saturating_sub(slots.len()));
        let ids: Vec<RowId> =
            used_again.into_iter().rev().chain(self.rows.len() as RowId..).take(slots.len()).collect();
        let chunk = self.columns.append(columns, ids.clone());
        for (row, id) in ids.iter().enumerate() {
            let place = RowPlace { chunk, row: row as u32 };
            let mark = marks.map_or(0, |marks| marks[row]);
            let (time, slot) = (times[row], slots[row]);
            self.link(*id, StoredRow { time, slot, mark, place, before: NONE, after: NONE });
        }
        if self.order.has_due() {
            self.due.add(times.iter().copied().zip(ids.iter().copied()).collect());
        }
        self.compact()?;
        Ok(ids)
    }

    /// The rows of a slot, in the order in which they came.
    pub fn rows_of(&self, slot: u32) -> impl Iterator<Item = RowId> {
        let mut next = self.chain(slot).first;
        std::iter::from_fn(move || {
            let id = (next != NONE).then_some(next)?;
            next = self.rows[id as usize].after;
            Some(id)
        })
    }

    /// All rows from an id on, by id: while none is added, each comes once.
    pub fn rows_from(&self, first: RowId) -> impl Iterator<Item = RowId> {
        (first..self.rows.len() as RowId).filter(|id| self.rows[*id as usize].place.chunk != NONE)
    }

    /// Adds the rows of a slot whose times are in a range to `out`, in no particular order.
    pub fn between(&self, slot: u32, times: RangeInclusive<i64>, out: &mut Vec<RowId>) {
        match self.sorted_of(slot) {
            Some(sorted) if !times.is_empty() => {
                out.extend(sorted.range((*times.start(), 0)..=(*times.end(), NONE)).map(|(_, id)| *id));
            }
            Some(_) => {}
            None => out.extend(self.rows_of(slot).filter(|id| times.contains(&self.time(*id)))),
        }
    }

    /// The row of a slot with the greatest time up to one; of several with that time any.
    #[must_use]
    pub fn latest(&self, slot: u32, until: i64) -> Option<RowId> {
        match self.sorted_of(slot) {
            Some(sorted) => sorted.range(..=(until, NONE)).next_back().map(|(_, id)| *id),
            None => self.rows_of(slot).filter(|id| self.time(*id) <= until).max_by_key(|id| self.time(*id)),
        }
    }

    /// Takes the earliest rows whose time is at most this out of the order of times, at most `max` of them. They stay in the store
    /// until they are [removed](RowStore::remove), which the caller does before it asks again after a snapshot.
    pub fn take_due(&mut self, until: i64, max: usize) -> Vec<RowId> {
        let mut due = Vec::new();
        while due.len() < max
            && let Some((time, id)) = self.due.pop(until)
        {
            // One that was removed in another way may be another row by now, which then is here twice, one after the other.
            let row = &self.rows[id as usize];
            if row.place.chunk != NONE && row.time == time && due.last() != Some(&id) {
                due.push(id);
            }
        }
        due
    }

    /// Whether there is a row with this number.
    #[must_use]
    pub fn holds(&self, id: RowId) -> bool {
        (id as usize) < self.rows.len() && self.rows[id as usize].place.chunk != NONE
    }

    /// The slot of a row.
    #[must_use]
    pub fn slot(&self, id: RowId) -> u32 {
        self.rows[id as usize].slot
    }

    /// The time of a row.
    #[must_use]
    pub fn time(&self, id: RowId) -> i64 {
        self.rows[id as usize].time
    }

    /// What its owner notes of a row.
    #[must_use]
    pub fn mark(&self, id: RowId) -> u32 {
        self.rows[id as usize].mark
    }

    /// Notes something of a row.
    pub fn set_mark(&mut self, id: RowId, mark: u32) {
        if self.mark(id) != mark {
            self.rows[id as usize].mark = mark;
        }
    }

    /// The columns with these indices of some rows, a row as often as it is named.
    ///
    /// # Errors
    /// If one of them was removed, or Arrow cannot put the rows together.
    pub fn take(&self, ids: &[RowId], columns: &[usize]) -> Result<Vec<ArrayRef>, StateError> {
        let places: Vec<RowPlace> = ids.iter().map(|id| self.rows[*id as usize].place).collect();
        self.columns.take(&places, columns)
    }

    /// Columns in which a row is, and where in them.
    ///
    /// # Panics
    /// If it was removed.
    #[must_use]
    pub fn row(&self, id: RowId) -> (&[ArrayRef], usize) {
        self.columns.row(self.rows[id as usize].place)
    }

    /// Removes rows, each of which is named once.
    ///
    /// # Errors
    /// If Arrow cannot put the rest of some chunks together.
    pub fn remove(&mut self, ids: &[RowId]) -> Result<(), StateError> {
        ids.iter().for_each(|id| self.unlink(*id));
        self.compact()
    }

    /// All rows as they are now.
    #[must_use]
    pub fn freeze(&mut self) -> FrozenRows {
        FrozenRows::new(self.rows.freeze(), self.chains.freeze(), self.columns.clone())
    }

    /// The rows of a slot by time, if it has so many that they are sorted. Most have not, and are not looked up.
    fn sorted_of(&self, slot: u32) -> Option<&BTreeSet<(i64, RowId)>> {
        let is_long = self.chain(slot).len > UNSORTED_ROWS_MAX / 2;
        is_long.then(|| self.sorted.get(&slot)).flatten()
    }

    fn chain(&self, slot: u32) -> Chain {
        if (slot as usize) < self.chains.len() { self.chains[slot as usize] } else { NO_ROWS }
    }

    /// Puts a row at the end of its slot's. Its id is not in use, or the next one.
    fn link(&mut self, id: RowId, row: StoredRow) {
        let slot = row.slot;
        self.chains.grow(slot as usize + 1, &NO_ROWS);
        let chain = self.chains[slot as usize];
        let row = StoredRow { before: chain.last, ..row };
        match id as usize == self.rows.len() {
            true => self.rows.push(row),
            false => self.rows[id as usize] = row,
        }
        let first = if chain.len == 0 { id } else { chain.first };
        if chain.last != NONE {
            self.rows[chain.last as usize].after = id;
        }
        self.chains[slot as usize] = Chain { first, last: id, len: chain.len + 1 };
        if self.order.sorts_slots() && chain.len > UNSORTED_ROWS_MAX / 2 {
            self.sort(slot, row.time, id);
        }
    }

    /// Adds a row that is linked already to those that are sorted, if its slot has many.
    fn sort(&mut self, slot: u32, time: i64, id: RowId) {
        if let Some(sorted) = self.sorted.get_mut(&slot) {
            sorted.insert((time, id));
            self.sorted_rows += 1;
        } else if self.chain(slot).len > UNSORTED_ROWS_MAX {
            let sorted: BTreeSet<_> = self.rows_of(slot).map(|id| (self.time(id), id)).collect();
            self.sorted_rows += sorted.len();
            self.sorted.insert(slot, sorted);
        }
    }

    fn unlink(&mut self, id: RowId) {
        let row = self.rows[id as usize];
        if row.place.chunk == NONE {
            return;
        }
        self.columns.remove(row.place);
        let chain = &mut self.chains[row.slot as usize];
        let was_long = chain.len > UNSORTED_ROWS_MAX / 2;
        chain.len -= 1;
        if row.before == NONE {
            chain.first = row.after;
        }
        if row.after == NONE {
            chain.last = row.before;
        }
        let is_unsorted = chain.len <= UNSORTED_ROWS_MAX / 2;
        if row.before != NONE {
            self.rows[row.before as usize].after = row.after;
        }
        if row.after != NONE {
            self.rows[row.after as usize].before = row.before;
        }
        // A slot with fewer rows has none that are sorted.
        if self.order.sorts_slots()
            && was_long
            && let Some(sorted) = self.sorted.get_mut(&row.slot)
        {
            sorted.remove(&(row.time, id));
            self.sorted_rows -= 1;
            if is_unsorted {
                self.sorted_rows -= self.sorted.remove(&row.slot).map_or(0, |sorted| sorted.len());
            }
        }
        self.rows[id as usize].place.chunk = NONE;
        self.free.push(id);
    }

    fn compact(&mut self) -> Result<(), StateError> {
        self.columns.compact(&mut self.rows)
    }
}
