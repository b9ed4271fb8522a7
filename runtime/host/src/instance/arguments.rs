//! Arguments of calls: columns held to the plan, and lowered. What does not fit is the caller's fault, and said so.

use arrow::array::{Array, ArrayRef};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{FieldRef, ToByteSlice};

use crate::abi::to_guest;
use crate::call::{Rows, States};
use crate::call_error::CallError;
use crate::lower::{LoweredColumns, count};
use crate::plan::{Plan, World};

/// The argument for rows whose columns are lowered already.
pub(super) fn batch<'a>(
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

/// Lowers rows of an input, held to the fields that the plan reads of it.
pub(super) fn lower_rows(
    lowered: &mut LoweredColumns,
    rows: &Rows<'_>,
    reads: &[Vec<FieldRef>],
    input: usize,
) -> Result<(), CallError> {
    let fields = reads.get(input).ok_or_else(|| CallError::Arguments(format!("there is no input {input}")))?;
    lower_columns(lowered, rows.columns, rows.rows, fields.iter(), "read")
}

/// Lowers columns of `rows` values each, held to fields.
pub(super) fn lower_columns<'a>(
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
pub(super) fn lower_states(lowered: &mut LoweredColumns, states: &States, plan: &Plan) -> Result<Vec<u8>, CallError> {
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

pub(super) fn present(states: &States) -> Vec<u8> {
    let some_absent = |present: &&BooleanBuffer| present.count_set_bits() < present.len();
    states.present.as_ref().filter(some_absent).map(|present| present.sliced().to_vec()).unwrap_or_default()
}

pub(super) fn check_indices(indices: &[u32], rows: usize, keys: usize, what: &str) -> Result<(), CallError> {
    let greatest = indices.iter().fold(0, |greatest, &index| greatest.max(index));
    if indices.len() != rows || (rows > 0 && greatest as usize >= keys) {
        let message = format!("{what}: {} indices up to {greatest} for {rows} rows of {keys} keys", indices.len());
        return Err(CallError::Arguments(message));
    }
    Ok(())
}

/// The function that was called is none of this operator's.
pub(super) fn wrong_world(called: World) -> CallError {
    CallError::Arguments(format!("it is no {called}"))
}
