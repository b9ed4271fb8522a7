//! The states of an operator with keys, of one key group at a time: its caller keeps them as bytes between calls. They are those of a subtask
//! in a checkpoint, with the version of their layout.

use std::ops::Range;

use arrow::array::{ArrayRef, Int32Array, RecordBatch};
use arrow::buffer::Buffer;
use weir_engine::dataflow::operator::OperatorError;
use weir_state::checkpoint::{Checkpoint, Packed, unpack};
use weir_state::{Snapshot, StateTable, SubtaskSnapshot};

use super::columns::taken_rows;
use weir_engine::single_step::Emitted as TimedRows;

use super::{BatchOperator, Emitted, STEP};
use crate::error::EmbedError;
use crate::frozen_task::FrozenTask;
use crate::restored::Restored;

/// What bytes of states are called in errors.
const STATES: &str = "the state of a key group";

/// When an operator wants to be called although no rows come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// When the watermark has reached this, microseconds.
    pub watermark: Option<i64>,
    /// When the clock has, microseconds.
    pub clock: Option<i64>,
}

impl BatchOperator {
    /// The key group of each row.
    ///
    /// # Errors
    /// If the columns are not those that were told at the beginning, or there are no keys.
    pub fn groups(&mut self, rows: &RecordBatch) -> Result<Int32Array, EmbedError> {
        if self.keys.is_empty() {
            return Err(EmbedError::Operator("it has no keys, so its rows are in no key group".to_owned()));
        }
        let rows = taken_rows(rows, &self.taken)?;
        let keys: Vec<ArrayRef> = self.keys.iter().map(|key| rows.column(*key).clone()).collect();
        Ok(self.key_groups.of(&keys, rows.num_rows())?.into())
    }

    /// Begins with what [`BatchOperator::kept`] gave, or with nothing. Whatever it had is dropped. From now on its clock stands at `now_us`;
    /// `None`: it is that of the machine.
    ///
    /// # Errors
    /// If the state is not this operator's, was changed, or was kept with other key groups.
    pub fn begin(&mut self, kept: Option<Vec<u8>>, now_us: Option<i64>) -> Result<(), EmbedError> {
        self.has_begun = !self.keeps_state;
        let snapshot = match kept {
            None => None,
            Some(bytes) => {
                let Packed { manifest, snapshot } = unpack(&Buffer::from_vec(bytes), STATES)?;
                self.check_key_groups(manifest.key_groups)?;
                let part = snapshot.operators.into_iter().find(|(name, _)| name == STEP);
                Some(part.ok_or_else(|| EmbedError::Operator(format!("{STATES} is of something else")))?.1)
            }
        };
        self.stands_at = now_us;
        self.set_clock();
        self.step.begin_with(snapshot).map_err(without_state_advice)?;
        self.has_begun = true;
        Ok(())
    }

    /// Begins with pieces that other subtasks have kept, of which it takes the key groups `owned`. Its clock is that of the machine.
    ///
    /// # Errors
    /// As [`BatchOperator::begin`].
    pub(crate) fn begin_with(&mut self, restored: Restored, owned: &Range<u32>) -> Result<(), EmbedError> {
        self.has_begun = false;
        let snapshot = match restored.into_checkpoint() {
            None => None,
            Some(Checkpoint { manifest, snapshot }) => {
                self.check_key_groups(manifest.key_groups)?;
                let operators = snapshot.subtasks.into_iter().flat_map(|subtask| subtask.operators);
                let tables = operators.filter(|(name, _)| name == STEP).flat_map(|(_, part)| part.tables);
                let is_own = |table: &StateTable| table.key_group.is_none_or(|group| owned.contains(&group));
                Some(Snapshot { tables: tables.filter(is_own).collect(), ..Snapshot::default() })
            }
        };
        self.stands_at = None;
        self.set_clock();
        self.step.begin_with(snapshot).map_err(without_state_advice)?;
        self.has_begun = true;
        Ok(())
    }

