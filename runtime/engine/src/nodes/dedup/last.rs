//! The row of each key with the greatest event time; of several the greatest row, so that the order in which they come does not matter. Of
//! a stream of updates by key, the one that came last. It keeps that row, and gives out what changes: one update per key and batch.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanBufferBuilder, Int64Array, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type, SchemaRef};
use weir_core::batch::{RowKind, StreamBatch};
use weir_core::connector::Cut;
use weir_state::{KeyedState, States};

use super::forgetting::Forgetting;
use super::snapshot::{restore, snapshot};
use crate::dataflow::operator::{Frozen, Operator, OperatorError, Outputs, Progress, Snapshot, Time};
use crate::nodes::changes::{Changes, RowComparator};
use crate::nodes::distinct::DistinctSlots;

const ROWS: &str = "rows";
/// The column of the state with a row's event time.
const TIME: &str = "weir.event_time";

/// What the operator is made of.
pub(super) struct LastSpec {
    pub(super) key_columns: Vec<usize>,
    pub(super) key_fields: Vec<FieldRef>,
    /// Which of the columns that come in go out.
    pub(super) read: Vec<usize>,
    /// They.
    pub(super) schema: SchemaRef,
    /// Whether rows are updates by key: then each counts that comes later.
    pub(super) by_arrival: bool,
    pub(super) forgetting: Option<Forgetting>,
    pub(super) key_groups: u32,
}

/// Keeps the last row of each key.
pub(super) struct LastOperator {
    spec: LastSpec,
    /// The columns that go out, then the event time.
    rows: KeyedState,
    distinct: DistinctSlots,
}

impl LastOperator {
    pub(super) fn new(spec: LastSpec) -> Result<Self, OperatorError> {
        let time = Arc::new(Field::new(TIME, DataType::Int64, false));
        // Prefixed, as the state's columns stand beside those of the key.
        let of_row = |field: &FieldRef| Arc::new(Field::clone(field).with_name(format!("row.{}", field.name())));
        let fields: Vec<FieldRef> = spec.schema.fields().iter().map(of_row).chain([time]).collect();
        Ok(Self { rows: KeyedState::new(&spec.key_fields, &fields)?, distinct: DistinctSlots::default(), spec })
    }

    /// Where parts of a batch end: a row that comes when the one before it of its key is forgotten begins another, so that it does not matter
    /// how rows come in batches, and how far the watermark is.
    fn lives(&mut self, batch: &StreamBatch, slots: &[u32]) -> Result<Vec<usize>, OperatorError> {
        let mut ends = Vec::new();
        if let Some(forgetting) = &self.spec.forgetting {
            let (keys, key_of_row) = self.distinct.of(slots, self.rows.keys().slot_bound());
            let kept = self.rows.gather(&keys)?;
            let times = kept.columns[kept.columns.len() - 1].as_primitive::<Int64Type>();
            // By key, the event time of the row that counts, and whether a row of this part counts.
            let mut counts: Vec<(Option<i64>, usize)> =
                (0..keys.len()).map(|key| (kept.present.value(key).then(|| times.value(key)), 0)).collect();
            for (row, (key, time)) in key_of_row.iter().zip(batch.event_times.iter()).enumerate() {
                let (counting, part) = &mut counts[*key as usize];
                let is_forgotten = counting.is_some_and(|counting| *time > forgetting.until(counting));
                // The first row of a key in a part needs no cut: the part compares it with the row that is kept.
                if is_forgotten && *part > ends.len() {
                    ends.push(row);
                }
                let is_gone = self.spec.by_arrival && batch.row_kind(row) == RowKind::Delete;
                let before = counting.filter(|_| !is_forgotten && !self.spec.by_arrival);
                (*counting, *part) =
                    ((!is_gone).then(|| before.map_or(*time, |before| before.max(*time))), ends.len() + 1);
            }
        }
        ends.push(batch.len());
        Ok(ends)
    }

