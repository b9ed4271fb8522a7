//! What snapshots of rolling aggregates hold: rows by key group, and how far the operator was.
//!
//! | table | rows |
//! |---|---|
//! | `progress` | one: the watermark, and which frames and, if there are totals, which aggregates the state is of |
//! | `late` | as of windows |
//! | `pending` | rows that have not gone out |
//! | `frame` | rows that frames of later rows reach, of each key in order |
//! | `totals` | a row of accumulators per key, if frames have all rows |

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{Field, FieldRef, Schema, SchemaRef};
use weir_core::column_type::columns_text;
use weir_core::graph::Frame;
use weir_core::time::WATERMARK_MIN;
use weir_state::key_groups::GroupTables;
use weir_state::row_store::rows_schema;
use weir_state::{FrozenKeys, FrozenRows};

use super::frames::Frames;
use super::{RollingProgress, RollingSpec};
use crate::dataflow::operator::{Frozen, OperatorError, Snapshot, StateTable};
use crate::nodes::units_of_time::in_units;
use crate::nodes::window::late_count::{LATE, LateCount, int64};
use crate::nodes::window::window_rows::WindowRows;
use crate::nodes::window::window_state::AggregateText;

const PROGRESS: &str = "progress";
const PENDING: &str = "pending";
const FRAME: &str = "frame";
const TOTALS: &str = "totals";
const WATERMARK: &str = "watermark";
const INGESTED_AT: &str = "ingested_at";
const FRAMES: &str = "frames";

/// The layout of the state.
#[derive(Clone)]
pub(super) struct RollingLayout {
    keys: usize,
    pending: SchemaRef,
    frame: SchemaRef,
    /// The columns of totals, and how many each aggregate has.
    totals: Option<(SchemaRef, Vec<usize>)>,
    aggregates: Vec<AggregateText>,
    frames: String,
    key_groups: u32,
}

/// What a snapshot holds, checked.
pub(super) struct Restored {
    pub(super) progress: RollingProgress,
    pub(super) late: LateCount,
    pub(super) pending: Vec<RecordBatch>,
    pub(super) frame: Vec<RecordBatch>,
    pub(super) totals: Vec<WindowRows>,
}

impl RollingLayout {
    pub(super) fn new(spec: &RollingSpec, keys: &[FieldRef], frames: &Frames) -> Self {
        let nullable = |field: &FieldRef| Arc::new(Field::clone(field).with_nullable(true));
        let totals = frames.totals_fields().map(|(state, widths)| {
            let fields: Vec<FieldRef> = keys.iter().map(nullable).chain(state).collect();
            (Arc::new(Schema::new(fields)), widths)
        });
        Self {
            keys: keys.len(),
            pending: rows_schema(keys, &[], spec.input.fields()),
            frame: rows_schema(keys, &[], frames.fields()),
            aggregates: if totals.is_some() { AggregateText::of(&spec.aggregates, &spec.input) } else { Vec::new() },
            totals,
            frames: match spec.frame {
                Frame::All => "of all rows".to_owned(),
                Frame::Rows(rows) => format!("of {rows} rows"),
                Frame::Range(us) => format!("of {us} us"),
            },
            key_groups: spec.key_groups,
        }
    }

    pub(super) fn freeze(
        &self,
        (keys, pending): (FrozenKeys, FrozenRows),
        slots: Vec<u32>,
        frames: &mut Frames,
        progress: RollingProgress,
    ) -> Frozen {
        let layout = self.clone();
        let (frame, totals) = frames.freeze();
        Frozen::of_state(move || {
            let mut tables = vec![layout.progress_table(progress)?];
            if progress.late.rows_in > 0 {
                tables.push(progress.late.table()?);
            }
            for (name, schema, rows) in [(PENDING, &layout.pending, &pending), (FRAME, &layout.frame, &frame)] {
                let mut groups = GroupTables::new(schema.clone(), layout.key_groups);
                rows.add_to(&mut groups, schema, &keys, &[])?;
                tables.extend(tables_of(name, groups)?);
            }
            if let Some((schema, _)) = &layout.totals {
                let mut groups = GroupTables::new(schema.clone(), layout.key_groups);
                let columns = |rows: &[u32]| {
                    let slots: Vec<u32> = rows.iter().map(|row| slots[*row as usize]).collect();
                    let mut columns = keys.keys(&slots)?;
                    columns.extend(totals.state(&slots)?);
                    Ok(RecordBatch::try_new(schema.clone(), columns)?)
                };
                groups.add(slots.len(), |rows| Ok::<_, OperatorError>(keys.hashes(&slots[rows])?), columns)?;
                tables.extend(tables_of(TOTALS, groups)?);
            }
            Ok(Snapshot { tables, ..Snapshot::default() })
        })
    }

