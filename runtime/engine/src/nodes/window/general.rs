//! [`GeneralWindows`]: windows of every kind, with triggers, by the rules of Flink's window operator. A row goes into its windows one
//! after the other row, so what fires never depends on batches; what rows add is added together, from one firing to the next.
//!
//! | module | holds |
//! |---|---|
//! | `entries`, `key_windows`, `due_windows` | all windows, by key, bounds and when something of them is due |
//! | `contents`, `kept_rows` | accumulators of windows and of results on their way out; rows, where a firing takes some of them out |
//! | `rows`, `per_row` | which windows a row goes into |
//! | `firing` | what a firing gives out, and timers |
//! | `gathered` | what is said of results on their way out |
//! | `snapshot` | what snapshots hold |

mod contents;
mod due_windows;
mod entries;
mod firing;
mod gathered;
mod kept_rows;
mod key_windows;
mod per_row;
mod rows;
mod snapshot;

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::ArrayRef;
use weir_core::batch::StreamBatch;
use weir_core::connector::Cut;
use weir_core::time::WATERMARK_MAX;
use weir_core::window::{Changes, Look, Window, WindowClock};
use weir_state::KeyIndex;

use super::aggregate_set::AggregateSet;
use super::late_count::LateCount;
use super::refused_rows::RefusedRows;
use super::results::Results;
use super::window_rows::WindowRows;
use super::window_state::{StateLayout, WindowProgress};
use super::{BoundRules, WindowSpec};
use crate::dataflow::operator::{Frozen, Operator, OperatorError, Outputs, Progress, Snapshot, Time};
use crate::nodes::dead_letter::{BadRow, DeadLetters};
use contents::Contents;
use entries::{BESIDE, Entries, OWN};
use gathered::Gathered;

/// The operator.
pub(super) struct GeneralWindows {
    spec: WindowSpec,
    bound: Arc<BoundRules>,
    value_columns: Vec<Vec<usize>>,
    dead_letters: DeadLetters,
    layout: StateLayout,
    results: Results,
    keys: KeyIndex,
    entries: Entries,
    contents: Contents,
    gathered: Gathered,
    /// Windows that are looked at after the batch.
    touched: VecDeque<u32>,
    /// Up to when event time, or stream time, is known to have passed.
    watermark: i64,
    /// Processing time.
    now: i64,
    ingested_at: i64,
    late: LateCount,
    /// The key slot of each row of the batch; once it is done, only of those that went into no window.
    slots: Vec<u32>,
    /// The windows of the row before.
    assigned: Vec<Window>,
    /// Windows that are gone, but for what they held: results on their way out are made of it.
    forgotten: Vec<u32>,
    /// `None`: no aggregate refuses rows.
    refused: Option<RefusedRows>,
}

/// A batch as rows go into windows.
struct Input<'a> {
    rows: &'a WindowRows,
    /// The gap of each row, where rows say it, microseconds.
    gaps: Option<Vec<Option<i64>>>,
    /// What an evictor compares.
    deltas: Option<ArrayRef>,
}

/// Rows that go into no window, and why.
#[derive(Default)]
struct SetAside {
    late: Vec<u32>,
    bad: Vec<(usize, String)>,
    /// Between two windows, and not late.
    between: Vec<u32>,
}

impl GeneralWindows {
    pub(super) fn new(spec: WindowSpec, bound: Arc<BoundRules>) -> Result<Self, OperatorError> {
        let aggregates = AggregateSet::of_singles(&spec.aggregates, &spec.input)?;
        let refused = RefusedRows::new(&spec.aggregates, &spec.input)?;
        let rules = &bound.rules;
        let key_fields = spec.key_fields();
        let retracts = rules.changes == Changes::Retract;
        Ok(Self {
            value_columns: AggregateSet::columns(&spec),
            dead_letters: spec.dead_letters(),
            layout: snapshot::layout(&spec, &aggregates, &key_fields, retracts),
            results: Results::new(&spec)?,
            keys: KeyIndex::new(&key_fields)?,
            entries: Entries::new(
                spec.window,
                rules.trigger.clone(),
                rules.suppress,
                rules.clock,
                spec.allowed_lateness_us,
            ),
            gathered: Gathered::new(rules.changes != Changes::None),
            contents: Contents::new(aggregates, retracts, rules.evictor.clone()),
            touched: VecDeque::new(),
            watermark: WindowProgress::NONE.watermark,
            now: i64::MIN,
            ingested_at: WindowProgress::NONE.ingested_at,
            late: LateCount::default(),
            slots: Vec::new(),
            assigned: Vec::new(),
            forgotten: Vec::new(),
            refused,
            spec,
            bound,
        })
    }

    /// How far the windows' own clock is.
    fn reached(&self) -> i64 {
        match self.bound.rules.clock {
            // At the end of the input no time passes any more: what is open then is given out.
            WindowClock::Processing if self.watermark < WATERMARK_MAX => self.now,
            _ => self.watermark,
        }
    }

