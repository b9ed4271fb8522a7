//! What snapshots of windows hold: accumulators as columns, cut by key group; how far the operator is, which decides what is
//! late; and, if it was frozen between two parts of its output, what it still has to emit.
//!
//! | table | rows | if |
//! |---|---|---|
//! | `progress` | one: the watermark | always |
//! | `panes`, `sessions` | accumulators; a last column `emitted_until`: up to when the row's results have been emitted | always; the column only between two parts of a firing, without it all results up to the watermark have been |
//! | `emitted_keys` | keys whose results have been emitted further than their rows say | between two parts of a firing |
//! | `refiring_rows` | rows whose windows are still to fire again | between two parts of a batch of late rows |

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type, Schema, SchemaRef};
use weir_core::column_type::columns_text;
use weir_core::key_group::hash_keys;
use weir_core::time::WATERMARK_MIN;
use weir_core::window::WindowAssigner;
use weir_state::FrozenKeys;
use weir_state::key_groups::GroupTables;

use super::frozen_groups::FrozenGroups;
use crate::dataflow::operator::{OperatorError, Snapshot, StateTable};

const PROGRESS: &str = "progress";
const WATERMARK: &str = "watermark";
const INGESTED_AT: &str = "ingested_at";
const EMITTED_UNTIL: &str = "emitted_until";
const EMITTED_KEYS: &str = "emitted_keys";
const REFIRING_ROWS: &str = "refiring_rows";
/// The window that the state is of: accumulators say nothing of their window's length.
const WINDOW: &str = "window";

/// How far a window operator is.
#[derive(Clone, Copy, Debug)]
pub(super) struct WindowProgress {
    /// The last watermark.
    pub(super) watermark: i64,
    /// Of the youngest batch that it took; least: it has taken none.
    pub(super) ingested_at: i64,
}

impl WindowProgress {
    pub(super) const NONE: Self = Self { watermark: WATERMARK_MIN, ingested_at: i64::MIN };
}

/// What is still to be emitted, if the state is frozen between two parts of it.
#[derive(Default)]
pub(super) struct Unemitted {
    /// Results of a watermark are: up to when those of panes have been emitted.
    pub(super) until: Option<i64>,
    /// Keys of which more has been emitted than that.
    pub(super) keys: Vec<EmittedRows>,
    /// Rows whose windows are to fire again: the columns of the rows as they came in, and those of [`refiring_fields`].
    pub(super) refiring: Option<RecordBatch>,
}

/// Keys, and up to when the results of each have been emitted.
pub(super) struct EmittedRows {
    pub(super) keys: FrozenKeys,
    pub(super) slots: Vec<u32>,
    /// By slot.
    pub(super) until: Box<dyn Fn(u32) -> i64 + Send>,
}

/// The tables of a snapshot that are not progress, checked.
#[derive(Default)]
pub(super) struct Restored {
    /// Accumulators, and up to when the results of each row have been emitted; `None`: up to the watermark.
    pub(super) groups: Vec<(RecordBatch, Option<ArrayRef>)>,
    /// The key columns, and up to when.
    pub(super) emitted_keys: Vec<RecordBatch>,
    /// As [`Unemitted::refiring`].
    pub(super) refiring: Vec<RecordBatch>,
}

/// What is kept of a row whose windows fire again, after its own columns.
pub(super) fn refiring_fields() -> [FieldRef; 2] {
    let field = |name: &str, nullable| Arc::new(Field::new(name, DataType::Int64, nullable));
    // Null: the row has not been added to its window yet.
    [field("weir.event_time", false), field("weir.emitted_until", true)]
}

/// The columns of one kind of state: keys, bounds as int64, accumulators.
#[derive(Clone)]
pub(super) struct StateLayout {
    pub(super) name: &'static str,
    pub(super) keys: usize,
    pub(super) schema: SchemaRef,
    window: String,
}

impl StateLayout {
    pub(super) fn new(
        name: &'static str,
        window: &WindowAssigner,
        keys: &[FieldRef],
        bounds: &[&str],
        state: Vec<FieldRef>,
    ) -> Self {
        let nullable = |f: &FieldRef| Arc::new(Field::clone(f).with_nullable(true));
        let bounds = bounds.iter().map(|b| Arc::new(Field::new(*b, DataType::Int64, false)));
        let fields: Vec<FieldRef> = keys.iter().map(nullable).chain(bounds).chain(state).collect();
        Self { name, keys: keys.len(), schema: Arc::new(Schema::new(fields)), window: described(window) }
    }

