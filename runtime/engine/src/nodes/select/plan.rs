//! A select, to the planner: the columns that it makes, and of each the columns that it is made of.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::Schema;
use weir_core::graph::{Node, NodeKind, SelectNode};
use weir_expressions::Expression;

use super::SelectOperator;
use super::columns::{check_syntax, selected};
use crate::dataflow::operator::Operator;
use crate::nodes::expression_step::{self, Expressions, Parts};
use crate::plan::error::{CheckError, CheckErrors};
use crate::plan::node::{MakeContext, PlanContext, PlanNode, PortInput, StepKind};

/// The section `selects`.
pub(crate) struct SelectKind;

/// One per column of its main output.
struct Columns(Vec<Expression>);

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
        let made = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        expression_step::plan(node, input, made, spec.on_error, Columns(columns))
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

impl Expressions for Columns {
    const KIND: &str = "select";

    fn needs(&self, read: BTreeSet<usize>) -> BTreeSet<usize> {
        read.into_iter().flat_map(|column| self.0[column].reads()).collect()
    }

    fn evaluated(&self, read: &[usize]) -> Vec<Expression> {
        read.iter().map(|column| self.0[*column].clone()).collect()
    }

    fn place_of(&self, column: usize) -> Option<usize> {
        self.0.iter().position(|made| made.column() == Some(column))
    }

    fn operator(&self, parts: Parts, _cx: &MakeContext<'_>) -> Box<dyn Operator> {
        let Parts { evaluator: columns, schema, times, dead_letters, .. } = parts;
        Box::new(SelectOperator { columns, schema, times, dead_letters })
    }
}
