//! The order of an object's members: array indices first and ascending, then the others as they were first seen; of a
//! repeated key the last value counts.

use std::collections::HashMap;
use std::ops::Range;

use super::Kept;

/// Up to so many members are compared one by one.
const FEW: usize = 8;
/// The largest array index: 2^32 - 2.
const INDEX_MAX: u64 = 4_294_967_294;

/// The members of an object that is being written, as places in the output.
pub(super) struct Members {
    start: usize,
    all: Vec<Member>,
}

/// One of them.
pub(super) struct Member {
    pub(super) start: usize,
    /// End of the key, its quotes included.
    pub(super) key_end: usize,
    pub(super) end: usize,
    /// Which numbers in it kept their digits.
    pub(super) kept: Range<usize>,
}

impl Members {
    /// Of an object whose first member will be written there.
    pub(super) const fn starting_at(start: usize) -> Self {
        Self { start, all: Vec::new() }
    }

    pub(super) fn add(&mut self, member: Member) {
        self.all.push(member);
    }

    /// Brings the members, which are the end of the output, into their order. Nothing is copied when they are in it. What
    /// was kept in a member that goes is kept no longer.
    pub(super) fn arrange(&self, out: &mut Vec<u8>, kept: &mut Kept) {
        let key = |member: &Member| &out[member.start..member.key_end];
        let has_index = self.all.iter().any(|member| array_index(key(member)).is_some());
        if !has_index && !self.has_repeated_key(out) {
            return;
        }
        let written = out.split_off(self.start);
        let place = |at: usize| at - self.start;
        let order = self.order(&written);
        for (position, member) in order.iter().enumerate() {
            if position > 0 {
                out.push(b',');
            }
            out.extend_from_slice(&written[place(member.start)..place(member.end)]);
        }
        if let Some(first) = self.all.first().map(|member| member.kept.start)
            && kept.len() > first
        {
            let within = kept.split_off(first);
            let mut left: Vec<_> = order.iter().flat_map(|member| member.kept.clone()).collect();
            left.sort_unstable();
            kept.extend(left.into_iter().map(|n| within[n - first].clone()));
        }
    }

    /// Keys are equal when what is written of them is: there is one form for each.
    fn has_repeated_key(&self, out: &[u8]) -> bool {
        let key = |member: &Member| &out[member.start..member.key_end];
        if self.all.len() <= FEW {
            let repeats = |(n, member): (usize, &Member)| {
                self.all[..n].iter().any(|earlier| key(earlier) == key(member))
            };
            return self.all.iter().enumerate().any(repeats);
        }
        let mut keys: Vec<&[u8]> = self.all.iter().map(key).collect();
        keys.sort_unstable();
        keys.windows(2).any(|pair| pair[0] == pair[1])
    }

    /// The members to be written; `written` begins with the first of all.
    fn order(&self, written: &[u8]) -> Vec<&Member> {
        let mut places: HashMap<&[u8], usize> = HashMap::with_capacity(self.all.len());
        let mut left: Vec<(&[u8], &Member)> = Vec::with_capacity(self.all.len());
        for member in &self.all {
            let key = &written[member.start - self.start..member.key_end - self.start];
            match places.get(key) {
                Some(place) => left[*place].1 = member,
                None => {
                    places.insert(key, left.len());
                    left.push((key, member));
                }
            }
        }
        // Stable, so that the others stay as they were.
        left.sort_by_key(|(key, _)| array_index(key).unwrap_or(u64::MAX));
        left.into_iter().map(|(_, member)| member).collect()
    }
}

/// The index that a quoted key is the canonical text of, if any.
fn array_index(quoted: &[u8]) -> Option<u64> {
    let digits = quoted.get(1..quoted.len().checked_sub(1)?)?;
    let canonical = matches!(digits, [b'0'] | [b'1'..=b'9', ..]) && digits.len() <= 10;
    if !canonical || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let index = digits.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
    (index <= INDEX_MAX).then_some(index)
}
