//! What snapshots of aggregates without a window hold: a row of accumulators per key, by key group, and what the accumulators are of.
//!
//! | table | rows |
//! |---|---|
//! | `progress` | one: which aggregates of which columns the state is of, as JSON |
//! | `groups` | the key columns and the columns of each accumulator, a row per key; if some are of components, whether results of these are out, and they |

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{Field, FieldRef, Schema, SchemaRef};
use weir_core::column_type::columns_text;
use weir_state::FrozenKeys;
use weir_state::key_groups::GroupTables;

use super::AggregateSpec;
use super::given::GivenResults;
use crate::dataflow::operator::{OperatorError, Snapshot, StateTable};
use crate::nodes::window::aggregate_set::AggregateSet;
use crate::nodes::window::window_rows::WindowRows;
use crate::nodes::window::window_state::AggregateText;

const PROGRESS: &str = "progress";
const GROUPS: &str = "groups";

/// The columns of the state.
#[derive(Clone)]
pub(super) struct GroupLayout {
    keys: usize,
    schema: SchemaRef,
    aggregates: Vec<AggregateText>,
}

impl GroupLayout {
    pub(super) fn new(spec: &AggregateSpec, keys: &[FieldRef], state: Vec<FieldRef>, given: Vec<FieldRef>) -> Self {
        let nullable = |field: &FieldRef| Arc::new(Field::clone(field).with_nullable(true));
        let fields: Vec<FieldRef> = keys.iter().map(nullable).chain(state).chain(given).collect();
        let aggregates = AggregateText::of(&spec.aggregates, &spec.input);
        Self { keys: keys.len(), schema: Arc::new(Schema::new(fields)), aggregates }
    }

    pub(super) fn snapshot(
        &self,
        keys: &FrozenKeys,
        (aggregates, given): (&AggregateSet, &GivenResults),
        slots: &[u32],
        key_groups: u32,
    ) -> Result<Snapshot, OperatorError> {
        let text = AggregateText::to_json(&self.aggregates)?;
        let text: ArrayRef = Arc::new(StringArray::from(vec![text]));
        let rows = RecordBatch::try_from_iter([(AggregateText::COLUMN, text)])?;
        let mut tables = vec![StateTable { name: PROGRESS.to_owned(), key_group: None, rows }];
        let mut groups = GroupTables::new(self.schema.clone(), key_groups);
        let columns = |rows: &[u32]| {
            let slots: Vec<u32> = rows.iter().map(|row| slots[*row as usize]).collect();
            let mut columns = keys.keys(&slots)?;
            columns.extend(aggregates.state(&slots)?);
            columns.extend(given.state(&slots)?);
            Ok(RecordBatch::try_new(self.schema.clone(), columns)?)
        };
        groups.add(slots.len(), |rows| Ok::<_, OperatorError>(keys.hashes(&slots[rows])?), columns)?;
        let table = |(group, rows)| StateTable { name: GROUPS.to_owned(), key_group: Some(group), rows };
        tables.extend(groups.finish()?.into_iter().map(table));
        Ok(Snapshot { tables, ..Snapshot::default() })
    }

    /// The accumulators of a snapshot, checked. `widths`: how many columns each aggregate's have, then the given results.
    pub(super) fn restore(&self, snapshot: Snapshot, widths: &[usize]) -> Result<Vec<WindowRows>, OperatorError> {
        let mut parts = Vec::new();
        for StateTable { name, rows, .. } in snapshot.tables {
            if name == PROGRESS {
                AggregateText::check(&rows, &self.aggregates)?;
                continue;
            }
            let types = |schema: &Schema| {
                schema.fields().iter().map(|f| (f.name().clone(), f.data_type().clone())).collect::<Vec<_>>()
            };
            if name != GROUPS || types(&rows.schema()) != types(&self.schema) {
                let (found, expected) = (columns_text(&rows.schema()), columns_text(&self.schema));
                let message = format!("it has {name} of {found}, the aggregates keep {GROUPS} of {expected}");
                return Err(OperatorError::Restore(message));
            }
            parts.push(WindowRows::of_accumulators(&rows, self.keys, 0, widths));
        }
        Ok(parts)
    }
}