    /// All that it keeps, to be written by key group while it continues.
    ///
    /// # Errors
    /// If the state cannot be read.
    pub(crate) fn freeze(&mut self, owned: Range<u32>) -> Result<FrozenTask, EmbedError> {
        self.check_begun()?;
        Ok(FrozenTask::new(STEP, self.key_groups.count(), (0, 0), owned, self.step.freeze()?))
    }

    fn check_key_groups(&self, kept: u32) -> Result<(), EmbedError> {
        match kept == self.key_groups.count() {
            true => Ok(()),
            false => Err(EmbedError::Operator(format!(
                "state was kept in {kept} key groups, and the operator has {}: their number cannot change while there is state",
                self.key_groups.count()
            ))),
        }
    }

    /// The watermark rises to this, which it may have reached already, and the clock is looked at: timers that are due fire.
    ///
    /// # Errors
    /// If a timer cannot be processed and `on-error` is `fail`.
    pub fn advance_to(&mut self, watermark: i64) -> Result<Emitted, EmbedError> {
        self.advance_timed(watermark).map(rows_of)
    }

    /// The same with event times.
    pub(crate) fn advance_timed(&mut self, watermark: i64) -> Result<TimedRows, EmbedError> {
        self.check_begun()?;
        self.set_clock();
        let mut emitted = self.step.advance_to(watermark)?;
        emitted.extend(self.step.on_clock()?);
        Ok(emitted)
    }

    /// The clock is looked at: timers that are due fire.
    ///
    /// # Errors
    /// As [`BatchOperator::advance_to`].
    pub fn on_clock(&mut self) -> Result<Emitted, EmbedError> {
        self.clock_timed().map(rows_of)
    }

    /// The same with event times.
    pub(crate) fn clock_timed(&mut self) -> Result<TimedRows, EmbedError> {
        self.check_begun()?;
        self.set_clock();
        Ok(self.step.on_clock()?)
    }

    /// Nothing follows: the watermark reaches its end, and all timers of event time fire.
    ///
    /// # Errors
    /// As [`BatchOperator::advance_to`].
    pub fn end(&mut self) -> Result<Emitted, EmbedError> {
        self.check_begun()?;
        self.set_clock();
        self.has_begun = !self.keeps_state;
        Ok(rows_of(self.step.end()?))
    }

    /// All that it keeps, as bytes; `None`: nothing of any key.
    ///
    /// # Errors
    /// If the state cannot be written.
    pub fn kept(&mut self) -> Result<Option<Vec<u8>>, EmbedError> {
        self.check_begun()?;
        let snapshot = self.step.snapshot()?;
        if snapshot.tables.iter().all(|table| table.key_group.is_none()) {
            return Ok(None);
        }
        let part = SubtaskSnapshot {
            subtask: format!("{STEP}/0"),
            operators: vec![(STEP.to_owned(), snapshot)],
            ..SubtaskSnapshot::default()
        };
        Ok(Some(Packed::pack(STEP, self.key_groups.count(), (0, 0), &part)?))
    }

    /// When it is to be called next.
    #[must_use]
    pub fn due(&self) -> Due {
        Due { watermark: self.step.acts_at(), clock: self.step.deadline() }
    }
}

/// What a caller can do who keeps states, instead of what can be done in Weir's own engine.
fn without_state_advice(error: OperatorError) -> EmbedError {
    match error {
        OperatorError::Restore(reason) | OperatorError::Migrate { reason, .. } => EmbedError::Operator(format!(
            "the state that was kept does not fit: {reason}. Run the component that has kept it, or one that reads it; or discard it, and begin \
             without state (a query of Spark with another checkpointLocation)"
        )),
        error => error.into(),
    }
}

/// Without event times and kinds, which the outputs of a component have not.
pub(super) fn rows_of(emitted: TimedRows) -> Emitted {
    emitted.into_iter().map(|(output, batch)| (output, batch.rows)).collect()
}
