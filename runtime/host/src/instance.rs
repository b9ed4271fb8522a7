//! One sandbox with one operator in it, and the calls of all three worlds. Arguments are columns; answers are deltas, checked.
//! Nothing is applied here.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{FieldRef, Schema, ToByteSlice};
use weir_core::limits::OperatorLimits;

use crate::abi::{self, from_guest, to_guest};
use crate::call::{CallError, GuestClock, Rows, States, TimeDomain, Timers};
use crate::component::Component;
use crate::delta::{Delta, KeyedDelta};
use crate::exports::Functions;
use crate::imports::log::GuestLog;
use crate::imports::metrics::GuestMetrics;
use crate::limits::REASON_BYTES_MAX;
use crate::lower::{LoweredColumns, count};
use crate::plan::{InputSchema, Plan, World};
use crate::sandbox::{Sandbox, fields};
use crate::schema::flatten;
use crate::{lift, lift_delta};

/// What an instance is made for.
#[derive(Clone)]
pub struct InstanceSpec {
    /// The operator's name in its pipeline, for its log.
    pub operator: String,
    /// What `describe` gets.
    pub config: serde_json::Value,
    /// What it is connected to.
    pub inputs: Vec<InputSchema>,
    /// Its bounds.
    pub limits: OperatorLimits,
    /// Where its lines go.
    pub log: Arc<dyn GuestLog>,
}

/// Why there is no instance, or no plan.
#[derive(Debug, thiserror::Error)]
pub enum InstanceError {
    /// The operator refuses its configuration or inputs.
    #[error("the operator refuses its configuration or inputs: {0}")]
    Refused(String),
    /// A column of an input has a type that operators cannot read.
    #[error("input {input}: {message}")]
    Input {
        /// Index of the input.
        input: usize,
        /// Which column, and what to do.
        message: String,
    },
    /// The plan breaks the contract: a fault of the operator or its SDK.
    #[error("the operator's plan is invalid: {0}")]
    InvalidPlan(String),
    /// The guest failed in `describe`, or while it was started.
    #[error("the operator failed in describe: {0}")]
    Guest(String),
    /// No room for another instance.
    #[error("no instance can be made: {0}")]
    Unavailable(String),
    /// `describe` gave another plan than before for the same arguments.
    #[error("describe gave another plan than before for the same arguments: it must be pure")]
    PlanChanged,
}

/// One operator in memory of its own. After a trap, a time-out or an answer that broke the contract it is started again by the
/// next call; what it logged and counted lives on.
pub struct Instance {
    sandbox: Sandbox,
    plan: Plan,
    /// Every input's fields that are read, and every state's, as the types of arguments are held to.
    reads: Vec<Vec<FieldRef>>,
    /// Kept for their capacity.
    columns: LoweredColumns,
    states: [LoweredColumns; 2],
}

impl Instance {
    pub(crate) fn new(component: Component, spec: InstanceSpec) -> Result<Self, InstanceError> {
        let inputs = spec.inputs.clone();
        let (sandbox, plan) = Sandbox::new(component, spec)?;
        let fields = |(reads, input): (&Vec<usize>, &InputSchema)| {
            reads.iter().map(|&column| Arc::clone(&input.schema.fields()[column])).collect()
        };
        let reads = plan.reads.iter().zip(&inputs).map(fields).collect();
        Ok(Self { sandbox, plan, reads, columns: LoweredColumns::default(), states: Default::default() })
    }

    /// What it does with its inputs.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What the operator counted, since the instance was first made.
    #[must_use]
    pub fn metrics(&self) -> GuestMetrics {
        self.sandbox.metrics().cloned().unwrap_or_default()
    }

    /// Log lines that were dropped because they were too many.
    #[must_use]
    pub fn log_lines_dropped(&self) -> u64 {
        self.sandbox.log_lines_dropped()
    }