    fn is_full(&self) -> bool {
        self.gathered.len() >= self.spec.result_rows_max
    }

    /// Emits what was gathered; `More`, if that is not all that is due.
    fn part(&mut self, is_more: bool, out: &mut Outputs) -> Result<Progress, OperatorError> {
        self.gathered.emit(&self.keys, &mut self.contents, &self.results, self.ingested_at, out)?;
        self.release();
        Ok(if is_more { Progress::More } else { Progress::Done })
    }

    /// Fires all that is due; whether more is.
    fn fire_all(&mut self, input: Option<&Input<'_>>) -> Result<bool, OperatorError> {
        let (reached, now) = (self.reached(), self.now);
        Ok(self.fire_due(OWN, reached, input)? || self.fire_due(BESIDE, now, input)?)
    }

    /// Counts and emits rows that went into no window.
    fn set_aside(&mut self, batch: &StreamBatch, aside: SetAside, out: &mut Outputs) -> Result<(), OperatorError> {
        let mut bad: Vec<BadRow> = Vec::new();
        for (row, reason) in aside.bad {
            self.dead_letters.take(batch, row, reason, &mut bad)?;
        }
        if !aside.late.is_empty() {
            let late_by = aside.late.iter().map(|row| self.late_by(batch.event_times[*row as usize])).max();
            self.late.add(aside.late.len() as u64, late_by.unwrap_or_default(), &self.spec.metrics);
            self.spec.emit_late(batch, aside.late, out)?;
        }
        self.dead_letters.emit(batch, bad, out)
    }
}

impl Operator for GeneralWindows {
    fn process(&mut self, _input: usize, batch: StreamBatch, out: &mut Outputs) -> Result<Progress, OperatorError> {
        self.ingested_at = self.ingested_at.max(batch.ingested_at);
        self.now = self.now.max(batch.ingested_at);
        if self.fire_all(None)? {
            out.put_back(batch);
            return self.part(false, out);
        }
        // Rows that come another time are those that are left.
        let batch = match &mut self.refused {
            Some(refused) => refused.set_aside(batch, &self.dead_letters, out)?,
            None => batch,
        };
        let rows = WindowRows::of_batch(&batch, &self.spec.key_columns, &self.value_columns);
        let (gaps, deltas) = (self.gaps(&batch)?, self.deltas(&batch)?);
        let input = Input { rows: &rows, gaps, deltas };
        let hashes = batch.key_hashes.as_ref().and_then(|hashes| hashes.of(&self.spec.key_columns));
        self.keys.slots_hashed(&rows.keys, rows.len, hashes, &mut self.slots)?;
        let (mut aside, mut row) = (SetAside::default(), 0);
        while row < rows.len {
            self.row(&input, row, &mut aside)?;
            row += 1;
            if self.fire_all(Some(&input))? || self.is_full() {
                break;
            }
        }
        self.contents.settle(&rows, input.deltas.as_ref())?;
        self.late.rows_in += row as u64;
        let late = aside.late.iter().chain(&aside.between).map(|row| *row as usize);
        let in_none = late.chain(aside.bad.iter().map(|(row, _)| *row)).chain(row..rows.len);
        self.slots = in_none.map(|row| self.slots[row]).collect();
        self.set_aside(&batch, aside, out)?;
        if row < rows.len {
            // The rows that are left come again once what was gathered has gone out.
            out.put_back(batch.slice(row, rows.len - row));
            return self.part(false, out);
        }
        if self.bound.rules.trigger.look == Look::All {
            self.touch_all();
        }
        self.more(out)
    }

    fn on_time(&mut self, at: Time, out: &mut Outputs) -> Result<Progress, OperatorError> {
        match at {
            Time::Processing(now) => self.now = self.now.max(now),
            Time::Watermark(watermark) if watermark <= self.watermark => return Ok(Progress::Done),
            Time::Watermark(watermark) => {
                let is_event = self.bound.rules.clock == WindowClock::Event;
                // Other clocks do not go by watermarks, but for the last.
                if !is_event && watermark < WATERMARK_MAX {
                    return Ok(Progress::Done);
                }
                self.watermark = watermark;
            }
        }
        self.more(out)
    }

    fn more(&mut self, out: &mut Outputs) -> Result<Progress, OperatorError> {
        let is_more = self.fire_touched()? || self.fire_all(None)?;
        self.part(is_more, out)
    }

    fn deadline(&self) -> Option<i64> {
        self.entries.deadline().filter(|_| self.watermark < WATERMARK_MAX)
    }

    fn state_bytes(&mut self) -> u64 {
        self.keys.memory_bytes() + self.entries.memory_bytes() + self.contents.memory_bytes()
    }

    fn freeze(&mut self, _cut: Cut) -> Result<Frozen, OperatorError> {
        self.freeze_all()
    }

    fn restore(&mut self, snapshot: Snapshot) -> Result<(), OperatorError> {
        self.restore_all(snapshot)
    }
}
