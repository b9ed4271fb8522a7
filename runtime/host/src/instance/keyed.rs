//! Calls of keyed operators.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{Schema, ToByteSlice};

use super::Instance;
use super::arguments::{batch, check_indices, lower_columns, lower_rows, lower_states, present, wrong_world};
use crate::abi::{self, to_guest};
use crate::call::{GuestClock, Rows, States, TimeDomain, Timers};
use crate::call_error::CallError;
use crate::delta::KeyedDelta;
use crate::exports::Functions;
use crate::imports::maps::LentMaps;
use crate::lift_delta;
use crate::lower::count;
use crate::maps::MapReader;
use crate::plan::{Plan, World};
use crate::sandbox::fields;
use crate::schema::flatten;

impl Instance {
    /// Runs a keyed operator over rows of an input. `key_of_row` has an index into `states` for every row; `maps` is what the
    /// operator may read of its maps during the call.
    ///
    /// # Errors
    /// See [`CallError`]; nothing happened then.
    pub fn keyed(
        &mut self,
        input: usize,
        rows: &Rows<'_>,
        key_of_row: &[u32],
        states: &States,
        clock: GuestClock,
        maps: Option<Arc<dyn MapReader>>,
    ) -> Result<KeyedDelta, CallError> {
        let Functions::Keyed { process, .. } = self.sandbox.functions(&self.plan)? else {
            return Err(wrong_world(World::Keyed));
        };
        check_indices(key_of_row, rows.rows, states.keys, "key_of_row")?;
        let [lowered, _] = &mut self.states;
        let present = lower_states(lowered, states, &self.plan)?;
        lower_rows(&mut self.columns, rows, &self.reads, input)?;
        let (row_views, state_views) = (self.columns.views(), lowered.views());
        let (arrays, state_arrays) = (self.columns.arrays(&row_views), lowered.arrays(&state_views));
        let batch = batch(&self.plan, rows, &arrays)?;
        let given = to_guest::States { keys: count(states.keys), present: &present, columns: &state_arrays };
        let arguments = (count(input), batch, key_of_row.to_byte_slice(), given, to_clock(clock));
        let answer = self.sandbox.call_with_maps(process, arguments, lent(&self.plan, states, maps))?;
        let delta = answer.map_err(CallError::of_guest)?;
        lift_delta::keyed(&self.plan, self.sandbox.limits(), rows.rows, states.keys, delta)
    }

    /// Fires timers of a keyed operator, by time. `keys` has the key columns, one row per timer; an index in the answer picks
    /// among the timers. `maps` is as in [`Instance::keyed`].
    ///
    /// # Errors
    /// See [`CallError`]; nothing happened then.
    pub fn on_timer(
        &mut self,
        due: &Timers,
        keys: &Rows<'_>,
        states: &States,
        clock: GuestClock,
        maps: Option<Arc<dyn MapReader>>,
    ) -> Result<KeyedDelta, CallError> {
        let Functions::Keyed { on_timer, .. } = self.sandbox.functions(&self.plan)? else {
            return Err(wrong_world(World::Keyed));
        };
        check_indices(&due.keys, due.times.len(), states.keys, "due.keys")?;
        if keys.rows != due.times.len() {
            return Err(CallError::Arguments(format!("{} rows of keys for {} timers", keys.rows, due.times.len())));
        }
        let [lowered, _] = &mut self.states;
        let present = lower_states(lowered, states, &self.plan)?;
        lower_columns(&mut self.columns, keys.columns, keys.rows, self.keys.iter(), "key")?;
        let (key_views, state_views) = (self.columns.views(), lowered.views());
        let (arrays, state_arrays) = (self.columns.arrays(&key_views), lowered.arrays(&state_views));
        let given = to_guest::States { keys: count(states.keys), present: &present, columns: &state_arrays };
        let timers = to_guest::Timers {
            domain: match due.domain {
                TimeDomain::EventTime => abi::TimeDomain::EventTime,
                TimeDomain::ProcessingTime => abi::TimeDomain::ProcessingTime,
            },
            keys: due.keys.to_byte_slice(),
            times: due.times.to_byte_slice(),
        };
        let keys_batch = to_guest::Batch { rows: count(keys.rows), columns: &arrays, event_times: &[], row_kinds: &[] };
        let arguments = (timers, keys_batch, given, to_clock(clock));
        let answer = self.sandbox.call_with_maps(on_timer, arguments, lent(&self.plan, states, maps))?;
        let delta = answer.map_err(CallError::of_guest)?;
        lift_delta::keyed(&self.plan, self.sandbox.limits(), keys.rows, states.keys, delta)
    }

    /// States of another version of a keyed operator as this version keeps them: one row per key, in the same order.
    ///
    /// # Errors
    /// See [`CallError`]; [`CallError::Call`] with the operator's reason if it cannot read that version.
    pub fn migrate(&mut self, from_version: u32, from: &Schema, states: &States) -> Result<Vec<ArrayRef>, CallError> {
        let Functions::Keyed { migrate, .. } = self.sandbox.functions(&self.plan)? else {
            return Err(wrong_world(World::Keyed));
        };
        let nodes = flatten(from.fields()).map_err(CallError::Arguments)?;
        let [lowered, _] = &mut self.states;
        lower_columns(lowered, &states.columns, states.keys, from.fields().iter(), "state")?;
        let present = present(states);
        let views = lowered.views();
        let arrays = lowered.arrays(&views);
        let given = to_guest::States { keys: count(states.keys), present: &present, columns: &arrays };
        let answer = self.sandbox.call(migrate, (from_version, fields(&nodes).as_slice(), given))?;
        let columns = answer.map_err(CallError::of_guest)?;
        let layout = self.plan.state.as_ref().map(|state| state.schema.fields().clone()).unwrap_or_default();
        let migrated = lift_delta::state_columns(&layout, states.keys, states.present.as_ref(), columns.0);
        migrated.map_err(CallError::InvalidOutput)
    }
}

fn lent(plan: &Plan, states: &States, maps: Option<Arc<dyn MapReader>>) -> Option<LentMaps> {
    maps.map(|reader| LentMaps { reader, layouts: Arc::clone(&plan.maps), keys: states.keys })
}

fn to_clock(clock: GuestClock) -> to_guest::Clock {
    to_guest::Clock { watermark: clock.watermark, processing_time: clock.processing_time }
}
