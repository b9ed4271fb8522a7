//! `where` of aggregates: a column that an aggregate reads is null in rows for which its condition does not hold, and nulls do not count. So an
//! aggregate knows no condition: rows come to its operator with columns of their own for those that have one, behind all others. To a component
//! a null is a value, so for it there is a column that says which rows count, before those that it reads.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::compute::{concat_batches, nullif};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use weir_core::batch::StreamBatch;
use weir_core::connector::Cut;
use weir_core::graph::{AggregateSpec, LogicalGraph, Spanned};
use weir_expressions::Expression;

use super::dead_letter::DeadLetters;
use super::expressions::{Evaluator, parsed};
use crate::dataflow::operator::{Frozen, Operator, OperatorError, Outputs, Progress, Snapshot, Time};
use crate::plan::error::{CheckErrors, column};
use crate::plan::node::NodeColumns;
use crate::replace::replaceable::Replaceable;

/// The conditions of a step's aggregates, of those that have one.
#[derive(Clone, Default)]
pub(super) struct Filters(Vec<Filter>);

#[derive(Clone)]
struct Filter {
    /// Which of the step's aggregates it is of.
    aggregate: usize,
    condition: Expression,
    /// What it reads first, if it is one of ours and not of rows.
    column: Option<usize>,
    /// What the column with it is called, in state and messages.
    name: String,
}

impl Filters {
    /// Those of some aggregates over an input.
    ///
    /// # Errors
    /// What is wrong with a condition, at its place in the file.
    pub(super) fn plan(
        graph: &LogicalGraph,
        aggregates: &[(Spanned<String>, AggregateSpec)],
        input: &SchemaRef,
    ) -> Result<Self, CheckErrors> {
        let filter = |(aggregate, (_, spec)): (usize, &(Spanned<String>, AggregateSpec))| {
            let (AggregateSpec::Builtin { columns, filter, .. } | AggregateSpec::Component { columns, filter, .. }) =
                spec;
            let Some(text) = filter else { return Ok::<_, CheckErrors>(None) };
            let condition = parsed(graph, text, |text| Expression::parse_condition(text, input))?;
            let names: Vec<&str> = columns.iter().map(|name| name.value.as_str()).collect();
            let (column, of) = match (spec, columns.first()) {
                (AggregateSpec::Builtin { .. }, Some(first)) => (Some(column(input, first)?), names[0].to_owned()),
                (AggregateSpec::Component { .. }, Some(_)) => (None, names.join(", ")),
                (_, None) => (None, "rows".to_owned()),
            };
            Ok(Some(Filter { aggregate, condition, column, name: format!("{of} where {}", text.value) }))
        };
        let filters = CheckErrors::all(aggregates.iter().enumerate().map(filter))?;
        Ok(Self(filters.into_iter().flatten().collect()))
    }

    /// The columns of the input that the conditions read.
    pub(super) fn reads(&self) -> BTreeSet<usize> {
        self.0.iter().flat_map(|filter| filter.condition.reads()).collect()
    }

    /// The columns that come in, by their places, with those for conditions.
    pub(super) fn schema(&self, input: &SchemaRef) -> SchemaRef {
        let own = self.0.iter().map(|filter| {
            let of = filter.column.map_or(DataType::Boolean, |column| input.field(column).data_type().clone());
            Arc::new(Field::new(&filter.name, of, true))
        });
        let fields: Vec<FieldRef> = input.fields().iter().cloned().chain(own).collect();
        Arc::new(Schema::new(fields))
    }

    /// Whether an aggregate has a condition.
    pub(super) fn is_of(&self, aggregate: usize) -> bool {
        self.0.iter().any(|filter| filter.aggregate == aggregate)
    }

    /// The columns that an aggregate reads of rows with so many columns of their own.
    pub(super) fn columns(&self, aggregate: usize, mut columns: Vec<usize>, own: usize) -> Vec<usize> {
        if let Some(place) = self.0.iter().position(|filter| filter.aggregate == aggregate) {
            columns.splice(0..usize::from(self.0[place].column.is_some()), [own + place]);
        }
        columns
    }

    /// The same filters of columns that are at other places.
    pub(super) fn placed(&self, columns: &NodeColumns) -> Self {
        let placed = |filter: &Filter| {
            let column = filter.column.and_then(|column| columns.position(0, column));
            Filter { column, ..filter.clone() }
        };
        Self(self.0.iter().map(placed).collect())
    }

    /// An operator of [`Filters::placed`] filters that hands rows with columns for them to another. `full` are all columns of the step's input.
    pub(super) fn over(
        &self,
        operator: Box<dyn Operator>,
        (full, columns): (&SchemaRef, &NodeColumns),
        dead_letters: DeadLetters,
    ) -> Result<Box<dyn Operator>, OperatorError> {
        if self.0.is_empty() {
            return Ok(operator);
        }
        let input = Arc::new(full.project(&columns.inputs[0])?);
        let conditions = self.0.iter().map(|filter| filter.condition.clone()).collect();
        Ok(Box::new(FilteredAggregates {
            operator,
            evaluator: Evaluator::new(conditions, full, columns),
            of: self.0.iter().map(|filter| filter.column).collect(),
            schema: self.schema(&input),
            dead_letters,
        }))
    }
}

