//! `[top.NAME]`: the first rows of each key in an order, as updates. Of rows of inserts it keeps no more than can ever be among them; of
//! updating streams all, as one that is taken back makes room for the next.

mod differences;
mod order;
pub(crate) mod plan;
mod ranked;
mod sorted_blocks;
mod state;

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::compute::{interleave, take};
use arrow::datatypes::{FieldRef, SchemaRef};
use weir_core::batch::{RowKind, RowKinds, StreamBatch};
use weir_core::connector::Cut;
use weir_core::graph::Ties;
use weir_state::{ChunkedVec, KeyIndex, NewRows, RowId, RowStore, StateError, Timer};

use crate::dataflow::operator::{Frozen, Operator, OperatorError, Outputs, Progress, Snapshot, StateTable, Time};
use crate::nodes::changes::emit_in_batches;
use crate::nodes::distinct::DistinctSlots;
use crate::nodes::lives::{FORGOTTEN_MAX, LIVES, Lives};
use differences::add_differences;
use order::{ArrivingRows, RankedRow, RowOrder, RowPlace, RowsInOrder};
use ranked::Ranked;

/// Which rows of an order are given out, and with what.
#[derive(Clone, Copy)]
struct Shown {
    offset: u64,
    limit: u64,
    ties: Ties,
    /// Whether rows can be taken back.
    updating: bool,
}

/// What the operator is made of.
struct TopSpec {
    key_columns: Vec<usize>,
    key_fields: Vec<FieldRef>,
    order: RowOrder,
    shown: Shown,
    /// The columns that come in and go out, and, behind them, whether the rank does.
    read: Vec<usize>,
    reads_rank: bool,
    /// They.
    schema: SchemaRef,
    key_groups: u32,
    /// When the rows of a key are deleted; `None`: never.
    lives: Option<Lives>,
}

struct TopOperator {
    spec: TopSpec,
    keys: KeyIndex,
    /// The rows of all keys. The mark of one is how often it is there.
    rows: RowStore,
    /// By slot, their order.
    ranked: ChunkedVec<Ranked>,
    distinct: DistinctSlots,
    /// The time up to which keys are being deleted.
    passing: Option<Time>,
    /// Of the youngest batch that came.
    ingested_at: i64,
}

/// A row that is given out, with the rank that it has.
type Placed = (RankedRow, i64);

/// What happens to rows, and when.
#[derive(Default)]
struct Changes {
    rows: Vec<(RowKind, Placed)>,
    times: Vec<i64>,
}

/// Rows that a batch has touched, as the store does not know them yet.
#[derive(Default)]
struct Touched {
    /// Rows that have come and were put among those of a slot.
    added: Vec<(u32, RankedRow)>,
    /// Rows that are there more often or less often than before, as they are now.
    counted: Vec<RankedRow>,
}

impl Touched {
    /// `row` came, and is `there` now, or counts as that.
    fn add(&mut self, slot: u32, row: RankedRow, there: RankedRow) {
        match row.place == there.place {
            true => self.added.push((slot, row)),
            false => self.counted.push(there),
        }
    }
}

/// About what a row takes in the order of its key, where lists have room for more.
const RANKED_BYTES: u64 = 3 * size_of::<RankedRow>() as u64 / 2;

impl TopOperator {
    fn new(spec: TopSpec) -> Result<Self, OperatorError> {
        Ok(Self {
            keys: KeyIndex::new(&spec.key_fields)?,
            rows: RowStore::new(&spec.order.kept_fields(), weir_state::RowOrder::Arrival),
            spec,
            ranked: ChunkedVec::new(),
            distinct: DistinctSlots::default(),
            passing: None,
            ingested_at: i64::MIN,
        })
    }

