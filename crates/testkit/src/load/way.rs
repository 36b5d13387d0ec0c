//! By which way events are sent.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde_json::json;
use stentor_verify::{Secret, plain};

use crate::api::{Answer, Api, NoAnswer, text};

/// The header that tells repetitions apart at a signed source.
const DELIVERY: &str = "x-delivery";
const SECRET: &str = "not so secret";

/// By which way events are sent. A source recognises what is sent again.
#[derive(Debug, Clone)]
pub enum Way {
    /// By a publisher, with a token and no key.
    Publish,
    /// To a source with credentials; an idempotency key tells repetitions.
    Basic {
        /// The value of `Authorization`.
        authorization: String,
    },
    /// To a source that verifies a signature; a rule of the source tells repetitions.
    Signed {
        /// `/in/…`
        path: String,
    },
}

impl Way {
    /// A new source with a credential.
    pub async fn basic(tenant: &Api) -> Self {
        let source = text(&tenant.post("/v1/sources", &json!({"name": "basic"})).await, "id");
        let path = format!("/v1/sources/{source}/credentials");
        let made = tenant.post(&path, &json!({"name": "load"})).await;
        let pair = format!("{}:{}", text(&made, "username"), text(&made, "password"));
        Self::Basic { authorization: format!("Basic {}", STANDARD.encode(pair)) }
    }

    /// A new source that verifies signatures.
    pub async fn signed(tenant: &Api) -> Self {
        let source = json!({
            "name": "signed",
            "verification": {"preset": "resource", "secret": SECRET},
            "dedupe": {"by": {"header": DELIVERY}},
        });
        Self::Signed { path: format!("/in/{}", text(&tenant.post("/v1/sources", &source).await, "id")) }
    }

    /// Sends an event once. `data` is JSON with its number in it.
    pub(super) async fn send(
        &self,
        api: &Api,
        event_type: &str,
        sequence: u64,
        data: &str,
    ) -> Result<Answer, NoAnswer> {
        let number = sequence.to_string();
        match self {
            Self::Publish => api.try_publish(format!(r#"{{"type":"{event_type}","data":{data}}}"#)).await,
            Self::Basic { authorization } => {
                let headers = [("authorization", &**authorization), ("idempotency-key", &*number)];
                api.without_token().request(Method::POST, "/", &headers, data.to_owned()).await
            }
            Self::Signed { path } => {
                let secret = Secret::raw(SECRET).expect("a secret that is not empty");
                let signature = plain::HEX.sign_body(&secret, data.as_bytes());
                let headers = [("x-webhook-signature", &*signature), (DELIVERY, &*number)];
                api.without_token().request(Method::POST, path, &headers, data.to_owned()).await
            }
        }
    }

    /// The status of what is stored.
    pub(super) fn stored_status(&self) -> u16 {
        if matches!(self, Self::Publish) { 202 } else { 200 }
    }

    /// Whether what is sent again is one event.
    pub(super) fn knows_repetitions(&self) -> bool {
        !matches!(self, Self::Publish)
    }
}
