//! The gateway's management API, as far as the bench needs it. Blocking, one keep-alive connection.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, bail};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::framing::{self, Inbox};

const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// A connection to the gateway.
pub(crate) struct Api {
    stream: TcpStream,
    address: SocketAddr,
    inbox: Inbox,
}

/// A tenant and the token that publishes for it.
pub(crate) struct Tenant {
    pub(crate) id: String,
    pub(crate) token: String,
}

impl Api {
    pub(crate) fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).context("the gateway's port")?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        Ok(Self { stream, address, inbox: Inbox::new() })
    }

    /// Whether the gateway answers `/healthz` with 200.
    pub(crate) fn is_healthy(&mut self) -> anyhow::Result<bool> {
        Ok(self.exchange("GET", "/healthz", None, &[])?.0 == 200)
    }

    /// Creates a tenant, on that plan if there is one, with a token of all scopes.
    pub(crate) fn create_tenant(
        &mut self,
        operator_token: &str,
        name: &str,
        plan: Option<&str>,
    ) -> anyhow::Result<Tenant> {
        let mut wanted = json!({ "name": name });
        if let Some(plan) = plan {
            wanted["plan"] = plan.into();
        }
        let tenant = self.post("/v1/tenants", operator_token, &wanted)?;
        let id = text(&tenant, "id")?;
        let token = json!({ "name": "bench", "scopes": ["publish", "read", "manage"] });
        let token = self.post(&format!("/v1/tenants/{id}/tokens"), operator_token, &token)?;
        Ok(Tenant { token: text(&token, "token")?, id })
    }

    pub(crate) fn delete_tenant(&mut self, operator_token: &str, id: &str) -> anyhow::Result<()> {
        let (status, body) =
            self.exchange("DELETE", &format!("/v1/tenants/{id}"), Some(operator_token), &[])?;
        anyhow::ensure!(
            (200..300).contains(&status),
            "deleting a tenant answered {status}: {}",
            lossy(&body)
        );
        Ok(())
    }

    /// Registers a webhook of the tenant that the token belongs to.
    pub(crate) fn create_webhook(&mut self, token: &str, webhook: &Value) -> anyhow::Result<()> {
        self.post("/v1/webhooks", token, webhook)?;
        Ok(())
    }

    /// Creates a source that takes credentials; returns its id.
    pub(crate) fn create_source(&mut self, token: &str, name: &str) -> anyhow::Result<String> {
        text(&self.post("/v1/sources", token, &json!({ "name": name }))?, "id")
    }

    /// Creates a credential of a source; returns the `Authorization` value that it is sent as.
    pub(crate) fn create_credential(
        &mut self,
        token: &str,
        source: &str,
        name: &str,
    ) -> anyhow::Result<String> {
        let made =
            self.post(&format!("/v1/sources/{source}/credentials"), token, &json!({ "name": name }))?;
        let pair = format!("{}:{}", text(&made, "username")?, text(&made, "password")?);
        Ok(format!("Basic {}", BASE64_STANDARD.encode(pair)))
    }

    fn post(&mut self, path: &str, token: &str, body: &Value) -> anyhow::Result<Value> {
        let (status, answer) = self.exchange("POST", path, Some(token), &serde_json::to_vec(body)?)?;
        if !(200..300).contains(&status) {
            bail!("POST {path} answered {status}: {}", lossy(&answer));
        }
        serde_json::from_slice(&answer).with_context(|| format!("POST {path} answered other than JSON"))
    }

    fn exchange(
        &mut self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: &[u8],
    ) -> anyhow::Result<(u16, Vec<u8>)> {
        let authorization =
            token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\n{authorization}content-type: application/json\r\n\
             content-length: {}\r\n\r\n",
            self.address,
            body.len()
        );
        self.stream.write_all(&[head.as_bytes(), body].concat())?;
        loop {
            let count = self.stream.read(self.inbox.free())?;
            anyhow::ensure!(count > 0, "the gateway closed the connection of {method} {path}");
            self.inbox.fill(count);
            if let Some((status, body)) =
                self.inbox.take(|head, body| (framing::status(head), body.to_vec()))?
            {
                return Ok((status.context("an answer without a status")?, body));
            }
        }
    }
}

fn text(value: &Value, name: &str) -> anyhow::Result<String> {
    Ok(value[name].as_str().with_context(|| format!("the answer has no {name}"))?.to_owned())
}

fn lossy(body: &[u8]) -> String {
    String::from_utf8_lossy(body).into_owned()
}
