//! Limits through the real binary: what a receiver counts, what a tenant is told, and what guessing gets.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::collections::HashSet;
use std::time::{Duration, Instant};

use http::Method;
use serde_json::{Value, json};
use stentor_testkit::api::{Answer, Api};
use stentor_testkit::gateway::Gateway;
use stentor_testkit::receiver::{Received, Receiver, Reply};
use stentor_testkit::wait;
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_stentor");

/// A gateway with this configuration file, in a directory that must outlive it.
async fn configured(text: &str) -> (Gateway, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("stentor.toml");
    std::fs::write(&file, text).unwrap();
    (Gateway::builder(BINARY).argument("--config").argument(file).start().await, directory)
}

async fn with_plan(gateway: &Gateway, name: &str, plan: &str) -> Api {
    let operator = gateway.api();
    let tenant = operator.post("/v1/tenants", &json!({"name": name, "plan": plan})).await;
    let tenant = tenant["id"].as_str().unwrap();
    operator.with_token(&operator.create_token(tenant, &["publish", "read", "manage"]).await)
}

async fn publish(api: &Api) -> Answer {
    api.try_publish(json!({"type": "order.created", "data": {}}).to_string()).await.unwrap()
}

/// `RateLimit-Limit`, `-Remaining` and `-Reset`.
fn rate_limit(answer: &Answer) -> [u64; 3] {
    ["limit", "remaining", "reset"].map(|part| {
        let value = answer.header(&format!("ratelimit-{part}"));
        value.unwrap_or_else(|| panic!("no ratelimit-{part}: {:?}", answer.headers())).parse().unwrap()
    })
}

fn most_in_a_window(arrivals: &[Instant], period: Duration) -> usize {
    let within = |first: usize| {
        arrivals[first..].iter().take_while(|at| at.duration_since(arrivals[first]) < period).count()
    };
    (0..arrivals.len()).map(within).max().unwrap_or(0)
}

/// Acceptance 4 in short: 25 a second instead of 100 a minute, as the receiver counts, over a kill and an orderly restart.
#[tokio::test]
async fn a_receiver_never_counts_more_than_it_asked_for() {
    const EVENTS: usize = 300;
    const COUNT: usize = 25;
    let mut gateway = Gateway::builder(BINARY).start().await;
    let receiver = Receiver::start().await;
    receiver.default_reply(Reply::status(200).after(Duration::from_millis(150)));
    let tenant = gateway.tenant("limited").await;
    let limits = json!({"limits": {"concurrency": 10, "rate": {"count": COUNT, "period": 1}}});
    tenant.create_webhook(&receiver.url("/"), &limits).await;
    let events: Vec<Value> =
        (0..EVENTS).map(|n| json!({"type": "order.created", "data": {"n": n}})).collect();
    let answer = tenant.post("/v1/events/batch", &json!({ "events": events })).await;
    let stored = answer["results"].as_array().unwrap().iter().map(|result| result["id"].clone());
    let stored: HashSet<String> = stored.map(|id| id.as_str().unwrap().to_owned()).collect();
    assert_eq!(stored.len(), EVENTS);

    receiver.wait_for(60).await;
    gateway.kill9().await;
    gateway.restart().await;
    let so_far = receiver.count();
    receiver.wait_for(so_far + 60).await;
    gateway.terminate();
    assert!(gateway.wait().await.success());
    gateway.restart().await;
    wait::until("every event has been taken", || async {
        let left = tenant.deliveries("status=pending").await.len();
        (left == 0).then_some(())
    })
    .await;
    let requests = receiver.requests();
    let arrivals: Vec<Instant> = requests.iter().map(|request| request.arrived).collect();
    let most = most_in_a_window(&arrivals, Duration::from_secs(1));
    assert!(most <= COUNT, "{most} within a second");
    assert!(receiver.in_flight_max() <= 10, "{} in flight", receiver.in_flight_max());
    assert_eq!(receiver.in_flight_max(), 10, "the limit was reached, so it was tested");
    let taken: HashSet<String> =
        requests.iter().map(|request| request.expect_header("webhook-id").to_owned()).collect();
    assert_eq!(taken, stored);
    assert!(requests.len() <= EVENTS + 10, "only what was in flight at the kill comes again");
}

