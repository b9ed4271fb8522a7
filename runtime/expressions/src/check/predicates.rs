//! `between`, `in`, `like`, `is distinct from` and `case`.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{AsArray, StringArray};
use arrow::datatypes::DataType;
use sqlparser::ast::{Expr, InTarget};
use weir_core::column_type::type_name;

use super::{Checker, Result, union};
use crate::error::ExpressionError;
use crate::node::{Case, Comparison, Node, Op};

impl Checker<'_> {
    pub(super) fn distinct(&mut self, expr: &Expr, within: &Range<usize>) -> Result<Node> {
        let (comparison, a, b) = match expr {
            Expr::IsDistinctFrom(a, b) => (Comparison::Distinct, a, b),
            Expr::IsNotDistinctFrom(a, b) => (Comparison::NotDistinct, a, b),
            _ => return Err(self.unknown(expr, within)),
        };
        let (a, b) = (self.node(a, within)?, self.node(b, within)?);
        self.compare(comparison, a, b)
    }

    pub(super) fn between(
        &mut self,
        of: &Expr,
        negated: bool,
        low: &Expr,
        high: &Expr,
        within: &Range<usize>,
    ) -> Result<Node> {
        let nodes = vec![self.node(of, within)?, self.node(low, within)?, self.node(high, within)?];
        let range = nodes.iter().fold(nodes[0].range.clone(), |range, node| union(&range, &node.range));
        let mut nodes = self.unify(nodes, "comparing")?.into_iter().map(Box::new);
        let (Some(of), Some(low), Some(high)) = (nodes.next(), nodes.next(), nodes.next()) else {
            return Err(ExpressionError::new(&range, "between takes two bounds"));
        };
        Ok(negate_if(negated, Node::new(Op::Between(of, low, high), DataType::Boolean, range)))
    }

    pub(super) fn is_in(&mut self, of: &Expr, target: &InTarget, negated: bool, within: &Range<usize>) -> Result<Node> {
        let InTarget::List(list) = target else {
            return Err(ExpressionError::new(within, "in needs a list: x in (1, 2, 3)"));
        };
        let mut nodes = vec![self.node(of, within)?];
        for item in list {
            nodes.push(self.node(item, within)?);
        }
        let range = nodes.iter().fold(nodes[0].range.clone(), |range, node| union(&range, &node.range));
        let mut nodes = self.unify(nodes, "comparing")?.into_iter();
        let Some(of) = nodes.next() else { return Err(ExpressionError::new(&range, "in has a list")) };
        Ok(negate_if(negated, Node::new(Op::In(Box::new(of), nodes.collect()), DataType::Boolean, range)))
    }

    pub(super) fn like(&mut self, expr: &Expr, within: &Range<usize>) -> Result<Node> {
        let (negated, text, pattern, escape, ignores_case) = match expr {
            Expr::Like { negated, any: false, expr, pattern, escape_char } => {
                (negated, expr, pattern, escape_char, false)
            }
            Expr::ILike { negated, any: false, expr, pattern, escape_char } => {
                (negated, expr, pattern, escape_char, true)
            }
            _ => return Err(self.unknown(expr, within)),
        };
        let text = self.node(text, within)?;
        if !matches!(text.data_type, DataType::Utf8 | DataType::Null) {
            let message = format!("like takes text, but this is {}: cast it to utf8", type_name(&text.data_type));
            return Err(ExpressionError::of_types(&text.range, message));
        }
        let text = self.coerce(text, &DataType::Utf8)?;
        let pattern = self.node(pattern, within)?;
        let range = union(&text.range, &pattern.range);
        let Some(of_pattern) = literal(&pattern) else {
            let message =
                "the pattern of like is a literal: contains(text, part), starts_with and ends_with take any text";
            return Err(ExpressionError::new(&pattern.range, message));
        };
        let escape = match escape {
            None => Some('\\'),
            Some(escape) => {
                let escape = self.node(escape, within)?;
                let text = literal(&escape).unwrap_or_default();
                let mut chars = text.chars();
                match (literal(&escape).is_some(), chars.next(), chars.next()) {
                    (true, escape, None) => escape,
                    _ => return Err(ExpressionError::new(&escape.range, "escape is one character in quotes, or none")),
                }
            }
        };
        let of_pattern = arrows_pattern(of_pattern, escape).map_err(|m| ExpressionError::new(&pattern.range, m))?;
        let pattern = Arc::new(StringArray::from(vec![of_pattern]));
        let op = Op::Like { text: Box::new(text), pattern, ignores_case };
        Ok(negate_if(*negated, Node::new(op, DataType::Boolean, range)))
    }

    pub(super) fn case(&mut self, expr: &Expr, within: &Range<usize>) -> Result<Node> {
        let Expr::Case { case_token, end_token, operand, conditions, else_result } = expr else {
            return Err(self.unknown(expr, within));
        };
        let range = union(&self.places.range(case_token.0.span, within), &self.places.range(end_token.0.span, within));
        let mut questions = Vec::with_capacity(conditions.len() + 1);
        let mut results = Vec::with_capacity(conditions.len() + 1);
        if let Some(operand) = operand {
            questions.push(self.node(operand, &range)?);
        }
        for when in conditions {
            let condition = self.node(&when.condition, &range)?;
            questions.push(if operand.is_some() { condition } else { self.condition(condition)? });
            results.push(self.node(&when.result, &range)?);
        }
        if let Some(otherwise) = else_result {
            results.push(self.node(otherwise, &range)?);
        }
        let mut results = self.unify(results, "choosing between")?;
        let data_type = results.first().map_or(DataType::Null, |result| result.data_type.clone());
        let otherwise = else_result.as_ref().and_then(|_| results.pop());
        let mut questions = match operand {
            Some(_) => self.unify(questions, "comparing")?,
            None => questions,
        }
        .into_iter();
        let operand = operand.as_ref().and_then(|_| questions.next());
        let case = Case { operand, branches: questions.zip(results).collect(), otherwise };
        Ok(Node::new(Op::Case(Box::new(case)), data_type, range))
    }
}

fn negate_if(negated: bool, node: Node) -> Node {
    if !negated {
        return node;
    }
    let range = node.range.clone();
    Node::new(Op::Not(Box::new(node)), DataType::Boolean, range)
}

/// A text that the expression has as such.
fn literal(node: &Node) -> Option<&str> {
    let text = node.constant()?.as_string_opt::<i32>()?;
    text.iter().next().flatten()
}

/// A pattern with the escape that Arrow knows.
fn arrows_pattern(pattern: &str, escape: Option<char>) -> std::result::Result<String, String> {
    let mut arrows = String::with_capacity(pattern.len());
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        if Some(c) == escape {
            let escaped =
                chars.next().ok_or("the pattern ends with its escape, which must stand before a character")?;
            arrows.push('\\');
            arrows.push(escaped);
        } else {
            if c == '\\' {
                arrows.push('\\');
            }
            arrows.push(c);
        }
    }
    Ok(arrows)
}
