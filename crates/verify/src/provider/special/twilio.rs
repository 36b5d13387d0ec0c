//! Twilio's requests: HMAC-SHA1 in base64 over the URL and what was sent.
//!
//! A form adds its parameters, sorted by name, each value once and sorted, as `namevalue`. Any other body is vouched for by its SHA-256 in the
//! URL's parameter `bodySHA256`. Twilio signs some URLs with the port and some without, so both are tried, as its libraries do.
//! Source: <https://www.twilio.com/docs/usage/webhooks/webhooks-security>

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::super::given::decode_hex;
use super::super::key::{Key, KeyRefused};
use super::super::record::{Algorithm, KeyForm};
use super::super::refusal::Refusal;
use super::super::request::Request;
use super::super::scheme::Scheme;
use super::super::verify::{Verified, matching};

const HEADER: &str = "x-twilio-signature";
const HASH_PARAMETER: &str = "bodySHA256";
/// More parameters than any of Twilio's requests has; sorting is work that a stranger chose.
const PARAMETERS_MAX: usize = 1_000;

pub(super) fn key(text: &str) -> Result<Key, KeyRefused> {
    Key::parse(Algorithm::HmacSha1, KeyForm::Utf8, text)
}

pub(super) fn verify(
    scheme: &Scheme,
    keys: &[Key],
    request: &Request<'_>,
    now_unix_ms: u64,
) -> Result<Verified, Refusal> {
    let text = request.needed_header(HEADER)?;
    let given = STANDARD.decode(text).map_err(|_| Refusal::WrongEncoding { expected: "base64" })?;
    if given.len() != 20 {
        return Err(Refusal::WrongLength { expected_bytes: 20, actual_bytes: given.len() });
    }
    let is_form = request.header("content-type")?.is_some_and(is_form);
    let parameters = if is_form { parameters(request.body)? } else { String::new() };
    if !is_form && !request.body.is_empty() {
        check_hash(request)?;
    }
    let signatures = [given];
    let mut first = None;
    for url in spellings(request.url) {
        first = first.or(matching(keys, &[url.as_bytes(), parameters.as_bytes()], &signatures));
    }
    scheme.facts(request, None, None, first.ok_or(Refusal::NO_KEY_MATCHES)?, now_unix_ms)
}

fn is_form(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// The form's parameters as they are signed.
fn parameters(body: &[u8]) -> Result<String, Refusal> {
    let mut sorted: BTreeMap<Cow<'_, str>, BTreeSet<Cow<'_, str>>> = BTreeMap::new();
    for (index, (name, value)) in url::form_urlencoded::parse(body).enumerate() {
        if index == PARAMETERS_MAX {
            return Err(Refusal::malformed("content-type", "a form with at most 1 000 parameters"));
        }
        sorted.entry(name).or_default().insert(value);
    }
    let mut content = String::with_capacity(body.len());
    for (name, values) in &sorted {
        for value in values {
            content.push_str(name);
            content.push_str(value);
        }
    }
    Ok(content)
}

/// Without this the body of a request that is no form would not be signed at all.
fn check_hash(request: &Request<'_>) -> Result<(), Refusal> {
    let hash =
        request.query(HASH_PARAMETER).ok_or_else(|| Refusal::MissingParameter(HASH_PARAMETER.into()))?;
    let hash = decode_hex(&hash).ok_or(Refusal::WrongEncoding { expected: "hex" })?;
    let is_same: bool = Sha256::digest(request.body).as_slice().ct_eq(&hash).into();
    if is_same { Ok(()) } else { Err(Refusal::BodyHashDiffers(HASH_PARAMETER.into())) }
}

/// The URL as given, and with its port left out or written out.
fn spellings(url: &str) -> Vec<Cow<'_, str>> {
    let mut all = vec![Cow::Borrowed(url)];
    let Some((scheme, rest)) = url.split_once("://") else { return all };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let start = authority.rfind('@').map_or(0, |at| at + 1);
    // A colon inside of brackets belongs to an IPv6 address.
    let colon =
        authority[start..].rfind(':').map(|at| start + at).filter(|at| !authority[*at..].contains(']'));
    all.push(Cow::Owned(match colon {
        Some(at) => format!("{scheme}://{}{path}", &authority[..at]),
        None => format!("{scheme}://{authority}:{}{path}", if scheme == "http" { 80 } else { 443 }),
    }));
    all
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{parameters, spellings};

    #[test]
    fn ports() {
        let other = |url| spellings(url)[1].to_string();
        assert_eq!(other("https://a.example/x?y#z"), "https://a.example:443/x?y#z");
        assert_eq!(other("http://a.example"), "http://a.example:80");
        assert_eq!(other("https://u:p@a.example:8443/x"), "https://u:p@a.example/x");
        assert_eq!(other("https://[::1]/x"), "https://[::1]:443/x");
        assert_eq!(other("https://[::1]:9/x"), "https://[::1]/x");
        assert_eq!(spellings("a.example").len(), 1);
    }

    #[test]
    fn values_are_sorted_and_counted_once() {
        assert_eq!(parameters(b"b=2&a=z&a=y&a=z&c=").unwrap(), "ayazb2c");
        assert_eq!(parameters(b"Body=a%20b+c%C3%BC").unwrap(), "Bodya b cü");
        assert!(parameters("a=1&".repeat(1_001).as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn any_input_is_decided(url in ".{0,80}", body: Vec<u8>) {
            let _decided = (spellings(&url), parameters(&body));
        }
    }
}
