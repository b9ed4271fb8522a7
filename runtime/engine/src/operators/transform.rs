//! A stateless operator: hands the columns that its component reads to it, and applies the delta that comes back.

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use weir_core::batch::StreamBatch;
use weir_host::{Delta, Failure, Instance, Rows, isolate};

use super::dead_letter::DeadLetters;
use crate::operator::{Operator, OperatorError, Outputs};

/// Runs a component of the world `transform-operator`.
pub(crate) struct TransformOperator {
    instance: Instance,
    reads: Vec<usize>,
    reads_event_times: bool,
    outputs: Vec<OutputMap>,
    dead_letters: DeadLetters,
}

/// How the columns of an output that somebody reads come about.
#[derive(Clone, Debug)]
pub(crate) struct OutputMap {
    /// One a column.
    pub(crate) columns: Vec<OutputSource>,
    /// The columns.
    pub(crate) schema: SchemaRef,
}

/// Where one output column comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum OutputSource {
    /// A column of the operator's input, as it gets it; `None`: it has none there, and the column is null.
    Kept(Option<usize>),
    /// A column of the delta.
    Computed(usize),
}

impl TransformOperator {
    /// `reads`: where, among the columns that come in, those are that the component reads.
    pub(crate) fn new(
        instance: Instance,
        reads: Vec<usize>,
        outputs: Vec<OutputMap>,
        dead_letters: DeadLetters,
    ) -> Self {
        let reads_event_times = instance.plan().reads_event_times;
        Self { instance, reads, reads_event_times, outputs, dead_letters }
    }
}

impl Operator for TransformOperator {
    fn process(&mut self, batch: StreamBatch, out: &mut Outputs) -> Result<(), OperatorError> {
        let Self { instance, reads, reads_event_times, outputs, dead_letters } = self;
        let mut bad = Vec::new();
        isolate(
            0..batch.len(),
            |range| {
                let part = batch.slice(range.start, range.len());
                let columns: Vec<ArrayRef> = reads.iter().map(|c| part.rows.column(*c).clone()).collect();
                let rows = Rows {
                    rows: part.len(),
                    columns: &columns,
                    event_times: reads_event_times.then_some(&part.event_times[..]),
                };
                let deltas = instance.transform(0, &rows)?;
                for (index, (delta, map)) in deltas.into_iter().zip(outputs.iter()).enumerate() {
                    let made = apply(map, delta, part.rows.columns(), &part);
                    out.emit(index, made.map_err(|e| Failure::Fatal(e.into()))?);
                }
                Ok(())
            },
            |row, reason| dead_letters.take(&batch, row, reason, &mut bad),
        )?;
        dead_letters.emit(&batch, bad, out)
    }
}

/// The rows that a delta makes of `inputs`, whose rows have the times of `times`.
pub(crate) fn apply(
    map: &OutputMap,
    delta: Delta,
    inputs: &[ArrayRef],
    times: &StreamBatch,
) -> Result<StreamBatch, ArrowError> {
    let rows = delta.selection.len(times.len());
    let mut columns = Vec::with_capacity(map.columns.len());
    for (column, field) in map.columns.iter().zip(map.schema.fields()) {
        columns.push(match column {
            OutputSource::Computed(index) => delta.computed[*index].clone(),
            OutputSource::Kept(Some(index)) => delta.selection.take(&inputs[*index])?,
            OutputSource::Kept(None) => new_null_array(field.data_type(), rows),
        });
    }
    let event_times = delta.event_times.unwrap_or_else(|| delta.selection.take_times(&times.event_times));
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(StreamBatch {
        rows: RecordBatch::try_new_with_options(map.schema.clone(), columns, &options)?,
        event_times,
        ingested_at: times.ingested_at,
    })
}
