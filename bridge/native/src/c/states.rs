//! What operators with keys have beside rows: key groups, states that the caller keeps, and times.

use arrow::array::Array;
use arrow::ffi::{FFI_ArrowArray, FFI_ArrowSchema, to_ffi};

use super::{FAILED, OPERATORS, call, rows_of};

/// Of a time that goes in: there is none. Of one that comes out, the opposite is.
const NO_TIME: i64 = i64::MIN;
const NEVER: i64 = i64::MAX;

/// The key group of each row; 0, if that succeeded.
///
/// # Safety
/// `rows` and `columns` point to a struct array and its schema; `groups` and `data_type` have room for an array and its schema.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn weir_operator_groups(
    operator: i64,
    rows: *mut FFI_ArrowArray,
    columns: *mut FFI_ArrowSchema,
    groups: *mut FFI_ArrowArray,
    data_type: *mut FFI_ArrowSchema,
) -> i64 {
    call(FAILED, || {
        // SAFETY: the caller says so.
        let rows = unsafe { rows_of(rows, columns) }?;
        if groups.is_null() || data_type.is_null() {
            return Err("there is no room for groups, or for their type".to_owned());
        }
        let found = OPERATORS.with(operator, |operator| operator.operator.groups(&rows))?;
        let found = found.map_err(|error| error.whole())?;
        let (array, schema) = to_ffi(&found.to_data()).map_err(|error| error.to_string())?;
        // SAFETY: the caller says that there is room.
        unsafe {
            groups.write(array);
            data_type.write(schema);
        }
        Ok(0)
    })
}

/// Begins with a state; 0, if that succeeded.
///
/// # Safety
/// `state` is null, or points to as many bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn weir_operator_begin(operator: i64, state: *const u8, bytes: usize, now: i64) -> i64 {
    call(FAILED, || {
        // SAFETY: the caller says so, and it is not null.
        let state = (!state.is_null()).then(|| unsafe { std::slice::from_raw_parts(state, bytes) }.to_vec());
        OPERATORS.with(operator, |operator| {
            operator.emitted.clear();
            let begun = operator.operator.begin(state, (now != NO_TIME).then_some(now));
            begun.map(|()| 0).map_err(|error| error.whole())
        })?
    })
}

/// Time has passed; how many batches there are to be taken.
#[unsafe(no_mangle)]
pub extern "C" fn weir_operator_advance(operator: i64, watermark: i64) -> i64 {
    call(FAILED, || {
        OPERATORS.with(operator, |operator| {
            let emitted = match watermark {
                NO_TIME => operator.operator.on_clock(),
                watermark => operator.operator.advance_to(watermark),
            };
            operator.emit(emitted)
        })?
    })
}

/// Nothing follows; how many batches there are to be taken.
#[unsafe(no_mangle)]
pub extern "C" fn weir_operator_end(operator: i64) -> i64 {
    call(FAILED, || {
        OPERATORS.with(operator, |operator| {
            let emitted = operator.operator.end();
            operator.emit(emitted)
        })?
    })
}

/// The bytes of its state, which are there until it is called again.
///
/// # Safety
/// `state` has room for an address.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn weir_operator_state(operator: i64, state: *mut *const u8) -> i64 {
    call(FAILED, || {
        if state.is_null() {
            return Err("there is no room for an address".to_owned());
        }
        OPERATORS.with(operator, |operator| {
            operator.state = operator.operator.kept().map_err(|error| error.whole())?.unwrap_or_default();
            // SAFETY: the caller says that there is room.
            unsafe { state.write(operator.state.as_ptr()) };
            Ok(operator.state.len() as i64)
        })?
    })
}

/// When it is to be called although no rows come; 0, if that succeeded.
///
/// # Safety
/// Both have room for a number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn weir_operator_due(operator: i64, watermark: *mut i64, clock: *mut i64) -> i64 {
    call(FAILED, || {
        if watermark.is_null() || clock.is_null() {
            return Err("there is no room for times".to_owned());
        }
        let due = OPERATORS.with(operator, |operator| operator.operator.due())?;
        // SAFETY: the caller says that there is room.
        unsafe {
            watermark.write(due.watermark.unwrap_or(NEVER));
            clock.write(due.clock.unwrap_or(NEVER));
        }
        Ok(0)
    })
}
