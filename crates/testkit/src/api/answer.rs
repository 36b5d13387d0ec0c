//! What came back.

use bytes::Bytes;
use http::HeaderMap;
use serde_json::Value;

/// What the gateway answered.
#[derive(Debug, Clone)]
pub struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// An accepted event.
#[derive(Debug, Clone)]
pub struct Published {
    /// `evt_…`
    pub id: String,
    /// To how many webhooks it goes.
    pub deliveries: u64,
}

impl Answer {
    /// The status code.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Whether the status is 2xx.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The text of a header, if it is there.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The exact body.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| {
            panic!("{} with a body that is not JSON ({error}): {}", self.status, self.text())
        })
    }

    /// The stable code of a problem body; panics when it is none.
    #[must_use]
    pub fn problem_code(&self) -> String {
        text(&self.json(), "code")
    }

    /// What a 202 of `POST /v1/events` says.
    #[must_use]
    pub fn published(&self) -> Published {
        let body = self.json();
        let deliveries = body["deliveries"].as_u64().unwrap_or_else(|| panic!("no deliveries in {body}"));
        Published { id: text(&body, "id"), deliveries }
    }
}

/// A member that must be a string.
#[must_use]
pub fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}")).to_owned()
}