    /// Runs a transform over rows of an input: one delta an output of the plan.
    ///
    /// # Errors
    /// See [`CallError`]; nothing happened then.
    pub fn transform(&mut self, input: usize, rows: &Rows<'_>) -> Result<Vec<Delta>, CallError> {
        let Functions::Transform { process } = self.sandbox.functions(&self.plan)? else {
            return Err(wrong_world(World::Transform));
        };
        lower_rows(&mut self.columns, rows, self.reads.get(input), input)?;
        let views = self.columns.views();
        let arrays = self.columns.arrays(&views);
        let batch = batch(&self.plan, rows, &arrays)?;
        let answer = self.sandbox.call(process, (count(input), batch))?;
        let deltas = answer.map_err(|failure| failed(failure, rows.rows))?;
        lift_delta::deltas(&self.plan, self.sandbox.limits(), rows.rows, deltas)
    }

    /// Runs a keyed operator over rows of an input. `key_of_row` has an index into `states` for every row.
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
    ) -> Result<KeyedDelta, CallError> {
        let Functions::Keyed { process, .. } = self.sandbox.functions(&self.plan)? else {
            return Err(wrong_world(World::Keyed));
        };
        check_indices(key_of_row, rows.rows, states.keys, "key_of_row")?;
        let [lowered, _] = &mut self.states;
        let present = lower_states(lowered, states, &self.plan)?;
        lower_rows(&mut self.columns, rows, self.reads.get(input), input)?;
        let (row_views, state_views) = (self.columns.views(), lowered.views());
        let (arrays, state_arrays) = (self.columns.arrays(&row_views), lowered.arrays(&state_views));
        let batch = batch(&self.plan, rows, &arrays)?;
        let given = to_guest::States { keys: count(states.keys), present: &present, columns: &state_arrays };
        let arguments = (count(input), batch, key_of_row.to_byte_slice(), given, to_clock(clock));
        let answer = self.sandbox.call(process, arguments)?;
        let delta = answer.map_err(|failure| failed(failure, rows.rows))?;
        lift_delta::keyed(&self.plan, self.sandbox.limits(), rows.rows, states.keys, delta)
    }

    /// Fires timers of a keyed operator, by time. `keys` has the key columns with a row a timer; an index in the answer picks
    /// among the timers.
    ///
    /// # Errors
    /// See [`CallError`]; nothing happened then.
    pub fn on_timer(
        &mut self,
        due: &Timers,
        keys: &Rows<'_>,
        states: &States,
        clock: GuestClock,
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
        lower_rows(&mut self.columns, keys, None, 0)?;
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
        let answer = self.sandbox.call(on_timer, (timers, keys_batch, given, to_clock(clock)))?;
        let delta = answer.map_err(|failure| failed(failure, keys.rows))?;
        lift_delta::keyed(&self.plan, self.sandbox.limits(), keys.rows, states.keys, delta)
    }

    /// States of another version of a keyed operator as this version keeps them: a row a key, in the same order.
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
        let columns = answer.map_err(|why| CallError::Call(reason(why)))?;
        let layout = self.plan.state.as_ref().map(|state| state.schema.fields().clone()).unwrap_or_default();
        let migrated = lift_delta::state_columns(&layout, states.keys, states.present.as_ref(), columns);
        migrated.map_err(CallError::InvalidOutput)
    }

    /// Adds rows to accumulators. `group_of_row` has an index into `accumulators` for every row; one that is not present is
    /// new. Gives the accumulator columns of all groups of the call; all are present then.
    ///
    /// # Errors
    /// See [`CallError`]; nothing happened then.
    pub fn accumulate(
        &mut self,
        rows: &Rows<'_>,
        group_of_row: &[u32],
        accumulators: &States,
    ) -> Result<Vec<ArrayRef>, CallError> {
        let Functions::Aggregate { accumulate, .. } = self.sandbox.functions(&self.plan)? else {
            return Err(wrong_world(World::Aggregate));
        };
        check_indices(group_of_row, rows.rows, accumulators.keys, "group_of_row")?;
        let [lowered, _] = &mut self.states;
        let present = lower_states(lowered, accumulators, &self.plan)?;
        lower_rows(&mut self.columns, rows, self.reads.first(), 0)?;
        let (row_views, state_views) = (self.columns.views(), lowered.views());
        let (arrays, state_arrays) = (self.columns.arrays(&row_views), lowered.arrays(&state_views));
        let batch = batch(&self.plan, rows, &arrays)?;
        let given = to_guest::States { keys: count(accumulators.keys), present: &present, columns: &state_arrays };
        let answer = self.sandbox.call(accumulate, (batch, group_of_row.to_byte_slice(), given))?;
        let columns = answer.map_err(|failure| failed(failure, rows.rows))?;
        accumulators_of(&self.plan, accumulators.keys, columns)
    }

    /// Merges accumulators pairwise: row i of `left` with row i of `right`.
    ///
    /// # Errors
    /// See [`CallError`]; a [`CallError::Row`] means a pair.
    pub fn merge(&mut self, left: &States, right: &States) -> Result<Vec<ArrayRef>, CallError> {
        let Functions::Aggregate { merge, .. } = self.sandbox.functions(&self.plan)? else {
            return Err(wrong_world(World::Aggregate));
        };
        if left.keys != right.keys {
            return Err(CallError::Arguments(format!("{} accumulators merged with {}", left.keys, right.keys)));
        }
        let [of_left, of_right] = &mut self.states;
        let left_present = lower_states(of_left, left, &self.plan)?;
        let right_present = lower_states(of_right, right, &self.plan)?;
        let (left_views, right_views) = (of_left.views(), of_right.views());
        let (left_arrays, right_arrays) = (of_left.arrays(&left_views), of_right.arrays(&right_views));
        let keys = count(left.keys);
        let given_left = to_guest::States { keys, present: &left_present, columns: &left_arrays };
        let given_right = to_guest::States { keys, present: &right_present, columns: &right_arrays };
        let answer = self.sandbox.call(merge, (given_left, given_right))?;
        let columns = answer.map_err(|failure| failed(failure, left.keys))?;
        accumulators_of(&self.plan, left.keys, columns)
    }

    /// The result columns of accumulators: those of the plan's output, a row an accumulator.
    ///
    /// # Errors
    /// See [`CallError`]; a [`CallError::Row`] means an accumulator.
    pub fn finish(&mut self, accumulators: &States) -> Result<Vec<ArrayRef>, CallError> {
        let Functions::Aggregate { finish, .. } = self.sandbox.functions(&self.plan)? else {
            return Err(wrong_world(World::Aggregate));
        };
        let [lowered, _] = &mut self.states;
        let present = lower_states(lowered, accumulators, &self.plan)?;
        let views = lowered.views();
        let arrays = lowered.arrays(&views);
        let given = to_guest::States { keys: count(accumulators.keys), present: &present, columns: &arrays };
        let answer = self.sandbox.call(finish, (given,))?;
        let columns = answer.map_err(|failure| failed(failure, accumulators.keys))?;
        let fields = self.plan.outputs.first().map(|output| output.computed.clone()).unwrap_or_default();
        lift::columns(&fields, accumulators.keys, columns).map_err(CallError::InvalidOutput)
    }
}

