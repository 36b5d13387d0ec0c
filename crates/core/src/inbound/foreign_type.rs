//! Names that others give to their kinds of event, as event types.

use crate::event::EventType;
use crate::limits::EVENT_TYPE_CHARS_MAX;

/// A sender's name as an event type: what may not stand in one becomes `_`, so that GitLab's `Push Hook` is `Push_Hook`.
/// None when it is too long or nothing of it is a letter or digit.
pub fn event_type(name: &str) -> Option<EventType> {
    if name.chars().count() > EVENT_TYPE_CHARS_MAX || !name.contains(|c: char| c.is_ascii_alphanumeric()) {
        return None;
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_.:/-".contains(c);
    let text: String = name.trim().chars().map(|c| if allowed(c) { c } else { '_' }).collect();
    EventType::parse(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_not_stand_in_a_type_is_replaced() {
        let read = |name: &str| event_type(name).map(|it| it.to_string());
        assert_eq!(read("user_action"), Some("user_action".into()));
        assert_eq!(read("Push Hook"), Some("Push_Hook".into()));
        assert_eq!(read(" jira:issue_created "), Some("jira:issue_created".into()));
        assert_eq!(read("a*é"), Some("a__".into()));
        for name in ["", " ", "\u{fffd}", "__", &"x".repeat(129)] {
            assert_eq!(read(name), None, "{name:?}");
        }
        assert!(read(&"x".repeat(128)).is_some());
    }
}
