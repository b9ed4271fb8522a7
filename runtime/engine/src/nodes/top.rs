//! `[top.NAME]`: the first rows of each key in an order, as updates. Of rows of inserts it keeps no more than can ever be among them; of
//! updating streams all, as one that is taken back makes room for the next.

mod order;
pub(crate) mod plan;
mod ranked;
mod state;

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{FieldRef, SchemaRef};
use weir_core::batch::{RowKind, RowKinds, StreamBatch};
use weir_core::connector::Cut;
use weir_core::graph::Ties;
use weir_state::{ChunkedVec, KeyIndex, Timer};

use crate::dataflow::operator::{Frozen, Operator, OperatorError, Outputs, Progress, Snapshot, StateTable, Time};
use crate::nodes::changes::emit_in_batches;
use crate::nodes::distinct::DistinctSlots;
use crate::nodes::lives::{FORGOTTEN_MAX, LIVES, Lives};
use order::RowOrder;
use ranked::{Ranked, RankedRow};

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
    /// By slot.
    rows: ChunkedVec<Ranked>,
    row_bytes: u64,
    distinct: DistinctSlots,
    /// The time up to which keys are being deleted.
    passing: Option<Time>,
    /// Of the youngest batch that came.
    ingested_at: i64,
}

/// A row that is given out, with the place that it has.
type Placed = (RankedRow, i64);

impl TopOperator {
    fn new(spec: TopSpec) -> Result<Self, OperatorError> {
        let keys = KeyIndex::new(&spec.key_fields)?;
        Ok(Self {
            spec,
            keys,
            rows: ChunkedVec::new(),
            row_bytes: 0,
            distinct: DistinctSlots::default(),
            passing: None,
            ingested_at: i64::MIN,
        })
    }

    /// The rows that became others, as changes: each at the event time of what changed it, if that is later than its own.
    fn emit(
        &self,
        changed: &[(RowKind, Placed)],
        changed_at: &[i64],
        ingested_at: i64,
        out: &mut Outputs,
    ) -> Result<(), OperatorError> {
        let (columns, times) = self.spec.order.decode(changed.iter().map(|(_, (row, _))| row.bytes()), i64::MIN)?;
        let times = times.iter().zip(changed_at).map(|(own, changed_at)| *own.max(changed_at)).collect();
        let mut columns: Vec<ArrayRef> = self.spec.read.iter().map(|column| columns[*column].clone()).collect();
        if self.spec.reads_rank {
            columns.push(Arc::new(Int64Array::from_iter_values(changed.iter().map(|(_, (_, rank))| *rank))));
        }
        let options = RecordBatchOptions::new().with_row_count(Some(changed.len()));
        let rows = RecordBatch::try_new_with_options(self.spec.schema.clone(), columns, &options)?;
        let row_kinds = RowKinds::new(changed.iter().map(|(kind, _)| *kind as u8).collect());
        let all = StreamBatch { row_kinds, ..StreamBatch::new(rows, times, ingested_at) };
        emit_in_batches(&all, out);
        Ok(())
    }
}

/// What changes between two lists of rows in order. With ranks a row takes the place of the one at its rank; without, rows go and come.
fn differences(before: &[Placed], after: &[Placed], has_rank: bool, changed: &mut Vec<(RowKind, Placed)>) {
    let by_place = has_rank && before.iter().zip(after).all(|((_, a), (_, b))| a == b);
    if by_place {
        for place in 0..before.len().max(after.len()) {
            match (before.get(place), after.get(place)) {
                (Some(was), Some(is)) if was == is => {}
                (Some(was), Some(is)) => {
                    changed.push((RowKind::UpdateBefore, was.clone()));
                    changed.push((RowKind::UpdateAfter, is.clone()));
                }
                (Some(was), None) => changed.push((RowKind::Delete, was.clone())),
                (None, Some(is)) => changed.push((RowKind::Insert, is.clone())),
                (None, None) => {}
            }
        }
        return;
    }
    // Both are in order, so one pass finds what is in one of them only; equal rows count as often as they are there.
    let same = |a: &Placed, b: &Placed| a.0 == b.0 && (!has_rank || a.1 == b.1);
    let (mut old, mut new) = (before.iter().peekable(), after.iter().peekable());
    let mut added = Vec::new();
    while let Some(was) = old.peek() {
        match new.peek() {
            Some(is) if same(was, is) => {
                old.next();
                new.next();
            }
            Some(is) if is.0 < was.0 => added.extend(new.next().cloned()),
            _ => changed.extend(old.next().map(|was| (RowKind::Delete, was.clone()))),
        }
    }
    added.extend(new.cloned());
    changed.extend(added.into_iter().map(|row| (RowKind::Insert, row)));
}

