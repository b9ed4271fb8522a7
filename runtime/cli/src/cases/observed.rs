//! What came out of an operator, as rows of JSON.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::{Context, ensure};
use arrow::array::RecordBatch;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use serde_json::{Map, Value, json};
use weir_connectors::json_rows::{NotARow, from_json, to_json};
use weir_engine::single_step::{Emitted, SingleStep};
use weir_host::Plan;
use weir_state::Snapshot;

use super::file::{Expect, Row};

/// Columns that a window adds to the results of an aggregate, which are no business of its author.
const OF_WINDOWS: [&str; 2] = ["window_start", "window_end"];
/// The output of rows that the operator has refused.
const REFUSED: &str = "dead-letter";
/// What the tables of maps begin with, before the name of the map.
const OF_MAPS: &str = "map:";
/// The column of a snapshot with the times of timers, a number of microseconds; what it is here.
const TIMER_TIME: (&str, &str) = ("timer_time", "time");

/// Rows of one kind.
#[derive(Default)]
pub(super) struct Table {
    schema: Option<SchemaRef>,
    pub(super) rows: Vec<Row>,
}

/// All of it.
#[derive(Default)]
pub(super) struct Observed {
    /// By name, in the order of the step's outputs.
    pub(super) outputs: Vec<(String, Table)>,
    pub(super) refused: Table,
    /// `state`, `timers`, `processing-timers`.
    pub(super) kept: Vec<(String, Table)>,
    /// Of all maps, by name.
    pub(super) maps: Vec<(String, Table)>,
    /// What the operator as a whole failed with.
    pub(super) failed: Option<String>,
    by_index: Vec<String>,
}

impl Table {
    fn add(&mut self, rows: &RecordBatch) -> anyhow::Result<()> {
        self.schema.get_or_insert_with(|| rows.schema());
        self.rows.extend(to_json(rows).context("a value that came out cannot be written")?);
        Ok(())
    }

    /// Expected rows in the same form: a time as this one writes it, a decimal with its zeros.
    pub(super) fn normalized(&self, rows: &[Row]) -> Result<Vec<Row>, NotARow> {
        let Some(schema) = &self.schema else { return Ok(rows.to_vec()) };
        let batch = from_json(schema, rows)?;
        to_json(&batch).map_err(|error| NotARow { row: 0, reason: error.to_string() })
    }
}

impl Observed {
    /// Nothing yet.
    pub(super) fn of(step: &SingleStep, plan: &Plan) -> Self {
        let maps = plan.maps.iter().map(|map| (map.name.clone(), Table::default())).collect();
        let mut observed = Self { maps, ..Self::default() };
        for (name, schema) in step.outputs() {
            observed.by_index.push(name.clone());
            let table = Table { schema, rows: Vec::new() };
            if name == REFUSED { observed.refused = table } else { observed.outputs.push((name, table)) }
        }
        observed
    }

    /// The operator did not begin.
    pub(super) fn failed(reason: String) -> Self {
        Self { failed: Some(reason), ..Self::default() }
    }

    /// Rows that it emitted.
    pub(super) fn add(&mut self, emitted: &Emitted) -> anyhow::Result<()> {
        for (output, rows) in emitted {
            let name = self.by_index.get(*output).cloned().unwrap_or_default();
            if name == REFUSED {
                self.refused.add(&rows.rows)?;
            } else {
                table(&mut self.outputs, &name).add(&rows.rows)?;
            }
        }
        Ok(())
    }

    /// What it keeps.
    pub(super) fn add_state(&mut self, snapshot: &Snapshot) -> anyhow::Result<()> {
        for part in &snapshot.tables {
            let (tables, name) = match (part.name.as_str(), part.name.strip_prefix(OF_MAPS)) {
                (_, Some(map)) => (&mut self.maps, map),
                ("states", None) => (&mut self.kept, "state"),
                (timers @ ("timers" | "processing-timers"), None) => (&mut self.kept, timers),
                // What the engine keeps for itself, such as the groups of a window.
                _ => continue,
            };
            table(tables, name).add(&with_times(&part.rows)?)?;
        }
        // The state's tables are by key group, whose order means nothing.
        for (_, table) in self.kept.iter_mut().chain(&mut self.maps) {
            table.rows.sort_by_cached_key(|row| Value::Object(row.clone()).to_string());
        }
        Ok(())
    }

