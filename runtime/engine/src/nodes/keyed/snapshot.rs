//! The snapshots of a keyed operator: states and timers by key group, how far it is, and how its states are laid out, so that
//! another version can read them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Field, Int64Type, Schema};
use weir_core::time::WATERMARK_MIN;
use weir_host::StateLayout;
use weir_state::RELAYOUT_ROWS_MAX;

use super::refused::unreadable;
use super::{layout, layout_of};
use crate::dataflow::operator::{Frozen, OperatorError, Snapshot, StateTable};
use crate::nodes::keyed::KeyedOperator;
use crate::plan::node::STATES;
use crate::replace::trial::Trial;

const TIMERS: &str = "timers";
/// Those of processing time.
const PROCESSING_TIMERS: &str = "processing-timers";
/// When what each key has was used last.
const USES: &str = "uses";
const WATERMARK: &str = "watermark";
/// The version of the layout: of a table of states in its metadata, of a subtask in the table of its watermark.
const VERSION: &str = "state_version";
/// What the states may go back to as they are read, in the metadata of a table that was made while another version was on trial: the
/// version before. Its component counts, whatever configuration it is given later.
const GOES_BACK_TO: &str = "state_goes_back_to";
/// The same of a version before that had columns which were given up: it would find nulls in their place.
const LEFT_BEHIND: &str = "state_left_behind";

/// In the metadata of a table of timers that was made while they were firing: those that are due fire before anything else. All
/// other timers wait for the next watermark.
const FIRING: &str = "timers_firing";

impl KeyedOperator {
    pub(super) fn freeze_all(&mut self) -> Frozen {
        let (states, maps) = (self.state.freeze(), self.maps.freeze());
        let (timers, timers_after) = (self.timers.event.freeze(), self.timers.event_after.freeze());
        let processing_timers = self.timers.processing.freeze();
        let firing = self.timers.is_event_firing();
        let uses = self.expiry.as_mut().map(|expiry| expiry.ttl.freeze());
        let (watermark, key_groups) = (self.watermark, self.key_groups);
        let (version, layout) = (self.version().to_owned(), layout_of(&self.component.guest).version);
        let before =
            self.component.trial.as_ref().map(|Trial { old, .. }| match self.component.guest.gave_up_state_of(old) {
                true => (LEFT_BEHIND, old.version.clone()),
                false => (GOES_BACK_TO, old.version.clone()),
            });
        Frozen::new(move || {
            let table = |name: &str, group: u32, rows: RecordBatch| StateTable {
                name: name.to_owned(),
                key_group: Some(group),
                rows,
            };
            let mut tables = vec![watermark_table(watermark, layout)?];
            for (group, rows) in timers.tables(&states, key_groups)? {
                tables.push(table(TIMERS, group, if firing { with_firing(rows)? } else { rows }));
            }
            for (group, rows) in timers_after.tables(&states, key_groups)? {
                tables.push(table(TIMERS, group, rows));
            }
            for (group, rows) in processing_timers.tables(&states, key_groups)? {
                tables.push(table(PROCESSING_TIMERS, group, rows));
            }
            if let Some(uses) = uses {
                let uses = uses.tables(states.keys(), states.key_fields(), key_groups)?;
                tables.extend(uses.into_iter().map(|(group, rows)| table(USES, group, rows)));
            }
            tables.extend(maps.tables(&states, key_groups)?);
            for (group, rows) in states.tables(key_groups)? {
                tables.push(table(STATES, group, with_versions(rows, layout, before.as_ref())?));
            }
            Ok(Snapshot { version: Some(version), tables, sink: None })
        })
    }

