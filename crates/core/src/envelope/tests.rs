use serde_json::{Value, json};

use super::*;
use crate::event::EventType;
use crate::id::EventId;
use crate::time::Time;

const ODD: &str = r#"{ "n": 12345678901234567890, "n": 1e400,  "s":"\ud800", "f": 2.0 }"#;

fn event(data: &'static str) -> EventContent {
    EventContent {
        id: EventId::from_bytes([7; 16]),
        event_type: EventType::parse("order.created").expect("valid"),
        time: Time::from_micros(1_739_874_600_123_456),
        subject: None,
        content_type: "application/json".into(),
        data: Bytes::from_static(data.as_bytes()),
        previous_data: None,
        arrival: None,
    }
}

fn letter(event: &EventContent) -> Letter<'_> {
    Letter { event, webhook: WebhookId::from_bytes([1; 16]), delivery: DeliveryId::from_bytes([2; 16]) }
}

fn shape(format: Format) -> Shape {
    Shape { format, stable: false, source: "/tenants/tnt_x".into() }
}

fn text(format: Format, event: &EventContent) -> String {
    let body = render(&shape(format), &letter(event)).expect("renders");
    String::from_utf8(body.bytes.to_vec()).expect("text")
}

fn parsed(format: Format, event: &EventContent) -> Value {
    serde_json::from_str(&text(format, event)).expect("JSON")
}

#[test]
fn every_envelope_keeps_every_byte_of_the_data() {
    let odd = event(ODD);
    let expected =
        format!(r#"{{"type":"order.created","timestamp":"2025-02-18T10:30:00.123Z","data":{ODD}}}"#);
    assert_eq!(text(Format::Standard, &odd), expected);
    for format in Format::ALL {
        assert!(text(format, &odd).contains(ODD), "{format:?}");
    }
}

#[test]
fn json_bodies_say_exactly_that() {
    for format in [Format::Standard, Format::Broxi, Format::Conversation, Format::Resource] {
        let body = render(&shape(format), &letter(&event("{}"))).expect("renders");
        assert_eq!((body.content_type.as_bytes(), body.headers.len()), (&b"application/json"[..], 0));
    }
}

#[test]
fn the_seeds_envelopes_have_their_members_in_the_printed_order() {
    let mut about = event("{\"a\":1}");
    about.subject = Some("7c0e".into());
    let (webhook, delivery) = (letter(&about).webhook, letter(&about).delivery);
    assert_eq!(
        text(Format::Broxi, &about),
        format!(
            r#"{{"event":"order.created","timestamp":"2025-02-18T10:30:00.123Z","webhook_id":"{webhook}","delivery_id":"{delivery}","data":{{"a":1}}}}"#
        )
    );
    assert_eq!(
        text(Format::Conversation, &about),
        r#"{"conversation_id":"7c0e","data":{"a":1},"timestamp":"2025-02-18T10:30:00.123Z"}"#
    );
    let id = about.id;
    assert_eq!(
        text(Format::Resource, &about),
        format!(
            r#"{{"id":"{id}","type":"order.created","created_at":"2025-02-18T10:30:00Z","data":{{"object":{{"a":1}}}},"previous_data":null}}"#
        )
    );
    about.previous_data = Some(Bytes::from_static(b"{\"a\": 0}"));
    assert!(text(Format::Resource, &about).ends_with(r#""previous_data":{"a": 0}}"#));
}

#[test]
fn a_subject_of_any_characters_is_quoted() {
    let mut about = event("1");
    about.subject = Some("a \"b\" \\ \u{7} é".into());
    for (format, member) in [(Format::Conversation, "conversation_id"), (Format::Cloudevents, "subject")] {
        assert_eq!(parsed(format, &about)[member], "a \"b\" \\ \u{7} é");
    }
    assert_eq!(parsed(Format::Conversation, &event("1"))["conversation_id"], Value::Null);
}

#[test]
fn a_stable_body_is_what_ecmascript_writes() {
    let event = event(r#"{ "b": 2.0, "a": "\u00e9", "7": 1e21 }"#);
    let stable = Shape { stable: true, ..shape(Format::Broxi) };
    let body = render(&stable, &letter(&event)).expect("renders");
    assert!(body.bytes.ends_with(r#""data":{"7":1e+21,"b":2,"a":"é"}}"#.as_bytes()), "{:?}", body.bytes);
}

#[test]
fn raw_is_the_event_itself() {
    let mut raw = event("a=1&b=2");
    raw.content_type = "application/x-www-form-urlencoded".into();
    let body = render(&shape(Format::Raw), &letter(&raw)).expect("renders");
    assert_eq!(
        (&body.bytes[..], body.content_type.as_bytes()),
        (&b"a=1&b=2"[..], &b"application/x-www-form-urlencoded"[..])
    );
    raw.content_type = "text/plain\n".into();
    assert_eq!(render(&shape(Format::Raw), &letter(&raw)), Err(Unrenderable::ContentType));
}

#[test]
fn structured_cloudevents_have_the_attributes_of_the_specification() {
    let plain = event("{\"a\":1}");
    let expected = json!({
        "specversion": "1.0", "id": plain.id.to_string(), "source": "/tenants/tnt_x", "type": "order.created",
        "time": "2025-02-18T10:30:00.123Z", "datacontenttype": "application/json", "data": {"a": 1},
    });
    assert_eq!(parsed(Format::Cloudevents, &plain), expected);
    let mut form = event("a=1");
    form.content_type = "text/plain".into();
    let parsed = parsed(Format::Cloudevents, &form);
    assert_eq!((&parsed["data_base64"], &parsed["data"]), (&json!("YT0x"), &Value::Null));
    let body = render(&shape(Format::Cloudevents), &letter(&form)).expect("renders");
    assert_eq!(body.content_type, "application/cloudevents+json");
}

#[test]
fn binary_cloudevents_have_the_attributes_in_headers() {
    let mut about = event(ODD);
    about.subject = Some("Grüße 100%".into());
    let body = render(&shape(Format::CloudeventsBinary), &letter(&about)).expect("renders");
    let header = |name: &str| {
        let found = body.headers.iter().find(|(each, _)| each == name);
        found.map(|(_, value)| value.to_str().expect("ASCII").to_owned())
    };
    assert_eq!((&body.bytes[..], body.content_type.as_bytes()), (ODD.as_bytes(), &b"application/json"[..]));
    let expected = [
        ("ce-specversion", "1.0".to_owned()),
        ("ce-id", about.id.to_string()),
        ("ce-source", "/tenants/tnt_x".to_owned()),
        ("ce-type", "order.created".to_owned()),
        ("ce-time", "2025-02-18T10:30:00.123Z".to_owned()),
        ("ce-subject", "Gr%C3%BC%C3%9Fe%20100%25".to_owned()),
    ];
    for (name, value) in expected {
        assert_eq!(header(name), Some(value), "{name}");
    }
}
