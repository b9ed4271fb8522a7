//! Expressions that are made up: over a batch they are what a slow evaluator makes of each row, and the same in any parts of the batch.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Int64Type, Schema};
use proptest::prelude::*;

use crate::Expression;

/// An expression of integers.
#[derive(Clone, Debug)]
enum Number {
    Column(usize),
    Literal(i64),
    Null,
    Calculate(char, Box<Number>, Box<Number>),
    Case(Box<Condition>, Box<Number>, Box<Number>),
    Coalesce(Box<Number>, Box<Number>),
    NullIf(Box<Number>, Box<Number>),
}

/// An expression that is a condition.
#[derive(Clone, Debug)]
enum Condition {
    Compare(&'static str, Number, Number),
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
    Not(Box<Condition>),
    IsNull(Number),
    IsTrue(Box<Condition>),
    Between(Number, Number, Number),
    In(Number, Vec<Number>),
}

/// What a row has no value for.
struct Failed;

type Values = [Option<i64>; 3];

impl Number {
    fn text(&self) -> String {
        match self {
            Self::Column(column) => ["a", "b", "c"][*column].to_owned(),
            Self::Literal(value) => value.to_string(),
            Self::Null => "cast(null as int64)".to_owned(),
            Self::Calculate(sign, a, b) => format!("({} {sign} {})", a.text(), b.text()),
            Self::Case(when, then, other) => {
                format!("case when {} then {} else {} end", when.text(), then.text(), other.text())
            }
            Self::Coalesce(a, b) => format!("coalesce({}, {})", a.text(), b.text()),
            Self::NullIf(a, b) => format!("nullif({}, {})", a.text(), b.text()),
        }
    }

    fn value(&self, row: &Values) -> Result<Option<i64>, Failed> {
        Ok(match self {
            Self::Column(column) => row[*column],
            Self::Literal(value) => Some(*value),
            Self::Null => None,
            Self::Calculate(sign, a, b) => {
                let (a, b) = (a.value(row)?, b.value(row)?);
                let Some((a, b)) = a.zip(b) else { return Ok(None) };
                let value = match sign {
                    '+' => a.checked_add(b),
                    '-' => a.checked_sub(b),
                    '*' => a.checked_mul(b),
                    '/' => a.checked_div(b),
                    // The least integer by -1 has no quotient, and the rest 0.
                    _ => {
                        if b == 0 {
                            None
                        } else {
                            Some(a.wrapping_rem(b))
                        }
                    }
                };
                Some(value.ok_or(Failed)?)
            }
            Self::Case(when, then, other) => match when.value(row)? {
                Some(true) => then.value(row)?,
                _ => other.value(row)?,
            },
            Self::Coalesce(a, b) => match a.value(row)? {
                Some(value) => Some(value),
                None => b.value(row)?,
            },
            Self::NullIf(a, b) => {
                let (a, b) = (a.value(row)?, b.value(row)?);
                if a.is_some() && a == b { None } else { a }
            }
        })
    }
}

impl Condition {
    fn text(&self) -> String {
        match self {
            Self::Compare(sign, a, b) => format!("{} {sign} {}", a.text(), b.text()),
            Self::And(a, b) => format!("({} and {})", a.text(), b.text()),
            Self::Or(a, b) => format!("({} or {})", a.text(), b.text()),
            Self::Not(a) => format!("(not {})", a.text()),
            Self::IsNull(a) => format!("({} is null)", a.text()),
            Self::IsTrue(a) => format!("(({}) is true)", a.text()),
            Self::Between(of, low, high) => format!("({} between {} and {})", of.text(), low.text(), high.text()),
            Self::In(of, list) => {
                let list: Vec<String> = list.iter().map(Number::text).collect();
                format!("({} in ({}))", of.text(), list.join(", "))
            }
        }
    }

