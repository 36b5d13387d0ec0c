//! Numbers: the shortest decimal that reads as the same double, in the notation of `Number::toString`.

use super::NotJson;

/// Integers of up to this many digits are exact in a double and already in their shortest form.
const EXACT_DIGITS: usize = 15;

/// Appends the number. False when ECMAScript would change its value, so that its own digits were kept.
pub(super) fn write_number(text: &str, out: &mut Vec<u8>) -> Result<bool, NotJson> {
    if is_plain(text) {
        out.extend_from_slice(text.as_bytes());
        return Ok(true);
    }
    if !is_number(text) {
        return Err(NotJson);
    }
    let value: f64 = text.parse().map_err(|_| NotJson)?;
    if value.is_finite() {
        let mut buffer = ryu_js::Buffer::new();
        let written = buffer.format_finite(value);
        // The sign of zero is lost: `JSON.stringify(-0)` is `0`.
        let loses_sign = value == 0.0 && text.starts_with('-');
        if !loses_sign && Decimal::of(text) == Decimal::of(written) {
            out.extend_from_slice(written.as_bytes());
            return Ok(true);
        }
    }
    out.extend_from_slice(text.as_bytes());
    Ok(false)
}

/// A short integer, which needs no conversion.
fn is_plain(text: &str) -> bool {
    let digits = text.as_bytes();
    digits.len() <= EXACT_DIGITS
        && digits.iter().all(u8::is_ascii_digit)
        && (digits.len() == 1 || digits.first().is_some_and(|first| *first != b'0'))
        && !digits.is_empty()
}

/// RFC 8259 section 6; Rust reads more than that.
fn is_number(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    digits(whole)
        && (whole.len() == 1 || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(|exponent| digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)))
}

/// The exact value of a number text: its significant digits and the power of ten of the first of them.
#[derive(Debug, PartialEq, Eq)]
struct Decimal {
    negative: bool,
    digits: Vec<u8>,
    /// None when it is beyond what anything could print; equal to no other, since zero has no digits.
    exponent: Option<i64>,
}

impl Decimal {
    fn of(text: &str) -> Self {
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let mut digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
        let leading = digits.iter().take_while(|digit| **digit == b'0').count();
        digits.drain(..leading);
        digits.truncate(digits.iter().rposition(|digit| *digit != b'0').map_or(0, |last| last + 1));
        if digits.is_empty() {
            return Self { negative, digits, exponent: Some(0) };
        }
        let point = i64::try_from(whole.len()).unwrap_or(i64::MAX);
        let leading = i64::try_from(leading).unwrap_or(i64::MAX);
        let exponent = exponent.parse::<i64>().ok().and_then(|e| e.checked_add(point)?.checked_sub(leading));
        Self { negative, digits, exponent }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> (String, bool) {
        let mut out = Vec::new();
        let same = write_number(text, &mut out).expect("a number");
        (String::from_utf8(out).expect("ASCII"), same)
    }

    #[test]
    fn the_forms_of_ecmascript() {
        for (text, expected) in [
            ("0", "0"),
            ("7", "7"),
            ("2.0", "2"),
            ("-2.50", "-2.5"),
            ("0.0045", "0.0045"),
            ("1e21", "1e+21"),
            ("1E20", "100000000000000000000"),
            ("123456789012345680000", "123456789012345680000"),
            ("0.000001", "0.000001"),
            ("0.0000001", "1e-7"),
            ("1.5e300", "1.5e+300"),
            ("5e-324", "5e-324"),
            ("9007199254740992", "9007199254740992"),
            ("100e-2", "1"),
            ("0.0", "0"),
            ("0e999999999999999999999", "0"),
        ] {
            assert_eq!(written(text), (expected.to_owned(), true), "{text}");
        }
    }

    #[test]
    fn a_value_that_would_change_keeps_its_digits() {
        for text in [
            "12345678901234567890",
            "9007199254740993",
            "1e400",
            "-1e400",
            "-0",
            "-0.0",
            "1e-400",
            "0.1000000000000000055511151231257827",
            "3.141592653589793238",
            "1e99999999999999999999",
        ] {
            assert_eq!(written(text), (text.to_owned(), false), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_of_json_is_refused() {
        for text in ["-", "01", "1.", ".5", "1e", "1e+", "--1", "1-1", "+1", "1.e1", "-01"] {
            assert_eq!(write_number(text, &mut Vec::new()), Err(NotJson), "{text}");
        }
    }
}
