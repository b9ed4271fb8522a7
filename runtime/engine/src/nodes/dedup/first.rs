//! The first row of each key that comes; the others are dropped. It keeps keys and times, and no rows.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, UInt32Array};
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type};
use weir_core::batch::StreamBatch;
use weir_core::connector::Cut;
use weir_state::{KeyedState, States};

use super::forgetting::Forgetting;
use super::snapshot::{restore, snapshot};
use crate::dataflow::exchange::take_rows;
use crate::dataflow::operator::{Frozen, Operator, OperatorError, Outputs, Progress, Snapshot, Time};
use crate::nodes::distinct::DistinctSlots;

const KEYS: &str = "keys";

/// Gives out rows of keys that it has not seen.
pub(super) struct FirstOperator {
    key_columns: Vec<usize>,
    /// The columns of the rows that go out.
    read: Vec<usize>,
    /// Of each key the event time of its first row.
    seen: KeyedState,
    forgetting: Option<Forgetting>,
    key_groups: u32,
    distinct: DistinctSlots,
}

/// The state of a key.
fn time_field() -> FieldRef {
    Arc::new(Field::new("weir.event_time", DataType::Int64, false))
}

impl FirstOperator {
    pub(super) fn new(
        (key_columns, key_fields): (Vec<usize>, &[FieldRef]),
        read: Vec<usize>,
        forgetting: Option<Forgetting>,
        key_groups: u32,
    ) -> Result<Self, OperatorError> {
        let seen = KeyedState::new(key_fields, &[time_field()])?;
        Ok(Self { key_columns, read, seen, forgetting, key_groups, distinct: DistinctSlots::default() })
    }
}

impl Operator for FirstOperator {
    fn process(&mut self, _input: usize, batch: StreamBatch, out: &mut Outputs) -> Result<Progress, OperatorError> {
        let batch = match &self.forgetting {
            Some(forgetting) => forgetting.in_time(batch, out)?,
            None => batch,
        };
        let keys: Vec<ArrayRef> = self.key_columns.iter().map(|key| batch.rows.column(*key).clone()).collect();
        let hashes = batch.key_hashes.as_ref().and_then(|hashes| hashes.of(&self.key_columns));
        let mut slots = Vec::new();
        let bound = self.seen.slots_hashed(&keys, batch.len(), hashes, &mut slots)?;
        let (keys, key_of_row) = self.distinct.of(&slots, bound);
        let before = self.seen.gather(&keys)?;
        let times = before.columns[0].as_primitive::<Int64Type>();
        // Of each key the event time of its first row, and whether that is in this batch.
        let mut firsts: Vec<(Option<i64>, bool)> =
            (0..keys.len()).map(|key| (before.present.value(key).then(|| times.value(key)), false)).collect();
        let mut kept = Vec::new();
        for (row, (key, time)) in key_of_row.iter().zip(batch.event_times.iter()).enumerate() {
            let (first, is_new) = &mut firsts[*key as usize];
            let is_duplicate = match (&*first, &self.forgetting) {
                (None, _) => false,
                (Some(_), None) => true,
                (Some(first), Some(forgetting)) => *time <= forgetting.until(*first),
            };
            if is_duplicate {
                continue;
            }
            if let Some(forgetting) = &mut self.forgetting {
                forgetting.remember(keys[*key as usize], *time, *first);
            }
            (*first, *is_new) = (Some(*time), true);
            kept.push(row as u32);
        }
        if kept.is_empty() {
            return Ok(Progress::Done);
        }
        let (slots, times): (Vec<u32>, Vec<Option<i64>>) =
            keys.iter().zip(firsts).filter(|(_, (_, is_new))| *is_new).map(|(slot, (time, _))| (*slot, time)).unzip();
        let times: ArrayRef = Arc::new(Int64Array::from(times));
        self.seen.put(&slots, States::all(slots.len(), vec![times]))?;
        let rows = match kept.len() == batch.len() {
            true => batch,
            false => take_rows(&batch, &UInt32Array::from(kept))?,
        };
        out.emit(0, StreamBatch { rows: rows.rows.project(&self.read)?, key_hashes: None, ..rows });
        Ok(Progress::Done)
    }

    fn on_time(&mut self, at: Time, _out: &mut Outputs) -> Result<Progress, OperatorError> {
        if let (Some(forgetting), Time::Watermark(watermark)) = (&mut self.forgetting, at) {
            let seen = &mut self.seen;
            forgetting.advance(watermark, |slots| {
                slots.iter().for_each(|slot| seen.remove(*slot));
                seen.release(slots, |_| false);
            });
        }
        Ok(Progress::Done)
    }

    fn freeze(&mut self, _cut: Cut) -> Result<Frozen, OperatorError> {
        let (seen, key_groups) = (self.seen.freeze(), self.key_groups);
        let watermark = self.forgetting.as_ref().map(Forgetting::watermark);
        Ok(Frozen::of_state(move || snapshot(KEYS, &seen, watermark, key_groups)))
    }

    fn restore(&mut self, snapshot: Snapshot) -> Result<(), OperatorError> {
        let (slots, watermark) = restore(KEYS, &mut self.seen, snapshot)?;
        if let Some(forgetting) = &mut self.forgetting {
            let times = self.seen.gather(&slots)?;
            forgetting.restore(watermark, &slots, times.columns[0].as_primitive::<Int64Type>().values());
        }
        Ok(())
    }

    fn state_bytes(&mut self) -> u64 {
        self.seen.memory_bytes() + self.forgetting.as_ref().map_or(0, Forgetting::memory_bytes)
    }
}
