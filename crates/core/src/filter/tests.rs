mod cases;
mod judging;
mod reference;
mod refusals;
mod seeds;

use super::*;
use crate::id::EventId;
use crate::time::Time;

/// The event that the documentation's cases speak of, with these data.
fn facts(data: &str) -> Facts<'_> {
    Facts {
        id: EventId::from_bytes([0; 16]),
        event_type: "workflow.completed",
        time: Time::parse("2025-02-18T10:30:00Z").expect("a time"),
        subject: Some("run/7"),
        data: Some(data),
        previous_data: None,
        metadata: Some(r#"{"env":"prod"}"#),
    }
}

fn filter(text: &str) -> Filter {
    match Filter::parse(Some(text), None) {
        Ok(Some(filter)) => filter,
        other => panic!("{text}: {other:?}"),
    }
}
