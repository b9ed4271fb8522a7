//! `[rolling.NAME]`, to the planner.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{Field, FieldRef, Schema};
use weir_core::graph::{
    AggregateSpec, DEAD_LETTER_OUTPUT, LATE_OUTPUT, MAIN_OUTPUT, Node, NodeKind, RollingNode, Spanned,
};

use super::{RollingColumn, RollingOperator, RollingSpec};
use crate::dataflow::operator::{Operator, OperatorError};
use crate::nodes::dead_letter::{DeadLetters, Letters, with_error_column};
use crate::nodes::filtered::Filters;
use crate::nodes::window::planned_aggregate::plan_builtin;
use crate::nodes::window::{AggregateKind, BoundAggregate};
use crate::plan::error::{CheckError, CheckErrors, check_distinct, key_column};
use crate::plan::node::{
    Distribution, InputPort, MakeContext, MakeError, OutputPort, OutputRole, PlanContext, PlanNode, PortInput, StepKind,
};

/// The section `rolling`.
pub(crate) struct RollingKind;

struct RollingStep {
    spec: RollingNode,
    keys: Vec<usize>,
    /// With the columns of the full input.
    aggregates: Vec<BoundAggregate>,
    filters: Filters,
    inputs: Vec<InputPort>,
    outputs: Vec<OutputPort>,
    parallelism: usize,
}

const LATE: usize = 1;
const DEAD_LETTERS: usize = 2;

impl StepKind for RollingKind {
    fn section(&self) -> &'static str {
        "rolling"
    }

    fn plan(&self, cx: &PlanContext<'_>, node: &Node, inputs: &[PortInput]) -> Result<Arc<dyn PlanNode>, CheckErrors> {
        let (NodeKind::Rolling(spec), [input]) = (&node.kind, inputs) else {
            return Err(CheckError::at(&node.span, "rolling aggregates have one input").into());
        };
        check_distinct(&cx.graph.text, "key-by", &spec.key_by)?;
        let keys = CheckErrors::all(spec.key_by.iter().map(|key| key_column(&input.schema, key)));
        let planned = CheckErrors::all(spec.aggregates.iter().map(|(name, of)| planned(name, of, &input.schema)));
        let (keys, planned) = CheckErrors::both(keys, planned)?;
        let filters = Filters::plan(cx.graph, &spec.aggregates, &input.schema)?;
        let (aggregates, results): (Vec<BoundAggregate>, Vec<FieldRef>) = planned.into_iter().unzip();
        let fields = input.schema.fields().iter().cloned().chain(results).collect::<Vec<_>>();
        let main = OutputPort::new(MAIN_OUTPUT, Arc::new(Schema::new(fields)), OutputRole::Made);
        let late = OutputPort::new(LATE_OUTPUT, input.schema.clone(), OutputRole::WholeRows);
        let letters = with_error_column(&input.schema, Letters::OfRows);
        let letters = OutputPort::new(DEAD_LETTER_OUTPUT, letters, OutputRole::WholeRows);
        let port = InputPort::only(input.schema.clone(), Distribution::Hash(keys.clone()));
        let parallelism = if keys.is_empty() { 1 } else { cx.graph.parallelism };
        let (spec, inputs, outputs) = (spec.clone(), vec![port], vec![main, late, letters]);
        Ok(Arc::new(RollingStep { spec, keys, aggregates, filters, inputs, outputs, parallelism }))
    }
}

/// An aggregate, and its column of the result.
fn planned(
    name: &Spanned<String>,
    of: &AggregateSpec,
    input: &Schema,
) -> Result<(BoundAggregate, FieldRef), CheckErrors> {
    if input.field_with_name(&name.value).is_ok() {
        let message = format!("{:?} is a column of the input already: give the aggregate another name", name.value);
        return Err(CheckError::at(&name.span, message).into());
    }
    let AggregateSpec::Builtin { function, columns, .. } = of else {
        let message = "rolling aggregates cannot be components: use a built-in one, a window, or a keyed operator";
        return Err(CheckError::at(&name.span, message).into());
    };
    let (columns, output) = plan_builtin(name, function, columns, input)?;
    let kind = AggregateKind::Builtin { function: function.clone(), columns };
    let field = Arc::new(Field::new(&name.value, output, !function.is_never_null()));
    Ok((BoundAggregate { name: name.value.clone(), kind }, field))
}

impl RollingStep {
    /// How many columns its input has.
    fn width(&self) -> usize {
        self.inputs[0].schema.fields().len()
    }
}

impl PlanNode for RollingStep {
    fn kind(&self) -> &'static str {
        "rolling aggregation"
    }

    fn inputs(&self) -> &[InputPort] {
        &self.inputs
    }

    fn outputs(&self) -> &[OutputPort] {
        &self.outputs
    }

    fn parallelism(&self) -> usize {
        self.parallelism
    }

    fn state_bytes_max(&self) -> u64 {
        self.spec.state_bytes
    }

    fn needs(&self, read: &[Option<BTreeSet<usize>>]) -> Vec<Vec<usize>> {
        let columns = self.aggregates.iter().flat_map(|aggregate| aggregate.columns());
        let mut needs: BTreeSet<usize> = self.keys.iter().chain(columns).copied().chain(self.filters.reads()).collect();
        needs.extend(read.first().into_iter().flatten().flatten().filter(|column| **column < self.width()));
        vec![needs.into_iter().collect()]
    }

    fn advice_on_updates(&self) -> Option<&'static str> {
        Some("a row that is given out is not given out again; put the step before the one that makes updates")
    }

    fn make(&self, cx: &MakeContext<'_>) -> Result<Option<Box<dyn Operator>>, MakeError> {
        let full = &self.inputs[0].schema;
        let (input, filters) =
            (full.project(&cx.columns.inputs[0]).map_err(OperatorError::from)?, self.filters.placed(cx.columns));
        let aggregates = self.aggregates.iter().enumerate().map(|(index, aggregate)| {
            let place =
                |columns: &[usize]| filters.columns(index, cx.columns.positions(0, columns), input.fields().len());
            aggregate.placed(place)
        });
        let read = cx.columns.outputs.first().cloned().flatten().unwrap_or_default();
        let schema = self.outputs[0].schema.project(&read).map_err(OperatorError::from)?;
        let column = |column: &usize| match column.checked_sub(self.width()) {
            Some(aggregate) => RollingColumn::Aggregate(aggregate),
            None => RollingColumn::Of(cx.columns.position(0, *column).unwrap_or_default()),
        };
        let on_error = cx.columns.on_error(self.spec.on_error, DEAD_LETTERS);
        let letters = || DeadLetters::new(on_error, DEAD_LETTERS, cx.metrics.clone(), Letters::OfRows);
        let operator = RollingOperator::new(RollingSpec {
            key_columns: cx.columns.positions(0, &self.keys),
            frame: self.spec.frame,
            aggregates: aggregates.collect(),
            input: filters.schema(&Arc::new(input)),
            read: read.iter().map(column).collect(),
            schema: Arc::new(schema),
            dead_letters: letters(),
            late_output: cx.columns.is_read(LATE).then_some(LATE),
            key_groups: cx.key_groups,
            metrics: cx.metrics.clone(),
        })?;
        Ok(Some(filters.over(Box::new(operator), (full, cx.columns), letters())?))
    }
}
