//! Standard Webhooks and Svix, over the [`standard`](crate::standard) module.

use super::super::given::decode;
use super::super::hint::{self, Hint};
use super::super::key::{Key, KeyRefused, Material};
use super::super::record::{Algorithm, KeyForm, SignatureEncoding};
use super::super::refusal::Refusal;
use super::super::request::Request;
use super::super::scheme::Scheme;
use super::super::template::Piece;
use super::super::verify::Verified;
use crate::error::{KeyError, VerifyError};
use crate::standard::{Headers, Verifier, VerifierKey};
use crate::tolerance::Tolerance;

pub(super) fn key(text: &str) -> Result<Key, KeyRefused> {
    let key = VerifierKey::parse(text).map_err(|error| match error {
        KeyError::Empty | KeyError::NoKeys => KeyRefused::Empty,
        KeyError::InvalidBase64 => KeyRefused::Form { expected: "base64 after its prefix" },
        KeyError::AsymmetricKey | KeyError::WrongPrefix { .. } => {
            KeyRefused::Unusable("a whsk_ key signs; whsec_ secrets and whpk_ keys verify")
        }
        KeyError::WrongLength { .. } | KeyError::InvalidKey => KeyRefused::Unusable("no ed25519 public key"),
    })?;
    Key::with(Material::Standard(key), text)
}

pub(super) fn verify(
    scheme: &Scheme,
    keys: &[Key],
    request: &Request<'_>,
    now_unix_ms: u64,
) -> Result<Verified, Refusal> {
    // Refuses repeated headers and broken text before the lookup, which can only find or not find.
    for name in [
        "webhook-id",
        "webhook-timestamp",
        "webhook-signature",
        "svix-id",
        "svix-timestamp",
        "svix-signature",
    ] {
        request.header(name)?;
    }
    let present = |name: &str| request.header(name).ok().flatten().filter(|value| !value.is_empty());
    let headers = Headers::from_lookup(present).map_err(|error| refusal(error, "", scheme, now_unix_ms))?;
    let verifier = |key: &Key| match &key.material {
        Material::Standard(key) => Verifier::new([key.clone()]).ok(),
        _ => None,
    };
    let tolerance = Tolerance::Seconds(scheme.tolerance_seconds);
    let mut first = Err(Refusal::NO_KEY_MATCHES);
    // No early exit, so that the time does not tell which key matched.
    for (index, key) in keys.iter().enumerate() {
        let Some(verifier) = verifier(key) else { continue };
        let result = verifier.with_tolerance(tolerance).verify(&headers, request.body, now_unix_ms / 1000);
        let result =
            result.map(|()| index).map_err(|error| refusal(error, headers.timestamp, scheme, now_unix_ms));
        first = first.or(result);
    }
    if first == Err(Refusal::NO_KEY_MATCHES) {
        first = Err(Refusal::NoKeyMatches { hint: hint(keys, request, &headers) });
    }
    let timestamp = headers.timestamp.parse::<u64>().ok().and_then(|seconds| seconds.checked_mul(1000));
    let mut verified = scheme.facts(request, None, timestamp, first?, now_unix_ms)?;
    verified.event_id = Some(headers.id.to_owned());
    verified.dedupe_id = verified.dedupe_id.or_else(|| verified.event_id.clone());
    Ok(verified)
}

/// Tries the usual mistakes with the `v1` signatures.
fn hint(keys: &[Key], request: &Request<'_>, headers: &Headers<'_>) -> Option<Hint> {
    let listed = headers.signature.split(' ').filter_map(|entry| entry.strip_prefix("v1,"));
    let signatures: Vec<Vec<u8>> = listed
        .filter_map(|text| decode(SignatureEncoding::Base64, text))
        .filter(|bytes| bytes.len() == 32)
        .collect();
    let full_stop = || (Piece::Text(".".into()), &b"."[..]);
    let pieces = [
        (Piece::Id, headers.id.as_bytes()),
        full_stop(),
        (Piece::Timestamp, headers.timestamp.as_bytes()),
        full_stop(),
        (Piece::Body, request.body),
    ];
    let is_secret = |key: &&Key| matches!(key.material, Material::Standard(VerifierKey::Secret(_)));
    let keys: Vec<Key> = keys.iter().filter(is_secret).cloned().collect();
    hint::find_special(Algorithm::HmacSha256, KeyForm::Whsec, &keys, request, &pieces, &signatures)
}

fn refusal(error: VerifyError, timestamp: &str, scheme: &Scheme, now_unix_ms: u64) -> Refusal {
    let tolerance_seconds = scheme.tolerance_seconds;
    let (at, now) = (timestamp.parse().unwrap_or(0_u64), now_unix_ms / 1000);
    match error {
        VerifyError::MissingHeader(name) => Refusal::MissingHeader(name.into()),
        VerifyError::InvalidId => Refusal::InvalidId,
        VerifyError::InvalidTimestamp => Refusal::TimestampMalformed {
            place: "the header webhook-timestamp".into(),
            expected: "a number of Unix seconds",
        },
        VerifyError::TooOld => Refusal::TooOld { age_seconds: now.saturating_sub(at), tolerance_seconds },
        VerifyError::TooNew => Refusal::TooNew { ahead_seconds: at.saturating_sub(now), tolerance_seconds },
        VerifyError::MalformedSignature => {
            Refusal::malformed("webhook-signature", "v1, and 32 bytes in base64, or v1a, and 64")
        }
        VerifyError::TooManySignatures => Refusal::TooManySignatures,
        // No preset of a provider covers headers.
        VerifyError::CoveredHeaderMissing | VerifyError::NoMatchingSignature => Refusal::NO_KEY_MATCHES,
    }
}
