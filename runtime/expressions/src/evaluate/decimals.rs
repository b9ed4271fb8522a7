//! Arithmetic of decimals: exact, or the row fails. Only a quotient, which may have no end, is rounded, half away from zero, at the
//! digits that its type has.

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Decimal128Type, i256};

use super::Result;
use crate::arguments::{Arguments, no_such};
use crate::arrays::decimals as array;
use crate::failures::{BY_ZERO, Failures};
use crate::node::Arithmetic;

/// Precision and scale.
type Digits = (u8, i8);

pub(super) fn calculate(
    operation: Arithmetic,
    makes: Digits,
    of: &Arguments<'_>,
    failures: &mut Failures,
) -> Result<ArrayRef> {
    let (DataType::Decimal128(_, s), DataType::Decimal128(_, t)) = (of.array(0).data_type(), of.array(1).data_type())
    else {
        return Err(no_such(of));
    };
    let (s, t) = (*s, *t);
    let (a, b) = (of.numbers::<Decimal128Type>(0), of.numbers::<Decimal128Type>(1));
    let mut values = Vec::with_capacity(of.rows);
    for row in 0..of.rows {
        values.push(match (a.get(row), b.get(row)) {
            (Some(a), Some(b)) => match result(operation, (a, s), (b, t), makes) {
                Ok(value) => Some(value),
                Err(reason) => {
                    failures.add(row, of.range, reason);
                    None
                }
            },
            _ => None,
        });
    }
    array(values, makes)
}

pub(super) fn negate(makes: Digits, of: &Arguments<'_>) -> Result<ArrayRef> {
    let values = of.numbers::<Decimal128Type>(0);
    array((0..of.rows).map(|row| values.get(row).map(|value| -value)).collect(), makes)
}

/// In 256 bits, which hold every step on the way.
fn result(
    operation: Arithmetic,
    (a, s): (i128, i8),
    (b, t): (i128, i8),
    (precision, scale): Digits,
) -> std::result::Result<i128, String> {
    let too_large = || format!("the result does not fit decimal128({precision}, {scale})");
    let (a, b) = (i256::from_i128(a), i256::from_i128(b));
    let raised = |value: i256, by: i8| value.checked_mul(ten_to(by)).ok_or_else(too_large);
    let common = s.max(t);
    let value = match operation {
        Arithmetic::Add => raised(a, common - s)?.checked_add(raised(b, common - t)?).ok_or_else(too_large)?,
        Arithmetic::Subtract => raised(a, common - s)?.checked_sub(raised(b, common - t)?).ok_or_else(too_large)?,
        Arithmetic::Multiply => a.checked_mul(b).ok_or_else(too_large)?,
        Arithmetic::Remainder => {
            raised(a, common - s)?.checked_rem(raised(b, common - t)?).ok_or_else(|| BY_ZERO.to_owned())?
        }
        Arithmetic::Divide => {
            // a / 10^s / (b / 10^t) * 10^scale
            let (a, b) = match scale + t - s {
                up @ 0.. => (raised(a, up)?, b),
                down => (a, raised(b, -down)?),
            };
            let quotient = a.checked_div(b).ok_or_else(|| BY_ZERO.to_owned())?;
            let rest = a.checked_rem(b).ok_or_else(too_large)?;
            let is_half =
                rest.wrapping_abs().checked_mul(i256::from_i128(2)).is_none_or(|twice| twice >= b.wrapping_abs());
            let away = if a.is_negative() == b.is_negative() { i256::ONE } else { i256::MINUS_ONE };
            if is_half && rest != i256::ZERO { quotient.wrapping_add(away) } else { quotient }
        }
    };
    let fits = value.to_i128().filter(|value| value.unsigned_abs() < 10_u128.pow(u32::from(precision)));
    fits.ok_or_else(too_large)
}

fn ten_to(power: i8) -> i256 {
    i256::from_i128(10).wrapping_pow(u32::from(power.unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotients_are_rounded_half_away_from_zero() {
        for (a, b, expected) in [
            (1, 3, 333_333),
            (2, 3, 666_667),
            (-2, 3, -666_667),
            (1, 2_000_000, 1),
            (-1, 2_000_000, -1),
            (1, 2_000_001, 0),
            (6, -3, -2_000_000),
        ] {
            assert_eq!(result(Arithmetic::Divide, (a, 0), (b, 0), (38, 6)), Ok(expected), "{a} / {b}");
        }
        assert_eq!(result(Arithmetic::Divide, (1, 0), (0, 0), (38, 6)), Err(BY_ZERO.to_owned()));
    }
}