    /// What was kept under a name; an empty table if nothing was.
    pub(super) fn kept(&self, name: &str) -> Option<&Table> {
        self.kept.iter().find(|(known, _)| known == name).map(|(_, table)| table)
    }

    /// As expectations of a case: of one that has some, the lists and the columns that it names.
    ///
    /// # Errors
    /// If the operator failed, and the case does not expect that.
    pub(super) fn expectations(&self, written: &Expect) -> anyhow::Result<Map<String, Value>> {
        let is_new = written.is_empty();
        let mut expect = Map::new();
        if let Some(error) = &self.failed {
            ensure!(is_new || written.error.is_some(), "the operator failed, and the case expects rows: {error}");
            expect.insert("error".to_owned(), json!(error));
            return Ok(expect);
        }
        if !self.refused.rows.is_empty() {
            expect.insert("refused".to_owned(), listed(&self.refused, Some(&written.refused)));
        }
        let kept =
            [("state", &written.state), ("timers", &written.timers), ("processing-timers", &written.processing_timers)];
        for (name, rows) in kept {
            let table = self.kept(name).filter(|table| rows.is_some() || (is_new && !table.rows.is_empty()));
            if table.is_some() || rows.is_some() {
                expect.insert(name.to_owned(), table.map_or_else(|| json!([]), |table| listed(table, rows.as_deref())));
            }
        }
        let of_name = |tables: &[(String, Table)], written: &Map<String, Value>| -> Map<String, Value> {
            let tables = tables.iter().filter(|(name, table)| !table.rows.is_empty() || written.contains_key(name));
            let rows = |name: &String| serde_json::from_value::<Vec<Row>>(written.get(name)?.clone()).ok();
            tables.map(|(name, table)| (name.clone(), listed(table, rows(name).as_deref()))).collect()
        };
        if is_new || written.maps.is_some() {
            let maps = of_name(&self.maps, written.maps.as_ref().unwrap_or(&Map::new()));
            expect.extend((!maps.is_empty()).then(|| ("maps".to_owned(), maps.into())));
        }
        expect.insert("outputs".to_owned(), of_name(&self.outputs, &written.outputs).into());
        Ok(expect)
    }
}

/// Rows with the columns that some rows name; if none does, with all but those that a window adds.
fn listed(table: &Table, written: Option<&[Row]>) -> Value {
    let named: BTreeSet<&String> = written.into_iter().flatten().flat_map(Map::keys).collect();
    let is_listed = |name: &String| match named.is_empty() {
        true => !OF_WINDOWS.contains(&name.as_str()),
        false => named.contains(name),
    };
    let of_row = |row: &Row| -> Row {
        row.iter().filter(|(name, _)| is_listed(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
    };
    Value::Array(table.rows.iter().map(|row| of_row(row).into()).collect())
}

/// The times of timers as times.
fn with_times(rows: &RecordBatch) -> anyhow::Result<RecordBatch> {
    let schema = rows.schema();
    let Ok(at) = schema.index_of(TIMER_TIME.0) else { return Ok(rows.clone()) };
    let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let (mut fields, mut columns) = (schema.fields().to_vec(), rows.columns().to_vec());
    columns[at] = cast(&columns[at], &time)?;
    fields[at] = Arc::new(Field::new(TIMER_TIME.1, time, false));
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
}

fn table<'a>(tables: &'a mut Vec<(String, Table)>, name: &str) -> &'a mut Table {
    let place = tables.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
        tables.push((name.to_owned(), Table::default()));
        tables.len() - 1
    });
    &mut tables[place].1
}
