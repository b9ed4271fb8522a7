//! Deltas that a guest made, checked against the plan and the call that they answer.

use arrow::array::{Array, ArrayRef};
use arrow::buffer::{BooleanBuffer, ScalarBuffer};
use arrow::datatypes::Fields;
use weir_core::limits::OperatorLimits;
use weir_core::time::{CALENDAR, EVENT_TIMES_US, first_outside_calendar};

use crate::abi::{self, List, PointerPair, from_guest};
use crate::call::{States, TimeDomain, Timers};
use crate::call_error::{CallError, cut_reason};
use crate::delta::{Delta, KeyedDelta, MapChanges, RejectedRow, Selection, TransformDelta};
use crate::lift;
use crate::plan::{MapLayout, OutputPlan, Plan};

/// The answer of a transform to a call with `rows` rows.
pub(crate) fn transform(
    plan: &Plan,
    limits: &OperatorLimits,
    rows: usize,
    given: from_guest::TransformDelta,
) -> Result<TransformDelta, CallError> {
    let rejected = rejected(given.rejected, rows).map_err(CallError::InvalidOutput)?;
    Ok(TransformDelta { outputs: deltas(plan, limits, rows, &rejected, given.outputs)?, rejected })
}

/// One delta per output of a call with `rows` rows (or timers), of which some were refused.
fn deltas(
    plan: &Plan,
    limits: &OperatorLimits,
    rows: usize,
    rejected: &[RejectedRow],
    PointerPair(given): List<from_guest::Delta>,
) -> Result<Vec<Delta>, CallError> {
    if given.len() != plan.outputs.len() {
        let message = format!("{} deltas where the plan has {} outputs", given.len(), plan.outputs.len());
        return Err(CallError::InvalidOutput(message));
    }
    let mut deltas = Vec::with_capacity(given.len());
    let mut rows_out = 0_usize;
    for (output, given) in plan.outputs.iter().zip(given) {
        let invalid = |message| CallError::InvalidOutput(format!("output {:?}: {message}", output.name));
        let selection = selection(given.rows, rows, "rows").map_err(invalid)?;
        check_without(&selection, rows, rejected).map_err(invalid)?;
        rows_out = rows_out.saturating_add(selection.len(rows));
        // Before the columns are looked at: they are as long as the rows are many.
        if rows_out > rows.saturating_mul(limits.output_rows_per_row as usize) {
            return Err(CallError::OutputRows { rows_in: rows, rows_out, limit: limits.output_rows_per_row });
        }
        deltas.push(
            delta(output, selection, rows, given.computed.0, given.event_times.0, &given.row_kinds.0)
                .map_err(invalid)?,
        );
    }
    Ok(deltas)
}

fn delta(
    output: &OutputPlan,
    selection: Selection,
    rows: usize,
    computed: Vec<from_guest::Array>,
    event_times: Vec<u8>,
    row_kinds: &[u8],
) -> Result<Delta, String> {
    let rows_out = selection.len(rows);
    let computed = lift::columns(&output.computed, rows_out, computed)?;
    for (field, column) in output.computed.iter().zip(&computed) {
        if let Some(row) = first_outside_calendar(column) {
            let name = field.name();
            return Err(format!("column {name:?}: row {row} has a date or a time outside of {CALENDAR}"));
        }
    }
    let event_times: Option<ScalarBuffer<i64>> = match event_times.is_empty() {
        true => None,
        false => Some(lift::scalars(event_times, rows_out, "event times")?),
    };
    if let Some(time) = event_times.iter().flat_map(|times| times.iter()).find(|time| !EVENT_TIMES_US.contains(time)) {
        return Err(format!("an event time of {time} microseconds, outside of what windows can be made of"));
    }
    if !row_kinds.is_empty() && (row_kinds.len() != rows_out || row_kinds.iter().any(|&kind| kind != 0)) {
        return Err("row kinds other than insert: streams hold inserts only so far".into());
    }
    Ok(Delta { selection, computed, event_times })
}