    /// Takes rows, of which those of a key are of one life of it.
    fn part(&mut self, batch: &StreamBatch, slots: &[u32], out: &mut Outputs) -> Result<(), OperatorError> {
        let (slots, key_of_row) = self.distinct.of(slots, self.keys.slot_bound());
        let arriving = self.spec.order.arriving(batch)?;
        let shown = self.spec.shown;
        // Of keys that change, where among `shown_before` the rows are that were shown.
        let mut before: Vec<Option<Range<usize>>> = vec![None; slots.len()];
        let (mut shown_before, mut touched) = (Vec::new(), Touched::default());
        let mut latest = vec![i64::MIN; slots.len()];
        for (row, key) in key_of_row.iter().enumerate() {
            latest[*key as usize] = latest[*key as usize].max(batch.event_times[row]);
        }
        if let Some(lives) = &mut self.spec.lives {
            let forgotten = lives.live(&slots, (&key_of_row, &batch.event_times), &latest);
            for key in (0..slots.len()).filter(|key| forgotten[*key]) {
                let start = shown_before.len();
                self.clear(slots[key], &mut touched, &mut shown_before);
                before[key] = Some(start..shown_before.len());
            }
        }
        let rows = RowsInOrder { order: &self.spec.order, stored: &self.rows, arriving: Some(&arriving) };
        for (row, key) in key_of_row.iter().enumerate() {
            let slot = slots[*key as usize];
            let ranked = &mut self.ranked[slot as usize];
            let prefix = arriving.prefixes[row];
            let arrived = RankedRow { prefix, place: RowPlace::Arriving(row as u32), count: 1 };
            let takes_back = batch.row_kind(row).takes_back();
            if !takes_back && ranked.is_beyond(&arrived, shown, rows) {
                continue;
            }
            before[*key as usize].get_or_insert_with(|| {
                let start = shown_before.len();
                ranked.add_shown(shown, rows, &mut shown_before);
                start..shown_before.len()
            });
            match takes_back {
                true => touched.counted.extend(ranked.take_back(&arrived, shown.ties, rows)),
                false => touched.add(slot, arrived, ranked.add(arrived, shown.ties, rows)),
            }
            ranked.trim(&arrived, shown, rows, &mut touched.counted);
        }
        let (mut changes, mut after) = (Changes::default(), Vec::new());
        for ((slot, before), latest) in slots.iter().zip(&before).zip(latest) {
            if let Some(before) = before {
                after.clear();
                self.ranked[*slot as usize].add_shown(shown, rows, &mut after);
                add_differences(&shown_before[before.clone()], &after, self.spec.reads_rank, rows, &mut changes.rows);
                changes.times.resize(changes.rows.len(), latest);
            }
        }
        self.emit(&changes, Some(&arriving), batch.ingested_at, out)?;
        self.settle(&touched, Some(&arriving))?;
        slots.iter().filter(|slot| self.ranked[**slot as usize].is_empty()).for_each(|slot| self.keys.remove(*slot));
        Ok(())
    }

    /// Stores the rows that have come and are among those of their keys, notes how often others are there, and removes those that are not.
    fn settle(&mut self, touched: &Touched, arriving: Option<&ArrivingRows>) -> Result<(), StateError> {
        let mut removed = Vec::new();
        for row in &touched.counted {
            match (row.place, row.count) {
                (RowPlace::Stored(id), 0) => removed.push(id),
                (RowPlace::Stored(id), count) => self.rows.set_mark(id, count),
                (RowPlace::Arriving(_), _) => {}
            }
        }
        if let Some(arriving) = arriving {
            self.store(&touched.added, arriving)?;
        }
        self.rows.remove(&removed)
    }

    fn store(&mut self, added: &[(u32, RankedRow)], arriving: &ArrivingRows) -> Result<(), StateError> {
        let in_order = RowsInOrder { order: &self.spec.order, stored: &self.rows, arriving: Some(arriving) };
        let (mut places, mut rows, mut slots, mut counts) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (slot, row) in added {
            // It may be gone again, and an equal one in its place.
            if let Some((place, count)) = self.ranked[*slot as usize].find(row, in_order)
                && let RowPlace::Arriving(row) = row.place
            {
                places.push(place);
                rows.push(row);
                slots.push(*slot);
                counts.push(count);
            }
        }
        let times: Vec<i64> = rows.iter().map(|row| arriving.times[*row as usize]).collect();
        let rows = UInt32Array::from(rows);
        let columns = arriving.columns.iter().map(|column| take(column, &rows, None)).collect::<Result<_, _>>()?;
        let ids = self.rows.append(NewRows { slots: &slots, times: &times, marks: Some(&counts), columns })?;
        for ((slot, place), id) in slots.iter().zip(places).zip(ids) {
            self.ranked[*slot as usize].set_stored(place, id);
        }
        Ok(())
    }

