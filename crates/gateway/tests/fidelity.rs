//! What was published is what arrives, to the byte, on every attempt and after a restart (promise P8; readings, "over the
//! wire").
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::sync::Arc;

use http::Method;
use serde_json::{Value, json};
use stentor_testkit::api::{Api, text};
use stentor_testkit::gateway::Gateway;
use stentor_testkit::receiver::{Received, Receiver, Reply};

/// Legal JSON (RFC 8259) that a parser and a writer in between would change.
const ODD: [&str; 24] = [
    "1e400",
    "-1E-400",
    "-0",
    "-0.0",
    "1.50e1",
    "12345678901234567890",
    "18446744073709551616",
    "0.1000000000000000055511151231257827021181583404541015625",
    "\"\"",
    r#""\u0000""#,
    r#""\ud800""#,
    r#""\udc00\ud83d""#,
    r#""\uD83D\uDE00 is 😀""#,
    r#""\u002f \/ / \u0041""#,
    "\"\u{2028}\u{2029}\u{7f}\u{fffe}\u{feff}\"",
    r#"{"a":1,"a":2,"a":{"a":3,"a":4}}"#,
    r#"{"b":1,"a":2,"":0," ":0}"#,
    "{ \"a\" :\t1 ,\r\n\"b\":[ ] , \"c\" : { } }",
    "[1,2 , 3\n,4\t,\r5]",
    r#"{"type":"other","timestamp":"2001-01-01T00:00:00Z","data":null}"#,
    r#"{"__proto__":{"x":1},"constructor":null,"toString":1}"#,
    r#""<script>alert(1)</script>&amp;\u003c""#,
    "null",
    "false",
];

async fn start() -> (Gateway, Api, Receiver) {
    let gateway = Gateway::builder(env!("CARGO_BIN_EXE_stentor")).start().await;
    let tenant = gateway.tenant("acme").await;
    (gateway, tenant, Receiver::start().await)
}

async fn both_formats(api: &Api, receiver: &Receiver, policy: &Value) {
    for profile in ["raw", "standard"] {
        let mut webhook = json!({ "profile": profile });
        webhook["retry_policy"] = policy.clone();
        api.create_webhook(&receiver.url(&format!("/{profile}")), &webhook).await;
    }
}

