//! The door for C, and for all that calls C, such as Python: operators over batches in the C data interface of Arrow.
//!
//! ```c
//! int64_t     weir_operator_open(const uint8_t *component, size_t bytes, const char *options, struct ArrowSchema *columns);
//! int64_t     weir_operator_outputs(int64_t operator);                    // how many there are
//! const char *weir_operator_output(int64_t operator, int64_t output, struct ArrowSchema *columns);  // its name, and its columns
//! int64_t     weir_operator_process(int64_t operator, struct ArrowArray *rows, struct ArrowSchema *columns);
//! int64_t     weir_operator_next(int64_t operator, struct ArrowArray *rows, struct ArrowSchema *columns);
//! int64_t     weir_operator_groups(int64_t operator, struct ArrowArray *rows, struct ArrowSchema *columns, struct ArrowArray *groups,
//!                                  struct ArrowSchema *type);             // int32, one per row
//! int64_t     weir_operator_begin(int64_t operator, const uint8_t *state, size_t bytes, int64_t now);  // state null: none
//! int64_t     weir_operator_advance(int64_t operator, int64_t watermark); // as process
//! int64_t     weir_operator_end(int64_t operator);                        // as process
//! int64_t     weir_operator_state(int64_t operator, const uint8_t **state); // how many bytes; 0: there is none
//! int64_t     weir_operator_due(int64_t operator, int64_t *watermark, int64_t *clock); // INT64_MAX: never
//! void        weir_operator_close(int64_t operator);
//! const char *weir_error(void);
//! ```
//!
//! `options` is a JSON object: `weir_embed::batch_operator::OperatorOptions`. `open` gives a number above 0; `process` how many batches are to be
//! taken with `next`, which gives the number of the output of each. Whatever is below 0 (or null) is a failure, and `weir_error` says which,
//! to the same thread until its next call. All times are microseconds since 1970. Of an operator with keys the caller keeps the states, by key
//! group: `begin` with what `state` gave, then rows and times, then `state`; those bytes are there until the operator is called again. A `now` of
//! INT64_MIN is the clock of the machine, a `watermark` of INT64_MIN is none. Arrays and schemas that come in are released by the library, those
//! that go out by the caller. An operator is called by one thread at a time; others wait.

pub mod states;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::ffi::{CStr, CString, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::array::{Array, RecordBatch, StructArray};
use arrow::datatypes::{Schema, SchemaRef};
use arrow::ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi, to_ffi};
use weir_embed::batch_operator::OperatorOptions;
use weir_embed::{BatchOperator, EmbedError};

use crate::handles::Handles;
use crate::{panics, stack};

/// An operator, the batches that it has emitted and the caller has not taken yet, and the names of its outputs as C strings.
struct COperator {
    operator: BatchOperator,
    emitted: VecDeque<(usize, RecordBatch)>,
    names: Vec<CString>,
    /// What the caller reads of its state.
    state: Vec<u8>,
}

impl COperator {
    /// Keeps what a call has emitted for the caller to take; how many batches there are.
    fn emit(&mut self, emitted: Result<Vec<(usize, RecordBatch)>, EmbedError>) -> Result<i64, String> {
        self.emitted.clear();
        self.emitted.extend(emitted.map_err(|error| error.whole())?);
        Ok(self.emitted.len() as i64)
    }
}

static OPERATORS: Handles<COperator> = Handles::new("operator");

thread_local! {
    static ERROR: RefCell<CString> = RefCell::default();
}

/// What `open` and the others give instead of a number.
const FAILED: i64 = -1;

fn failed(reason: &str) {
    let reason = CString::new(reason.replace('\0', " ")).unwrap_or_default();
    ERROR.with(|error| *error.borrow_mut() = reason);
}

/// Runs a call with enough stack; nothing unwinds into C.
fn call<T>(otherwise: T, run: impl FnOnce() -> Result<T, String>) -> T {
    let outcome = catch_unwind(AssertUnwindSafe(|| stack::check().and_then(|()| run())));
    let reason = match outcome {
        Ok(Ok(value)) => return value,
        Ok(Err(reason)) => reason,
        Err(panic) => panics::reason(&*panic),
    };
    failed(&reason);
    otherwise
}

/// Takes a schema out of C's hands.
///
/// # Safety
/// `schema` is null or points to one.
unsafe fn schema_of(schema: *mut FFI_ArrowSchema) -> Result<SchemaRef, String> {
    if schema.is_null() {
        return Err("there is no schema".to_owned());
    }
    // SAFETY: it is not null.
    let schema = unsafe { FFI_ArrowSchema::from_raw(schema) };
    Schema::try_from(&schema).map(Arc::new).map_err(|error| error.to_string())
}

