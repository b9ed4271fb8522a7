//! Functions of numbers. Integers and decimals stay what they are, and exact; what has no exact result is a float64.

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Decimal128Type, Float64Type};
use weir_core::column_type::type_name;

use super::{Bind, BindError, Bound, Function, Given};
use crate::arguments::{Arguments, integer};
use crate::arrays::decimals as decimal_array;
use crate::evaluation_error::EvaluationError;
use crate::failures::{Failures, TOO_LARGE};
use crate::floats::{check_finite, map as map_floats};
use crate::node::Kernel;
use crate::types::is_number;

pub(super) const FUNCTIONS: [Function; 9] = [
    Function {
        name: "abs",
        arguments: "number",
        meaning: "the number without its sign",
        example: "abs(-1.50)",
        result: "1.50",
        arity: 1..=1,
        bind: Bind::Call(abs),
    },
    Function {
        name: "round",
        arguments: "number [, digits]",
        meaning: "the nearest number with this many digits after the point; halves are rounded away from zero",
        example: "round(2.345, 2)",
        result: "2.35",
        arity: 1..=2,
        bind: Bind::Call(|given| rounded(given, Way::Nearest)),
    },
    Function {
        name: "floor",
        arguments: "number",
        meaning: "the greatest whole number that is not greater",
        example: "floor(-1.5)",
        result: "-2",
        arity: 1..=1,
        bind: Bind::Call(|given| rounded(given, Way::Down)),
    },
    Function {
        name: "ceil",
        arguments: "number",
        meaning: "the least whole number that is not less",
        example: "ceil(1.2)",
        result: "2",
        arity: 1..=1,
        bind: Bind::Call(|given| rounded(given, Way::Up)),
    },
    Function {
        name: "trunc",
        arguments: "number [, digits]",
        meaning: "the number cut off after this many digits",
        example: "trunc(-1.59, 1)",
        result: "-1.5",
        arity: 1..=2,
        bind: Bind::Call(|given| rounded(given, Way::Towards)),
    },
    Function {
        name: "sqrt",
        arguments: "number",
        meaning: "the square root, float64; a negative number fails its row",
        example: "sqrt(2.25)",
        result: "1.5",
        arity: 1..=1,
        bind: Bind::Call(|given| float_of(given, |x, _| x.sqrt())),
    },
    Function {
        name: "power",
        arguments: "number, exponent",
        meaning: "the number to the power of the exponent, float64",
        example: "power(2, 10)",
        result: "1024.0",
        arity: 2..=2,
        bind: Bind::Call(|given| float_of(given, f64::powf)),
    },
    Function {
        name: "ln",
        arguments: "number",
        meaning: "the natural logarithm, float64; a number that is not above zero fails its row",
        example: "ln(1)",
        result: "0.0",
        arity: 1..=1,
        bind: Bind::Call(|given| float_of(given, |x, _| x.ln())),
    },
    Function {
        name: "exp",
        arguments: "number",
        meaning: "e to the power of the number, float64",
        example: "exp(0)",
        result: "1.0",
        arity: 1..=1,
        bind: Bind::Call(|given| float_of(given, |x, _| x.exp())),
    },
];