fn latin(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The body is the envelope of Standard Webhooks around exactly these bytes.
#[track_caller]
fn assert_spliced(body: &[u8], event_type: &str, data: &str) {
    let body = std::str::from_utf8(body).unwrap();
    let (start, rest) = body.split_once("\"data\":").unwrap();
    assert_eq!(rest, format!("{data}}}"));
    let envelope: Value = serde_json::from_str(&format!("{start}\"data\":0}}")).unwrap();
    let names: Vec<_> = envelope.as_object().unwrap().keys().collect();
    assert_eq!((names.len(), &envelope["type"]), (3, &json!(event_type)), "{body}");
    assert!(envelope["timestamp"].is_string(), "{body}");
}

/// What every request must and must not carry.
#[track_caller]
fn assert_head(request: &Received) {
    let all = |name: &str| {
        let named = request.headers.iter().filter(|(given, _)| given.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(request.method, "POST");
    assert_eq!(all("content-type"), ["application/json"]);
    assert_eq!(all("content-length"), [request.body.len().to_string()]);
    assert_eq!(all("host").len(), 1);
    assert!(all("user-agent")[0].starts_with("Stentor/"));
    let never = ["transfer-encoding", "expect", "te", "trailer", "upgrade", "content-encoding", "forwarded"];
    let inbound =
        ["cookie", "authorization", "x-real-ip", "via", "x-inbound", "idempotency-key", "stentor-tenant"];
    for name in never.iter().chain(&inbound) {
        assert_eq!(all(name), [""; 0], "{:?}", request.headers);
    }
    assert!(!request.headers.iter().any(|(name, _)| name.to_ascii_lowercase().starts_with("x-forwarded-")));
    assert!(!request.body.starts_with(b"\xEF\xBB\xBF"));
}

fn requests_of<'a>(requests: &'a [Arc<Received>], event: &str, path: &str) -> Vec<&'a Received> {
    let of_event =
        |request: &&Arc<Received>| request.header("webhook-id") == Some(event) && request.path == path;
    requests.iter().filter(of_event).map(Arc::as_ref).collect()
}

#[tokio::test]
async fn odd_json_arrives_to_the_byte_on_every_attempt() {
    let (_gateway, api, receiver) = start().await;
    both_formats(&api, &receiver, &json!({"schedule": [0, 0, 0], "jitter_percent": 0})).await;
    let third_time_right = [Reply::status(500), Reply::status(503).close(), Reply::status(204)];
    for path in ["/raw", "/standard"] {
        receiver.script(path, ODD.iter().flat_map(|_| third_time_right.clone()));
    }
    let mut events = Vec::new();
    for data in ODD {
        // White space around a value does not belong to it.
        let body = format!("\r\n{{ \"data\" : \t{data} \n, \"type\":\"odd.json\" }}\n");
        let inbound = [
            ("x-forwarded-for", "192.0.2.1"),
            ("forwarded", "for=192.0.2.1"),
            ("cookie", "a=b"),
            ("via", "1.1 proxy"),
            ("x-inbound", "1"),
        ];
        let answer = api.request(Method::POST, "/v1/events", &inbound, body).await.unwrap();
        assert_eq!(answer.status(), 202, "{data}: {}", answer.text());
        events.push(answer.published().id);
        // One after the other, so that the script's failures are the first two attempts of each.
        api.wait_delivered(&events[events.len() - 1]).await;
    }
    let requests = receiver.requests();
    assert_eq!(requests.len(), 2 * 3 * ODD.len(), "two failures and a success for each");
    for (event, data) in events.iter().zip(ODD) {
        for request in requests_of(&requests, event, "/raw") {
            assert_eq!(latin(&request.body), data);
            assert_head(request);
        }
        let enveloped = requests_of(&requests, event, "/standard");
        for request in &enveloped {
            assert_spliced(&request.body, "odd.json", data);
            assert_eq!(request.body, enveloped[0].body, "the same bytes on every attempt");
            assert_head(request);
        }
        let shown = api.get(&format!("/v1/events/{event}")).await.unwrap().text();
        assert!(shown.contains(&format!("\"data\":{data}")), "{data}: {shown}");
    }
}

#[tokio::test]
async fn what_waits_over_a_restart_arrives_to_the_byte() {
    let (mut gateway, api, receiver) = start().await;
    receiver.default_reply(Reply::status(500));
    both_formats(&api, &receiver, &json!({"schedule": [0, 3600], "jitter_percent": 0})).await;
    let batch = ODD.map(|data| format!(r#"{{"type":"odd.json","data":{data}}}"#)).join(" ,\n");
    let body = format!("{{\"events\":[{batch}]}}");
    let answer = api.request(Method::POST, "/v1/events/batch", &[], body).await.unwrap();
    let results = answer.json()["results"].as_array().unwrap().clone();
    let before = receiver.wait_for(2 * ODD.len()).await;
    gateway.kill9().await;
    gateway.restart().await;
    receiver.default_reply(Reply::status(200));
    for (result, data) in results.iter().zip(ODD) {
        let event = text(result, "id");
        // A kill between attempt and record makes the first attempt due again; then there is nothing to hurry.
        for delivery in api.event_deliveries(&event).await {
            let path = format!("/v1/deliveries/{}/retry", text(&delivery, "id"));
            api.request(Method::POST, &path, &[], "").await.unwrap();
        }
        api.wait_delivered(&event).await;
        let after = receiver.requests_since(before.len());
        let raw = requests_of(&after, &event, "/raw");
        let enveloped = requests_of(&after, &event, "/standard");
        assert!(!raw.is_empty() && !enveloped.is_empty(), "{data}");
        assert!(raw.iter().all(|request| latin(&request.body) == data), "{data}");
        let first = requests_of(&before, &event, "/standard")[0];
        assert!(enveloped.iter().all(|request| request.body == first.body), "{data}");
        raw.into_iter().chain(enveloped).for_each(assert_head);
    }
}

/// The largest event that is accepted, at the edge of every buffer on its way.
#[tokio::test]
async fn the_largest_body_arrives_to_the_byte() {
    let (_gateway, api, receiver) = start().await;
    both_formats(&api, &receiver, &json!({"schedule": [0]})).await;
    let frame = r#"{"type":"large.json","data":""}"#;
    let text: String = (0..)
        .map(|n: u32| char::from(b'a' + u8::try_from(n % 26).unwrap()))
        .take(10_485_760 - frame.len())
        .collect();
    let data = format!("\"{text}\"");
    let event = api.publish_raw(format!(r#"{{"type":"large.json","data":{data}}}"#)).await;
    api.wait_delivered(&event.id).await;
    let requests = receiver.requests();
    assert_eq!(requests.len(), 2);
    assert!(requests_of(&requests, &event.id, "/raw")[0].body == data.as_bytes());
    assert_spliced(&requests_of(&requests, &event.id, "/standard")[0].body, "large.json", &data);
    requests.iter().for_each(|request| assert_head(request));
}
