//! The last step of a chain: hands rows to a sink's writer, and knows how long they took.

mod encoding;
pub(crate) mod plan;
mod table;
mod upsert_key;

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use weir_core::batch::{RowKinds, StreamBatch};
use weir_core::changelog::ChangelogEncoding;
use weir_core::connector::{Cut, SinkWriter};
use weir_core::time::Clock;

use crate::dataflow::latency::LatencyHistogram;
use crate::dataflow::operator::{Frozen, Operator, OperatorError, Outputs, Progress, Snapshot};
use crate::nodes::row_table::RowTable;
use encoding::encode;
use table::{SinkTable, Written, restore};

/// Writes to a sink. It emits nothing.
pub(crate) struct SinkOperator {
    writer: Box<dyn SinkWriter>,
    /// The columns that are written, if they are not those that come in.
    written: Arc<Written>,
    /// Where not the rows are written that come, but what they come to.
    table: Option<SinkTable>,
    /// What has changed since the last checkpoint, where only that is written.
    held: Option<RowTable>,
    /// Whether checkpoints are kept.
    durable: bool,
    /// How updates are written, whether they are by key, and the columns of that; `None`: as they are.
    encoding: Option<(ChangelogEncoding, bool, SchemaRef)>,
    latency: Arc<LatencyHistogram>,
    clock: Arc<dyn Clock>,
}

impl SinkOperator {
    fn write(&mut self, batch: StreamBatch) -> Result<(), OperatorError> {
        let batch = match &*self.written {
            Some((columns, schema)) => columns.fields(batch, schema)?,
            None => batch,
        };
        let batch = match &self.encoding {
            Some((encoding, by_key, schema)) => encode((*encoding, *by_key), schema, batch)?,
            None => batch,
        };
        Ok(self.writer.write(&batch)?)
    }

    /// Writes what has changed since the last checkpoint.
    fn write_held(&mut self) -> Result<(), OperatorError> {
        let Some(mut held) = self.held.take() else { return Ok(()) };
        let now = self.clock.now_us();
        let written = held.drain_changes(|rows, kind| {
            let (times, kinds) = (vec![now; rows.num_rows()], vec![kind as u8; rows.num_rows()]);
            self.write(StreamBatch {
                row_kinds: RowKinds::new(kinds.into()),
                ..StreamBatch::new(rows, times.into(), now)
            })
        });
        self.held = Some(held);
        written
    }

    /// Writes some rows of a table that is final.
    fn write_table(&mut self) -> Result<Progress, OperatorError> {
        let Some(rows) = self.table.as_mut().map_or(Ok(None), SinkTable::pop)? else { return Ok(Progress::Done) };
        let times = vec![0; rows.num_rows()];
        self.write(StreamBatch::new(rows, times.into(), self.clock.now_us()))?;
        Ok(Progress::More)
    }
}

impl Operator for SinkOperator {
    fn process(&mut self, _input: usize, batch: StreamBatch, _: &mut Outputs) -> Result<Progress, OperatorError> {
        let (ingested_at, rows) = (batch.ingested_at, batch.len() as u64);
        match (&mut self.table, &mut self.held) {
            (Some(table), _) => table.take(&batch)?,
            (None, Some(held)) => held.take(&batch)?,
            (None, None) => self.write(batch)?,
        }
        self.latency.record(self.clock.now_us().saturating_sub(ingested_at), rows);
        Ok(Progress::Done)
    }

    fn on_end(&mut self, _: &mut Outputs) -> Result<Progress, OperatorError> {
        self.table.iter_mut().for_each(SinkTable::end);
        self.write_table()
    }

    fn more(&mut self, _: &mut Outputs) -> Result<Progress, OperatorError> {
        self.write_table()
    }

    fn flush(&mut self, _: &mut Outputs) -> Result<(), OperatorError> {
        Ok(self.writer.flush()?)
    }

    fn freeze(&mut self, cut: Cut) -> Result<Frozen, OperatorError> {
        self.write_held()?;
        let Some(table) = &mut self.table else {
            let prepare = self.writer.prepare(cut)?;
            return Ok(Frozen::new(move || Ok(Snapshot { sink: Some(prepare()?), ..Snapshot::default() })));
        };
        let (frozen, rows) = table.freeze(cut.last, &self.written);
        let prepare = match table.is_whole() {
            true => self.writer.prepare_table(cut, rows)?,
            false => self.writer.prepare(cut)?,
        };
        let durable = self.durable;
        Ok(Frozen::new(move || {
            let tables = if durable { frozen.tables()? } else { Vec::new() };
            Ok(Snapshot { tables, sink: Some(prepare()?), ..Snapshot::default() })
        }))
    }

    fn restore(&mut self, snapshot: Snapshot) -> Result<(), OperatorError> {
        restore(&mut self.table, snapshot)
    }

    fn state_bytes(&mut self) -> u64 {
        let held = self.held.as_ref().map_or(0, RowTable::memory_bytes);
        held + self.table.as_ref().map_or(0, SinkTable::memory_bytes)
    }
}
