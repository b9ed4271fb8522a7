//! What an operator does with its inputs, in Rust's terms: the checked answer of `describe`.
//!
//! Nothing here is raw guest output: that was checked and made into a [`Plan`], or refused.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::datatypes::{Field, FieldRef, Fields, Schema, SchemaRef};
use arrow::error::ArrowError;

use crate::delta::Delta;

/// Which of the worlds of `weir:operator` a component implements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum World {
    /// Stateless: map, filter, flat-map, project, split.
    Transform,
    /// State and timers per key.
    Keyed,
    /// An aggregate function for windows.
    Aggregate,
}

impl World {
    /// The world's name in the WIT package.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Transform => "transform-operator",
            Self::Keyed => "keyed-operator",
            Self::Aggregate => "aggregate-operator",
        }
    }
}

impl std::fmt::Display for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// One input that an operator is connected to. Its rows are inserts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputSchema {
    /// What the operator knows it by.
    pub name: String,
    /// The columns of its rows.
    pub schema: SchemaRef,
    /// Indices of the columns that it is keyed by; empty: not keyed.
    pub keys: Vec<usize>,
}

impl InputSchema {
    /// The input of an operator that has one.
    #[must_use]
    pub fn only(schema: SchemaRef, keys: Vec<usize>) -> Self {
        Self { name: ONLY_INPUT.to_owned(), schema, keys }
    }
}

/// What the contract calls the input of an operator that has one.
const ONLY_INPUT: &str = "main";

/// What an operator says of itself, whatever its configuration and inputs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OperatorInfo {
    /// A short name for people, without control characters.
    pub title: Option<String>,
    /// What its configuration may be: a JSON Schema.
    pub config_schema: Option<serde_json::Value>,
}

/// What an operator does with its inputs. Every index in it is in range for the inputs that it was made for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// For every input the indices of the columns that are passed in, in this order.
    pub reads: Vec<Vec<usize>>,
    /// Whether event times are passed in.
    pub reads_event_times: bool,
    /// The first is the main output, the others are side outputs.
    pub outputs: Vec<OutputPlan>,
    /// Of keyed operators that keep state, and of aggregates.
    pub state: Option<StateLayout>,
    /// Of keyed operators: state per key that is read entry by entry.
    pub maps: Arc<[MapLayout]>,
}

impl Plan {
    /// The columns of an output, by its index in [`Plan::outputs`].
    ///
    /// # Panics
    /// If there is no such output.
    #[must_use]
    pub fn output_schema(&self, output: usize) -> SchemaRef {
        Arc::clone(&self.outputs[output].schema)
    }
}

/// One output of an operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputPlan {
    /// `main`, or what pipelines call the side output by.
    pub name: String,
    /// Its columns, in order.
    pub columns: Vec<OutputColumn>,
    /// Its columns as a schema; a kept column that can be null by the rules of [`OutputColumn::Kept`] is nullable.
    pub schema: SchemaRef,
    /// The computed ones among its columns, in order: what [`Delta::computed`] holds.
    pub computed: Fields,
}

/// One column of an output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutputColumn {
    /// A column of an input, which the host carries over by itself. It is null in rows that come from another input, and in
    /// rows that a timer emits, if it is not a key column.
    Kept {
        /// Which input it comes from.
        input: usize,
        /// Its index in that input's schema.
        column: usize,
        /// Its name in the output.
        name: String,
    },
    /// A column that the operator makes.
    Computed(FieldRef),
}

impl OutputPlan {
    /// An output of these columns.
    ///
    /// # Panics
    /// If a kept column is not in `inputs`.
    #[must_use]
    pub fn new(name: String, columns: Vec<OutputColumn>, inputs: &[InputSchema], world: World) -> Self {
        let field = |column: &OutputColumn| match column {
            OutputColumn::Computed(field) => Arc::clone(field),
            OutputColumn::Kept { input, column, name } => {
                let of = &inputs[*input];
                let field = of.schema.field(*column);
                let timers = world == World::Keyed && !of.keys.contains(column);
                let nullable = field.is_nullable() || inputs.len() > 1 || timers;
                Arc::new(Field::new(name, field.data_type().clone(), nullable))
            }
        };
        let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Fields>()));
        let computed = columns.iter().filter_map(|column| match column {
            OutputColumn::Computed(field) => Some(Arc::clone(field)),
            OutputColumn::Kept { .. } => None,
        });
        Self { computed: computed.collect(), name, columns, schema }
    }

    /// The rows of one delta of this output. `kept` gives an input's column, by input and column index, as it was in the call
    /// (not selected yet); `None` makes a column of nulls.
    ///
    /// # Errors
    /// If a column that `kept` gave does not fit the schema or the selection.
    pub fn assemble(
        &self,
        delta: &Delta,
        rows_in: usize,
        kept: &mut dyn FnMut(usize, usize) -> Option<ArrayRef>,
    ) -> Result<RecordBatch, ArrowError> {
        let rows = delta.selection.len(rows_in);
        let mut computed = delta.computed.iter();
        let mut columns = Vec::with_capacity(self.columns.len());
        for (column, field) in self.columns.iter().zip(self.schema.fields()) {
            columns.push(match column {
                OutputColumn::Kept { input, column, .. } => match kept(*input, *column) {
                    Some(values) => delta.selection.take(&values)?,
                    None => new_null_array(field.data_type(), rows),
                },
                OutputColumn::Computed(_) => Arc::clone(computed.next().ok_or_else(|| {
                    ArrowError::InvalidArgumentError(format!("no values for the computed column {:?}", field.name()))
                })?),
            });
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
    }
}

/// How an operator's state looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateLayout {
    /// Raised by the author whenever the columns change their meaning.
    pub version: u32,
    /// One column per field; one row per key.
    pub schema: SchemaRef,
}

impl StateLayout {
    /// Whether another layout has no place for some column of this one.
    #[must_use]
    pub fn loses_columns_in(&self, other: &Self) -> bool {
        self.schema.fields().iter().any(|column| other.schema.field_with_name(column.name()).is_err())
    }
}

/// One map of a keyed operator: entries per key of the stream, each found by a key of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapLayout {
    /// What checkpoints know it by: ASCII letters, digits, `-` and `_`.
    pub name: String,
    /// The columns that an entry is found by, at least one.
    pub key: SchemaRef,
    /// The columns of an entry's value; may be none.
    pub value: SchemaRef,
}
