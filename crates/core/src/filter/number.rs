//! Numbers compared exactly as the decimals that they are written as: `9007199254740993` is not `9007199254740992`, and
//! `0.10` is `1e-1`.

use std::cmp::Ordering;

/// A JSON number: `0.d1d2d3… × 10^exponent` with `d1` not zero. Zero has no digits.
#[derive(Debug, Clone, Copy)]
pub struct Decimal<'a> {
    negative: bool,
    whole: &'a [u8],
    fraction: &'a [u8],
    exponent: i64,
}

impl<'a> Decimal<'a> {
    /// Reads a number as JSON writes it. None when it is beyond what a double can hold, such as `1e400`: it is as good as
    /// infinite to most receivers, so no test on numbers holds for it.
    pub fn finite(text: &'a str) -> Option<Self> {
        let decimal = Self::read(text);
        // 10^308 has 309 digits; only there rounding decides.
        let is_finite = decimal.exponent < 309
            || decimal.is_zero()
            || (decimal.exponent == 309 && text.parse::<f64>().is_ok_and(f64::is_finite));
        is_finite.then_some(decimal)
    }

    fn read(text: &'a str) -> Self {
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, ""));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let whole = whole.trim_start_matches('0').as_bytes();
        let fraction = fraction.trim_end_matches('0').as_bytes();
        let leading_zeros =
            if whole.is_empty() { fraction.iter().take_while(|digit| **digit == b'0').count() } else { 0 };
        let fraction = &fraction[leading_zeros..];
        let place = length(whole).saturating_sub(i64::try_from(leading_zeros).unwrap_or(i64::MAX));
        Self { negative, whole, fraction, exponent: place.saturating_add(read_exponent(exponent)) }
    }

    fn is_zero(&self) -> bool {
        self.whole.is_empty() && self.fraction.is_empty()
    }

    fn digits(&self) -> impl Iterator<Item = u8> + 'a {
        self.whole.iter().chain(self.fraction).copied()
    }

    fn magnitude(&self, other: &Self) -> Ordering {
        match (self.is_zero(), other.is_zero()) {
            (true, true) => return Ordering::Equal,
            (true, false) => return Ordering::Less,
            (false, true) => return Ordering::Greater,
            (false, false) => {}
        }
        self.exponent.cmp(&other.exponent).then_with(|| {
            let (mut own, mut others) = (self.digits(), other.digits());
            loop {
                match (own.next(), others.next()) {
                    (None, None) => return Ordering::Equal,
                    (a, b) => match a.unwrap_or(b'0').cmp(&b.unwrap_or(b'0')) {
                        Ordering::Equal => {}
                        decided => return decided,
                    },
                }
            }
        })
    }

    /// The one text of all spellings of this number.
    pub fn canonical(&self) -> String {
        if self.is_zero() {
            return "0".into();
        }
        let mut text = String::with_capacity(self.whole.len() + self.fraction.len() + 8);
        if self.negative {
            text.push('-');
        }
        text.extend(self.digits().map(char::from));
        text.truncate(text.trim_end_matches('0').len());
        text.push('e');
        text.push_str(&self.exponent.to_string());
        text
    }
}

impl PartialEq for Decimal<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Decimal<'_> {}

impl PartialOrd for Decimal<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let sign = |decimal: &Self| match (decimal.is_zero(), decimal.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        };
        match sign(self).cmp(&sign(other)) {
            Ordering::Equal if self.negative => other.magnitude(self),
            Ordering::Equal => self.magnitude(other),
            decided => decided,
        }
    }
}

fn length(digits: &[u8]) -> i64 {
    i64::try_from(digits.len()).unwrap_or(i64::MAX)
}

/// `+5`, `-12`, or nothing. One with more digits than any number needs stands for the largest.
fn read_exponent(text: &str) -> i64 {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    // Half of the range, so that adding the place of the first digit cannot overflow.
    let bound = i64::MAX / 2;
    let size = digits.bytes().fold(0_i64, |sum, digit| {
        sum.saturating_mul(10).saturating_add(i64::from(digit.wrapping_sub(b'0'))).min(bound)
    });
    if negative { -size } else { size }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn compared(a: &str, b: &str) -> Ordering {
        Decimal::finite(a).expect("finite").cmp(&Decimal::finite(b).expect("finite"))
    }

    #[test]
    fn spellings_of_one_number_are_equal() {
        let groups: [&[&str]; 5] = [
            &["0", "-0", "0.0", "0e5", "-0.00E-7", "0e999999999999999999999"],
            &["1", "1.0", "10e-1", "0.1e1", "1E0", "1e+0"],
            &["0.10", "0.1", "1e-1", "100e-3"],
            &["-1500", "-1.5e3", "-15E+2"],
            &["1e308", "10e307", "0.1e309"],
        ];
        for group in groups {
            for a in group {
                for b in group {
                    assert_eq!(compared(a, b), Ordering::Equal, "{a} {b}");
                    let canonical = |text| Decimal::finite(text).expect("finite").canonical();
                    assert_eq!(canonical(a), canonical(b), "{a} {b}");
                }
            }
        }
    }

    #[test]
    fn no_digit_is_lost() {
        assert_eq!(compared("9007199254740993", "9007199254740992"), Ordering::Greater);
        assert_eq!(
            compared("12345678901234567890123456789", "12345678901234567890123456788"),
            Ordering::Greater
        );
        assert_eq!(compared("0.1", "0.1000000000000000055511151231257827"), Ordering::Less);
        assert_eq!(compared("1e-400", "0"), Ordering::Greater);
        assert_eq!(compared("1e-99999999999999999999999", "1e-400"), Ordering::Less);
        assert_eq!(compared("-2", "-10"), Ordering::Greater);
    }

    #[test]
    fn what_no_double_holds_is_no_number() {
        for text in ["1e400", "-1e400", "1e309", "1.8e308", "0.0001e9999999999999999999999"] {
            assert!(Decimal::finite(text).is_none(), "{text}");
        }
        for text in ["1.7976931348623157e308", "1e308", "0e400", "-1e-400"] {
            assert!(Decimal::finite(text).is_some(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn it_orders_as_integers_do(a in any::<i128>(), b in any::<i128>(), scale in 0_u8..40) {
            let text = |n: i128| format!("{n}e-{scale}");
            prop_assert_eq!(compared(&text(a), &text(b)), a.cmp(&b));
            prop_assert_eq!(compared(&format!("{a}0"), &format!("{a}.0e1")), Ordering::Equal);
        }
    }
}
