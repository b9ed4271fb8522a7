//! A keyed component, and where its columns are among those that come in. It holds no state: that comes with every call.

use arrow::array::{ArrayRef, RecordBatch};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::Schema;
use std::sync::Arc;
use weir_core::batch::StreamBatch;
use weir_host::{
    CallError, Delta, Failure, GuestClock, KeyedDelta, RejectedRow, Rows, StateLayout, States, TimeDomain,
};

use super::layout;
use super::maps::MapsOfCall;
use crate::dataflow::operator::OperatorError;
use crate::nodes::delta::{OutputBatch, OutputMap, apply_all};
use crate::nodes::meter::MeteredInstance;
use crate::replace::on_trial::Refusing;

/// A component of the world `keyed-operator`.
pub(crate) struct KeyedGuest {
    /// What [`weir_host::Component::version`] calls it.
    pub(crate) version: String,
    /// Whether it ran before the version whose states it may find.
    pub(crate) goes_back: bool,
    pub(crate) instance: MeteredInstance,
    /// Where the columns that it reads are among those that come in.
    pub(crate) reads: Vec<usize>,
    /// Outputs of rows.
    pub(crate) outputs: Vec<OutputMap>,
    /// The same outputs of timers: kept columns are positions among the key columns.
    pub(crate) timer_outputs: Vec<OutputMap>,
}

/// What a component is asked.
pub(super) enum Call<'a> {
    /// To process rows, each of which has the index of its key.
    Rows { rows: &'a StreamBatch, key_of_row: &'a [u32], maps: &'a MapsOfCall },
    /// To fire timers, each of which has the index of its key; `keys` has one row per timer.
    Timers {
        domain: TimeDomain,
        times: &'a ScalarBuffer<i64>,
        key_of_timer: &'a [u32],
        keys: &'a [ArrayRef],
        ingested_at: i64,
        maps: &'a MapsOfCall,
    },
}

impl Call<'_> {
    /// The key of each row or timer, and its event time; none, if timers are of the clock.
    pub(super) fn event_times(&self) -> (&[u32], &[i64]) {
        match self {
            Self::Rows { rows, key_of_row, .. } => (key_of_row, &rows.event_times),
            Self::Timers { domain: TimeDomain::EventTime, times, key_of_timer, .. } => (key_of_timer, times),
            Self::Timers { domain: TimeDomain::ProcessingTime, .. } => (&[], &[]),
        }
    }
}

/// What a component has answered; nothing of it is applied yet.
pub(super) struct Answer {
    pub(super) delta: KeyedDelta,
    /// The rows of every output.
    pub(super) made: Vec<OutputBatch>,
}

impl Refusing for Answer {
    fn rejected(&self) -> &[RejectedRow] {
        &self.delta.rejected
    }
}

impl Call<'_> {
    /// How many rows or timers.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Rows { rows, .. } => rows.len(),
            Self::Timers { times, .. } => times.len(),
        }
    }

    /// What may be read of the maps.
    pub(super) fn maps(&self) -> &MapsOfCall {
        match self {
            Self::Rows { maps, .. } | Self::Timers { maps, .. } => maps,
        }
    }
}

impl KeyedGuest {
    /// How it keeps state; `None`: it keeps none.
    pub(super) fn layout(&self) -> Option<&StateLayout> {
        self.instance.plan().state.as_ref()
    }

    pub(super) fn call(
        &mut self,
        call: &Call<'_>,
        states: &States,
        now: GuestClock,
    ) -> Result<Answer, Failure<OperatorError>> {
        let (maps, limit_bytes) = (call.maps().reader(), self.instance.limits().output_bytes);
        match call {
            Call::Rows { rows, key_of_row, .. } => {
                let columns: Vec<ArrayRef> = self.reads.iter().map(|c| rows.rows.column(*c).clone()).collect();
                let event_times = self.instance.plan().reads_event_times.then_some(&rows.event_times[..]);
                let given = Rows { rows: rows.len(), columns: &columns, event_times };
                let delta = self.instance.call(|instance| instance.keyed(0, &given, key_of_row, states, now, maps))?;
                answer(&self.outputs, delta, rows.rows.columns(), rows, limit_bytes)
                    .inspect_err(|_| self.instance.failed())
            }
            Call::Timers { domain, times, key_of_timer, keys, ingested_at, .. } => {
                let given = Rows { rows: times.len(), columns: keys, event_times: None };
                let timers =
                    weir_host::Timers { domain: *domain, keys: key_of_timer.to_vec().into(), times: (*times).clone() };
                let delta = self.instance.call(|instance| instance.on_timer(&timers, &given, states, now, maps))?;
                let rows = RecordBatch::new_empty(Arc::new(Schema::empty()));
                let at = StreamBatch::new(rows, (*times).clone(), *ingested_at);
                answer(&self.timer_outputs, delta, keys, &at, limit_bytes).inspect_err(|_| self.instance.failed())
            }
        }
    }

    /// States of another version of this operator as this one keeps them: its own function does it, or, if the version of the
    /// layout is the same, their columns are matched by name.
    pub(super) fn convert(&mut self, from: &StateLayout, states: States) -> Result<States, CallError> {
        let Some(to) = self.layout() else { return Ok(States { columns: Vec::new(), ..states }) };
        if layout::is_same(from, to) {
            return Ok(states);
        }
        let columns = match from.version == to.version {
            true => layout::cast(from, to, &states.columns, states.keys).map_err(CallError::Call)?,
            false => self.instance.call(|instance| instance.migrate(from.version, &from.schema, &states))?,
        };
        Ok(States { columns, ..states })
    }
}

/// The rows of every output; nothing is emitted before all of it is sound.
fn answer(
    maps: &[OutputMap],
    mut delta: KeyedDelta,
    inputs: &[ArrayRef],
    times: &StreamBatch,
    limit_bytes: u64,
) -> Result<Answer, Failure<OperatorError>> {
    let deltas: Vec<Delta> = std::mem::take(&mut delta.outputs);
    let made = apply_all(maps, deltas, inputs, times, limit_bytes)?;
    Ok(Answer { delta, made })
}
