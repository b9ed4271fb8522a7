//! What a snapshot of a join holds: the rows of both sides by key group, how far it was, and which join it is of.

use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{FieldRef, Int64Type, Schema, SchemaRef};
use weir_core::column_type::columns_text;
use weir_core::graph::JoinBounds;
use weir_core::time::WATERMARK_MIN;
use weir_core::window::Window;
use weir_state::key_groups::GroupTables;
use weir_state::row_store::rows_schema;
use weir_state::{FrozenKeys, FrozenRows};

use super::JoinSpec;
use super::join_progress::JoinProgress;
use super::join_table::JoinTable;
use crate::dataflow::operator::{Frozen, OperatorError, Snapshot, StateTable};
use crate::nodes::units_of_time::in_units;
use crate::nodes::window::late_count::{LATE, LateCount, int64};
use crate::nodes::window::window_state::described;

/// The tables of the rows of both sides.
const SIDES: [&str; 2] = ["left", "right"];
const PROGRESS: &str = "progress";
const WATERMARK: &str = "watermark";
const INGESTED_AT: &str = "ingested_at";
const JOIN: &str = "join";
/// Which window rows are in.
pub(super) const WINDOW_COLUMNS: [&str; 2] = ["weir.window_start", "weir.window_end"];

/// A table of rows at one moment.
pub(super) struct TableParts {
    keys: FrozenKeys,
    sides: [FrozenRows; 2],
    /// What all its rows have in common: the bounds of their window.
    constants: Vec<i64>,
}

impl TableParts {
    pub(super) fn freeze(table: &mut JoinTable, constants: Vec<i64>) -> Self {
        let [left, right] = &mut table.sides;
        Self { keys: table.keys.freeze(), sides: [left.freeze(), right.freeze()], constants }
    }
}

/// The layout of the state of one join.
#[derive(Clone)]
pub(super) struct JoinState {
    schemas: [SchemaRef; 2],
    /// How many columns come before those of rows.
    fixed: usize,
    described: String,
    key_groups: u32,
}

/// What a snapshot holds, checked.
pub(super) struct Restored {
    pub(super) progress: JoinProgress,
    /// Rows of a side: the columns of [`rows_schema`].
    pub(super) rows: Vec<(usize, RecordBatch)>,
}

impl JoinState {
    pub(super) fn new(spec: &JoinSpec, constants: &[&str]) -> Self {
        let keys: Vec<FieldRef> = spec.key_fields();
        let schemas = [0, 1].map(|side| rows_schema(&keys, constants, &spec.kept_fields(side)));
        Self {
            schemas,
            fixed: keys.len() + constants.len() + 2,
            described: describe(spec),
            key_groups: spec.key_groups,
        }
    }

    pub(super) fn freeze(&self, tables: Vec<TableParts>, progress: JoinProgress) -> Frozen {
        let layout = self.clone();
        Frozen::of_state(move || {
            let mut all = vec![layout.progress_table(progress)?];
            if progress.late.rows_in > 0 {
                all.push(progress.late.table()?);
            }
            for (side, name) in SIDES.iter().enumerate() {
                let schema = &layout.schemas[side];
                let mut groups = GroupTables::new(Arc::clone(schema), layout.key_groups);
                for TableParts { keys, sides, constants } in &tables {
                    sides[side].add_to(&mut groups, schema, keys, constants)?;
                }
                let table = |(group, rows)| StateTable { name: (*name).to_owned(), key_group: Some(group), rows };
                all.extend(groups.finish()?.into_iter().map(table));
            }
            Ok(Snapshot { tables: all, ..Snapshot::default() })
        })
    }

    pub(super) fn restore(&self, snapshot: Snapshot, spec: &JoinSpec) -> Result<Restored, OperatorError> {
        let (mut progress, mut rows_of_sides, mut late) = (Vec::new(), Vec::new(), LateCount::default());
        for StateTable { name, rows, .. } in snapshot.tables {
            if name == PROGRESS {
                progress.push(self.read_progress(&rows)?);
            } else if name == LATE {
                late.take(&rows)?;
            } else if let Some(side) = SIDES.iter().position(|side| *side == name) {
                let Some(rows) = arranged(&rows, &self.schemas[side], self.fixed) else {
                    let (found, expected) = (columns_text(&rows.schema()), columns_text(&self.schemas[side]));
                    let message = format!("it has rows of the {name} input of {found}, the join keeps {expected}");
                    return Err(OperatorError::Restore(message));
                };
                rows_of_sides.push((side, rows));
            } else {
                return Err(OperatorError::Restore(format!("it has a table {name:?}, which a join does not keep")));
            }
        }
        late.tell(&spec.metrics);
        // Subtasks that saw the same barrier have the same watermark; if not, nothing is called late too early.
        let watermark = progress.iter().map(|p| p.watermark).min().unwrap_or(WATERMARK_MIN);
        let ingested_at = progress.iter().map(|p| p.ingested_at).max().unwrap_or(i64::MIN);
        Ok(Restored { progress: JoinProgress { watermark, ingested_at, late }, rows: rows_of_sides })
    }

