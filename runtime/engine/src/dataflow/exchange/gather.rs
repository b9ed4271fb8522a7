//! [`Gatherer`]: rows that wait for the batch of their target to fill. Never copies a row before it is sent.

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::compute::interleave;
use arrow::error::ArrowError;
use weir_core::batch::{KeyHashes, RowKind, RowKinds, StreamBatch, StreamElement};
use weir_core::limits::EXCHANGE_BYTES_MAX;

use super::{Emit, take_rows};

/// The batches that rows wait in, and which of them wait for which target.
#[derive(Debug)]
pub(super) struct Gatherer {
    batch_rows_max: usize,
    targets: Vec<Waiting>,
    /// Batches with rows that wait, by place; places are used again.
    kept: Vec<Option<Kept>>,
    free: Vec<usize>,
    /// Of all batches that are kept.
    bytes: u64,
    /// A batch that was half full at least has come since the last [`Gatherer::linger`].
    fills_fast: bool,
}

/// What waits for one target: rows, and a watermark after them.
#[derive(Debug, Default)]
struct Waiting {
    /// Indices into the batches of `runs`, one run after the other.
    rows: Vec<u32>,
    /// A batch that is kept, by its place, and how many rows of it.
    runs: Vec<(usize, usize)>,
    /// How many rows the runs have; those after them are of the batch that is being added.
    counted: usize,
    watermark: Option<i64>,
}

#[derive(Debug)]
struct Kept {
    batch: StreamBatch,
    bytes: u64,
    /// Rows of it that wait, and one more while it is being added.
    rows: usize,
}

impl Gatherer {
    pub(super) fn new(targets: usize, batch_rows_max: usize) -> Self {
        let targets = (0..targets).map(|_| Waiting::default()).collect();
        Self {
            batch_rows_max: batch_rows_max.max(1),
            targets,
            kept: Vec::new(),
            free: Vec::new(),
            bytes: 0,
            fills_fast: false,
        }
    }

    pub(super) fn is_holding(&self) -> bool {
        self.targets.iter().any(|waiting| waiting.watermark.is_some() || !waiting.rows.is_empty())
    }

    /// Sends all that waits, unless large batches have come since the last call.
    pub(super) fn linger(&mut self, send: &mut Emit<'_>) -> Result<(), ArrowError> {
        if std::mem::take(&mut self.fills_fast) { Ok(()) } else { self.flush(send) }
    }

    /// Adds rows, and sends the batches that are full with them.
    pub(super) fn add(&mut self, batch: StreamBatch, targets: &[u32], send: &mut Emit<'_>) -> Result<(), ArrowError> {
        self.fills_fast |= batch.len() >= self.batch_rows_max / 2;
        let times = batch.event_times.clone();
        let place = self.keep(batch);
        for ((row, time), target) in (0_u32..).zip(times.iter()).zip(targets) {
            let target = *target as usize;
            let waiting = &mut self.targets[target];
            // It may be late by that watermark, and must be in any case.
            if waiting.watermark.is_some_and(|watermark| *time <= watermark) {
                self.count(target, place);
                self.send(target, send)?;
            }
            let waiting = &mut self.targets[target];
            waiting.rows.push(row);
            if waiting.rows.len() >= self.batch_rows_max {
                self.count(target, place);
                self.send(target, send)?;
            }
        }
        (0..self.targets.len()).for_each(|target| self.count(target, place));
        self.release(place, 1);
        if self.bytes > EXCHANGE_BYTES_MAX {
            self.flush(send)?;
        }
        Ok(())
    }

    /// Holds a watermark back, in place of the one before it.
    pub(super) fn hold(&mut self, watermark: i64) {
        self.targets.iter_mut().for_each(|waiting| waiting.watermark = Some(watermark));
    }

    /// Sends all that waits.
    pub(super) fn flush(&mut self, send: &mut Emit<'_>) -> Result<(), ArrowError> {
        (0..self.targets.len()).try_for_each(|target| self.send(target, send))
    }

    fn keep(&mut self, batch: StreamBatch) -> usize {
        let bytes = batch.bytes() + size_of_val(&*batch.event_times) as u64;
        self.bytes += bytes;
        let kept = Some(Kept { batch, bytes, rows: 1 });
        match self.free.pop() {
            Some(place) => {
                self.kept[place] = kept;
                place
            }
            None => {
                self.kept.push(kept);
                self.kept.len() - 1
            }
        }
    }

