//! A filter, to the planner: the columns of its input, and of these those that its condition reads.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::Schema;
use weir_core::graph::{FilterNode, Node, NodeKind, OnError};
use weir_expressions::Expression;

use super::FilterOperator;
use crate::dataflow::operator::Operator;
use crate::nodes::dead_letter::DeadLetters;
use crate::nodes::expressions::{Evaluator, outputs, parsed};
use crate::nodes::step_times::StepTimes;
use crate::plan::error::{CheckError, CheckErrors};
use crate::plan::node::{
    Distribution, InputPort, MakeContext, MakeError, OutputPort, PlanContext, PlanNode, PortInput, StepKind,
};

/// The section `filters`.
pub(crate) struct FilterKind;

/// Which of its outputs has the rows that failed.
const DEAD_LETTERS: usize = 1;

struct FilterStep {
    condition: Expression,
    on_error: OnError,
    inputs: Vec<InputPort>,
    outputs: Vec<OutputPort>,
    parallelism: usize,
    times: Option<StepTimes>,
}

impl StepKind for FilterKind {
    fn section(&self) -> &'static str {
        "filters"
    }

    fn plan(&self, cx: &PlanContext<'_>, node: &Node, inputs: &[PortInput]) -> Result<Arc<dyn PlanNode>, CheckErrors> {
        let (spec, [input]) = (spec_of(node)?, inputs) else {
            return Err(CheckError::at(&node.span, "a filter has one input").into());
        };
        let condition = parsed(cx.graph, &spec.condition, |text| Expression::parse_condition(text, &input.schema))?;
        let mut outputs = outputs(input.schema.clone(), &input.schema);
        let times = StepTimes::plan(node, &mut outputs)?;
        Ok(Arc::new(FilterStep {
            condition,
            on_error: spec.on_error,
            inputs: vec![InputPort::only(input.schema.clone(), Distribution::Any)],
            outputs,
            parallelism: input.parallelism,
            times,
        }))
    }

    fn check_alone(&self, cx: &PlanContext<'_>, node: &Node) -> Result<(), CheckErrors> {
        Ok(parsed(cx.graph, &spec_of(node)?.condition, Expression::check_syntax)?)
    }
}

fn spec_of(node: &Node) -> Result<&FilterNode, CheckError> {
    match &node.kind {
        NodeKind::Filter(spec) => Ok(spec),
        _ => Err(CheckError::at(&node.span, "this is no filter")),
    }
}

impl PlanNode for FilterStep {
    fn kind(&self) -> &'static str {
        "filter"
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

    fn needs(&self, read: &[Option<BTreeSet<usize>>]) -> Vec<Vec<usize>> {
        let mut needs = self.condition.reads();
        needs.extend(read.first().into_iter().flatten().flatten());
        vec![needs.into_iter().collect()]
    }

    fn make(&self, cx: &MakeContext<'_>) -> Result<Option<Box<dyn Operator>>, MakeError> {
        let schema = &self.inputs[0].schema;
        let read = cx.columns.outputs.first().cloned().flatten().unwrap_or_default();
        Ok(Some(Box::new(FilterOperator {
            condition: Evaluator::new(vec![self.condition.clone()], schema, cx.columns),
            columns: cx.columns.positions(0, &read),
            schema: Arc::new(Schema::new(read.iter().map(|c| schema.fields()[*c].clone()).collect::<Vec<_>>())),
            times: self.times.as_ref().and_then(|times| times.among(cx.columns)),
            dead_letters: DeadLetters::new(
                cx.columns.on_error(self.on_error, DEAD_LETTERS),
                DEAD_LETTERS,
                cx.metrics.clone(),
            ),
        })))
    }
}