    /// Forgets the rows of a key, and adds those that were given out to `shown`.
    fn clear(&mut self, slot: u32, touched: &mut Touched, shown: &mut Vec<Placed>) {
        let ranked = std::mem::take(&mut self.ranked[slot as usize]);
        touched.counted.extend(ranked.iter().map(|row| RankedRow { count: 0, ..*row }));
        let rows = RowsInOrder { order: &self.spec.order, stored: &self.rows, arriving: None };
        ranked.add_shown(self.spec.shown, rows, shown);
    }

    /// The rows that became others, as changes: each at the event time of what changed it, if that is later than its own.
    fn emit(
        &self,
        changes: &Changes,
        arriving: Option<&ArrivingRows>,
        ingested_at: i64,
        out: &mut Outputs,
    ) -> Result<(), OperatorError> {
        let count = changes.rows.len();
        if count == 0 {
            return Ok(());
        }
        let stored: Vec<RowId> = changes.rows.iter().filter_map(|(_, (row, _))| row.place.stored()).collect();
        let stored = self.rows.take(&stored, &self.spec.read)?;
        let mut next = 0..;
        let picks: Vec<(usize, usize)> = changes
            .rows
            .iter()
            .map(|(_, (row, _))| match row.place {
                RowPlace::Stored(_) => (0, next.next().unwrap_or_default()),
                RowPlace::Arriving(row) => (1, row as usize),
            })
            .collect();
        let column = |(stored, read): (&ArrayRef, &usize)| {
            let arriving = arriving.map(|arriving| arriving.columns[*read].as_ref());
            interleave(&[stored.as_ref()].into_iter().chain(arriving).collect::<Vec<_>>(), &picks)
        };
        let mut columns = stored.iter().zip(&self.spec.read).map(column).collect::<Result<Vec<_>, _>>()?;
        if self.spec.reads_rank {
            columns.push(Arc::new(Int64Array::from_iter_values(changes.rows.iter().map(|(_, (_, rank))| *rank))));
        }
        let options = RecordBatchOptions::new().with_row_count(Some(count));
        let made = RecordBatch::try_new_with_options(self.spec.schema.clone(), columns, &options)?;
        let rows = RowsInOrder { order: &self.spec.order, stored: &self.rows, arriving };
        let times = changes.rows.iter().zip(&changes.times);
        let times = times.map(|((_, (row, _)), changed_at)| rows.time(row.place).max(*changed_at)).collect();
        let row_kinds = RowKinds::new(changes.rows.iter().map(|(kind, _)| *kind as u8).collect());
        emit_in_batches(&StreamBatch { row_kinds, ..StreamBatch::new(made, times, ingested_at) }, out);
        Ok(())
    }

    /// Deletes the rows of the next keys that the time has passed.
    fn delete_passed(&mut self, out: &mut Outputs) -> Result<Progress, OperatorError> {
        let (Some(at), Some(lives)) = (self.passing, &mut self.spec.lives) else { return Ok(Progress::Done) };
        // Each key may have as many rows as are shown.
        let keys = FORGOTTEN_MAX / usize::try_from(self.spec.shown.limit).unwrap_or(FORGOTTEN_MAX);
        let passed = lives.passed(at, keys.max(1));
        if passed.is_empty() {
            self.passing = None;
            return Ok(Progress::Done);
        }
        let (mut changes, mut touched, mut shown) = (Changes::default(), Touched::default(), Vec::new());
        for Timer { time, slot } in passed {
            self.clear(slot, &mut touched, &mut shown);
            changes.rows.extend(shown.drain(..).map(|row| (RowKind::Delete, row)));
            changes.times.resize(changes.rows.len(), time);
            self.keys.remove(slot);
        }
        self.emit(&changes, None, self.ingested_at, out)?;
        self.settle(&touched, None)?;
        Ok(Progress::More)
    }
}

