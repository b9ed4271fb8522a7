//! Numbers as text into numbers that are the same: a digit that has no room is refused, never rounded away.

/// The digits that i128 is sure to hold.
const DIGITS_MAX: usize = 38;

/// The number times 10 to the power of `scale`, if that is a whole number of at most 38 digits. A number is
/// `[+|-] digits [. digits] [e [+|-] digits]`, with blanks around it allowed.
pub fn exact(text: &str, scale: i8) -> Option<i128> {
    let text = text.trim_ascii();
    let (negative, text) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], text[at + 1..].parse::<i64>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = || whole.bytes().chain(fraction.bytes());
    if whole.len() + fraction.len() == 0 || !digits().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    // Where the point is, in digits from the first, when the number is multiplied.
    let point = i64::try_from(whole.len()).ok()?.checked_add(exponent)?.checked_add(i64::from(scale))?;
    let leading = digits().take_while(|digit| *digit == b'0').count();
    let trailing = digits().rev().take_while(|digit| *digit == b'0').count();
    let significant = (whole.len() + fraction.len()).saturating_sub(leading + trailing);
    if significant == 0 {
        return Some(0);
    }
    let point = usize::try_from(point.checked_sub(i64::try_from(leading).ok()?)?).ok()?;
    if point < significant || point > DIGITS_MAX {
        return None;
    }
    let value = digits().skip(leading).take(significant).fold(0, |value, digit| value * 10 + i128::from(digit - b'0'));
    let value = value * 10_i128.pow(u32::try_from(point - significant).ok()?);
    Some(if negative { -value } else { value })
}

/// The value of a `decimal128(precision, scale)` with this text.
pub fn decimal(text: &str, precision: u8, scale: i8) -> Option<i128> {
    exact(text, scale).filter(|value| value.unsigned_abs() < 10_u128.pow(u32::from(precision)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_all_digits_or_are_refused() {
        for (text, scale, expected) in [
            ("1.5", 2, Some(150)),
            (" -1.50 ", 1, Some(-15)),
            ("1.005", 2, None),
            ("1.0050000", 3, Some(1005)),
            ("+.5", 1, Some(5)),
            ("5.", 0, Some(5)),
            ("1.2e1", 0, Some(12)),
            ("1.25e1", 0, None),
            ("0.0001e-9223372036854775807", 0, None),
            ("1200e-2", 0, Some(12)),
            ("12E+0", 0, Some(12)),
            ("0e999999999999", 0, Some(0)),
            ("0.000e-400", 2, Some(0)),
            ("1e-400", 2, None),
            ("1e400", 0, None),
            ("1e99999999999999999999", 0, None),
            ("9007199254740992.5", 0, None),
            ("1.00000000000000000001", 0, None),
            ("99999999999999999999999999999999999999", 0, Some(10_i128.pow(38) - 1)),
            ("100000000000000000000000000000000000000", 0, None),
            ("000000000000000000000000000000000000000000007", 0, Some(7)),
            ("", 0, None),
            (".", 0, None),
            ("-", 0, None),
            ("1.2.3", 1, None),
            ("1-2", 0, None),
            ("e5", 0, None),
            ("NaN", 0, None),
            ("0x10", 0, None),
            ("٣", 0, None),
        ] {
            assert_eq!(exact(text, scale), expected, "{text:?} {scale}");
        }
        assert_eq!(
            (decimal("999.99", 5, 2), decimal("1000.00", 5, 2), decimal("1e2", 5, 2)),
            (Some(99_999), None, Some(10_000))
        );
    }
}
