//! Certificates that a request names by URL. Nothing is fetched here: the caller is told what to fetch.

use rsa::pkcs8::DecodePublicKey;
use url::Url;
use x509_cert::Certificate;
use x509_cert::der::{DecodePem, Encode};

use super::key::usable_rsa;
use super::refusal::Refusal;
use super::request::Request;
use super::scheme::{Method, Scheme};

/// Longest PEM that is read.
const PEM_MAX_BYTES: usize = 65_536;
/// Longest URL that is accepted.
const URL_MAX_BYTES: usize = 512;

/// An address that belongs to the provider: https, its own host, no port, no credentials. Still to be fetched through a client
/// that refuses inner addresses and redirects.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CertificateUrl(Box<str>);

impl CertificateUrl {
    /// The URL, in canonical form, so that it is a good key for a cache.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Accepts the URL if its host is the provider's.
    pub(super) fn checked(text: &str, is_host: impl Fn(&str) -> bool) -> Result<Self, &'static str> {
        if text.len() > URL_MAX_BYTES {
            return Err("it is longer than 512 bytes");
        }
        let url = Url::parse(text).map_err(|_| "it is no URL")?;
        if url.scheme() != "https" {
            return Err("it is not https");
        }
        if !url.username().is_empty() || url.password().is_some() || url.port().is_some() {
            return Err("it has credentials or a port");
        }
        if !matches!(url.host(), Some(url::Host::Domain(host)) if is_host(host)) {
            return Err("its host is not the provider's");
        }
        Ok(Self(url.as_str().into()))
    }
}

/// Which certificate must be fetched before [`verify`](super::verify()) can decide, if any. Cache it by its URL.
///
/// # Errors
/// When the request names none, or one at a host that is not the provider's; such a request is refused.
///
/// ```
/// use stentor_verify::provider::{Request, needs_certificate, preset};
///
/// let scheme = &preset("paypal").expect("a preset").scheme;
/// let at = |url: &'static str| {
///     let headers: [(&str, &[u8]); 1] = [("PayPal-Cert-Url", url.as_bytes())];
///     let request = Request { method: "POST", url: "https://example.com/", headers: &headers, body: b"{}", certificate: None };
///     needs_certificate(scheme, &request).map(|url| url.expect("PayPal needs one").as_str().to_owned())
/// };
/// assert!(at("https://api.paypal.com/v1/notifications/certs/CERT-1").is_ok());
/// assert_eq!(at("https://paypal.com.example/cert").unwrap_err().code(), "certificate_url_refused");
/// ```
pub fn needs_certificate(scheme: &Scheme, request: &Request<'_>) -> Result<Option<CertificateUrl>, Refusal> {
    match &scheme.method {
        Method::Special(special) => special.certificate_url(request),
        Method::Declared(_) => Ok(None),
    }
}

/// The RSA key of the certificate, if that is valid now. Who issued it is vouched for by the connection that it was fetched over:
/// TLS to the provider's own host.
pub(super) fn public_key(request: &Request<'_>, now_unix_ms: u64) -> Result<rsa::PublicKey, Refusal> {
    let pem = request.certificate.ok_or(Refusal::CertificateMissing)?;
    read(pem, now_unix_ms / 1000).map_err(Refusal::CertificateRefused)
}

/// A signature of RSA is as long as the modulus.
pub(super) fn check_length(key: &rsa::PublicKey, given: &[u8]) -> Result<(), Refusal> {
    use rsa::traits::PublicKeyParts;

    if given.len() == key.size() {
        return Ok(());
    }
    Err(Refusal::WrongLength { expected_bytes: key.size(), actual_bytes: given.len() })
}

fn read(pem: &[u8], now_unix_seconds: u64) -> Result<rsa::PublicKey, &'static str> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";
    if pem.len() > PEM_MAX_BYTES {
        return Err("it is longer than 65 536 bytes");
    }
    let text = std::str::from_utf8(pem).map_err(|_| "it is not PEM")?;
    // The first of a chain is the one that signs.
    let start = text.find(BEGIN).ok_or("it is not PEM")?;
    let length = text[start..].find(END).ok_or("it is not PEM")? + END.len();
    let certificate =
        Certificate::from_pem(&text[start..start + length]).map_err(|_| "it is no X.509 certificate")?;
    let inner = certificate.tbs_certificate();
    let validity = inner.validity();
    if now_unix_seconds < validity.not_before.to_unix_duration().as_secs() {
        return Err("it is not valid yet");
    }
    if now_unix_seconds > validity.not_after.to_unix_duration().as_secs() {
        return Err("it has expired");
    }
    let spki = inner.subject_public_key_info().to_der().map_err(|_| "its key cannot be read")?;
    let key = rsa::PublicKey::from_public_key_der(&spki).map_err(|_| "its key is no RSA key")?;
    usable_rsa(key).map_err(|_| "its RSA key has not 2 048 to 8 192 bits")
}

#[cfg(test)]
mod tests;
