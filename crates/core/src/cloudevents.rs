//! What a webhook says about `CloudEvents` beyond the format, and the handshake of "HTTP 1.1 Web Hooks for Event Delivery":
//! a receiver is asked by `OPTIONS` whether it wants deliveries from this origin, and how many.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::rate::Rate;
use crate::time::Time;

/// Names the sender, a DNS name.
pub const REQUEST_ORIGIN_HEADER: &str = "webhook-request-origin";
/// Requests a minute that the sender asks for.
pub const REQUEST_RATE_HEADER: &str = "webhook-request-rate";
/// The origin that the receiver allows, or `*`.
pub const ALLOWED_ORIGIN_HEADER: &str = "webhook-allowed-origin";
/// Requests a minute that the receiver allows, or `*`.
pub const ALLOWED_RATE_HEADER: &str = "webhook-allowed-rate";
/// The period of the handshake's rates.
const MINUTE: Duration = Duration::from_secs(60);

/// What a webhook sets for `CloudEvents`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CloudeventsOptions {
    /// The `source` attribute; without one, the path of the tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// With it the receiver is asked for permission when the webhook is saved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handshake: Option<Handshake>,
}

/// The question to the receiver, and its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handshake {
    /// The DNS name that stands for the sender.
    pub origin: String,
    /// Requests a minute to ask for; none asks for no number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<u32>,
    /// What the receiver answered last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub granted: Option<Grant>,
}

/// A receiver's permission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Requests a minute; none means as many as come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<u32>,
    /// When it was given.
    pub at: Time,
}

/// Why a receiver did not give its permission.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeRefusal {
    /// It could not be asked, or its answer is not a success.
    #[error("the receiver did not answer the OPTIONS request with success ({0})")]
    NoAnswer(String),
    /// Another origin, or none, is allowed.
    #[error("the receiver does not allow this origin: WebHook-Allowed-Origin is missing or names another")]
    Origin,
    /// The rate is not a number above zero.
    #[error("the receiver's WebHook-Allowed-Rate is neither a number above zero nor *")]
    Rate,
}

impl CloudeventsOptions {
    /// The rate that the receiver allowed.
    pub fn allowed_rate(&self) -> Option<Rate> {
        let count = self.handshake.as_ref()?.granted.as_ref()?.rate?;
        Some(Rate { count, period: MINUTE })
    }
}

impl Handshake {
    /// Reads the headers of a successful answer.
    ///
    /// # Errors
    /// When they do not allow this origin.
    pub fn read(
        &self,
        allowed_origin: Option<&str>,
        allowed_rate: Option<&str>,
        at: Time,
    ) -> Result<Grant, HandshakeRefusal> {
        let allowed = allowed_origin.map(str::trim).ok_or(HandshakeRefusal::Origin)?;
        if allowed != "*" && !allowed.eq_ignore_ascii_case(&self.origin) {
            return Err(HandshakeRefusal::Origin);
        }
        let rate = match allowed_rate.map(str::trim) {
            None | Some("*") => None,
            Some(count) => {
                let count: u32 = count.parse().map_err(|_| HandshakeRefusal::Rate)?;
                Some(count).filter(|count| *count > 0).ok_or(HandshakeRefusal::Rate).map(Some)?
            }
        };
        Ok(Grant { rate, at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(origin: Option<&str>, rate: Option<&str>) -> Result<Option<u32>, HandshakeRefusal> {
        let handshake = Handshake { origin: "events.example.com".into(), rate: Some(120), granted: None };
        handshake.read(origin, rate, Time::ZERO).map(|grant| grant.rate)
    }

    #[test]
    fn permission_names_the_origin_and_may_limit_the_rate() {
        assert_eq!(read(Some("*"), None), Ok(None));
        assert_eq!(read(Some("Events.Example.com"), Some("100")), Ok(Some(100)));
        assert_eq!(read(Some("events.example.com"), Some(" * ")), Ok(None));
        for origin in [None, Some(""), Some("other.example.com"), Some("events.example.com.evil")] {
            assert_eq!(read(origin, None), Err(HandshakeRefusal::Origin), "{origin:?}");
        }
        for rate in ["0", "-1", "many", "", "1.5"] {
            assert_eq!(read(Some("*"), Some(rate)), Err(HandshakeRefusal::Rate), "{rate}");
        }
    }

    #[test]
    fn what_was_granted_limits_the_webhook() {
        let granted = Some(Grant { rate: Some(7), at: Time::ZERO });
        let handshake = Some(Handshake { origin: "a".into(), rate: None, granted });
        let options = CloudeventsOptions { source: None, handshake };
        assert_eq!(options.allowed_rate(), Some(Rate { count: 7, period: MINUTE }));
        assert_eq!(CloudeventsOptions::default().allowed_rate(), None);
    }
}
