//! Numbers of twice the precision of a float: the rounding of the order in which they are added is far below the last bit of a float.

/// What a total of finite values is that went beyond all floats: it stays so, whatever finite value is added.
const OVERFLOWED: DoubleDouble = DoubleDouble { high: f64::INFINITY, low: 1.0 };

/// The unevaluated sum of two floats of which the second is less than half a unit in the last place of the first (T. J. Dekker,
/// "A floating-point technique for extending the available precision", 1971).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct DoubleDouble {
    pub(super) high: f64,
    /// 0, if the first is an infinity or no number because a value was; otherwise such a total is [`OVERFLOWED`].
    pub(super) low: f64,
}

impl DoubleDouble {
    /// The sum of both.
    #[inline]
    pub(super) fn plus(self, other: Self) -> Self {
        let (high, error) = two_sum(self.high, other.high);
        if !high.is_finite() {
            return self.plus_not_finite(other);
        }
        let (low, low_error) = two_sum(self.low, other.low);
        let (high, error) = quick_two_sum(high, error + low);
        let (high, low) = quick_two_sum(high, error + low_error);
        Self { high, low }
    }

    /// The product of both, of finite numbers whose product is one.
    pub(super) fn times(self, other: Self) -> Self {
        let high = self.high * other.high;
        let error = self.high.mul_add(other.high, -high);
        let (high, low) = quick_two_sum(high, error + (self.high * other.low + self.low * other.high));
        Self { high, low }
    }

    /// The square: beyond all floats as [`DoubleDouble::plus`] says.
    pub(super) fn squared(self) -> Self {
        if self.is_of_values() {
            return Self { high: self.high * self.high, low: 0.0 };
        }
        let square = self.times(self);
        if square.high.is_finite() { square } else { OVERFLOWED }
    }

    /// Divided by a float.
    pub(super) fn over(self, divisor: f64) -> Self {
        let quotient = self.high / divisor;
        let rest = self.plus(Self::from(quotient).times(Self::from(-divisor)));
        let (high, low) = quick_two_sum(quotient, rest.high / divisor);
        Self { high, low }
    }

    pub(super) fn negated(self) -> Self {
        Self { high: -self.high, low: -self.low }
    }

    /// Infinities and NaN among the values make the result, as IEEE 754 says, whether finite values overflow or not.
    #[cold]
    fn plus_not_finite(self, other: Self) -> Self {
        match (self.is_of_values(), other.is_of_values()) {
            (true, true) => Self { high: self.high + other.high, low: 0.0 },
            (true, false) => self,
            (false, true) => other,
            (false, false) => OVERFLOWED,
        }
    }

    /// Whether it is an infinity or no number, because a value was.
    fn is_of_values(self) -> bool {
        !self.high.is_finite() && self.low == 0.0
    }

    /// Whether finite values went beyond all floats.
    pub(super) fn has_overflowed(self) -> bool {
        !self.high.is_finite() && self.low != 0.0
    }
}

impl From<f64> for DoubleDouble {
    fn from(value: f64) -> Self {
        Self { high: value, low: 0.0 }
    }
}

/// The rounded sum and its exact error (D. Knuth, The Art of Computer Programming, volume 2).
#[inline]
fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let of_b = sum - a;
    (sum, (a - (sum - of_b)) + (b - of_b))
}

/// As [`two_sum`], for |a| >= |b|.
#[inline]
fn quick_two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    (sum, b - (sum - a))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_and_quotients_are_of_twice_the_precision() {
        let third = DoubleDouble::from(1.0).over(3.0);
        let back = third.times(DoubleDouble::from(3.0)).plus(DoubleDouble::from(-1.0));
        assert!(back.high.abs() < 1e-31, "{back:?}");
        assert!(DoubleDouble::from(1e200).squared().has_overflowed());
        assert_eq!(DoubleDouble::from(f64::NEG_INFINITY).squared().high, f64::INFINITY);
    }
}
