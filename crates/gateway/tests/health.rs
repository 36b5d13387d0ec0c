//! How a webhook does, what happens when it is disabled, and where its failures go, through the real binary.

use std::process::Command;

use serde_json::{Value, json};
use stentor_testkit::api::{Api, text};
use stentor_testkit::gateway::Gateway;
use stentor_testkit::receiver::{Receiver, Reply};
use stentor_testkit::wait;

const BINARY: &str = env!("CARGO_BIN_EXE_stentor");

async fn start() -> (Gateway, Receiver, Api) {
    let (gateway, receiver) = (Gateway::builder(BINARY).start().await, Receiver::start().await);
    let tenant = gateway.tenant("acme").await;
    (gateway, receiver, tenant)
}

/// Five attempts at once, the fifth of which disables.
fn five() -> Value {
    json!({"events": ["order.*"], "retry_policy": {"schedule": [0, 0.01, 0.01, 0.01, 0.01], "jitter_percent": 0},
        "disable": {"failed_attempts": 5}})
}

async fn wait_status(tenant: &Api, webhook: &str, status: &str) -> Value {
    wait::until("the webhook's status", || async {
        let shown = tenant.read(&format!("/v1/webhooks/{webhook}")).await;
        (shown["status"] == status).then_some(shown)
    })
    .await
}

#[tokio::test]
async fn the_fifth_failure_disables_and_says_so_and_what_was_held_goes_out() {
    let (mut gateway, receiver, tenant) = start().await;
    receiver.always("/failing", Reply::status(500));
    let failing = text(&tenant.create_webhook(&receiver.url("/failing"), &five()).await, "id");
    tenant.create_webhook(&receiver.url("/told"), &json!({"events": ["webhook.disabled"]})).await;
    tenant.create_webhook(&receiver.url("/all"), &json!({"events": ["*"]})).await;
    let first = tenant.publish("order.made", &json!({"n": 0})).await.id;
    let shown = wait_status(&tenant, &failing, "disabled").await;
    assert_eq!(shown["disabled_reason"], "failed_attempts");
    let health = &shown["health"];
    assert_eq!((&health["status"], &health["total_deliveries"]), (&json!("degraded"), &json!(1)));
    assert!(health["failing_since"].is_string() && health["success_rate"] == 0.0, "{health}");
    wait::until("it is told", || async { (receiver.requests_to("/told").len() == 1).then_some(()) }).await;
    let told = receiver.requests_to("/told")[0].json();
    assert_eq!(told["type"], "webhook.disabled");
    let data = &told["data"];
    assert_eq!((&data["webhook_id"], &data["reason"]), (&json!(failing), &json!("failed_attempts")));
    assert_eq!(
        (&data["url"], &data["last_attempt"]["number"]),
        (&json!(receiver.url("/failing")), &json!(5))
    );
    assert_eq!(data["last_attempt"]["event_id"], first);

    // Disabled it holds: new events, a replay of old ones, across a kill.
    let held = tenant.publish("order.made", &json!({"n": 1})).await.id;
    let rows = tenant.event_deliveries(&held).await;
    let row = rows.iter().find(|row| row["webhook_id"] == failing.as_str()).expect("it has a delivery");
    assert_eq!(row["state"], "held");
    let range = json!({"since": "2020-01-01T00:00:00Z"});
    let replay = text(&tenant.post(&format!("/v1/webhooks/{failing}/replay"), &range).await, "id");
    wait::until("the replay has finished", || async {
        (tenant.read(&format!("/v1/replays/{replay}")).await["status"] == "finished").then_some(())
    })
    .await;
    gateway.kill9().await;
    gateway.restart().await;
    assert_eq!(receiver.requests_to("/failing").len(), 5);

    let body = &data["resume"]["body"];
    receiver.always("/failing", Reply::status(200));
    let resumed = tenant.patch(data["resume"]["path"].as_str().unwrap(), body).await;
    assert_eq!((&resumed["status"], &resumed["disabled_reason"]), (&json!("active"), &Value::Null));
    wait::until("what was held goes out", || async {
        (receiver.requests_to("/failing").len() == 8).then_some(())
    })
    .await;
    let ids: Vec<_> = receiver.requests_to("/failing")[5..]
        .iter()
        .map(|request| request.expect_header("webhook-id").to_owned())
        .collect();
    // The replay brings both; the second was held besides.
    assert_eq!(
        (ids.iter().filter(|id| **id == first).count(), ids.iter().filter(|id| **id == held).count()),
        (1, 2)
    );
    assert_eq!(receiver.requests_to("/told").len(), 1, "once");
    let orders = receiver.requests_to("/all");
    assert!(orders.iter().all(|request| request.json()["type"] == "order.made"), "* is what is published");
}

