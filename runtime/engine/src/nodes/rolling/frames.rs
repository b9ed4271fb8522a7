//! [`Frames`]: the rows that frames reach, by key, and the aggregates of frames. It knows neither keys nor which rows wait.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::{FieldRef, Schema};
use weir_core::graph::Frame;
use weir_state::{FrozenRows, NewRows, RowId, RowOrder, RowStore};

use super::sequence::{LEVELS, Piece, Sequence};
use super::{RollingColumn, due_with_ties};
use crate::dataflow::operator::OperatorError;
use crate::nodes::window::BoundAggregate;
use crate::nodes::window::aggregate_set::AggregateSet;
use crate::nodes::window::window_rows::WindowRows;

/// Rows that are added to accumulators at once.
const ROWS_AT_ONCE: usize = 65_536;

/// The rows that frames reach.
pub(super) struct Frames {
    frame: Frame,
    /// The columns that aggregates read.
    rows: RowStore,
    /// Of the columns that come in, which these are.
    columns: Vec<usize>,
    /// Of these, by aggregate, which it reads.
    value_columns: Vec<Vec<usize>>,
    /// By slot.
    sequences: Vec<Sequence>,
    /// By level, a group per block.
    blocks: [BlockGroups; LEVELS],
    /// By slot, the rows that are no longer there; of frames that have all rows.
    totals: AggregateSet,
    /// Of the rows that were added last: the slot and the places of each frame.
    wanted: Vec<(u32, Range<u64>)>,
}

/// The accumulators of the blocks of a level.
struct BlockGroups {
    set: AggregateSet,
    bound: usize,
    free: Vec<u32>,
}

impl BlockGroups {
    fn group(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.bound += 1;
            self.set.resize(self.bound);
            (self.bound - 1) as u32
        })
    }
}

/// The aggregates of frames.
pub(super) struct Results {
    /// By aggregate, of those that are read: a row per frame of which all fit their types.
    pub(super) columns: HashMap<usize, ArrayRef>,
    /// By frame, its row; of one that has none, that of the next.
    pub(super) row_of_frame: Vec<u32>,
    /// The frames, by number, with a result that does not fit its type, and why.
    pub(super) bad: BTreeMap<usize, String>,
}

impl Frames {
    /// No rows. `input` are the columns that come in.
    pub(super) fn new(frame: Frame, aggregates: &[BoundAggregate], input: &Schema) -> Result<Self, OperatorError> {
        let read: BTreeSet<usize> = aggregates.iter().flat_map(|aggregate| aggregate.columns()).copied().collect();
        let columns: Vec<usize> = read.into_iter().collect();
        let place = |column: &usize| columns.binary_search(column).unwrap_or_default();
        let value_columns = aggregates.iter().map(|a| a.columns().iter().map(place).collect()).collect();
        let fields: Vec<FieldRef> = columns.iter().map(|column| input.fields()[*column].clone()).collect();
        let order = if matches!(frame, Frame::Range(_)) { RowOrder::Time } else { RowOrder::Arrival };
        let totals = AggregateSet::of_singles(aggregates, input)?;
        let blocks = || BlockGroups { set: totals.fresh(), bound: 0, free: Vec::new() };
        Ok(Self {
            frame,
            rows: RowStore::new(&fields, order),
            columns,
            value_columns,
            sequences: Vec::new(),
            blocks: std::array::from_fn(|_| blocks()),
            wanted: Vec::new(),
            totals,
        })
    }

    /// Makes room for slots up to this many.
    pub(super) fn resize(&mut self, slots: usize) {
        if slots > self.sequences.len() {
            self.sequences.resize_with(slots, Sequence::default);
        }
        if self.frame == Frame::All {
            self.totals.resize(slots);
        }
    }

    /// Adds the next rows of some keys, by time, of which all rows of a key and time are there. Returns for each row the number of its frame.
    pub(super) fn add(
        &mut self,
        slots: &[u32],
        times: &[i64],
        columns: &[ArrayRef],
    ) -> Result<Vec<u32>, OperatorError> {
        let columns = self.columns.iter().map(|column| columns[*column].clone()).collect();
        let ids = self.rows.append(NewRows { slots, times, marks: None, columns })?;
        self.extend(slots, times, &ids)?;
        let mut frame_of_row = Vec::with_capacity(slots.len());
        self.wanted.clear();
        if let Frame::Rows(rows) = self.frame {
            // The places of the rows of a key are the last ones, in order.
            let mut next: HashMap<u32, u64> = HashMap::new();
            slots
                .iter()
                .for_each(|slot| *next.entry(*slot).or_insert_with(|| self.sequences[*slot as usize].end()) -= 1);
            for slot in slots {
                let place = next.entry(*slot).or_default();
                *place += 1;
                let first = self.sequences[*slot as usize].first().max(place.saturating_sub(rows));
                frame_of_row.push(self.wanted.len() as u32);
                self.wanted.push((*slot, first..*place));
            }
            return Ok(frame_of_row);
        }
        // Rows of one key and time have one frame, which has them all.
        let mut places: HashMap<u32, (u64, u64)> = HashMap::new();
        let mut counts: HashMap<u32, u64> = HashMap::new();
        slots.iter().for_each(|slot| *counts.entry(*slot).or_default() += 1);
        for ties in
            (0..slots.len()).collect::<Vec<_>>().chunk_by(|a, b| (slots[*a], times[*a]) == (slots[*b], times[*b]))
        {
            let (slot, time) = (slots[ties[0]], times[ties[0]]);
            let sequence = &self.sequences[slot as usize];
            let begin = || (sequence.first(), sequence.end() - counts[&slot]);
            let (first, end) = places.entry(slot).or_insert_with(begin);
            *end += ties.len() as u64;
            if let Frame::Range(range) = self.frame {
                *first = sequence.first_from(time.saturating_sub(range));
            }
            frame_of_row.extend(std::iter::repeat_n(self.wanted.len() as u32, ties.len()));
            self.wanted.push((slot, *first..*end));
        }
        Ok(frame_of_row)
    }

