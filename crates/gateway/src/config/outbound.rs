//! Section `[outbound]`.

use std::net::IpAddr;
use std::str::FromStr;

use http::HeaderValue;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use stentor_core::address::AllowRule;

use super::{Bounded, EgressRanges, ProxyUrl};

/// Requests to receivers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OutboundConfig {
    /// Private networks, addresses and ports that may be dialled all the same.
    pub allow: Vec<AllowRule>,
    /// Whether webhooks may use plain http.
    pub http: bool,
    /// Whether webhooks may have names such as `billing` or `billing.internal`; where they lead is still checked.
    pub internal_names: bool,
    /// Attempts on the wire at once.
    pub concurrency: Bounded<1, 65_536>,
    /// The `User-Agent` of attempts.
    pub user_agent: UserAgent,
    /// The local address that attempts leave from.
    pub bind_address: Option<IpAddr>,
    /// The addresses that receivers see, as the operator states them.
    pub egress_ips: EgressRanges,
    /// The proxy that attempts go through.
    pub proxy: Option<ProxyUrl>,
}

impl Default for OutboundConfig {
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            http: false,
            internal_names: false,
            concurrency: Bounded::known(1_024),
            user_agent: UserAgent::default(),
            bind_address: None,
            egress_ips: EgressRanges::default(),
            proxy: None,
        }
    }
}

/// Reads rules from text: separated by commas.
pub(super) fn allow_rules(text: &str) -> Result<Vec<AllowRule>, String> {
    let rules = text.split(',').map(str::trim).filter(|rule| !rule.is_empty());
    rules
        .map(|rule| rule.parse().map_err(|error: stentor_core::address::AllowRuleError| error.to_string()))
        .collect()
}

/// A `User-Agent`: 1 to 256 visible ASCII characters and spaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserAgent(HeaderValue);

impl UserAgent {
    /// The header's value.
    pub fn value(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl Default for UserAgent {
    fn default() -> Self {
        Self(HeaderValue::from_static(concat!("Stentor/", env!("CARGO_PKG_VERSION"))))
    }
}

impl FromStr for UserAgent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let legal = (1..=256).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        let value = HeaderValue::from_str(text).ok().filter(|_| legal);
        value.map(Self).ok_or_else(|| "expected 1 to 256 visible ASCII characters".into())
    }
}

impl<'de> Deserialize<'de> for UserAgent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}