#[tokio::test]
async fn each_limit_of_a_plan_has_its_code_and_its_headers() {
    let plans = "[plans.slow]\npublish_rate = 1\npublish_burst = 3\n\n[plans.shallow]\nbacklog = 2\n\n\
                 [plans.small]\nquota = 2\nquota_period = \"day\"\nfeatures = []\n";
    let (gateway, _directory) = configured(plans).await;
    let receiver = Receiver::start().await;
    receiver.default_reply(Reply::hang());
    for (plan, code, max, passes) in
        [("slow", "rate_limited", 3, 3), ("shallow", "backlog_full", 2, 2), ("small", "quota_exceeded", 2, 2)]
    {
        let tenant = with_plan(&gateway, plan, plan).await;
        tenant.create_webhook(&receiver.url("/"), &json!({})).await;
        for n in 1..=passes {
            let answer = publish(&tenant).await;
            assert_eq!(answer.status(), 202, "{plan}: {}", answer.text());
            let [limit, remaining, _] = rate_limit(&answer);
            assert_eq!((limit, remaining), (max, max - n), "{plan}");
        }
        let refused = publish(&tenant).await;
        assert_eq!((refused.status(), refused.problem_code()), (429, code.into()), "{}", refused.text());
        let [limit, remaining, reset] = rate_limit(&refused);
        assert_eq!((limit, remaining), (max, 0), "{plan}");
        let retry: u64 = refused.header("retry-after").unwrap().parse().unwrap();
        assert!(retry >= 1 && reset >= 1, "{plan}: {retry} {reset}");
        assert_eq!(
            plan == "small",
            retry > 1,
            "{plan}: {retry}; the rest of the day is longer than a second"
        );
        let batch = json!({"events": [{"type": "a", "data": 1}]});
        let batch = tenant.post("/v1/events/batch", &batch).await;
        assert_eq!(batch["results"][0]["code"], code, "{batch}");
        let other = tenant.get("/v1/webhooks").await.unwrap();
        assert_eq!(rate_limit(&other)[0], max, "reading tells it too");
    }
    let usage = |name: &'static str| with_name(&gateway, name);
    let slow = usage("slow").await;
    assert_eq!((&slow["plan"], &slow["publish"]["burst"]), (&json!("slow"), &json!(3)), "{slow}");
    let shallow = &usage("shallow").await["backlog"];
    assert_eq!(*shallow, json!({"limit": 2, "used": 2, "remaining": 0}));
    let small = usage("small").await;
    assert_eq!((&small["events"]["used"], &small["events"]["remaining"]), (&json!(2), &json!(0)), "{small}");
    assert_eq!((&small["events"]["period"], &small["features"]), (&json!("day"), &json!([])), "{small}");
    let (operator, unknown) = (gateway.api(), json!({"name": "x", "plan": "large"}).to_string());
    let refused = operator.request(Method::POST, "/v1/tenants", &[], unknown).await.unwrap();
    assert_eq!((refused.status(), refused.problem_code()), (422, "invalid_body".into()));
    assert_eq!(refused.json()["errors"][0]["pointer"], "/plan");
    assert_eq!(refused.json()["errors"][0]["code"], "unknown_plan");
}

/// The use of a tenant as the operator reads it.
async fn with_name(gateway: &Gateway, name: &str) -> Value {
    let tenants = gateway.api().list("/v1/tenants", "").await;
    let tenant = tenants.iter().find(|tenant| tenant["name"] == name).unwrap();
    gateway.api().read(&format!("/v1/tenants/{}", tenant["id"].as_str().unwrap())).await["usage"].clone()
}

#[tokio::test]
async fn every_answer_under_v1_tells_how_much_may_follow() {
    let gateway = Gateway::builder(BINARY).start().await;
    let tenant = gateway.tenant("free").await;
    let answers = [
        publish(&tenant).await,
        tenant.get("/v1/usage").await.unwrap(),
        tenant.get("/v1/webhooks/wh_x").await.unwrap(),
        tenant.get("/v1/nothing").await.unwrap(),
        tenant.get("/v1/tenants").await.unwrap(),
        tenant.without_token().get("/v1/events").await.unwrap(),
        tenant.request(Method::PUT, "/v1/events", &[], "").await.unwrap(),
        gateway.api().get("/v1/tenants").await.unwrap(),
    ];
    let statuses: Vec<u16> = answers.iter().map(Answer::status).collect();
    assert_eq!(statuses, [202, 200, 404, 404, 403, 401, 405, 200]);
    for answer in &answers {
        let [limit, remaining, _] = rate_limit(answer);
        assert!(remaining <= limit && limit >= 4_096, "{limit} {remaining}");
    }
    let outside = gateway.api().get("/healthz").await.unwrap();
    assert_eq!(outside.header("ratelimit-limit"), None);
    let usage = answers[1].json();
    assert_eq!((&usage["plan"], &usage["plan_defined"]), (&json!("default"), &json!(true)));
    assert_eq!((&usage["events"]["limit"], &usage["events"]["used"]), (&Value::Null, &json!(1)));
    assert_eq!((&usage["publish"], &usage["features"]), (&Value::Null, &json!(["ingest"])));
}

