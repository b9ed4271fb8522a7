//! The rows that a component's answer makes of its input: columns that the host carries over, and those that it computed.

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array, new_null_array};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use weir_core::batch::{StreamBatch, array_bytes, selected_bytes};
use weir_host::{CallError, Delta, Failure, RejectedRow, Selection};

use crate::dataflow::exchange::take_rows;
use crate::dataflow::operator::{OperatorError, Origin, OriginRows};

/// How the columns of an output that somebody reads come about.
#[derive(Clone, Debug)]
pub(crate) struct OutputMap {
    /// One per column.
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

/// The rows of an output, and which input rows they come from.
pub(crate) struct OutputBatch {
    pub(crate) selection: Selection,
    pub(crate) batch: StreamBatch,
    /// Whether it has event times of its own, and not those of the input rows.
    pub(crate) has_own_times: bool,
}

impl OutputBatch {
    /// The row of the input that a row comes from.
    pub(crate) fn of_input(&self, row: usize) -> usize {
        match &self.selection {
            Selection::Rows(rows) => rows[row] as usize,
            Selection::All | Selection::None => row,
        }
    }

    /// Where its rows come from in a batch of which the input was a part that begins at `start`.
    pub(crate) fn origin(selection: Selection, start: usize, has_own_times: bool) -> Origin {
        let start = start as u32;
        let rows = match selection {
            Selection::All | Selection::None => OriginRows::From(start),
            Selection::Rows(rows) => OriginRows::Each(rows.iter().map(|row| row + start).collect()),
        };
        Origin { rows, has_own_times }
    }

    /// Without the rows that come from some of the input.
    pub(crate) fn without(self, of_input: &[bool]) -> Result<Self, ArrowError> {
        let kept = (0..self.batch.len()).filter(|row| !of_input[self.of_input(*row)]);
        let kept: Vec<u32> = kept.map(|row| row as u32).collect();
        let selection = Selection::Rows(kept.iter().map(|row| self.of_input(*row as usize) as u32).collect());
        Ok(Self { selection, batch: take_rows(&self.batch, &kept.into())?, has_own_times: self.has_own_times })
    }
}

/// The rows that the deltas of a call make of `inputs`, whose rows have the times of `times`: one batch per output.
///
/// # Errors
/// [`CallError::OutputBytes`], before anything is copied, if they would take more than `limit_bytes`.
pub(crate) fn apply_all(
    maps: &[OutputMap],
    deltas: Vec<Delta>,
    inputs: &[ArrayRef],
    times: &StreamBatch,
    limit_bytes: u64,
) -> Result<Vec<OutputBatch>, Failure<OperatorError>> {
    let bytes: u64 = maps.iter().zip(&deltas).map(|(map, delta)| copied_bytes(map, delta, inputs)).sum();
    // No text of a column is longer than an offset can say.
    let limit_bytes = limit_bytes.min(i32::MAX as u64);
    if bytes > limit_bytes {
        return Err(CallError::OutputBytes { limit_bytes }.into());
    }
    let made = deltas.into_iter().zip(maps).map(|(delta, map)| apply(map, delta, inputs, times));
    made.collect::<Result<_, _>>().map_err(|error| Failure::Fatal(error.into()))
}

/// Bytes of an output's columns that are not shared with its input.
fn copied_bytes(map: &OutputMap, delta: &Delta, inputs: &[ArrayRef]) -> u64 {
    let bytes = |column: &OutputSource| match (column, &delta.selection) {
        (OutputSource::Kept(Some(index)), Selection::Rows(rows)) => selected_bytes(&inputs[*index], rows),
        (OutputSource::Kept(_), _) => 0,
        (OutputSource::Computed(index), _) => array_bytes(&delta.computed[*index]),
    };
    map.columns.iter().map(bytes).sum()
}

fn apply(map: &OutputMap, delta: Delta, inputs: &[ArrayRef], times: &StreamBatch) -> Result<OutputBatch, ArrowError> {
    let rows = delta.selection.len(times.len());
    let mut columns = Vec::with_capacity(map.columns.len());
    for (column, field) in map.columns.iter().zip(map.schema.fields()) {
        columns.push(match column {
            OutputSource::Computed(index) => delta.computed[*index].clone(),
            OutputSource::Kept(Some(index)) => delta.selection.take(&inputs[*index])?,
            OutputSource::Kept(None) => new_null_array(field.data_type(), rows),
        });
    }
    let has_own_times = delta.event_times.is_some();
    let event_times = delta.event_times.unwrap_or_else(|| delta.selection.take_times(&times.event_times));
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    let rows = RecordBatch::try_new_with_options(map.schema.clone(), columns, &options)?;
    let batch = StreamBatch::new(rows, event_times, times.ingested_at);
    Ok(OutputBatch { selection: delta.selection, batch, has_own_times })
}

/// The rows of a call that are not refused.
pub(crate) struct Accepted {
    /// Their indices.
    pub(crate) rows: UInt32Array,
    /// By row of the call: how many accepted ones are before it.
    rank: Vec<u32>,
}

impl Accepted {
    /// Those of a call with `rows` rows; `None`: all.
    pub(crate) fn of(rows: usize, rejected: &[RejectedRow]) -> Option<Self> {
        if rejected.is_empty() {
            return None;
        }
        let mut is_rejected = vec![false; rows];
        rejected.iter().for_each(|rejected| is_rejected[rejected.row] = true);
        let accepted: Vec<u32> = (0..rows as u32).filter(|row| !is_rejected[*row as usize]).collect();
        let mut rank = vec![0; rows];
        accepted.iter().zip(0..).for_each(|(row, at)| rank[*row as usize] = at);
        Some(Self { rows: accepted.into(), rank })
    }

    /// What was made in the call, as if it had been one with these rows only.
    pub(crate) fn made(&self, made: &OutputBatch) -> OutputBatch {
        let selection = match &made.selection {
            Selection::Rows(rows) => Selection::Rows(rows.iter().map(|row| self.rank[*row as usize]).collect()),
            // No row that is made comes from a refused one, so these are not all of the call.
            Selection::All | Selection::None => Selection::None,
        };
        OutputBatch { selection, batch: made.batch.clone(), has_own_times: made.has_own_times }
    }
}
