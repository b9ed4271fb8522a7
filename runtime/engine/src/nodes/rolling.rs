//! `[rolling.NAME]`: every row with aggregates of it and of rows of its key before it, as `over` of SQL with a frame that ends at the row.
//!
//! A row waits until the watermark has passed its time, because only then is it known which rows are before it. Rows that a frame of a later
//! row can reach stay, of which the columns that aggregates read; sums of 64 of them, of 4,096 and of 262,144 stay too, so that a row
//! costs about the same in any frame.
//!
//! | module | holds |
//! |---|---|
//! | `plan` | what it is to the planner |
//! | `sequence` | the rows of a key by their places, and what a frame consists of |
//! | `frames` | the rows that frames reach, and the aggregates of frames |
//! | `snapshot` | what snapshots hold |

mod frames;
pub(crate) mod plan;
mod sequence;
mod snapshot;

use std::collections::BTreeMap;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{FieldRef, SchemaRef};
use weir_core::batch::StreamBatch;
use weir_core::connector::Cut;
use weir_core::graph::{AggregateFunction, Frame};
use weir_core::time::WATERMARK_MIN;
use weir_state::{KeyIndex, NewRows, RowId, RowOrder, RowStore};

use super::changes::RowComparator;
use super::dead_letter::{BadRow, DeadLetters};
use super::window::late_count::LateCount;
use super::window::refused_rows::RefusedRows;
use super::window::{AggregateKind, BoundAggregate};
use crate::dataflow::exchange::take_rows;
use crate::dataflow::metrics::Metrics;
use crate::dataflow::operator::{Frozen, Operator, OperatorError, Outputs, Progress, Snapshot, Time};
use frames::Frames;
use snapshot::RollingLayout;

/// Rows that are given out, and forgotten, at once; more only if they have the same key and time.
const PART_ROWS: usize = 8_192;
/// Values that the results given out at once have together, about, of aggregates that keep all values of a frame.
const PART_VALUES: u64 = 1 << 20;

/// What the operator is made of.
struct RollingSpec {
    /// The columns that come in.
    input: SchemaRef,
    /// Which of them rows are grouped by.
    key_columns: Vec<usize>,
    frame: Frame,
    aggregates: Vec<BoundAggregate>,
    /// The columns that go out.
    read: Vec<RollingColumn>,
    /// They.
    schema: SchemaRef,
    dead_letters: DeadLetters,
    late_output: Option<usize>,
    key_groups: u32,
    metrics: Metrics,
}

/// A column of the output.
#[derive(Clone, Copy)]
enum RollingColumn {
    /// Of the row.
    Of(usize),
    /// One of the aggregates.
    Aggregate(usize),
}

struct RollingOperator {
    spec: RollingSpec,
    keys: KeyIndex,
    /// Rows that the watermark has not passed, or that are to be given out.
    pending: RowStore,
    /// Those of them that are to be given out next, the last first; they have left the order of times.
    firing: Vec<RowId>,
    /// Of them, how many are given out at once.
    part_rows: usize,
    frames: Frames,
    layout: RollingLayout,
    progress: RollingProgress,
    /// `None`: no aggregate refuses rows.
    refused: Option<RefusedRows>,
}

/// How far it is.
#[derive(Clone, Copy)]
struct RollingProgress {
    watermark: i64,
    /// Of the youngest batch that came.
    ingested_at: i64,
    late: LateCount,
}

impl RollingOperator {
    fn new(spec: RollingSpec) -> Result<Self, OperatorError> {
        let key_fields: Vec<FieldRef> = spec.key_columns.iter().map(|key| spec.input.fields()[*key].clone()).collect();
        let frames = Frames::new(spec.frame, &spec.aggregates, &spec.input)?;
        Ok(Self {
            keys: KeyIndex::new(&key_fields)?,
            pending: RowStore::new(spec.input.fields(), RowOrder::Time),
            firing: Vec::new(),
            refused: RefusedRows::new(&spec.aggregates, &spec.input)?,
            part_rows: part_rows(&spec),
            layout: RollingLayout::new(&spec, &key_fields, &frames),
            frames,
            progress: RollingProgress { watermark: WATERMARK_MIN, ingested_at: i64::MIN, late: LateCount::NONE },
            spec,
        })
    }

    /// The rows of a batch that are not late.
    fn in_time(&mut self, batch: StreamBatch, out: &mut Outputs) -> Result<StreamBatch, OperatorError> {
        let (times, watermark) = (&batch.event_times, self.progress.watermark);
        self.progress.late.rows_in += batch.len() as u64;
        if times.iter().all(|time| *time > watermark) {
            return Ok(batch);
        }
        let (late, kept): (Vec<u32>, Vec<u32>) =
            (0..batch.len() as u32).partition(|row| times[*row as usize] <= watermark);
        let by_us = late.iter().map(|row| watermark.saturating_sub(times[*row as usize])).max().unwrap_or(0);
        self.progress.late.add(late.len() as u64, by_us.saturating_add(1), &self.spec.metrics);
        if let Some(output) = self.spec.late_output {
            out.emit(output, take_rows(&batch, &UInt32Array::from(late))?);
        }
        Ok(take_rows(&batch, &UInt32Array::from(kept))?)
    }

