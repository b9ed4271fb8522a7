//! What snapshots of windows hold: accumulators as columns, cut by key group, and how far the
//! operator is, which decides what is late.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type, Schema, SchemaRef};
use weir_core::column_type::columns_text;
use weir_core::time::WATERMARK_MIN;
use weir_core::window::WindowAssigner;
use weir_state::key_groups::GroupTables;

use super::frozen_groups::FrozenGroups;
use crate::dataflow::operator::{OperatorError, Snapshot, StateTable};

const PROGRESS: &str = "progress";
const WATERMARK: &str = "watermark";
const INGESTED_AT: &str = "ingested_at";
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

    /// The rows of each key group, and the progress.
    pub(super) fn snapshot(
        &self,
        parts: &[FrozenGroups],
        progress: WindowProgress,
        key_groups: u32,
    ) -> Result<Snapshot, OperatorError> {
        let mut tables = GroupTables::new(self.schema.clone(), key_groups);
        for part in parts {
            let slots = part.slots();
            let columns = |rows: &[u32]| Ok(RecordBatch::try_new(self.schema.clone(), part.columns(rows)?)?);
            tables.add(slots.len(), |rows| Ok::<_, OperatorError>(part.keys.hashes(&slots[rows])?), columns)?;
        }
        let table = |(group, rows)| StateTable { name: self.name.to_owned(), key_group: Some(group), rows };
        let tables = tables.finish()?.into_iter().map(table);
        Ok(Snapshot {
            tables: std::iter::once(progress.table(&self.window)?).chain(tables).collect(),
            ..Snapshot::default()
        })
    }

    /// The progress in a snapshot, and its other tables, checked.
    pub(super) fn restore(&self, snapshot: Snapshot) -> Result<(WindowProgress, Vec<RecordBatch>), OperatorError> {
        let (mut progress, mut batches) = (Vec::new(), Vec::new());
        for StateTable { name, rows, .. } in snapshot.tables {
            if name == PROGRESS {
                progress.push(WindowProgress::read(&rows, &self.window)?);
            } else if name == self.name && same_types(&rows.schema(), &self.schema) {
                batches.push(rows);
            } else {
                let (found, expected) = (columns_text(&rows.schema()), columns_text(&self.schema));
                let message = format!("it has {name} of {found}, the window keeps {} of {expected}", self.name);
                return Err(OperatorError::Restore(message));
            }
        }
        // Subtasks that saw the same barrier have the same watermark; if not, nothing is called late too early.
        let watermark = progress.iter().map(|p| p.watermark).min().unwrap_or(WindowProgress::NONE.watermark);
        let ingested_at = progress.iter().map(|p| p.ingested_at).max().unwrap_or(WindowProgress::NONE.ingested_at);
        Ok((WindowProgress { watermark, ingested_at }, batches))
    }
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

    fn read(rows: &RecordBatch, window: &str) -> Result<Self, OperatorError> {
        let found = rows.column_by_name(WINDOW).and_then(|c| c.as_string_opt::<i32>()).map(|c| c.iter().flatten());
        if let Some(found) = found.into_iter().flatten().find(|found| *found != window) {
            let message = format!("its state is of windows that are {found}, and now they are {window}");
            return Err(OperatorError::Restore(message));
        }
        let value = |name: &str| {
            let column = rows.column_by_name(name).and_then(|c| c.as_primitive_opt::<Int64Type>());
            let first = column.and_then(|c| c.values().first().copied());
            first.ok_or_else(|| OperatorError::Restore(format!("its {PROGRESS} has no int64 {name:?}")))
        };
        Ok(Self { watermark: value(WATERMARK)?, ingested_at: value(INGESTED_AT)? })
    }
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
