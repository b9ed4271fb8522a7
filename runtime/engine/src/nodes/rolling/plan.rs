//! `[rolling.NAME]`, to the planner.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use weir_core::graph::{
    AggregateSpec, DEAD_LETTER_OUTPUT, LATE_OUTPUT, MAIN_OUTPUT, Node, NodeKind, RollingNode, Spanned,
};

use super::{RollingColumn, RollingOperator, RollingSpec};
use crate::dataflow::operator::{Operator, OperatorError};
use crate::nodes::dead_letter::{DeadLetters, Letters, with_error_column};
use crate::nodes::filtered::Filters;
use crate::nodes::window::bound_aggregates::{bind, new_guests, with_version};
use crate::nodes::window::planned_aggregate::{PlannedAggregate, plan_aggregate};
use crate::nodes::window::replaceable_aggregates::ReplaceableAggregates;
use crate::plan::error::{CheckError, CheckErrors, check_distinct, key_column};
use crate::plan::node::{
    ComponentUse, Distribution, InputPort, MakeContext, MakeError, OutputPort, OutputRole, PlanContext, PlanNode,
    PortInput, ReplaceContext, StepKind,
};
use crate::replace::replaceable::Version;
use crate::replace::version::{NewVersion, SwapError};

/// The section `rolling`.
pub(crate) struct RollingKind;

#[derive(Clone)]
struct RollingStep {
    spec: RollingNode,
    keys: Vec<usize>,
    /// With the columns of the full input.
    aggregates: Vec<PlannedAggregate>,
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
        let planned = CheckErrors::all(
            spec.aggregates.iter().map(|(name, of)| planned(cx, (&node.name, name), of, &input.schema)),
        );
        let (keys, planned) = CheckErrors::both(keys, planned)?;
        let filters = Filters::plan(cx.graph, &spec.aggregates, &input.schema)?;
        let (aggregates, results): (Vec<PlannedAggregate>, Vec<FieldRef>) = planned.into_iter().unzip();
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
    cx: &PlanContext<'_>,
    (step, name): (&str, &Spanned<String>),
    of: &AggregateSpec,
    input: &SchemaRef,
) -> Result<(PlannedAggregate, FieldRef), CheckErrors> {
    if input.field_with_name(&name.value).is_ok() {
        let message = format!("{:?} is a column of the input already: give the aggregate another name", name.value);
        return Err(CheckError::at(&name.span, message).into());
    }
    let (aggregate, field) = plan_aggregate(cx, ("rolling", step, name), of, input)?;
    Ok((aggregate, Arc::new(field)))
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
        let columns = self.aggregates.iter().flat_map(|aggregate| &aggregate.columns);
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
        let (aggregates, components) = bind(cx, full, &self.aggregates, &filters)?;
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
            aggregates,
            input: filters.schema(&Arc::new(input)),
            read: read.iter().map(column).collect(),
            schema: Arc::new(schema),
            dead_letters: letters(),
            late_output: cx.columns.is_read(LATE).then_some(LATE),
            key_groups: cx.key_groups,
            metrics: cx.metrics.clone(),
        })?;
        let operator = ReplaceableAggregates::over(Box::new(operator), components);
        Ok(Some(filters.over(operator, (full, cx.columns), letters())?))
    }

    fn components(&self) -> Vec<ComponentUse<'_>> {
        self.aggregates.iter().filter_map(PlannedAggregate::component_use).collect()
    }

    fn replaced(&self, cx: &ReplaceContext<'_>, version: &NewVersion) -> Result<Arc<dyn PlanNode>, SwapError> {
        let aggregates = with_version(cx, &self.inputs[0].schema, &self.aggregates, version)?;
        Ok(Arc::new(Self { aggregates, ..self.clone() }))
    }

    fn make_version(&self, old: &dyn PlanNode, cx: &MakeContext<'_>) -> Result<Version, OperatorError> {
        new_guests(cx, &self.inputs[0].schema, &self.aggregates, old)
    }

    fn refuses_shadow(&self) -> Option<&'static str> {
        Some("a rolling aggregate calls no version beside another: swap it, and roll it back if it is worse")
    }
}