    /// Takes rows of one life of each key.
    fn part(&mut self, batch: &StreamBatch, slots: &[u32], out: &mut Outputs) -> Result<(), OperatorError> {
        let (slots, key_of_row) = self.distinct.of(slots, self.rows.keys().slot_bound());
        let mut columns: Vec<ArrayRef> = self.spec.read.iter().map(|c| batch.rows.column(*c).clone()).collect();
        let winners = self.winners(batch, &columns, (slots.len(), &key_of_row))?;
        // Of each key the latest row of the batch: when one is deleted.
        let mut latest = vec![i64::MIN; slots.len()];
        for (key, time) in key_of_row.iter().zip(batch.event_times.iter()) {
            latest[*key as usize] = latest[*key as usize].max(*time);
        }
        let mut firsts = vec![None; slots.len()];
        for (key, time) in key_of_row.iter().zip(batch.event_times.iter()) {
            firsts[*key as usize].get_or_insert(*time);
        }
        let there: Vec<u32> = slots.iter().copied().filter(|slot| self.rows.contains(*slot)).collect();
        let before = self.rows.gather(&there)?;
        let mut next_before = 0..;
        let (old, old_times) = before.columns.split_at(columns.len());
        let old_times = old_times[0].as_primitive::<Int64Type>();
        let compare = RowComparator::new(old, &columns)?;
        let mut changes = Changes::default();
        let (mut changed, mut rows) = (Vec::new(), Vec::new());
        let mut present = BooleanBufferBuilder::new(slots.len());
        for (key, (slot, winner)) in slots.iter().zip(&winners).enumerate() {
            let row_before = if self.rows.contains(*slot) { next_before.next() } else { None };
            let mut was = row_before.map(|row| (row, old_times.value(row)));
            if let (Some(forgetting), Some((_, kept))) = (&mut self.spec.forgetting, was)
                && firsts[key].is_some_and(|first| first > forgetting.until(kept))
            {
                forgetting.forget(*slot, kept);
                was = None;
            }
            let is_kept = match (was, winner) {
                (None, None) => row_before.is_none(),
                (Some((old, was)), Some(row)) => {
                    let by_time =
                        if self.spec.by_arrival { Ordering::Greater } else { batch.event_times[*row].cmp(&was) };
                    by_time.then_with(|| compare.order(old, *row).reverse()) != Ordering::Greater
                }
                (None, Some(_)) | (Some(_), None) => false,
            };
            if is_kept {
                continue;
            }
            // The same row at another time is no change to anybody else.
            if !matches!((was, *winner), (Some((old, _)), Some(row)) if compare.is_same(old, row)) {
                let time = winner.map_or(latest[key], |row| batch.event_times[row]);
                changes.replace(was.map(|(old, _)| (0, old)), winner.map(|row| (1, row)), time);
            }
            match (&mut self.spec.forgetting, winner, was) {
                (Some(forgetting), Some(row), _) => {
                    forgetting.remember(*slot, batch.event_times[*row], was.map(|(_, time)| time))
                }
                (Some(forgetting), None, Some((_, time))) => forgetting.forget(*slot, time),
                _ => {}
            }
            changed.push(*slot);
            present.append(winner.is_some());
            rows.push(winner.map(|row| row as u32));
        }
        changes.emit(&self.spec.schema, &[old, &columns], batch.ingested_at, out)?;
        columns.push(Arc::new(Int64Array::from(batch.event_times.to_vec())));
        let rows = UInt32Array::from(rows);
        let columns = columns.iter().map(|column| Ok(take(column, &rows, None)?));
        let columns = columns.collect::<Result<Vec<_>, OperatorError>>()?;
        if !changed.is_empty() {
            self.rows.put(&changed, States { present: present.finish(), columns })?;
        }
        Ok(())
    }

    /// By key of the batch, the row of it that counts; `None`: that deletes the key.
    fn winners(
        &self,
        batch: &StreamBatch,
        columns: &[ArrayRef],
        (keys, key_of_row): (usize, &[u32]),
    ) -> Result<Vec<Option<usize>>, OperatorError> {
        let mut winners: Vec<Option<usize>> = vec![None; keys];
        let mut ties = None;
        for (row, key) in key_of_row.iter().enumerate() {
            let winner = &mut winners[*key as usize];
            let wins = match *winner {
                _ if self.spec.by_arrival => true,
                None => true,
                Some(other) => match batch.event_times[row].cmp(&batch.event_times[other]) {
                    Ordering::Equal => {
                        if ties.is_none() {
                            ties = Some(RowComparator::new(columns, columns)?);
                        }
                        ties.as_ref().is_some_and(|ties| ties.order(row, other) == Ordering::Greater)
                    }
                    order => order == Ordering::Greater,
                },
            };
            if wins {
                *winner = (!self.spec.by_arrival || batch.row_kind(row) != RowKind::Delete).then_some(row);
            }
        }
        Ok(winners)
    }
}

impl Operator for LastOperator {
    fn process(&mut self, _input: usize, batch: StreamBatch, out: &mut Outputs) -> Result<Progress, OperatorError> {
        let batch = match &self.spec.forgetting {
            Some(forgetting) => forgetting.in_time(batch, out)?,
            None => batch,
        };
        let keys: Vec<ArrayRef> = self.spec.key_columns.iter().map(|key| batch.rows.column(*key).clone()).collect();
        let hashes = batch.key_hashes.as_ref().and_then(|hashes| hashes.of(&self.spec.key_columns));
        let mut slots = Vec::new();
        self.rows.slots_hashed(&keys, batch.len(), hashes, &mut slots)?;
        let mut start = 0;
        for end in self.lives(&batch, &slots)? {
            self.part(&batch.slice(start, end - start), &slots[start..end], out)?;
            start = end;
        }
        let (slots, _) = self.distinct.of(&slots, self.rows.keys().slot_bound());
        self.rows.release(&slots, |_| false);
        Ok(Progress::Done)
    }

    fn on_time(&mut self, at: Time, _out: &mut Outputs) -> Result<Progress, OperatorError> {
        if let (Some(forgetting), Time::Watermark(watermark)) = (&mut self.spec.forgetting, at) {
            let kept = &mut self.rows;
            forgetting.advance(watermark, |slots| {
                slots.iter().for_each(|slot| kept.remove(*slot));
                kept.release(slots, |_| false);
            });
        }
        Ok(Progress::Done)
    }

    fn freeze(&mut self, _cut: Cut) -> Result<Frozen, OperatorError> {
        let (rows, key_groups) = (self.rows.freeze(), self.spec.key_groups);
        let watermark = self.spec.forgetting.as_ref().map(Forgetting::watermark);
        Ok(Frozen::of_state(move || snapshot(ROWS, &rows, watermark, key_groups)))
    }

    fn restore(&mut self, snapshot: Snapshot) -> Result<(), OperatorError> {
        let (slots, watermark) = restore(ROWS, &mut self.rows, snapshot)?;
        if let Some(forgetting) = &mut self.spec.forgetting {
            let kept = self.rows.gather(&slots)?;
            let times = kept.columns[kept.columns.len() - 1].as_primitive::<Int64Type>();
            forgetting.restore(watermark, &slots, times.values());
        }
        Ok(())
    }

    fn state_bytes(&mut self) -> u64 {
        self.rows.memory_bytes() + self.spec.forgetting.as_ref().map_or(0, Forgetting::memory_bytes)
    }
}
