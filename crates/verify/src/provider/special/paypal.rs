//! PayPal's webhooks: RSA with SHA-256 over `id|time|webhook id|CRC-32 of the body`, with the key of a certificate that the request names.
//!
//! Source: <https://developer.paypal.com/api/rest/webhooks/rest/#link-verifyandvalidatethesignature>

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::super::certificate::{self, CertificateUrl};
use super::super::key::{Key, KeyRefused, Material};
use super::super::moment;
use super::super::record::TimeUnit;
use super::super::refusal::Refusal;
use super::super::request::Request;
use super::super::scheme::Scheme;
use super::super::template::crc32;
use super::super::verify::{Verified, rsa_accepts_sha256};

const ID: &str = "paypal-transmission-id";
const TIME: &str = "paypal-transmission-time";
const SIGNATURE: &str = "paypal-transmission-sig";
const CERTIFICATE: &str = "paypal-cert-url";
const ALGORITHM: &str = "paypal-auth-algo";

/// Where PayPal keeps its certificates, live and in the sandbox.
const HOSTS: [&str; 4] =
    ["api.paypal.com", "api-m.paypal.com", "api.sandbox.paypal.com", "api-m.sandbox.paypal.com"];

/// The webhook's id. It is no secret, but without it any of PayPal's webhooks, a stranger's too, would be accepted.
pub(super) fn key(text: &str) -> Result<Key, KeyRefused> {
    Key::with(Material::Text, text)
}

pub(super) fn certificate_url(request: &Request<'_>) -> Result<CertificateUrl, Refusal> {
    let text = request.needed_header(CERTIFICATE)?;
    let url = CertificateUrl::checked(text, |host| HOSTS.contains(&host));
    url.map_err(Refusal::CertificateUrlRefused)
}

pub(super) fn verify(
    scheme: &Scheme,
    keys: &[Key],
    request: &Request<'_>,
    now_unix_ms: u64,
) -> Result<Verified, Refusal> {
    let (id, time) = (request.needed_header(ID)?, request.needed_header(TIME)?);
    let signature = request.needed_header(SIGNATURE)?;
    let algorithm = request.needed_header(ALGORITHM)?;
    certificate_url(request)?;
    if !algorithm.eq_ignore_ascii_case("SHA256withRSA") {
        // Bounded, because a stranger wrote it.
        return Err(Refusal::UnsupportedAlgorithm(algorithm.chars().take(32).collect::<String>().into()));
    }
    let place = format!("the header {TIME}");
    let at = moment::check(time, TimeUnit::Iso, &place, scheme.tolerance_seconds, now_unix_ms)?;
    let given = STANDARD.decode(signature).map_err(|_| Refusal::WrongEncoding { expected: "base64" })?;
    let public_key = certificate::public_key(request, now_unix_ms)?;
    certificate::check_length(&public_key, &given)?;
    let crc = crc32(request.body);
    let fits = |key: &Key| {
        let content = format!("{id}|{time}|{}|{crc}", *key.text);
        rsa_accepts_sha256(&public_key, content.as_bytes(), &given)
    };
    let key_index = keys.iter().position(fits).ok_or(Refusal::NO_KEY_MATCHES)?;
    scheme.facts(request, None, Some(at), key_index, now_unix_ms)
}