    /// Adds rows to the sequences of their keys, and makes the blocks that are whole then.
    fn extend(&mut self, slots: &[u32], times: &[i64], ids: &[RowId]) -> Result<(), OperatorError> {
        let mut of_blocks: [Vec<(u32, RowId)>; LEVELS] = Default::default();
        for (row, slot) in slots.iter().enumerate() {
            let sequence = &mut self.sequences[*slot as usize];
            for level in sequence.push(times[row], ids[row]) {
                let group = self.blocks[level].group();
                of_blocks[level].extend(sequence.add_block(level, group).map(|id| (group, id)));
            }
        }
        for (level, rows) in of_blocks.iter().enumerate() {
            update(&mut self.blocks[level].set, (&self.rows, &self.value_columns), rows)?;
        }
        Ok(())
    }

    /// The results of the frames of the rows that were added last, of those aggregates that are read.
    pub(super) fn results(&self, read: &[RollingColumn]) -> Result<Results, OperatorError> {
        let frames: Vec<u32> = (0..self.wanted.len() as u32).collect();
        let mut set = self.totals.fresh();
        set.resize(frames.len());
        if self.frame == Frame::All {
            let slots: Vec<u32> = self.wanted.iter().map(|(slot, _)| *slot).collect();
            set.merge_from(&frames, &self.totals, &slots)?;
        }
        let mut rows = Vec::new();
        // By level: the first block of each frame, then the second of each, and so on: a group is named once per call.
        let mut blocks: [Vec<(Vec<u32>, Vec<u32>)>; LEVELS] = Default::default();
        for (frame, (slot, places)) in frames.iter().zip(&self.wanted) {
            let mut nth = [0; LEVELS];
            self.sequences[*slot as usize].pieces(places.clone(), &mut |piece| match piece {
                Piece::Row(id) => rows.push((*frame, id)),
                Piece::Block { level, group } => {
                    if blocks[level].len() == nth[level] {
                        blocks[level].push(Default::default());
                    }
                    let (frames, groups) = &mut blocks[level][nth[level]];
                    frames.push(*frame);
                    groups.push(group);
                    nth[level] += 1;
                }
            });
            if rows.len() >= ROWS_AT_ONCE {
                update(&mut set, (&self.rows, &self.value_columns), &rows)?;
                rows.clear();
            }
        }
        update(&mut set, (&self.rows, &self.value_columns), &rows)?;
        for (level, calls) in blocks.iter().enumerate() {
            for (frames, groups) in calls {
                set.merge_from(frames, &self.blocks[level].set, groups)?;
            }
        }
        let aggregates = || {
            read.iter().filter_map(|column| match column {
                RollingColumn::Aggregate(aggregate) => Some(*aggregate),
                RollingColumn::Of(_) => None,
            })
        };
        let bad: BTreeMap<usize, String> =
            aggregates().flat_map(|aggregate| set.overflows(aggregate, &frames)).collect();
        let (mut fits, mut row_of_frame) = (Vec::with_capacity(frames.len()), Vec::with_capacity(frames.len()));
        for frame in frames {
            row_of_frame.push(fits.len() as u32);
            fits.extend((!bad.contains_key(&(frame as usize))).then_some(frame));
        }
        let finished = |aggregate| Ok((aggregate, set.finish(aggregate, &fits)?));
        let columns = aggregates().map(finished).collect::<Result<_, OperatorError>>()?;
        Ok(Results { columns, row_of_frame, bad })
    }