impl std::fmt::Debug for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Instance").field("plan", &self.plan).finish_non_exhaustive()
    }
}

/// A guest's words, cut to a length that a log bears.
pub(crate) fn reason(mut reason: String) -> String {
    if reason.len() > REASON_BYTES_MAX {
        reason.truncate(reason.floor_char_boundary(REASON_BYTES_MAX));
        reason.push_str(" ...");
    }
    reason
}

fn failed(failure: from_guest::Failure, rows: usize) -> CallError {
    match failure {
        from_guest::Failure::Call(why) => CallError::Call(reason(why)),
        from_guest::Failure::Row(from_guest::RowFailure { row, reason: why }) => {
            let row = row as usize;
            if row < rows {
                CallError::Row { row, reason: reason(why) }
            } else {
                CallError::InvalidOutput(format!("it refuses row {row} of {rows}: {}", reason(why)))
            }
        }
    }
}

fn wrong_world(called: World) -> CallError {
    CallError::Arguments(format!("it is no {called}"))
}

fn to_clock(clock: GuestClock) -> to_guest::Clock {
    to_guest::Clock { watermark: clock.watermark, processing_time: clock.processing_time }
}

/// The argument for rows whose columns are lowered already.
fn batch<'a>(
    plan: &Plan,
    rows: &'a Rows<'_>,
    columns: &'a [to_guest::Array<'a>],
) -> Result<to_guest::Batch<'a>, CallError> {
    let event_times = match (plan.reads_event_times, rows.event_times) {
        (false, _) => &[][..],
        (true, Some(times)) if times.len() == rows.rows => times.to_byte_slice(),
        (true, times) => {
            let given = times.map_or(0, <[i64]>::len);
            return Err(CallError::Arguments(format!("{given} event times for {} rows", rows.rows)));
        }
    };
    Ok(to_guest::Batch { rows: count(rows.rows), columns, event_times, row_kinds: &[] })
}

