//! How requests leave: through a proxy, with addresses that are told, and how a diagnosis of the running gateway reads.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use stentor_testkit::api::{Api, text};
use stentor_testkit::gateway::Gateway;
use stentor_testkit::receiver::{Receiver, Reply};
use stentor_testkit::wait;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

/// An HTTP proxy that connects to whatever it is asked for and notes it.
async fn proxy() -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let notes = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let notes = Arc::clone(&notes);
            tokio::spawn(async move {
                let mut client = BufReader::new(client);
                let (mut first, mut line) = (String::new(), String::new());
                client.read_line(&mut first).await.unwrap();
                while client.read_line(&mut line).await.unwrap() > 2 {
                    line.clear();
                }
                let target = first.split(' ').nth(1).unwrap().to_owned();
                notes.lock().unwrap().push(target.clone());
                let mut receiver = TcpStream::connect(target).await.unwrap();
                client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
                // Ends when either side does.
                let _ = copy_bidirectional(&mut client, &mut receiver).await;
            });
        }
    });
    (port, asked)
}

#[tokio::test]
async fn deliveries_go_through_the_proxy_by_address() {
    let (port, asked) = proxy().await;
    let gateway = Gateway::builder(env!("CARGO_BIN_EXE_stentor"))
        .environment("STENTOR_OUTBOUND_PROXY", format!("http://user:pass@127.0.0.1:{port}"))
        .start()
        .await;
    let receiver = Receiver::start().await;
    let tenant = gateway.tenant("reached").await;
    let by_name = receiver.url("/").replace("127.0.0.1", "localhost");
    tenant.create_webhook(&by_name, &json!({})).await;
    let published = tenant.publish("order.paid", &json!({})).await;
    tenant.wait_delivered(&published.id).await;
    let address = receiver.url("").trim_start_matches("http://").trim_end_matches('/').to_owned();
    assert_eq!(asked.lock().unwrap().first(), Some(&address), "asked for the address, not for localhost");
    // Where the policy says no, the proxy is not even asked.
    let asked_before = asked.lock().unwrap().len();
    let report = tenant.post("/v1/webhooks/diagnose", &json!({"url": "http://10.1.2.3/"})).await;
    assert_eq!((&report["verdict"], asked.lock().unwrap().len()), (&json!("failed"), asked_before));
}

#[tokio::test]
async fn receivers_can_be_told_where_requests_come_from() {
    let gateway = Gateway::builder(env!("CARGO_BIN_EXE_stentor"))
        .argument("--outbound-egress-ips")
        .argument("203.0.113.7")
        .argument("--outbound-egress-ips")
        .argument("198.51.100.0/28")
        .start()
        .await;
    let tenant = gateway.tenant("told").await;
    let egress = tenant.read("/v1/egress").await;
    assert_eq!(egress["addresses"], json!(["203.0.113.7", "198.51.100.0/28"]));
    assert!(egress["user_agent"].as_str().unwrap().starts_with("Stentor/"));
}

fn check<'a>(report: &'a Value, name: &str) -> &'a Value {
    let checks = report["checks"].as_array().unwrap();
    checks.iter().find(|check| check["check"] == name).unwrap_or_else(|| panic!("no {name} in {report}"))
}

/// Runs a command of the binary against the gateway.
async fn cli(gateway: &Gateway, tenant: &Api, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stentor"));
    command
        .args(arguments)
        .env("STENTOR_URL", format!("http://{}", gateway.address()))
        .env("STENTOR_TOKEN", tenant.token().unwrap());
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

#[tokio::test]
async fn a_webhook_is_diagnosed_with_what_the_gateway_knows_of_it() {
    let gateway = Gateway::builder(env!("CARGO_BIN_EXE_stentor")).start().await;
    let receiver = Receiver::start().await;
    receiver.default_reply(Reply::status(500));
    let tenant = gateway.tenant("diagnosed").await;
    let settings =
        json!({"retry_policy": {"schedule": [0, 3600]}, "limits": {"rate": {"count": 100, "period": 60}}});
    let webhook = text(&tenant.create_webhook(&receiver.url("/"), &settings).await, "id");
    let published = tenant.publish("order.paid", &json!({})).await;
    wait::until("the first attempt is recorded", || async {
        (tenant.event_deliveries(&published.id).await[0]["attempt_count"] == 1).then_some(())
    })
    .await;
    let report = tenant.post("/v1/webhooks/diagnose", &json!({"webhook_id": webhook})).await;
    assert_eq!((&report["webhook_id"], &report["verdict"]), (&json!(webhook), &json!("failed")));
    assert_eq!(check(&report, "post")["code"], "post_server_error");
    assert_eq!(check(&report, "status")["code"], "webhook_active");
    assert_eq!(check(&report, "backlog")["code"], "backlog_some");
    let errors = check(&report, "errors");
    assert_eq!((&errors["code"], &errors["errors"][0]["status"]), (&json!("errors_recent"), &json!(500)));
    let posts =
        receiver.requests().into_iter().filter(|request| request.header("webhook-test") == Some("true"));
    assert_eq!(posts.count(), 1, "one signed test event, and it is marked");

    let failed = cli(&gateway, &tenant, &["diagnose", &webhook]).await;
    let printed = String::from_utf8(failed.stdout).unwrap();
    assert!(printed.contains("post_server_error") && printed.contains("failed"), "{printed}");
    assert_eq!(failed.status.code(), Some(1));

    receiver.default_reply(Reply::status(200));
    tenant.patch(&format!("/v1/webhooks/{webhook}"), &json!({"active": false})).await;
    let report = tenant.post("/v1/webhooks/diagnose", &json!({"webhook_id": webhook})).await;
    assert_eq!(check(&report, "post")["code"], "post_accepted");
    assert_eq!(
        (&report["verdict"], &check(&report, "status")["code"]),
        (&json!("warning"), &json!("webhook_paused"))
    );

    let url = receiver.url("/");
    let signed =
        cli(&gateway, &tenant, &["diagnose", &url, "--profile", "raw", "--secret", "a long secret"]).await;
    assert!(signed.status.success(), "{signed:?}");
    let bundle = cli(&gateway, &tenant, &["support", "--webhook", &webhook, "--json"]).await;
    let bundle: Value = serde_json::from_slice(&bundle.stdout).unwrap();
    assert_eq!(bundle["webhooks"][0]["id"], webhook);
    let neither = cli(&gateway, &tenant, &["support"]).await;
    assert_eq!(neither.status.code(), Some(2));
}
