//! What a filter and a select are to the planner, but for their expressions: one input, rows that are made of its rows, dead letters. It
//! knows no kind of step.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use weir_core::graph::{Node, OnError};
use weir_expressions::Expression;

use super::dead_letter::{DeadLetters, Letters};
use super::expressions::{Evaluator, outputs};
use super::step_times::StepTimes;
use crate::dataflow::operator::Operator;
use crate::plan::error::CheckErrors;
use crate::plan::node::{
    ChangelogMode, Distribution, InputPort, MakeContext, MakeError, OutputPort, PlanNode, PortInput,
};

/// Which of its outputs has the rows that failed.
const DEAD_LETTERS: usize = 1;

/// The expressions of a step, and what it does with them.
pub(super) trait Expressions: Send + Sync + 'static {
    /// As the planner calls the step.
    const KIND: &str;

    /// The columns of the input that are needed to make these of the output.
    fn needs(&self, read: BTreeSet<usize>) -> BTreeSet<usize>;

    /// The expressions that are evaluated to make these columns of the output.
    fn evaluated(&self, read: &[usize]) -> Vec<Expression>;

    /// Where a column of the input is among those of the output, unchanged.
    fn place_of(&self, column: usize) -> Option<usize>;

    /// The operator.
    fn operator(&self, parts: Parts, cx: &MakeContext<'_>) -> Box<dyn Operator>;
}

/// What an operator is made of.
pub(super) struct Parts {
    pub(super) evaluator: Evaluator,
    /// The columns of the output that are read.
    pub(super) read: Vec<usize>,
    /// They.
    pub(super) schema: SchemaRef,
    pub(super) times: Option<StepTimes>,
    pub(super) dead_letters: DeadLetters,
}

struct ExpressionStep<E> {
    expressions: E,
    on_error: OnError,
    inputs: Vec<InputPort>,
    outputs: Vec<OutputPort>,
    parallelism: usize,
    times: Option<StepTimes>,
}

/// A step whose main output has the columns `made`.
pub(super) fn plan<E: Expressions>(
    node: &Node,
    input: &PortInput,
    made: SchemaRef,
    on_error: OnError,
    expressions: E,
) -> Result<Arc<dyn PlanNode>, CheckErrors> {
    let mut outputs = outputs(made, &input.schema);
    let times = StepTimes::plan(node, &mut outputs)?;
    outputs[0].changelog = input.changelog;
    outputs[0].key =
        input.key.as_ref().and_then(|key| key.iter().map(|column| expressions.place_of(*column)).collect());
    let takes = ChangelogMode::RETRACTIONS;
    let inputs = vec![InputPort { takes, ..InputPort::only(input.schema.clone(), Distribution::Any) }];
    Ok(Arc::new(ExpressionStep { expressions, on_error, inputs, outputs, parallelism: input.parallelism, times }))
}

impl<E: Expressions> PlanNode for ExpressionStep<E> {
    fn kind(&self) -> &'static str {
        E::KIND
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
        let read = read.first().cloned().flatten().unwrap_or_default();
        vec![self.expressions.needs(read).into_iter().collect()]
    }

    fn make(&self, cx: &MakeContext<'_>) -> Result<Option<Box<dyn Operator>>, MakeError> {
        let made = &self.outputs[0].schema;
        let read = cx.columns.outputs.first().cloned().flatten().unwrap_or_default();
        let on_error = cx.columns.on_error(self.on_error, DEAD_LETTERS);
        let parts = Parts {
            evaluator: Evaluator::new(self.expressions.evaluated(&read), &self.inputs[0].schema, cx.columns),
            schema: Arc::new(Schema::new(read.iter().map(|c| made.fields()[*c].clone()).collect::<Vec<_>>())),
            read,
            times: self.times.as_ref().and_then(|times| times.among(cx.columns)),
            dead_letters: DeadLetters::new(on_error, DEAD_LETTERS, cx.metrics.clone(), Letters::OfRows),
        };
        Ok(Some(self.expressions.operator(parts, cx)))
    }
}
