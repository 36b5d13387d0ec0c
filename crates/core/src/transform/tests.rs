mod work;

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::envelope::Letter;
use crate::event::{EventContent, EventType};
use crate::id::{DeliveryId, EventId, WebhookId};
use crate::time::Time;

fn body(source: &str) -> Transform {
    Transform { body: Some(source.into()), ..Transform::default() }
}

fn event(data: &str) -> EventContent {
    EventContent {
        id: EventId::from_bytes([7; 16]),
        event_type: EventType::parse("order.created").expect("valid"),
        time: Time::from_micros(1_739_874_600_123_456),
        subject: Some("order/4711".into()),
        content_type: "application/json".into(),
        data: Bytes::from(data.to_owned()),
        previous_data: None,
        arrival: None,
    }
}

fn apply(transform: &Transform, data: &str) -> Result<(String, CustomHeaders), String> {
    let compiled = CompiledTransform::new(transform).unwrap_or_else(|refusal| panic!("{refusal}"));
    let event = event(data);
    let letter = Letter {
        event: &event,
        webhook: WebhookId::from_bytes([1; 16]),
        delivery: DeliveryId::from_bytes([2; 16]),
    };
    let made = compiled.apply(&letter).map_err(|fault| fault.0)?;
    let text =
        made.body.map_or_else(String::new, |(bytes, _)| String::from_utf8(bytes.to_vec()).expect("text"));
    Ok((text, made.headers))
}

fn made(source: &str, data: &str) -> String {
    apply(&body(source), data).map_or_else(|fault| panic!("{fault}"), |(text, _)| text)
}

fn fault(source: &str, data: &str) -> String {
    apply(&body(source), data).expect_err("fails")
}

fn refusal(source: &str) -> TransformRefusal {
    CompiledTransform::new(&body(source)).map(|_| ()).expect_err("refused")
}

#[test]
fn a_chat_message_from_an_event() {
    let source = r#"{
  "text": {{ ("Order " ~ event.data.id ~ " from " ~ event.data.customer.name) | tojson }},
  "lines": [{% for line in event.data.lines %}{{ line.sku | upper | tojson }}{% if not loop.last %}, {% endif %}{% endfor %}],
  "total": {{ event.data.cents | times(2) }}, "note": {{ event.data.note }}, "subject": {{ event.subject | tojson }}
}"#;
    let data = r#"{"id": 7, "customer": {"name": "Zoë \"Z\""}, "lines": [{"sku": "a1"}, {"sku": "b2"}], "cents": 450, "note": null}"#;
    let made: serde_json::Value = serde_json::from_str(&made(source, data)).expect("JSON");
    let expected = serde_json::json!({
        "text": "Order 7 from Zoë \"Z\"", "lines": ["A1", "B2"], "total": 900, "note": null, "subject": "order/4711",
    });
    assert_eq!(made, expected);
}

