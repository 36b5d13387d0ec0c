use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::event::EventType;
use crate::id::{DeliveryId, EventId, WebhookId};
use crate::time::Time;

const DATA: &str = r#"{ "n": 2.0,  "s":"\u00e9" }"#;

fn event(number: u8, data: &str) -> EventContent {
    EventContent {
        id: EventId::from_bytes([number; 16]),
        event_type: EventType::parse("order.created").expect("valid"),
        time: Time::from_micros(1_739_874_600_123_456),
        subject: Some("conv_1".into()),
        content_type: "application/json".into(),
        data: Bytes::copy_from_slice(data.as_bytes()),
        previous_data: None,
        arrival: None,
    }
}

fn shape(format: Format, stable: bool) -> Shape {
    Shape { format, stable, source: "/tenants/tnt_x".into() }
}

fn rendered(shape: &Shape, events: &[EventContent]) -> Body {
    let letters: Vec<_> = events.iter().map(letter).collect();
    render_batch(shape, BatchId::from_bytes([9; 16]), &letters).expect("renders")
}

fn letter(event: &EventContent) -> Letter<'_> {
    Letter {
        event,
        webhook: WebhookId::from_bytes([1; 16]),
        delivery: DeliveryId::from_bytes(*event.id.as_bytes()),
    }
}

#[test]
fn every_event_has_its_whole_envelope_and_its_own_id() {
    let events = [event(1, DATA), event(2, "[]")];
    let id = BatchId::from_bytes([9; 16]).to_string();
    for format in [Format::Standard, Format::Broxi, Format::Conversation, Format::Resource] {
        let body = rendered(&shape(format, false), &events);
        assert_eq!(body.content_type, "application/json");
        let value: Value = serde_json::from_slice(&body.bytes).expect("JSON");
        assert_eq!(value["batch_id"], json!(id));
        assert_eq!(value["events"].as_array().map(Vec::len), Some(2));
        assert!(String::from_utf8_lossy(&body.bytes).contains(DATA), "{format:?}: the bytes are spliced in");
        for (n, event) in events.iter().enumerate() {
            let member = &value["events"][n];
            let plain = render(&shape(format, false), &letter(event)).expect("renders");
            let mut plain: Value = serde_json::from_slice(&plain.bytes).expect("JSON");
            if format == Format::Standard {
                plain["id"] = json!(event.id.to_string());
            }
            assert_eq!(member, &plain);
        }
    }
}

#[test]
fn cloudevents_are_an_array_of_their_own_media_type() {
    let mut second = event(2, "text");
    second.content_type = "text/plain".into();
    let events = [event(1, DATA), second];
    let body = rendered(&shape(Format::Cloudevents, false), &events);
    assert_eq!(body.content_type, "application/cloudevents-batch+json");
    let value: Vec<Value> = serde_json::from_slice(&body.bytes).expect("an array");
    let ids: Vec<_> = value.iter().map(|one| one["id"].as_str().expect("an id").to_owned()).collect();
    assert_eq!(ids, events.map(|event| event.id.to_string()));
    assert_eq!(value[1]["data_base64"], "dGV4dA==");
}

#[test]
fn members_for_javascript_are_written_as_it_writes_them() {
    let body = rendered(&shape(Format::Broxi, true), &[event(1, DATA), event(2, "1e3")]);
    let text = String::from_utf8(body.bytes.to_vec()).expect("text");
    assert!(text.contains(r#""data":{"n":2,"s":"é"}}"#) && text.contains(r#""data":1000}"#), "{text}");
}

#[test]
fn formats_of_one_event_hold_no_batch_and_what_is_not_json_stands_beside_nothing() {
    for format in [Format::Raw, Format::CloudeventsBinary] {
        let one = event(1, "1");
        let refused = render_batch(&shape(format, false), BatchId::from_bytes([9; 16]), &[letter(&one)]);
        assert_eq!(refused, Err(Unrenderable::Several));
        assert_eq!(member_bytes_at_most(&shape(format, false), &one), None);
        assert!(!format.holds_batches());
    }
    let mut text = event(1, "text");
    text.content_type = "text/plain".into();
    assert_eq!(member_bytes_at_most(&shape(Format::Standard, false), &text), None);
    assert!(member_bytes_at_most(&shape(Format::Cloudevents, false), &text).is_some());
}

fn any_json() -> impl Strategy<Value = String> {
    let number = r"-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,2})?";
    let text = r#""([a-z0-9eE ]|\\u00[0-9a-f]{2}|é){0,12}""#;
    proptest::collection::vec(prop_oneof![number, text], 0..12)
        .prop_map(|parts| format!("[{}]", parts.join(" , ")))
}

proptest! {
    /// The bound on bodies holds because that on their members does.
    #[test]
    fn no_member_is_larger_than_was_said(data in any_json(), subject in "\\PC{0,40}", binary: bool, previous in any_json()) {
        let mut event = event(1, &data);
        event.subject = Some(subject.into());
        event.previous_data = Some(Bytes::from(previous));
        if binary {
            event.content_type = "application/octet-stream".into();
        }
        for format in Format::ALL {
            for stable in [false, true] {
                let shape = shape(format, stable);
                let Some(at_most) = member_bytes_at_most(&shape, &event) else { continue };
                let (one, two) = (rendered(&shape, std::slice::from_ref(&event)), rendered(&shape, &[event.clone(), event.clone()]));
                prop_assert!(one.bytes.len() <= BATCH_AROUND_BYTES + at_most, "{format:?}");
                prop_assert!(two.bytes.len() <= BATCH_AROUND_BYTES + 2 * at_most, "{format:?}");
            }
        }
    }
}