#[tokio::test]
async fn a_quota_outlives_a_kill_and_its_tenant_is_told_in_time() {
    let (mut gateway, _directory) = configured("[plans.default]\nquota = 5\n").await;
    let receiver = Receiver::start().await;
    let tenant = gateway.tenant("small").await;
    tenant.create_webhook(&receiver.url("/"), &json!({"events": ["api.quota.*"]})).await;
    for _ in 0..4 {
        assert_eq!(publish(&tenant).await.status(), 202);
    }
    let warned = receiver.next_request().await;
    gateway.kill9().await;
    gateway.restart().await;
    assert_eq!(publish(&tenant).await.status(), 202);
    let refused = publish(&tenant).await;
    assert_eq!((refused.status(), refused.problem_code()), (429, "quota_exceeded".into()));
    let said = |request: &Received| (request.json()["type"].clone(), request.json()["data"].clone());
    let (warning, data) = said(&warned);
    assert_eq!(
        (warning, &data["usage_percent"], &data["limit"]),
        (json!("api.quota.warning"), &json!(80), &json!(5))
    );
    let reset = tenant.read("/v1/usage").await["events"]["reset_at"].clone();
    assert_eq!(data["reset_time"], reset);
    wait::until("the tenant is told that it is used up", || async {
        let told = receiver.requests().into_iter().map(|request| said(&request));
        told.into_iter().find(|(kind, _)| *kind == "api.quota.exceeded").map(|(_, data)| {
            assert_eq!(data, json!({"usage_percent": 100, "limit": 5, "reset_time": reset}));
        })
    })
    .await;
}

#[tokio::test]
async fn whoever_guesses_tokens_waits_and_locks_nobody_out() {
    let gateway = Gateway::builder(BINARY).start().await;
    let tenant = gateway.tenant("good").await;
    assert_eq!(publish(&tenant).await.status(), 202);
    let guess = async |n: usize| tenant.with_token(&format!("stk_guess{n}")).get("/v1/events").await.unwrap();
    for n in 0..11 {
        let answer = guess(n).await;
        assert_eq!((answer.status(), answer.problem_code()), (401, "invalid_token".into()), "{n}");
    }
    let answer = guess(11).await;
    assert_eq!((answer.status(), answer.problem_code()), (429, "too_many_wrong_tokens".into()));
    let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(publish(&tenant).await.status(), 202, "a token that worked goes on working");
    assert_eq!(gateway.api().get("/v1/tenants").await.unwrap().status(), 200);
}

#[tokio::test]
async fn metrics_are_the_operators_unless_they_are_public() {
    let gateway = Gateway::builder(BINARY).start().await;
    let tenant = gateway.tenant("t").await;
    let anonymous = gateway.api().without_token().get("/metrics").await.unwrap();
    assert_eq!((anonymous.status(), anonymous.problem_code()), (401, "unauthenticated".into()));
    let own = tenant.get("/metrics").await.unwrap();
    assert_eq!((own.status(), own.problem_code()), (403, "operator_required".into()));
    assert!(gateway.metric("stentor_events_accepted_total").await.is_some());
    let public = Gateway::builder(BINARY).argument("--metrics-public").start().await;
    let answer = public.api().without_token().get("/metrics").await.unwrap();
    assert!(answer.status() == 200 && answer.text().ends_with("# EOF\n"));
}

#[tokio::test]
async fn a_broadcast_by_command_reaches_every_tenant_over_a_kill() {
    const TENANTS: usize = 120;
    let mut gateway = Gateway::builder(BINARY).start().await;
    let receiver = Receiver::start().await;
    let mut tenants = Vec::new();
    for number in 0..TENANTS {
        let tenant = gateway.tenant(&format!("t{number}")).await;
        tenant.create_webhook(&receiver.url(&format!("/{number}")), &json!({"events": ["system.*"]})).await;
        tenants.push(tenant);
    }
    let send = ["send", "system.maintenance", "--data", r#"{ "from": 1.50 }"#, "--idempotency-key", "k"];
    let id = broadcast(&gateway, &send).await["id"].clone();
    gateway.kill9().await;
    gateway.restart().await;
    let id = id.as_str().unwrap();
    let finished = wait::until("the broadcast is finished", || async {
        let read = gateway.api().read(&format!("/v1/broadcasts/{id}")).await;
        (read["status"] == "finished").then_some(read)
    })
    .await;
    // The tenant `default` of the first start gets its event too.
    assert_eq!((&finished["events"], &finished["deliveries"]), (&json!(TENANTS + 1), &json!(TENANTS)));
    assert_eq!(broadcast(&gateway, &send).await["id"], id, "the same key begins nothing new");
    for (number, tenant) in tenants.iter().enumerate() {
        let events = tenant.list("/v1/events", "").await;
        assert_eq!(events.len(), 1, "{number}");
        let event = events[0]["id"].as_str().unwrap();
        tenant.wait_delivered(event).await;
        let requests = receiver.requests_to(&format!("/{number}"));
        assert!(requests.iter().all(|request| request.header("webhook-id") == Some(event)));
        let body = String::from_utf8_lossy(&requests[0].body).into_owned();
        assert!(body.contains(r#"{ "from": 1.50 }"#), "{body}");
    }
}

/// Runs `stentor broadcast` and reads its answer.
async fn broadcast(gateway: &Gateway, arguments: &[&str]) -> Value {
    let mut command = std::process::Command::new(BINARY);
    command.arg("broadcast").args(arguments).arg("--json");
    command.env("STENTOR_URL", format!("http://{}", gateway.address()));
    command.env("STENTOR_TOKEN", gateway.api().token().unwrap());
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}
