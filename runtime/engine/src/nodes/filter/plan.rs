//! A filter, to the planner: the columns of its input, and of these those that its condition reads.

use std::collections::BTreeSet;
use std::sync::Arc;

use weir_core::graph::{FilterNode, Node, NodeKind};
use weir_expressions::Expression;

use super::FilterOperator;
use crate::dataflow::operator::Operator;
use crate::nodes::expression_step::{self, Expressions, Parts};
use crate::nodes::expressions::parsed;
use crate::plan::error::{CheckError, CheckErrors};
use crate::plan::node::{MakeContext, PlanContext, PlanNode, PortInput, StepKind};

/// The section `filters`.
pub(crate) struct FilterKind;

struct Condition(Expression);

impl StepKind for FilterKind {
    fn section(&self) -> &'static str {
        "filters"
    }

    fn plan(&self, cx: &PlanContext<'_>, node: &Node, inputs: &[PortInput]) -> Result<Arc<dyn PlanNode>, CheckErrors> {
        let (spec, [input]) = (spec_of(node)?, inputs) else {
            return Err(CheckError::at(&node.span, "a filter has one input").into());
        };
        let condition = parsed(cx.graph, &spec.condition, |text| Expression::parse_condition(text, &input.schema))?;
        expression_step::plan(node, input, input.schema.clone(), spec.on_error, Condition(condition))
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

impl Expressions for Condition {
    const KIND: &str = "filter";

    fn needs(&self, mut read: BTreeSet<usize>) -> BTreeSet<usize> {
        read.append(&mut self.0.reads());
        read
    }

    fn evaluated(&self, _read: &[usize]) -> Vec<Expression> {
        vec![self.0.clone()]
    }

    fn place_of(&self, column: usize) -> Option<usize> {
        Some(column)
    }

    fn operator(&self, parts: Parts, cx: &MakeContext<'_>) -> Box<dyn Operator> {
        let Parts { evaluator: condition, read, schema, times, dead_letters } = parts;
        let columns = cx.columns.positions(0, &read);
        Box::new(FilterOperator { condition, columns, schema, times, dead_letters })
    }
}
