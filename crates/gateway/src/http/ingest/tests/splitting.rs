//! `split: array`: one event for each element, all of them or none.

use super::*;

async fn splitting(front: &Front) -> String {
    let mut config = SourceConfig::new("list".into(), Verification::Basic);
    config.split = Split::Array;
    front.basic_as(config).await.1
}

async fn stored(front: &Front) -> u64 {
    front.app.engine.store().conservation(None).await.expect("answers").events
}

#[tokio::test]
async fn each_element_is_an_event_to_the_byte_and_in_order() {
    let front = Front::start().await;
    let pair = splitting(&front).await;
    let sent = r#" [{"event": "a.b", "source": "s", "n": 1e400} ,[ 1 ],"x\n,", {"type": "c"}]"#;
    let (status, answer) = front.post(&pair, sent).await;
    assert_eq!(
        (status, &answer["status"], &answer["id"]),
        (200, &json!("ok"), &answer["ids"][0]),
        "{answer}"
    );
    let ids = answer["ids"].as_array().expect("a list").clone();
    let expected = [
        (r#"{"event": "a.b", "source": "s", "n": 1e400}"#, "a.b", Some("s")),
        ("[ 1 ]", "webhook.received", None),
        (r#""x\n,""#, "webhook.received", None),
        (r#"{"type": "c"}"#, "c", None),
    ];
    assert_eq!(ids.len(), expected.len());
    for (index, (id, (data, event_type, subject))) in (0..).zip(ids.iter().zip(expected)) {
        let content = front.event(id).await.content;
        assert_eq!(&content.data[..], data.as_bytes());
        assert_eq!((content.event_type.as_str(), content.subject.as_deref()), (event_type, subject));
        let element = content.arrival.as_ref().and_then(|arrival| arrival.element).expect("one of a list");
        assert_eq!((element.index, element.of, element.list_bytes), (index, 4, sent.len() as u64));
    }
    let (_, one) = front.post(&pair, "[1]").await;
    assert_eq!(one["ids"], json!([one["id"]]), "{one}");
}

#[tokio::test]
async fn what_cannot_be_split_stores_nothing() {
    let front = Front::start().await;
    let pair = splitting(&front).await;
    let list = |count: usize| format!("[{}]", vec!["1"; count].join(","));
    for body in ["{}", "1", "[]", &list(1_001)] {
        let (status, answer) = front.post(&pair, body).await;
        assert_eq!((status, &answer["code"]), (422, &json!("cannot_split")), "{answer}");
    }
    assert_eq!(front.post(&pair, "[1,]").await.0, 400);
    assert_eq!(stored(&front).await, 0);
    let (status, answer) = front.post(&pair, &list(1_000)).await;
    assert_eq!((status, answer["ids"].as_array().map(Vec::len)), (200, Some(1_000)));
    assert_eq!(stored(&front).await, 1_000);
}

#[tokio::test]
async fn a_repeated_list_is_recognised_as_a_whole() {
    let front = Front::start().await;
    let pair = splitting(&front).await;
    let authorization = basic(&pair);
    let headers =
        [("authorization", &*authorization), ("content-type", "application/json"), ("idempotency-key", "k1")];
    let (_, first) = front.raw("POST /", &headers, b"[1,2]").await;
    let (status, again) = front.raw("POST /", &headers, b"[1,2]").await;
    assert_eq!((status, &again["status"], &again["id"]), (200, &json!("already_processed"), &first["id"]));
    let (status, other) = front.raw("POST /", &headers, b"[1,3]").await;
    assert_eq!((status, &other["code"]), (409, &json!("idempotency_key_reused")));
    assert_eq!(stored(&front).await, 2);
}

#[tokio::test]
async fn a_list_is_one_request_where_requests_are_listed() {
    let front = Front::start().await;
    let mut config = SourceConfig::new("list".into(), Verification::Basic);
    config.split = Split::Array;
    let (source, pair) = front.basic_as(config).await;
    let many = format!("[{}]", vec!["1"; 700].join(","));
    let (_, before) = front.post(&pair, "[0]").await;
    front.post(&pair, &many).await;
    let (_, three) = front.post(&pair, r#"[{"event":"a"}, 2,"needle"]"#).await;
    let requests = format!("GET /v1/sources/{source}/requests");
    let listed = front.app.call(&front.token, &format!("{requests}?limit=2"), Value::Null).await.body;
    let rows = listed["data"].as_array().expect("a list");
    let seen: Vec<_> = rows.iter().map(|row| (&row["event_count"], &row["body_bytes"])).collect();
    assert_eq!(seen, [(&json!(3), &json!(27)), (&json!(700), &json!(1_401))], "{listed}");
    assert_eq!(rows[0]["event_ids"], json!([three["id"]]), "the first stands for all");
    let next = listed["next_cursor"].as_str().expect("more");
    let last = front.app.call(&front.token, &format!("{requests}?cursor={next}"), Value::Null).await.body;
    assert_eq!(last["data"].as_array().map(Vec::len), Some(1), "{last}");
    assert_eq!((&last["data"][0]["event_ids"], &last["next_cursor"]), (&json!([before["id"]]), &Value::Null));
    // Each of its events leads to the whole request.
    for id in three["ids"].as_array().expect("ids") {
        let request = id.as_str().expect("an id").replace("evt_", "req_");
        let whole = front.app.call(&front.token, &format!("{requests}/{request}"), Value::Null).await.body;
        assert_eq!((&whole["event_ids"], &whole["id"]), (&three["ids"], &rows[0]["id"]), "{whole}");
        assert_eq!(whole["body"], r#"[{"event":"a"},2,"needle"]"#, "{whole}");
    }
    let found = front.app.call(&front.token, &format!("{requests}?text=needle"), Value::Null).await.body;
    assert_eq!(found["data"].as_array().map(Vec::len), Some(1), "{found}");
    assert_eq!(found["data"][0]["id"], rows[0]["id"], "an element that has it is found as its request");
}
