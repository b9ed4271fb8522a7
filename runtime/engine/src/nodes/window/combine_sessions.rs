//! Aggregates the rows of session windows ahead of their exchange: a row of accumulators for each session of a batch's rows. Holds
//! nothing between batches but the watermark.
//!
//! A row that is not late by itself is never late after the exchange either, where the watermark is not ahead of this one: so it
//! does not matter with which others it goes there. A row that may be late goes there alone, ahead of the others: whether it finds a
//! session of its key is decided there, and those of its own batch that it touches it has been merged with.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use weir_core::batch::StreamBatch;
use weir_core::window::Window;
use weir_host::Failure;
use weir_state::KeyIndex;

use super::WindowSpec;
use super::aggregate_set::AggregateSet;
use super::combine::ROWS_COLUMN;
use super::session_list::SessionList;
use super::sessions::{OwnWindows, Sessions};
use super::window_rows::WindowRows;
use super::window_state::WindowProgress;
use crate::dataflow::operator::{Operator, OperatorError, Outputs, Progress, Snapshot, Time};

/// How many columns are between the keys and the accumulators: the bounds of the session, and how many rows it has.
pub(super) const PARTIAL_SESSION_BOUNDS: usize = 3;

/// The operator upstream of the exchange. Its aggregates refuse no row.
pub(super) struct CombineSessions {
    key_columns: Vec<usize>,
    value_columns: Vec<Vec<usize>>,
    gap: i64,
    keys: KeyIndex,
    sessions: Sessions,
    slots: Vec<u32>,
    /// By group.
    counts: Vec<i64>,
    schema: SchemaRef,
}

impl CombineSessions {
    pub(super) fn new(spec: &WindowSpec, gap: i64) -> Result<Self, OperatorError> {
        let aggregates = AggregateSet::new(spec)?;
        let bound = |name| FieldRef::from(Field::new(name, DataType::Int64, false));
        let mut fields = spec.key_fields();
        fields.extend(["start", "end", ROWS_COLUMN].map(bound));
        fields.extend(aggregates.state_fields());
        Ok(Self {
            key_columns: spec.key_columns.clone(),
            value_columns: AggregateSet::columns(spec),
            gap,
            keys: KeyIndex::new(&spec.key_fields())?,
            sessions: Sessions::new(0, aggregates),
            slots: Vec::new(),
            counts: Vec::new(),
            schema: Arc::new(Schema::new(fields)),
        })
    }

    pub(super) fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// Counts the rows that were assigned last.
    fn count(&mut self) {
        self.counts.resize(self.sessions.groups, 0);
        self.sessions.group_of_row.iter().for_each(|group| self.counts[*group as usize] += 1);
        for (group, from) in &self.sessions.absorbs {
            let absorbed = std::mem::take(&mut self.counts[*from as usize]);
            self.counts[*group as usize] += absorbed;
        }
    }
}

impl Operator for CombineSessions {
    fn process(&mut self, _input: usize, batch: StreamBatch, out: &mut Outputs) -> Result<Progress, OperatorError> {
        self.keys.clear();
        self.sessions.clear();
        self.counts.clear();
        let rows = WindowRows::of_batch(&batch, &self.key_columns, &self.value_columns);
        let bound = self.keys.slots(&rows.keys, rows.len, &mut self.slots)?;
        self.sessions.lists.grow(bound, &SessionList::default());
        let own = OwnWindows::OfTimes { times: &batch.event_times, gap: self.gap };
        // Sessions: the slot of the key, the window, the group.
        let mut made: Vec<(u32, Window, u32)> = Vec::new();
        let mut row = 0;
        while row < rows.len {
            let end = self.sessions.assign(own, &self.slots, row..rows.len, None);
            self.count();
            self.sessions.add(&rows, row..end).map_err(fatal)?;
            if end < rows.len {
                let group = self.sessions.take_group();
                self.sessions.group_of_row = vec![group];
                self.count();
                self.sessions.add(&rows, end..end + 1).map_err(fatal)?;
                made.push((self.slots[end], own.of_row(end), group));
            }
            row = end + 1;
        }
        for (slot, list) in (0..).zip(self.sessions.lists.iter()) {
            made.extend(list.iter().map(|session| (slot, session.window, session.group)));
        }
        let slots: Vec<u32> = made.iter().map(|(slot, ..)| *slot).collect();
        let groups: Vec<u32> = made.iter().map(|(.., group)| *group).collect();
        let int64 = |value: &dyn Fn(&(u32, Window, u32)) -> i64| -> ArrayRef {
            Arc::new(Int64Array::from_iter_values(made.iter().map(value)))
        };
        let mut columns = self.keys.keys(&slots)?;
        columns.push(int64(&|(_, window, _)| window.start));
        columns.push(int64(&|(_, window, _)| window.end));
        columns.push(int64(&|(.., group)| self.counts[*group as usize]));
        columns.extend(self.sessions.aggregates.state(&groups)?);
        let rows = RecordBatch::try_new(self.schema.clone(), columns)?;
        // The time of its first row: if that row comes after a watermark that waits in the exchange, so must the partial session.
        let times = made.iter().map(|(_, window, _)| window.start).collect();
        out.emit(0, StreamBatch::new(rows, times, batch.ingested_at));
        Ok(Progress::Done)
    }

    fn on_time(&mut self, at: Time, _out: &mut Outputs) -> Result<Progress, OperatorError> {
        if let Time::Watermark(watermark) = at {
            self.sessions.watermark = self.sessions.watermark.max(watermark);
        }
        Ok(Progress::Done)
    }

    /// The snapshot is that of the window after the exchange, which has the same name: nothing that comes after it is less late.
    fn restore(&mut self, snapshot: Snapshot) -> Result<(), OperatorError> {
        self.sessions.watermark = WindowProgress::watermark_of(&snapshot)?;
        Ok(())
    }
}

fn fatal(failure: Failure<OperatorError>) -> OperatorError {
    match failure {
        Failure::Fatal(error) => error,
        Failure::Guest(error) => error.into(),
    }
}