    /// Forgets rows of keys, to which rows were added last, that no later frame has.
    pub(super) fn settle(&mut self, slots: &[u32]) -> Result<(), OperatorError> {
        let mut gone = Vec::new();
        for slot in slots {
            let sequence = &self.sequences[*slot as usize];
            let until = match self.frame {
                // Later rows of the key have the time of its last one or a later one.
                Frame::Range(range) => {
                    sequence.last_time().map_or(0, |last| sequence.first_from(last.saturating_sub(range)))
                }
                Frame::Rows(rows) => sequence.end().saturating_sub(rows - 1),
                Frame::All => sequence.end(),
            };
            self.forget(*slot, until, &mut gone);
        }
        if self.frame == Frame::All {
            let rows: Vec<(u32, RowId)> = gone.iter().map(|id| (self.rows.slot(*id), *id)).collect();
            update(&mut self.totals, (&self.rows, &self.value_columns), &rows)?;
        }
        Ok(self.rows.remove(&gone)?)
    }

    /// Forgets rows that no frame of a row above a watermark has, not all at once. Returns the keys of which some were forgotten.
    pub(super) fn forget_until(&mut self, watermark: i64) -> Result<Vec<u32>, OperatorError> {
        let Frame::Range(range) = self.frame else { return Ok(Vec::new()) };
        let due = due_with_ties(&mut self.rows, watermark.saturating_sub(range));
        let mut counts: BTreeMap<u32, u64> = BTreeMap::new();
        due.iter().for_each(|id| *counts.entry(self.rows.slot(*id)).or_default() += 1);
        let mut gone = Vec::with_capacity(due.len());
        for (slot, count) in &counts {
            // All rows of a time go together, and a sequence is in the order of times.
            let until = self.sequences[*slot as usize].first() + count;
            self.forget(*slot, until, &mut gone);
        }
        self.rows.remove(&gone)?;
        Ok(counts.into_keys().collect())
    }

    fn forget(&mut self, slot: u32, until: u64, gone: &mut Vec<RowId>) {
        let blocks = &mut self.blocks;
        let forget_block = |level: usize, group: u32| {
            blocks[level].set.reset(group);
            blocks[level].free.push(group);
        };
        self.sequences[slot as usize].forget(until, |id| gone.push(id), forget_block);
    }

    /// Whether nothing is known of a key.
    pub(super) fn is_empty(&self, slot: u32) -> bool {
        self.frame != Frame::All && self.rows.rows_of_slot(slot) == 0
    }

    /// The slot is to be another key's.
    pub(super) fn release(&mut self, slot: u32) {
        self.sequences[slot as usize] = Sequence::default();
    }

    /// The columns of rows.
    pub(super) fn fields(&self) -> &[FieldRef] {
        self.rows.fields()
    }

    /// The columns of totals, by aggregate; none if there are none.
    pub(super) fn totals_fields(&self) -> Option<(Vec<FieldRef>, Vec<usize>)> {
        (self.frame == Frame::All).then(|| (self.totals.state_fields(), self.totals.state_widths()))
    }

    pub(super) fn freeze(&mut self) -> (FrozenRows, AggregateSet) {
        (self.rows.freeze(), self.totals.freeze())
    }

    /// Takes rows of a snapshot; see [`RowStore::restore`].
    pub(super) fn restore_rows(&mut self, rows: &RecordBatch, keys: usize, slots: &[u32]) -> Result<(), OperatorError> {
        self.resize(slots.iter().max().map_or(0, |slot| *slot as usize + 1));
        // Nothing has been removed yet, so ids ascend.
        let first = self.rows.len() as RowId;
        self.rows.restore(rows, keys, slots)?;
        let ids: Vec<RowId> = (first..self.rows.len() as RowId).collect();
        let times: Vec<i64> = ids.iter().map(|id| self.rows.time(*id)).collect();
        self.extend(slots, &times, &ids)
    }

    /// Takes totals of a snapshot.
    pub(super) fn restore_totals(&mut self, slots: &[u32], totals: &WindowRows) -> Result<(), OperatorError> {
        self.resize(slots.iter().max().map_or(0, |slot| *slot as usize + 1));
        self.totals.merge(slots, totals)
    }

    pub(super) fn memory_bytes(&mut self) -> u64 {
        let blocks: u64 = self.blocks.iter_mut().map(|blocks| blocks.set.memory_bytes()).sum();
        let sequences = self.sequences.capacity() * size_of::<Sequence>() + self.rows.len() * size_of::<(i64, RowId)>();
        self.rows.memory_bytes() + self.totals.memory_bytes() + blocks + sequences as u64
    }
}

/// Adds rows to groups.
fn update(
    set: &mut AggregateSet,
    (store, value_columns): (&RowStore, &[Vec<usize>]),
    rows: &[(u32, RowId)],
) -> Result<(), OperatorError> {
    for rows in rows.chunks(ROWS_AT_ONCE) {
        let (groups, ids): (Vec<u32>, Vec<RowId>) = rows.iter().copied().unzip();
        let all: Vec<usize> = (0..store.fields().len()).collect();
        let columns = store.take(&ids, &all)?;
        let values =
            value_columns.iter().map(|of| of.iter().map(|column| columns[*column].clone()).collect()).collect();
        let times: ScalarBuffer<i64> = ids.iter().map(|id| store.time(*id)).collect();
        set.update(&groups, &WindowRows { keys: Vec::new(), values, times, len: ids.len() })?;
    }
    Ok(())
}