    pub(super) fn restore_all(&mut self, snapshot: Snapshot) -> Result<(), OperatorError> {
        let (mut watermarks, mut timers, mut processing_timers) = (Vec::new(), Vec::new(), Vec::new());
        let states = snapshot.tables.iter().filter(|table| table.name == STATES);
        let slots = self.state.slots_of_all(states.map(|table| &table.rows))?;
        let mut slots = slots.as_slice();
        let subtasks = snapshot.tables.iter().filter(|table| table.name == WATERMARK);
        let versions = subtasks.map(|table| int64(&table.rows, VERSION)).collect::<Result<Vec<_>, _>>()?;
        for table in snapshot.tables {
            match table.name.as_str() {
                STATES => {
                    let (own, others) = slots.split_at(table.rows.num_rows());
                    self.restore_states(&table.rows, own, versions.first().copied())?;
                    slots = others;
                }
                TIMERS => timers.push(table.rows),
                PROCESSING_TIMERS => processing_timers.push(table.rows),
                // An operator without a time to live ignores them.
                USES => {
                    if let Some(expiry) = &mut self.expiry {
                        self.state.restore_uses(&mut expiry.ttl, &table.rows)?;
                    }
                }
                WATERMARK => watermarks.push(int64(&table.rows, WATERMARK)?),
                _ if self.restore_map(&table)? => {}
                other => return Err(OperatorError::Restore(format!("it has no state named {other:?}"))),
            }
        }
        // Those that are past fire as soon as the engine's clock is looked at.
        self.timers.processing.restore(&mut self.state, &processing_timers)?;
        // Of several old subtasks the one that was furthest behind: no row was late to it.
        self.watermark = watermarks.into_iter().min().unwrap_or(WATERMARK_MIN);
        self.date_unused();
        let is_firing = |rows: &&RecordBatch| rows.schema_ref().metadata().contains_key(FIRING);
        let (firing, others): (Vec<&RecordBatch>, Vec<&RecordBatch>) = timers.iter().partition(is_firing);
        if firing.is_empty() {
            self.timers.event.restore(&mut self.state, others)?;
        } else {
            self.timers.event.restore(&mut self.state, firing)?;
            self.timers.event_after.restore(&mut self.state, others)?;
            self.timers.fire_until_watermark(self.watermark);
        }
        Ok(())
    }

    fn restore_map(&mut self, table: &StateTable) -> Result<bool, OperatorError> {
        self.maps.restore(&mut self.state, table).map_err(|error| match error {
            OperatorError::Migrate { reason, .. } => OperatorError::Migrate {
                reason: format!("{reason}; declare it as before; a map whose columns change needs a new name"),
                discard: vec![format!("{}.{}", self.name, table.name)],
            },
            error => error,
        })
    }