#[test]
fn the_same_event_makes_the_same_bytes_and_keeps_the_order_of_members() {
    let data = r#"{"z": 1, "a": {"y": 2.0, "b": [1, "x"]}, "n": 18446744073709551615}"#;
    let source = "{{ event.data }}";
    assert_eq!(made(source, data), r#"{"z":1,"a":{"y":2.0,"b":[1,"x"]},"n":18446744073709551615}"#);
    assert_eq!(made(source, data), made(source, data));
    assert_eq!(made("{{ event.data_json }}", data), data);
    assert_eq!(made("{{ event.previous_data_json }}", data), "null");
}

#[test]
fn headers_are_made_and_checked_like_custom_headers() {
    let with =
        |value: &str| Transform { headers: vec![("X-Kind".into(), value.into())], ..Transform::default() };
    let (text, headers) = apply(&with(" {{ event.type }}/{{ event.data.n }} "), r#"{"n": 3}"#).expect("made");
    assert_eq!((text.as_str(), headers.iter().next()), ("", Some(("X-Kind", "order.created/3"))));
    let broken = apply(&with("{{ event.data.n }}"), r#"{"n": "a\nb"}"#).expect_err("a line break");
    assert!(broken.contains("X-Kind"), "{broken}");
    for name in ["Content-Length", "webhook-id", "a b", ""] {
        let transform = Transform { headers: vec![(name.into(), "1".into())], ..Transform::default() };
        let refused = CompiledTransform::new(&transform).map(|_| ()).expect_err(name);
        assert_eq!(refused.part, Part::Header(name.into()));
    }
}

#[test]
fn what_is_malformed_is_refused_with_its_line() {
    for (source, line) in [
        ("{{ event.data.x", 1),
        ("a\n{% if event %}\n", 2),
        ("\n\n{{ event.data | nothing }}", 3),
        ("{% include 'x' %}", 1),
        ("{% macro a() %}{% endmacro %}", 1),
        ("\n{{ 'a' * 1000000000 }}", 2),
        ("{{ 2 ** 1000 }}", 1),
        ("{% set a = event.data ~ event.data %}", 1),
        ("{% set a = [event.data, event.data] %}", 1),
        ("{% set a %}{{ event.data }}{% endset %}", 1),
        ("{% for a in [event.data, event.data] %}{% endfor %}", 1),
        ("{{ event.data | map('indent', 1000000000) }}", 1),
        ("{{ debug() }}", 1),
        ("{{ event.data.items() }}", 1),
        ("{% with a = 1 %}{% endwith %}", 1),
        ("{% filter upper %}a{% endfilter %}", 1),
        ("{% autoescape true %}a{% endautoescape %}", 1),
        ("{% if event.data is eq(1) %}{% endif %}", 1),
        ("{% if [event.data] == event.data %}{% endif %}", 1),
        ("{{ event.data in [event.id, 1] }}", 1),
        ("{{ ([event.data] | list) == 1 }}", 1),
    ] {
        let refusal = refusal(source);
        assert_eq!((refusal.part, refusal.line), (Part::Body, Some(line)), "{source}: {}", refusal.message);
    }
    let nested = "{% for a in range(9) %}".repeat(4) + &"{% endfor %}".repeat(4);
    assert!(refusal(&nested).message.contains("nested"));
    assert!(refusal(&"{{ 1 | int }}".repeat(129)).message.contains("128"));
    assert_eq!(refusal(&"a".repeat(SOURCE_BYTES_MAX + 1)).part, Part::Whole);
}

#[test]
fn content_types_are_checked_and_json_must_be_json() {
    let plain = Transform { content_type: Some("text/plain".into()), ..body("hello {{ event.type }}") };
    assert_eq!(apply(&plain, "1").expect("made").0, "hello order.created");
    for kind in ["text", "text/plain\n", "text/é", ""] {
        let transform = Transform { content_type: Some(kind.into()), ..body("x") };
        let refused = CompiledTransform::new(&transform).map(|_| ()).expect_err(kind);
        assert_eq!(refused.part, Part::ContentType);
    }
    assert!(fault("hello", "1").contains("not JSON"));
}

#[test]
fn a_template_that_fails_says_where() {
    assert_eq!(fault("1\n{{ event.data.missing.name }}", "{}"), "body, line 2: undefined value");
    assert!(fault("{{ event.data.missing }}", "{}").contains("line 1"));
    assert!(fault("{{ event.data | times(2) }}", "\"a\"").contains("numbers"));
}

#[test]
fn steps_sizes_and_values_are_bounded() {
    let loops = "{% for a in range(1000) %}{% for b in range(1000) %}{% endfor %}{% endfor %}1";
    assert!(fault(loops, "1").contains("steps"));
    let data = format!("\"{}\"", "x".repeat(200_000));
    assert!(
        fault("\"{% for a in range(9) %}{{ event.data }}{% endfor %}\"", &data)
            .contains("larger than 1048576")
    );
    assert!(fault("{{ event.data | replace('x', event.data) | tojson }}", &data).contains("524288"));
    assert!(fault("{{ event.data | join(event.data) | tojson }}", &data).contains("524288"));
    let too_much = format!("\"{}\"", "x".repeat(INPUT_BYTES_MAX));
    assert!(fault("1", &too_much).contains("262144"));
}

#[test]
fn data_that_is_not_json_is_text_and_numbers_beyond_a_double_are_told() {
    assert_eq!(made("{{ event.data | tojson }}", "a=1&b=2"), "\"a=1&b=2\"");
    assert!(fault("1", "{\"n\": 1e400}").contains("data"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn any_source_is_decided(source in "([{}%#|~+*()\\[\\],.'\"a-e0-9 ]|\\{\\{|\\}\\}|\\{% |%\\}|event|data|for|in|if|set|endfor|endif|range|join){0,25}") {
        if let Ok(compiled) = CompiledTransform::new(&body(&source)) {
            let event = event("{\"a\": [1, 2]}");
            let letter = Letter { event: &event, webhook: WebhookId::from_bytes([1; 16]), delivery: DeliveryId::from_bytes([2; 16]) };
            let _ = compiled.apply(&letter);
        }
    }
}