impl TopOperator {
    /// Forgets the rows of a key. Returns those that were given out.
    fn clear(&mut self, slot: u32) -> Vec<Placed> {
        let rows = std::mem::take(&mut self.rows[slot as usize]);
        self.row_bytes = self.row_bytes.saturating_sub(rows.memory_bytes());
        rows.shown(self.spec.shown)
    }

    /// Takes rows, of which those of a key are of one life of it.
    fn part(&mut self, batch: &StreamBatch, slots: &[u32], out: &mut Outputs) -> Result<(), OperatorError> {
        let (slots, key_of_row) = self.distinct.of(slots, self.keys.slot_bound());
        let encoded = self.spec.order.encode(batch)?;
        let (shown, mut buffer) = (self.spec.shown, Vec::new());
        let mut before: Vec<Option<Vec<Placed>>> = vec![None; slots.len()];
        let mut latest = vec![i64::MIN; slots.len()];
        for (row, key) in key_of_row.iter().enumerate() {
            latest[*key as usize] = latest[*key as usize].max(batch.event_times[row]);
        }
        if let Some(lives) = &mut self.spec.lives {
            let forgotten = lives.live(&slots, (&key_of_row, &batch.event_times), &latest);
            for key in (0..slots.len()).filter(|key| forgotten[*key]) {
                before[key] = Some(self.clear(slots[key]));
            }
        }
        for (row, key) in key_of_row.iter().enumerate() {
            let (slot, bytes) = (slots[*key as usize] as usize, encoded.row(row));
            let takes_back = batch.row_kind(row).takes_back();
            if !takes_back && self.rows[slot].is_beyond(bytes, shown) {
                continue;
            }
            let was = &mut before[*key as usize];
            if was.is_none() {
                *was = Some(self.rows[slot].shown(shown));
            }
            let rows = &mut self.rows[slot];
            match takes_back {
                true => {
                    let row = RankedRow::new(bytes, &mut buffer);
                    self.row_bytes = self.row_bytes.saturating_sub(rows.take_back(&row, shown.ties));
                }
                false => self.row_bytes += rows.add(RankedRow::new(bytes, &mut buffer), 1, shown.ties),
            }
            self.row_bytes = self.row_bytes.saturating_sub(rows.trim(bytes.0, shown));
        }
        let (mut changed, mut changed_at) = (Vec::new(), Vec::new());
        for ((slot, before), latest) in slots.iter().zip(before).zip(latest) {
            if let Some(before) = before {
                let after = self.rows[*slot as usize].shown(shown);
                differences(&before, &after, self.spec.reads_rank, &mut changed);
                changed_at.resize(changed.len(), latest);
            }
            if self.rows[*slot as usize].is_empty() {
                self.keys.remove(*slot);
            }
        }
        if !changed.is_empty() {
            self.emit(&changed, &changed_at, batch.ingested_at, out)?;
        }
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
        let (mut changed, mut changed_at) = (Vec::new(), Vec::new());
        for Timer { time, slot } in passed {
            changed.extend(self.clear(slot).into_iter().map(|row| (RowKind::Delete, row)));
            changed_at.resize(changed.len(), time);
            self.keys.remove(slot);
        }
        if !changed.is_empty() {
            self.emit(&changed, &changed_at, self.ingested_at, out)?;
        }
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
        self.rows.grow(bound, &Ranked::default());
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
        let (slots, keys, rows) = (self.keys.live_slots(), self.keys.freeze(), self.rows.freeze());
        let (order, key_groups) = (self.spec.order.clone(), self.spec.key_groups);
        let lives = self.spec.lives.as_mut().map(|lives| (lives.ttl.freeze(), self.spec.key_fields.clone()));
        Ok(Frozen::of_state(move || {
            let mut snapshot = state::snapshot(&order, &keys, &slots, &rows, key_groups)?;
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
            self.rows.grow(bound, &Ranked::default());
            let (encoded, mut buffer) = (self.spec.order.encode(&part.batch)?, Vec::new());
            for (row, slot) in slots.iter().enumerate() {
                let times = part.counts.value(row).max(0).unsigned_abs();
                let row = RankedRow::new(encoded.row(row), &mut buffer);
                self.row_bytes += self.rows[*slot as usize].add(row, times, self.spec.shown.ties);
            }
        }
        if let Some(of) = &mut self.spec.lives {
            of.restore(&mut self.keys, &lives)?;
            self.rows.grow(self.keys.slot_bound(), &Ranked::default());
        }
        Ok(())
    }

    fn state_bytes(&mut self) -> u64 {
        let lives = self.spec.lives.as_ref().map_or(0, |lives| lives.ttl.memory_bytes());
        self.keys.memory_bytes() + self.rows.memory_bytes() + self.row_bytes + lives
    }
}
