//! A select, to the planner: the columns that it makes, and of each the columns that it is made of.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use weir_core::graph::{Node, NodeKind, OnError, SelectNode};
use weir_expressions::Expression;

use super::SelectOperator;
use super::columns::{check_syntax, selected};
use crate::dataflow::operator::Operator;
use crate::nodes::dead_letter::DeadLetters;
use crate::nodes::expressions::{Evaluator, outputs};
use crate::nodes::step_times::StepTimes;
use crate::plan::error::{CheckError, CheckErrors};
use crate::plan::node::{
    Distribution, InputPort, MakeContext, MakeError, OutputPort, PlanContext, PlanNode, PortInput, StepKind,
};

/// The section `selects`.
pub(crate) struct SelectKind;

/// Which of its outputs has the rows that failed.
const DEAD_LETTERS: usize = 1;

struct SelectStep {
    /// One per column of its main output.
    columns: Vec<Expression>,
    on_error: OnError,
    inputs: Vec<InputPort>,
    outputs: Vec<OutputPort>,
    parallelism: usize,
    times: Option<StepTimes>,
}

impl StepKind for SelectKind {
    fn section(&self) -> &'static str {
        "selects"
    }

    fn plan(&self, cx: &PlanContext<'_>, node: &Node, inputs: &[PortInput]) -> Result<Arc<dyn PlanNode>, CheckErrors> {
        let (spec, [input]) = (spec_of(node)?, inputs) else {
            return Err(CheckError::at(&node.span, "a select has one input").into());
        };
        let (names, columns): (Vec<String>, Vec<Expression>) =
            selected(cx.graph, node, &spec.columns, &input.schema)?.into_iter().unzip();
        let fields = names.iter().zip(&columns).map(|(name, column)| column.field(name, &input.schema));
        let schema: SchemaRef = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let mut outputs = outputs(schema, &input.schema);
        let times = StepTimes::plan(node, &mut outputs)?;
        Ok(Arc::new(SelectStep {
            columns,
            on_error: spec.on_error,
            inputs: vec![InputPort::only(input.schema.clone(), Distribution::Any)],
            outputs,
            parallelism: input.parallelism,
            times,
        }))
    }

    fn check_alone(&self, cx: &PlanContext<'_>, node: &Node) -> Result<(), CheckErrors> {
        check_syntax(cx.graph, &spec_of(node)?.columns)
    }
}

fn spec_of(node: &Node) -> Result<&SelectNode, CheckError> {
    match &node.kind {
        NodeKind::Select(spec) => Ok(spec),
        _ => Err(CheckError::at(&node.span, "this is no select")),
    }
}

impl PlanNode for SelectStep {
    fn kind(&self) -> &'static str {
        "select"
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
        let read = read.first().into_iter().flatten().flatten();
        let needs: BTreeSet<usize> = read.flat_map(|column| self.columns[*column].reads()).collect();
        vec![needs.into_iter().collect()]
    }

    fn make(&self, cx: &MakeContext<'_>) -> Result<Option<Box<dyn Operator>>, MakeError> {
        let made = &self.outputs[0].schema;
        let read = cx.columns.outputs.first().cloned().flatten().unwrap_or_default();
        let columns = read.iter().map(|column| self.columns[*column].clone()).collect();
        Ok(Some(Box::new(SelectOperator {
            columns: Evaluator::new(columns, &self.inputs[0].schema, cx.columns),
            schema: Arc::new(Schema::new(read.iter().map(|c| made.fields()[*c].clone()).collect::<Vec<_>>())),
            times: self.times.as_ref().and_then(|times| times.among(cx.columns)),
            dead_letters: DeadLetters::new(
                cx.columns.on_error(self.on_error, DEAD_LETTERS),
                DEAD_LETTERS,
                cx.metrics.clone(),
            ),
        })))
    }
}
