//! Operators: their arguments as one type, and the type of what they make. Chains such as `a and b and c` are read without recursion.

use std::ops::Range;

use arrow::datatypes::{DataType, TimeUnit};
use sqlparser::ast::{BinaryOperator, Expr, UnaryOperator, Value};
use weir_core::column_type::type_name;

use super::coerce::takes;
use super::{Checker, Result, literals, union};
use crate::error::ExpressionError;
use crate::node::{Arithmetic, Comparison, Node, Op};
use crate::types::{common, decimal, integer_digits, is_number, timestamp};

/// Digits behind the point of a quotient of decimals, at least.
const QUOTIENT_SCALE: i8 = 6;

impl Checker<'_> {
    pub(super) fn unary(&mut self, op: UnaryOperator, of: &Expr, within: &Range<usize>) -> Result<Node> {
        match (op, of) {
            (UnaryOperator::Minus, Expr::Value(value)) => {
                if let Value::Number(digits, _) = &value.value {
                    return literals::number(&format!("-{digits}"), self.places.range(value.span, within));
                }
            }
            (UnaryOperator::Not, _) => {
                let of = self.node(of, within)?;
                let of = self.condition(of)?;
                let range = of.range.clone();
                return Ok(Node::new(Op::Not(Box::new(of)), DataType::Boolean, range));
            }
            _ => {}
        }
        let of = self.node(of, within)?;
        let to = match (op, &of.data_type) {
            (UnaryOperator::Plus | UnaryOperator::Minus, DataType::Null) => return Ok(of),
            (UnaryOperator::Plus, data_type) if is_number(data_type) => return Ok(of),
            (UnaryOperator::Minus, data_type) if data_type.is_integer() => DataType::Int64,
            (UnaryOperator::Minus, data_type) if data_type.is_floating() => DataType::Float64,
            (UnaryOperator::Minus, DataType::Decimal128(..) | DataType::Duration(_)) => of.data_type.clone(),
            _ => {
                let message = format!("there is no {op} of {}", type_name(&of.data_type));
                return Err(ExpressionError::of_types(&of.range, message));
            }
        };
        let range = of.range.clone();
        // Every integer is negated in 128 bits.
        let of = if of.data_type.is_integer() { of } else { self.coerce(of, &to)? };
        Ok(Node::new(Op::Negate(Box::new(of)), to, range))
    }

    /// A chain of operators, whose left argument is a chain again.
    pub(super) fn binary(&mut self, expr: &Expr, within: &Range<usize>) -> Result<Node> {
        let (mut first, mut chain) = (expr, Vec::new());
        while let Expr::BinaryOp { left, op, right } = first {
            chain.push((op, &**right));
            first = left;
        }
        let mut node = self.node(first, within)?;
        for (op, right) in chain.into_iter().rev() {
            let right = self.node(right, within)?;
            node = self.operation(op, node, right, within)?;
            node = self.admit(node)?;
        }
        Ok(node)
    }

    fn operation(&self, op: &BinaryOperator, a: Node, b: Node, within: &Range<usize>) -> Result<Node> {
        let comparison = match op {
            BinaryOperator::And | BinaryOperator::Or => return self.connect(op, a, b),
            BinaryOperator::StringConcat => return self.concat(a, b),
            BinaryOperator::Plus => return self.arithmetic(Arithmetic::Add, a, b),
            BinaryOperator::Minus => return self.arithmetic(Arithmetic::Subtract, a, b),
            BinaryOperator::Multiply => return self.arithmetic(Arithmetic::Multiply, a, b),
            BinaryOperator::Divide => return self.arithmetic(Arithmetic::Divide, a, b),
            BinaryOperator::Modulo => return self.arithmetic(Arithmetic::Remainder, a, b),
            BinaryOperator::Eq => Comparison::Equal,
            BinaryOperator::NotEq => Comparison::NotEqual,
            BinaryOperator::Lt => Comparison::Less,
            BinaryOperator::LtEq => Comparison::LessOrEqual,
            BinaryOperator::Gt => Comparison::Greater,
            BinaryOperator::GtEq => Comparison::GreaterOrEqual,
            other => {
                let hint = match other {
                    BinaryOperator::Arrow | BinaryOperator::LongArrow => ": write json_get(text, 'path')",
                    BinaryOperator::PGExp | BinaryOperator::BitwiseXor => ": write power(a, b)",
                    BinaryOperator::DuckIntegerDivide => ": / of integers drops the fraction",
                    _ => "",
                };
                let range = union(&a.range, &b.range);
                let range = if range.is_empty() { within.clone() } else { range };
                return Err(ExpressionError::new(&range, format!("there is no operator {other}{hint}")));
            }
        };
        self.compare(comparison, a, b)
    }

    pub(super) fn compare(&self, comparison: Comparison, a: Node, b: Node) -> Result<Node> {
        let range = union(&a.range, &b.range);
        let (a, b) = self.unify_two(a, b, "comparing")?;
        if a.data_type.is_nested() {
            let message = format!("values of {} are not compared: compare their fields", type_name(&a.data_type));
            return Err(ExpressionError::new(&range, message));
        }
        Ok(Node::new(Op::Compare(comparison, Box::new(a), Box::new(b)), DataType::Boolean, range))
    }

    /// `and` and `or`: those of one kind are one part.
    fn connect(&self, op: &BinaryOperator, a: Node, b: Node) -> Result<Node> {
        let range = union(&a.range, &b.range);
        let (a, b) = (self.condition(a)?, self.condition(b)?);
        let is_and = *op == BinaryOperator::And;
        let mut parts = match (a.op, is_and) {
            (Op::And(parts), true) | (Op::Or(parts), false) => parts,
            (first, _) => vec![Node { op: first, ..a }],
        };
        parts.push(b);
        let op = if is_and { Op::And(parts) } else { Op::Or(parts) };
        Ok(Node::new(op, DataType::Boolean, range))
    }

    /// `||`: texts one after the other, null if one is. A chain of them is one part.
    fn concat(&self, a: Node, b: Node) -> Result<Node> {
        let range = union(&a.range, &b.range);
        for part in [&a, &b] {
            if !matches!(part.data_type, DataType::Utf8 | DataType::Null) {
                let message = format!(
                    "|| takes texts, but this is {}: cast it to utf8; conditions are joined by `or`",
                    type_name(&part.data_type)
                );
                return Err(ExpressionError::of_types(&part.range, message));
            }
        }
        let (a, b) = (self.coerce(a, &DataType::Utf8)?, self.coerce(b, &DataType::Utf8)?);
        let mut parts = match a.op {
            Op::Concat(parts) => parts,
            first => vec![Node { op: first, ..a }],
        };
        parts.push(b);
        Ok(Node::new(Op::Concat(parts), DataType::Utf8, range))
    }

    fn arithmetic(&self, operation: Arithmetic, a: Node, b: Node) -> Result<Node> {
        let range = union(&a.range, &b.range);
        let (a, b) = match (a.is_untyped_null(), b.is_untyped_null()) {
            (true, true) => return Ok(a),
            (true, false) => (self.coerce(a, &b.data_type)?, b),
            (false, true) => {
                let b = self.coerce(b, &a.data_type)?;
                (a, b)
            }
            (false, false) => (a, b),
        };
        let (of_a, of_b, makes) = self.arithmetic_types(operation, &a, &b).ok_or_else(|| {
            let (a, b, sign) = (type_name(&a.data_type), type_name(&b.data_type), operation.sign());
            let hint = match sign {
                '+' if a == "utf8" || b == "utf8" => ": || puts texts together",
                _ if a == "utf8" || b == "utf8" => ": cast the text",
                _ => "",
            };
            ExpressionError::of_types(&range, format!("there is no {a} {sign} {b}{hint}"))
        })?;
        let (a, b) = (self.coerce(a, &of_a)?, self.coerce(b, &of_b)?);
        Ok(Node::new(Op::Arithmetic(operation, Box::new(a), Box::new(b)), makes, range))
    }

    /// The types that an operation takes, and the type that it makes.
    fn arithmetic_types(&self, operation: Arithmetic, a: &Node, b: &Node) -> Option<(DataType, DataType, DataType)> {
        use Arithmetic::{Add, Divide, Multiply, Remainder, Subtract};
        use DataType::{Date32, Decimal128, Duration, Float64, Int64, Timestamp, UInt64};
        let (of_a, of_b) = (a.data_type.clone(), b.data_type.clone());
        Some(match (&of_a, &of_b) {
            (x, y) if x.is_integer() && y.is_integer() => {
                // A literal beside an uint64 is one, if it can be.
                let is_unsigned = |node: &Node, beside: &DataType| {
                    node.data_type.is_unsigned_integer() || (*beside == UInt64 && takes(&UInt64, node))
                };
                let unsigned = (*x == UInt64 || *y == UInt64) && is_unsigned(a, y) && is_unsigned(b, x);
                match unsigned && operation != Subtract {
                    true => (UInt64, UInt64, UInt64),
                    false if *x == UInt64 || *y == UInt64 => (of_a, of_b, Int64),
                    false => (Int64, Int64, Int64),
                }
            }
            (x, y) if is_number(x) && is_number(y) && (x.is_floating() || y.is_floating()) => {
                (Float64, Float64, Float64)
            }
            (x, y) if is_number(x) && is_number(y) => {
                let as_decimal = |of: &DataType| match of {
                    Decimal128(..) => of.clone(),
                    integer => decimal(integer_digits(integer), 0),
                };
                let (x, y) = (as_decimal(x), as_decimal(y));
                let (Decimal128(p, s), Decimal128(q, t)) = (&x, &y) else { return None };
                let makes = match operation {
                    Add | Subtract => decimal((p - *s as u8).max(q - *t as u8).saturating_add(1), *s.max(t)),
                    Multiply => {
                        let scale = s.checked_add(*t).filter(|scale| *scale <= 38)?;
                        decimal((p - *s as u8).saturating_add(q - *t as u8), scale)
                    }
                    Divide => Decimal128(38, (*s).max(*t).max(QUOTIENT_SCALE)),
                    Remainder => decimal((p - *s as u8).max(q - *t as u8), *s.max(t)),
                };
                (x, y, makes)
            }
            (Timestamp(..) | Date32, Duration(unit)) if matches!(operation, Add | Subtract) => {
                let time = moved(&of_a, *unit);
                (time.clone(), Duration(unit_of(&time)?), time)
            }
            (Duration(unit), Timestamp(..) | Date32) if operation == Add => {
                let time = moved(&of_b, *unit);
                (Duration(unit_of(&time)?), time.clone(), time)
            }
            (Date32, Date32) if operation == Subtract => (Date32, Date32, Int64),
            (Date32, y) if y.is_integer() && matches!(operation, Add | Subtract) => (Date32, of_b, Date32),
            (Timestamp(..) | Date32, Timestamp(..) | Date32) if operation == Subtract => {
                let time = moved(&common(&of_a, &of_b)?, TimeUnit::Microsecond);
                (time.clone(), time.clone(), Duration(unit_of(&time)?))
            }
            (Duration(_), Duration(_)) if matches!(operation, Add | Subtract) => {
                let interval = common(&of_a, &of_b)?;
                (interval.clone(), interval.clone(), interval)
            }
            (Duration(_), y) if y.is_integer() && operation == Multiply => (of_a.clone(), Int64, of_a),
            (x, Duration(_)) if x.is_integer() && operation == Multiply => (Int64, of_b.clone(), of_b),
            _ => return None,
        })
    }
}

/// The type of a time that an interval is added to: as fine as both, microseconds at least.
fn moved(time: &DataType, by: TimeUnit) -> DataType {
    match time {
        DataType::Timestamp(unit, zone) => {
            DataType::Timestamp((*unit).max(by).max(TimeUnit::Microsecond), zone.clone())
        }
        _ => timestamp(),
    }
}

fn unit_of(time: &DataType) -> Option<TimeUnit> {
    match time {
        DataType::Timestamp(unit, _) => Some(*unit),
        _ => None,
    }
}