    fn value(&self, row: &Values) -> Result<Option<bool>, Failed> {
        let compare = |sign: &str, a: i64, b: i64| match sign {
            "=" => a == b,
            "<>" => a != b,
            "<" => a < b,
            "<=" => a <= b,
            ">" => a > b,
            _ => a >= b,
        };
        let both = |a: Option<bool>, b: Option<bool>| match (a, b) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        };
        Ok(match self {
            Self::Compare(sign @ ("is distinct from" | "is not distinct from"), a, b) => {
                let is_distinct = a.value(row)? != b.value(row)?;
                Some(is_distinct == (*sign == "is distinct from"))
            }
            Self::Compare(sign, a, b) => {
                let (a, b) = (a.value(row)?, b.value(row)?);
                a.zip(b).map(|(a, b)| compare(sign, a, b))
            }
            Self::And(a, b) => match a.value(row)? {
                Some(false) => Some(false),
                a => both(a, b.value(row)?),
            },
            Self::Or(a, b) => match a.value(row)? {
                Some(true) => Some(true),
                a => both(a.map(|a| !a), b.value(row)?.map(|b| !b)).map(|neither| !neither),
            },
            Self::Not(a) => a.value(row)?.map(|a| !a),
            Self::IsNull(a) => Some(a.value(row)?.is_none()),
            Self::IsTrue(a) => Some(a.value(row)? == Some(true)),
            Self::Between(of, low, high) => {
                let of = of.value(row)?;
                let above = of.zip(low.value(row)?).map(|(of, low)| of >= low);
                match above {
                    Some(false) => Some(false),
                    above => both(above, of.zip(high.value(row)?).map(|(of, high)| of <= high)),
                }
            }
            Self::In(of, list) => {
                let of = of.value(row)?;
                let mut is_in = Some(false);
                for other in list {
                    if is_in == Some(true) {
                        break;
                    }
                    let equal = of.zip(other.value(row)?).map(|(of, other)| of == other);
                    is_in = if equal == Some(true) { equal } else { is_in.and(equal) };
                }
                is_in
            }
        })
    }
}

fn number() -> impl Strategy<Value = Number> {
    let leaf = prop_oneof![
        4 => (0..3_usize).prop_map(Number::Column),
        2 => prop_oneof![-3..4_i64, Just(i64::MAX), Just(i64::MIN)].prop_map(Number::Literal),
        1 => Just(Number::Null),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let sign = prop::sample::select(vec!['+', '-', '*', '/', '%']);
        prop_oneof![
            4 => (sign, inner.clone(), inner.clone()).prop_map(|(sign, a, b)| Number::Calculate(sign, Box::new(a), Box::new(b))),
            1 => (inner.clone(), inner.clone()).prop_map(|(a, b)| Number::Coalesce(Box::new(a), Box::new(b))),
            1 => (inner.clone(), inner.clone()).prop_map(|(a, b)| Number::NullIf(Box::new(a), Box::new(b))),
            2 => (inner.clone(), inner.clone(), inner.clone(), inner).prop_map(|(a, b, c, d)| {
                Number::Case(Box::new(Condition::Compare("<", a, b)), Box::new(c), Box::new(d))
            }),
        ]
    })
}

fn condition() -> impl Strategy<Value = Condition> {
    let signs = vec!["=", "<>", "<", "<=", ">", ">=", "is distinct from", "is not distinct from"];
    let leaf = prop_oneof![
        4 => (prop::sample::select(signs), number(), number()).prop_map(|(sign, a, b)| Condition::Compare(sign, a, b)),
        1 => number().prop_map(Condition::IsNull),
        1 => (number(), number(), number()).prop_map(|(a, b, c)| Condition::Between(a, b, c)),
        1 => (number(), prop::collection::vec(number(), 1..4)).prop_map(|(of, list)| Condition::In(of, list)),
    ];
    leaf.prop_recursive(3, 12, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| Condition::And(Box::new(a), Box::new(b))),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| Condition::Or(Box::new(a), Box::new(b))),
            inner.clone().prop_map(|a| Condition::Not(Box::new(a))),
            inner.prop_map(|a| Condition::IsTrue(Box::new(a))),
        ]
    })
}

