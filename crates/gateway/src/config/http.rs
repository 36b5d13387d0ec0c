//! Section `[http]`.

use serde::Deserialize;

use super::EgressRanges;

/// How requests reach this server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpConfig {
    /// The proxies in front of this server, whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.
    pub trusted_proxies: EgressRanges,
}
