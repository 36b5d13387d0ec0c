//! Calling the API of a running gateway: one request, one connection.

use std::time::Duration;

use anyhow::{Context, anyhow};
use bytes::Bytes;
use clap::Args;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, USER_AGENT};
use http::{HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use url::Url;

use super::CliError;
use crate::http::extract::TENANT_HEADER;

mod live;
mod tls;

pub(super) use live::{Link, Sent};

/// From connecting to the last byte of the answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// Largest answer: a page of events with their data fits.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// How to reach the gateway
#[derive(Debug, Args)]
pub(super) struct Connection {
    /// Address of the gateway
    #[arg(
        long,
        env = "STENTOR_URL",
        hide_env_values = true,
        default_value = "http://127.0.0.1:8080",
        global = true
    )]
    url: String,
    /// Bearer token; the variable does not show in the process list
    #[arg(long, env = "STENTOR_TOKEN", hide_env_values = true, global = true)]
    token: Option<String>,
    /// With the operator's token: the id of the tenant to act for
    #[arg(long, env = "STENTOR_TENANT", hide_env_values = true, global = true, value_name = "tnt_…")]
    tenant: Option<String>,
    /// Print the answer's JSON as it came
    #[arg(long, global = true)]
    json: bool,
}

/// An answer with a 2xx status.
pub(super) struct Answer {
    /// Its body.
    pub(super) body: Bytes,
}

impl Answer {
    /// The body read as JSON.
    pub(super) fn value(&self) -> Result<Value, CliError> {
        Ok(serde_json::from_slice(&self.body).context("the gateway answered other than JSON")?)
    }
}

impl Connection {
    /// Whether the output is for a machine.
    pub(super) fn json(&self) -> bool {
        self.json
    }

    /// Reads something; `query` holds parameters that are left out when they are none.
    pub(super) async fn get(&self, path: &str, query: &[(&str, Option<String>)]) -> Result<Answer, CliError> {
        let mut pairs = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in query {
            if let Some(value) = value {
                pairs.append_pair(name, value);
            }
        }
        let pairs = pairs.finish();
        let path = if pairs.is_empty() { path.to_owned() } else { format!("{path}?{pairs}") };
        self.call(Method::GET, &path, None).await
    }

    /// Posts JSON.
    pub(super) async fn post(&self, path: &str, body: &impl Serialize) -> Result<Answer, CliError> {
        self.send(Method::POST, path, body).await
    }

    /// Sends JSON.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<Answer, CliError> {
        let body = serde_json::to_vec(body).context("the body cannot be written")?;
        self.call(method, path, Some(body.into())).await
    }

    /// Deletes something.
    pub(super) async fn delete(&self, path: &str) -> Result<Answer, CliError> {
        self.call(Method::DELETE, path, None).await
    }

    async fn call(&self, method: Method, path: &str, body: Option<Bytes>) -> Result<Answer, CliError> {
        let url = self.base()?;
        let request = self.request(&url, method, path, body)?;
        let exchange = exchange(&url, request);
        let answered = tokio::time::timeout(PATIENCE, exchange).await;
        let (status, body) = answered.map_err(|_| anyhow!("{} did not answer in time", self.url))??;
        if status.is_success() { Ok(Answer { body }) } else { Err(refusal(status, &body)) }
    }

    fn base(&self) -> Result<Url, CliError> {
        let usable = |url: &Url| matches!(url.scheme(), "http" | "https") && url.has_host();
        let url = Url::parse(&self.url).ok().filter(usable);
        url.ok_or_else(|| CliError::Usage("--url must be http://HOST:PORT or https://HOST".into()))
    }

    fn request(
        &self,
        url: &Url,
        method: Method,
        path: &str,
        body: Option<Bytes>,
    ) -> Result<Request<Full<Bytes>>, CliError> {
        let token = self.token.as_deref().filter(|token| !token.is_empty());
        let token = token
            .ok_or_else(|| CliError::Usage("a token is needed: set STENTOR_TOKEN or give --token".into()))?;
        let mut authorization = HeaderValue::try_from(format!("Bearer {token}"))
            .map_err(|_| CliError::Usage("the token holds characters that no token has".into()))?;
        authorization.set_sensitive(true);
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", url.path().trim_end_matches('/')))
            .header(HOST, &url[url::Position::BeforeHost..url::Position::AfterPort])
            .header(AUTHORIZATION, authorization)
            .header(ACCEPT, "application/json")
            .header(USER_AGENT, concat!("stentor-cli/", env!("CARGO_PKG_VERSION")));
        if let Some(tenant) = &self.tenant {
            request = request.header(TENANT_HEADER, tenant);
        }
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let request = request.body(Full::new(body.unwrap_or_default()));
        request.map_err(|error| CliError::Usage(format!("the request cannot be made: {error}")))
    }
}

