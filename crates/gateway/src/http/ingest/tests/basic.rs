//! `POST /` with credentials: what is accepted, and each refusal of the seeds' troubleshooting lists.

use super::*;

#[tokio::test]
async fn what_was_answered_200_is_stored_with_type_time_and_source_of_the_body() {
    let front = Front::start().await;
    let (source, pair) = front.basic().await;
    let sent = r#"{"event": "user_action", "timestamp": "2023-06-15T14:22:10Z", "source": "web_app", "data": {"n": 1e400}}"#;
    let (status, answer) = front.post(&pair, sent).await;
    assert_eq!((status, &answer["status"]), (200, &json!("ok")), "{answer}");
    let event = front.event(&answer["id"]).await;
    let content = &event.content;
    assert_eq!(&content.data[..], sent.as_bytes());
    assert_eq!((content.event_type.as_str(), content.subject.as_deref()), ("user_action", Some("web_app")));
    assert_eq!(content.time.to_string(), "2023-06-15T14:22:10.000Z");
    let arrival = content.arrival.as_ref().expect("it came in at a source");
    assert_eq!(arrival.source, source);
    assert!(arrival.headers.iter().all(|(name, _)| &**name != "authorization"), "{arrival:?}");
    let (_, plain) = front.post(&pair, r#"{"message": "Hello from webhook!"}"#).await;
    assert_eq!(front.event(&plain["id"]).await.content.event_type.as_str(), "webhook.received");
}

#[tokio::test]
async fn each_mistake_in_the_credentials_has_its_own_text() {
    let front = Front::start().await;
    let (_, pair) = front.basic().await;
    let rows = [
        (None, "malformed_credentials", "missing"),
        (Some("Bearer x".to_owned()), "malformed_credentials", "wrong_scheme"),
        (Some("Basic ###".to_owned()), "malformed_credentials", "not_base64"),
        (Some(basic(&format!("{pair}\n"))), "malformed_credentials", "trailing_newline"),
        (Some(basic(&format!("-n {pair}\n"))), "malformed_credentials", "echo_option"),
        (Some(basic("nobody")), "malformed_credentials", "no_colon"),
        (Some(basic("nobody:nothing")), "unknown_credentials", ""),
        (Some(basic(&format!("{pair}x"))), "unknown_credentials", ""),
    ];
    for (value, code, reason) in rows {
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(value.as_deref().map(|value| ("authorization", value)));
        let (status, answer) = front.raw("POST /", &headers, b"{}").await;
        assert_eq!((status, &answer["code"]), (401, &json!(code)), "{value:?} {answer}");
        assert_eq!(answer["errors"][0]["code"].as_str().unwrap_or(""), reason, "{answer}");
    }
    let wrapped = basic(&pair).replace("Basic ", "basic ");
    let (front_half, back_half) = wrapped.split_at(40);
    let (status, answer) =
        front.raw("POST /", &[("authorization", &format!("{front_half}\n{back_half}"))], b"").await;
    assert_eq!((status, &answer["code"]), (401, &json!("malformed_credentials")), "{answer}");
    assert!(answer["detail"].as_str().is_some_and(|detail| detail.contains("base64 -w0")), "{answer}");
}

#[tokio::test]
async fn content_types_and_bodies_follow_the_one_rule() {
    let front = Front::start().await;
    let (_, pair) = front.basic().await;
    let authorization = basic(&pair);
    let deep = "[".repeat(10_000);
    let rows: [(&str, &[u8], u16, &str); 11] = [
        ("application/json; charset=UTF-8", br#"["\ud800", 18446744073709551616]"#, 200, ""),
        ("Application/JSON", b" null ", 200, ""),
        ("text/plain", b"{}", 400, "unexpected_content_type"),
        ("application/json; charset=latin1", b"{}", 400, "unexpected_content_type"),
        ("", b"{}", 400, "unexpected_content_type"),
        ("application/json", b"", 400, "invalid_json"),
        ("application/json", b"{\"a\": // comment\n1}", 400, "invalid_json"),
        ("application/json", b"\"\xff\"", 400, "invalid_json"),
        ("application/json", deep.as_bytes(), 400, "invalid_json"),
        ("application/json", b"\xEF\xBB\xBF{}", 400, "invalid_json"),
        ("application/json", b"{} {}", 400, "invalid_json"),
    ];
    for (content_type, body, status, code) in rows {
        let mut headers = vec![("authorization", &*authorization)];
        if !content_type.is_empty() {
            headers.push(("content-type", content_type));
        }
        let (got, answer) = front.raw("POST /", &headers, body).await;
        assert_eq!((got, answer["code"].as_str().unwrap_or("")), (status, code), "{content_type} {answer}");
        assert_eq!(answer["offset"].is_u64(), code == "invalid_json", "{answer}");
    }
    let gzip = [
        ("authorization", &*authorization),
        ("content-type", "application/json"),
        ("content-encoding", "gzip"),
    ];
    assert_eq!(front.raw("POST /", &gzip, b"\x1f\x8b").await.0, 415);
    let (status, answer) = front.raw("PUT /", &[("authorization", &authorization)], b"{}").await;
    assert_eq!((status, &answer["code"]), (405, &json!("method_not_allowed")));
}

#[tokio::test]
async fn a_repetition_with_the_same_key_is_one_event() {
    let front = Front::start().await;
    let (_, pair) = front.basic().await;
    let authorization = basic(&pair);
    let headers =
        [("authorization", &*authorization), ("content-type", "application/json"), ("idempotency-key", "k1")];
    let (_, first) = front.raw("POST /", &headers, b"{}").await;
    let (status, again) = front.raw("POST /", &headers, b"{}").await;
    assert_eq!((status, &again["status"], &again["id"]), (200, &json!("already_processed"), &first["id"]));
    let (status, other) = front.raw("POST /", &headers, b"[]").await;
    assert_eq!((status, &other["code"]), (409, &json!("idempotency_key_reused")));
}

#[tokio::test]
async fn a_revoked_credential_stops_at_once() {
    let front = Front::start().await;
    let (source, pair) = front.basic().await;
    assert_eq!(front.post(&pair, "{}").await.0, 200);
    let engine = &front.app.engine;
    let page = engine.store().credentials(front.tenant, source, None, 10).await.expect("answers");
    let id = page.rows.first().expect("one").id;
    engine.revoke_credential(front.tenant, source, id).await.expect("revoked");
    let (status, answer) = front.post(&pair, "{}").await;
    assert_eq!((status, &answer["code"]), (401, &json!("unknown_credentials")));
}

#[tokio::test]
async fn an_early_refusal_is_seen_while_the_body_is_still_being_sent() {
    let front = Front::start().await;
    let body = vec![b' '; 8 * 1024 * 1024];
    let headers = [("authorization", "Basic bm9ib2R5Om5vdGhpbmc="), ("content-type", "application/json")];
    let (status, answer) = front.raw("POST /", &headers, &body).await;
    assert_eq!((status, &answer["code"]), (401, &json!("unknown_credentials")));
}
