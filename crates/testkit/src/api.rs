//! A client of the gateway's API, as terse as tests want it. Helpers with a resource in their name panic with the
//! answer when it is not the expected one; [`Api::request`] returns whatever came.

mod answer;

use std::net::SocketAddr;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

pub use self::answer::{Answer, Published, text};
use crate::wait;

const ANSWER_DEADLINE: Duration = Duration::from_secs(60);

/// No answer came: what was sent may or may not have been stored.
#[derive(Debug)]
pub struct NoAnswer(String);

/// A client with a bearer token. Clones share its connections.
#[derive(Debug, Clone)]
pub struct Api {
    client: Client<HttpConnector, Full<Bytes>>,
    address: Arc<RwLock<SocketAddr>>,
    token: Option<String>,
}

impl Api {
    /// A client without token for whatever listens there; the address is looked up again for each request.
    #[must_use]
    pub fn new(address: Arc<RwLock<SocketAddr>>) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        // A test must see each lost connection; the pool would hide some by sending again.
        let client = Client::builder(TokioExecutor::new()).retry_canceled_requests(false).build(connector);
        Self { client, address, token: None }
    }

    /// The same client with another token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// The same client without a token.
    #[must_use]
    pub fn without_token(&self) -> Self {
        Self { token: None, ..self.clone() }
    }

    /// The bearer token it sends.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Sends a request with these exact body bytes; the body counts as JSON unless a header says otherwise.
    ///
    /// # Errors
    /// [`NoAnswer`] when the connection fails or no whole answer comes within a minute.
    pub async fn request(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Result<Answer, NoAnswer> {
        let address = *self.address.read().expect("nobody panics while writing an address");
        let mut request = Request::builder().method(method).uri(format!("http://{address}{path}"));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body.into())).expect("tests send valid paths and headers");
        let exchange = async {
            let (head, body) = self.client.request(request).await.map_err(no_answer)?.into_parts();
            let body = body.collect().await.map_err(no_answer)?.to_bytes();
            Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
        };
        match tokio::time::timeout(ANSWER_DEADLINE, exchange).await {
            Ok(answer) => answer,
            Err(_) => Err(NoAnswer(format!("nothing within {ANSWER_DEADLINE:?}"))),
        }
    }

    /// `GET`.
    ///
    /// # Errors
    /// As [`request`](Self::request).
    pub async fn get(&self, path: &str) -> Result<Answer, NoAnswer> {
        self.request(Method::GET, path, &[], Bytes::new()).await
    }

    /// `GET` that must succeed; the JSON of the answer.
    pub async fn read(&self, path: &str) -> Value {
        self.call(Method::GET, path, None).await
    }

    /// `POST` that must succeed; the JSON of the answer.
    pub async fn post(&self, path: &str, body: &Value) -> Value {
        self.call(Method::POST, path, Some(body)).await
    }

    /// `PUT` that must succeed; the JSON of the answer.
    pub async fn put(&self, path: &str, body: &Value) -> Value {
        self.call(Method::PUT, path, Some(body)).await
    }

    /// `PATCH` that must succeed; the JSON of the answer.
    pub async fn patch(&self, path: &str, body: &Value) -> Value {
        self.call(Method::PATCH, path, Some(body)).await
    }

    /// `DELETE` that must succeed.
    pub async fn delete(&self, path: &str) {
        self.call(Method::DELETE, path, None).await;
    }

    /// Creates a tenant; its id.
    pub async fn create_tenant(&self, name: &str) -> String {
        text(&self.post("/v1/tenants", &json!({ "name": name })).await, "id")
    }

    /// Creates a token of the tenant with these scopes; the token itself.
    pub async fn create_token(&self, tenant: &str, scopes: &[&str]) -> String {
        let path = format!("/v1/tenants/{tenant}/tokens");
        text(&self.post(&path, &json!({"name": "testkit", "scopes": scopes})).await, "token")
    }

    /// Creates a webhook for all event types, with the members of `overrides` added or put in place; the answer.
    pub async fn create_webhook(&self, url: &str, overrides: &Value) -> Value {
        let mut webhook = json!({"url": url, "events": ["*"]});
        for (name, value) in overrides.as_object().into_iter().flatten() {
            webhook[name] = value.clone();
        }
        self.post("/v1/webhooks", &webhook).await
    }

    /// Publishes an event of that type.
    pub async fn publish(&self, event_type: &str, data: &Value) -> Published {
        self.publish_raw(json!({"type": event_type, "data": data}).to_string()).await
    }

    /// Publishes these exact bytes as the body of `POST /v1/events`.
    pub async fn publish_raw(&self, body: impl Into<Bytes>) -> Published {
        let answer = self.try_publish(body).await.expect("the gateway answers");
        assert_eq!(answer.status, 202, "{}", answer.text());
        answer.published()
    }

    /// Publishes these exact bytes; whatever came back.
    ///
    /// # Errors
    /// As [`request`](Self::request).
    pub async fn try_publish(&self, body: impl Into<Bytes>) -> Result<Answer, NoAnswer> {
        self.request(Method::POST, "/v1/events", &[], body).await
    }

    /// A delivery with its attempts.
    pub async fn delivery(&self, id: &str) -> Value {
        self.read(&format!("/v1/deliveries/{id}")).await
    }

    /// Every delivery that the query (`status=dead&…`) chooses, through all pages.
    pub async fn deliveries(&self, query: &str) -> Vec<Value> {
        self.list("/v1/deliveries", query).await
    }

    /// Every delivery of the event.
    pub async fn event_deliveries(&self, event: &str) -> Vec<Value> {
        self.list(&format!("/v1/events/{event}/deliveries"), "").await
    }

    /// Everything a list has, through all pages.
    pub async fn list(&self, path: &str, query: &str) -> Vec<Value> {
        let mut rows = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = self.read(&format!("{path}?{query}{cursor}")).await;
            rows.extend(page["data"].as_array().expect("a list has data").iter().cloned());
            let Some(next) = page["next_cursor"].as_str() else { return rows };
            cursor = format!("{}cursor={next}", if query.is_empty() { "" } else { "&" });
        }
    }

    /// Waits until the event has deliveries and all are in the state; those.
    pub async fn wait_state(&self, event: &str, state: &str) -> Vec<Value> {
        wait::until(format!("deliveries of {event} are {state}"), || async {
            let deliveries = self.event_deliveries(event).await;
            let all = !deliveries.is_empty() && deliveries.iter().all(|delivery| delivery["state"] == state);
            all.then_some(deliveries)
        })
        .await
    }

    /// Waits until all deliveries of the event are `delivered`; those.
    pub async fn wait_delivered(&self, event: &str) -> Vec<Value> {
        self.wait_state(event, "delivered").await
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Value {
        let bytes = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        let shown = format!("{method} {path}");
        let answer = self.request(method, path, &[], bytes).await;
        let answer = answer.unwrap_or_else(|error| panic!("{shown}: no answer: {}", error.0));
        assert!(answer.is_success(), "{shown} answered {}: {}", answer.status, answer.text());
        if answer.body.is_empty() { Value::Null } else { answer.json() }
    }
}

impl std::fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NoAnswer {}

fn no_answer(error: impl std::error::Error) -> NoAnswer {
    let source = error.source().map(|source| format!(": {source}")).unwrap_or_default();
    NoAnswer(format!("{error}{source}"))
}
