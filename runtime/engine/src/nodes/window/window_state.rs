//! What snapshots of windows hold: accumulators as columns, cut by key group; how far the operator is, which decides what is
//! late; and, if it was frozen between two parts of its output, what it still has to emit.
//!
//! | table | rows | if |
//! |---|---|---|
//! | `progress` | one: the watermark, and which aggregates of which columns the state is of | always |
//! | `late` | one, of the first key group, so that one subtask takes it up: how many rows came in, how many of them late, by how much | rows came in |
//! | `panes`, `sessions` | accumulators; a last column `emitted_until`: up to when the row's results have been emitted | always; the column only between two parts of a firing, without it all results up to the watermark have been |
//! | `emitted_keys` | keys whose results have been emitted further than their rows say | between two parts of a firing |
//! | `refiring_rows` | rows whose windows are still to fire again | between two parts of a batch of late rows |

use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use serde::{Deserialize, Serialize};
use weir_core::column_type::columns_text;
use weir_core::key_group::hash_keys;
use weir_core::time::WATERMARK_MIN;
use weir_core::window::{CalendarUnit, CalendarWindow, WindowAssigner};
use weir_state::FrozenKeys;
use weir_state::key_groups::GroupTables;

use super::frozen_groups::FrozenGroups;
use super::late_count::{LATE, LateCount, int64};
use super::{AggregateKind, BoundAggregate, WindowSpec};
use crate::dataflow::operator::{OperatorError, Snapshot, StateTable};
use crate::nodes::units_of_time::in_units;

const PROGRESS: &str = "progress";
const WATERMARK: &str = "watermark";
const INGESTED_AT: &str = "ingested_at";
const EMITTED_UNTIL: &str = "emitted_until";
const EMITTED_KEYS: &str = "emitted_keys";
const REFIRING_ROWS: &str = "refiring_rows";
/// The window that the state is of: accumulators say nothing of their window's length.
const WINDOW: &str = "window";
/// What computes which aggregate of which columns, as JSON: accumulators do not say that either.
const AGGREGATES: &str = "aggregates";

/// How far a window operator is.
#[derive(Clone, Copy, Debug)]
pub(super) struct WindowProgress {
    /// The last watermark.
    pub(super) watermark: i64,
    /// Of the youngest batch that it took; least: it has taken none.
    pub(super) ingested_at: i64,
    pub(super) late: LateCount,
}

impl WindowProgress {
    pub(super) const NONE: Self = Self { watermark: WATERMARK_MIN, ingested_at: i64::MIN, late: LateCount::NONE };
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
    aggregates: Vec<AggregateText>,
}

