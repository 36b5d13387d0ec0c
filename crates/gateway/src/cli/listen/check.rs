//! Verifying what was received, by the headers that it carries.

use http::HeaderMap;
use stentor_core::time::Time;
use stentor_verify::standard::{self, Headers, Verifier, VerifierKey};
use stentor_verify::{KeyError, Secret, Tolerance, VerifyError, plain};

/// Hex signature of seed 003, over the body or `timestamp.body`.
const BROXI_SIGNATURE: &str = "x-broxi-signature";
const BROXI_TIMESTAMP: &str = "x-broxi-timestamp";
/// Hex signature of seed 004, over the body.
const RESOURCE_SIGNATURE: &str = "x-webhook-signature";

/// The secrets that requests may be signed with.
pub(super) struct Check {
    /// None without secrets.
    standard: Option<Verifier>,
    /// The same texts as the raw keys of hex signatures.
    raw: Vec<Secret>,
}

/// What the check of one request gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// A signature of this scheme is good.
    Verified(&'static str),
    /// It is not.
    Refused(&'static str, VerifyError),
    /// There is no signature.
    Unsigned,
    /// There is a signature and no secret to check it with.
    NoSecret(&'static str),
}

impl Check {
    /// Reads the secrets, each in the form that the webhook was created with.
    pub(super) fn new(secrets: &[String]) -> Result<Self, KeyError> {
        let keys: Vec<VerifierKey> =
            secrets.iter().map(|text| VerifierKey::parse(text)).collect::<Result<_, _>>()?;
        let raw = secrets.iter().map(|text| Secret::raw(text)).collect::<Result<_, _>>()?;
        let standard = if keys.is_empty() { None } else { Some(Verifier::new(keys)?) };
        Ok(Self { standard, raw })
    }

    /// Checks one request.
    pub(super) fn verify(&self, headers: &HeaderMap, body: &[u8], now: Time) -> Verdict {
        let now_unix_seconds = u64::try_from(now.unix_seconds()).unwrap_or(0);
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let names = [standard::SIGNATURE_HEADER, standard::SVIX_SIGNATURE_HEADER];
        let scheme = match () {
            () if names.iter().any(|name| headers.contains_key(*name)) => "standard",
            () if headers.contains_key(BROXI_SIGNATURE) => "broxi",
            () if headers.contains_key(RESOURCE_SIGNATURE) => "resource",
            () => return Verdict::Unsigned,
        };
        let Some(verifier) = &self.standard else { return Verdict::NoSecret(scheme) };
        let checked = match scheme {
            "standard" => Headers::from_lookup(header)
                .and_then(|triple| verifier.verify(&triple, body, now_unix_seconds)),
            "broxi" => self.broxi(header(BROXI_SIGNATURE), header(BROXI_TIMESTAMP), body, now_unix_seconds),
            _ => plain::HEX.verify_body(&self.raw, header(RESOURCE_SIGNATURE).unwrap_or_default(), body),
        };
        checked.map_or_else(|error| Verdict::Refused(scheme, error), |()| Verdict::Verified(scheme))
    }

    /// Over the body alone, or over `timestamp.body` when that is what was signed.
    fn broxi(
        &self,
        signature: Option<&str>,
        timestamp: Option<&str>,
        body: &[u8],
        now: u64,
    ) -> Result<(), VerifyError> {
        let signature = signature.unwrap_or_default();
        let over_body = plain::HEX.verify_body(&self.raw, signature, body);
        match (over_body, timestamp) {
            (Ok(()), Some(timestamp)) => Tolerance::default().check(timestamp, now).map(|_| ()),
            (Err(VerifyError::NoMatchingSignature), Some(timestamp)) => plain::HEX.verify_timestamp_body(
                &self.raw,
                signature,
                timestamp,
                body,
                Tolerance::default(),
                now,
            ),
            (over_body, _) => over_body,
        }
    }
}

#[cfg(test)]
mod tests {
    use stentor_verify::standard::{Signer, SignerKey};

    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const NOW: u64 = 1_700_000_000;

    fn verdict(secrets: &[&str], headers: &[(&'static str, String)], body: &[u8]) -> Verdict {
        let secrets: Vec<String> = secrets.iter().map(|text| (*text).to_owned()).collect();
        let headers = headers.iter().map(|(name, value)| {
            (http::HeaderName::from_static(name), http::HeaderValue::from_str(value).expect("legal"))
        });
        let now = Time::from_seconds(NOW as i64);
        Check::new(&secrets).expect("valid").verify(&headers.collect(), body, now)
    }

    #[test]
    fn standard_signatures() {
        let signer = Signer::new([SignerKey::parse(SECRET).expect("valid")]).expect("one key");
        let headers = [
            ("webhook-id", "evt_1".to_owned()),
            ("webhook-timestamp", NOW.to_string()),
            ("webhook-signature", signer.sign("evt_1", NOW, b"{}").expect("signed")),
        ];
        assert_eq!(verdict(&[SECRET], &headers, b"{}"), Verdict::Verified("standard"));
        assert_eq!(verdict(&["another secret", SECRET], &headers, b"{}"), Verdict::Verified("standard"));
        let forged = verdict(&[SECRET], &headers, b"[]");
        assert_eq!(forged, Verdict::Refused("standard", VerifyError::NoMatchingSignature));
        let cut = verdict(&[SECRET], &headers[1..], b"{}");
        assert_eq!(cut, Verdict::Refused("standard", VerifyError::MissingHeader("webhook-id")));
        assert_eq!(verdict(&[], &headers, b"{}"), Verdict::NoSecret("standard"));
        assert_eq!(verdict(&[SECRET], &[], b"{}"), Verdict::Unsigned);
    }

    #[test]
    fn hex_signatures_of_the_seeds() {
        let secret = Secret::raw(SECRET).expect("valid");
        let over_body = ("x-broxi-signature", plain::HEX.sign_body(&secret, b"{}"));
        let over_both = ("x-broxi-signature", plain::HEX.sign_timestamp_body(&secret, NOW, b"{}"));
        let stamp = |seconds: u64| ("x-broxi-timestamp", seconds.to_string());
        for signature in [over_body.clone(), over_both] {
            assert_eq!(
                verdict(&[SECRET], &[signature.clone(), stamp(NOW)], b"{}"),
                Verdict::Verified("broxi")
            );
            let stale = verdict(&[SECRET], &[signature.clone(), stamp(NOW - 301)], b"{}");
            assert!(matches!(stale, Verdict::Refused("broxi", _)), "{stale:?}");
            let forged = verdict(&[SECRET], &[signature, stamp(NOW)], b"[]");
            assert_eq!(forged, Verdict::Refused("broxi", VerifyError::NoMatchingSignature));
        }
        let resource = ("x-webhook-signature", over_body.1);
        assert_eq!(verdict(&[SECRET], std::slice::from_ref(&resource), b"{}"), Verdict::Verified("resource"));
        assert!(matches!(verdict(&[SECRET], &[resource], b"[]"), Verdict::Refused("resource", _)));
    }
}
