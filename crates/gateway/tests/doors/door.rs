//! The ways in.

use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use stentor_testkit::api::{Answer, text};
use stentor_testkit::gateway::Gateway;
use stentor_testkit::hostile::Hostile;
use stentor_testkit::receiver::Receiver;

/// A way in, and what a body needs around a value there.
#[derive(Debug, Clone)]
pub struct Door {
    pub path: String,
    authorization: Option<String>,
    before: &'static str,
    after: &'static str,
    /// Levels of nesting that are open before the value.
    pub levels: usize,
    /// The status of what is taken.
    pub taken: u16,
}

/// A gateway with every way in, and a receiver of exact bytes behind it.
pub struct World {
    pub gateway: Gateway,
    pub doors: [Door; 4],
    pub receiver: Receiver,
}

impl World {
    pub async fn start() -> Self {
        let gateway = Gateway::builder(env!("CARGO_BIN_EXE_stentor")).start().await;
        let tenant = gateway.tenant("doors").await;
        let receiver = Receiver::start().await;
        tenant.create_webhook(&receiver.url("/"), &json!({"profile": "raw"})).await;
        let bearer = Some(format!("Bearer {}", tenant.token().unwrap()));
        let basic = text(&tenant.post("/v1/sources", &json!({"name": "basic"})).await, "id");
        let pair = tenant.post(&format!("/v1/sources/{basic}/credentials"), &json!({"name": "c"})).await;
        let pair = STANDARD.encode(format!("{}:{}", text(&pair, "username"), text(&pair, "password")));
        let open = json!({"name": "open", "verification": {"preset": "none"}});
        let open = text(&tenant.post("/v1/sources", &open).await, "id");
        let door = |path: &str, authorization, before, after, levels, taken| Door {
            path: path.to_owned(),
            authorization,
            before,
            after,
            levels,
            taken,
        };
        let doors = [
            door("/v1/events", bearer.clone(), r#"{"type":"a","data":"#, "}", 1, 202),
            door("/v1/events/batch", bearer, r#"{"events":[{"type":"a","data":"#, "}]}", 3, 202),
            door("/", Some(format!("Basic {pair}")), "", "", 0, 200),
            door(&format!("/in/{open}"), None, "", "", 0, 200),
        ];
        Self { gateway, doors, receiver }
    }

    /// Sends a body of JSON.
    pub async fn send(&self, door: &Door, body: Vec<u8>) -> Answer {
        let api = self.gateway.api().without_token();
        let authorization = door.authorization.as_deref().map(|value| ("authorization", value));
        let headers: Vec<_> = authorization.into_iter().collect();
        api.request(Method::POST, &door.path, &headers, body).await.unwrap()
    }

    /// Opens a connection and sends a head with these lines besides those that say who sends JSON.
    pub async fn open(&self, door: &Door, lines: &str) -> Hostile {
        let mut client = Hostile::connect(self.gateway.address()).await;
        let authorization = door.authorization.iter().map(|value| format!("authorization: {value}\r\n"));
        let authorization: String = authorization.collect();
        let head = format!(
            "POST {} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n{authorization}{lines}\r\n\r\n",
            door.path
        );
        assert!(client.send(head).await, "a new connection takes a head");
        client
    }

    /// Asserts that it lives and that nothing was stored but so many events. They are counted, not listed: no parser of the
    /// test's reads all of them.
    pub async fn has_events(&self, count: u32) {
        assert_eq!(self.gateway.api().get("/readyz").await.unwrap().status(), 200);
        assert_eq!(self.gateway.metric("stentor_events_accepted_total").await, Some(f64::from(count)));
    }
}

impl Door {
    /// A whole body around a value.
    pub fn body(&self, value: &[u8]) -> Vec<u8> {
        [self.before.as_bytes(), value, self.after.as_bytes()].concat()
    }

    /// Where the value begins in it.
    pub fn offset(&self) -> usize {
        self.before.len()
    }
}

/// Asserts a problem with this code; its body.
#[track_caller]
pub fn assert_problem(answer: &Answer, status: u16, code: &str, shown: &str) -> Value {
    assert_eq!(answer.status(), status, "{shown}: {}", answer.text());
    assert_eq!(answer.problem_code(), code, "{shown}");
    answer.json()
}

/// The status and, when there is one, the code of the problem in an answer as it came over the wire.
pub fn read(wire: &[u8]) -> (u16, Option<String>) {
    let text = String::from_utf8_lossy(wire);
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.unwrap_or_else(|| panic!("no status in {text:?}"));
    let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let problem: Option<Value> = serde_json::from_str(body).ok();
    (status, problem.and_then(|problem| Some(problem["code"].as_str()?.to_owned())))
}