    pub(super) fn restore(&self, snapshot: Snapshot) -> Result<Restored, OperatorError> {
        let progress = RollingProgress { watermark: WATERMARK_MIN, ingested_at: i64::MIN, late: LateCount::NONE };
        let mut restored = Restored {
            progress,
            late: LateCount::default(),
            pending: Vec::new(),
            frame: Vec::new(),
            totals: Vec::new(),
        };
        // Subtasks that saw the same barrier have the same watermark; if not, nothing is called late too early.
        let mut watermark = None::<i64>;
        for StateTable { name, rows, .. } in snapshot.tables {
            match (name.as_str(), &self.totals) {
                (PROGRESS, _) => {
                    self.check(&rows)?;
                    let of_part = int64(&rows, WATERMARK)?;
                    watermark = Some(watermark.map_or(of_part, |least| least.min(of_part)));
                    restored.progress.ingested_at = restored.progress.ingested_at.max(int64(&rows, INGESTED_AT)?);
                }
                (LATE, _) => restored.late.take(&rows)?,
                (PENDING, _) => restored.pending.push(checked(PENDING, rows, &self.pending)?),
                (FRAME, _) => restored.frame.push(checked(FRAME, rows, &self.frame)?),
                (TOTALS, Some((schema, widths))) => {
                    let rows = checked(TOTALS, rows, schema)?;
                    restored.totals.push(WindowRows::of_accumulators(&rows, self.keys, 0, widths));
                }
                _ => return Err(OperatorError::Restore(format!("it has a table {name:?}, which is not kept"))),
            }
        }
        restored.progress.watermark = watermark.unwrap_or(WATERMARK_MIN);
        restored.progress.late = restored.late;
        Ok(restored)
    }

    fn progress_table(&self, progress: RollingProgress) -> Result<StateTable, OperatorError> {
        let number = |value: i64| -> ArrayRef { Arc::new(Int64Array::from(vec![value])) };
        let text = |text: String| -> ArrayRef { Arc::new(StringArray::from(vec![text])) };
        let rows = RecordBatch::try_from_iter([
            (WATERMARK, number(progress.watermark)),
            (INGESTED_AT, number(progress.ingested_at)),
            (FRAMES, text(self.frames.clone())),
            (AggregateText::COLUMN, text(AggregateText::to_json(&self.aggregates)?)),
        ])?;
        Ok(StateTable { name: PROGRESS.to_owned(), key_group: None, rows })
    }

    /// Refuses state of other frames, or of totals of other aggregates.
    fn check(&self, progress: &RecordBatch) -> Result<(), OperatorError> {
        let found = progress.column_by_name(FRAMES).and_then(|column| column.as_string_opt::<i32>());
        let found = found.and_then(|column| column.iter().flatten().next()).unwrap_or("of something else");
        if found != self.frames {
            let message = format!(
                "its state is of frames {}, but now they are {}: change rows or range back, or begin anew, with another \
                 folder for checkpoints",
                in_units(found),
                in_units(&self.frames)
            );
            return Err(OperatorError::Restore(message));
        }
        AggregateText::check(progress, &self.aggregates)
    }
}

fn tables_of(name: &str, groups: GroupTables) -> Result<Vec<StateTable>, OperatorError> {
    let table = |(group, rows)| StateTable { name: name.to_owned(), key_group: Some(group), rows };
    Ok(groups.finish()?.into_iter().map(table).collect())
}

/// Rows whose columns are those of a schema.
fn checked(name: &str, rows: RecordBatch, expected: &Schema) -> Result<RecordBatch, OperatorError> {
    let types =
        |schema: &Schema| schema.fields().iter().map(|f| (f.name().clone(), f.data_type().clone())).collect::<Vec<_>>();
    if types(&rows.schema()) == types(expected) {
        return Ok(rows);
    }
    let (found, expected) = (columns_text(&rows.schema()), columns_text(expected));
    Err(OperatorError::Restore(format!("it has {name} of {found}, the rolling aggregates keep {name} of {expected}")))
}