    /// Counts the rows that a target has of the batch that is being added.
    fn count(&mut self, target: usize, place: usize) {
        let waiting = &mut self.targets[target];
        let rows = waiting.rows.len() - waiting.counted;
        if rows > 0 {
            waiting.runs.push((place, rows));
            waiting.counted = waiting.rows.len();
            if let Some(kept) = &mut self.kept[place] {
                kept.rows += rows;
            }
        }
    }

    /// So many rows of a batch no longer wait.
    fn release(&mut self, place: usize, rows: usize) {
        let Some(kept) = &mut self.kept[place] else { return };
        kept.rows -= rows;
        if kept.rows == 0 {
            self.bytes -= kept.bytes;
            self.kept[place] = None;
            self.free.push(place);
        }
    }

    fn send(&mut self, target: usize, send: &mut Emit<'_>) -> Result<(), ArrowError> {
        // Taken and put back, so that its room is used again.
        let mut waiting = std::mem::take(&mut self.targets[target]);
        if !waiting.rows.is_empty() {
            send(target, StreamElement::Batch(self.batch_of(&waiting.rows, &waiting.runs)?));
            waiting.runs.drain(..).for_each(|(place, rows)| self.release(place, rows));
            waiting.rows.clear();
            waiting.counted = 0;
        }
        if let Some(watermark) = waiting.watermark.take() {
            send(target, StreamElement::Watermark(watermark));
        }
        self.targets[target] = waiting;
        Ok(())
    }

    /// The rows of runs as one batch.
    fn batch_of(&self, rows: &[u32], runs: &[(usize, usize)]) -> Result<StreamBatch, ArrowError> {
        let batches: Vec<&StreamBatch> =
            runs.iter().filter_map(|(place, _)| self.kept[*place].as_ref()).map(|kept| &kept.batch).collect();
        match batches.as_slice() {
            // All of it: rows ascend within a run.
            [one] if one.len() == rows.len() => return Ok((*one).clone()),
            [one] => return take_rows(one, &UInt32Array::from(rows.to_vec())),
            _ => {}
        }
        let [first, ..] = batches.as_slice() else {
            return Err(ArrowError::InvalidArgumentError("no batch to gather rows of".into()));
        };
        let numbers = runs.iter().enumerate().flat_map(|(run, (_, rows))| std::iter::repeat_n(run, *rows));
        let indices: Vec<(usize, usize)> = numbers.zip(rows.iter().map(|row| *row as usize)).collect();
        let column = |index: usize| -> Result<ArrayRef, ArrowError> {
            let arrays: Vec<&dyn Array> = batches.iter().map(|batch| batch.rows.column(index).as_ref()).collect();
            interleave(&arrays, &indices)
        };
        let columns = (0..first.rows.num_columns()).map(column).collect::<Result<Vec<_>, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        let kind_of = |&(batch, row): &(usize, usize)| {
            let kinds: Option<&RowKinds> = batches[batch].row_kinds.as_ref();
            kinds.map_or(RowKind::Insert as u8, |kinds| kinds.bytes()[row])
        };
        let row_kinds = match batches.iter().any(|batch| batch.row_kinds.is_some()) {
            true => RowKinds::new(indices.iter().map(kind_of).collect()),
            false => None,
        };
        // All batches of an edge have them, or none.
        let hashes = batches.iter().map(|batch| batch.key_hashes.as_ref()).collect::<Option<Vec<_>>>();
        let key_hashes = hashes.and_then(|hashes| {
            let gathered = indices.iter().map(|(batch, row)| hashes[*batch].hashes()[*row]).collect();
            Some(KeyHashes::new(hashes.first()?.columns().clone(), gathered))
        });
        Ok(StreamBatch {
            rows: RecordBatch::try_new_with_options(first.rows.schema(), columns, &options)?,
            event_times: indices.iter().map(|(batch, row)| batches[*batch].event_times[*row]).collect(),
            ingested_at: batches.iter().map(|batch| batch.ingested_at).max().unwrap_or_default(),
            row_kinds,
            key_hashes,
        })
    }
}
