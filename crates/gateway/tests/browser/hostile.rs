//! Everything that strangers can write into the store, on every page that shows it (reliability S20).

use serde_json::{Value, json};
use stentor_testkit::api::{Api, text};
use stentor_testkit::gateway::Gateway;
use stentor_testkit::receiver::{Receiver, Reply};

use super::{corpus, run, script};

/// What names may have, in bytes; the corpus is packed into as many of them as it needs.
const NAME_BYTES_MAX: usize = 1_000;
/// What is kept of a receiver's answer.
const ANSWER_BYTES_MAX: usize = 15_000;

async fn webhooks(tenant: &Api, receiver: &Receiver, pages: &mut Vec<String>) {
    for (number, name) in corpus::packed(NAME_BYTES_MAX).into_iter().enumerate() {
        let query: String = url::form_urlencoded::byte_serialize(name.as_bytes()).take(40).collect();
        let settings = json!({
            "name": name, "metadata": { "note": name }, "filters": { "note": { "not_equals": name } },
            "retry_policy": { "schedule": [0] }, "events": ["hostile.*"],
        });
        let webhook = tenant.create_webhook(&receiver.url(&format!("/{number}?{query}")), &settings).await;
        pages.push(format!("/webhooks/{}", text(&webhook, "id")));
        pages.push(format!("/webhooks/{}/edit", text(&webhook, "id")));
    }
}

async fn events(tenant: &Api, pages: &mut Vec<String>) {
    for (number, payload) in corpus::all().into_iter().enumerate() {
        let event = json!({
            "type": "hostile.event", "subject": payload, "metadata": { "note": payload },
            "data": { "note": payload, (payload.as_str()): 1 }, "previous_data": { "note": payload },
        });
        let published = tenant.publish_raw(event.to_string()).await;
        if number % 10 == 0 {
            pages.push(format!("/events/{}", published.id));
        }
        if number == 0 {
            let dead = tenant.wait_state(&published.id, "dead").await;
            pages.extend(dead.iter().map(|delivery| format!("/deliveries/{}", text(delivery, "id"))));
        }
    }
    for query in ["type", "subject", "since", "cursor"] {
        let value: String =
            url::form_urlencoded::byte_serialize(b"\"><script>window.planted=1</script>").collect();
        pages.push(format!("/events?{query}={value}"));
        pages.push(format!("/sign-in?next={value}&code={value}"));
    }
}

async fn sources(gateway: &Gateway, tenant: &Api, pages: &mut Vec<String>) {
    for name in corpus::packed(NAME_BYTES_MAX).into_iter().take(3) {
        let settings = json!({ "name": name, "description": name, "verification": { "preset": "none" }, "content": "json" });
        let source = text(&tenant.post("/v1/sources", &settings).await, "id");
        let path = format!(
            "/in/{source}?x={}",
            url::form_urlencoded::byte_serialize(name.as_bytes()).collect::<String>()
        );
        for body in [json!({ "note": name }).to_string(), name.clone()] {
            let headers =
                [("content-type", "application/json"), ("user-agent", "<script>window.planted=1</script>")];
            gateway.api().without_token().request(http::Method::POST, &path, &headers, body).await.unwrap();
        }
        pages.push(format!("/sources/{source}"));
        let requests: Vec<Value> = tenant.list(&format!("/v1/sources/{source}/requests"), "").await;
        pages.extend(
            requests.iter().filter_map(|request| Some(format!("/requests/{}", request["id"].as_str()?))),
        );
    }
}

#[tokio::test]
async fn nothing_that_strangers_write_runs() {
    let gateway = Gateway::builder(env!("CARGO_BIN_EXE_stentor")).start().await;
    let receiver = Receiver::start().await;
    let answer: String = corpus::packed(ANSWER_BYTES_MAX).swap_remove(0);
    receiver.default_reply(Reply::status(500).header("content-type", "text/html").body(answer));
    assert_eq!(corpus::all().len(), 200);
    let operator = gateway.api();
    let name = corpus::packed(NAME_BYTES_MAX).swap_remove(0);
    let tenant = operator.create_tenant(&name).await;
    let token = operator.create_token(&tenant, &["publish", "read", "manage"]).await;
    let tenant = operator.with_token(&token);
    let mut pages: Vec<String> =
        ["/", "/events", "/webhooks", "/sources", "/dead-letters"].map(Into::into).into();
    webhooks(&tenant, &receiver, &mut pages).await;
    events(&tenant, &mut pages).await;
    sources(&gateway, &tenant, &mut pages).await;
    let mut hostile = script("hostile", &gateway);
    hostile.env("STENTOR_TOKEN", token).env("STENTOR_PAGES", json!(pages).to_string());
    run(hostile).await;
}