    fn progress_table(&self, progress: JoinProgress) -> Result<StateTable, OperatorError> {
        let column = |value: i64| -> ArrayRef { Arc::new(Int64Array::from(vec![value])) };
        let rows = RecordBatch::try_from_iter([
            (WATERMARK, column(progress.watermark)),
            (INGESTED_AT, column(progress.ingested_at)),
            (JOIN, Arc::new(StringArray::from(vec![self.described.as_str()])) as ArrayRef),
        ])?;
        Ok(StateTable { name: PROGRESS.to_owned(), key_group: None, rows })
    }

    fn read_progress(&self, rows: &RecordBatch) -> Result<JoinProgress, OperatorError> {
        let found = rows.column_by_name(JOIN).and_then(|column| column.as_string_opt::<i32>());
        let found = found.and_then(|column| column.iter().flatten().next()).unwrap_or("something else");
        if found != self.described {
            let (found, now) = (in_units(found), in_units(&self.described));
            let message = format!(
                "its state is of a join that is {found}, but now the join is {now}: change it back, or begin anew, with another \
                 folder for checkpoints"
            );
            return Err(OperatorError::Restore(message));
        }
        let (watermark, ingested_at) = (int64(rows, WATERMARK)?, int64(rows, INGESTED_AT)?);
        Ok(JoinProgress { watermark, ingested_at, late: LateCount::default() })
    }
}

/// What decides which rows are kept, and what their marks mean; the same in every version.
fn describe(spec: &JoinSpec) -> String {
    let bounds = match &spec.bounds {
        JoinBounds::Interval { lower, upper } => {
            let bound = |bound: &Option<i64>| bound.map_or_else(|| "any".to_owned(), |us| format!("{us} us"));
            format!("over times from {} to {}", bound(lower), bound(upper))
        }
        JoinBounds::Regular { ttl } => match ttl {
            Some(us) => format!("over rows of {us} us"),
            None => "over all rows".to_owned(),
        },
        JoinBounds::Window(window) => format!("over windows that are {}", described(window)),
        JoinBounds::AsOfNow => "with rows that are there".to_owned(),
        JoinBounds::AsOfEventTime { ttl } => match ttl {
            Some(us) => format!("with versions of {us} us"),
            None => "with versions".to_owned(),
        },
    };
    let mut text = format!("{} {bounds} on", spec.join_type.name());
    let name = |side: usize, column: usize| spec.sides[side].input.field(column).name();
    for (index, (left, right)) in spec.sides[0].keys.iter().zip(&spec.sides[1].keys).enumerate() {
        let separator = if index == 0 { "" } else { "," };
        let _ = write!(text, "{separator} {} = {}", name(0, *left), name(1, *right));
    }
    text
}

/// The columns in the order of a schema, if they are the same; those after the first `fixed` may come in any order.
fn arranged(rows: &RecordBatch, expected: &Schema, fixed: usize) -> Option<RecordBatch> {
    let found = rows.schema();
    let place = |(wanted, field): (usize, &FieldRef)| {
        let same = |at: &usize| {
            let of = found.field(*at);
            of.name() == field.name() && of.data_type() == field.data_type()
        };
        if wanted < fixed { Some(wanted).filter(same) } else { (fixed..found.fields().len()).find(same) }
    };
    if found.fields().len() != expected.fields().len() {
        return None;
    }
    let places = expected.fields().iter().enumerate().map(place).collect::<Option<Vec<usize>>>()?;
    rows.project(&places).ok()
}

/// Rows of several windows, by window. `keys`: how many columns come before the bounds.
pub(super) fn window_runs(rows: &RecordBatch, keys: usize) -> Vec<(Window, RecordBatch)> {
    let bound = |column: usize| rows.column(keys + column).as_primitive::<Int64Type>().values();
    let (starts, ends) = (bound(0), bound(1));
    let windows: Vec<Window> =
        starts.iter().zip(ends).map(|(start, end)| Window { start: *start, end: *end }).collect();
    let mut runs = Vec::new();
    let mut offset = 0;
    for run in windows.chunk_by(|window, next| window == next) {
        runs.push((run[0], rows.slice(offset, run.len())));
        offset += run.len();
    }
    runs
}
