//! The front door over real sockets, as the seeds' senders and providers use it.

mod basic;
mod doors;
mod providers;
mod signed;
mod splitting;

use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use stentor_core::id::{EventId, SourceId, TenantId};
use stentor_core::source::{SourceConfig, Split, Verification};
use stentor_core::webhook::SecretText;
use stentor_engine::sources::{CredentialDraft, SourceDraft};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::http::server::{ServerOptions, serve};
use crate::http::test_app::TestApp;

/// The whole surface on a socket, a tenant, and the means to make sources.
struct Front {
    app: TestApp,
    address: SocketAddr,
    tenant: TenantId,
    token: String,
    _stop: tokio_util::sync::DropGuard,
}

impl Front {
    async fn start() -> Self {
        Self::of(TestApp::start().await).await
    }

    async fn of(app: TestApp) -> Self {
        let (_, token) = app.tenant("front", &["publish", "read", "manage"]).await;
        let tenant = app.tenant_of(&token).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let stop = CancellationToken::new();
        tokio::spawn(serve(listener, app.surface(), stop.clone(), ServerOptions::default()));
        Self { app, address, tenant, token, _stop: stop.drop_guard() }
    }

    async fn source(&self, config: SourceConfig, secret: Option<&str>) -> SourceId {
        let secret = secret.map(|text| SecretText::new(text.to_owned()));
        let draft = SourceDraft { active: true, config, secret, options: [].into(), expires_at: None };
        self.app.engine.create_source(self.tenant, draft, None).await.expect("a source").id
    }

    /// A source with credentials, and a pair of it.
    async fn basic(&self) -> (SourceId, String) {
        self.basic_as(SourceConfig::new("basic".into(), Verification::Basic)).await
    }

    /// The same, configured like this.
    async fn basic_as(&self, config: SourceConfig) -> (SourceId, String) {
        let source = self.source(config, None).await;
        let draft = CredentialDraft { name: "test".into(), environment: None, expires_at: None };
        let made = self.app.engine.create_credential(self.tenant, source, draft).await;
        let (_, pair) = made.expect("a credential");
        (source, pair.user_pass().reveal().to_owned())
    }

    /// Sends raw bytes after a head of these headers, and reads until the server has answered and closed.
    async fn raw(&self, request_line: &str, headers: &[(&str, &str)], body: &[u8]) -> (u16, Value) {
        let mut stream = TcpStream::connect(self.address).await.expect("accepted");
        let mut head = format!("{request_line} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n");
        headers.iter().for_each(|(name, value)| head += &format!("{name}: {value}\r\n"));
        if !headers.iter().any(|(name, _)| *name == "content-length" || *name == "transfer-encoding") {
            head += &format!("content-length: {}\r\n", body.len());
        }
        stream.write_all(format!("{head}\r\n").as_bytes()).await.expect("the server reads");
        stream.write_all(body).await.expect("the server reads on");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.expect("an answer, not a reset");
        let text = String::from_utf8(answer).expect("text");
        let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        (status, serde_json::from_str(body).unwrap_or(Value::Null))
    }

    /// Posts JSON with credentials.
    async fn post(&self, pair: &str, body: &str) -> (u16, Value) {
        let authorization = basic(pair);
        let headers = [("authorization", &*authorization), ("content-type", "application/json")];
        self.raw("POST /", &headers, body.as_bytes()).await
    }

    async fn event(&self, id: &Value) -> stentor_core::event::Event {
        let id: EventId = id.as_str().expect("an id").parse().expect("an id");
        self.app.engine.store().event(self.tenant, id).await.expect("answers").expect("stored")
    }
}

fn basic(pair: &str) -> String {
    format!("Basic {}", STANDARD.encode(pair))
}