/// The answer of a keyed operator to a call with `rows` rows (or timers) of `keys` distinct keys.
pub(crate) fn keyed(
    plan: &Plan,
    limits: &OperatorLimits,
    rows: usize,
    keys: usize,
    given: from_guest::KeyedDelta,
) -> Result<KeyedDelta, CallError> {
    let rejected = rejected(given.rejected, rows).map_err(CallError::InvalidOutput)?;
    let outputs = deltas(plan, limits, rows, &rejected, given.outputs)?;
    let changed = selection(given.changed, keys, "changed keys").map_err(CallError::InvalidOutput)?;
    check_distinct(&changed, keys).map_err(CallError::InvalidOutput)?;
    let states = states(plan, changed.len(keys), given.states).map_err(CallError::InvalidOutput)?;
    let maps = map_changes(&plan.maps, keys, given.maps).map_err(CallError::InvalidOutput)?;
    let timers = |PointerPair(given): List<from_guest::Timers>| {
        given.into_iter().map(|timers| self::timers(timers, keys)).collect::<Result<_, _>>()
    };
    let register = timers(given.timers.add).map_err(CallError::InvalidOutput)?;
    let delete = timers(given.timers.remove).map_err(CallError::InvalidOutput)?;
    Ok(KeyedDelta { outputs, rejected, changed, states, maps, register, delete })
}

fn states(plan: &Plan, changed: usize, given: from_guest::States) -> Result<States, String> {
    let Some(layout) = &plan.state else {
        if changed > 0 || given.keys > 0 || !given.columns.0.is_empty() {
            return Err("states, but the plan keeps none".into());
        }
        return Ok(States { keys: 0, present: None, columns: Vec::new() });
    };
    if given.keys as usize != changed {
        return Err(format!("{} states for {changed} changed keys", given.keys));
    }
    let present = lift::bits(given.present.0, changed, "presence bits")?;
    let columns = state_columns(layout.schema.fields(), changed, present.as_ref(), given.columns.0)?;
    Ok(States { keys: changed, present, columns })
}

/// Columns of states. Where a key is not present even a column without nulls holds one.
pub(crate) fn state_columns(
    fields: &Fields,
    keys: usize,
    present: Option<&BooleanBuffer>,
    given: Vec<from_guest::Array>,
) -> Result<Vec<ArrayRef>, String> {
    columns_where_present(fields, keys, present, given).map_err(|message| format!("states: {message}"))
}

/// Columns that are null in rows that are not present, and only there, if they are without nulls.
fn columns_where_present(
    fields: &Fields,
    rows: usize,
    present: Option<&BooleanBuffer>,
    given: Vec<from_guest::Array>,
) -> Result<Vec<ArrayRef>, String> {
    let nullable: Fields = fields.iter().map(|field| field.as_ref().clone().with_nullable(true)).collect();
    let columns = lift::columns(&nullable, rows, given)?;
    for (field, column) in fields.iter().zip(&columns).filter(|(field, _)| !field.is_nullable()) {
        let Some(nulls) = column.nulls() else { continue };
        let absent = |row: usize| present.is_some_and(|present| !present.value(row));
        if let Some(row) = (0..rows).find(|&row| nulls.is_null(row) && !absent(row)) {
            return Err(format!("column {:?} without nulls is null at {row}", field.name()));
        }
    }
    Ok(columns)
}

/// Changes to maps of a call with `keys` distinct keys.
fn map_changes(
    maps: &[MapLayout],
    keys: usize,
    PointerPair(given): List<from_guest::MapChanges>,
) -> Result<Vec<MapChanges>, String> {
    let mut seen = vec![false; maps.len()];
    let mut changes = Vec::new();
    for given in given {
        let map = given.map_index as usize;
        let (Some(layout), Some(seen)) = (maps.get(map), seen.get_mut(map)) else {
            return Err(format!("changes to map {map}, and the plan has {} maps", maps.len()));
        };
        if std::mem::replace(seen, true) {
            return Err(format!("two lists of changes to the map {:?}", layout.name));
        }
        changes.push(changes_of_map(map, layout, keys, given).map_err(|e| format!("map {:?}: {e}", layout.name))?);
    }
    Ok(changes)
}

