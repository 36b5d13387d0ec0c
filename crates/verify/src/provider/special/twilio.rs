//! Twilio's requests: HMAC-SHA1 in base64 over the URL and what was sent; with a shared key instead of the account's token, HMAC-SHA256.
//!
//! A form adds its parameters, sorted by name, each value once and sorted, as `namevalue`. Any other body is vouched for by its SHA-256 in the
//! URL's parameter `bodySHA256`. Twilio signs some URLs with the port and some without, so both are tried, as its libraries do.
//! Source: <https://www.twilio.com/docs/usage/webhooks/webhooks-security>

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use super::super::given::decode_hex;
use super::super::hint;
use super::super::key::{Key, KeyRefused, MacKey, Material};
use super::super::record::{Algorithm, KeyForm};
use super::super::refusal::Refusal;
use super::super::request::Request;
use super::super::scheme::Scheme;
use super::super::template::Piece;
use super::super::verify::Verified;

const HEADER: &str = "x-twilio-signature";
/// `key=…,algorithm=HMAC_SHA256`; absent with the account's token.
const SETTINGS: &str = "x-twilio-webhooks-signature-settings";
const HASH_PARAMETER: &str = "bodySHA256";
/// More parameters than any of Twilio's requests has; sorting is work that a stranger chose.
const PARAMETERS_MAX: usize = 1_000;

pub(super) fn key(text: &str) -> Result<Key, KeyRefused> {
    Key::with(Material::Text, text)
}

pub(super) fn verify(
    scheme: &Scheme,
    keys: &[Key],
    request: &Request<'_>,
    now_unix_ms: u64,
) -> Result<Verified, Refusal> {
    let text = request.needed_header(HEADER)?;
    let given = STANDARD.decode(text).map_err(|_| Refusal::WrongEncoding { expected: "base64" })?;
    let algorithm = algorithm(request)?;
    let expected_bytes = algorithm.signature_bytes().unwrap_or_default();
    if given.len() != expected_bytes {
        return Err(Refusal::WrongLength { expected_bytes, actual_bytes: given.len() });
    }
    let is_form = request.header("content-type")?.is_some_and(is_form);
    let parameters = if is_form { parameters(request.body)? } else { String::new() };
    if !is_form && !request.body.is_empty() {
        check_hash(request)?;
    }
    let urls = spellings(request.url);
    let fits = |key: &Key| {
        let key = MacKey::new(algorithm, key.text.as_bytes());
        let digests = urls.iter().map(|url| key.digest(&[url.as_bytes(), parameters.as_bytes()]));
        bool::from(digests.fold(Choice::from(0), |any, digest| any | digest.ct_eq(&given)))
    };
    // No early exit: the time taken must not tell which secret matched.
    let each = keys.iter().map(fits).enumerate();
    let first = each.fold(None, |first, (index, fits)| first.or(fits.then_some(index)));
    let key_index = first.ok_or_else(|| {
        // A form is signed by its parameters, so there is no body to be tried in other layouts.
        let sent = (Piece::Text(parameters.as_str().into()), parameters.as_bytes());
        let pieces = [(Piece::Url, request.url.as_bytes()), sent];
        let hint = hint::find_special(
            algorithm,
            KeyForm::Utf8,
            keys,
            request,
            &pieces,
            std::slice::from_ref(&given),
        );
        Refusal::NoKeyMatches { hint }
    })?;
    scheme.facts(request, None, None, key_index, now_unix_ms)
}

fn algorithm(request: &Request<'_>) -> Result<Algorithm, Refusal> {
    let settings = request.header(SETTINGS)?.unwrap_or_default().split(',');
    let named = settings.filter_map(|part| part.split_once('=')).find(|(name, _)| name.trim() == "algorithm");
    match named.map(|(_, value)| value.trim()) {
        None | Some("" | "HMAC_SHA1") => Ok(Algorithm::HmacSha1),
        Some("HMAC_SHA256") => Ok(Algorithm::HmacSha256),
        Some(other) => Err(Refusal::UnsupportedAlgorithm(other.chars().take(32).collect::<String>().into())),
    }
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