    /// States of any layout that this version can read; `version`: if the table does not say.
    fn restore_states(&mut self, rows: &RecordBatch, slots: &[u32], version: Option<i64>) -> Result<(), OperatorError> {
        let metadata = rows.schema_ref().metadata();
        let said = metadata.get(VERSION).and_then(|version| version.parse().ok());
        let names_this =
            |of| metadata.get(of).is_some_and(|old| component_of(old) == component_of(&self.component.guest.version));
        let goes_back = self.component.guest.goes_back || names_this(GOES_BACK_TO);
        let version = said.or_else(|| version.and_then(|version| u32::try_from(version).ok())).unwrap_or_default();
        let keys = self.state.keys().fields().len();
        let fields: Vec<_> = rows.schema_ref().fields().iter().skip(keys).cloned().collect();
        let (from, to) =
            (StateLayout { version, schema: Arc::new(Schema::new(fields)) }, layout_of(&self.component.guest));
        let check_nulls = |columns: &[ArrayRef]| {
            layout::check_nulls(&to, columns).map_err(|error| OperatorError::unreadable(error + layout::ADVICE))
        };
        if layout::is_same(&from, &to) {
            check_nulls(&rows.columns()[keys..])?;
            return Ok(self.state.restore(rows, slots)?);
        }
        if names_this(LEFT_BEHIND) && to.loses_columns_in(&from) {
            return Err(OperatorError::unreadable(
                "columns of this version were discarded for an older version, which continues; once that has completed another checkpoint, this \
                 one can take over again, without them"
                    .to_owned(),
            ));
        }
        let readable = if goes_back { layout::check_goes_back(&from, &to) } else { layout::check_columns(&from, &to) };
        readable.map_err(|reason| {
            let columns = layout::to_give_up(&from, &to);
            let discard = columns.iter().map(|column| format!("{}.{column}", self.name)).collect();
            OperatorError::Migrate { reason, discard }
        })?;
        let mut fields = rows.schema_ref().fields()[..keys].to_vec();
        fields.extend(to.schema.fields().iter().map(|field| Arc::new(Field::clone(field).with_nullable(true))));
        let schema = Arc::new(Schema::new(fields));
        for (start, slots) in (0..).step_by(RELAYOUT_ROWS_MAX).zip(slots.chunks(RELAYOUT_ROWS_MAX)) {
            let part = rows.slice(start, slots.len());
            let (key_columns, columns) = part.columns().split_at(keys);
            let states = weir_host::States { keys: slots.len(), present: None, columns: columns.to_vec() };
            let columns = self.component.guest.convert(&from, states).map_err(unreadable)?.columns;
            check_nulls(&columns)?;
            let options = RecordBatchOptions::new().with_row_count(Some(slots.len()));
            let columns = [key_columns, &columns].concat();
            self.state.restore(&RecordBatch::try_new_with_options(Arc::clone(&schema), columns, &options)?, slots)?;
        }
        Ok(())
    }
}

/// States that a version of an operator has left: the columns of the key, then those of its state.
///
/// # Errors
/// None but those of Arrow, for rows that fit their own schema.
pub(crate) fn states_of(version: u32, rows: RecordBatch) -> Result<StateTable, OperatorError> {
    Ok(StateTable { name: STATES.to_owned(), key_group: None, rows: with_versions(rows, version, None)? })
}

/// What comes before the configuration in the name of a version.
fn component_of(version: &str) -> &str {
    version.split('+').next().unwrap_or_default()
}

fn with_versions(
    rows: RecordBatch,
    version: u32,
    before: Option<&(&str, String)>,
) -> Result<RecordBatch, OperatorError> {
    let mut metadata = BTreeMap::from([(VERSION.to_owned(), version.to_string())]);
    metadata.extend(before.map(|(of, version)| ((*of).to_owned(), version.clone())));
    let schema = Schema::clone(rows.schema_ref()).with_metadata(metadata);
    Ok(rows.with_schema(Arc::new(schema))?)
}

fn with_firing(rows: RecordBatch) -> Result<RecordBatch, OperatorError> {
    let metadata: HashMap<String, String> = [(FIRING.to_owned(), true.to_string())].into();
    let schema = Schema::clone(rows.schema_ref()).with_metadata(metadata);
    Ok(rows.with_schema(Arc::new(schema))?)
}

/// How far the operator is, and of which version its state is.
fn watermark_table(watermark: i64, version: u32) -> Result<StateTable, OperatorError> {
    let field = |name: &str| Field::new(name, DataType::Int64, false);
    let value = |value: i64| -> ArrayRef { Arc::new(Int64Array::from(vec![value])) };
    let schema = Arc::new(Schema::new(vec![field(WATERMARK), field(VERSION)]));
    let rows = RecordBatch::try_new(schema, vec![value(watermark), value(i64::from(version))])?;
    Ok(StateTable { name: WATERMARK.to_owned(), key_group: None, rows })
}

/// The only value of a column of a snapshot.
fn int64(rows: &RecordBatch, column: &str) -> Result<i64, OperatorError> {
    let values = rows.column_by_name(column).and_then(|c| c.as_primitive_opt::<Int64Type>());
    let value = values.filter(|v| v.len() == 1).map(|v| v.value(0));
    value.ok_or_else(|| OperatorError::Restore(format!("it has no {column:?}")))
}