fn changes_of_map(
    map: usize,
    layout: &MapLayout,
    keys: usize,
    given: from_guest::MapChanges,
) -> Result<MapChanges, String> {
    let of_keys = lift::indices(given.keys.0, keys, "keys of changes")?;
    let count = of_keys.len();
    let entry_keys = lift::columns(layout.key.fields(), count, given.entry_keys.0)?;
    let present = lift::bits(given.present.0, count, "presence bits")?;
    let values = columns_where_present(layout.value.fields(), count, present.as_ref(), given.values.0)?;
    Ok(MapChanges { map, keys: of_keys, entry_keys, present, values })
}

fn timers(given: from_guest::Timers, keys: usize) -> Result<Timers, String> {
    let (PointerPair(of_keys), PointerPair(times)) = (given.keys, given.times);
    let count = times.len() / size_of::<i64>();
    if !times.len().is_multiple_of(size_of::<i64>()) || of_keys.len() != count * size_of::<u32>() {
        return Err(format!("timers: {} bytes of keys and {} of times", of_keys.len(), times.len()));
    }
    let of_keys: ScalarBuffer<u32> = lift::scalars(of_keys, count, "timer keys")?;
    lift::check_indices(&of_keys, keys, "timer keys")?;
    let domain = match given.domain {
        abi::TimeDomain::EventTime => TimeDomain::EventTime,
        abi::TimeDomain::ProcessingTime => TimeDomain::ProcessingTime,
    };
    Ok(Timers { domain, keys: of_keys, times: lift::scalars(times, count, "timer times")? })
}

fn selection(given: from_guest::Selection, of: usize, what: &str) -> Result<Selection, String> {
    Ok(match given {
        from_guest::Selection::All => Selection::All,
        from_guest::Selection::Empty => Selection::None,
        from_guest::Selection::Indices(PointerPair(bytes)) => Selection::Rows(lift::indices(bytes, of, what)?),
    })
}

/// The refused rows of a call with `rows` rows, in ascending order.
pub(crate) fn rejected(
    PointerPair(given): List<from_guest::RowFailure>,
    rows: usize,
) -> Result<Vec<RejectedRow>, String> {
    let row = |from_guest::RowFailure { row, reason: PointerPair(reason) }| match row as usize {
        row if row < rows => Ok(RejectedRow { row, reason: cut_reason(reason) }),
        row => Err(format!("it refuses row {row} of {rows}: {}", cut_reason(reason))),
    };
    let mut rejected = given.into_iter().map(row).collect::<Result<Vec<_>, _>>()?;
    rejected.sort_by_key(|rejected| rejected.row);
    match rejected.iter().zip(rejected.iter().skip(1)).find(|(a, b)| a.row == b.row) {
        Some((twice, _)) => Err(format!("it refuses row {} twice", twice.row)),
        None => Ok(rejected),
    }
}

/// That no selected row was refused.
fn check_without(selection: &Selection, rows: usize, rejected: &[RejectedRow]) -> Result<(), String> {
    let Some(first) = rejected.first() else { return Ok(()) };
    let row = match selection {
        Selection::None => None,
        Selection::All => Some(first.row),
        Selection::Rows(indices) => {
            let mut refused = vec![false; rows];
            rejected.iter().for_each(|rejected| refused[rejected.row] = true);
            indices.iter().map(|&row| row as usize).find(|&row| refused[row])
        }
    };
    row.map_or(Ok(()), |row| Err(format!("it has a row that comes from row {row}, which the operator refuses")))
}

/// Each key at most once. Ascending indices, the common case, need no memory.
fn check_distinct(changed: &Selection, keys: usize) -> Result<(), String> {
    let Selection::Rows(indices) = changed else { return Ok(()) };
    if indices.iter().zip(indices.iter().skip(1)).all(|(a, b)| a < b) {
        return Ok(());
    }
    let mut seen = vec![false; keys];
    for &index in indices {
        if std::mem::replace(&mut seen[index as usize], true) {
            return Err(format!("key {index} is changed twice in one call"));
        }
    }
    Ok(())
}
