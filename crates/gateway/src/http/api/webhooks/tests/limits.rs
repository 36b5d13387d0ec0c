//! Every rule of a webhook's settings, and where its breach is pointed at.

use serde_json::json;

use super::{app, with};

#[tokio::test]
async fn every_limit_has_its_pointer() {
    let (app, token) = app().await;
    for (members, pointer) in [
        (json!({"url": "https://localhost:6379/"}), "/url"),
        (json!({"url": "ftp://example.com/"}), "/url"),
        (json!({"url": 7}), "/url"),
        (json!({"events": ["ok", "not ok"]}), "/events/1"),
        (json!({"events": vec!["a"; 101]}), "/events"),
        (json!({"name": ""}), "/name"),
        (json!({"secret": "short"}), "/secret"),
        (json!({"secret": "whsec_???????"}), "/secret"),
        (json!({"timeout": 0.5}), "/timeout"),
        (json!({"timeout": "121s"}), "/timeout"),
        (json!({"timeout": "soon"}), "/timeout"),
        (json!({"profile": "other"}), "/profile"),
        (json!({"headers": {"Host": "x"}}), "/headers/Host"),
        (json!({"headers": {"X-A": "a\r\nb"}}), "/headers/X-A"),
        (json!({"retry_policy": {"max_retries": 50}}), "/retry_policy/max_retries"),
        (json!({"retry_policy": {"jitter_percent": 101}}), "/retry_policy/jitter_percent"),
        (json!({"retry_policy": {"retries": 1}}), "/retry_policy/retries"),
        (json!({"disable": {"failed_attempts": 0}}), "/disable/failed_attempts"),
        (json!({"limits": {"concurrency": 1001}}), "/limits/concurrency"),
        (json!({"limits": {"rate": {"count": 0, "period": 1}}}), "/limits/rate/count"),
        (json!({"limits": {"rate": {"count": 1, "period": 0}}}), "/limits/rate/period"),
        (json!({"signature": {"scheme": "hex"}}), "/signature/header"),
        (json!({"signature": {"scheme": "hex", "header": "Host"}}), "/signature/header"),
        (json!({"signature": {"header": "x-sig"}}), "/signature/header"),
        (json!({"metadata": {"a": "x".repeat(9_000)}}), "/metadata"),
        (json!({"metadata": []}), "/metadata"),
        (json!({"format": "xml"}), "/format"),
        (json!({"signature": {"also": [{"scheme": "hex"}]}}), "/signature/also/0/header"),
        (json!({"signature": {"also": [{}]}}), "/signature/also/0/scheme"),
        (json!({"signature": {"also": [["hex"]]}}), "/signature/also/0"),
        (json!({"transform": {"body": "{{ event.data"}}), "/transform/body"),
        (json!({"transform": {"body": "1", "content_type": "json"}}), "/transform/content_type"),
        (json!({"transform": {"headers": {"webhook-id": "1"}}}), "/transform/headers/webhook-id"),
        (json!({"transform": {"body": "x".repeat(20_000)}}), "/transform"),
        (json!({"transform": {"template": "1"}}), "/transform/template"),
        (json!({"cloudevents": {"source": "a b"}}), "/cloudevents/source"),
        (json!({"cloudevents": {"handshake": {"origin": "a_b"}}}), "/cloudevents/handshake/origin"),
        (json!({"cloudevents": {"handshake": {"origin": "a", "rate": 0}}}), "/cloudevents/handshake/rate"),
        (
            json!({"cloudevents": {"handshake": {"origin": "a", "allowed_rate": 9}}}),
            "/cloudevents/handshake/allowed_rate",
        ),
        (json!({"endpoint": "x"}), "/endpoint"),
    ] {
        let refused = app.call(&token, "POST /v1/webhooks", with(members.clone())).await;
        assert_eq!(
            (refused.status, refused.problem().1),
            (422, vec![pointer.to_owned()]),
            "{members}: {refused:?}"
        );
    }
    let both = app.call(&token, "POST /v1/webhooks", with(json!({"timeout": 0, "name": ""}))).await;
    assert_eq!(both.problem().1, ["/name", "/timeout"]);
}