struct FilteredAggregates {
    operator: Box<dyn Operator>,
    /// The conditions.
    evaluator: Evaluator,
    /// By condition: the column of which it leaves values out; `None`: it is of rows.
    of: Vec<Option<usize>>,
    /// The columns that come in, then one per condition.
    schema: SchemaRef,
    dead_letters: DeadLetters,
}

impl FilteredAggregates {
    /// What the operator gives out: rows that it hands on as they came in go without the columns for conditions.
    fn emit(&self, mut given: Outputs, out: &mut Outputs) -> Result<(), OperatorError> {
        let end = self.schema.fields().len();
        let own = end - self.of.len();
        for (output, batch) in given.take() {
            if output == 0 {
                out.emit(output, batch);
                continue;
            }
            let columns: Vec<usize> = (0..own).chain(end..batch.rows.num_columns()).collect();
            out.emit(output, StreamBatch { rows: batch.rows.project(&columns)?, key_hashes: None, ..batch });
        }
        Ok(())
    }

    fn call(
        &mut self,
        out: &mut Outputs,
        call: impl FnOnce(&mut dyn Operator, &mut Outputs) -> Result<Progress, OperatorError>,
    ) -> Result<Progress, OperatorError> {
        let mut given = Outputs::default();
        let progress = call(self.operator.as_mut(), &mut given)?;
        if let Some(rest) = given.take_rest() {
            self.put_back(rest, out)?;
        }
        self.emit(given, out)?;
        Ok(progress)
    }

    /// Rows that the operator takes another time come again as they came in, before those that have not been evaluated yet.
    fn put_back(&self, rest: StreamBatch, out: &mut Outputs) -> Result<(), OperatorError> {
        let own: Vec<usize> = (0..self.schema.fields().len() - self.of.len()).collect();
        let mut rest = StreamBatch { rows: rest.rows.project(&own)?, ..rest };
        if let Some(others) = out.take_rest() {
            let times = [&rest.event_times[..], &others.event_times[..]].concat();
            let rows = concat_batches(&rest.rows.schema(), [&rest.rows, &others.rows])?;
            debug_assert!(
                rest.row_kinds.is_none() && others.row_kinds.is_none(),
                "what takes updates puts nothing back"
            );
            rest = StreamBatch::new(rows, times.into(), rest.ingested_at.max(others.ingested_at));
        }
        out.put_back(rest);
        Ok(())
    }
}

/// The values of rows for which a condition holds; where there is no column, truth.
fn holding(condition: &ArrayRef, column: Option<&ArrayRef>) -> Result<ArrayRef, OperatorError> {
    let holds = match condition.data_type() {
        // `null` as written.
        DataType::Null => BooleanBuffer::new_unset(condition.len()),
        _ => {
            let condition = condition.as_boolean();
            condition.nulls().map_or_else(|| condition.values().clone(), |nulls| condition.values() & nulls.inner())
        }
    };
    Ok(match column {
        Some(column) => nullif(column, &BooleanArray::new(!&holds, None))?,
        None => Arc::new(BooleanArray::new(BooleanBuffer::new_set(holds.len()), Some(NullBuffer::new(holds)))),
    })
}

impl Operator for FilteredAggregates {
    fn process(&mut self, input: usize, batch: StreamBatch, out: &mut Outputs) -> Result<Progress, OperatorError> {
        let hashes = batch.key_hashes.clone();
        let evaluated = self.evaluator.evaluate(batch, &self.dead_letters, out)?;
        let mut columns = evaluated.batch.rows.columns().to_vec();
        for (condition, of) in evaluated.values.iter().zip(&self.of) {
            columns.push(holding(condition, of.and_then(|column| evaluated.batch.rows.columns().get(column)))?);
        }
        let rows = match evaluated.kept.clone() {
            Some(kept) => evaluated.rows(&self.schema, columns.into_iter(), Some(kept))?,
            None => {
                let options = RecordBatchOptions::new().with_row_count(Some(evaluated.batch.len()));
                let rows = RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)?;
                // The exchange has hashed the keys of the whole batch.
                let key_hashes = hashes.filter(|hashes| hashes.hashes().len() == rows.num_rows());
                StreamBatch { rows, key_hashes, ..evaluated.batch }
            }
        };
        self.call(out, |operator, out| operator.process(input, rows, out))
    }

    fn on_time(&mut self, at: Time, out: &mut Outputs) -> Result<Progress, OperatorError> {
        self.call(out, |operator, out| operator.on_time(at, out))
    }

    fn on_end(&mut self, out: &mut Outputs) -> Result<Progress, OperatorError> {
        self.call(out, |operator, out| operator.on_end(out))
    }

    fn more(&mut self, out: &mut Outputs) -> Result<Progress, OperatorError> {
        self.call(out, |operator, out| operator.more(out))
    }

    fn deadline(&self) -> Option<i64> {
        self.operator.deadline()
    }

    fn flush(&mut self, out: &mut Outputs) -> Result<(), OperatorError> {
        self.call(out, |operator, out| operator.flush(out).map(|()| Progress::Done)).map(|_| ())
    }

    fn freeze(&mut self, cut: Cut) -> Result<Frozen, OperatorError> {
        self.operator.freeze(cut)
    }

    fn restore(&mut self, snapshot: Snapshot) -> Result<(), OperatorError> {
        self.operator.restore(snapshot)
    }

    fn state_bytes(&mut self) -> u64 {
        self.operator.state_bytes()
    }

    fn replaceable(&mut self) -> Option<&mut dyn Replaceable> {
        self.operator.replaceable()
    }
}