async fn exchange(url: &Url, request: Request<Full<Bytes>>) -> anyhow::Result<(StatusCode, Bytes)> {
    let host = url.host_str().context("the URL has no host")?;
    let port = url.port_or_known_default().context("the URL has no port")?;
    let told = || format!("cannot reach the gateway at {host}:{port}");
    let stream = TcpStream::connect((host.trim_matches(['[', ']']), port)).await.with_context(told)?;
    match url.scheme() {
        "https" => talk(tls::connect(host, stream).await.with_context(told)?, request).await,
        _ => talk(stream, request).await,
    }
}

async fn talk<S>(stream: S, request: Request<Full<Bytes>>) -> anyhow::Result<(StatusCode, Bytes)>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // Ends with the connection; its error is also the request's.
    tokio::spawn(connection);
    let (parts, body) = sender.send_request(request).await.context("the exchange broke off")?.into_parts();
    let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
    let body = body.map_err(|error| anyhow!("the answer could not be read: {error}"))?;
    Ok((parts.status, body.to_bytes()))
}

/// What the gateway says, by its problem (RFC 9457).
fn refusal(status: StatusCode, body: &[u8]) -> CliError {
    let Ok(problem) = serde_json::from_slice::<Value>(body) else {
        return CliError::Refused(format!(
            "the gateway answered {status}, and not as Stentor does; check --url"
        ));
    };
    let text = |name: &str| problem[name].as_str().unwrap_or_default().to_owned();
    let mut told = format!("{} ({}, {})", text("detail"), text("code"), status.as_u16());
    let errors = problem["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    if errors.len() > 1 {
        for error in errors {
            let part = |name: &str| error[name].as_str().unwrap_or_default();
            told.push_str(&format!("\n{}: {}", part("pointer"), part("detail")));
        }
    }
    if let Some(id) = problem["error_id"].as_str() {
        told.push_str(&format!("\nthe gateway's log has more under {id}"));
    }
    CliError::Refused(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(url: &str, token: Option<&str>) -> Connection {
        Connection { url: url.into(), token: token.map(Into::into), tenant: None, json: false }
    }

    #[test]
    fn a_path_before_the_api_is_kept() {
        let connection = connection("https://proxy.example/hooks/", Some("stk_x"));
        let url = connection.base().expect("valid");
        let request = connection.request(&url, Method::GET, "/v1/events?limit=1", None).expect("valid");
        assert_eq!(request.uri(), "/hooks/v1/events?limit=1");
        assert_eq!(request.headers()[HOST], "proxy.example");
        assert!(!format!("{request:?}").contains("stk_x"));
    }

    #[test]
    fn what_cannot_work_is_said_before_anything_is_sent() {
        for url in ["", "127.0.0.1:8080", "ftp://x", "http://"] {
            assert!(matches!(connection(url, Some("t")).base(), Err(CliError::Usage(_))), "{url}");
        }
        let none = connection("http://127.0.0.1:8080", None);
        let url = none.base().expect("valid");
        assert!(matches!(none.request(&url, Method::GET, "/", None), Err(CliError::Usage(_))));
    }

    #[test]
    fn a_problem_is_told_with_its_code_and_all_its_rules() {
        let body = br#"{"detail":"The body breaks 2 rules; see errors.","code":"invalid_body","status":422,
            "errors":[{"pointer":"/url","detail":"no"},{"pointer":"/name","detail":"long"}],"error_id":"err_1"}"#;
        let told = refusal(StatusCode::UNPROCESSABLE_ENTITY, body).to_string();
        assert_eq!(
            told,
            "The body breaks 2 rules; see errors. (invalid_body, 422)\n/url: no\n/name: long\nthe gateway's log has more under err_1"
        );
        assert!(refusal(StatusCode::BAD_GATEWAY, b"<html>").to_string().contains("502"));
    }
}
