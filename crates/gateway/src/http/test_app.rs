//! The whole HTTP surface over a real engine and a database in a directory that goes with the test.

use std::sync::Arc;

use axum::body::Body;
use http::{HeaderMap, HeaderValue, Request};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use stentor_core::address::AddressPolicy;
use stentor_core::id::{TenantId, TokenId};
use stentor_core::plan::{Plan, Plans};
use stentor_core::token::{Scopes, Token, TokenOwner};
use stentor_engine::clock::{Clock, SystemClock};
use stentor_engine::outbound::OutboundOptions;
use stentor_engine::{Engine, EngineOptions, entropy};
use stentor_store::seal::MasterKey;
use stentor_store::sqlite::SqliteStore;
use tempfile::TempDir;

use crate::http::server::Answer as _;
use crate::http::{AppState, Facts, HttpOptions, Surface};

pub(crate) const OPERATOR: &str = "operator-token-of-the-test";

pub(crate) struct TestApp {
    pub(crate) engine: Engine,
    surface: Surface,
    _directory: TempDir,
}

/// An answer with its body read as JSON, or null when it is not JSON.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) body: Value,
}

impl TestApp {
    pub(crate) async fn start() -> Self {
        Self::with_plans([("pro".into(), Plan::unlimited())]).await
    }

    pub(crate) async fn with_plans(plans: impl IntoIterator<Item = (Box<str>, Plan)>) -> Self {
        Self::with(plans, Arc::new(SystemClock)).await
    }

    /// With a clock of the test's own.
    pub(crate) async fn at(clock: Arc<dyn Clock>) -> Self {
        Self::with([], clock).await
    }

    async fn with(plans: impl IntoIterator<Item = (Box<str>, Plan)>, clock: Arc<dyn Clock>) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let key = MasterKey::from_bytes([7; 32]);
        let store =
            Arc::new(SqliteStore::open(&directory.path().join("test.db"), &key).expect("a new database"));
        let policy = AddressPolicy::dev();
        let outbound = OutboundOptions::new(policy.clone(), HeaderValue::from_static("test"));
        let mut options = EngineOptions::new(policy, outbound, Arc::new(|reason| panic!("{reason}")));
        options.plans = Plans::new(plans);
        let engine = Engine::start(store, options, clock).await.expect("the engine starts");
        let now = engine.clock().now();
        let token = Token {
            id: TokenId::new(now, entropy::bits()),
            owner: TokenOwner::Operator,
            name: "operator".into(),
            scopes: Scopes::all(),
            created_at: now,
            expires_at: None,
            revoked_at: None,
        };
        engine.store().set_operator_token(&token, OPERATOR).await.expect("stored");
        let state = AppState::new(engine.clone(), HttpOptions::default(), Facts::default(), Vec::new());
        Self { surface: Surface::new(state), engine, _directory: directory }
    }

    /// The surface, for tests that serve it on a socket.
    pub(crate) fn surface(&self) -> Surface {
        self.surface.clone()
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.surface().answer(request).await.into_parts();
        let bytes = body.collect().await.expect("a buffered body").to_bytes();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            text: String::from_utf8_lossy(&bytes).into_owned(),
            body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        }
    }

    /// `call` is a method and a path; a body that is null is not sent.
    pub(crate) async fn call(&self, token: &str, call: &str, body: Value) -> Answer {
        let (method, path) = call.split_once(' ').expect("a method and a path");
        let mut request = Request::builder().method(method).uri(path);
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = if body.is_null() {
            request.body(Body::empty())
        } else {
            request.header("content-type", "application/json").body(Body::from(body.to_string()))
        };
        self.send(request.expect("a legal request")).await
    }

    /// A new tenant's id and a token of it with these scopes.
    pub(crate) async fn tenant(&self, name: &str, scopes: &[&str]) -> (String, String) {
        let tenant = self.call(OPERATOR, "POST /v1/tenants", json!({ "name": name })).await;
        let id = tenant.text_of("id");
        (id.clone(), self.token(&id, scopes).await)
    }

    /// The tenant that a token speaks for.
    pub(crate) async fn tenant_of(&self, token: &str) -> TenantId {
        let token = self.engine.authenticator().authenticate(token).await.expect("answers").expect("known");
        match token.owner {
            TokenOwner::Tenant(tenant) => tenant,
            TokenOwner::Operator => panic!("the operator's token"),
        }
    }

    /// A new token of a tenant.
    pub(crate) async fn token(&self, tenant: &str, scopes: &[&str]) -> String {
        let call = format!("POST /v1/tenants/{tenant}/tokens");
        let token = self.call(OPERATOR, &call, json!({ "name": "test", "scopes": scopes })).await;
        assert_eq!(token.status, 201, "{token:?}");
        token.text_of("token")
    }
}

impl Answer {
    /// A member of the body that is text.
    pub(crate) fn text_of(&self, name: &str) -> String {
        self.body[name].as_str().unwrap_or_else(|| panic!("no {name} in {self:?}")).to_owned()
    }

    /// The problem's code and, for broken rules, the pointers.
    pub(crate) fn problem(&self) -> (String, Vec<String>) {
        let errors = self.body["errors"].as_array().cloned().unwrap_or_default();
        let pointers =
            errors.iter().map(|error| error["pointer"].as_str().unwrap_or_default().to_owned()).collect();
        (self.text_of("code"), pointers)
    }
}