    /// The rows of each key group, the progress, and what is still to be emitted. `row_keys`: where the key columns of
    /// refiring rows are.
    pub(super) fn snapshot(
        &self,
        parts: &[FrozenGroups],
        progress: WindowProgress,
        unemitted: Unemitted,
        row_keys: &[usize],
        key_groups: u32,
    ) -> Result<Snapshot, OperatorError> {
        let schema = match unemitted.until {
            Some(_) => self.with_emitted_until(),
            None => self.schema.clone(),
        };
        let mut tables = vec![progress.table(&self.window)?];
        let mut groups = GroupTables::new(schema.clone(), key_groups);
        for part in parts {
            let slots = part.slots();
            let columns =
                |rows: &[u32]| Ok(RecordBatch::try_new(schema.clone(), part.columns(rows, unemitted.until)?)?);
            groups.add(slots.len(), |rows| Ok::<_, OperatorError>(part.keys.hashes(&slots[rows])?), columns)?;
        }
        tables.extend(named(self.name, groups)?);
        let schema = self.emitted_keys();
        let mut keys = GroupTables::new(schema.clone(), key_groups);
        for EmittedRows { keys: of, slots, until } in &unemitted.keys {
            let columns = |rows: &[u32]| {
                let slots: Vec<u32> = rows.iter().map(|row| slots[*row as usize]).collect();
                let mut columns = of.keys(&slots)?;
                columns.push(Arc::new(Int64Array::from_iter_values(slots.iter().map(|slot| until(*slot)))));
                Ok(RecordBatch::try_new(schema.clone(), columns)?)
            };
            keys.add(slots.len(), |rows| Ok::<_, OperatorError>(of.hashes(&slots[rows])?), columns)?;
        }
        tables.extend(named(EMITTED_KEYS, keys)?);
        if let Some(rows) = unemitted.refiring {
            let keys: Vec<ArrayRef> = row_keys.iter().map(|key| rows.column(*key).clone()).collect();
            let mut hashes = Vec::new();
            hash_keys(&keys, rows.num_rows(), &mut hashes)?;
            let mut of_rows = GroupTables::new(rows.schema(), key_groups);
            let columns = |of: &[u32]| Ok(take_record_batch(&rows, &UInt32Array::from(of.to_vec()))?);
            of_rows.add(rows.num_rows(), |range| Ok::<_, OperatorError>(hashes[range].to_vec()), columns)?;
            tables.extend(named(REFIRING_ROWS, of_rows)?);
        }
        Ok(Snapshot { tables, ..Snapshot::default() })
    }

    /// The progress in a snapshot, and its other tables, checked. `input`: the columns of the rows that come in.
    pub(super) fn restore(
        &self,
        snapshot: Snapshot,
        input: &SchemaRef,
    ) -> Result<(WindowProgress, Restored), OperatorError> {
        let (mut progress, mut restored) = (Vec::new(), Restored::default());
        let (with_emitted_until, emitted_keys) = (self.with_emitted_until(), self.emitted_keys());
        let refiring = with_fields(input, &refiring_fields());
        for StateTable { name, rows, .. } in snapshot.tables {
            let found = rows.schema();
            if name == PROGRESS {
                progress.push(WindowProgress::read(&rows, &self.window)?);
            } else if name == self.name && same_types(&found, &self.schema) {
                restored.groups.push((rows, None));
            } else if name == self.name && same_types(&found, &with_emitted_until) {
                let until = rows.columns().last().cloned();
                restored.groups.push((rows, until));
            } else if name == EMITTED_KEYS && same_types(&found, &emitted_keys) {
                restored.emitted_keys.push(rows);
            } else if name == REFIRING_ROWS && same_types(&found, &refiring) {
                restored.refiring.push(rows);
            } else {
                let (kept, expected) = match name.as_str() {
                    EMITTED_KEYS => (EMITTED_KEYS, &emitted_keys),
                    REFIRING_ROWS => (REFIRING_ROWS, &refiring),
                    _ => (self.name, &self.schema),
                };
                let (found, expected) = (columns_text(&found), columns_text(expected));
                let message = format!("it has {name} of {found}, the window keeps {kept} of {expected}");
                return Err(OperatorError::Restore(message));
            }
        }
        // Subtasks that saw the same barrier have the same watermark; if not, nothing is called late too early.
        let watermark = progress.iter().map(|p| p.watermark).min().unwrap_or(WindowProgress::NONE.watermark);
        let ingested_at = progress.iter().map(|p| p.ingested_at).max().unwrap_or(WindowProgress::NONE.ingested_at);
        Ok((WindowProgress { watermark, ingested_at }, restored))
    }

