//! Names, types and coercions: the syntax tree of an expression into a tree in which every part has its type and gets arguments of the
//! types that it takes. It evaluates nothing but casts of literals.

mod calls;
mod coerce;
mod literals;
mod operators;
mod predicates;
mod type_names;

use std::ops::Range;

use arrow::datatypes::{DataType, Field, Schema};
use sqlparser::ast::{CastKind, Expr, Ident, Spanned as _};
use sqlparser::tokenizer::{Location, Span};
use weir_core::column_type::type_name;
use weir_core::names::did_you_mean;

use crate::casts::check_cast;
use crate::error::ExpressionError;
use crate::limits::{NODES_MAX, TREE_DEPTH_MAX};
use crate::node::{Node, Op, Test};
use crate::parse::Places;

type Result<T> = std::result::Result<T, ExpressionError>;

/// The tree of an expression over these columns.
///
/// # Errors
/// The first thing that does not fit, with its place in the text.
pub(crate) fn check(text: &str, expr: &Expr, columns: &Schema) -> Result<Node> {
    let mut checker = Checker { text, places: Places::new(text), columns, parts: 0, depth: 0 };
    checker.node(expr, &(0..text.len()))
}

/// The column at a path such as `latency.p95`, and the last name of it.
///
/// # Errors
/// If there is no such column or field.
pub(crate) fn check_path(path: &str, columns: &Schema) -> Result<(Node, String)> {
    let checker = Checker { text: path, places: Places::new(path), columns, parts: 0, depth: 0 };
    let mut at = 0;
    let ident = |part: &str| {
        let before = path.get(..at).unwrap_or_default().chars().count() as u64 + 1;
        at += part.len() + 1;
        let end = before + part.chars().count() as u64;
        Ident::with_span(Span::new(Location::new(1, before), Location::new(1, end)), part)
    };
    let names: Vec<Ident> = path.split('.').map(ident).collect();
    let node = checker.column(&names, &(0..path.len()))?;
    Ok((node, names.last().map_or_else(String::new, |name| name.value.clone())))
}

struct Checker<'a> {
    text: &'a str,
    places: Places<'a>,
    columns: &'a Schema,
    /// How many parts were checked so far.
    parts: usize,
    /// How deep the part is that is checked now.
    depth: usize,
}

/// The place of two parts together.
fn union(a: &Range<usize>, b: &Range<usize>) -> Range<usize> {
    a.start.min(b.start)..a.end.max(b.end)
}