    /// Gives out the next rows that the watermark has passed, and forgets what no frame reaches any more.
    fn fire_part(&mut self, out: &mut Outputs) -> Result<Progress, OperatorError> {
        if self.firing.is_empty() {
            let mut due = due_with_ties(&mut self.pending, self.progress.watermark);
            if due.is_empty() {
                let slots = self.frames.forget_until(self.progress.watermark)?;
                let progress = if slots.is_empty() { Progress::Done } else { Progress::More };
                self.release(slots);
                return Ok(progress);
            }
            self.sort(&mut due)?;
            due.reverse();
            self.firing = due;
        }
        let of = |id: &RowId| (self.pending.time(*id), self.pending.slot(*id));
        let mut start = self.firing.len().saturating_sub(self.part_rows);
        while start > 0 && of(&self.firing[start]) == of(&self.firing[start - 1]) {
            start -= 1;
        }
        let mut part = self.firing.split_off(start);
        part.reverse();
        self.give_out(&part, out)?;
        let mut slots: Vec<u32> = part.iter().map(|id| self.pending.slot(*id)).collect();
        self.pending.remove(&part)?;
        slots.sort_unstable();
        slots.dedup();
        self.release(slots);
        Ok(Progress::More)
    }

    /// By time; rows of one time by key, those of one key by their columns.
    fn sort(&self, rows: &mut [RowId]) -> Result<(), OperatorError> {
        let of = |id: &RowId| (self.pending.time(*id), self.pending.slot(*id));
        rows.sort_unstable_by_key(of);
        let all: Vec<usize> = (0..self.pending.fields().len()).collect();
        for ties in rows.chunk_by_mut(|row, next| of(row) == of(next)).filter(|ties| ties.len() > 1) {
            let columns = self.pending.take(ties, &all)?;
            let compare = RowComparator::new(&columns, &columns)?;
            let mut order: Vec<usize> = (0..ties.len()).collect();
            order.sort_by(|a, b| compare.order(*a, *b));
            let sorted: Vec<RowId> = order.into_iter().map(|row| ties[row]).collect();
            ties.copy_from_slice(&sorted);
        }
        Ok(())
    }

    /// Gives out rows, in order, of which all rows of a key and time are there.
    fn give_out(&mut self, rows: &[RowId], out: &mut Outputs) -> Result<(), OperatorError> {
        let all: Vec<usize> = (0..self.pending.fields().len()).collect();
        let columns = self.pending.take(rows, &all)?;
        let slots: Vec<u32> = rows.iter().map(|id| self.pending.slot(*id)).collect();
        let times: Vec<i64> = rows.iter().map(|id| self.pending.time(*id)).collect();
        let frame_of_row = self.frames.add(&slots, &times, &columns)?;
        let results = self.frames.results(&self.spec.read)?;
        self.frames.settle(&slots)?;
        let whole = batch(&self.spec.input, columns, times, self.progress.ingested_at)?;
        let kept = self.set_aside(&whole, &frame_of_row, &results.bad, out)?;
        let result = |row: &u32| results.row_of_frame[frame_of_row[*row as usize] as usize];
        let frames = UInt32Array::from_iter_values(kept.iter().map(result));
        let rows = UInt32Array::from(kept.clone());
        let column = |column: &RollingColumn| match column {
            RollingColumn::Of(column) => take(whole.rows.column(*column), &rows, None),
            RollingColumn::Aggregate(aggregate) => take(&results.columns[aggregate], &frames, None),
        };
        let columns = self.spec.read.iter().map(column).collect::<Result<Vec<ArrayRef>, _>>()?;
        let times = kept.iter().map(|row| whole.event_times[*row as usize]).collect();
        out.emit(0, batch(&self.spec.schema, columns, times, self.progress.ingested_at)?);
        Ok(())
    }

    /// Hands rows on whose results do not fit their type, as `on-error` says. Returns the others.
    fn set_aside(
        &self,
        rows: &StreamBatch,
        frame_of_row: &[u32],
        bad: &BTreeMap<usize, String>,
        out: &mut Outputs,
    ) -> Result<Vec<u32>, OperatorError> {
        let (mut kept, mut letters) = (Vec::with_capacity(rows.len()), Vec::<BadRow>::new());
        for (row, frame) in frame_of_row.iter().enumerate() {
            match bad.get(&(*frame as usize)) {
                Some(reason) => self.spec.dead_letters.take(rows, row, reason.clone(), &mut letters)?,
                None => kept.push(row as u32),
            }
        }
        self.spec.dead_letters.emit(rows, letters, out)?;
        Ok(kept)
    }

