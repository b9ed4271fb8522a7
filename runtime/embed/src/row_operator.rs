//! [`RowOperator`]: a [`BatchOperator`] whose rows come and go as bytes, for programs without Arrow that keep rows of their own.

use std::ops::Range;
use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use serde::{Deserialize, Serialize};
use weir_core::column_type::{parse_type, type_name};
use weir_engine::dataflow::operator::OperatorError;
use weir_engine::single_step::{Computed, Emitted, OriginRows};

use crate::batch_operator::{BatchOperator, OperatorOptions};
use crate::error::EmbedError;
use crate::frozen_task::FrozenTask;
use crate::key_groups::KeyGroups;
use crate::restored::Restored;
use crate::rows;

/// See the module.
pub struct RowOperator {
    operator: BatchOperator,
    /// Of the caller's rows, the columns that come in.
    reads: Vec<usize>,
    columns: SchemaRef,
    /// Whether the caller's rows have other columns, too.
    has_others: bool,
}

#[derive(Serialize, Deserialize)]
struct Column {
    name: String,
    /// As pipeline files write it.
    #[serde(rename = "type")]
    data_type: String,
    /// The column of the caller's rows that it is; the caller puts it in. `None`: it comes with the answer.
    #[serde(skip_deserializing)]
    from: Option<usize>,
}

#[derive(Serialize)]
struct Output<'a> {
    name: &'a str,
    columns: Vec<Column>,
}

#[derive(Serialize)]
struct Description<'a> {
    /// The columns that the rows of a call have.
    reads: &'a [usize],
    /// Whether event times are of use.
    reads_times: bool,
    outputs: Vec<Output<'a>>,
}

/// Whose rows those of an answer are.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Of {
    Nobody,
    Following,
    Each,
}

fn unreadable(what: &str) -> impl Fn(serde_json::Error) -> EmbedError {
    move |error| EmbedError::Operator(format!("{what}: {error}"))
}

fn schema_of(columns: &str) -> Result<SchemaRef, EmbedError> {
    let columns: Vec<Column> = serde_json::from_str(columns).map_err(unreadable("columns"))?;
    let field = |Column { name, data_type, .. }| {
        Ok::<_, EmbedError>(Field::new(name, parse_type(&data_type).map_err(EmbedError::Operator)?, true))
    };
    Ok(Arc::new(Schema::new(columns.into_iter().map(field).collect::<Result<Vec<_>, _>>()?)))
}

impl RowOperator {
    /// Opens a component for rows with these columns, `[{"name": "n", "type": "int64"}]`; `options` are
    /// [`OperatorOptions`]. Both are JSON. One with keys begins before anything else.
    ///
    /// # Errors
    /// If the component cannot run over them, or a column of its input or outputs has a type that rows cannot have.
    pub fn open(component: &[u8], options: &str, columns: &str) -> Result<Self, EmbedError> {
        let given = schema_of(columns)?;
        let options = OperatorOptions::parse(options.as_bytes())?;
        let mut operator = BatchOperator::open(component, &options, &given)?;
        let reads: Vec<usize> = match operator.keeps_state() {
            // A timer has no row whose columns it could carry over.
            true => (0..given.fields().len()).collect(),
            false => {
                operator = operator.without_carried()?;
                operator.reads().to_vec()
            }
        };
        let columns = given.project(&reads).map(Arc::new).map_err(|error| EmbedError::Operator(error.to_string()))?;
        let made = operator.outputs().iter().enumerate().flat_map(|(output, (_, schema))| {
            schema
                .fields()
                .iter()
                .zip(operator.carried(output))
                .filter_map(|(field, from)| from.is_none().then_some(field))
        });
        columns.fields().iter().chain(made).try_for_each(|field| rows::check(field.name(), field.data_type()))?;
        let has_others = reads.len() < given.fields().len();
        Ok(Self { operator, reads, columns, has_others })
    }

    /// What comes in and goes out, as JSON: `{"reads": [0], "reads_times": true, "outputs": [{"name": "main", "columns": [..]}]}`, the main
    /// output first. A column has `"from"`, which is null if it comes with the answer.
    ///
    /// # Errors
    /// If it cannot be written as JSON.
    pub fn describe(&self) -> Result<String, EmbedError> {
        let outputs = self.operator.outputs().iter().enumerate().map(|(output, (name, schema))| {
            let columns = schema.fields().iter().zip(self.operator.carried(output));
            let column = |(field, from): (&Arc<Field>, _)| Column {
                name: field.name().clone(),
                data_type: type_name(field.data_type()),
                from,
            };
            Output { name, columns: columns.map(column).collect() }
        });
        let description = Description {
            reads: &self.reads,
            reads_times: self.operator.keeps_state() || self.operator.reads_times(),
            outputs: outputs.collect(),
        };
        serde_json::to_string(&description).map_err(unreadable("outputs"))
    }

