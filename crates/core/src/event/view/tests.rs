//! What filters see of each media type.

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::event::EventType;
use crate::id::EventId;
use crate::time::Time;

fn view(content_type: &str, data: impl Into<Bytes>) -> Option<Value> {
    let content = EventContent {
        id: EventId::from_bytes([1; 16]),
        event_type: EventType::parse("a").unwrap(),
        time: Time::ZERO,
        subject: None,
        content_type: content_type.into(),
        data: data.into(),
        previous_data: None,
        arrival: None,
    };
    content.view().map(|text| serde_json::from_str(&text).unwrap())
}

#[test]
fn json_is_seen_as_it_is_and_text_when_it_is_json() {
    assert_eq!(view("application/json; charset=utf-8", "{\"a\":1}"), Some(json!({"a": 1})));
    assert_eq!(view("application/vnd.x+json", "[1]"), Some(json!([1])));
    assert_eq!(
        view("text/plain; charset=UTF-8", "{\"Type\":\"Notification\"}"),
        Some(json!({"Type": "Notification"}))
    );
    for (content_type, data) in
        [("text/plain", "hello"), ("text/plain", "{\"a\":1} x"), ("application/xml", "<a/>"), ("", "{}")]
    {
        assert_eq!(view(content_type, data), None, "{content_type} {data}");
    }
}

#[test]
fn a_form_is_an_object_of_texts() {
    let form = |data: &'static str| view("application/x-www-form-urlencoded", data);
    let seen = form("From=%2B1555&Body=Hi+there%21&n=1&tag=a&tag=b&empty=&=x");
    let expected =
        json!({"From": "+1555", "Body": "Hi there!", "n": "1", "tag": ["a", "b"], "empty": "", "": "x"});
    assert_eq!(seen, Some(expected));
    assert_eq!(form(""), Some(json!({})));
    let many = |count: usize| view("application/x-www-form-urlencoded", "a=1&".repeat(count));
    assert!(many(1_000).is_some() && many(1_001).is_none());
}

#[test]
fn a_multipart_form_shows_files_by_name_and_size() {
    let body = "preamble\r\n--b\r\nContent-Disposition: form-data; name=\"to\"\r\n\r\na@x\r\n--b  \r\n\
        content-disposition: form-data; name=\"file\"; filename=\"a \\\"b\\\".txt\"\r\nContent-Type: text/plain\r\n\r\nab\r\n\r\nc\r\n--b\r\n\
        Content-Disposition: form-data; name=to\r\n\r\n\r\n--b--\r\nepilogue";
    let file = json!({"filename": "a \"b\".txt", "content_type": "text/plain", "bytes": 7});
    assert_eq!(view("multipart/form-data; boundary=b", body), Some(json!({"to": ["a@x", ""], "file": file})));
    for (content_type, body) in [
        ("multipart/form-data", "--b--"),
        ("multipart/form-data; boundary=c", body),
        (
            "multipart/form-data; boundary=b",
            "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nnever closed",
        ),
        ("multipart/form-data; boundary=b", "--b\r\nno colon\r\n\r\nx\r\n--b--"),
        ("multipart/form-data; boundary=\"\"", "\r\n----"),
    ] {
        assert_eq!(view(content_type, body.to_owned()), None, "{content_type} {body}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(data in "(--b|\r\n|name=\"a\"|Content-Disposition: form-data;|[a-z:;\"-]){0,30}") {
        _ = view("multipart/form-data; boundary=b", data.clone());
        _ = view("application/x-www-form-urlencoded", data);
    }
}