/// The type of a number; null is an int64 that is null.
fn number(given: &[Given<'_>], index: usize) -> Result<DataType, BindError> {
    match given.get(index).map(|given| given.data_type) {
        None | Some(DataType::Null) => Ok(DataType::Int64),
        Some(DataType::Float32) => Ok(DataType::Float64),
        Some(data_type) if is_number(data_type) => Ok(data_type.clone()),
        Some(other) => Err(BindError::of(index, format!("this is {}, but must be a number", type_name(other)))),
    }
}

fn abs(given: &[Given<'_>]) -> Result<Bound, BindError> {
    let of = number(given, 0)?;
    let (makes, kernel) = match of {
        DataType::Float64 => (DataType::Float64, Kernel::new(|of, _| Ok(map_floats(of, f64::abs)))),
        DataType::Decimal128(precision, scale) => (
            of.clone(),
            Kernel::new(move |of, _| {
                let values = of.numbers::<Decimal128Type>(0);
                decimal_array((0..of.rows).map(|row| values.get(row).map(i128::abs)).collect(), (precision, scale))
            }),
        ),
        // The one value that has no positive counterpart fails.
        _ => (
            DataType::Int64,
            Kernel::new(|of, failures| {
                let values = (0..of.rows).map(|row| {
                    let value = integer(of, 0, row)?.abs();
                    let fitting = i64::try_from(value);
                    if fitting.is_err() {
                        failures.add(row, of.range, format!("{value} does not fit int64"));
                    }
                    fitting.ok()
                });
                let values: arrow::array::Int64Array = values.collect();
                Ok(std::sync::Arc::new(values) as ArrayRef)
            }),
        ),
    };
    Ok(Bound { takes: vec![of], makes, kernel })
}

/// Which neighbour a number becomes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Nearest,
    Down,
    Up,
    /// Towards zero.
    Towards,
}

fn rounded(given: &[Given<'_>], way: Way) -> Result<Bound, BindError> {
    use arrow::array::AsArray;
    let of = number(given, 0)?;
    let digits = match given.get(1) {
        None => 0,
        Some(Given { data_type: DataType::Int64, constant: Some(digits) }) => {
            let digits = digits.as_primitive::<arrow::datatypes::Int64Type>().value(0);
            i8::try_from(digits)
                .ok()
                .filter(|digits| (0..=38).contains(digits))
                .ok_or_else(|| BindError::of(1, "the digits behind the point are a number from 0 to 38"))?
        }
        Some(_) => {
            return Err(BindError::of(1, "the digits behind the point are a number that is written, from 0 to 38"));
        }
    };
    let (makes, kernel) = match of {
        DataType::Float64 => {
            (DataType::Float64, Kernel::new(move |of, _| Ok(map_floats(of, |x| float(x, way, digits)))))
        }
        DataType::Decimal128(precision, scale) => {
            let digits = digits.min(scale);
            // A carry may make one digit more before the point.
            let whole = (precision - scale as u8).saturating_add(1);
            let makes = crate::types::decimal(whole, digits);
            let DataType::Decimal128(precision, _) = makes else { return Err(BindError::of(0, "this is no decimal")) };
            (makes, Kernel::new(move |of, failures| decimals(of, failures, way, (scale, digits), precision)))
        }
        _ => (of.clone(), Kernel::new(|of, _| Ok(of.values[0].clone().into_column(of.rows)?))),
    };
    let takes = std::iter::once(of).chain(given.get(1).map(|_| DataType::Int64)).collect();
    Ok(Bound { takes, makes, kernel })
}

fn decimals(
    of: &Arguments<'_>,
    failures: &mut Failures,
    way: Way,
    (from, to): (i8, i8),
    precision: u8,
) -> Result<ArrayRef, EvaluationError> {
    let values = of.numbers::<Decimal128Type>(0);
    let unit = 10_i128.pow(u32::from((from - to).unsigned_abs()));
    let mut made = Vec::with_capacity(of.rows);
    for row in 0..of.rows {
        made.push(values.get(row).and_then(|value| {
            let (cut, rest) = (value / unit, value % unit);
            let value = match way {
                Way::Nearest if rest.unsigned_abs() >= unit.unsigned_abs().div_ceil(2) && rest != 0 => {
                    cut + rest.signum()
                }
                Way::Down if rest < 0 => cut - 1,
                Way::Up if rest > 0 => cut + 1,
                _ => cut,
            };
            let fits = value.unsigned_abs() < 10_u128.pow(u32::from(precision));
            if !fits {
                failures.add(row, of.range, format!("the result does not fit decimal128({precision}, {to})"));
            }
            fits.then_some(value)
        }));
    }
    decimal_array(made, (precision, to))
}

fn float(x: f64, way: Way, digits: i8) -> f64 {
    let whole = |x: f64| match way {
        Way::Nearest => x.round(),
        Way::Down => x.floor(),
        Way::Up => x.ceil(),
        Way::Towards => x.trunc(),
    };
    // From 2^53 on a float has no digits behind the point.
    if digits == 0 || !x.is_finite() || x.abs() >= 9_007_199_254_740_992.0 {
        return whole(x);
    }
    // By its digits as they are written: 2.675 becomes 2.68, although the float is a little below it.
    let text = format!("{x}");
    let Some((before, behind)) = text.split_once('.') else { return x };
    let digits = digits.unsigned_abs() as usize;
    if behind.len() <= digits {
        return x;
    }
    let (kept, cut) = behind.split_at(digits);
    let value: f64 = format!("{before}.{kept}").parse().unwrap_or(x);
    let goes_away = way == Way::Nearest && cut.as_bytes().first().is_some_and(|digit| *digit >= b'5');
    if !goes_away {
        return value;
    }
    let step: f64 = format!("1e-{digits}").parse().unwrap_or(0.0);
    let next = value.abs() + step;
    format!("{next:.digits$}").parse::<f64>().unwrap_or(next).copysign(x)
}

fn float_of(given: &[Given<'_>], function: fn(f64, f64) -> f64) -> Result<Bound, BindError> {
    (0..given.len()).try_for_each(|index| number(given, index).map(drop))?;
    let arguments = given.len();
    let kernel = Kernel::new(move |of, failures| {
        let second = |row| if arguments > 1 { of.numbers::<Float64Type>(1).get(row) } else { Some(0.0) };
        let first = of.numbers::<Float64Type>(0);
        let results: arrow::array::Float64Array =
            (0..of.rows).map(|row| Some(function(first.get(row)?, second(row)?))).collect();
        let results: ArrayRef = std::sync::Arc::new(results);
        check_finite(&results, of, failures, |row| {
            let given = [first.get(row)?, second(row)?];
            let undefined = "it has no result for this number";
            given.iter().all(|value| value.is_finite()).then(|| {
                let value = function(given[0], given[1]);
                if value.is_nan() || given[0] == 0.0 { undefined } else { TOO_LARGE }
            })
        });
        Ok(results)
    });
    Ok(Bound { takes: vec![DataType::Float64; arguments], makes: DataType::Float64, kernel })
}

#[cfg(test)]
mod tests {
    use crate::testing::{check, table};

    #[test]
    fn numbers_and_nulls() {
        let rows =
            table("i int64, f float64, d decimal128(5,2)", &["-3,2.675,2.35", ",,", "7,-0.5,-9.99", "0,1e300,999.99"]);
        check(
            &rows,
            &[
                ("abs(i)", "3 null 7 0"),
                ("abs(f)", "2.675 null 0.5 1e300"),
                ("abs(d)", "2.35 null 9.99 999.99"),
                ("round(f, 2)", "2.68 null -0.5 1e300"),
                ("round(f)", "3.0 null -1.0 1e300"),
                ("round(d, 1)", "2.4 null -10.0 1000.0"),
                ("round(i)", "-3 null 7 0"),
                ("floor(f)", "2.0 null -1.0 1e300"),
                ("ceil(d)", "3 null -9 1000"),
                ("trunc(f, 1)", "2.6 null -0.5 1e300"),
                ("sqrt(i)", "! null 2.6457513110645907 0.0"),
                ("power(i, 2)", "9.0 null 49.0 0.0"),
                ("power(f, 2)", "7.155624999999999 null 0.25 !"),
                ("ln(i)", "! null 1.9459101490553132 !"),
                ("exp(i * 1000)", "0.0 null ! 1.0"),
            ],
        );
        check(&table("i int64", &["-9223372036854775808"]), &[("abs(i)", "!"), ("-i", "!")]);
    }
}