    fn with_emitted_until(&self) -> SchemaRef {
        with_fields(&self.schema, &[Arc::new(Field::new(EMITTED_UNTIL, DataType::Int64, false))])
    }

    /// The key columns and an instant.
    fn emitted_keys(&self) -> SchemaRef {
        let mut fields = self.schema.fields()[..self.keys].to_vec();
        fields.push(Arc::new(Field::new(EMITTED_UNTIL, DataType::Int64, false)));
        Arc::new(Schema::new(fields))
    }
}

/// The tables of each key group under one name.
fn named(name: &str, tables: GroupTables) -> Result<impl Iterator<Item = StateTable> + use<'_>, OperatorError> {
    let table = move |(group, rows)| StateTable { name: name.to_owned(), key_group: Some(group), rows };
    Ok(tables.finish()?.into_iter().map(table))
}

fn with_fields(schema: &SchemaRef, more: &[FieldRef]) -> SchemaRef {
    Arc::new(Schema::new(schema.fields().iter().chain(more).cloned().collect::<Vec<_>>()))
}

impl WindowProgress {
    fn table(self, window: &str) -> Result<StateTable, OperatorError> {
        let column = |value: i64| -> ArrayRef { Arc::new(Int64Array::from(vec![value])) };
        let rows = RecordBatch::try_from_iter([
            (WATERMARK, column(self.watermark)),
            (INGESTED_AT, column(self.ingested_at)),
            (WINDOW, Arc::new(StringArray::from(vec![window])) as ArrayRef),
        ])?;
        Ok(StateTable { name: PROGRESS.to_owned(), key_group: None, rows })
    }

    /// The watermark in a snapshot of a window.
    pub(super) fn watermark_of(snapshot: &Snapshot) -> Result<i64, OperatorError> {
        let progress = snapshot.tables.iter().filter(|table| table.name == PROGRESS);
        let watermarks = progress.map(|table| int64(&table.rows, WATERMARK)).collect::<Result<Vec<_>, _>>()?;
        Ok(watermarks.into_iter().min().unwrap_or(Self::NONE.watermark))
    }

    fn read(rows: &RecordBatch, window: &str) -> Result<Self, OperatorError> {
        let found = rows.column_by_name(WINDOW).and_then(|c| c.as_string_opt::<i32>()).map(|c| c.iter().flatten());
        if let Some(found) = found.into_iter().flatten().find(|found| *found != window) {
            let message = format!("its state is of windows that are {found}, and now they are {window}");
            return Err(OperatorError::Restore(message));
        }
        Ok(Self { watermark: int64(rows, WATERMARK)?, ingested_at: int64(rows, INGESTED_AT)? })
    }
}

/// The only value of a column of the progress.
fn int64(rows: &RecordBatch, name: &str) -> Result<i64, OperatorError> {
    let column = rows.column_by_name(name).and_then(|c| c.as_primitive_opt::<Int64Type>());
    let first = column.and_then(|c| c.values().first().copied());
    first.ok_or_else(|| OperatorError::Restore(format!("its {PROGRESS} has no int64 {name:?}")))
}

/// How rows are assigned, the same in every version.
fn described(window: &WindowAssigner) -> String {
    match window {
        WindowAssigner::Tumbling { size, offset } => format!("tumbling {size} us, offset {offset} us"),
        WindowAssigner::Sliding { size, slide, offset } => {
            format!("sliding {size} us every {slide} us, offset {offset} us")
        }
        WindowAssigner::Session { gap } => format!("sessions with a gap of {gap} us"),
    }
}

fn same_types(a: &Schema, b: &Schema) -> bool {
    let of = |s: &Schema| s.fields().iter().map(|f| (f.name().clone(), f.data_type().clone())).collect::<Vec<_>>();
    of(a) == of(b)
}
