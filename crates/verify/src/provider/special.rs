//! Schemes that the declarative record cannot express, each in its own file.

use serde::{Deserialize, Serialize};

use super::certificate::CertificateUrl;
use super::key::{Key, KeyRefused};
use super::refusal::Refusal;
use super::request::Request;
use super::scheme::Scheme;
use super::verify::Verified;

mod adyen;
mod hubspot;
mod paypal;
mod sns;
mod standard;
mod twilio;

pub(super) use self::sns::confirmation as sns_confirmation;

/// The named schemes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Special {
    /// Standard Webhooks 1.0.0 with `webhook-` or `svix-` headers; `whsec_` secrets and `whpk_` keys.
    Standard,
    /// Twilio: the URL and the sorted form parameters, or the hash of the body in the URL.
    Twilio,
    /// Adyen's standard (payments) notifications: an HMAC in the body, of each item.
    Adyen,
    /// PayPal: a certificate, and the CRC-32 of the body. The key is the webhook's id.
    Paypal,
    /// Amazon SNS: a certificate, and the fields of the body. The key is the ARN of the topic.
    Sns,
    /// HubSpot version 3: method, URL, body and timestamp, with parts of the URL decoded.
    Hubspot,
    /// HubSpot versions 1 and 2, a plain hash without a time. Apart from version 3, or leaving its header out would take its protection off.
    HubspotLegacy,
}

impl Special {
    pub(super) const fn signs_url(self) -> bool {
        matches!(self, Self::Twilio | Self::Hubspot | Self::HubspotLegacy)
    }

    pub(super) const fn has_time(self) -> bool {
        !matches!(self, Self::Twilio | Self::Adyen | Self::HubspotLegacy)
    }

    pub(super) fn key(self, text: &str) -> Result<Key, KeyRefused> {
        match self {
            Self::Standard => standard::key(text),
            Self::Twilio => twilio::key(text),
            Self::Adyen => adyen::key(text),
            Self::Paypal => paypal::key(text),
            Self::Sns => sns::key(text),
            Self::Hubspot => hubspot::key(text),
            Self::HubspotLegacy => hubspot::legacy_key(text),
        }
    }

    pub(super) fn verify(
        self,
        scheme: &Scheme,
        keys: &[Key],
        request: &Request<'_>,
        now_unix_ms: u64,
    ) -> Result<Verified, Refusal> {
        match self {
            Self::Standard => standard::verify(scheme, keys, request, now_unix_ms),
            Self::Twilio => twilio::verify(scheme, keys, request, now_unix_ms),
            Self::Adyen => adyen::verify(scheme, keys, request, now_unix_ms),
            Self::Paypal => paypal::verify(scheme, keys, request, now_unix_ms),
            Self::Sns => sns::verify(scheme, keys, request, now_unix_ms),
            Self::Hubspot => hubspot::verify(scheme, keys, request, now_unix_ms),
            Self::HubspotLegacy => hubspot::verify_legacy(scheme, keys, request, now_unix_ms),
        }
    }

    pub(super) fn certificate_url(self, request: &Request<'_>) -> Result<Option<CertificateUrl>, Refusal> {
        match self {
            Self::Paypal => paypal::certificate_url(request).map(Some),
            Self::Sns => sns::certificate_url(request).map(Some),
            _ => Ok(None),
        }
    }
}