    /// Forgets those of some keys that have no rows and no totals.
    fn release(&mut self, slots: Vec<u32>) {
        for slot in slots {
            if self.pending.rows_of_slot(slot) == 0 && self.frames.is_empty(slot) {
                self.frames.release(slot);
                self.keys.remove(slot);
            }
        }
    }
}

impl Operator for RollingOperator {
    fn process(&mut self, _input: usize, batch: StreamBatch, out: &mut Outputs) -> Result<Progress, OperatorError> {
        self.progress.ingested_at = self.progress.ingested_at.max(batch.ingested_at);
        let batch = self.in_time(batch, out)?;
        let batch = match &mut self.refused {
            Some(refused) => refused.set_aside(batch, &self.spec.dead_letters, out)?,
            None => batch,
        };
        let keys: Vec<ArrayRef> = self.spec.key_columns.iter().map(|key| batch.rows.column(*key).clone()).collect();
        let hashes = batch.key_hashes.as_ref().and_then(|hashes| hashes.of(&self.spec.key_columns));
        let mut slots = Vec::new();
        let bound = self.keys.slots_hashed(&keys, batch.len(), hashes, &mut slots)?;
        self.frames.resize(bound);
        let columns = batch.rows.columns().to_vec();
        self.pending.append(NewRows { slots: &slots, times: &batch.event_times, marks: None, columns })?;
        Ok(Progress::Done)
    }

    fn on_time(&mut self, at: Time, out: &mut Outputs) -> Result<Progress, OperatorError> {
        let Time::Watermark(watermark) = at else { return Ok(Progress::Done) };
        self.progress.watermark = self.progress.watermark.max(watermark);
        self.fire_part(out)
    }

    fn more(&mut self, out: &mut Outputs) -> Result<Progress, OperatorError> {
        self.fire_part(out)
    }

    fn freeze(&mut self, _cut: Cut) -> Result<Frozen, OperatorError> {
        let pending = (self.keys.freeze(), self.pending.freeze());
        Ok(self.layout.freeze(pending, self.keys.live_slots(), &mut self.frames, self.progress))
    }

    fn restore(&mut self, snapshot: Snapshot) -> Result<(), OperatorError> {
        let restored = self.layout.restore(snapshot)?;
        restored.late.tell(&self.spec.metrics);
        self.progress = restored.progress;
        let keys = self.spec.key_columns.len();
        let slots_of = |index: &mut KeyIndex, columns: &[ArrayRef], len| {
            let mut slots = Vec::new();
            index.slots(columns, len, &mut slots).map(|_| slots)
        };
        for rows in restored.pending {
            let slots = slots_of(&mut self.keys, &rows.columns()[..keys], rows.num_rows())?;
            self.pending.restore(&rows, keys, &slots)?;
        }
        for rows in restored.frame {
            let slots = slots_of(&mut self.keys, &rows.columns()[..keys], rows.num_rows())?;
            self.frames.restore_rows(&rows, keys, &slots)?;
        }
        for totals in restored.totals {
            let slots = slots_of(&mut self.keys, &totals.keys, totals.len)?;
            self.frames.restore_totals(&slots, &totals)?;
        }
        self.frames.resize(self.keys.slot_bound());
        Ok(())
    }

    fn state_bytes(&mut self) -> u64 {
        let firing = self.firing.capacity() * size_of::<RowId>();
        self.keys.memory_bytes() + self.pending.memory_bytes() + self.frames.memory_bytes() + firing as u64
    }
}

/// How many rows are given out at once: fewer, where each result has the values of its frame.
fn part_rows(spec: &RollingSpec) -> usize {
    use AggregateFunction::{Collect, CountDistinct, StringAgg};
    let keeps_values = |aggregate: &BoundAggregate| match &aggregate.kind {
        AggregateKind::Builtin { function, .. } => matches!(function, Collect | CountDistinct | StringAgg(_)),
        AggregateKind::Component { .. } => true,
    };
    match spec.frame {
        _ if !spec.aggregates.iter().any(keeps_values) => PART_ROWS,
        Frame::Rows(rows) => ((PART_VALUES / rows) as usize).clamp(1, PART_ROWS),
        Frame::Range(_) | Frame::All => PART_ROWS / 64,
    }
}

/// The earliest rows up to a time, and all others of the time of the last.
fn due_with_ties(rows: &mut RowStore, until: i64) -> Vec<RowId> {
    let mut due = rows.take_due(until, PART_ROWS);
    if let Some(last) = due.last().map(|id| rows.time(*id)) {
        due.extend(rows.take_due(last, usize::MAX));
    }
    due
}

fn batch(
    schema: &SchemaRef,
    columns: Vec<ArrayRef>,
    times: Vec<i64>,
    ingested_at: i64,
) -> Result<StreamBatch, OperatorError> {
    let options = RecordBatchOptions::new().with_row_count(Some(times.len()));
    let rows = RecordBatch::try_new_with_options(schema.clone(), columns, &options)?;
    Ok(StreamBatch::new(rows, times.into(), ingested_at))
}
