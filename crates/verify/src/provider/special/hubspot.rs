//! HubSpot: version 3 signs method, URL, body and timestamp; versions 1 and 2 are SHA-256 over the secret and the content, without HMAC and without a
//! time.
//!
//! Source: <https://developers.hubspot.com/docs/apps/developer-platform/build-apps/authentication/request-validation>

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::super::given::decode_hex;
use super::super::hint;
use super::super::key::{Key, KeyRefused, Material};
use super::super::moment;
use super::super::record::{Algorithm, KeyForm, TimeUnit};
use super::super::refusal::Refusal;
use super::super::request::Request;
use super::super::scheme::Scheme;
use super::super::template::Piece;
use super::super::verify::{Verified, matching};

const SIGNATURE: &str = "x-hubspot-signature-v3";
const TIMESTAMP: &str = "x-hubspot-request-timestamp";
const LEGACY_SIGNATURE: &str = "x-hubspot-signature";
const LEGACY_VERSION: &str = "x-hubspot-signature-version";

/// What HubSpot decodes in the URL before it signs.
const DECODED: [(&str, &str); 12] = [
    ("%3A", ":"),
    ("%2F", "/"),
    ("%3F", "?"),
    ("%40", "@"),
    ("%21", "!"),
    ("%24", "$"),
    ("%27", "'"),
    ("%28", "("),
    ("%29", ")"),
    ("%2A", "*"),
    ("%2C", ","),
    ("%3B", ";"),
];

pub(super) fn key(text: &str) -> Result<Key, KeyRefused> {
    Key::parse(Algorithm::HmacSha256, KeyForm::Utf8, text)
}

pub(super) fn legacy_key(text: &str) -> Result<Key, KeyRefused> {
    Key::with(Material::Text, text)
}

pub(super) fn verify(
    scheme: &Scheme,
    keys: &[Key],
    request: &Request<'_>,
    now_unix_ms: u64,
) -> Result<Verified, Refusal> {
    let text = request.needed_header(SIGNATURE)?;
    let timestamp = request.header(TIMESTAMP)?.filter(|text| !text.is_empty());
    let place = format!("the header {TIMESTAMP}");
    let timestamp = timestamp.ok_or_else(|| Refusal::TimestampMissing(place.as_str().into()))?;
    let at = moment::check(timestamp, TimeUnit::Ms, &place, scheme.tolerance_seconds, now_unix_ms)?;
    let given = STANDARD.decode(text).map_err(|_| Refusal::WrongEncoding { expected: "base64" })?;
    if given.len() != 32 {
        return Err(Refusal::WrongLength { expected_bytes: 32, actual_bytes: given.len() });
    }
    let signatures = [given];
    let mut first = None;
    // Its libraries sign the URL as it stands, its documentation the decoded one.
    for url in [request.url, &decoded(request.url)] {
        let parts = [request.method.as_bytes(), url.as_bytes(), request.body, timestamp.as_bytes()];
        first = first.or(matching(keys, &parts, &signatures));
    }
    let key_index = first.ok_or_else(|| {
        let pieces = [
            (Piece::Method, request.method.as_bytes()),
            (Piece::Url, request.url.as_bytes()),
            (Piece::Body, request.body),
            (Piece::Timestamp, timestamp.as_bytes()),
        ];
        let algorithm = Algorithm::HmacSha256;
        let hint = hint::find_special(algorithm, KeyForm::Utf8, keys, request, &pieces, &signatures);
        Refusal::NoKeyMatches { hint }
    })?;
    scheme.facts(request, None, Some(at), key_index, now_unix_ms)
}

pub(super) fn verify_legacy(
    scheme: &Scheme,
    keys: &[Key],
    request: &Request<'_>,
    now_unix_ms: u64,
) -> Result<Verified, Refusal> {
    let text = request.needed_header(LEGACY_SIGNATURE)?;
    let given = decode_hex(text).ok_or(Refusal::WrongEncoding { expected: "hex" })?;
    if given.len() != 32 {
        return Err(Refusal::WrongLength { expected_bytes: 32, actual_bytes: given.len() });
    }
    let before: [&[u8]; 2] = match request.needed_header(LEGACY_VERSION)? {
        "v1" => [b"", b""],
        "v2" => [request.method.as_bytes(), request.url.as_bytes()],
        _ => return Err(Refusal::UnknownVersion("v1 and v2".into())),
    };
    let fits = |key: &Key| -> bool {
        let hash = Sha256::new().chain_update(key.text.as_bytes()).chain_update(before[0]);
        let hash = hash.chain_update(before[1]).chain_update(request.body).finalize();
        hash.as_slice().ct_eq(&given).into()
    };
    // No early exit: the time taken must not tell which secret matched.
    let first =
        keys.iter().map(fits).enumerate().fold(None, |first, (index, fits)| first.or(fits.then_some(index)));
    scheme.facts(request, None, None, first.ok_or(Refusal::NO_KEY_MATCHES)?, now_unix_ms)
}

/// The URL with some of its escapes resolved.
fn decoded(url: &str) -> String {
    DECODED.iter().fold(url.to_owned(), |url, (escape, plain)| {
        url.replace(escape, plain).replace(&escape.to_ascii_lowercase(), plain)
    })
}

#[cfg(test)]
mod tests {
    use super::decoded;

    #[test]
    fn only_some_escapes_are_resolved() {
        assert_eq!(decoded("https://a.example/x%2Fy%3fz?q=%20%26%24"), "https://a.example/x/y?z?q=%20%26$");
    }
}