#[tokio::test]
async fn health_counts_what_ended_and_survives_a_kill() {
    let (mut gateway, receiver, tenant) = start().await;
    receiver.script("/", [Reply::status(500), Reply::status(503)]);
    let policy = json!({"events": ["order.*"], "retry_policy": {"schedule": [0, 0.01], "jitter_percent": 0}});
    let webhook = text(&tenant.create_webhook(&receiver.url("/"), &policy).await, "id");
    let path = format!("/v1/webhooks/{webhook}/health");
    assert_eq!(tenant.read(&path).await, json!({"status": "no_data"}));
    let failed = tenant.publish("order.made", &json!({"n": 0})).await;
    tenant.wait_state(&failed.id, "dead").await;
    let shown = tenant.read(&path).await;
    assert_eq!((&shown["status"], &shown["success_rate"]), (&json!("degraded"), &json!(0.0)));
    assert!(shown["failing_since"].is_string(), "{shown}");
    for n in 1..4 {
        tenant.wait_delivered(&tenant.publish("order.made", &json!({"n": n})).await.id).await;
    }
    let shown = tenant.read(&path).await;
    assert_eq!((&shown["status"], &shown["success_rate"]), (&json!("degraded"), &json!(75.0)));
    assert_eq!((&shown["total_deliveries"], &shown["successful_deliveries"]), (&json!(4), &json!(3)));
    assert_eq!(
        (&shown["failed_deliveries"], &shown["attempts"], &shown["retries"]),
        (&json!(1), &json!(5), &json!(1))
    );
    assert_eq!((&shown["errors"]["refused"], &shown["failing_since"]), (&json!(2), &Value::Null));
    assert!(shown["average_response_time"].as_f64().unwrap() > 0.0);
    gateway.kill9().await;
    gateway.restart().await;
    for window in ["1h", "24h", "7d"] {
        let after = tenant.read(&format!("{path}?window={window}")).await;
        for name in ["success_rate", "attempts", "errors", "response_time", "queue_delay", "last_delivery"] {
            assert_eq!(after[name], shown[name], "{name} over {window}");
        }
    }
    for path in [format!("/v1/webhooks/{webhook}/statistics?window=1h"), "/v1/statistics".to_owned()] {
        let statistics = tenant.read(&path).await;
        assert_eq!(
            (&statistics["total"]["attempts"], &statistics["total"]["retries"]),
            (&json!(5), &json!(1))
        );
        let pieces = statistics["data"].as_array().unwrap();
        let attempts: u64 = pieces.iter().map(|piece| piece["attempts"].as_u64().unwrap()).sum();
        assert_eq!(attempts, 5, "{path}");
    }
    let other = gateway.tenant("other").await;
    assert_eq!(other.read("/v1/statistics").await["total"]["attempts"], 0);
    assert_eq!(other.get(&path).await.unwrap().status(), 404);
    let url = format!("http://{}", gateway.address());
    let shown = tokio::task::spawn_blocking(move || {
        let arguments = ["webhooks", "health", &webhook, "--window", "1h", "--url", &url];
        let token = tenant.token().unwrap().to_owned();
        Command::new(BINARY).args(arguments).env("STENTOR_TOKEN", token).output().unwrap()
    });
    let shown = shown.await.unwrap();
    let table = String::from_utf8(shown.stdout).unwrap();
    assert!(table.contains("degraded") && table.contains("75"), "{table}");
}

#[tokio::test]
async fn what_is_given_up_goes_to_the_fallback() {
    let (_gateway, receiver, tenant) = start().await;
    receiver.always("/failing", Reply::status(400));
    let create = async |path: &str, on_dead: Option<&str>| {
        let settings = json!({"events": [if path == "/failing" { "order.*" } else { "never" }],
            "retry_policy": {"schedule": [0]}, "on_dead": on_dead});
        text(&tenant.create_webhook(&receiver.url(path), &settings).await, "id")
    };
    let fallback = create("/fallback", None).await;
    let failing = create("/failing", Some(&fallback)).await;
    let event = tenant.publish("order.made", &json!({"n": 1})).await;
    let deliveries = wait::until("both have ended", || async {
        let deliveries = tenant.event_deliveries(&event.id).await;
        let ended = |state: &str| deliveries.iter().any(|delivery| delivery["state"] == state);
        (ended("dead") && ended("delivered")).then_some(deliveries)
    })
    .await;
    assert_eq!((event.deliveries, deliveries.len()), (1, 2));
    let (requests, failed) = (receiver.requests_to("/fallback"), receiver.requests_to("/failing"));
    assert_eq!((requests.len(), requests[0].body == failed[0].body), (1, true));
    assert_eq!(requests[0].header("webhook-id"), Some(event.id.as_str()));

    let path = format!("/v1/webhooks/{fallback}");
    let looped =
        tenant.request(http::Method::PATCH, &path, &[], json!({"on_dead": failing}).to_string()).await;
    let looped = looped.unwrap();
    assert_eq!((looped.status(), looped.problem_code()), (422, "invalid_body".into()));
    assert_eq!(looped.json()["errors"][0]["pointer"], "/on_dead");
    let shown = tenant.patch(&format!("/v1/webhooks/{failing}"), &json!({"on_dead": null})).await;
    assert_eq!(shown["on_dead"], Value::Null);
}
