//! Values of several types as values of one: literals take the type of what they stand beside, and columns the type that holds both.

use arrow::datatypes::DataType;
use weir_core::column_type::type_name;

use super::{Checker, Result, union};
use crate::casts::{cast, check_cast};
use crate::error::ExpressionError;
use crate::failures::Failures;
use crate::node::{Node, Op};
use crate::types::{common, is_number};

impl Checker<'_> {
    /// A part as another type, which holds all its values, or which the author asked for. A literal is converted now.
    pub(super) fn coerce(&self, node: Node, to: &DataType) -> Result<Node> {
        if node.data_type == *to {
            return Ok(node);
        }
        let Some(constant) = node.constant() else {
            let range = node.range.clone();
            return Ok(Node::new(Op::Cast { of: Box::new(node), or_null: false }, to.clone(), range));
        };
        let mut failures = Failures::default();
        let constant = cast(constant, to, &node.range, &mut failures)
            .map_err(|error| ExpressionError::new(&node.range, error.to_string()))?;
        match failures.into_rows().into_iter().next() {
            Some((_, reason)) => Err(ExpressionError::new(&node.range, reason.message)),
            None => Ok(Node::new(Op::Constant(constant), to.clone(), node.range)),
        }
    }

    /// Parts as one type; `what` is done with them, for the message if there is none.
    pub(super) fn unify(&self, nodes: Vec<Node>, what: &str) -> Result<Vec<Node>> {
        let of_all = self.common_type(&nodes.iter().collect::<Vec<_>>(), what)?;
        nodes.into_iter().map(|node| self.coerce(node, &of_all)).collect()
    }

    /// The type that [`Checker::unify`] gives.
    pub(super) fn common_type(&self, nodes: &[&Node], what: &str) -> Result<DataType> {
        let is_literal = |node: &Node| node.constant().is_some();
        let is_text = |node: &Node| is_literal(node) && node.data_type == DataType::Utf8;
        let mut of_all: Option<DataType> = None;
        // Columns decide, then literals with a type of their own, then texts.
        let columns = nodes.iter().filter(|node| !is_literal(node));
        let literals = nodes.iter().filter(|node| is_literal(node) && !is_text(node));
        for node in columns.chain(literals).chain(nodes.iter().filter(|node| is_text(node))) {
            of_all = Some(match of_all {
                None => node.data_type.clone(),
                Some(so_far) if takes(&so_far, node) => so_far,
                Some(so_far) => common(&so_far, &node.data_type).ok_or_else(|| {
                    let (a, b) = (type_name(&so_far), type_name(&node.data_type));
                    let range = nodes.iter().fold(node.range.clone(), |range, node| union(&range, &node.range));
                    ExpressionError::of_types(&range, format!("{what} {a} and {b} is not possible: cast one of them"))
                })?,
            });
        }
        Ok(of_all.unwrap_or(DataType::Null))
    }

    /// Two parts as one type.
    pub(super) fn unify_two(&self, a: Node, b: Node, what: &str) -> Result<(Node, Node)> {
        let mut both = self.unify(vec![a, b], what)?.into_iter();
        match (both.next(), both.next()) {
            (Some(a), Some(b)) => Ok((a, b)),
            _ => Err(ExpressionError::new(&(0..self.text.len()), "two values are needed")),
        }
    }
}

/// Whether a literal becomes a value of the type of what it stands beside.
pub(super) fn takes(data_type: &DataType, literal: &Node) -> bool {
    let Some(constant) = literal.constant() else { return false };
    match &literal.data_type {
        DataType::Null => true,
        DataType::Utf8 => check_cast(&DataType::Utf8, data_type).is_ok(),
        number if is_number(number) && data_type.is_floating() => true,
        number if number.is_integer() && data_type.is_integer() => {
            let mut failures = Failures::default();
            cast(constant, data_type, &literal.range, &mut failures).is_ok() && failures.is_empty()
        }
        _ => false,
    }
}