impl Operator for TopOperator {
    fn process(&mut self, _input: usize, batch: StreamBatch, out: &mut Outputs) -> Result<Progress, OperatorError> {
        self.ingested_at = self.ingested_at.max(batch.ingested_at);
        let keys: Vec<ArrayRef> = self.spec.key_columns.iter().map(|key| batch.rows.column(*key).clone()).collect();
        let hashes = batch.key_hashes.as_ref().and_then(|hashes| hashes.of(&self.spec.key_columns));
        let mut slots = Vec::new();
        let bound = self.keys.slots_hashed(&keys, batch.len(), hashes, &mut slots)?;
        self.ranked.grow(bound, &Ranked::default());
        let Some(lives) = &self.spec.lives else {
            self.part(&batch, &slots, out)?;
            return Ok(Progress::Done);
        };
        for rows in lives.parts(&mut self.distinct, &slots, bound, &batch.event_times) {
            self.part(&batch.slice(rows.start, rows.len()), &slots[rows], out)?;
        }
        Ok(Progress::Done)
    }

    fn on_time(&mut self, at: Time, out: &mut Outputs) -> Result<Progress, OperatorError> {
        self.passing = Some(at);
        self.delete_passed(out)
    }

    fn more(&mut self, out: &mut Outputs) -> Result<Progress, OperatorError> {
        self.delete_passed(out)
    }

    fn deadline(&self) -> Option<i64> {
        self.spec.lives.as_ref().and_then(Lives::deadline)
    }

    fn freeze(&mut self, _cut: Cut) -> Result<Frozen, OperatorError> {
        let (keys, rows) = (self.keys.freeze(), self.rows.freeze());
        let (order, key_groups) = (self.spec.order.clone(), self.spec.key_groups);
        let lives = self.spec.lives.as_mut().map(|lives| (lives.ttl.freeze(), self.spec.key_fields.clone()));
        Ok(Frozen::of_state(move || {
            let mut snapshot = state::snapshot(&order, &keys, &rows, key_groups)?;
            if let Some((lives, key_fields)) = lives {
                snapshot.tables.extend(Lives::tables(&lives, &keys, &key_fields, key_groups)?);
            }
            Ok(snapshot)
        }))
    }

    fn restore(&mut self, snapshot: Snapshot) -> Result<(), OperatorError> {
        let (lives, tables): (Vec<StateTable>, Vec<StateTable>) =
            snapshot.tables.into_iter().partition(|table| table.name == LIVES);
        for part in state::restored(&self.spec.order, Snapshot { tables, ..Snapshot::default() })? {
            let keys: Vec<ArrayRef> =
                self.spec.key_columns.iter().map(|key| part.batch.rows.column(*key).clone()).collect();
            let mut slots = Vec::new();
            let bound = self.keys.slots(&keys, part.batch.len(), &mut slots)?;
            self.ranked.grow(bound, &Ranked::default());
            let arriving = self.spec.order.arriving(&part.batch)?;
            let rows = RowsInOrder { order: &self.spec.order, stored: &self.rows, arriving: Some(&arriving) };
            let mut touched = Touched::default();
            for (row, slot) in (0u32..).zip(&slots) {
                let count = u32::try_from(part.counts.value(row as usize).max(0)).unwrap_or(u32::MAX);
                let row = RankedRow { prefix: arriving.prefixes[row as usize], place: RowPlace::Arriving(row), count };
                touched.add(*slot, row, self.ranked[*slot as usize].add(row, self.spec.shown.ties, rows));
            }
            self.settle(&touched, Some(&arriving))?;
        }
        if let Some(of) = &mut self.spec.lives {
            of.restore(&mut self.keys, &lives)?;
            self.ranked.grow(self.keys.slot_bound(), &Ranked::default());
        }
        Ok(())
    }

    fn state_bytes(&mut self) -> u64 {
        let lives = self.spec.lives.as_ref().map_or(0, |lives| lives.ttl.memory_bytes());
        let ranked = self.ranked.memory_bytes() + self.rows.len() as u64 * RANKED_BYTES;
        self.keys.memory_bytes() + self.rows.memory_bytes() + ranked + lives
    }
}