fn rows() -> impl Strategy<Value = Vec<Values>> {
    let value = prop_oneof![
        3 => (-3..4_i64).prop_map(Some),
        1 => Just(None),
        1 => prop::sample::select(vec![i64::MAX, i64::MIN, 0]).prop_map(Some),
    ];
    prop::collection::vec([value.clone(), value.clone(), value], 1..40)
}

fn batch(rows: &[Values]) -> RecordBatch {
    let column = |at: usize| -> ArrayRef { Arc::new(rows.iter().map(|row| row[at]).collect::<Int64Array>()) };
    let fields: Vec<Field> = ["a", "b", "c"].iter().map(|name| Field::new(*name, DataType::Int64, true)).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), (0..3).map(column).collect()).unwrap()
}

/// The value of each row; the outer `None`: it failed.
fn evaluated<T: PartialEq>(
    expression: &Expression,
    batch: &RecordBatch,
    value: impl Fn(&ArrayRef, usize) -> T,
) -> Vec<Option<Option<T>>> {
    let evaluated = expression.evaluate(batch.num_rows(), &|column| batch.columns().get(column).cloned()).unwrap();
    let mut failed = evaluated.failed.iter().map(|failed| failed.row).peekable();
    let of_row = |row: usize| match failed.next_if_eq(&row) {
        Some(_) => None,
        None => Some(evaluated.column.is_valid(row).then(|| value(&evaluated.column, row))),
    };
    (0..batch.num_rows()).map(of_row).collect()
}

fn parts<T: PartialEq>(
    expression: &Expression,
    batch: &RecordBatch,
    size: usize,
    value: impl Fn(&ArrayRef, usize) -> T + Copy,
) -> Vec<Option<Option<T>>> {
    let starts = (0..batch.num_rows()).step_by(size);
    starts.flat_map(|at| evaluated(expression, &batch.slice(at, size.min(batch.num_rows() - at)), value)).collect()
}

fn integer(column: &ArrayRef, row: usize) -> i64 {
    column.as_primitive::<Int64Type>().value(row)
}

fn boolean(column: &ArrayRef, row: usize) -> bool {
    let column: &BooleanArray = column.as_boolean();
    column.value(row)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn conditions_are_what_each_row_makes_of_them(condition in condition(), rows in rows(), size in 1..7_usize) {
        let batch = batch(&rows);
        let expression = Expression::parse_condition(&condition.text(), &batch.schema()).unwrap();
        let expected: Vec<_> = rows.iter().map(|row| condition.value(row).ok()).collect();
        prop_assert_eq!(&evaluated(&expression, &batch, boolean), &expected, "{}", condition.text());
        prop_assert_eq!(&parts(&expression, &batch, size, boolean), &expected, "{}", condition.text());
    }

    #[test]
    fn numbers_are_what_each_row_makes_of_them(number in number(), rows in rows(), size in 1..7_usize) {
        let batch = batch(&rows);
        let expression = Expression::parse(&number.text(), &batch.schema()).unwrap();
        let expected: Vec<_> = rows.iter().map(|row| number.value(row).ok()).collect();
        prop_assert_eq!(&evaluated(&expression, &batch, integer), &expected, "{}", number.text());
        prop_assert_eq!(&parts(&expression, &batch, size, integer), &expected, "{}", number.text());
    }

    #[test]
    fn any_text_is_an_expression_or_a_mistake_in_it(text in "[a-c0-9'\"() .,%<>=*/+|:_-]{0,40}") {
        let batch = batch(&[[Some(1), None, Some(0)]]);
        match Expression::parse(&text, &batch.schema()) {
            Err(error) => prop_assert!(text.get(error.range.clone()).is_some(), "{:?}", error),
            Ok(expression) => {
                let evaluated = expression.evaluate(1, &|column| batch.columns().get(column).cloned());
                prop_assert!(evaluated.is_ok(), "{:?}", evaluated);
            }
        }
    }
}