/// Takes rows out of C's hands.
///
/// # Safety
/// Each is null, or they point to a struct array and its schema.
unsafe fn rows_of(rows: *mut FFI_ArrowArray, columns: *mut FFI_ArrowSchema) -> Result<RecordBatch, String> {
    // SAFETY: the caller says so. Both are the library's whatever happens.
    let (rows, columns) = unsafe {
        (
            (!rows.is_null()).then(|| FFI_ArrowArray::from_raw(rows)),
            (!columns.is_null()).then(|| FFI_ArrowSchema::from_raw(columns)),
        )
    };
    let (Some(rows), Some(columns)) = (rows, columns) else {
        return Err("there are no rows, or no schema".to_owned());
    };
    // SAFETY: an array and its own schema, as the caller says.
    let data = unsafe { from_ffi(rows, &columns) }.map_err(|error| error.to_string())?;
    let rows = StructArray::from(data);
    match rows.null_count() {
        0 => Ok(RecordBatch::from(rows)),
        _ => Err("a row as a whole is null".to_owned()),
    }
}

/// Opens an operator; its number.
///
/// # Safety
/// `component` points to as many bytes, `options` to text that ends in a zero, `columns` to a schema.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn weir_operator_open(
    component: *const u8,
    bytes: usize,
    options: *const c_char,
    columns: *mut FFI_ArrowSchema,
) -> i64 {
    // SAFETY: the caller says so. It is the library's whatever happens.
    let columns = unsafe { schema_of(columns) };
    call(FAILED, || {
        let columns = columns?;
        if component.is_null() || options.is_null() {
            return Err("there is no component, or there are no options".to_owned());
        }
        // SAFETY: the caller says so, and neither is null.
        let (component, options) =
            unsafe { (std::slice::from_raw_parts(component, bytes), CStr::from_ptr(options).to_bytes()) };
        let options = OperatorOptions::parse(options).map_err(|error| error.whole())?;
        let operator = BatchOperator::open(component, &options, &columns).map_err(|error| error.whole())?;
        let names = operator.outputs().iter().map(|(name, _)| CString::new(name.as_str()).unwrap_or_default());
        let names = names.collect();
        Ok(OPERATORS.keep(COperator { operator, emitted: VecDeque::new(), names, state: Vec::new() }))
    })
}

/// How many outputs an operator has.
#[unsafe(no_mangle)]
pub extern "C" fn weir_operator_outputs(operator: i64) -> i64 {
    call(FAILED, || OPERATORS.with(operator, |operator| operator.names.len() as i64))
}

/// The name of an output, which is there until the operator is closed, and its columns.
///
/// # Safety
/// `columns` is null, or has room for a schema.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn weir_operator_output(
    operator: i64,
    output: i64,
    columns: *mut FFI_ArrowSchema,
) -> *const c_char {
    call(std::ptr::null(), || {
        OPERATORS.with(operator, |operator| {
            let at = usize::try_from(output).ok().filter(|at| *at < operator.names.len());
            let at = at.ok_or_else(|| format!("there is no output {output}"))?;
            if !columns.is_null() {
                let schema = operator.operator.outputs()[at].1.as_ref();
                let schema = FFI_ArrowSchema::try_from(schema).map_err(|error| error.to_string())?;
                // SAFETY: the caller says that there is room.
                unsafe { columns.write(schema) };
            }
            Ok(operator.names[at].as_ptr())
        })?
    })
}

/// Processes rows; how many batches there are to be taken.
///
/// # Safety
/// `rows` and `columns` point to a struct array and its schema.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn weir_operator_process(
    operator: i64,
    rows: *mut FFI_ArrowArray,
    columns: *mut FFI_ArrowSchema,
) -> i64 {
    call(FAILED, || {
        // SAFETY: the caller says so.
        let rows = unsafe { rows_of(rows, columns) }?;
        OPERATORS.with(operator, |operator| {
            let emitted = operator.operator.process(&rows);
            operator.emit(emitted)
        })?
    })
}

/// The next batch that the last rows have led to, and the number of its output.
///
/// # Safety
/// `rows` and `columns` have room for an array and its schema.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn weir_operator_next(
    operator: i64,
    rows: *mut FFI_ArrowArray,
    columns: *mut FFI_ArrowSchema,
) -> i64 {
    call(FAILED, || {
        if rows.is_null() || columns.is_null() {
            return Err("there is no room for rows, or for their schema".to_owned());
        }
        OPERATORS.with(operator, |operator| {
            let (output, batch) = operator.emitted.pop_front().ok_or("there are no more rows")?;
            let (array, schema) = to_ffi(&StructArray::from(batch).into()).map_err(|error| error.to_string())?;
            // SAFETY: the caller says that there is room.
            unsafe {
                rows.write(array);
                columns.write(schema);
            }
            Ok(output as i64)
        })?
    })
}

/// Lets an operator go.
#[unsafe(no_mangle)]
pub extern "C" fn weir_operator_close(operator: i64) {
    // On any stack: nothing of a guest runs.
    let _ = catch_unwind(|| OPERATORS.drop(operator));
}

/// Why the last call of this thread failed; there until its next one.
#[unsafe(no_mangle)]
pub extern "C" fn weir_error() -> *const c_char {
    ERROR.with(|error| error.borrow().as_ptr())
}
