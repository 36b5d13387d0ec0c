//! Decimal text of a number on the stack, because signing must not allocate for its timestamp.

/// `u64::MAX` has twenty decimal digits.
const MAX_DIGITS: usize = 20;

/// A number as ASCII decimal digits, without sign or leading zeros.
pub(crate) struct Decimal {
    digits: [u8; MAX_DIGITS],
    start: usize,
}

impl Decimal {
    pub(crate) fn new(mut number: u64) -> Self {
        let mut digits = [b'0'; MAX_DIGITS];
        let mut start = MAX_DIGITS;
        loop {
            start -= 1;
            digits[start] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                return Self { digits, start };
            }
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.digits[self.start..]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Decimal;

    #[test]
    fn limits() {
        for number in [0, 9, 10, 1_614_265_330, u64::MAX] {
            assert_eq!(Decimal::new(number).as_bytes(), number.to_string().as_bytes());
        }
    }

    proptest! {
        #[test]
        fn equals_the_standard_library(number: u64) {
            prop_assert_eq!(Decimal::new(number).as_bytes().to_vec(), number.to_string().into_bytes());
        }
    }
}