impl StateLayout {
    pub(super) fn new(
        name: &'static str,
        spec: &WindowSpec,
        keys: &[FieldRef],
        bounds: &[&str],
        state: Vec<FieldRef>,
    ) -> Self {
        let nullable = |f: &FieldRef| Arc::new(Field::clone(f).with_nullable(true));
        let bounds = bounds.iter().map(|b| Arc::new(Field::new(*b, DataType::Int64, false)));
        let fields: Vec<FieldRef> = keys.iter().map(nullable).chain(bounds).chain(state).collect();
        let aggregates = AggregateText::of(&spec.aggregates, &spec.input);
        let rules = spec.rules.as_ref().map(|bound| &bound.rules);
        // What is kept of rows depends on these.
        let rules =
            rules.map_or(String::new(), |rules| format!(", by {:?} time, evicting {:?}", rules.clock, rules.evictor));
        let window = described(&spec.window) + &rules;
        Self { name, keys: keys.len(), schema: Arc::new(Schema::new(fields)), window, aggregates }
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
        let mut tables = vec![progress.table(&self.window, &self.aggregates)?];
        if progress.late.rows_in > 0 {
            tables.push(progress.late.table()?);
        }
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
        let (mut progress, mut restored, mut late) = (Vec::new(), Restored::default(), LateCount::default());
        let (with_emitted_until, emitted_keys) = (self.with_emitted_until(), self.emitted_keys());
        let refiring = with_fields(input, &refiring_fields());
        for StateTable { name, rows, .. } in snapshot.tables {
            let found = rows.schema();
            if name == PROGRESS {
                AggregateText::check(&rows, &self.aggregates)?;
                progress.push(WindowProgress::read(&rows, &self.window)?);
            } else if name == LATE {
                late.take(&rows)?;
            } else if let Some(rows) = self.arranged(&rows, &self.schema).filter(|_| name == self.name) {
                restored.groups.push((rows, None));
            } else if let Some(rows) = self.arranged(&rows, &with_emitted_until).filter(|_| name == self.name) {
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
        Ok((WindowProgress { watermark, ingested_at, late }, restored))
    }

    /// The columns in this order, if they are these: those of aggregates may come in any.
    fn arranged(&self, rows: &RecordBatch, expected: &SchemaRef) -> Option<RecordBatch> {
        let found = rows.schema();
        if same_types(&found, expected) {
            return Some(rows.clone());
        }
        let place = |(wanted, field): (usize, &FieldRef)| {
            let same = |of: &FieldRef| of.name() == field.name() && of.data_type() == field.data_type();
            let is_key = |place: usize| place < self.keys || wanted < self.keys;
            let place = found.fields().iter().position(same)?;
            (!is_key(place) || place == wanted).then_some(place)
        };
        let places = expected.fields().iter().enumerate().map(place).collect::<Option<Vec<usize>>>()?;
        let distinct: std::collections::BTreeSet<usize> = places.iter().copied().collect();
        (distinct.len() == found.fields().len()).then(|| rows.project(&places).ok()).flatten()
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
    fn table(self, window: &str, aggregates: &[AggregateText]) -> Result<StateTable, OperatorError> {
        let aggregates = AggregateText::to_json(aggregates)?;
        let column = |value: i64| -> ArrayRef { Arc::new(Int64Array::from(vec![value])) };
        let rows = RecordBatch::try_from_iter([
            (WATERMARK, column(self.watermark)),
            (INGESTED_AT, column(self.ingested_at)),
            (WINDOW, Arc::new(StringArray::from(vec![window])) as ArrayRef),
            (AGGREGATES, Arc::new(StringArray::from(vec![aggregates])) as ArrayRef),
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
            let (found, now) = (in_units(found), in_units(window));
            let message = format!("its state is of windows that are {found}, but the windows are now {now}");
            return Err(OperatorError::Restore(message));
        }
        let (watermark, ingested_at) = (int64(rows, WATERMARK)?, int64(rows, INGESTED_AT)?);
        Ok(Self { watermark, ingested_at, late: LateCount::default() })
    }
}

/// What computes an aggregate, and of which columns.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(in crate::nodes) struct AggregateText {
    name: String,
    /// The name of one of ours; a component may be replaced.
    function: String,
    columns: Vec<String>,
}

impl AggregateText {
    /// The column of a snapshot that holds them.
    pub(in crate::nodes) const COLUMN: &str = AGGREGATES;

    pub(in crate::nodes) fn of(aggregates: &[BoundAggregate], input: &Schema) -> Vec<Self> {
        let column = |column: &usize| input.field(*column).name().clone();
        let text = |aggregate: &BoundAggregate| {
            let columns = aggregate.columns().iter().map(column);
            let (function, columns) = match &aggregate.kind {
                AggregateKind::Builtin { function, .. } => (function.accumulator(), columns.collect()),
                // The column of its condition is named after the others.
                AggregateKind::Component { is_filtered: true, .. } => {
                    ("component".to_owned(), columns.take(1).collect())
                }
                AggregateKind::Component { .. } => ("component".to_owned(), columns.collect()),
            };
            Self { name: aggregate.name.clone(), function, columns }
        };
        aggregates.iter().map(text).collect()
    }

    pub(in crate::nodes) fn to_json(all: &[Self]) -> Result<String, OperatorError> {
        serde_json::to_string(all).map_err(|error| OperatorError::Restore(error.to_string()))
    }

    /// Refuses state of an aggregate that is another now. Older versions did not say what it was.
    pub(in crate::nodes) fn check(progress: &RecordBatch, now: &[Self]) -> Result<(), OperatorError> {
        let column = progress.column_by_name(AGGREGATES).and_then(|column| column.as_string_opt::<i32>());
        for before in column.into_iter().flat_map(|column| column.iter().flatten()) {
            let before: Vec<Self> = serde_json::from_str(before)
                .map_err(|error| OperatorError::Restore(format!("its {PROGRESS} has no {AGGREGATES}: {error}")))?;
            let of = |name: &str| now.iter().find(|now| now.name == name);
            if let Some((before, now)) =
                before.iter().find_map(|b| of(&b.name).filter(|now| *now != b).map(|now| (b, now)))
            {
                let name = &before.name;
                let message = format!(
                    "the aggregate {name:?} was {before}, but now it is {now}: change it back, or begin anew, with another \
                     folder for checkpoints"
                );
                return Err(OperatorError::Restore(message));
            }
        }
        Ok(())
    }
}

impl fmt::Display for AggregateText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = if self.columns.is_empty() { "rows".to_owned() } else { self.columns.join(", ") };
        write!(f, "the {} of {columns}", self.function)
    }
}

/// How rows are assigned, the same in every version.
pub(in crate::nodes) fn described(window: &WindowAssigner) -> String {
    match window {
        WindowAssigner::Tumbling { size, offset } => format!("tumbling {size} us, offset {offset} us"),
        WindowAssigner::Sliding { size, slide, offset } => {
            format!("sliding {size} us every {slide} us, offset {offset} us")
        }
        WindowAssigner::Session { gap } => format!("sessions with a gap of {gap} us"),
        WindowAssigner::ApartSession { gap } => {
            format!("sessions with a gap of {gap} us that stay apart if they touch")
        }
        WindowAssigner::RowSession => "sessions whose gap each row says".to_owned(),
        WindowAssigner::Global => "global".to_owned(),
        WindowAssigner::Instant => "instants".to_owned(),
        WindowAssigner::Cumulating { size, step, offset } => {
            format!("cumulating {size} us in steps of {step} us, offset {offset} us")
        }
        WindowAssigner::Calendar(CalendarWindow { unit, every, zone }) => {
            let unit = match unit {
                CalendarUnit::Days => "days",
                CalendarUnit::Weeks => "weeks",
                CalendarUnit::Months => "months",
            };
            format!("tumbling {every} {unit} of {zone}")
        }
        WindowAssigner::PerRow { length } => format!("{length} us around each row"),
    }
}

fn same_types(a: &Schema, b: &Schema) -> bool {
    let of = |s: &Schema| s.fields().iter().map(|f| (f.name().clone(), f.data_type().clone())).collect::<Vec<_>>();
    of(a) == of(b)
}
