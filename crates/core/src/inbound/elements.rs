//! `split: array`: one event for each element of a list.

use crate::filter::scan::elements;
use crate::limits::BATCH_EVENTS_MAX;

/// Why a body cannot be split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotSplit {
    /// It is no list.
    #[error("this source takes a list and makes one event of each element; send a JSON array")]
    NotAnArray,
    /// There is nothing in it.
    #[error("the list is empty; send at least one element")]
    Empty,
    /// There are more than fit in one commit.
    #[error("the list has more than {BATCH_EVENTS_MAX} elements; send fewer at once")]
    TooMany,
}

/// The elements of a text that passed the JSON gate, each as it is written.
///
/// # Errors
/// When it is no list, or one with none or too many elements.
pub fn split(text: &str) -> Result<Vec<&str>, NotSplit> {
    if !text.trim_start_matches([' ', '\t', '\r', '\n']).starts_with('[') {
        return Err(NotSplit::NotAnArray);
    }
    let parts: Vec<&str> = elements(text).take(BATCH_EVENTS_MAX + 1).collect();
    match parts.len() {
        0 => Err(NotSplit::Empty),
        1..=BATCH_EVENTS_MAX => Ok(parts),
        _ => Err(NotSplit::TooMany),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_element_keeps_its_bytes() {
        assert_eq!(
            split(" [ {\"a\": 1} ,\"b\\n,\" ,1e400,[[]] ]\n"),
            Ok(vec!["{\"a\": 1}", "\"b\\n,\"", "1e400", "[[]]"])
        );
        for (text, refusal) in
            [("{}", NotSplit::NotAnArray), ("1", NotSplit::NotAnArray), (" [ ] ", NotSplit::Empty)]
        {
            assert_eq!(split(text), Err(refusal), "{text}");
        }
        let list = |count: usize| format!("[{}]", vec!["1"; count].join(","));
        assert_eq!(split(&list(1_000)).map(|parts| parts.len()), Ok(1_000));
        assert_eq!(split(&list(1_001)), Err(NotSplit::TooMany));
    }
}