/// Lowers rows, held to the fields that the plan reads of the input; without an input to its lengths only.
fn lower_rows(
    lowered: &mut LoweredColumns,
    rows: &Rows<'_>,
    reads: Option<&Vec<FieldRef>>,
    input: usize,
) -> Result<(), CallError> {
    match reads {
        Some(fields) => lower_columns(lowered, rows.columns, rows.rows, fields.iter(), "read"),
        None if input > 0 => Err(CallError::Arguments(format!("there is no input {input}"))),
        None => {
            lowered.clear();
            rows.columns.iter().try_for_each(|column| push(lowered, column, rows.rows))
        }
    }
}

fn lower_columns<'a>(
    lowered: &mut LoweredColumns,
    columns: &[ArrayRef],
    rows: usize,
    fields: impl ExactSizeIterator<Item = &'a FieldRef>,
    what: &str,
) -> Result<(), CallError> {
    lowered.clear();
    if columns.len() != fields.len() {
        let message = format!("{} columns given, {} are {what} columns of the plan", columns.len(), fields.len());
        return Err(CallError::Arguments(message));
    }
    for (column, field) in columns.iter().zip(fields) {
        if column.data_type() != field.data_type() {
            let (is, should) = (column.data_type(), field.data_type());
            return Err(CallError::Arguments(format!("column {:?} is {is}, not {should}", field.name())));
        }
        push(lowered, column, rows)?;
    }
    Ok(())
}

fn push(lowered: &mut LoweredColumns, column: &ArrayRef, rows: usize) -> Result<(), CallError> {
    if column.len() != rows {
        return Err(CallError::Arguments(format!("a column has {} values, not {rows}", column.len())));
    }
    lowered.push(column.as_ref()).map_err(|error| CallError::Arguments(error.to_string()))
}

/// Lowers states, and gives the bits that say which are present.
fn lower_states(lowered: &mut LoweredColumns, states: &States, plan: &Plan) -> Result<Vec<u8>, CallError> {
    if states.present.as_ref().is_some_and(|present| present.len() != states.keys) {
        return Err(CallError::Arguments(format!("presence is not said of all {} keys", states.keys)));
    }
    match &plan.state {
        Some(layout) => {
            lower_columns(lowered, &states.columns, states.keys, layout.schema.fields().iter(), "state")?;
        }
        None => lower_columns(lowered, &states.columns, states.keys, std::iter::empty(), "state")?,
    }
    Ok(present(states))
}

fn present(states: &States) -> Vec<u8> {
    let some_absent = |present: &&BooleanBuffer| present.count_set_bits() < present.len();
    states.present.as_ref().filter(some_absent).map(|present| present.sliced().to_vec()).unwrap_or_default()
}

fn accumulators_of(plan: &Plan, keys: usize, columns: Vec<from_guest::Array>) -> Result<Vec<ArrayRef>, CallError> {
    let fields = plan.state.as_ref().map(|state| state.schema.fields().clone()).unwrap_or_default();
    lift::columns(&fields, keys, columns).map_err(CallError::InvalidOutput)
}

fn check_indices(indices: &[u32], rows: usize, keys: usize, what: &str) -> Result<(), CallError> {
    let greatest = indices.iter().fold(0, |greatest, &index| greatest.max(index));
    if indices.len() != rows || (rows > 0 && greatest as usize >= keys) {
        let message = format!("{what}: {} indices up to {greatest} for {rows} rows of {keys} keys", indices.len());
        return Err(CallError::Arguments(message));
    }
    Ok(())
}