impl Checker<'_> {
    /// A part; `within`: the place of what it is a part of, for parts that the parser knows no place of.
    fn node(&mut self, expr: &Expr, within: &Range<usize>) -> Result<Node> {
        self.depth += 1;
        self.parts += 1;
        if self.depth > TREE_DEPTH_MAX || self.parts > NODES_MAX {
            let message = if self.depth > TREE_DEPTH_MAX {
                format!("the expression nests too deep; at most {TREE_DEPTH_MAX} levels are evaluated")
            } else {
                format!("the expression has too many parts; at most {NODES_MAX} are evaluated")
            };
            return Err(ExpressionError::new(within, message));
        }
        let node = self.part(expr, within)?;
        self.depth -= 1;
        self.admit(node)
    }

    /// Refuses a tree that is too deep to be evaluated.
    fn admit(&self, node: Node) -> Result<Node> {
        if node.depth > TREE_DEPTH_MAX {
            let message = format!("the expression nests too deep; at most {TREE_DEPTH_MAX} levels are evaluated");
            return Err(ExpressionError::new(&node.range, message));
        }
        Ok(node)
    }

    fn part(&mut self, expr: &Expr, within: &Range<usize>) -> Result<Node> {
        match expr {
            Expr::Nested(inner) => self.node(inner, within),
            Expr::Identifier(name) => self.column(std::slice::from_ref(name), within),
            Expr::CompoundIdentifier(names) => self.column(names, within),
            Expr::Value(value) => literals::value(&value.value, self.places.range(value.span, within)),
            Expr::TypedString(text) => self.typed_text(text, within),
            Expr::Interval(interval) => self.interval(interval, within),
            Expr::UnaryOp { op, expr } => self.unary(*op, expr, within),
            Expr::BinaryOp { .. } => self.binary(expr, within),
            Expr::IsNull(of) => self.is(Test::Null, of, within),
            Expr::IsNotNull(of) => self.is(Test::NotNull, of, within),
            Expr::IsTrue(of) => self.is(Test::True, of, within),
            Expr::IsNotTrue(of) => self.is(Test::NotTrue, of, within),
            Expr::IsFalse(of) => self.is(Test::False, of, within),
            Expr::IsNotFalse(of) => self.is(Test::NotFalse, of, within),
            Expr::IsDistinctFrom(..) | Expr::IsNotDistinctFrom(..) => self.distinct(expr, within),
            Expr::Between { expr, negated, low, high } => self.between(expr, *negated, low, high, within),
            Expr::In { expr, target, negated, .. } => self.is_in(expr, target, *negated, within),
            Expr::Like { .. } | Expr::ILike { .. } => self.like(expr, within),
            Expr::Case { .. } => self.case(expr, within),
            Expr::Cast { kind, expr, data_type, format: None } => {
                let of = self.node(expr, within)?;
                let place = || self.places.type_behind(of.range.end).unwrap_or_else(|| of.range.clone());
                let to = type_names::column_type(data_type).map_err(|m| ExpressionError::new(&place(), m))?;
                self.cast(of, to, matches!(kind, CastKind::TryCast | CastKind::SafeCast))
            }
            Expr::Function(_)
            | Expr::Extract { .. }
            | Expr::Ceil { .. }
            | Expr::Floor { .. }
            | Expr::Position { .. }
            | Expr::Substring { .. }
            | Expr::Trim { .. } => self.call(expr, within),
            _ => Err(self.unknown(expr, within)),
        }
    }

    /// What the parser knows, and expressions do not have.
    fn unknown(&self, expr: &Expr, within: &Range<usize>) -> ExpressionError {
        // Not of every form, as the parser looks for the places of all parts of it.
        let range = match expr {
            Expr::Subquery(_) | Expr::Exists { .. } | Expr::Tuple(_) | Expr::Array(_) => {
                self.places.range(expr.span(), within)
            }
            _ => within.clone(),
        };
        let what = match expr {
            Expr::Subquery(_) | Expr::Exists { .. } => "a query within an expression is not possible",
            Expr::Tuple(_) => "a list is possible only after `in`",
            Expr::Wildcard(_) | Expr::QualifiedWildcard(..) => "* is not possible in an expression",
            Expr::SimilarTo { .. } | Expr::RLike { .. } => "this is not possible: write regexp_like(text, 'pattern')",
            Expr::AtTimeZone { .. } => {
                "`at time zone` is not possible: cast to a type such as \"timestamp(us, Europe/Berlin)\""
            }
            Expr::CompoundFieldAccess { .. } | Expr::Array(_) => {
                "lists and their elements are not possible in an expression"
            }
            _ => "an expression cannot have this; docs/guide/expressions.md lists what it can have",
        };
        ExpressionError::new(&range, what)
    }

    /// A column, or a field of one.
    fn column(&self, names: &[Ident], within: &Range<usize>) -> Result<Node> {
        let range = |ident: &Ident| self.places.range(ident.span, within);
        let (Some((first, rest)), Some(last)) = (names.split_first(), names.last()) else {
            return Err(ExpressionError::new(within, "a name is missing"));
        };
        let known: Vec<&Field> = self.columns.fields().iter().map(AsRef::as_ref).collect();
        let column = find(first, &known, "column", &range(first))?;
        let (mut field, mut fields) = (known[column], Vec::new());
        for name in rest {
            let DataType::Struct(within) = field.data_type() else {
                let is = type_name(field.data_type());
                let message = format!("{:?} is {is} and has no fields: only a struct has", field.name());
                return Err(ExpressionError::new(&range(name), message));
            };
            let known: Vec<&Field> = within.iter().map(AsRef::as_ref).collect();
            let index = find(name, &known, "field", &range(name))?;
            fields.push(index);
            field = known[index];
        }
        let range = union(&range(first), &range(last));
        Ok(Node::new(Op::Column { column, fields }, field.data_type().clone(), range))
    }

    fn is(&mut self, test: Test, of: &Expr, within: &Range<usize>) -> Result<Node> {
        let mut of = self.node(of, within)?;
        if !matches!(test, Test::Null | Test::NotNull) {
            of = self.condition(of)?;
        }
        let range = of.range.clone();
        Ok(Node::new(Op::Is(test, Box::new(of)), DataType::Boolean, range))
    }

    /// A part that must be a boolean.
    fn condition(&self, of: Node) -> Result<Node> {
        match of.data_type {
            DataType::Boolean | DataType::Null => Ok(of),
            _ => {
                let message =
                    format!("this is {}, but must be a bool: compare it with something", type_name(&of.data_type));
                Err(ExpressionError::of_types(&of.range, message))
            }
        }
    }

    /// A cast that the expression has.
    fn cast(&self, of: Node, to: DataType, or_null: bool) -> Result<Node> {
        check_cast(&of.data_type, &to).map_err(|message| ExpressionError::new(&of.range, message))?;
        if of.constant().is_some() && !or_null {
            return self.coerce(of, &to);
        }
        let range = of.range.clone();
        Ok(Node::new(Op::Cast { of: Box::new(of), or_null }, to, range))
    }
}

/// The index of a name among columns or fields.
fn find(name: &Ident, known: &[&Field], what: &str, range: &Range<usize>) -> Result<usize> {
    if let Some(index) = known.iter().position(|field| *field.name() == name.value) {
        return Ok(index);
    }
    let names: Vec<&str> = known.iter().map(|field| field.name().as_str()).collect();
    let other_case = names.iter().find(|known| known.eq_ignore_ascii_case(&name.value));
    let near = match other_case {
        Some(known) => format!("; did you mean {known:?}? Upper and lower case are different"),
        None => did_you_mean(&name.value, &names),
    };
    let quoted = match (name.quote_style, near.is_empty()) {
        (Some('"'), true) => "; text is written in single quotes",
        _ => "",
    };
    let is_part = |known: &&&str| {
        let rest = known.strip_prefix(name.value.as_str()).map(|rest| rest.starts_with('-'));
        rest.or_else(|| known.strip_suffix(name.value.as_str()).map(|rest| rest.ends_with('-'))).unwrap_or(false)
    };
    let hyphenated = names.iter().find(is_part).filter(|_| name.quote_style.is_none());
    let near = match hyphenated {
        Some(known) => format!("; did you mean {known:?}? A name with a hyphen is written in double quotes"),
        None => near,
    };
    let message = format!("there is no {what} {:?}{near}{quoted}; the {what}s are {}", name.value, names.join(", "));
    Err(ExpressionError::new(range, message))
}