    /// Processes [`rows`]. For each batch that is emitted the answer has
    ///
    /// ```text
    /// u32 output | u8 0, of no row that came in, or 1 | u32 the first of as many that follow each other, or 2 | u32 count | u32 each | rows
    /// ```
    ///
    /// The last have the columns that the caller cannot put in itself, and event times if these are not those of the rows that they are of.
    ///
    /// # Errors
    /// As [`BatchOperator::process`], or if the bytes are no such rows.
    pub fn process(&mut self, batch: &[u8]) -> Result<Vec<u8>, EmbedError> {
        let (batch, times) = rows::decode(batch, &self.columns)?;
        if self.operator.keeps_state() {
            return timed(self.operator.process_at(&batch, times)?);
        }
        let mut answer = Vec::new();
        for Computed { output, made, origin } in
            self.operator.compute(batch, times).map_err(|error| self.of_read_columns(error))?
        {
            answer.extend_from_slice(&(output as u32).to_le_bytes());
            match &origin.rows {
                OriginRows::From(first) => {
                    answer.push(Of::Following as u8);
                    answer.extend_from_slice(&first.to_le_bytes());
                }
                OriginRows::Each(rows) => {
                    answer.push(Of::Each as u8);
                    answer.extend_from_slice(&(rows.len() as u32).to_le_bytes());
                    answer.extend(rows.iter().flat_map(|row| row.to_le_bytes()));
                }
            }
            rows::encode(&made.rows, origin.has_own_times.then_some(&made.event_times[..]), &mut answer)?;
        }
        Ok(answer)
    }

    /// A row that is refused is shown with the columns that come in: says so if it has others.
    fn of_read_columns(&self, error: EmbedError) -> EmbedError {
        match error {
            EmbedError::Batch(OperatorError::Row { row, reason }) if self.has_others => {
                let row = format!("{row} (only the columns that the component reads)");
                EmbedError::Batch(OperatorError::Row { row, reason })
            }
            other => other,
        }
    }

    /// Begins with what other subtasks have kept, or with nothing; it owns these key groups.
    ///
    /// # Errors
    /// As [`BatchOperator::begin`].
    pub fn begin(&mut self, restored: Restored, owned: &Range<u32>) -> Result<(), EmbedError> {
        self.operator.begin_with(restored, owned)
    }

    /// All that it keeps, to be written while it continues.
    ///
    /// # Errors
    /// If the state cannot be read.
    pub fn freeze(&mut self, owned: Range<u32>) -> Result<FrozenTask, EmbedError> {
        self.operator.freeze(owned)
    }

    /// The watermark rises; the answer is that of [`RowOperator::process`].
    ///
    /// # Errors
    /// As [`BatchOperator::advance_to`].
    pub fn advance_to(&mut self, watermark: i64) -> Result<Vec<u8>, EmbedError> {
        timed(self.operator.advance_timed(watermark)?)
    }

    /// The clock is looked at; the answer is that of [`RowOperator::process`].
    ///
    /// # Errors
    /// As [`BatchOperator::on_clock`].
    pub fn on_clock(&mut self) -> Result<Vec<u8>, EmbedError> {
        timed(self.operator.clock_timed()?)
    }

    /// When the clock is to be looked at.
    #[must_use]
    pub fn deadline(&self) -> Option<i64> {
        self.operator.due().clock
    }
}

/// Rows with their event times, which are of no row that came in.
fn timed(emitted: Emitted) -> Result<Vec<u8>, EmbedError> {
    let mut answer = Vec::new();
    for (output, batch) in emitted {
        answer.extend_from_slice(&(output as u32).to_le_bytes());
        answer.push(Of::Nobody as u8);
        rows::encode(&batch.rows, Some(&batch.event_times[..]), &mut answer)?;
    }
    Ok(answer)
}

/// [`KeyGroups`] of rows as bytes.
pub struct RowKeyGroups {
    groups: KeyGroups,
    columns: SchemaRef,
}

impl RowKeyGroups {
    /// So many, of rows of which only the columns of the key come in: these, as in [`RowOperator::open`].
    ///
    /// # Errors
    /// If they cannot be read, or rows cannot have one of them.
    pub fn new(count: u32, columns: &str) -> Result<Self, EmbedError> {
        let columns = schema_of(columns)?;
        columns.fields().iter().try_for_each(|field| rows::check(field.name(), field.data_type()))?;
        Ok(Self { groups: KeyGroups::new(count), columns })
    }

    /// The key group of each of some [`rows`].
    ///
    /// # Errors
    /// If the bytes are no such rows.
    pub fn of(&mut self, batch: &[u8]) -> Result<Vec<i32>, EmbedError> {
        let (batch, _) = rows::decode(batch, &self.columns)?;
        self.groups.of(batch.columns(), batch.num_rows())
    }
}
